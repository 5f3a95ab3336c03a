"""The configuration of a running core, changed through its API and by hand, and what of that is on record."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Core, Process, free_port, json_lines, wait_until
from tests.e2e.shops import SECRET, SIMULATED

CONFIG = """
[webhooks.retry]
first_delay_s = 5

[[webhooks.endpoints]]
id = "hq"
url = "http://127.0.0.1:{receiver}/hook?token=canary"
secret = "{secret}"
events = ["config.*"]
"""
URL = "/api/manage/config"
HIGH = "cabinets.03.limits.high"


@pytest.fixture
def box(core: Callable[..., Core]) -> Core:
    made = core(SIMULATED + CONFIG.format(secret=SECRET, receiver=free_port()))
    made.start()
    return made


def higher(value: float) -> dict[str, Any]:
    return {"cabinets": {"03": {"limits": {"high": value}}}}


def recorded(box: Core, what: str) -> list[dict[str, Any]]:
    deeds = [line["d"] for line in json_lines(box.data / "audit.jsonl")]
    return [deed for deed in deeds if deed["what"] == what]


def changed(deeds: list[dict[str, Any]], key: str) -> list[tuple[Any, Any]]:
    return [(one["old"], one["new"]) for deed in deeds for one in deed["changes"] if one["key"] == key]


def test_a_patch_answers_what_it_changed_and_what_waits_for_a_restart(box: Core) -> None:
    answer = box.request("PATCH", URL, json=higher(6.5)).json()
    assert answer["changes"] == [{"key": HIGH, "old": 8.0, "new": 6.5}]
    assert (answer["pending"], answer["restart_required"]) == ([HIGH], True)
    assert box.get("config")["pending"] == [HIGH]
    back = box.request("PATCH", URL, json=higher(8)).json()
    assert (back["pending"], back["restart_required"]) == ([], False)


def test_a_dry_run_answers_the_same_and_leaves_no_trace(box: Core) -> None:
    """Neither in the file nor in the audit; what would be refused is refused."""
    before, lines = box.config.read_bytes(), len(json_lines(box.data / "audit.jsonl"))
    answer = box.request("PATCH", f"{URL}?dry_run=true", json=higher(6.5))
    assert (answer.status_code, answer.json()["changes"]) == (200, [{"key": HIGH, "old": 8.0, "new": 6.5}])
    refused = box.request("PATCH", f"{URL}?dry_run=true", json=higher(-1))
    assert (refused.status_code, refused.json()["code"]) == (409, "config_invalid")
    assert [one["pointer"] for one in refused.json()["errors"]] == [HIGH]
    assert box.config.read_bytes() == before
    assert len(json_lines(box.data / "audit.jsonl")) == lines
    assert box.get("config")["pending"] == []


def test_a_changed_secret_is_named_and_never_shown(box: Core) -> None:
    """In the answer and in the audit; so is a URL of which nothing that shows has changed."""
    key = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3"
    change = {"secret": key, "url": "http://127.0.0.1:1/hook?token=canary-2"}
    before = box.get("config")["settings"]["webhooks"]["endpoints"][0]["url"]
    answer = box.request("PATCH", URL, json={"webhooks": {"endpoints": {"hq": change}}})
    shown = {
        "webhooks.endpoints.hq.secret": ("***", "***"),
        "webhooks.endpoints.hq.url": (before, "http://127.0.0.1:1/…"),
    }
    assert {one["key"]: (one["old"], one["new"]) for one in answer.json()["changes"]} == shown
    [deed] = recorded(box, "config.patch")
    assert {one["key"] for one in deed["changes"]} == set(shown)
    assert not [text for text in (key, "canary") if text in answer.text or text in json.dumps(deed)]


def test_two_people_do_not_overwrite_each_other(box: Core) -> None:
    """Whoever read the file before the other one's change is told; a tag that holds lets the change through."""
    tag = box.request("GET", URL).headers["etag"]
    first = box.request("PATCH", URL, json=higher(7), headers={"if-match": tag})
    second = box.request("PATCH", URL, json=higher(6), headers={"if-match": tag})
    assert (first.status_code, second.status_code, second.json()["code"]) == (200, 409, "config_changed")
    assert box.get("config")["settings"]["cabinets"][0]["limits"]["high"] == 7
    again = box.request("PATCH", URL, json=higher(6), headers={"if-match": f'"x", {first.headers["etag"]}'})
    assert again.status_code == 200
    box.config.write_text(box.config.read_text() + "# by hand\n")
    stale = box.request("PATCH", URL, json=higher(5), headers={"if-match": again.headers["etag"]})
    assert stale.status_code == 409
    assert box.request("PATCH", URL, json=higher(5), headers={"if-match": "*"}).status_code == 200


def test_a_change_is_news_for_headquarters(box: Core, peer: Callable[..., Process], tmp_path: Path) -> None:
    """Who, and which keys; the values stay here."""
    got = tmp_path / "got.jsonl"
    port = int(box.config.read_text().partition("http://127.0.0.1:")[2].partition("/")[0])
    peer("receiver", port, SECRET, got)
    box.request("PATCH", URL, json={})
    for value in (6.25, 8):
        box.request("PATCH", URL, json=higher(value))
    wait_until(lambda: len(json_lines(got)) == 2, "both changes are told")
    told = {"actor": "uid:0", "via": None, "changed": 1, "keys": [HIGH]}
    said = [line["event"]["data"] for line in json_lines(got)]
    assert sorted(said, key=lambda data: not data["restart_required"]) == [
        {**told, "restart_required": True},
        {**told, "restart_required": False},
    ]


def test_what_was_patched_is_not_taken_for_a_change_by_hand(box: Core) -> None:
    """After the restart the key stands on record once, old and new, with who it was."""
    box.request("PATCH", URL, json=higher(6.5))
    assert box.stop() == 0
    box.start()
    assert box.get("config")["pending"] == []
    assert changed(recorded(box, "config.noticed"), HIGH) == [(None, 8.0)]
    assert changed(recorded(box, "config.patch"), HIGH) == [(8.0, 6.5)]
    assert [deed["actor"] for deed in recorded(box, "config.patch")] == ["uid:0"]
    assert [len(recorded(box, what)) for what in ("core.started", "core.stopped")] == [2, 1]


def test_what_was_changed_by_hand_between_two_runs_is_on_record(box: Core) -> None:
    """With its value before and after, even though the core was killed; what goes is null."""
    box.kill()
    text = box.config.read_text()
    box.config.write_text(text.replace("high = 8.0", "high = 9.5").replace('name = "鲜奶柜"\n', ""))
    box.start()
    [_, deed] = recorded(box, "config.noticed")
    assert (deed["actor"], deed["origin"]) == ("core", "file")
    assert deed["changes"] == [
        {"key": HIGH, "old": 8.0, "new": 9.5},
        {"key": "cabinets.03.name", "old": "鲜奶柜", "new": ""},
    ]
    box.stop()
    box.start()
    assert len(recorded(box, "config.noticed")) == 2


def test_headquarters_holds_the_audits_newest_line_outside_the_box(
    core: Callable[..., Core], peer: Callable[..., Process], tmp_path: Path
) -> None:
    """Each heartbeat names a line that stands in the file with this number and this hash."""
    got, port = tmp_path / "got.jsonl", free_port()
    beats = SIMULATED.replace("heartbeat_s = 0", "heartbeat_s = 0.3") + CONFIG.format(secret=SECRET, receiver=port)
    peer("receiver", port, SECRET, got)
    box = core(beats.replace("config.*", "device.heartbeat"))
    box.start()
    box.request("PATCH", URL, json=higher(6))
    lines = (box.data / "audit.jsonl").read_bytes().splitlines(keepends=True)
    newest = {"n": len(lines), "sha256": hashlib.sha256(lines[-1]).hexdigest()}
    wait_until(lambda: [one for one in json_lines(got) if one["event"]["data"]["audit"] == newest], "the line is told")


def test_a_file_that_is_broken_is_told_by_line_and_by_key(box: Core) -> None:
    """The line for the person at the box, the key for headquarters; the core keeps what it runs with."""
    box.config.write_text(box.config.read_text().replace("high = 8.0", "high = -8.0"))
    for refused in (box.request("GET", URL), box.request("PATCH", URL, json=higher(7))):
        said = refused.json()
        assert (refused.status_code, said["code"]) == (409, "config_invalid")
        assert f"{box.config.name}:" in said["detail"]
        assert [one["pointer"] for one in said["errors"]] == [HIGH]
