"""Saving a change: the file keeps its comments, its order and every line that the change doesn't touch."""

import difflib
import os
import time
from pathlib import Path
from typing import Any

import pytest

from core import config
from core.errors import ConfigError, RefusalError
from core.settings import LoadedSettings, Retry
from tests.core.config_texts import CANARIES, FULL, HEADER, MINIMAL, SECRET, a_config

Changes = dict[str, Any]
RETRY_LINES = [
    "max_delay_s = 900.0",
    'log = "retries.jsonl"',
    "max_attempts = 500",
    "max_age_h = 72.0",
    "max_items = 10000",
    "max_dead_letters = 5000",
    "dead_letter_days = 90.0",
    "max_mib = 64.0",
]


def save(path: Path, changes: Changes) -> LoadedSettings:
    """What the file says now that they are laid over it."""
    draft = config.draft(config.read_text(path), path, changes)
    draft.write()
    return draft.after


def saved(directory: Path, changes: Changes, text: str = FULL) -> tuple[list[str], list[str]]:
    """The lines that left the file and those that came."""
    path = a_config(directory, text)
    after = save(path, changes)
    assert after == config.load(path)
    rows = list(difflib.ndiff(text.splitlines(keepends=True), path.read_bytes().decode().splitlines(keepends=True)))
    return [row[2:].rstrip("\n") for row in rows if row[0] == "-"], [
        row[2:].strip("\n") for row in rows if row[0] == "+"
    ]


def refused(path: Path, changes: Changes) -> RefusalError:
    """The refusal of a change that left the file and its directory byte for byte as they were."""
    before, names = path.read_bytes(), os.listdir(path.parent)
    with pytest.raises(RefusalError) as refusal:
        save(path, changes)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == names
    assert refusal.value.status == 409
    return refusal.value


def test_only_the_changed_line_changes(tmp_path: Path) -> None:
    """Its comment stays, and every other line, Chinese ones too, byte for byte."""
    gone, came = saved(tmp_path, {"device": {"site_name": "静安寺店"}})
    assert gone == ['site_name = "徐家汇店"     # 店名']
    assert sorted(came) == sorted(['site_name = "静安寺店"     # 店名', *RETRY_LINES])


def test_a_draft_is_what_a_save_would_give_and_leaves_the_file(tmp_path: Path) -> None:
    path, changes = a_config(tmp_path, FULL), {"cabinets": {"03": {"limits": {"high": 6.5}}}}
    shown = config.draft(FULL, path, changes).after
    assert path.read_bytes() == FULL.encode()
    assert os.listdir(tmp_path) == [path.name]
    assert save(path, changes) == shown


def test_the_retry_settings_in_force_are_written_out(tmp_path: Path) -> None:
    """An empty change writes them, and nothing else; a second one finds them there."""
    gone, came = saved(tmp_path, {})
    assert (gone, sorted(came)) == ([], sorted(RETRY_LINES))
    path = tmp_path / "config.toml"
    before = path.read_bytes()
    save(path, {})
    assert path.read_bytes() == before


def test_a_file_without_webhooks_gets_the_retry_table(tmp_path: Path) -> None:
    """It is written below everything that was there."""
    gone, came = saved(tmp_path, {}, MINIMAL)
    assert gone == []
    assert came == [
        "",
        "[webhooks.retry]",
        'log = "retries.jsonl"',
        "first_delay_s = 10.0",
        *("max_delay_s = 900.0", "max_attempts = 500", "max_age_h = 72.0"),
        *("max_items = 10000", "max_dead_letters = 5000", "dead_letter_days = 90.0", "max_mib = 64.0"),
    ]


@pytest.mark.parametrize(
    "given",
    [
        "[webhooks]\nretry.first_delay_s = 5\n",
        "[webhooks]\nretry = { first_delay_s = 5 }\n",
        "[webhooks]\n[webhooks.retry]\nfirst_delay_s = 5\n",
        '[[webhooks.endpoints]]\nid = "hq"\nurl = "http://hq/"\n[webhooks.retry]\nfirst_delay_s = 5\n',
        "[webhooks]\nconcurrency = 3\n[monitor]\n[webhooks.retry]\nfirst_delay_s = 5\n",
    ],
    ids=["dotted", "inline", "table", "behind the endpoints", "apart"],
)
def test_the_retry_settings_may_stand_in_any_form(tmp_path: Path, given: str) -> None:
    """However TOML lets them be written, a change finds them."""
    path = a_config(tmp_path, MINIMAL + given)
    after = save(path, {"webhooks": {"retry": {"max_delay_s": 60}}})
    assert after.settings.webhooks.retry == Retry(first_delay_s=5, max_delay_s=60)
    assert config.load(path) == after
    assert path.read_text().startswith(MINIMAL)


def test_inline_arrays_are_changed_in_place(tmp_path: Path) -> None:
    """Tables with ids may be inline; what is added to them is inline too."""
    text = (
        'device = { id = "box", site = "s" }\nsources = [{ id = "sim", driver = "simulated" }] # 一\n'
        'cabinets = [{ id = "03" }]\nsensors = [{ id = "a", cabinet = "03", source = "sim", point = "chiller" }]\n'
    )
    path = a_config(tmp_path, text)
    after = save(path, {"cabinets": {"03": {"limits": {"high": 9}}}, "sources": {"sim": {"seed": 2}}})
    assert after.settings.cabinets[0].limits is not None
    assert after.settings.cabinets[0].limits.high == 9
    assert "# 一" in path.read_text()


def test_an_item_is_found_by_its_id(tmp_path: Path) -> None:
    """Of two cabinets the named one changes, in its inline table too."""
    gone, came = saved(tmp_path, {"cabinets": {"03": {"limits": {"high": 6}}, "04": {"name": "冷冻"}}})
    assert gone == ["limits = { low = 1.0, high = 7.50 }   # 自定"]
    assert sorted(filter(None, came)) == sorted(
        ["limits = { low = 1.0, high = 6 }   # 自定", 'name = "冷冻"', *RETRY_LINES]
    )


def test_null_removes_a_key(tmp_path: Path) -> None:
    """Its line goes; the default is in force again."""
    gone, _ = saved(tmp_path, {"device": {"site_name": None}, "cabinets": {"03": {"limits": {"low": None}}}})
    assert gone == ['site_name = "徐家汇店"     # 店名', "limits = { low = 1.0, high = 7.50 }   # 自定"]
    assert config.load(tmp_path / "config.toml").settings.device.site_name == ""


def test_null_brings_a_retry_setting_back_to_its_default(tmp_path: Path) -> None:
    """What is written out is what is in force after the change, not before."""
    after = save(a_config(tmp_path, FULL), {"webhooks": {"retry": {"first_delay_s": None}}})
    assert after.settings.webhooks.retry.first_delay_s == Retry().first_delay_s


def test_removing_what_is_not_there_is_no_change(tmp_path: Path) -> None:
    """As a merge patch says."""
    assert saved(tmp_path, {"device": {"data_dir": None}})[0] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"device": {"nmae": "x"}},
        {"device": {"site": None}},
        {"device": 5},
        {"webhooks": 5},
        {"webhooks": {"retry": 5}},
        {"webhooks": {"retry": {"max_delay_s": 1}}},
        {"webhooks": {"retry": {"log": "../x"}}},
        {"webhooks": {"endpoints": {"hq": {"secret": "no base64!"}}}},
        {"webhooks": {"endpoints": {"hq": {"events": {"0": "x"}}}}},
        {"cabinets": {"04": {"limits": {"high": -20}}}},
        {"cabinets": {"05": {"name": "x"}}},
        {"cabinets": {"03": None}},
        {"cabinets": {"03": {"id": "04"}}},
        {"sources": []},
        {"cabinets": [None]},
        {"device": {"site_name": "\ud800"}},
        {"device": {"site_name": {"a": {}}}},
    ],
    ids=str,
)
def test_an_invalid_result_is_refused_and_nothing_is_written(tmp_path: Path, changes: Changes) -> None:
    """409 `config_invalid`, whatever is wrong; the file stays byte for byte and nothing lies beside it."""
    assert refused(a_config(tmp_path, FULL), changes).code == "config_invalid"


def test_what_the_box_runs_is_not_changed_over_the_network(tmp_path: Path) -> None:
    """A token that may change the configuration must not be one that may run any program."""
    refusal = refused(a_config(tmp_path, FULL), {"webhooks": {"escalate_command": ["touch", "/tmp/x"]}})
    assert refusal.code == "config_invalid"
    assert "escalate_command" in str(refusal.detail)
    runs = FULL.replace("[webhooks]\n", '[webhooks]\nescalate_command = ["true"]\n')
    refused(a_config(tmp_path, runs), {"webhooks": {"escalate_command": None}})
    assert save(a_config(tmp_path, runs), {"webhooks": {"timeout_s": 5}}).settings.webhooks.timeout_s == 5


def test_a_refusal_names_the_key(tmp_path: Path) -> None:
    """With what is wrong, for the caller knows no line."""
    refusal = refused(a_config(tmp_path, FULL), {"cabinets": {"03": {"limits": {"high": 0}}}})
    assert refusal.detail == "cabinets.03.limits.high: is not above low (0 <= 1)"


@pytest.mark.parametrize(
    ("changes", "pointer", "problem"),
    [
        ({"cabinets": {"04": {"limits": {"high": -20}}}}, "cabinets.04.limits.high", "is not above warn_high"),
        ({"webhooks": {"endpoints": {"hq": {"secret": "***"}}}}, "webhooks.endpoints.hq.secret", "the masked form"),
        (
            {"webhooks": {"endpoints": {"hq": {"headers": {"a.b": "ü"}}}}},
            'webhooks.endpoints.hq.headers."a.b"',
            "ASCII",
        ),
        ({"cabinets": {"99": {}}}, "cabinets", "there is no '99'"),
        ({"webhooks": {"escalate_command": ["true"]}}, "webhooks.escalate_command", "in the file only"),
        ({"monitor": {"intervall_s": 1}}, "monitor.intervall_s", "unknown key"),
        ({"cabinets": [{"id": "03"}, {"name": "x"}]}, "cabinets.1.id", "is required"),
    ],
    ids=str,
)
def test_a_refusal_points_at_the_key_by_the_ids(tmp_path: Path, changes: Changes, pointer: str, problem: str) -> None:
    """As the change and what it answers name it: a program finds the place without reading the words."""
    [error] = refused(a_config(tmp_path, FULL), changes).errors
    assert error.pointer == pointer
    assert problem in error.detail


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"x": [1] * 300_001}, "2000 values"),
        ({"x": {f"k{n}": 1 for n in range(60_000)}}, "2000 values"),
        ({"x": [[1]] * 1_500}, "2000 values"),
        ({"device": {"site_name": nested(400)}}, "16 deep"),
        ({"device": {"site_name": "x" * 4001}}, "4000 characters"),
        ({"device": {"x" * 4001: 1}}, "4000 characters"),
    ],
    ids=["list", "table", "lists", "depth", "text", "name"],
)
def test_a_change_beyond_measure_is_refused_before_it_costs_anything(
    tmp_path: Path, changes: Changes, why: str
) -> None:
    """tomlkit would be busy with the first ones for minutes, and nobody else could change anything."""
    begun = time.process_time()
    assert why in refused(a_config(tmp_path, FULL), changes).detail
    assert time.process_time() - begun < 5


def test_a_refusal_tells_no_secret(tmp_path: Path) -> None:
    """Neither the one in the file nor the one that was sent."""
    refusal = refused(a_config(tmp_path, FULL), {"webhooks": {"endpoints": {"hq": {"secret": SECRET + "canary!"}}}})
    assert [canary for canary in CANARIES if canary in f"{refusal!r}{refusal.__cause__!r}"] == []


@pytest.mark.parametrize(
    "change",
    [{"secret": "***"}, {"headers": {"Authorization": "***"}}, {"url": "https://hq.example.com:8443/…"}],
    ids=["secret", "header", "url"],
)
def test_the_masked_form_is_never_saved(tmp_path: Path, change: Changes) -> None:
    """Who sends back what the API showed doesn't overwrite a secret with asterisks."""
    refused(a_config(tmp_path, FULL), {"webhooks": {"endpoints": {"hq": change}}})


def test_secrets_stay_in_the_file(tmp_path: Path) -> None:
    """A change beside them leaves them as they are."""
    after = save(a_config(tmp_path, FULL), {"webhooks": {"endpoints": {"hq": {"timeout_s": 5}}}})
    endpoint = after.settings.webhooks.endpoints[0]
    assert endpoint.secret is not None
    assert (endpoint.secret.reveal(), endpoint.headers["Authorization"].reveal()) == (SECRET, HEADER)


def test_a_file_that_is_broken_as_it_stands_is_not_changed(tmp_path: Path) -> None:
    """The mistake in it is reported with its line: a person must look first."""
    path = a_config(tmp_path, MINIMAL + "broken\n")
    with pytest.raises(ConfigError) as error:
        save(path, {"device": {"site": "x"}})
    assert error.value.line == 17
    assert path.read_text() == MINIMAL + "broken\n"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_the_files_mode_is_kept(tmp_path: Path, mode: int) -> None:
    """A secret file stays one, a group's file stays the group's; no temporary file is left."""
    path = a_config(tmp_path, FULL)
    path.chmod(mode)
    save(path, {})
    assert path.stat().st_mode & 0o777 == mode
    assert os.listdir(tmp_path) == ["config.toml"]


def test_a_symlink_stays_one(tmp_path: Path) -> None:
    """The file that it points at is replaced, where it is."""
    (tmp_path / "real").mkdir()
    real = a_config(tmp_path / "real", FULL)
    link = tmp_path / "config.toml"
    link.symlink_to(real)
    save(link, {"device": {"site": "s-2"}})
    assert link.is_symlink()
    assert 'site = "s-2"' in real.read_text()


def test_line_ends_stay_as_they_are(tmp_path: Path) -> None:
    """A file with CRLF keeps it in every line that was there."""
    text = FULL.replace("\n", "\r\n")
    path = a_config(tmp_path, text)
    save(path, {"device": {"site_name": "x"}})
    kept = set(path.read_bytes().splitlines(keepends=True))
    assert [line for line in text.encode().splitlines(keepends=True) if line not in kept] == [
        'site_name = "徐家汇店"     # 店名\r\n'.encode()
    ]
