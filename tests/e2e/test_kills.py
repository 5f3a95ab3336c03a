"""SIGKILL at random moments while cases open, clear and are handled: headquarters still gets every event of every case."""

import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Core, Process, free_port, json_lines, wait_until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SENSORS = 12
SHORT = 0.3  # so many lives end while, or before, they start

HEAD = """
[device]
id = "box"
site = "site"

[monitor]
interval_s = 0.05
heartbeat_s = 0

[[sources]]
id = "web"
driver = "http_json"
url = "http://127.0.0.1:{thermometer}/"

[webhooks.retry]
first_delay_s = 0.1
max_delay_s = 0.5

[[webhooks.endpoints]]
id = "hq"
url = "http://127.0.0.1:{receiver}/"
secret = "{secret}"
"""

ONE = """
[[cabinets]]
id = "{n}"
limits = {{ high = 8.0 }}
alarm_delay_s = 0
clear_delay_s = 0
reopen_window_s = 0

[[sensors]]
id = "{n}.air"
cabinet = "{n}"
source = "web"
point = "t.{n}"
"""


@dataclass
class Seen:
    """What the core said before it was killed: it must hold for ever."""

    events: set[str] = field(default_factory=set)  # of cases, with the queue
    cases: dict[str, int] = field(default_factory=dict)  # where each case stood after a person had acted
    actions: set[tuple[str, int]] = field(default_factory=set)


@pytest.mark.parametrize(("seed", "kills"), [(1, 10), (2, 10), pytest.param(3, 200, marks=pytest.mark.torture)])
def test_random_kills_lose_and_split_nothing(
    tmp_path: Path, peer: Callable[..., Process], core: Callable[..., Core], seed: int, kills: int
) -> None:
    """Every case's events arrive with numbers 1..seq, the account of deliveries adds up, what a person did stays done; an id
    arrives twice only for attempts in flight at a kill.
    """
    chance, seen = random.Random(seed), Seen()
    values, got_file = tmp_path / "values.json", tmp_path / "got.jsonl"
    _measure(values, [4.0] * SENSORS)
    thermometer, receiver = free_port(), free_port()
    peer("thermometer", thermometer, values, tmp_path / "asked")
    peer("receiver", receiver, SECRET, got_file)
    config = HEAD.format(thermometer=thermometer, receiver=receiver, secret=SECRET)
    box = core(config + "".join(ONE.format(n=n) for n in range(SENSORS)))
    for _ in range(kills):
        if chance.random() < SHORT:
            Process.start(box)
            time.sleep(chance.uniform(0.0, 0.6))
        else:
            box.start()
            _live(box, values, chance, seen)
        assert box.stop(signal.SIGKILL) == -signal.SIGKILL
    _measure(values, [4.0] * SENSORS)
    box.start()
    wait_until(lambda: not box.get("webhooks/retries")["items"], "the queue is empty", 60)
    wait_until(lambda: _complete(box, got_file, seen), "every event of every case has arrived", 60)
    got = {one["id"] for one in json_lines(got_file)}
    status = box.get("status")
    _assert_nothing_is_damaged(status)
    assert seen.events <= got
    _assert_actions_stand(got_file, seen)
    accounts = status["webhooks"]["accounts"]
    assert accounts["accepted"] == accounts["delivered"] == len(got)
    assert accounts["unaccounted"] == 0
    _assert_doubles_were_in_flight(got_file, kills)


def _live(box: Core, values: Path, chance: random.Random, seen: Seen) -> None:
    """Temperatures change, somebody handles cases, the queue is looked at."""
    end = time.monotonic() + chance.uniform(0.1, 0.8)
    while time.monotonic() < end:
        _measure(values, [chance.choice([4.0, 12.0]) for _ in range(SENSORS)])
        waiting = box.get("webhooks/retries", limit=250)["items"]
        seen.events |= {one["event_id"] for one in waiting if one["case_id"] is not None}
        if chance.random() < 0.3 and (open_ones := box.get("cases", open=True)["items"]):
            _act(box, chance.choice(open_ones)["case_id"], seen)
        time.sleep(0.02)


def _act(box: Core, case_id: str, seen: Seen) -> None:
    answer = box.request("POST", f"/api/manage/cases/{case_id}/handle", json={"by": "li", "action": "door closed"})
    if answer.status_code == 409:  # it has closed by itself meanwhile
        return
    assert answer.status_code == 200, answer.text
    done = answer.json()
    seen.cases[case_id] = done["seq"]
    seen.actions.add((case_id, done["seq"] - (done["handling"] == "closed")))


def _measure(values: Path, celsius: list[float]) -> None:
    spare = values.with_suffix(".new")
    spare.write_text(json.dumps({"t": celsius}))
    spare.replace(values)


def _complete(box: Core, got_file: Path, seen: Seen) -> bool:
    reached = {line["id"]: line["d"]["seq"] for path in box.data.glob("archive/cases-*") for line in json_lines(path)}
    reached |= {case["case_id"]: case["seq"] for case in _cases(box)}
    assert all(reached.get(case_id, 0) >= seq for case_id, seq in seen.cases.items()), "what a person did is undone"
    arrived: dict[str, set[int]] = {}
    for one in json_lines(got_file):
        data = one["event"]["data"]
        if "case_id" in data:
            arrived.setdefault(data["case_id"], set()).add(data["seq"])
    assert set(arrived) <= set(reached), "headquarters knows a case that the core lost"
    return bool(reached) and all(arrived.get(case_id) == set(range(1, seq + 1)) for case_id, seq in reached.items())


def _cases(box: Core) -> list[dict[str, Any]]:
    page = box.get("cases", limit=250)
    found: list[dict[str, Any]] = page["items"]
    while page["next"] is not None:
        page = box.get("cases", limit=250, cursor=page["next"])
        found += page["items"]
    return found


def _assert_nothing_is_damaged(status: dict[str, Any]) -> None:
    """A kill may cut a write off where a page ends: those half lines, told to nobody, are all that may be in quarantine."""
    journals = status["durability"]["journals"]
    cut = {name: journal["torn_tails"] for name, journal in journals.items() if journal["torn_tails"]}
    print(f"\ntorn tails: {cut}")
    assert {one["code"] for one in status["problems"]} <= {f"{name}_degraded" for name in cut}
    for journal in journals.values():
        assert (journal["state"], journal["damaged_lines"], journal["lost_numbers"]) == ("durable", 0, 0)


def _assert_actions_stand(got_file: Path, seen: Seen) -> None:
    events = [one["event"] for one in json_lines(got_file)]
    actions = {(one["data"]["case_id"], one["data"]["seq"]) for one in events if one["type"] == "case.action_recorded"}
    assert seen.actions <= actions, "what a person did is undone, and its number stands for something else"


def _assert_doubles_were_in_flight(got_file: Path, kills: int) -> None:
    """An attempt whose outcome was not on disk at the kill is made again under its own number; no other repeats."""
    got = [(one["id"], one["attempt"]) for one in json_lines(got_file)]
    doubled = Counter(got)
    print(f"\n{len(doubled)} attempts arrived, {len(got) - len(doubled)} of them again after {kills} kills")
    told = {(one["id"], json.dumps(one["event"])) for one in json_lines(got_file)}
    assert len(told) == len(doubled), "an id stands for two events"
    assert len({event_id for event_id, _ in got}) == len(doubled), "an event came twice under two attempt numbers"
    assert len(got) - len(doubled) <= kills * SENSORS
