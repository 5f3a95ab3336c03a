"""The loops: when sources are polled, and that no source harms another."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.errors import SensorError
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Condition, Kind
from core.monitoring.monitor import Monitor
from core.monitoring.posts import Line
from core.samples import Reading
from core.settings import Sensor
from tests.core.monitoring.factories import (
    AIR,
    CHILLED,
    Gate,
    ScriptedSource,
    a_book,
    a_line,
    a_sample,
    a_sensor,
    publishing,
    running,
    until,
)
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

OTHER = a_sensor("04.air", source="other")


def a_monitor(book: CaseBook, clock: FakeClock, *lines: Line) -> Monitor:
    return Monitor(lines, [CHILLED], book, clock)


async def pass_time(clock: FakeClock, seconds: int) -> None:
    """Second by second, so that every loop gets its turn in each."""
    for _ in range(seconds):
        clock.advance(1.0)
        for _ in range(6):
            await asyncio.sleep(0)


def kinds(book: CaseBook) -> Sequence[tuple[str, Kind, Condition]]:
    return [(case.sensor, case.kind, case.condition) for case in book.all()]


async def test_a_source_is_polled_at_once_and_then_every_interval(tmp_path: Path) -> None:
    clock, source = FakeClock(), ScriptedSource()
    with a_book(tmp_path, clock) as book:
        async with running(a_monitor(book, clock, a_line(source, interval_s=10.0)).run()):
            counts = []
            for seconds in (0, 9, 1, 10, 100):
                await pass_time(clock, seconds)
                await asyncio.sleep(0.002)
                counts.append(source.polls)
    assert counts == [1, 1, 2, 3, 13]


async def test_each_source_has_its_own_interval(tmp_path: Path) -> None:
    clock, fast, slow = FakeClock(), ScriptedSource(), ScriptedSource()
    lines = a_line(fast, interval_s=2.0), a_line(slow, OTHER, line_id="other", interval_s=30.0)
    with a_book(tmp_path, clock) as book:
        async with running(a_monitor(book, clock, *lines).run()):
            await asyncio.sleep(0.002)
            await pass_time(clock, 60)
    assert (fast.polls, slow.polls) == (31, 3)


async def test_a_poll_that_took_long_is_not_run_after(tmp_path: Path) -> None:
    class Slow(ScriptedSource):
        async def poll(self) -> list[object]:  # type: ignore[override]
            self.polls += 1
            await clock.sleep(35.0)
            return []

    clock, source = FakeClock(), Slow()
    with a_book(tmp_path, clock) as book:
        async with running(a_monitor(book, clock, a_line(source)).run()):
            await asyncio.sleep(0.002)
            await pass_time(clock, 350)
    assert source.polls == 11


@pytest.mark.parametrize("error", [SensorError("no_answer"), KeyError("a mistake in the driver"), OSError(5, "io")])
async def test_a_source_that_raises_delays_no_other(tmp_path: Path, error: Exception) -> None:
    clock, bad, good = FakeClock(), ScriptedSource(), ScriptedSource()
    bad.always = error
    lines = a_line(bad), a_line(good, OTHER, line_id="other")
    with a_book(tmp_path, clock) as book:
        async with running(a_monitor(book, clock, *lines).run()):
            await asyncio.sleep(0.002)
            await pass_time(clock, 100)
    assert (bad.polls, good.polls) == (11, 11)


async def test_a_source_that_hangs_delays_no_other(tmp_path: Path) -> None:
    clock, bad, good = FakeClock(), ScriptedSource(), ScriptedSource()
    bad.hangs = True
    lines = a_line(bad), a_line(good, OTHER, line_id="other")
    with a_book(tmp_path, clock) as book:
        async with running(a_monitor(book, clock, *lines).run()):
            await asyncio.sleep(0.002)
            await pass_time(clock, 100)
    assert (bad.polls, good.polls) == (1, 11)


async def test_a_source_that_hangs_gives_its_sensors_a_fault_when_its_deadline_is_over(tmp_path: Path) -> None:
    clock, bad = FakeClock(), ScriptedSource()
    bad.hangs = True
    monitor_line = a_line(bad, a_sensor(), a_sensor("03.low"), deadline_s=0.01)
    with a_book(tmp_path, clock) as book:
        monitor = a_monitor(book, clock, monitor_line)
        async with running(monitor.run()):
            for polls in (1, 2, 3):
                await until(lambda polls=polls: bad.polls == polls)  # type: ignore[misc]
                await asyncio.sleep(0.02)
                await pass_time(clock, 10)
            await until(lambda: len(book.all()) == 2)
        assert {post.reading.fault for post in monitor.posts if post.reading} == {"timeout"}
        assert {case.kind for case in book.all()} == {Kind.SENSOR_FAULT}
    assert monitor_line.error is not None


async def test_three_failed_polls_open_a_fault_for_each_sensor_of_the_source(tmp_path: Path) -> None:
    clock, source = FakeClock(), ScriptedSource()
    source.always = SensorError("no_answer", "gateway is gone")
    with a_book(tmp_path, clock) as book:
        line = a_line(source, a_sensor(), a_sensor("03.low"))
        async with running(a_monitor(book, clock, line).run()):
            await asyncio.sleep(0.002)
            await pass_time(clock, 10)
            two_misses = kinds(book)
            await pass_time(clock, 10)
        assert two_misses == []
        assert {case.sensor for case in book.all()} == {AIR, "03.low"}
        assert {(case.kind, case.fault) for case in book.all()} == {(Kind.SENSOR_FAULT, "no_answer")}
    assert line.error == "no_answer: gateway is gone"


async def test_a_source_that_works_again_clears_its_faults_and_its_error(tmp_path: Path) -> None:
    clock, source = FakeClock(), ScriptedSource()
    source.answers = [SensorError("no_answer")] * 3
    source.always = [a_sample(4.0)]
    with a_book(tmp_path, clock) as book:
        line = a_line(source)
        async with running(a_monitor(book, clock, line).run()):
            await asyncio.sleep(0.002)
            await pass_time(clock, 50)
        assert kinds(book) == [(AIR, Kind.SENSOR_FAULT, Condition.CLEARED)]
    assert (line.error, line.worked_s) == (None, clock.steady())


async def test_the_beat_counts_and_finds_the_silent_ones(tmp_path: Path) -> None:
    clock, source = FakeClock(), ScriptedSource()
    with a_book(tmp_path, clock) as book:
        monitor = a_monitor(book, clock, a_line(source))
        async with running(monitor.run()):
            await asyncio.sleep(0.002)
            await pass_time(clock, 305)
        assert monitor.beat >= 300
        assert kinds(book) == [(AIR, Kind.SENSOR_STALE, Condition.ACTIVE)]


async def test_the_beat_shows_how_late_it_came(tmp_path: Path) -> None:
    clock, source = FakeClock(), ScriptedSource()
    with a_book(tmp_path, clock) as book:
        monitor = a_monitor(book, clock, a_line(source))
        async with running(monitor.run()):
            await asyncio.sleep(0.002)
            clock.advance(3.5)
            await asyncio.sleep(0.002)
            late_ms = monitor.late_ms
            await pass_time(clock, 2)
        assert (late_ms, monitor.late_ms, monitor.worst_late_ms) == (2500.0, 0.0, 2500.0)


async def test_judging_waits_for_no_publisher(tmp_path: Path) -> None:
    clock, source, stuck = FakeClock(), ScriptedSource(), Gate()
    source.always = [a_sample(None)]
    with a_book(tmp_path, clock) as book:
        async with publishing(book, stuck), running(a_monitor(book, clock, a_line(source)).run()):
            await asyncio.sleep(0.002)
            await pass_time(clock, 30)
            source.always = [a_sample(4.0)]
            await pass_time(clock, 40)
            assert kinds(book) == [(AIR, Kind.SENSOR_FAULT, Condition.CLEARED)]
        assert (source.polls, stuck.calls) == (8, [])


async def test_thousands_of_samples_in_one_poll_are_judged_in_order(tmp_path: Path) -> None:
    """A day in one poll: a breach that opens and clears, then one that is too short."""
    clock, source = FakeClock(), ScriptedSource()
    values = [4.0] * 1500 + [9.0] * 700 + [4.0] * 1000 + [9.0] * 30 + [4.0] * 1000
    source.answers = [[a_sample(value, steady_s=10.0 * n) for n, value in enumerate(values)]]
    with a_book(tmp_path, clock) as book:
        async with running(a_monitor(book, clock, a_line(source)).run()):
            await until(lambda: source.polls == 1 and kinds(book) != [])
            await asyncio.sleep(0.01)
            await pass_time(clock, 3)
        (case,) = book.all()
        assert [str(event.type) for event in case.outbox] == ["case.opened", "case.condition_cleared"]
        assert (case.duration_s, case.peak) == (7060.0, 9.0)


async def test_closing_closes_every_source(tmp_path: Path) -> None:
    clock, one, two = FakeClock(), ScriptedSource(), ScriptedSource()
    with a_book(tmp_path, clock) as book:
        await a_monitor(
            book, clock, a_line(one), a_line(two, Sensor(id="x", cabinet="03", source="o", point=""))
        ).close()
    assert (one.closed, two.closed) == (True, True)


async def test_a_mistake_in_judging_one_sensor_is_shown_and_costs_no_other_its_judge(tmp_path: Path) -> None:
    """Nor its own next value."""
    clock, sources = FakeClock(), (ScriptedSource(), ScriptedSource())
    failing = True

    def record(reading: Reading) -> None:
        if failing and reading.sensor == AIR:
            raise ZeroDivisionError

    sources[0].always, sources[1].always = [a_sample(9.0)], [a_sample(9.0, sensor=OTHER.id)]
    lines = a_line(sources[0]), a_line(sources[1], OTHER, line_id="other")
    with a_book(tmp_path, clock) as book:
        monitor = Monitor(lines, [CHILLED], book, clock, record=record)
        async with running(monitor.run()):
            await pass_time(clock, 25)
            assert monitor.mistakes == {AIR: "ZeroDivisionError"}
            assert sources[1].polls == 3
            failing = False
            await pass_time(clock, 10)
            assert monitor.mistakes == {}


async def test_a_box_that_stood_still_does_not_blame_its_sensors(tmp_path: Path) -> None:
    """It was suspended, or its process stopped: they get their time to be heard again."""
    clock, source = FakeClock(), ScriptedSource()
    source.always = [a_sample(4.0)]
    with a_book(tmp_path, clock) as book:
        async with running(a_monitor(book, clock, a_line(source, interval_s=10.0)).run()):
            await pass_time(clock, 5)
            source.always = []
            clock.advance(400.0)
            await pass_time(clock, 2)
            assert kinds(book) == []
            await pass_time(clock, 400)
            assert [kind for _, kind, _ in kinds(book)] == [Kind.SENSOR_STALE]
