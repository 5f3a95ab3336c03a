"""A wall clock that jumps by years, in the middle of everything: the same judgement, only other labels."""

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.events import EventType
from core.monitoring.case_book import CaseBook
from tests.core.monitoring.day import Day
from tests.core.monitoring.factories import ListPublisher, a_book, publishing, until
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

YEARS = timedelta(days=3 * 365)
LABELS = ("started_at", "case_id", "due_back")
CHAPTERS = len(Day(FakeClock()).chapters)

Trace = list[list[tuple[str, dict[str, Any]]]]


@contextlib.asynccontextmanager
async def told(book: CaseBook, trace: Trace) -> AsyncIterator[None]:
    """What goes out meanwhile, without its labels: a list more in the trace."""
    publisher = ListPublisher()
    async with publishing(book, publisher):
        yield
        await until(lambda: not any(case.outbox for case in book.all()))
    events = [(str(event.type), msgspec.json.decode(event.data)) for event in publisher.calls]
    for _, data in events:
        for label in LABELS:
            data.pop(label, None)
    trace.append(sorted(events, key=lambda event: (str(event[1].get("kind")), event[1].get("seq", 0))))


async def lived(
    directory: Path, *, jumps: dict[int, timedelta] | None = None, dies: tuple[int, ...] = (), midway: bool = False
) -> tuple[Trace, list[str]]:
    """(what was told chapter by chapter, the kinds of all cases in their order). The clock jumps before those chapters, or
    some minutes after their beginning; before those of `dies` the core dies first, and starts after the jump.
    """
    directory.mkdir()
    clock = FakeClock()
    day, trace = Day(clock), Trace()
    with contextlib.ExitStack() as alive:
        day.start(alive.enter_context(a_book(directory, clock)))
        for number, chapter in enumerate(day.chapters):
            if number in dies:
                alive.close()
            if not midway:
                clock.wall += (jumps or {}).get(number, timedelta())
            if number in dies:
                day.start(alive.enter_context(a_book(directory, clock)))
            async with told(day.book, trace):
                await chapter()
                if midway and jumps and number in jumps:
                    clock.wall += jumps[number]
                    day.pass_minutes(3)
                elif midway:
                    day.pass_minutes(3)
        return trace, [str(case.kind) for case in day.book.all()]


async def test_the_day_has_all_that_a_clock_runs_for(tmp_path: Path) -> None:
    """The course that the jumps interrupt really comes by each of them."""
    trace, kinds = await lived(tmp_path / "life")
    types = {event_type for chapter in trace for event_type, _ in chapter}
    assert types >= {
        *(EventType.CASE_OPENED, EventType.CASE_SHELVED, EventType.CASE_UNSHELVED, EventType.CASE_SEVERITY_CHANGED),
        *(EventType.CASE_ESCALATED, EventType.CASE_ACKNOWLEDGED, EventType.CASE_CONDITION_CLEARED),
        *(EventType.CASE_REOPENED, EventType.CASE_CLOSED),
        *(EventType.CABINET_OUT_OF_SERVICE, EventType.CABINET_IN_SERVICE),
    }
    assert {"temp_high", "budget_exceeded", "door_open", "humidity_high", "sensor_fault", "sensor_stale"} <= set(kinds)


def jump(number: int) -> timedelta:
    return YEARS if number % 2 else -YEARS


@pytest.mark.parametrize("midway", [False, True])
async def test_a_jump_anywhere_changes_nothing_but_labels(tmp_path: Path, midway: bool) -> None:
    expected = await lived(tmp_path / "still", midway=midway)
    for number in range(CHAPTERS):
        jumps = {number: jump(number + midway)}
        assert await lived(tmp_path / str(number), jumps=jumps, midway=midway) == expected, number


async def test_jumps_to_and_fro_all_day_change_nothing_but_labels(tmp_path: Path) -> None:
    jumps = {number: YEARS * (-1) ** number * (number % 3) for number in range(CHAPTERS)}
    assert await lived(tmp_path / "jumping", jumps=jumps) == await lived(tmp_path / "still")


async def test_a_jump_between_death_and_start_changes_nothing_but_labels(tmp_path: Path) -> None:
    for number in range(CHAPTERS):
        expected = await lived(tmp_path / f"still-{number}", dies=(number,))
        jumped = await lived(tmp_path / f"jumped-{number}", jumps={number: jump(number)}, dies=(number,))
        assert jumped == expected, number


async def test_a_jump_before_every_start_changes_nothing_but_labels(tmp_path: Path) -> None:
    """A box without a battery clock that is switched off every hour."""
    dies = tuple(range(CHAPTERS))
    jumps = {number: jump(number) for number in range(CHAPTERS)}
    assert await lived(tmp_path / "jumped", jumps=jumps, dies=dies) == await lived(tmp_path / "still", dies=dies)
