"""A journal that was damaged while the core was away: everything else goes on, it is told in figures and in words, and a
person's word for having seen it holds for good.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cdg_tui.i18n import LANGUAGES, Language, Words
from tests.e2e.conftest import ROOT, Core, free_port, json_lines, wait_until
from tests.e2e.shops import BUSY, SECRET, a_shop

# A thermostat's cycle takes some 20 min, two seconds here; the limit lies within it, so each cycle is a case.
DAMAGED = (
    BUSY
    + """
[webhooks.retry]
first_delay_s = 1
max_delay_s = 2

[manage_api]
listen = "127.0.0.1:{thermometer}"
"""
)
ACKNOWLEDGE = "/api/manage/durability/acknowledge"
both_languages = pytest.mark.parametrize("language", LANGUAGES)


def busy(core: Core, events: int = 5) -> set[str]:
    """Runs until so many events wait, and ends in order; the events that waited."""
    core.start()
    waiting = wait_until(lambda: found if len(found := ids(core)) >= events else None, f"{events} events wait", 40)
    core.stop()
    assert isinstance(waiting, set)
    return waiting


def ids(core: Core) -> set[str]:
    return {item["event_id"] for item in core.get("webhooks/retries", limit=250)["items"]}


def damage(file: Path) -> tuple[str, int]:
    """Flip a bit in each line of the delivery that was accepted second; its event and how many lines that are."""
    lines = file.read_bytes().splitlines(keepends=True)
    puts = [json.loads(line) for line in lines if b'"k":"put"' in line]
    accepted = list(dict.fromkeys(put["id"] for put in puts if put["id"].startswith("dlv_")))
    victim = accepted[1]
    hit = [at for at, line in enumerate(lines) if json.loads(line)["id"] == victim]
    for at in hit:
        lines[at] = lines[at].replace(b'"endpoint"', b'"endpoins"', 1)
    file.write_bytes(b"".join(lines))
    return next(put["d"]["event_id"] for put in puts if put["id"] == victim), len(hit)


def codes(core: Core) -> set[str]:
    return {problem["code"] for problem in core.get("status")["problems"]}


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
@both_languages
def test_a_damaged_log_is_told_until_somebody_says_on_the_console_that_they_have_seen_it(
    tmp_path: Path, language: Language
) -> None:
    words = Words(language)
    with a_shop(tmp_path, DAMAGED, language) as shop:
        waited = busy(shop.core)
        file = shop.core.data / "retries.jsonl"
        lost, lines = damage(file)
        damaged = file.read_bytes()
        shop.headquarters()
        shop.core.start()

        status = shop.core.get("status")
        journals = status["durability"]["journals"]
        assert status["durability"]["degraded"]
        found = {
            name: journals["retries"][name] for name in ("degraded", "unacknowledged", "damaged_lines", "lost_numbers")
        }
        assert found == {"degraded": True, "unacknowledged": 1, "damaged_lines": lines, "lost_numbers": lines}
        assert (journals["retries"]["quarantined_files"], journals["retries"]["quarantined_bytes"]) == (1, len(damaged))
        assert (journals["retries"]["torn_tails"], journals["retries"]["unclean_start"]) == (0, False)
        assert not journals["cases"]["degraded"]
        assert status["webhooks"]["accounts"]["unaccounted"] == 1
        assert codes(shop.core) >= {"retries_degraded", "deliveries_unaccounted"}
        (piece,) = (shop.core.data / "quarantine").glob("*.bad")
        assert piece.read_bytes() == damaged
        wait_until(lambda: waited - {lost} <= events_at(tmp_path), "everything else is delivered")

        console = shop.window()
        console.shows(words("link.live"), words("word.degraded"))
        console.keys("1", "K")
        console.shows(words("damage.title"), str(len(damaged)))
        console.keys("Y")
        console.shows(words("damage.done"))
        console.hides(words("word.degraded"))
        assert_seen(shop.core, lines)
        shop.core.kill()
        shop.core.start()
        assert_seen(shop.core, lines)
        console.shows(words("link.live"))
        assert words("word.degraded") not in console.text
        assert piece.read_bytes() == damaged


def events_at(directory: Path) -> set[str]:
    return {one["id"] for one in json_lines(directory / "got.jsonl")}


def assert_seen(core: Core, lines: int) -> None:
    """No longer degraded; what the journal has been through is still told."""
    durability = core.get("status")["durability"]
    retries = durability["journals"]["retries"]
    assert (durability["degraded"], retries["degraded"], retries["unacknowledged"]) == (False, False, 0)
    assert (retries["damaged_lines"], retries["quarantined_files"]) == (lines, 1)
    assert not {"retries_degraded", "deliveries_unaccounted"} & codes(core)
    assert core.get("status")["webhooks"]["accounts"]["unaccounted"] == 1


# -- the route ---------------------------------------------------------------------------------------------------------


class Door:
    """A core whose log was damaged, asked on TCP by callers of different scopes."""

    def __init__(self, core: Core, port: int):
        self.core, self._url = core, f"http://127.0.0.1:{port}{ACKNOWLEDGE}"
        self._tokens: dict[str, str] = {}

    def token(self, scope: str) -> str:
        if scope not in self._tokens:
            self._tokens[scope] = self._added(scope)
        return self._tokens[scope]

    def _added(self, scope: str) -> str:
        command = [sys.executable, "-m", "core", "token", "add", scope, "--scope", scope, "--config"]
        made = subprocess.run(
            [*command, str(self.core.config)], check=True, capture_output=True, text=True, cwd=ROOT, timeout=30
        )
        return made.stdout.split()[-1]

    def acknowledge(self, scope: str | None, body: object = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token(scope)}"} if scope else {}
        return httpx.post(self._url, json={"by": "李工"} if body is None else body, headers=headers, timeout=10)

    @property
    def reports(self) -> list[dict[str, Any]]:
        return [json.loads(file.read_bytes()) for file in (self.core.data / "quarantine").glob("*.json")]


@pytest.fixture
def door(core: Callable[..., Core]) -> Door:
    port = free_port()
    box = core(DAMAGED.format(receiver=free_port(), secret=SECRET, thermometer=port))
    busy(box, 3)
    damage(box.data / "retries.jsonl")
    box.start()
    return Door(box, port)


def test_who_operates_may_say_that_they_have_seen_the_damage_and_who_reads_may_not(door: Door) -> None:
    """The answer is how it stands now; the report keeps who it was, by word and by login."""
    refused = [door.acknowledge(scope) for scope in (None, "read")]
    assert [(one.status_code, one.json()["code"]) for one in refused] == [
        (401, "unauthorized"),
        (403, "insufficient_scope"),
    ]
    assert door.core.get("status")["durability"]["degraded"]
    answer = door.acknowledge("operate")
    assert (answer.status_code, answer.json()["state"], answer.json()["degraded"]) == (200, "durable", False)
    assert set(answer.json()["journals"]) == {"retries", "cases"}
    (report,) = door.reports
    assert report["reason"] == "damaged"
    assert report["acknowledged_by"] == "李工 (token:operate)"
    assert report["acknowledged_at"]


def test_a_word_without_a_name_or_with_more_is_refused(door: Door) -> None:
    bodies: list[object] = [{}, {"by": ""}, {"by": "li", "all": True}, {"by": 5}, []]
    for body in bodies:
        assert door.acknowledge("admin", body).status_code == 422, body
    assert door.core.get("status")["durability"]["degraded"]


def test_what_cannot_be_written_down_is_not_called_seen(door: Door) -> None:
    """A start after that would tell of the damage again."""
    kept = str(door.core.data / "quarantine")
    if subprocess.run(["mount", "--bind", "-o", "ro", kept, kept], check=False).returncode != 0:
        pytest.skip("mounting needs root")
    try:
        answer = door.acknowledge("operate")
        assert (answer.status_code, answer.json()["code"]) == (409, "quarantine_not_writable")
        deeds = [json.loads(line)["d"] for line in (door.core.data / "audit.jsonl").read_bytes().splitlines()]
        told = [deed["outcome"] for deed in deeds if deed["what"] == "durability.acknowledge"]
        assert told == ["failed"]  # and maybe the first journals are acknowledged
        assert door.core.get("status")["durability"]["degraded"]
    finally:
        subprocess.run(["umount", kept], check=True)
    assert door.acknowledge("admin").status_code == 200
    assert not door.core.get("status")["durability"]["degraded"]


def test_where_nothing_is_damaged_saying_so_changes_nothing(core: Callable[..., Core]) -> None:
    box = core(DAMAGED.format(receiver=free_port(), secret=SECRET, thermometer=free_port()))
    box.start()
    answer = box.post("durability/acknowledge", {"by": "li"})
    assert (answer["state"], answer["degraded"]) == ("durable", False)
    assert not (box.data / "quarantine").exists()
