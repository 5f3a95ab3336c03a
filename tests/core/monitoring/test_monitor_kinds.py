"""Each kind of case through the monitor: humidity, rise, budget, what was warm after an outage, values nobody can trust."""

import itertools
import math
from pathlib import Path

import pytest

from core.events import Severity
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Condition, Kind
from core.monitoring.course import Hold
from core.monitoring.monitor import Monitor
from core.samples import Quality, Quantity
from core.settings import Cabinet, Limits, Sensor
from tests.core.monitoring.factories import AIR, HIGH_KEY, Bench, ScriptedSource, a_book, a_line, a_sample
from tests.fakes import FakeClock

HUMIDITY = Sensor(id="03.rh", cabinet="03", source="bus", point="h", quantity=Quantity.HUMIDITY)
STALE_S = 300.0


@pytest.mark.parametrize(
    ("value", "kind", "limit"), [(90.0, Kind.HUMIDITY_HIGH, 80.0), (10.0, Kind.HUMIDITY_LOW, 20.0)]
)
def test_humidity_beyond_its_limit_is_a_case_of_its_own_kind(
    book: CaseBook, clock: FakeClock, value: float, kind: Kind, limit: float
) -> None:
    cabinet = Cabinet(id="03", humidity=Limits(low=20.0, high=80.0), alarm_delay_s=600.0, clear_delay_s=60.0)
    monitor = Monitor([a_line(ScriptedSource(), HUMIDITY)], [cabinet], book, clock)

    def hear(value: float, count: int) -> None:
        for _ in range(count):
            clock.advance(10.0)
            monitor.take(a_sample(value, sensor=HUMIDITY.id, at=clock.now(), steady_s=clock.steady_s))

    hear(value, 60)
    assert book.all() == []
    hear(value, 2)
    (case,) = book.all()
    assert (case.kind, case.limit, case.value, case.unit) == (kind, limit, value, "%")
    hear(50.0, 9)
    assert book.all()[0].condition is Condition.CLEARED


def rising(book: CaseBook, clock: FakeClock) -> Bench:
    return Bench(book, clock, Cabinet(id="03", limits=Limits(high=30.0), rate_of_rise_k=4.0))


def test_air_that_rises_fast_is_a_case_until_it_no_longer_does(book: CaseBook, clock: FakeClock) -> None:
    bench = rising(book, clock)
    bench.hear(*[4.0] * 60, *[4.0 + 0.05 * step for step in range(100)])
    assert bench.case(Kind.RATE_OF_RISE).severity is Severity.WARNING
    bench.hear(*[9.0] * 120)
    assert bench.case(Kind.RATE_OF_RISE).condition is Condition.CLEARED


def test_air_that_rises_slowly_is_none(book: CaseBook, clock: FakeClock) -> None:
    bench = rising(book, clock)
    bench.hear(*[4.0 + 0.005 * step for step in range(1000)])
    assert bench.cases(Kind.RATE_OF_RISE) == []


def in_short_excursions(book: CaseBook, clock: FakeClock) -> Bench:
    """Each shorter than the alarm delay, ten minutes of every half an hour, 60 minutes in all being too many."""
    cabinet = Cabinet(id="03", limits=Limits(high=8.0), alarm_delay_s=1800.0, budget_min=60.0)
    bench = Bench(book, clock, cabinet)
    for _ in range(7):
        bench.hear(*[9.0] * 61, *[4.0] * 120)
    return bench


def test_short_excursions_add_up_to_a_case_that_no_delay_ever_sees(book: CaseBook, clock: FakeClock) -> None:
    bench = in_short_excursions(book, clock)
    assert bench.cases() == []
    case = bench.case(Kind.BUDGET_EXCEEDED)
    assert (case.severity, case.duration_s > 3600.0) == (Severity.CRITICAL, True)


def test_the_budget_is_free_again_when_the_day_has_rolled_by(book: CaseBook, clock: FakeClock) -> None:
    bench = in_short_excursions(book, clock)
    bench.hear(*[4.0] * 25 * 60, dt_s=60.0)
    assert bench.case(Kind.BUDGET_EXCEEDED).condition is Condition.CLEARED


def test_a_restart_after_every_excursion_saves_nobody_from_the_budget(tmp_path: Path) -> None:
    clock = FakeClock()
    for _ in range(7):
        with a_book(tmp_path, clock) as book:
            cabinet = Cabinet(id="03", limits=Limits(high=8.0), alarm_delay_s=1800.0, budget_min=60.0)
            Bench(book, clock, cabinet).hear(*[9.0] * 65, *[4.0] * 120)
            found = [case.kind for case in book.all()]
    assert found == [Kind.BUDGET_EXCEEDED]


@pytest.mark.parametrize("kind", [Kind.BUDGET_EXCEEDED, Kind.RATE_OF_RISE])
def test_a_case_without_a_limit_is_unknown_without_values_and_known_again_with_them(
    book: CaseBook, clock: FakeClock, kind: Kind
) -> None:
    cabinet = Cabinet(id="03", limits=Limits(high=8.0), alarm_delay_s=1800.0, budget_min=5.0, rate_of_rise_k=4.0)
    bench = Bench(book, clock, cabinet)
    bench.hear(*[4.0] * 12, *[9.0] * 40)
    bench.fail()
    assert bench.case(kind).condition is Condition.UNKNOWN
    bench.hear(9.5)
    assert bench.case(kind).condition is Condition.ACTIVE


def a_start(bench: Bench, outage_s: float | None) -> Bench:
    cabinet = Cabinet(id="03", limits=Limits(high=8.0), alarm_delay_s=600.0, clear_delay_s=60.0)
    bench.monitor = Monitor([a_line(bench.source)], [cabinet], bench.book, bench.clock, outage_s=outage_s)
    return bench


def test_what_is_warm_after_an_outage_is_a_case_and_the_limits_wait_for_the_pull_down(bench: Bench) -> None:
    a_start(bench, 7200.0).hear(*[12.0 - 0.02 * step for step in range(190)])
    case = bench.case(Kind.AFTER_OUTAGE)
    assert (case.severity, case.gap_s, case.limit, case.peak) == (Severity.WARNING, 7200.0, 8.0, 12.0)
    assert bench.cases() == []
    assert bench.book.watch(HIGH_KEY).hold is Hold.STARTUP
    bench.hear(*[5.0] * 9)
    assert bench.case(Kind.AFTER_OUTAGE).condition is Condition.CLEARED


def test_an_outage_of_unknown_length_has_no_gap(bench: Bench) -> None:
    a_start(bench, math.inf).hear(12.0)
    assert bench.case(Kind.AFTER_OUTAGE).gap_s is None


def test_the_pull_down_is_waited_for_an_hour_and_no_longer(bench: Bench) -> None:
    a_start(bench, 7200.0).hear(*[12.0] * 360)
    assert bench.cases() == []
    bench.hear(*[12.0] * 30)
    assert bench.case().severity is Severity.CRITICAL


@pytest.mark.parametrize(("outage_s", "value"), [(None, 12.0), (7200.0, 5.0)])
def test_without_an_outage_or_where_it_stayed_cold_there_is_no_such_case(
    bench: Bench, outage_s: float | None, value: float
) -> None:
    a_start(bench, outage_s).hear(value, *[5.0] * 9, *[12.0] * 62)
    assert bench.cases(Kind.AFTER_OUTAGE) == []
    assert len(bench.cases()) == 1


@pytest.mark.parametrize(("gap_s", "count"), [(STALE_S, 0), (STALE_S + 1, 1)])
def test_a_gap_longer_than_stale_is_an_outage_of_the_sensor(bench: Bench, gap_s: float, count: int) -> None:
    bench.hear(4.0)
    bench.hear(12.0, dt_s=gap_s)
    assert [case.gap_s for case in bench.cases(Kind.AFTER_OUTAGE)] == [gap_s] * count


def test_what_was_too_warm_before_the_gap_is_no_news_after_it(bench: Bench) -> None:
    bench.hear(*[9.0] * 30)
    bench.hear(9.0, dt_s=1000.0)
    assert bench.cases(Kind.AFTER_OUTAGE) == []


def test_a_gap_soon_after_a_case_is_an_outage_all_the_same(bench: Bench) -> None:
    bench.breach()
    bench.recover()
    bench.hear(12.0, dt_s=1000.0)
    assert len(bench.cases(Kind.AFTER_OUTAGE)) == 1


DOOR = Sensor(id="03.door", cabinet="03", source="bus", point="d", quantity=Quantity.DOOR)


def test_a_door_that_stood_open_over_a_restart_tells_for_how_long(tmp_path: Path) -> None:
    clock = FakeClock()
    for values in ([0.0, *[1.0] * 60], [*[1.0] * 60, 0.0]):
        with a_book(tmp_path, clock) as book:
            monitor = Monitor([a_line(ScriptedSource(), DOOR)], [Cabinet(id="03")], book, clock)
            for value in values:
                clock.advance(10.0)
                monitor.take(a_sample(value, sensor=DOOR.id, at=clock.now(), steady_s=clock.steady_s))
            (case,) = book.all()
    assert case.condition is Condition.CLEARED
    assert 1180.0 - 60.0 - 20.0 <= case.duration_s <= 1200.0


LIVELY = [9.0 + 0.9 * math.sin(step / 20) for step in range(720)]


def test_one_jump_that_nothing_confirms_is_neither_a_breach_nor_a_recovery(bench: Bench) -> None:
    bench.hear(*itertools.chain.from_iterable([9.0] * 10 + [-20.0] for _ in range(6)))
    assert bench.told() == ["case.opened"]
    bench.hear(*[4.0] * 3, 25.0, *[4.0] * 5)
    assert bench.case().condition is Condition.CLEARED


def test_a_probe_that_stands_still_makes_its_open_case_unknown(bench: Bench) -> None:
    bench.hear(*LIVELY)
    assert bench.case().condition is Condition.ACTIVE
    bench.hear(*[9.0] * 370)
    (post,) = bench.monitor.posts
    assert post.reading is not None
    assert (post.reading.quality, post.reading.fault, post.reading.value) == (Quality.SUSPECT, "flat_line", None)
    assert bench.case().condition is Condition.UNKNOWN
    assert bench.case(Kind.SENSOR_FAULT).fault == "flat_line"
    bench.hear(9.3)
    assert bench.case().condition is Condition.ACTIVE


@pytest.mark.parametrize("value", [-20.0, 40.0])
def test_suspect_values_move_no_pending_timer(bench: Bench, value: float) -> None:
    bench.hear(*[9.0] * 30)
    before = bench.book.watch((AIR, Kind.TEMP_HIGH))
    bench.hear(value)
    assert bench.book.watch((AIR, Kind.TEMP_HIGH)) == before
    bench.hear(*[9.0] * 29)
    assert bench.cases() == []
    bench.hear(*[9.0] * 3)
    assert len(bench.cases()) == 1
