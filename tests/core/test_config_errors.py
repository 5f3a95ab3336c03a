"""Mistakes in the configuration: each is a ConfigError with file, line and key, and none tells a secret."""

import traceback
from pathlib import Path

import pytest

from core import config
from core.errors import ConfigError
from tests.core.config_texts import CANARIES, FULL, MINIMAL, SECRET, URL, a_config

CABINET = 'id = "03"\n'
DRIVER = 'driver = "simulated"\n'
POINT = 'point = "chiller"\n'
CALIBRATED = POINT + 'calibration = { on = 2026-05-01, by = "li", '
ENDPOINT = f'[[webhooks.endpoints]]\nid = "hq"\nurl = "{URL}"\n'
SPARE = ENDPOINT.replace('"hq"', '"spare"')
RETRY = "[webhooks.retry]\n"
HTTP = 'driver = "http_json"\nurl = "http://gw/"\n'
MODBUS = 'driver = "modbus"\nurl = "tcp://gw:502"\n'
MODBUS_POINT = "|point = { unit = 1, function = 3, address = 0 }\n"
REPLAY = 'driver = "replay"\npath = "day.csv"\n'

# name: (what is replaced in MINIMAL, "" appends; by what; where the mistake then stands; key; a part of the problem)
MISTAKES: dict[str, tuple[str, str, str, str, str]] = {
    "unknown table": ("", "[sensor]\n", "[sensor]", "sensor", "unknown key"),
    "unknown key": (CABINET, CABINET + "hi = 8\n", "hi = 8", "cabinets[0].hi", "unknown key"),
    "unknown key of a source": (DRIVER, DRIVER + "sped = 1\n", "sped", "sources[0].sped", "unknown key"),
    "unknown inline key": (
        *(CABINET, CABINET + "name = 'x'\nlimits = { low = 1, hihg = 8 }\n"),
        *("hihg", "cabinets[0].limits.hihg", "unknown key"),
    ),
    "unknown key of a subtable": (
        *(CABINET, CABINET + "[cabinets.limits]\nlow = 1\nhihg = 8\n"),
        *("hihg", "cabinets[0].limits.hihg", "unknown key"),
    ),
    "unknown key three deep": ("", RETRY + "\nmax_delay = 9\n", "max_delay", "webhooks.retry.max_delay", "unknown key"),
    "unknown dotted key": ("", "[webhooks]\nretry.delay = 9\n", "retry.delay", "webhooks.retry.delay", "unknown key"),
    "unknown quoted key": (CABINET, CABINET + '"a.b" = 8\n', '"a.b"', "cabinets[0].a.b", "unknown key"),
    "wrong type": ('site = "s-1"', "site = 1", "site = 1", "device.site", "Expected `str`"),
    "number in quotes": (CABINET, CABINET + 'alarm_delay_s = "30"\n', "alarm", "cabinets[0].alarm_delay_s", "float"),
    "negative delay": (CABINET, CABINET + "alarm_delay_s = -1\n", "alarm", "cabinets[0].alarm_delay_s", ">= 0"),
    "too large a delay": (CABINET, CABINET + "alarm_delay_s = 1e99\n", "alarm", "cabinets[0].alarm_delay_s", "<="),
    "required key": ('id = "box"\n', "", "[device]", "device.id", "is required"),
    "required key of an element": ('cabinet = "03"\n', "", "[[sensors]]", "sensors[0].cabinet", "is required"),
    "low is high": (CABINET, CABINET + "limits = { low = 8, high = 8 }\n", "limits", "cabinets[0].limits.high", "low"),
    "warning above high": (
        *(CABINET, CABINET + "[cabinets.limits]\nhigh = 8\nwarn_high = 9\n"),
        *("high = 8", "cabinets[0].limits.high", "is not above warn_high (8 <= 9)"),
    ),
    "low above warning": (
        *(CABINET, CABINET + "[cabinets.limits]\nwarn_low = 1\nlow = 2\n"),
        *("warn_low = 1", "cabinets[0].limits.warn_low", "is not above low"),
    ),
    "high below the preset's low": (
        *(CABINET, CABINET + 'preset = "cn_chilled_2018"\n[cabinets.limits]\nhigh = -1\n'),
        *("high = -1", "cabinets[0].limits.high", "is not above low (-1 <= 0)"),
    ),
    "low above the preset's high": (
        *(CABINET, CABINET + 'preset = "cn_chilled_2018"\n[cabinets.limits]\nlow = 9\n'),
        *("low = 9", "cabinets[0].limits.low", "is not below high (9 >= 8)"),
    ),
    "limit nan": (CABINET, CABINET + "limits = { high = nan }\n", "nan", "cabinets[0].limits.high", "finite"),
    "limit inf": (CABINET, CABINET + "limits = { low = -inf }\n", "inf", "cabinets[0].limits.low", "finite"),
    "offset inf": (POINT, POINT + "offset = inf\n", "inf", "sensors[0].offset", "finite"),
    "unknown preset": (CABINET, CABINET + 'preset = "cn"\n', "preset", "cabinets[0].preset", "known are iso_m0"),
    "unknown driver": (DRIVER, 'driver = "simulatd"\n', "simulatd", "sources[0].driver", "simulatd"),
    "missing driver": (DRIVER, "", "[[sources]]", "sources[0].driver", "is required"),
    "twice the same cabinet": ("", '[[cabinets]]\nname = ""\nid = "03"\n', 'id = "03"', "cabinets[1].id", "used twice"),
    "twice the same source": ("", f'[[sources]]\nid = "sim"\n{DRIVER}', 'id = "sim"', "sources[1].id", "used twice"),
    "twice the same endpoint": ("", ENDPOINT * 2, 'id = "hq"', "webhooks.endpoints[1].id", "used twice"),
    "empty id": (CABINET, 'id = ""\n', 'id = ""', "cabinets[0].id", "length >= 1"),
    "sensor of no cabinet": ('cabinet = "03"', 'cabinet = "3"', "cabinet =", "sensors[0].cabinet", "no cabinet '3'"),
    "sensor of no source": ('source = "sim"', 'source = "bus"', "source =", "sensors[0].source", "no source 'bus'"),
    "simulated point": (POINT, 'point = "oven"\n', "point", "sensors[0].point", "oven"),
    "simulated point's key": (
        *(POINT, 'point = { model = "freezer", fails = 1 }\n'),
        *("point", "sensors[0].point.fails", "unknown key"),
    ),
    "http_json without url": (DRIVER, 'driver = "http_json"\n', "[[sources]]", "sources[0].url", "is required"),
    "http_json point": (DRIVER + "|" + POINT, HTTP + "|point = 1\n", "point", "sensors[0].point", "Expected"),
    "http_json point's key": (
        *(DRIVER + "|" + POINT, HTTP + "|point = { path = 't', ts = 'ts' }\n"),
        *("point", "sensors[0].point.ts", "unknown key"),
    ),
    "modbus point": (DRIVER + "|" + POINT, MODBUS + '|point = "air"\n', "point", "sensors[0].point", "Expected"),
    "modbus point's register": (
        *(DRIVER + "|" + POINT, MODBUS + "|point = { unit = 1, function = 3, address = 65536 }\n"),
        *("point", "sensors[0].point.address", "<= 65535"),
    ),
    "modbus point's sentinels": (
        *(DRIVER + "|" + POINT, MODBUS + "|point = { unit = 1, function = 3, address = 0, sentinels = ['-'] }\n"),
        *("point", "sensors[0].point.sentinels[0]", "Expected"),
    ),
    "modbus point's status": (
        *(DRIVER + "|" + POINT, MODBUS + "|point = { unit = 1, function = 3, address = 0, status = { address = 1 } }\n"),
        *("point", "sensors[0].point.status.bad", "is required"),
    ),
    "replay point": (DRIVER + "|" + POINT, REPLAY + "|point = { a = 1 }\n", "point", "sensors[0].point", "Expected"),
    "home of nobody": (DRIVER, REPLAY.replace("day", "~nobody-here/day"), "path =", "sources[0].path", "home"),
    "address without a host": (DRIVER, HTTP.replace("gw", ":80"), "url =", "sources[0].url", "host"),
    "endpoint's scheme": ("", ENDPOINT.replace("https", "ftp"), "url =", "webhooks.endpoints[0].url", "regex"),
    "endpoint's port": ("", ENDPOINT.replace("8443", "99999"), "url =", "webhooks.endpoints[0].url", "port"),
    "address that httpx refuses": (DRIVER, HTTP.replace("gw/", "gw/\\t"), "url =", "sources[0].url", "host"),
    "address with a NUL": (DRIVER, HTTP.replace("gw/", "gw/\\u0000"), "url =", "sources[0].url", "NUL"),
    "gateway's port": (DRIVER + "|" + POINT, MODBUS.replace("502", "99999") + MODBUS_POINT, "url =", "sources[0].url", "port"),
    "gateway's port 0": (DRIVER + "|" + POINT, MODBUS.replace("502", "0") + MODBUS_POINT, "url =", "sources[0].url", "port"),
    "gateway with a NUL": (DRIVER + "|" + POINT, MODBUS.replace("gw", "g\\u0000w") + MODBUS_POINT, "url =", "sources[0].url", "NUL"),
    "recording with a NUL": (DRIVER, REPLAY.replace("day", "d\\u0000"), "path =", "sources[0].path", "NUL"),
    "group with a NUL": ("", '[access]\ngroup = "a\\u0000"\n', "group", "access.group", "NUL"),
    "group of nobody": ("", '[access]\ngroup = "no such group"\n', "group", "access.group", "there is no group"),
    "user with a NUL": (
        *("", '[access]\nkiosk_users = ["a\\u0000"]\n'),
        *("kiosk_users", "access.kiosk_users[0]", "NUL"),
    ),
    "tokens' file with a NUL": (
        *("", '[manage_api]\ntokens_file = "a\\u0000"\n'),
        *("tokens_file", "manage_api.tokens_file", "NUL"),
    ),
    "listen with a NUL": ("", '[manage_api]\nlisten = "a\\u0000:1"\n', "listen", "manage_api.listen", "NUL"),
    "listen's bracket": ("", '[manage_api]\nlisten = "[::1:5"\n', "listen", "manage_api.listen", "no usable host"),
    "listen's empty host": ("", '[manage_api]\nlisten = "[]:5"\n', "listen", "manage_api.listen", "no usable host"),
    "a host's scheme": (
        *("", '[manage_api]\nhosts = ["a.b", "https://a.b"]\n'),
        *("hosts", "manage_api.hosts[1]", "not the name of a host"),
    ),
    "a host's port": ("", '[manage_api]\nhosts = ["a.b:1"]\n', "hosts", "manage_api.hosts[0]", "not the name of a host"),
    "a host's empty label": ("", '[manage_api]\nhosts = ["a..b"]\n', "hosts", "manage_api.hosts[0]", "not the name"),
    "any host": ("", '[manage_api]\nhosts = ["*"]\n', "hosts", "manage_api.hosts[0]", "not the name of a host"),
    "hysteresis as wide as the band": (
        *(CABINET, CABINET + "hysteresis_k = 3\nlimits = { low = 1, high = 4 }\n"),
        *("hysteresis_k", "cabinets[0].hysteresis_k", "no case could clear"),
    ),
    "time zone that does not exist": (
        *('site = "s-1"\n', 'site = "s-1"\ntimezone = "Mars/Base"\n'),
        *("timezone", "device.timezone", "there is no time zone 'Mars/Base'"),
    ),
    "time zone that is a directory": (
        *('site = "s-1"\n', 'site = "s-1"\ntimezone = "Asia"\n'),
        *("timezone", "device.timezone", "there is no time zone 'Asia'"),
    ),
    "time zone that is a path": (
        *('site = "s-1"\n', 'site = "s-1"\ntimezone = "/etc/localtime"\n'),
        *("timezone", "device.timezone", "there is no time zone"),
    ),
    "time zone of control characters": (
        *('site = "s-1"\n', 'site = "s-1"\ntimezone = "Asia/\\u0000"\n'),
        *("timezone", "device.timezone", "there is no time zone"),
    ),
    "empty time zone": (
        *('site = "s-1"\n', 'site = "s-1"\ntimezone = ""\n'),
        *("timezone", "device.timezone", "there is no time zone ''"),
    ),
    "low humidity is high": (
        *(CABINET, CABINET + "humidity = { low = 70, high = 70 }\n"),
        *("humidity", "cabinets[0].humidity.high", "is not above low (70 <= 70)"),
    ),
    "humidity's warning above high": (
        *(CABINET, CABINET + "[cabinets.humidity]\nwarn_high = 80\nhigh = 70\n"),
        *("high = 70", "cabinets[0].humidity.high", "is not above warn_high (70 <= 80)"),
    ),
    "humidity above 100": (
        *(CABINET, CABINET + "[cabinets.humidity]\nlow = 30\nhigh = 110\n"),
        *("high = 110", "cabinets[0].humidity.high", "from 0 to 100 % (110)"),
    ),
    "humidity below 0": (
        *(CABINET, CABINET + "[cabinets.humidity]\nwarn_low = -1\nhigh = 90\n"),
        *("warn_low", "cabinets[0].humidity.warn_low", "from 0 to 100 % (-1)"),
    ),
    "humidity's band within the hysteresis": (
        *(CABINET, CABINET + "hysteresis_k = 5\nhumidity = { low = 60, high = 65 }\n"),
        *("hysteresis_k", "cabinets[0].hysteresis_k", "no case could clear"),
    ),
    "unknown key of humidity": (
        *(CABINET, CABINET + "[cabinets.humidity]\nhigh = 70\nmax = 80\n"),
        *("max = 80", "cabinets[0].humidity.max", "unknown key"),
    ),
    "calibration due before it was done": (
        *(POINT, CALIBRATED + "due = 2026-04-30 }\n"),
        *("due", "sensors[0].calibration.due", "is not after the calibration (2026-04-30 <= 2026-05-01)"),
    ),
    "calibration due on the same day": (
        *(POINT, POINT + '[sensors.calibration]\non = 2026-05-01\nby = "li"\ndue = 2026-05-01\n'),
        *("due =", "sensors[0].calibration.due", "is not after the calibration"),
    ),
    "calibration by nobody": (
        *(POINT, POINT + "calibration = { on = 2026-05-01 }\n"),
        *("calibration", "sensors[0].calibration.by", "is required"),
    ),
    "calibration on no day": (
        *(POINT, POINT + 'calibration = { on = "May", by = "li" }\n'),
        *("calibration", "sensors[0].calibration.on", "Invalid"),
    ),
    "defrost at no time": (
        *(CABINET, CABINET + '[cabinets.defrost]\ntimes = [\n"06:00",\n"24:00",\n]\n'),
        *('"24:00"', "cabinets[0].defrost.times[1]", "regex"),
    ),
    "defrost at a time without a nought": (
        *(CABINET, CABINET + 'defrost = { times = ["6:00"] }\n'),
        *("defrost", "cabinets[0].defrost.times[0]", "regex"),
    ),
    "defrost times as one text": (
        *(CABINET, CABINET + '[cabinets.defrost]\ntimes = "06:00"\n'),
        *("times", "cabinets[0].defrost.times", "Expected `array`"),
    ),
    "no defrost a day": (
        *(CABINET, CABINET + "[cabinets.defrost]\nper_day = 0\n"),
        *("per_day", "cabinets[0].defrost.per_day", "> 0"),
    ),
    "defrost that lasts no time": (
        *(CABINET, CABINET + "[cabinets.defrost]\nmax_s = 0\n"),
        *("max_s", "cabinets[0].defrost.max_s", "> 0"),
    ),
    "budget beyond a day": (CABINET, CABINET + "budget_min = 1441\n", "budget", "cabinets[0].budget_min", "<= 1440"),
    "rise of nothing": (CABINET, CABINET + "rate_of_rise_k = 0\n", "rate", "cabinets[0].rate_of_rise_k", "> 0"),
    "quantity that is none": (POINT, POINT + 'quantity = "dor"\n', "quantity", "sensors[0].quantity", "dor"),
    "tiny first_delay_s": ("", RETRY + "first_delay_s = 0.09\n", "first", "webhooks.retry.first_delay_s", ">= 0.1"),
    "tiny max_delay_s": ("", RETRY + "max_delay_s = 0.09\n", "max_delay", "webhooks.retry.max_delay_s", ">= 0.1"),
    "tiny interval_s": (DRIVER, DRIVER + "interval_s = 0.01\n", "interval_s", "sources[0].interval_s", ">= 0.05"),
    "key of control characters": (
        *(CABINET, CABINET + '"\\u001b[31m\\n" = 8\n'),
        *("u001b", "cabinets[0].\\x1b[31m\\n", "unknown key"),
    ),
    "empty key": (CABINET, CABINET + '"" = 8\n', '"" = 8', 'cabinets[0].""', "unknown key"),
    "missing secret file": (
        *("", ENDPOINT + 'secret_file = "gone"\n'),
        *("secret_file", "webhooks.endpoints[0].secret_file", "gone can't be read (No such file"),
    ),
    "secret file with a NUL": (
        *("", ENDPOINT + 'secret_file = "a\\u0000"\n'),
        *("secret_file", "webhooks.endpoints[0].secret_file", "can't be read"),
    ),
    "bad secret": (
        *("", ENDPOINT + f'secret = "{SECRET}canary!"\n'),
        *("secret =", "webhooks.endpoints[0].secret", "is not whsec_ and base64"),
    ),
    "secret that is no ASCII": (
        *("", ENDPOINT + 'secret = "canary密"\n'),
        *("secret =", "webhooks.endpoints[0].secret", "is not whsec_ and base64"),
    ),
    "empty secret": ("", ENDPOINT + 'secret = "whsec_"\n', "secret =", "webhooks.endpoints[0].secret", "is empty"),
    "secret of another type": (
        *("", ENDPOINT + f'secret = ["{SECRET}"]\n'),
        *("secret =", "webhooks.endpoints[0].secret", "Expected `str`"),
    ),
    "secret twice": (
        *("", ENDPOINT + f'secret = "{SECRET}"\nsecret_file = "hq"\n'),
        *("secret =", "webhooks.endpoints[0].secret", "not both"),
    ),
    "header with a line feed": (
        *("", ENDPOINT + 'headers = { Authorization = "canary\\nX: y" }\n'),
        *("headers", "webhooks.endpoints[0].headers.Authorization", "printable ASCII"),
    ),
    "header with a blank at its end": (
        *("", ENDPOINT + 'headers = { "X-Store" = "0412 " }\n'),
        *("headers", "webhooks.endpoints[0].headers.X-Store", "printable ASCII"),
    ),
    "max_delay_s below first_delay_s": (
        *("", RETRY + "first_delay_s = 20\nmax_delay_s = 10\n"),
        *("max_delay_s", "webhooks.retry.max_delay_s", "is below first_delay_s"),
    ),
    "max_delay_s below the default": (
        *("", RETRY + "max_delay_s = 9\n"),
        *("max_delay_s", "webhooks.retry.max_delay_s", "is below first_delay_s"),
    ),
    "max_attempts 0": ("", RETRY + "max_attempts = 0\n", "max_attempts", "webhooks.retry.max_attempts", ">= 1"),
    "fallback for nobody": (
        *("", ENDPOINT + 'fallback_for = ["hp"]\n'),
        *("fallback_for", "webhooks.endpoints[0].fallback_for", "there is no endpoint 'hp'"),
    ),
    "fallback for itself": (
        *("", ENDPOINT + 'fallback_for = ["hq"]\n'),
        *("fallback_for", "webhooks.endpoints[0].fallback_for", "names the endpoint itself"),
    ),
    "fallback for a fallback": (
        *("", ENDPOINT + SPARE + 'fallback_for = ["hq"]\n' + SPARE.replace("spare", "last") + 'fallback_for = ["spare"]\n'),
        *('"spare"]', "webhooks.endpoints[2].fallback_for", "'spare' is a fallback endpoint itself"),
    ),
    "fallbacks for each other": (
        *("", ENDPOINT + 'fallback_for = ["spare"]\n' + SPARE + 'fallback_for = ["hq"]\n'),
        *('"spare"]', "webhooks.endpoints[0].fallback_for", "is a fallback endpoint itself"),
    ),
    "command that isn't there": (
        *("", '[webhooks]\nescalate_command = ["/no/buzzer", "on"]\n'),
        *("escalate", "webhooks.escalate_command", "there is no program '/no/buzzer'"),
    ),
    "command that can't be run": (
        *("", '[webhooks]\nescalate_command = ["/etc/passwd"]\n'),
        *("escalate", "webhooks.escalate_command", "there is no program '/etc/passwd'"),
    ),
    "command that isn't in PATH": (
        *("", '[webhooks]\nescalate_command = ["no-such-buzzer"]\n'),
        *("escalate", "webhooks.escalate_command", "there is no program 'no-such-buzzer'"),
    ),
    "command without a word": (
        *("", '[webhooks]\nescalate_command = [""]\n'),
        *("escalate", "webhooks.escalate_command", "there is no program ''"),
    ),
    "command with a relative path": (
        *("", '[webhooks]\nescalate_command = ["bin/sh"]\n'),
        *("escalate", "webhooks.escalate_command", "begins with /"),
    ),
    "NUL in the command": (
        *("", '[webhooks]\nescalate_command = ["sh", "a\\u0000b"]\n'),
        *("escalate", "webhooks.escalate_command[1]", "NUL"),
    ),
    "listen without a port": ("", '[manage_api]\nlisten = "lo"\n', "listen", "manage_api.listen", "regex"),
    "listen's port": ("", '[manage_api]\nlisten = "lo:65536"\n', "listen", "manage_api.listen", "above 65535"),
}  # fmt: skip


def mistaken(replaced: str, by: str) -> str:
    if not replaced:
        return MINIMAL + by
    text = MINIMAL
    for old, new in zip(replaced.split("|"), by.split("|"), strict=True):
        assert old in text
        text = text.replace(old, new, 1)
    return text


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_file_line_and_key(tmp_path: Path, name: str) -> None:
    """`FILE:LINE: KEY: PROBLEM`, the line being the last one in the file that shows the mistake."""
    replaced, by, shows, key, problem = MISTAKES[name]
    text = mistaken(replaced, by)
    path = a_config(tmp_path, text)
    line = max(number for number, row in enumerate(text.splitlines(), start=1) if shows in row)
    with pytest.raises(ConfigError) as error:
        config.load(path)
    assert (error.value.key, error.value.line, error.value.path) == (key, line, path)
    assert problem in error.value.problem
    assert str(error.value) == f"{path}:{line}: {key}: {error.value.problem}"
    assert untold(error.value) == []


def untold(error: BaseException | None) -> list[str]:
    """The canaries that an error, what it came from, or their traceback would tell."""
    said = "".join(traceback.format_exception(error)) if error is not None else ""
    while error is not None:
        said += f"{error!s}{error!r}{vars(error)}"
        error = error.__cause__ or error.__context__
    return [canary for canary in CANARIES if canary in said and canary != "canary"]


@pytest.mark.parametrize(
    "log",
    [
        *("../retries.jsonl", "/tmp/retries.jsonl", "a/b", "a/", ".", "..", "", "\\u0000", "x" * 300),
        *("cases.jsonl", "cases.jsonl.prev", "audit.jsonl", "history.sqlite3", "lock", "manage.sock"),
        *("quarantine", "archive", "core.log", "core.log.1"),
    ],
)
def test_the_retry_log_is_a_file_name_of_its_own(tmp_path: Path, log: str) -> None:
    """Neither a path nor a name that the data directory already has."""
    with pytest.raises(ConfigError) as error:
        config.load(a_config(tmp_path, MINIMAL + RETRY + f'log = "{log}"\n'))
    assert (error.value.key, error.value.line) == ("webhooks.retry.log", 18)


@pytest.mark.parametrize("log", ["retries.jsonl", "重试.jsonl", ".hidden.jsonl", "lockers.jsonl", "my cases.jsonl"])
def test_other_names_of_the_retry_log_are_fine(tmp_path: Path, log: str) -> None:
    """Whatever is a plain name."""
    assert config.load(a_config(tmp_path, MINIMAL + RETRY + f'log = "{log}"\n')).settings.webhooks.retry.log == log


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ('[device]\nid = "a\n', 2, None),
        ("[device]\nid = whsec_Y2FuYXJ5LW9uZS1jYW5hcnktb25lLWNhbmFyeS1vbmU=\n", 2, None),
        (f"[device]\n{SECRET}\n", 2, None),
        (f'[device]\nid = "a"\n{SECRET}=1\n', 3, None),
        ("[device\n", 1, None),
        ("a = [1,\n2,\n", 3, None),
        ('[device]\nid = "a"\nsite = "b"\nid = "c"\n', 4, "device.id"),
        ("[device]\n[monitor]\n[device]\n", 3, "device"),
        ("device = { id = 1, id = 2 }\n", 1, "device.id"),
        ("[device]\na.b = 1\na = 2\n", 3, "device.a"),
    ],
)
def test_what_is_not_toml_is_named_with_its_line(tmp_path: Path, text: str, line: int, key: str | None) -> None:
    """A key that stands twice is named too; what only looks like one could be a secret and is not."""
    with pytest.raises(ConfigError) as error:
        config.load(a_config(tmp_path, text))
    assert (error.value.line, error.value.key) == (line, key)
    assert untold(error.value) == []


def test_a_file_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    """And nothing of what stands in it."""
    path = tmp_path / "config.toml"
    path.write_bytes(FULL.encode() + b'x = "\xff"\n')
    with pytest.raises(ConfigError, match=rf"{path}:{FULL.count(chr(10)) + 1}: is not UTF-8") as error:
        config.load(path)
    assert untold(error.value) == []


def test_a_secret_file_that_is_not_text_is_not_told(tmp_path: Path) -> None:
    """The decoder's error would carry the file's bytes."""
    (tmp_path / "hq").write_bytes(SECRET.encode() + b"\xff")
    with pytest.raises(ConfigError, match="hq is not text") as error:
        config.load(a_config(tmp_path, MINIMAL + ENDPOINT + 'secret_file = "hq"\n'))
    assert error.value.key == "webhooks.endpoints[0].secret_file"
    assert untold(error.value) == []


def test_a_byte_order_mark_is_named(tmp_path: Path) -> None:
    """Editors add it unseen; the message says what to do."""
    with pytest.raises(ConfigError, match=r"config\.toml:1: begins with a byte order mark"):
        config.load(a_config(tmp_path, "\ufeff" + MINIMAL))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With the reason."""
    with pytest.raises(ConfigError, match=r"gone\.toml: can't be read \(No such file"):
        config.load(tmp_path / "gone.toml")


def test_a_directory_is_named(tmp_path: Path) -> None:
    """With the reason."""
    with pytest.raises(ConfigError, match=r"can't be read \(Is a directory\)"):
        config.load(tmp_path)


def test_an_empty_file_lacks_its_first_table(tmp_path: Path) -> None:
    """There is no line to name; the key says what is missing."""
    with pytest.raises(ConfigError) as error:
        config.load(a_config(tmp_path, ""))
    assert (error.value.key, error.value.line, error.value.problem) == ("device", None, "is required")


@pytest.mark.parametrize("pattern", ["case.open", "cases.*", "*.opened", ""])
def test_a_pattern_that_matches_no_event_is_a_mistake(tmp_path: Path, pattern: str) -> None:
    """A typo would keep every alarm from this endpoint without a word."""
    text = MINIMAL + f'\n[[webhooks.endpoints]]\nid = "hq"\nurl = "http://hq/"\nevents = ["case.*", "{pattern}"]\n'
    with pytest.raises(ConfigError, match=r"webhooks\.endpoints\[0\]\.events\[1\]"):
        config.parse(text, tmp_path / "config.toml")
