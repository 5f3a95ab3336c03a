"""Sensors that fail or fall silent: cases of their own, and what becomes of the temperature cases meanwhile."""

import pytest

from core.events import Severity
from core.monitoring import handling
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Condition, Handling, Kind
from core.monitoring.monitor import Monitor
from tests.core.monitoring.factories import CHILLED, HIGH_KEY, Bench, ScriptedSource, a_line
from tests.fakes import FakeClock


def test_three_misses_open_a_sensor_fault_with_its_code(bench: Bench) -> None:
    bench.hear(4.0, None, None)
    assert bench.told() == []
    bench.hear(None)
    case = bench.case(Kind.SENSOR_FAULT)
    assert (case.severity, case.fault, case.value, case.limit) == (Severity.WARNING, "no_answer", None, None)


def test_recovery_clears_a_sensor_fault(bench: Bench) -> None:
    bench.hear(None, None, None, 4.0, 4.0, 4.0)
    assert bench.case(Kind.SENSOR_FAULT).condition is Condition.CLEARED


def test_the_last_value_keeps_its_own_time_while_the_sensor_fails(bench: Bench) -> None:
    """What a sensor showed before it failed is never as fresh as the newest vain poll."""
    bench.hear(4.0)
    (post,) = bench.monitor.posts
    heard_at = post.last_value_at
    bench.hear(None, None, None)
    assert (post.last_value, post.last_value_at) == (4.0, heard_at)
    assert post.reading is not None
    assert post.reading.at > heard_at  # type: ignore[operator]


def test_a_fault_raises_no_temperature_case(bench: Bench) -> None:
    bench.hear(*[9.0] * 50, *[None] * 500)
    assert bench.cases(Kind.TEMP_HIGH) == []


def test_a_single_miss_does_not_disturb_an_alarm_delay(bench: Bench) -> None:
    bench.hear(*([9.0] * 5 + [None]) * 12)
    assert bench.told() == ["case.opened"]


@pytest.mark.parametrize(("interval_s", "stale_s"), [(10.0, 300), (100.0, 300), (200.0, 600)])
def test_silence_is_stale_after_three_intervals_but_five_minutes_at_least(
    book: CaseBook, clock: FakeClock, interval_s: float, stale_s: int
) -> None:
    bench = Bench(book, clock)
    bench.monitor = Monitor([a_line(ScriptedSource(), interval_s=interval_s)], [CHILLED], book, clock)
    bench.hear(4.0)
    bench.silence(stale_s)
    assert bench.cases(Kind.SENSOR_STALE) == []
    bench.silence(1)
    assert bench.case(Kind.SENSOR_STALE).severity is Severity.WARNING


def test_a_sensor_that_never_spoke_becomes_stale_too(bench: Bench) -> None:
    bench.silence(301)
    assert bench.told() == ["case.opened"]


@pytest.mark.parametrize("first", [4.0, None])
def test_the_first_sample_ends_a_silence(bench: Bench, first: float | None) -> None:
    bench.silence(400)
    bench.hear(first)
    case = bench.case(Kind.SENSOR_STALE)
    assert (case.condition, [str(event.type) for event in case.outbox]) == (
        Condition.CLEARED,
        ["case.opened", "case.condition_cleared"],
    )


@pytest.mark.parametrize("trouble", ["fault", "silence"])
def test_out_of_sight_an_open_case_is_unknown_and_tells_nothing(bench: Bench, trouble: str) -> None:
    bench.breach()
    bench.hear(*[None] * 50) if trouble == "fault" else bench.silence(500)
    case = bench.case()
    assert (case.condition, case.seq, bench.book.current(HIGH_KEY)) == (Condition.UNKNOWN, 1, case)


@pytest.mark.parametrize("trouble", ["fault", "silence"])
def test_back_in_sight_the_same_case_goes_on(bench: Bench, trouble: str) -> None:
    bench.breach()
    bench.hear(*[None] * 50) if trouble == "fault" else bench.silence(500)
    bench.hear(9.0)
    case = bench.case()
    assert (case.condition, case.seq) == (Condition.ACTIVE, 1)
    bench.recover()
    assert bench.case().condition is Condition.CLEARED


@pytest.mark.parametrize("trouble", ["fault", "silence"])
def test_one_good_value_after_hours_out_of_sight_clears_nothing(bench: Bench, trouble: str) -> None:
    bench.breach()
    bench.hear(*[None] * 500) if trouble == "fault" else bench.silence(5000)
    bench.hear(4.0)
    assert bench.case().condition is Condition.ACTIVE


def test_a_single_good_answer_of_a_broken_sensor_does_not_bring_the_case_back_for_long(bench: Bench) -> None:
    bench.breach()
    bench.hear(None, None, None, 9.0, None)
    assert bench.case().condition is Condition.UNKNOWN


def test_an_acknowledgement_of_a_case_out_of_sight_holds(bench: Bench) -> None:
    """Home Assistant users lose exactly this: an acknowledgement while the sensor is away."""
    bench.breach()
    bench.fail()
    bench.book.put(handling.acknowledge(bench.case(), actor="li", note="", at=bench.clock.now()))
    bench.hear(4.0, 9.0)
    assert (bench.case().condition, bench.case().handling) == (Condition.ACTIVE, Handling.ACKNOWLEDGED)


def test_a_fault_lasts_as_long_as_it_lasted_whatever_the_wall_clock_did(bench: Bench) -> None:
    """The box boots in 1970, and the clock is set while the fault is on."""
    bench.clock.wall = bench.clock.wall.replace(year=1970)
    bench.fail()
    bench.clock.wall = bench.clock.wall.replace(year=2026)
    bench.hear(None, None, 4.0, 4.0, 4.0)
    assert bench.case(Kind.SENSOR_FAULT).duration_s == 50.0


def test_a_fault_long_after_the_last_one_is_a_new_case(bench: Bench) -> None:
    """Soon after it is the same trouble again; half an hour later it is not."""
    for pause_s, wanted in ((600.0, 1), (1900.0, 2)):
        bench.fail()
        bench.hear(4.0, 4.0, 4.0)
        bench.hear(4.0, dt_s=pause_s)
        bench.fail()
        bench.hear(4.0, 4.0, 4.0)
        assert len(bench.cases(Kind.SENSOR_FAULT)) == wanted


def test_a_slowly_polled_source_alarms_no_later_than_its_delay_and_one_poll(book: CaseBook, clock: FakeClock) -> None:
    bench = Bench(book, clock)
    bench.monitor = Monitor([a_line(ScriptedSource(), interval_s=900.0)], [CHILLED], book, clock)
    bench.hear(9.0, 9.0, dt_s=900.0)
    assert len(bench.cases()) == 1
