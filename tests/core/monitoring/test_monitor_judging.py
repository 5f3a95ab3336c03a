"""What samples and silence do to cases: opened, followed, out of sight, cleared, reopened."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.events import Severity
from core.monitoring import cases, handling
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Condition, Handling, Kind
from core.monitoring.monitor import Monitor
from core.settings import Cabinet, Limits
from tests.core.monitoring.factories import (
    AIR,
    CHILLED,
    Bench,
    ScriptedSource,
    a_book,
    a_case,
    a_line,
    a_sample,
)
from tests.fakes import FakeClock

WARNING = Cabinet(
    id="03", limits=Limits(low=0.0, high=8.0, warn_high=6.0), alarm_delay_s=600.0, clear_delay_s=60.0, hysteresis_k=0.5
)


def last_data(bench: Bench, kind: Kind = Kind.TEMP_HIGH) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(bench.case(kind).outbox[-1].data)
    return found


def test_a_breach_of_the_high_limit_opens_a_critical_case(bench: Bench) -> None:
    bench.hear(4.0, *[9.0] * 61)
    found = last_data(bench)
    assert (found["kind"], found["severity"], found["limit"], found["value"]) == ("temp_high", "critical", 8.0, 9.0)
    assert (found["cabinet"], found["cabinet_name"], found["sensor"], found["unit"]) == ("03", "鲜奶柜", AIR, "°C")
    assert found["duration_s"] == 600.0


def test_a_case_says_when_the_breach_began_and_when_it_opened(bench: Bench) -> None:
    bench.hear(*[9.0] * 61)
    case = bench.case()
    assert (case.opened_at, case.started_at) == (bench.clock.now(), bench.clock.now() - timedelta(seconds=600))


def test_a_breach_of_the_low_limit_opens_a_case_of_its_own_kind(bench: Bench) -> None:
    bench.hear(*[-1.0] * 61)
    assert (bench.case(Kind.TEMP_LOW).limit, bench.cases(Kind.TEMP_HIGH)) == (0.0, [])


def test_a_warning_opens_with_the_warning_limit_and_becomes_critical(book: CaseBook, clock: FakeClock) -> None:
    bench = Bench(book, clock, WARNING)
    bench.hear(*[7.0] * 61)
    opened = bench.case()
    bench.hear(*[9.0] * 61)
    case = bench.case()
    assert (opened.severity, opened.limit) == (Severity.WARNING, 6.0)
    assert (case.severity, case.limit, case.case_id) == (Severity.CRITICAL, 8.0, opened.case_id)
    assert bench.told() == ["case.opened", "case.severity_changed"]


def test_without_an_alarm_delay_the_very_first_reading_opens(book: CaseBook, clock: FakeClock) -> None:
    bench = Bench(book, clock, Cabinet(id="03", limits=Limits(high=8.0), alarm_delay_s=0.0))
    bench.hear(8.1)
    assert bench.told() == ["case.opened"]


def test_an_open_case_shows_its_course_without_an_event(bench: Bench) -> None:
    bench.breach()
    bench.hear(10.5, 9.5)
    case = bench.case()
    assert (case.value, case.peak, bench.told()) == (9.5, 10.5, ["case.opened"])


def test_a_case_clears_with_its_peak_and_its_duration(bench: Bench) -> None:
    bench.hear(*[9.0] * 61, 12.0, *[4.0] * 7)
    found = last_data(bench)
    assert (found["condition"], found["peak"], found["value"], found["duration_s"]) == ("cleared", 12.0, 4.0, 680.0)


@pytest.mark.parametrize("jump", [timedelta(days=1100), timedelta(days=-1100)])
def test_a_wall_clock_that_jumps_changes_no_judgement(bench: Bench, clock: FakeClock, jump: timedelta) -> None:
    told = []
    for values in ([9.0] * 30, [9.0] * 31, [9.0] * 5, [4.0] * 4, [4.0] * 4, [None] * 2, [None], [4.0] * 3):
        bench.hear(*values)
        told.append(bench.told())
        clock.wall += jump
    assert told[:5] == [
        [],
        ["case.opened"],
        ["case.opened"],
        ["case.opened"],
        ["case.opened", "case.condition_cleared"],
    ]
    assert [len(types) for types in told[5:]] == [2, 3, 4]
    assert bench.case().duration_s == 720.0


@pytest.mark.parametrize("jump", [timedelta(days=1100), timedelta(days=-1100)])
def test_a_wall_clock_that_jumps_makes_nothing_stale(bench: Bench, clock: FakeClock, jump: timedelta) -> None:
    bench.hear(4.0)
    clock.wall += jump
    bench.silence(250)
    assert bench.told() == []


@pytest.mark.parametrize("restarts_at_s", [0.0, -1e9])
def test_a_source_whose_time_starts_again_fires_and_clears_nothing(bench: Bench, restarts_at_s: float) -> None:
    bench.source_s = 1e6
    bench.hear(*[9.0] * 50)
    bench.source_s = restarts_at_s
    bench.hear(*[9.0] * 5)
    assert bench.told() == []
    bench.hear(*[9.0] * 10)
    assert bench.told() == ["case.opened"]


def test_the_same_trouble_soon_after_reopens_the_case_and_counts(bench: Bench) -> None:
    bench.breach()
    bench.recover()
    first = bench.case()
    bench.breach()
    case = bench.case()
    assert (case.case_id, case.reopened, case.condition) == (first.case_id, 1, Condition.ACTIVE)
    assert bench.told() == ["case.opened", "case.condition_cleared", "case.reopened"]


def test_an_alarm_delay_as_long_as_the_window_does_not_use_it_up(book: CaseBook, clock: FakeClock) -> None:
    """With the default delay of half an hour a breach right after the last one is still the same trouble."""
    bench = Bench(book, clock, Cabinet(id="03", limits=Limits(high=8.0)))
    bench.hear(*[9.0] * 200, *[4.0] * 40, *[9.0] * 200)
    assert bench.told() == ["case.opened", "case.condition_cleared", "case.reopened"]


def test_after_the_window_the_same_trouble_is_a_case_of_its_own(bench: Bench) -> None:
    bench.breach()
    bench.hear(*[4.0] * 200)
    bench.breach()
    assert [case.condition for case in bench.cases()] == [Condition.ACTIVE, Condition.CLEARED]


def test_a_closed_case_is_never_reopened(bench: Bench, clock: FakeClock) -> None:
    bench.breach()
    bench.book.put(_handled(bench))
    bench.recover()
    bench.breach()
    assert [case.handling for case in bench.cases()] == [Handling.NEW, Handling.CLOSED]


def test_a_reopened_case_wants_attention_again_and_keeps_its_worst_value(bench: Bench) -> None:
    bench.hear(*[12.0] * 61, *[4.0] * 8, *[9.0] * 61)
    found = last_data(bench)
    assert (found["peak"], found["value"], found["handling"]) == (12.0, 9.0, "new")
    bench.hear(9.5)
    assert (bench.case().peak, bench.case().value) == (12.0, 9.5)


def test_a_case_reopened_as_a_warning_names_the_warning_limit(book: CaseBook, clock: FakeClock) -> None:
    bench = Bench(book, clock, WARNING)
    bench.hear(*[9.0] * 61, *[4.0] * 8, *[7.0] * 61)
    found = last_data(bench)
    assert (found["severity"], found["limit"], found["peak"]) == ("warning", 6.0, 9.0)


def test_handling_an_earlier_case_leaves_the_open_one_to_clear(bench: Bench) -> None:
    bench.breach()
    bench.hear(*[4.0] * 200)
    bench.breach()
    new, old = bench.cases()
    bench.book.put(_handled(bench, old.case_id))
    bench.recover()
    assert bench.book.get(new.case_id).condition is Condition.CLEARED


def test_a_simulated_source_marks_its_cases(book: CaseBook, clock: FakeClock) -> None:
    bench = Bench(book, clock)
    bench.source.simulated = True
    bench.monitor = Monitor([a_line(bench.source)], [CHILLED], book, clock)
    bench.breach()
    assert last_data(bench)["simulated"] is True


def test_the_cabinets_sensors_are_judged_apart(book: CaseBook, clock: FakeClock) -> None:
    line = a_line(ScriptedSource(), *(msgspec.structs.replace(PROBE, id=name) for name in ("a", "b")))
    monitor = Monitor([line], [CHILLED], book, clock)
    for count in range(62):
        for name, value in (("a", 9.0), ("b", 4.0)):
            monitor.take(a_sample(value, sensor=name, steady_s=10.0 * count))
    assert [case.sensor for case in book.all()] == ["a"]


PROBE = a_line(ScriptedSource()).sensors[0]


def _handled(bench: Bench, case_id: str | None = None) -> Any:
    case = bench.book.get(case_id) if case_id else bench.case()
    return handling.handle(case, actor="wang", action="door closed", disposition="", note="", at=bench.clock.now())


def test_a_case_that_nobody_watches_any_more_is_closed_and_says_so(tmp_path: Path) -> None:
    """A sensor leaves the configuration while its case is open: no reading could ever clear it."""
    clock = FakeClock()
    with a_book(tmp_path, clock) as book:
        book.put(cases.opened(a_case()))
    with a_book(tmp_path, clock) as book:
        Monitor([], [CHILLED], book, clock)
        (case,) = book.all()
        assert (case.closed, case.condition) == (True, Condition.UNKNOWN)
        assert [event.type for event in case.outbox] == ["case.opened", "case.closed"]
