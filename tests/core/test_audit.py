"""The audit: what was answered is on record, whatever happens; what was changed behind our back is told, once."""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec import structs

from core.audit import Audit, Deed
from core.journal.chain import read_chain
from core.threads import MOST_THREADS, ThreadPerCall
from core.wire_audit import Change
from tests.core.journal.rigs import ROOT
from tests.core.test_verify import verify
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


def a_deed(subject: str = "case_1", *changes: Change, what: str = "case.note") -> Deed:
    return Deed(actor="uid:0", origin="socket", what=what, subject=subject, changes=changes)


def a_patch(**values: Any) -> Deed:
    changes = tuple(Change(key=key, old=None, new=value) for key, value in values.items())
    return a_deed("config", *changes, what="config.patch")


SEEN = a_deed("journals", what="durability.acknowledge")


async def an_audit(directory: Path, *deeds: Deed) -> Audit:
    """Opened, as every start does, by the first deed."""
    audit = Audit(directory, FakeClock())
    for deed in deeds:
        await audit.record(deed)
    return audit


def recorded(directory: Path, what: str | None = None) -> list[dict[str, Any]]:
    lines = [json.loads(line)["d"] for line in (directory / "audit.jsonl").read_bytes().splitlines()]
    return [line for line in lines if what in (None, line["what"])]


def subjects(directory: Path) -> list[str]:
    return [deed["subject"] for deed in recorded(directory)]


def noticed(directory: Path) -> list[tuple[str, Any, Any]]:
    deeds = recorded(directory, "config.noticed")
    return [(one["key"], one["old"], one["new"]) for deed in deeds for one in deed["changes"]]


# -- recording -----------------------------------------------------------------------------------------------------------


async def test_what_is_answered_is_on_disk_with_all_that_is_to_be_said_of_it(tmp_path: Path) -> None:
    deed = Deed(
        actor="operator:li",
        via="uid:1000",
        by="li",
        origin="10.0.0.9",
        what="case.note",
        subject="case_1",
        asked={"note": "ice"},
        changes=(Change(key="note", old=None, new="ice"),),
        request_id="r1",
    )
    audit = await an_audit(tmp_path, deed)
    [(place, item)] = audit.read()
    [line] = recorded(tmp_path)
    assert (place, item and item.n, item and item.changes) == (0, 1, deed.changes)
    assert {
        name: line[name] for name in ("actor", "via", "by", "origin", "what", "subject", "asked", "request_id")
    } == {
        name: getattr(deed, name) for name in ("actor", "via", "by", "origin", "what", "subject", "asked", "request_id")
    }
    assert audit.newest == (1, item and item.sha256)


async def test_many_at_once_are_all_on_record(tmp_path: Path) -> None:
    """One thread writes at a time, and a caller who leaves meanwhile lets no other one in beside it."""
    audit = await an_audit(tmp_path)
    names = [f"{number}" for number in range(60)]
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(audit.record(a_deed(name))) for name in names]
        await asyncio.sleep(0.005)
        for call in calls[::3]:
            call.cancel()
    await audit.record(a_deed("last"))
    assert sorted(subjects(tmp_path)) == sorted([*names, "last"])
    assert not read_chain(tmp_path / "audit.jsonl").told


async def test_one_that_nobody_could_read_is_shortened(tmp_path: Path) -> None:
    """A change of many megabytes leaves a line that says how much was left out."""
    await an_audit(tmp_path, a_patch(name="x" * 5_000_000))
    [line] = recorded(tmp_path)
    assert (line["changes"], line["asked"]["left_out_bytes"] > 5_000_000) == ([], True)


# -- changed in the file -------------------------------------------------------------------------------------------------


async def test_the_first_start_puts_the_values_on_record(tmp_path: Path) -> None:
    audit = await an_audit(tmp_path)
    await audit.notice("config", {"a": 1, "b": [2]})
    assert noticed(tmp_path) == [("a", None, 1), ("b", None, [2])]


async def test_very_many_changes_are_noticed_in_several_deeds(tmp_path: Path) -> None:
    """Each can be read and shown; together they are all, and none comes again."""
    audit, values = await an_audit(tmp_path), {f"k{n:04}": n + 1 for n in range(450)}
    await audit.notice("config", values)
    await audit.notice("config", values)
    assert [len(deed["changes"]) for deed in recorded(tmp_path, "config.noticed")] == [200, 200, 50]
    assert {key: new for key, _, new in noticed(tmp_path)} == values


async def test_only_what_differs_from_the_last_values_on_record_is_noticed(tmp_path: Path) -> None:
    """By whatever line they got there; what is no longer there is null, and is noticed once."""
    first = await an_audit(tmp_path)
    await first.notice("config", {"a": 1, "b": 2, "c": 3})
    await first.record(a_patch(a=5))
    later = Audit(tmp_path, FakeClock())
    await later.notice("config", {"a": 5, "b": 9})
    await later.notice("config", {"a": 5, "b": 9})
    assert noticed(tmp_path)[3:] == [("b", 2, 9), ("c", 3, None)]


async def test_what_is_not_written_yet_is_known_all_the_same(tmp_path: Path) -> None:
    """A change that waits for the disk is not taken for one in the file."""
    audit = await an_audit(tmp_path)
    await audit.notice("config", {"a": 1})
    with full(tmp_path):
        await audit.record(a_patch(a=5))
        await audit.notice("config", {"a": 5})
    await audit.record(a_deed())
    assert noticed(tmp_path) == [("a", None, 1)]


async def test_values_of_other_things_do_not_mix(tmp_path: Path) -> None:
    audit = await an_audit(tmp_path, a_deed("c", Change(key="a", old=None, new=1)))
    await audit.notice("tokens", {"a": 1})
    await audit.notice("config", {"a": 1})
    assert noticed(tmp_path) == [("a", None, 1)]


# -- tampered with -------------------------------------------------------------------------------------------------------


def cut_off(directory: Path, kept: int) -> None:
    path = directory / "audit.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:kept]))


async def test_what_was_altered_is_told_until_somebody_has_seen_it(tmp_path: Path) -> None:
    """And put on record once, however often the core starts."""
    await an_audit(tmp_path, *(a_deed(f"{n}") for n in range(4)))
    cut_off(tmp_path, 1)
    for _ in range(2):
        audit = await an_audit(tmp_path, a_deed("next"))
        assert audit.problem is not None
        assert "the last line is number 1 and not 4" in audit.problem
    await audit.record(structs.replace(SEEN, outcome="failed"))
    assert audit.problem is not None
    await audit.record(SEEN)
    assert audit.problem is None
    for _ in range(2):
        assert (await an_audit(tmp_path, a_deed("next"))).problem is None
    assert len(recorded(tmp_path, "audit.broken")) == 1
    assert verify(tmp_path)[0] == 1


async def test_what_is_altered_after_it_was_seen_is_told_anew(tmp_path: Path) -> None:
    await an_audit(tmp_path, *(a_deed(f"{n}") for n in range(4)))
    cut_off(tmp_path, 1)
    audit = await an_audit(tmp_path, a_deed("a"), SEEN, a_deed("b"))
    path = tmp_path / "audit.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"0"', b'"7"'))
    assert (await an_audit(tmp_path, a_deed("c"))).problem is not None
    assert audit.problem is None


async def test_what_is_altered_while_it_runs_is_told_with_the_next_deed(tmp_path: Path) -> None:
    audit = await an_audit(tmp_path, *(a_deed(f"{n}") for n in range(4)))
    cut_off(tmp_path, 2)
    await audit.record(a_deed("next"))
    assert audit.problem is not None
    assert [deed["what"] for deed in recorded(tmp_path)][2:] == ["case.note", "audit.broken"]


async def test_a_line_that_somebody_made_up_makes_nobody_stumble(tmp_path: Path) -> None:
    """Whole and well chained, and yet none of ours, or with members of another type."""
    audit = await an_audit(tmp_path, a_deed("first"))
    assert audit._log is not None
    for made_up in (
        b'{"x":1}',
        b'{"what":"audit.broken","actor":"x","origin":"x","asked":{"breaks":5}}',
        b'{"what":1}',
    ):
        audit._log.append("x", made_up)
    later = await an_audit(tmp_path, a_deed("last"))
    assert [item and item.subject for _, item in later.read()] == ["last", None, None, None, "first"]


@pytest.mark.parametrize("kept", [3, 1])
async def test_whoever_cuts_lines_off_is_found_by_verify_before_and_after_a_start(tmp_path: Path, kept: int) -> None:
    """But for the newest line alone, which the head still has: the start puts it back."""
    await an_audit(tmp_path, *(a_deed(f"{n}") for n in range(4)))
    cut_off(tmp_path, kept)
    assert verify(tmp_path)[0] == 1
    await an_audit(tmp_path, a_deed("next"))
    assert verify(tmp_path)[0] == (0 if kept == 3 else 1)
    assert subjects(tmp_path)[:4] == (["0", "1", "2", "3"] if kept == 3 else ["0", None, "next"])


def test_verify_tells_of_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").mkdir()
    code, said, _ = verify(tmp_path)
    assert (code, said) == (1, "audit.jsonl: DAMAGED — can't be read (is no file)\n")


def test_verify_tells_of_an_audit_that_is_gone_where_a_core_has_run(tmp_path: Path) -> None:
    (tmp_path / "history.sqlite3").touch()
    assert verify(tmp_path)[:2] == (1, "audit.jsonl: DAMAGED — missing\n")


# -- a sick disk ---------------------------------------------------------------------------------------------------------


@contextmanager
def full(directory: Path, room: int = 40) -> Iterator[None]:
    """The audit can't grow by more than some bytes: a write is cut short, the next one refused."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((directory / "audit.jsonl").stat().st_size + room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_what_a_full_disk_does_not_take_is_kept_and_written_later(tmp_path: Path) -> None:
    """In its order, and once; meanwhile it is a problem that people see."""
    clock = FakeClock()
    audit = Audit(tmp_path, clock)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(audit.run("1"))
        await audit.begun.wait()
        whole = (tmp_path / "audit.jsonl").read_bytes()
        with full(tmp_path):
            for name in ("a", "b"):
                await audit.record(a_deed(name))
            assert audit.problem is not None
            assert audit.problem.startswith("2 changes are not on record yet (")
            assert (tmp_path / "audit.jsonl").read_bytes() == whole
            assert read_chain(tmp_path / "audit.jsonl").behind  # so that a kill now would lose nothing
        while audit.problem is not None:
            clock.advance(10)
            await asyncio.sleep(0.01)
        running.cancel()
    assert subjects(tmp_path) == [None, "a", "b"]
    assert not read_chain(tmp_path / "audit.jsonl").told


async def test_more_than_can_be_kept_is_counted(tmp_path: Path) -> None:
    """Neither memory nor the truth suffers: the first thousand are kept, and how many are lost gets on record."""
    audit = await an_audit(tmp_path, a_deed("first"))
    with full(tmp_path):
        for number in range(1002):
            audit._waiting.append(a_deed(f"{number}")) if number < 999 else await audit.record(a_deed(f"{number}"))
        assert audit.problem is not None
        assert audit.problem.startswith("1000 changes are not on record yet, and 2 more are lost (")
    await audit.record(a_deed("last"))
    assert audit.problem is None
    assert [deed["asked"] for deed in recorded(tmp_path, "audit.lost")] == [{"changes": 2}]
    assert (len(subjects(tmp_path)), subjects(tmp_path)[-1]) == (1 + 1000 + 1 + 1, "last")


async def test_a_place_that_cannot_be_written_holds_nobody_up(tmp_path: Path) -> None:
    """The deed waits until there is one."""
    (tmp_path / "data").write_bytes(b"")
    audit = await an_audit(tmp_path / "data", a_deed("a"))
    assert audit.problem is not None
    assert "Not a directory" in audit.problem
    with pytest.raises(OSError, match="Not a directory"):
        next(audit.read())
    (tmp_path / "data").unlink()
    await audit.record(a_deed("b"))
    assert subjects(tmp_path / "data") == ["a", "b"]
    assert audit.problem is None


class HangingClock(FakeClock):
    """Whoever writes a line asks for the time, and gets it once the disk answers."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = threading.Event()

    def now(self) -> datetime:
        assert self.answers.wait(20)
        return super().now()


async def test_a_disk_that_hangs_holds_one_thread_and_no_caller(tmp_path: Path) -> None:
    """Three hundred changes are answered, the rest of the core keeps its threads, and the problem tells for how long."""
    clock = HangingClock()
    audit, names, threads = (
        Audit(tmp_path, clock, patience_s=0.05),
        [f"{n}" for n in range(300)],
        threading.active_count(),
    )
    try:
        await asyncio.wait_for(asyncio.gather(*(audit.record(a_deed(name)) for name in names)), 5)
        assert threading.active_count() <= threads + 1
        clock.advance(7)
        assert audit.problem == "300 changes are not on record yet (not written for 7 s)"
    finally:
        clock.answers.set()
    async with asyncio.timeout(10):
        while audit.problem is not None:
            await asyncio.sleep(0.001)
    await audit.record(a_deed("last"))
    assert subjects(tmp_path) == [*names, "last"]


async def test_without_a_thread_to_be_had_it_waits_and_is_told(tmp_path: Path) -> None:
    threads, release = ThreadPerCall(), threading.Event()
    asyncio.get_running_loop().set_default_executor(threads)
    audit = Audit(tmp_path, FakeClock())
    try:
        hanging = [threads.submit(release.wait, 20) for _ in range(MOST_THREADS)]
        await audit.record(a_deed("a"))
        assert audit.problem == f"1 changes are not on record yet ({MOST_THREADS} blocking calls hang already)"
    finally:
        release.set()
    assert all(one.result() for one in hanging)
    async with asyncio.timeout(10):
        while audit.problem is not None:
            await audit.record(a_deed("b"))
    assert subjects(tmp_path)[:2] == ["a", "b"]


async def test_values_that_were_read_while_it_could_not_be_opened_are_compared_later(tmp_path: Path) -> None:
    """With what was on record before them; they come but once."""
    (tmp_path / "data").write_bytes(b"")
    audit = Audit(tmp_path / "data", FakeClock())
    await audit.notice("config", {"a": 1})
    assert audit.problem is not None
    assert audit.problem.startswith("1 changes are not on record yet (")
    (tmp_path / "data").unlink()
    await audit.record(a_patch(a=2))
    assert noticed(tmp_path / "data") == [("a", None, 1)]


async def test_a_break_that_could_not_be_put_on_record_is_put_there_later(tmp_path: Path) -> None:
    await an_audit(tmp_path, *(a_deed(f"{n}") for n in range(4)))
    cut_off(tmp_path, 1)
    audit = Audit(tmp_path, FakeClock())
    with full(tmp_path):
        await audit.record(a_deed("a"))
    await audit.record(a_deed("b"))
    assert [deed["what"] for deed in recorded(tmp_path)] == ["case.note", "audit.broken", "case.note", "case.note"]


# -- killed --------------------------------------------------------------------------------------------------------------


def killed_after(directory: Path, seconds: float) -> list[str]:
    """The subjects that a core answered before it was killed."""
    command = [sys.executable, "-m", "tests.core.audit_victim", str(directory)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ) as victim:
        assert victim.stdout is not None
        first = victim.stdout.readline()
        time.sleep(seconds)
        victim.send_signal(signal.SIGKILL)
        return [first.strip(), *victim.stdout.read().split()]


@pytest.mark.parametrize("rounds", [3, pytest.param(200, marks=pytest.mark.torture)])
async def test_no_line_that_was_answered_is_lost_by_a_kill(tmp_path: Path, rounds: int) -> None:
    """At any time, again and again on the same file, which then hangs together."""
    chance, answered = Random(rounds), []
    for _ in range(rounds):
        answered += killed_after(tmp_path, chance.uniform(0, 0.08))
        assert not read_chain(tmp_path / "audit.jsonl").told
    await an_audit(tmp_path, a_deed("last"))
    kept = subjects(tmp_path)
    assert len(answered) > 3 * rounds
    assert set(answered) <= set(kept)
    assert len(set(kept)) == len(kept)
    assert verify(tmp_path)[0] == 0
