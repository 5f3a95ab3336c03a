"""Reading the configuration: what is found, what is valid, what the defaults are, and what the API shows of it."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec import structs

from core import config
from core.settings import POINT_TYPES, Calibration, ReplaySource, Retry, Settings, Table
from tests.core.config_texts import CANARIES, FULL, HEADER, MINIMAL, SECRET, a_config

ROOT = Path(__file__).parents[2]
NEVER = "[webhooks]\nescalate_after_min = 0\n"
SPARE = '[[webhooks.endpoints]]\nid = "spare"\nurl = "https://spare.example.com/hook"\nfallback_for = ["hq"]\n'
ENDPOINT = '[[webhooks.endpoints]]\nid = "hq"\nurl = "https://hq.example.com/hook"\n'


# -- what is valid -----------------------------------------------------------------------------------------------------


def test_the_least_that_is_needed_is_enough(tmp_path: Path) -> None:
    """`[device] id, site`, one source, one cabinet and one sensor."""
    loaded = config.load(a_config(tmp_path))
    assert loaded.settings.device.id == "box"
    assert loaded.path == tmp_path / "config.toml"


def test_retries_have_their_defaults(tmp_path: Path) -> None:
    """The log's name and the retry policy."""
    assert config.load(a_config(tmp_path)).settings.webhooks.retry == Retry(
        log="retries.jsonl", first_delay_s=10, max_delay_s=900, max_attempts=500, max_age_h=72
    )


def test_what_the_full_file_says_is_taken(tmp_path: Path) -> None:
    """Given keys stand in the settings, those beside them keep their defaults."""
    settings = config.load(a_config(tmp_path, FULL)).settings
    assert settings.webhooks.retry == Retry(first_delay_s=5)
    assert [cabinet.name for cabinet in settings.cabinets] == ["鲜奶柜", ""]
    secret = settings.webhooks.endpoints[0].secret
    assert secret is not None
    assert secret.reveal() == SECRET


def test_the_example_is_valid() -> None:
    """config/example.toml can be used as it is."""
    assert config.load(ROOT / "config/example.toml").settings.sensors


def tables_in(annotation: Any) -> set[type[Table]]:
    """The tables that a key of this type holds, and those in them."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return {annotation}.union(*(tables_in(field.type) for field in structs.fields(annotation)))
    return {table for part in get_args(annotation) for table in tables_in(part)}


EVERY_TABLE = tables_in(Settings).union(*map(tables_in, POINT_TYPES.values()))


@pytest.mark.parametrize("table", sorted(EVERY_TABLE, key=str), ids=str)
def test_the_example_explains_every_key(table: type[Table]) -> None:
    """With or without a value: a person needs no other list of what there is."""
    text = (ROOT / "config/example.toml").read_text(encoding="utf-8")
    assert [one.name for one in structs.fields(table) if not re.search(rf"\b{one.name}\b", text)] == []


@pytest.mark.parametrize("text", [FULL.replace("\n", "\r\n"), FULL.rstrip("\n")], ids=["CRLF", "no last LF"])
def test_line_ends_do_not_matter(tmp_path: Path, text: str) -> None:
    """A file from another editor is the same configuration."""
    same = config.parse(FULL, tmp_path / "config.toml")
    assert config.load(a_config(tmp_path, text)) == same


def test_zero_delays_are_allowed(tmp_path: Path) -> None:
    """`alarm_delay_s = 0` opens at once, `heartbeat_s = 0` is off."""
    text = MINIMAL.replace('id = "03"\n', 'id = "03"\nalarm_delay_s = 0\n') + "[monitor]\nheartbeat_s = 0\n"
    settings = config.load(a_config(tmp_path, text)).settings
    assert (settings.cabinets[0].alarm_delay_s, settings.monitor.heartbeat_s) == (0, 0)


@pytest.mark.parametrize(
    "keys",
    [
        "humidity = { low = 0, high = 100 }\n",
        "humidity = { warn_high = 70 }\n",
        'defrost = { times = ["00:00", "06:00", "23:59"], per_day = 0.5 }\n',
        "budget_min = 0\nreopen_window_s = 0\ndoor_open_s = 0\n",
        "rate_of_rise_k = 4\ntrend = false\n",
    ],
)
def test_a_cabinet_may_be_told_so(tmp_path: Path, keys: str) -> None:
    """Ends of the ranges are valid."""
    text = MINIMAL.replace('id = "03"\n', f'id = "03"\n{keys}')
    assert config.load(a_config(tmp_path, text)).settings.cabinets[0].id == "03"


def test_a_probe_says_by_whom_and_when_it_was_calibrated_and_when_it_is_due(tmp_path: Path) -> None:
    """Nobody need say when it is due."""
    done = 'offset = -0.3\ncalibration = { on = 2026-05-01, by = "李", due = 2026-05-02 }\n'
    (sensor,) = config.load(a_config(tmp_path, MINIMAL + done)).settings.sensors
    assert sensor.calibration == Calibration(on=date(2026, 5, 1), by="李", due=date(2026, 5, 2))
    (sensor,) = config.load(a_config(tmp_path, MINIMAL + done.replace(", due = 2026-05-02", ""))).settings.sensors
    assert sensor.calibration == Calibration(on=date(2026, 5, 1), by="李")


@pytest.mark.parametrize("zone", ["UTC", "Asia/Urumqi", "Europe/Helsinki"])
def test_the_site_may_be_anywhere(tmp_path: Path, zone: str) -> None:
    """Where nothing is said it is in China."""
    text = MINIMAL.replace('site = "s-1"\n', f'site = "s-1"\ntimezone = "{zone}"\n')
    assert config.load(a_config(tmp_path, text)).settings.device.timezone == zone
    assert config.load(a_config(tmp_path)).settings.device.timezone == "Asia/Shanghai"


def test_names_may_hold_any_text(tmp_path: Path) -> None:
    """Control characters are never refused."""
    text = MINIMAL.replace('id = "03"\n', 'id = "03"\nname = "\\u001b[31m\\u0000鲜\\n"\n')
    assert config.load(a_config(tmp_path, text)).settings.cabinets[0].name == "\x1b[31m\0鲜\n"


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording and a secret file beside the configuration, wherever the program was started."""
    text = MINIMAL.replace('"simulated"', '"replay"\npath = "day.csv"') + ENDPOINT + 'secret_file = "keys/hq"\n'
    path = a_config(tmp_path, text)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/hq").write_text(f"{SECRET}\n")
    monkeypatch.chdir("/")
    settings = config.load(path).settings
    assert isinstance(settings.sources[0], ReplaySource)
    assert settings.sources[0].path == str(tmp_path / "day.csv")
    secret = settings.webhooks.endpoints[0].secret
    assert secret is not None
    assert secret.reveal() == SECRET


def test_a_secret_without_its_prefix_is_a_secret(tmp_path: Path) -> None:
    """The bare base64 that other tools print works too."""
    text = MINIMAL + ENDPOINT + f'secret = "{SECRET.removeprefix("whsec_")}"\n'
    assert config.load(a_config(tmp_path, text)).settings.webhooks.endpoints[0].secret is not None


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (MINIMAL, "no webhook endpoint"),
        (MINIMAL, "'03' has neither preset nor limits"),
        (MINIMAL + ENDPOINT, "'hq' has no secret"),
        (MINIMAL.replace('id = "03"\n', 'id = "03"\nhumidity = { high = 80 }\n', 1), "humidity limits but no humidity"),
        (MINIMAL.replace('id = "03"\n', 'id = "03"\ndoor_open_s = 60\n', 1), "door_open_s but no door"),
        (MINIMAL.replace('id = "03"\n', 'id = "03"\ndefrost = { per_day = 4 }\n', 1), "per_day but no defrost"),
        (MINIMAL.replace("point = ", 'quantity = "humidity"\npoint = ', 1), "has no humidity limits"),
        (MINIMAL + NEVER + 'escalate_command = ["true"]\n', "escalate_command is never used"),
        (MINIMAL + NEVER + ENDPOINT + SPARE, "endpoint 'spare' is never used"),
    ],
)
def test_what_a_person_should_know_is_a_hint(tmp_path: Path, text: str, hint: str) -> None:
    """Valid, but perhaps not meant."""
    assert any(hint in one for one in config.load(a_config(tmp_path, text)).hints)


def test_what_stands_in_is_not_hinted_at(tmp_path: Path) -> None:
    """Where it is used; a program may be named by its path, or be found in PATH."""
    text = MINIMAL + '[webhooks]\nescalate_command = ["/bin/sh", "-c", "buzz"]\n' + ENDPOINT + SPARE
    loaded = config.load(a_config(tmp_path, text))
    assert not any("never used" in hint for hint in loaded.hints)
    assert loaded.settings.webhooks.endpoints[1].fallback_for == ("hq",)
    assert config.load(a_config(tmp_path, text.replace("/bin/sh", "sh"))).settings.webhooks.escalate_command[0] == "sh"


def test_an_endpoint_with_a_secret_file_is_not_hinted_at(tmp_path: Path) -> None:
    """Its webhooks are signed; the hint would be a lie."""
    (tmp_path / "hq.secret").write_text(SECRET)
    loaded = config.load(a_config(tmp_path, MINIMAL + ENDPOINT + 'secret_file = "hq.secret"\n'))
    assert not any("unsigned" in hint for hint in loaded.hints)


# -- what is shown -----------------------------------------------------------------------------------------------------


def test_the_shown_settings_hold_no_secret(tmp_path: Path) -> None:
    """No secret, header value, URL path, query or user; host and port stay."""
    shown = config.redacted(config.load(a_config(tmp_path, FULL)).settings)
    text = json.dumps(shown, ensure_ascii=False)
    assert [canary for canary in CANARIES if canary in text] == []
    endpoint = shown["webhooks"]["endpoints"][0]
    assert endpoint["url"] == "https://hq.example.com:8443/…"
    assert endpoint["headers"] == {"Authorization": "***"}
    assert (endpoint["secret"], endpoint["secret_previous"]) == ("***", "***")
    assert shown["sources"][1]["url"] == "http://192.168.1.20/…"


def test_a_secret_never_shows_itself(tmp_path: Path) -> None:
    """Neither repr nor str of the settings gives a secret or a header value."""
    settings = config.load(a_config(tmp_path, FULL)).settings
    for text in (repr(settings), str(settings), f"{settings.webhooks.endpoints[0].secret}"):
        assert SECRET not in text
        assert HEADER not in text
