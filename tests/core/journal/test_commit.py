"""When a change is on disk: group commit, what `settled` promises, kills, and healing after a failed write."""

import asyncio
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.journal import SnapshotJournal
from core.journal.lines import decode_line
from tests.core.journal.rigs import (
    a_journal,
    child,
    eventually,
    needs_strace,
    opened,
    output,
    traced,
)

START = """
import sys, threading, pathlib
from core.journal import SnapshotJournal
from tests.fakes import FakeClock
path, clock = pathlib.Path(sys.argv[1]), FakeClock()
journal = SnapshotJournal(path, clock)
"""


@pytest.mark.anyio
async def test_settled_returns_with_the_bytes_in_the_file(tmp_path: Path) -> None:
    """Read right after it, the file holds the change, each time."""
    path = a_journal(tmp_path)
    with opened(path) as journal:
        for number in range(50):
            await journal.settled(journal.put("a", b'"change %d"' % number))
            assert b'"change %d"' % number in path.read_bytes()


@pytest.mark.anyio
async def test_what_is_settled_already_is_no_wait(tmp_path: Path) -> None:
    """An old number returns at once, also after a reopening."""
    path = a_journal(tmp_path, "a")
    with opened(path) as journal:
        async with asyncio.timeout(5):
            await journal.settled(journal.seq)


@pytest.mark.anyio
async def test_one_that_stops_waiting_disturbs_nobody(tmp_path: Path) -> None:
    """A cancelled waiter leaves the journal and the other waiters as they are."""
    with opened(a_journal(tmp_path)) as journal:
        n = journal.put("a", b"1", lazy=True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await journal.settled(n)
        async with asyncio.timeout(10):
            await journal.settled(n)


def test_a_lazy_change_is_on_disk_soon_without_an_urgent_one(tmp_path: Path) -> None:
    """It waits about a second for company, not for ever."""
    path = a_journal(tmp_path)
    with opened(path) as journal:
        began = time.monotonic()
        journal.put("a", b'"lazy"', lazy=True)
        assert eventually(lambda: b'"lazy"' in path.read_bytes(), within_s=2.5)
        assert time.monotonic() - began > 0.5


def test_an_urgent_change_takes_the_lazy_ones_along(tmp_path: Path) -> None:
    """Nobody waits a second behind what may be repeated."""
    path = a_journal(tmp_path)
    with opened(path) as journal:
        journal.put("a", b'"lazy"', lazy=True)
        journal.wait(journal.put("b", b'"urgent"'))
        assert path.read_bytes().index(b'"lazy"') < path.read_bytes().index(b'"urgent"')


CROWD = (
    START
    + """
def one(number):
    journal.wait(journal.put(str(number), b"1"))
crowd = [threading.Thread(target=one, args=(number,)) for number in range(50)]
for thread in crowd: thread.start()
for thread in crowd: thread.join()
assert len(path.read_bytes().splitlines()) == 51
journal.close()
"""
)


@needs_strace
def test_a_slow_disk_syncs_many_changes_at_once(tmp_path: Path) -> None:
    """While one sync takes 100 ms, all who arrive share the next one: 50 changes need a handful."""
    options = ("-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=100000")
    calls = traced(CROWD, str(tmp_path / "j"), log=tmp_path / "log", options=options)
    assert 2 <= sum("fdatasync(" in call for call in calls) <= 12


WRITER = (
    START
    + """
import itertools
held = {item: int(document) for item, _, document in journal.items()}
for value in itertools.count(1 + max(held.values(), default=0)):
    item = str(value % 50)
    if value % 7 == 0:
        journal.delete(item, lazy=True)
    journal.wait(journal.put(item, b"%d" % value))
    print(value, flush=True)
"""
)


def test_a_kill_at_any_moment_loses_nothing_that_was_settled(tmp_path: Path) -> None:
    """Twenty kills of a writing process, rewrites among them: every change it had been told of is there."""
    path, rng, last = tmp_path / "j", random.Random(20261123), 0
    for _ in range(20):
        told = told_before_a_kill(child(WRITER, str(path)), rng.uniform(0, 0.25))
        with opened(path) as journal:
            held = {item: int(document) for item, _, document in journal.items()}
            assert journal.health().unclean_start
            assert journal.health().damaged_lines == 0
        for value in told[-50:]:
            assert held.get(str(value % 50), 0) >= value or ended_by_the_next(value, told[-1] + 1)
        assert told[0] > last
        last = told[-1]
    assert last > 20


def told_before_a_kill(process: subprocess.Popen[str], after_s: float) -> list[int]:
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    rest, errors = process.communicate()
    assert first, errors
    return [int(line) for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]


def ended_by_the_next(value: int, under_way: int) -> bool:
    """The change under way may have ended its item and not yet put it again: two lines, and a kill between them."""
    return under_way % 7 == 0 and under_way % 50 == value % 50


FULL = (
    START
    + """
import json, resource
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
def put(item):
    journal.wait(journal.put(item, b'"%s"' % item.encode()))
    said = journal.health()
    states.append([said.state, said.reason, said.since is not None])
states = []
put("before")
limit(path.stat().st_size + 10)
put("during")
put("still")
limit(resource.RLIM_INFINITY)
put("not yet")
clock.advance(61) if sys.argv[2] == "probe" else None
put("after")
print(json.dumps(states))
journal.close()
"""
)

ALL = {"before", "during", "still", "not yet", "after"}


@pytest.mark.parametrize("how", ["probe", "close"])
def test_a_full_disk_makes_it_memory_only_until_there_is_room(tmp_path: Path, how: str) -> None:
    """No put and no wait hangs or fails; the probe (or else the end) brings everything to disk."""
    path = tmp_path / "j"
    states = json.loads(output(child(FULL, str(path), how)))
    durable, full = ["durable", None, False], ["memory_only", "File too large", True]
    assert states == [durable, full, full, full, durable if how == "probe" else full]
    with opened(path) as journal:
        assert {item for item, _, _ in journal.items()} == ALL
        assert not journal.health().unclean_start
        assert journal.health().torn_tails == 0


def test_a_kill_on_a_full_disk_keeps_what_was_durable(tmp_path: Path) -> None:
    """The old file is still there, without the half line that did not fit."""
    path = tmp_path / "j"
    output(child(FULL.replace('limit(resource.RLIM_INFINITY)\nput("not yet")', "import os; os._exit(0)"), str(path)))
    with opened(path) as journal:
        assert [name for name, _, _ in journal.items()] == ["before"]
        assert (journal.health().unclean_start, journal.health().torn_tails) == (True, 0)


ENDING = (
    START
    + """
import time
for number in range(5001):
    journal.put(str(number % 10), b"1")
while path.read_bytes().count(b"\\n") < 5002:
    time.sleep(0.005)
journal.close()
"""
)


@needs_strace
def test_an_end_before_a_rewrite_is_a_clean_end(tmp_path: Path) -> None:
    """Closing while the disk is busy with the batch that calls for a compaction still leaves the mark."""
    options = ("-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=500000")
    path = tmp_path / "j"
    traced(ENDING, str(path), log=tmp_path / "log", options=options)
    with opened(path) as journal:
        assert not journal.health().unclean_start
        assert len(list(journal.items())) == 10


@pytest.mark.parametrize("harm", ["removed", "replaced", "cut"])
def test_a_file_that_somebody_takes_away_is_written_anew(tmp_path: Path, harm: str) -> None:
    """What was in it is still in memory, so nothing is lost and nothing is called durable that isn't."""
    path = tmp_path / "retries.jsonl"
    journal = SnapshotJournal(path, SystemClock())
    journal.wait(journal.put("a", b"1"))
    if harm == "removed":
        path.unlink()
    elif harm == "replaced":
        (tmp_path / "other").write_bytes(b"x\n")
        (tmp_path / "other").replace(path)
    else:
        os.truncate(path, 10)
    journal.wait(journal.put("b", b"2"))
    assert {line.id for line in map(decode_line, path.read_bytes().splitlines(keepends=True)) if line} >= {"a", "b"}
    journal.close()
