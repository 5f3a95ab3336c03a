"""A kill at any moment of a day in which everything happens: timers, cases, shelves, windows and service are where they were.

A kill leaves a prefix of the journal. What is held against it is what the core knew when the last line of it was put.
"""

import re
from collections import Counter
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from msgspec import structs

from core.events import EventType, Severity
from core.journal import Archive, SnapshotJournal
from core.monitoring import cases
from core.monitoring.budget import Budget
from core.monitoring.case_book import CHECKPOINT_S, CaseBook
from core.monitoring.cases import Case, Kind
from core.monitoring.chatter import STORM_CABINETS
from core.monitoring.judges import LIMIT_KINDS
from core.monitoring.rules import Watch
from core.monitoring.service import Service
from tests.core.monitoring.day import STEP_S, Day
from tests.core.monitoring.factories import ListPublisher, a_book, a_case, publishing, until
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

GRAIN_S = CHECKPOINT_S + STEP_S
BUDGET_GRAIN_S = 900.0 + STEP_S
LOOK_EVERY = 7  # steps


class Moment(NamedTuple):
    """What the core knew when the journal's last line was number `n`."""

    n: int
    watches: dict[tuple[str, Kind], Watch]
    cases: dict[str, Case]
    service: Service


class SeenDay(Day):
    """A day that remembers its moments."""

    def __init__(self, clock: FakeClock, journal: SnapshotJournal):
        super().__init__(clock)
        self.journal, self.moments, self.steps = journal, list[Moment](), 0

    def step(self) -> None:
        super().step()
        self.steps += 1
        if self.steps % LOOK_EVERY:
            return
        keys = [post.key(kind) for post in self.monitor.posts for kind in post.kinds]
        watches = {key: self.book.watch(key) for key in keys}
        cases = {case.case_id: case for case in self.book.all()}
        self.moments.append(Moment(self.journal.seq, watches, cases, self.book.service("03")))


async def a_day(directory: Path) -> list[Moment]:
    clock = FakeClock()
    journal = SnapshotJournal(directory / "cases.jsonl", clock)
    day = SeenDay(clock, journal)
    day.start(CaseBook(journal, Archive(directory, clock), clock))
    for chapter in day.chapters:
        await chapter()
    journal.close()
    return day.moments


def same_clock(live: float | None, left: float | None, grain_s: float = GRAIN_S) -> bool:
    """What the live one has counted and the other has not; one that has just ended may still be counting."""
    return live is None or abs(live - (left or 0.0)) <= grain_s


def check_watch(key: tuple[str, Kind], live: Watch, left: Watch) -> None:
    assert left.severity == live.severity, key
    if isinstance(live, Budget) and isinstance(left, Budget):
        assert same_clock(live.used_s, left.used_s), key
        # Before the first second beyond the limit there is nothing that could roll away.
        assert not live.used_s or same_clock(live.hour_s, left.hour_s, BUDGET_GRAIN_S), key
    elif key[1] is not Kind.RATE_OF_RISE:
        assert (left.breaching, left.quiet_s is None) == (live.breaching, live.quiet_s is None), key
        lasted = live.breaching or (live.quiet_s is not None and key[1] not in LIMIT_KINDS)
        for name in ("breach_s", "critical_s", "inside_s", "quiet_s", *(("elapsed_s",) if lasted else ())):
            assert same_clock(getattr(live, name), getattr(left, name)), (key, name, live, left)


def check_case(live: Case, left: Case) -> None:
    for name in ("seq", "handling", "condition", "severity", "escalations", "untold", "reopened", "number", "actor"):
        assert getattr(left, name) == getattr(live, name), name
    assert [event.event_id for event in left.outbox] == [event.event_id for event in live.outbox]
    assert (left.shelved_s is None) == (live.shelved_s is None)
    assert same_clock(live.shelved_s, left.shelved_s)
    assert same_clock(live.waiting_s, left.waiting_s)


async def test_whenever_it_is_killed_everything_is_where_it_was_to_the_minute(tmp_path: Path) -> None:
    life, copy = tmp_path / "life", tmp_path / "copy"
    life.mkdir()
    copy.mkdir()
    moments = await a_day(life)
    lines = (life / "cases.jsonl").read_bytes().splitlines(keepends=True)
    number = re.compile(rb'"n":(\d+)')
    numbers = [int(found[1]) if (found := number.search(line)) else 0 for line in lines]
    states = Counter[str]()
    for moment in moments:
        prefix = b"".join(line for line, n in zip(lines, numbers, strict=True) if n <= moment.n)
        (copy / "cases.jsonl").write_bytes(prefix)
        with a_book(copy, FakeClock()) as book:
            for key, watch in moment.watches.items():
                check_watch(key, watch, book.watch(key))
            assert {case.case_id for case in book.all()} == moment.cases.keys()
            for case_id, case in moment.cases.items():
                check_case(case, book.get(case_id))
                states["shelved"] += case.shelved_s is not None
                states["escalated"] += case.escalations > 0
            left, service = book.service("03"), moment.service
            assert (left.out_since, left.by, left.reason) == (service.out_since, service.by, service.reason)
            assert (left.maintenance_s is None) == (service.maintenance_s is None)
            assert same_clock(service.maintenance_s, left.maintenance_s)
            states["out"] += service.out
            states["maintained"] += service.maintenance_s is not None
            states["pending"] += any(watch.pending for watch in moment.watches.values())
        for file in copy.iterdir():
            if file.is_file():
                file.unlink()
    print(f"\n{len(moments)} kills: {dict(states)}")
    assert min(states[name] for name in ("shelved", "escalated", "out", "maintained", "pending")) > 3


async def test_wherever_the_journal_is_cut_no_event_is_missing_or_double_and_no_case_is_told_twice(
    tmp_path: Path,
) -> None:
    life, copy = tmp_path / "life", tmp_path / "copy"
    life.mkdir()
    copy.mkdir()
    await a_day(life)
    data = (life / "cases.jsonl").read_bytes()
    ends = [0, *accumulate(len(line) for line in data.splitlines(keepends=True))]
    offsets = sorted({*ends[::4], *Random(7).sample(range(len(data)), 60)})
    for offset in offsets:
        (copy / "cases.jsonl").write_bytes(data[:offset])
        clock = FakeClock()
        with a_book(copy, clock) as book:
            day = Day(clock)
            day.start(book)
            for value in (9.0, 9.0, 4.0):
                day.air = value
                day.step()
                check_book(book, offset)
        for file in copy.iterdir():
            if file.is_file():
                file.unlink()
    print(f"\n{len(offsets)} cuts")


def check_book(book: CaseBook, offset: int) -> None:
    """Nothing was published in that day: each event that was ever told still waits, once."""
    assert book.undecodable == 0, offset
    open_keys = Counter((case.sensor, case.kind) for case in book.all() if case.goes_on)
    assert max(open_keys.values(), default=0) <= 1, offset
    for case in book.all():
        assert [event.seq for event in case.outbox] == list(range(1, case.seq + 1)), offset
        assert [event.type for event in case.outbox].count(EventType.CASE_OPENED) == 1, offset
        assert case.closed or not book.service(case.cabinet).out, offset
        watch = book.watch((case.sensor, case.kind))
        stale = case.kind is Kind.SENSOR_STALE  # has no clock of its own
        assert not case.goes_on or stale or watch.severity == case.severity, offset


async def test_a_storm_and_other_news_of_the_box_wait_for_headquarters_over_a_kill(tmp_path: Path) -> None:
    with a_book(tmp_path, FakeClock()) as book:
        for number in range(STORM_CABINETS):
            case = a_case(case_id=f"case_{number}", sensor=f"{number}.air")
            book.put(cases_opened(case, cabinet=f"{number}"))
        book.tell(EventType.DEVICE_CLOCK_CHANGED, case.severity, {"by_s": 12.0})
    lives = []
    for _ in range(2):  # the second life knows that they were accepted
        publisher = ListPublisher()
        with a_book(tmp_path, FakeClock()) as book:
            book.tell(EventType.DEVICE_STARTED, Severity.INFO, {})  # goes out after all that was there before
            async with publishing(book, publisher):
                await until(lambda calls=publisher.calls: EventType.DEVICE_STARTED in {one.type for one in calls})  # type: ignore[misc]
                await until(lambda book=book: not any(case.outbox for case in book.all()))  # type: ignore[misc]
        lives.append(Counter(event.type for event in publisher.calls if event.type is not EventType.DEVICE_STARTED))
    assert lives[0][EventType.SITE_STORM] == lives[0][EventType.DEVICE_CLOCK_CHANGED] == 1
    assert lives[1] == Counter()


def cases_opened(case: Case, *, cabinet: str) -> Case:
    return cases.opened(structs.replace(case, cabinet=cabinet))
