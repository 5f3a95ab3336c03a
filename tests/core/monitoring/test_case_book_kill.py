"""A kill at any moment: no second case for the same breach, none lost, no event lost or given out twice.

A kill leaves a prefix of the journal: here each prefix of real ones is tried, and real processes are killed.
"""

import asyncio
import contextlib
import shutil
import signal
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from random import Random

import pytest

from core.events import EventType, Severity
from core.journal import Archive, SnapshotJournal
from core.monitoring import cases
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Condition, Kind
from core.monitoring.rules import Watch
from core.webhooks.retry_queue import RetryQueue
from tests.core.monitoring.factories import (
    AIR,
    HIGH_KEY,
    START,
    Bench,
    ListPublisher,
    QueuePublisher,
    a_book,
    a_case,
    a_queue,
    publishing,
    until,
)
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]


def boundaries(journal: Path) -> list[int]:
    """The offsets behind each line, and 0."""
    return [0, *accumulate(len(line) for line in journal.read_bytes().splitlines(keepends=True))]


@contextlib.contextmanager
def killed_at(life: Path, offset: int) -> Iterator[Path]:
    """A copy of the data directory in which the cases' journal got no further than `offset`."""
    copy = life.with_name(f"{life.name}-{offset}")
    shutil.copytree(life, copy)
    data = (copy / "cases.jsonl").read_bytes()
    (copy / "cases.jsonl").write_bytes(data[:offset])
    yield copy
    shutil.rmtree(copy)


def a_life(directory: Path, course: str) -> Path:
    """Live through breaches (B), recoveries (r) and faults (f), and die with all of it in the journal."""
    directory.mkdir()
    clock = FakeClock()
    with a_book(directory, clock) as book:
        bench = Bench(book, clock)
        for part in course:
            {"B": bench.breach, "r": bench.recover, "f": bench.fail}[part]()
    return directory


def offsets_to_try(journal: Path) -> list[int]:
    """Every line boundary, and some byte offsets within lines."""
    size = journal.stat().st_size
    return sorted({*boundaries(journal), *Random(7).sample(range(size), 60)})


@pytest.mark.parametrize("course", ["B", "Br", "BrB", "BfB", "rBrBr"])
def test_wherever_it_is_killed_the_breach_that_goes_on_has_exactly_one_case(tmp_path: Path, course: str) -> None:
    life = a_life(tmp_path / "life", course)
    for offset in offsets_to_try(life / "cases.jsonl"):
        clock = FakeClock()
        with killed_at(life, offset) as directory, a_book(directory, clock) as book:
            bench = Bench(book, clock)
            bench.breach()
            case = bench.case()
            assert case == book.current(HIGH_KEY), offset
            assert [event.type for event in case.outbox].count(EventType.CASE_OPENED) == 1, offset
            assert [event.seq for event in case.outbox] == list(range(1, case.seq + 1)), offset


@pytest.mark.parametrize("course", ["B", "BrB", "BfB"])
def test_wherever_it_is_killed_the_case_still_clears(tmp_path: Path, course: str) -> None:
    life = a_life(tmp_path / "life", course)
    for offset in offsets_to_try(life / "cases.jsonl"):
        clock = FakeClock()
        with killed_at(life, offset) as directory, a_book(directory, clock) as book:
            bench = Bench(book, clock)
            bench.hear(*[4.0] * 50)  # one that came back waits for longer
            assert book.current(HIGH_KEY) is None, offset
            assert book.watch(HIGH_KEY).severity is None, offset


def test_a_kill_between_the_case_and_its_timer_keeps_peak_and_duration(tmp_path: Path) -> None:
    clock = FakeClock()
    with a_book(tmp_path, clock) as book:
        book.keep_watch(HIGH_KEY, Watch(breaching=True, breach_s=540.0, elapsed_s=540.0, peak=9.5), durable=True)
        book.put(cases.opened(a_case()))
    with a_book(tmp_path, clock) as book:
        bench = Bench(book, clock)
        bench.hear(4.0, 4.0)
        assert (bench.case().peak, bench.case().duration_s) == (9.5, 610.0)
        assert book.watch(HIGH_KEY).severity is Severity.CRITICAL


def test_a_kill_between_the_end_of_a_case_and_its_timer_ends_the_timer(tmp_path: Path) -> None:
    with a_book(tmp_path, FakeClock()) as book:
        book.keep_watch(HIGH_KEY, Watch(breaching=True, breach_s=900.0, severity=Severity.CRITICAL), durable=True)
        book.put(cases.cleared(cases.opened(a_case()), START))
    with a_book(tmp_path, FakeClock()) as book:
        assert book.watch(HIGH_KEY) == Watch(quiet_s=0.0)


def test_a_case_that_was_lost_to_damage_opens_again_with_the_next_value_beyond(tmp_path: Path) -> None:
    clock = FakeClock()
    with a_book(tmp_path, clock) as book:
        ripe = Watch(breaching=True, breach_s=900.0, critical_s=900.0, severity=Severity.CRITICAL)
        book.keep_watch(HIGH_KEY, ripe, durable=True)
    with a_book(tmp_path, clock) as book:
        bench = Bench(book, clock)
        bench.hear(9.0)
        assert bench.told() == ["case.opened"]


def test_a_kill_costs_a_running_timer_no_more_than_its_checkpoint(tmp_path: Path) -> None:
    clock = FakeClock()
    journal = SnapshotJournal(tmp_path / "cases.jsonl", clock)
    Bench(CaseBook(journal, Archive(tmp_path, clock), clock), clock).hear(*[9.0] * 50)
    journal.close()
    with a_book(tmp_path, clock) as book:
        breach_s = book.watch(HIGH_KEY).breach_s
        assert breach_s is not None
        assert 490 - 60 <= breach_s <= 490


@pytest.mark.parametrize("kind", [Kind.SENSOR_FAULT, Kind.SENSOR_STALE])
def test_a_restart_opens_no_second_fault_or_stale_case(tmp_path: Path, kind: Kind) -> None:
    clock = FakeClock()

    def trouble(bench: Bench) -> None:
        if kind is Kind.SENSOR_FAULT:
            bench.hear(*[None] * 5)
        else:
            bench.silence(302)

    for _ in range(2):
        with a_book(tmp_path, clock) as book:
            bench = Bench(book, clock)
            trouble(bench)
            assert [event.seq for event in bench.case(kind).outbox] == [1]
    with a_book(tmp_path, clock) as book:
        bench = Bench(book, clock)
        bench.hear(4.0, 4.0, 4.0)
        assert bench.case(kind).condition is Condition.CLEARED


async def test_an_event_whose_publishing_was_not_recorded_yields_one_delivery(tmp_path: Path) -> None:
    life = tmp_path / "life"
    life.mkdir()
    clock = FakeClock()
    with a_queue(life, clock) as queue, a_book(life, clock) as book:
        async with publishing(book, QueuePublisher(queue)):
            book.put(cases.opened(a_case()))
            await until(lambda: book.get("case_1").outbox == ())
            accepted = [entry.delivery for entry in queue.entries()]
    head, with_outbox, _recorded, *_ = boundaries(life / "cases.jsonl")[1:]
    assert head < with_outbox
    with (
        killed_at(life, with_outbox) as directory,
        a_queue(directory, clock) as queue,
        a_book(directory, clock) as book,
    ):
        again = ListPublisher()
        async with publishing(book, again):
            await until(lambda: book.get("case_1").outbox == ())
        for event in again.calls:
            await QueuePublisher(queue).publish(event)
        assert [event.event_id for event in again.calls] == ["evt_1_1"]
        assert [entry.delivery for entry in queue.entries()] == accepted


def accepted(queue: RetryQueue) -> dict[str, str]:
    return {entry.delivery.event_id: entry.delivery.event_type for entry in queue.entries()}


async def check_after_the_kill(directory: Path, told: set[str]) -> None:
    """Numbers have no gap, an event that the queue knows is the one the case means, and one delivery carries it. What was
    `told` to be on disk goes out, and of each storm and step of the clock before it there is one event.

    The clock begins at the same wall time in every life, as that of a box without a battery does.
    """
    clock = FakeClock()
    with a_queue(directory, clock) as queue, a_book(directory, clock) as book:
        known = accepted(queue)
        for case in book.all():
            for event in case.outbox:
                assert known.get(event.event_id, event.type) == event.type
        bench = Bench(book, clock)
        bench.breach()
        assert sum(case.condition is Condition.ACTIVE and case.sensor == AIR for case in book.all()) == 1
        async with publishing(book, QueuePublisher(queue)):
            await until(lambda: not any(case.outbox for case in book.all()) and told <= accepted(queue).keys())
        known = accepted(queue)
        rounds = sum(event_id.endswith("_out") for event_id in told)
        for event_type in (EventType.SITE_STORM, EventType.DEVICE_CLOCK_CHANGED):
            count = list(known.values()).count(event_type)
            assert rounds <= count <= rounds + 3, (event_type, count)  # in each life one round may be cut short
        seqs = defaultdict(list)
        for entry in queue.entries():
            seqs[entry.delivery.case_id].append(entry.delivery.seq)
        for case in book.all():
            assert sorted(seqs[case.case_id], key=lambda seq: seq or 0) == list(range(1, case.seq + 1))


async def test_a_killed_process_loses_no_event_and_doubles_none(tmp_path: Path) -> None:
    told: set[str] = set()
    for round_number, lives_s in enumerate([0.05, 0.17, 0.3]):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.core.monitoring.victim", str(tmp_path)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        while (line := await asyncio.wait_for(process.stdout.readline(), 20)) != b"alive\n":
            assert line, round_number
            told.add(line.decode().strip())
        await asyncio.sleep(lives_s)
        process.send_signal(signal.SIGKILL)
        rest, _ = await process.communicate()
        assert process.returncode == -signal.SIGKILL
        told |= {line.decode().strip() for line in rest.splitlines(keepends=True) if line.endswith(b"\n")}
        await check_after_the_kill(tmp_path, told)
    print(f"\n{len(told)} events were told to be on disk")
