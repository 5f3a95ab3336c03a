"""Headquarters is down: the spare endpoint gets the alarm, a local program is run, and the box says so itself."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Core, Process, free_port, json_lines, listens, wait_until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

CONFIG = """
[device]
id = "sh-0412-kiosk"
site = "sh-0412"

[monitor]
interval_s = 0.2
heartbeat_s = 2

[[sources]]
id = "web"
driver = "http_json"
url = "http://127.0.0.1:{thermometer}/status"

[[cabinets]]
id = "03"
limits = {{ high = 8.0 }}
alarm_delay_s = 0

[[sensors]]
id = "03.air"
cabinet = "03"
source = "web"
point = "t"

[webhooks]
escalate_after_min = 0.02
escalate_command = ["{buzzer}", "on"]

[webhooks.retry]
first_delay_s = 0.5
max_delay_s = 1.0

[[webhooks.endpoints]]
id = "hq"
url = "http://127.0.0.1:{hq}/hooks"
secret = "{secret}"

[[webhooks.endpoints]]
id = "spare"
url = "http://127.0.0.1:{spare}/hooks"
secret = "{secret}"
fallback_for = ["hq"]
"""


def problems(core: Core) -> dict[str, str]:
    return {one["code"]: one["text"] for one in core.get("status")["problems"]}


def test_an_alarm_that_headquarters_does_not_take_goes_the_other_ways(
    tmp_path: Path, peer: Callable[..., Process], core: Callable[..., Core]
) -> None:
    """Once each; the heartbeat and the status tell of it, until headquarters has it after all, under the same id."""
    hq, spare, thermometer = free_port(), free_port(), free_port()
    values, got, got_late = tmp_path / "values.json", tmp_path / "spare.jsonl", tmp_path / "hq.jsonl"
    buzzer = tmp_path / "buzzer"
    buzzer.write_text(
        f'#!/bin/sh\necho "$1 $CDG_UNDELIVERED $CDG_ENDPOINTS $CDG_CABINET" >> {tmp_path}/buzzed\nexit 1\n'
    )
    buzzer.chmod(0o700)
    values.write_text('{"t": 4.0}')
    peer("thermometer", thermometer, values, tmp_path / "asked")
    peer("receiver", spare, SECRET, got)
    wait_until(lambda: listens(socket.AF_INET, ("127.0.0.1", spare)), "the spare endpoint is open")
    box = core(CONFIG.format(thermometer=thermometer, hq=hq, spare=spare, secret=SECRET, buzzer=buzzer))
    box.start()
    wait_until(lambda: box.get("readings")["items"][0]["value"] == 4.0, "the cabinet is read")
    assert json_lines(got) == []

    values.write_text('{"t": 12.0}')
    [handed] = wait_until(lambda: json_lines(got), "the spare endpoint has the alarm")
    wait_until((tmp_path / "buzzed").exists, "the buzzer was switched on")
    assert (tmp_path / "buzzed").read_text() == "on 1 hq 03\n"
    assert (handed["verified"], handed["event"]["type"], handed["event"]["data"]["cabinet"]) == (
        True,
        "case.opened",
        "03",
    )
    found = wait_until(lambda: "escalate_command_failed" in (now := problems(box)) and now, "the status complains")
    assert "1 critical" in found["critical_undelivered"]
    assert found["critical_undelivered"].endswith(": hq")
    assert "ended with 1" in found["escalate_command_failed"]
    assert box.get("status")["webhooks"]["oldest_critical_s"] > 1.0

    box.kill()
    box.start()
    wait_until(
        lambda: len((tmp_path / "buzzed").read_text().splitlines()) == 2, "a restart switches the buzzer on again"
    )
    peer("receiver", hq, SECRET, got_late)
    wait_until(
        lambda: [one for one in json_lines(got_late) if one["id"] == handed["id"]], "headquarters has the alarm too"
    )
    wait_until(lambda: "critical_undelivered" not in problems(box), "and nothing more is to be said")
    assert [one["id"] for one in json_lines(got)] == [handed["id"]]

    def told() -> list[dict[str, Any]]:
        beats = [one["event"]["data"] for one in json_lines(got_late) if one["event"]["type"].startswith("device.")]
        return [beat for beat in beats if beat["undelivered_critical"] == 1]

    [beat, *_] = wait_until(told, "headquarters is told what it had missed")
    assert beat["oldest_critical_s"] > 1.0
    assert (beat["dead_letter"], beat["pending"] >= 1, beat["oldest_pending_age_s"] > 0.0) == (0, True, True)
