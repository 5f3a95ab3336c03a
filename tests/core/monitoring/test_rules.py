"""When a limit counts as broken and when as kept again: courses of values and what they bring about."""

import pytest

from core.events import Severity
from core.monitoring.course import LONGEST_S, Hold
from core.monitoring.judges import PATIENCE_S, patient
from core.monitoring.presets import terms_of
from core.monitoring.rules import (
    DOUBT_S,
    HOLDS_PER_DAY,
    IDLE,
    MAX_STEP_S,
    REOPEN_WINDOW_S,
    STARTUP_S,
    Change,
    Edge,
    Side,
    Watch,
    edges_of,
    step,
)
from core.settings import Cabinet, Limits
from tests.core.monitoring.factories import after, an_edge, changes

OPEN = Watch(breaching=True, severity=Severity.CRITICAL, elapsed_s=100.0, peak=9.0)
OPENED, WORSE, CLEARED = Change.OPENED, Change.SEVERITY_CHANGED, Change.CLEARED


def every(dt_s: float, *values: float) -> list[tuple[float, float]]:
    return [(dt_s, value) for value in values]


def test_without_an_alarm_delay_the_first_reading_opens() -> None:
    watch, change = step(IDLE, an_edge(alarm_delay_s=0.0), 8.1, 0.0)
    assert (change, watch.severity, watch.peak) == (OPENED, Severity.CRITICAL, 8.1)


def test_a_breach_opens_once_it_has_lasted_the_alarm_delay() -> None:
    assert changes(an_edge(), every(10.0, *[9.0] * 12)) == [(6, OPENED)]


@pytest.mark.parametrize("values", [[9.0] * 6 + [4.0] * 20, ([9.0] * 6 + [4.0] * 2) * 5])
def test_a_breach_shorter_than_the_delay_opens_nothing(values: list[float]) -> None:
    assert changes(an_edge(), every(10.0, *values)) == []


@pytest.mark.parametrize(("side", "limit"), [(Side.HIGH, 8.0), (Side.LOW, 0.0)])
def test_a_value_at_the_limit_is_no_breach(side: Side, limit: float) -> None:
    edge = an_edge(side=side, critical=limit, alarm_delay_s=0.0)
    assert after(edge, every(10.0, *[limit] * 5)) == IDLE


def test_below_a_low_limit_a_case_opens_and_keeps_the_lowest_value() -> None:
    edge = an_edge(side=Side.LOW, critical=0.0)
    course = every(10.0, -0.5, -2.0, -1.0, -1.0, -1.0, -1.0, -1.0)
    assert changes(edge, course) == [(6, OPENED)]
    assert after(edge, course).peak == -2.0


@pytest.mark.parametrize("resting", [8.0, 7.9, 7.51])
def test_between_limit_and_hysteresis_the_timer_stands_still(resting: float) -> None:
    course = every(10.0, 9.0, 9.0, 9.0, resting, resting, resting, 9.0)
    assert after(an_edge(), course).breach_s == 30.0


@pytest.mark.parametrize("inside", [7.5, 7.0, -40.0])
def test_inside_the_hysteresis_the_timer_falls_to_nothing(inside: float) -> None:
    assert after(an_edge(), every(10.0, 9.0, 9.0, 9.0, inside, inside)) == IDLE


def test_one_stray_value_inside_does_not_begin_the_delay_again() -> None:
    """Of half an hour's delay a minute inside does; a swing that is there for less is one breach."""
    edge = an_edge(alarm_delay_s=1800.0)
    with_strays = [9.0 if index % 100 else 4.0 for index in range(1, 200)]
    assert changes(edge, every(10.0, *with_strays)) == [(181, OPENED)]
    assert changes(edge, every(10.0, *([9.0] * 100 + [4.0] * 7) * 5)) == []


def test_warmth_after_a_rest_at_the_limit_is_held_as_a_new_one() -> None:
    """A touch of the limit hours ago must not use up what a defrost is allowed."""
    edge = an_edge(alarm_delay_s=600.0)
    touched = after(edge, every(60.0, 8.1, *[7.8] * 240))
    assert touched.breaching
    watch, told = touched, []
    for _ in range(60):
        watch, change = step(watch, edge, 9.0, 60.0, Hold.DEFROST)
        told += [change] if change else []
    assert told == []


def test_a_timer_that_stands_still_at_its_end_fires_with_the_next_value_beyond() -> None:
    assert changes(an_edge(alarm_delay_s=20.0), every(10.0, 9.0, 9.0, 7.9, 7.9, 9.0)) == [(4, OPENED)]


def test_a_warning_limit_alone_warns() -> None:
    edge = an_edge(warn=6.0, critical=None)
    watch = after(edge, every(10.0, *[7.0] * 7))
    assert (watch.severity, edge.limit_for(Severity.WARNING)) == (Severity.WARNING, 6.0)


def test_a_critical_limit_that_is_passed_after_a_warning_changes_the_severity_in_its_own_time() -> None:
    edge = an_edge(warn=6.0, critical=8.0)
    assert changes(edge, every(10.0, *[7.0] * 7, *[9.0] * 7)) == [(6, OPENED), (13, WORSE)]


def test_beyond_both_limits_a_case_opens_as_critical() -> None:
    assert after(an_edge(warn=6.0, critical=8.0), every(10.0, *[9.0] * 7)).severity is Severity.CRITICAL


def test_a_case_never_gets_milder_while_it_is_open() -> None:
    edge = an_edge(warn=6.0, critical=8.0)
    assert changes(edge, every(10.0, *[9.0] * 7, *[7.0] * 20, *[9.0] * 20)) == [(6, OPENED)]


@pytest.mark.parametrize(
    ("side", "limit", "inside"), [(Side.HIGH, 8.0, 7.5), (Side.HIGH, 8.0, 2.0), (Side.LOW, 0.0, 0.5)]
)
def test_a_case_clears_after_the_clear_delay_inside_the_hysteresis(side: Side, limit: float, inside: float) -> None:
    edge = an_edge(side=side, critical=limit)
    assert changes(edge, every(10.0, *[inside] * 8), OPEN) == [(3, CLEARED)]


@pytest.mark.parametrize(("side", "limit", "near"), [(Side.HIGH, 8.0, 7.6), (Side.LOW, 0.0, 0.4)])
def test_within_the_hysteresis_a_case_never_clears(side: Side, limit: float, near: float) -> None:
    edge = an_edge(side=side, critical=limit, clear_delay_s=0.0)
    assert changes(edge, every(10.0, *[near] * 50), OPEN) == []


def test_a_value_outside_starts_the_clear_delay_anew() -> None:
    assert changes(an_edge(), every(10.0, 4.0, 4.0, 4.0, 7.9, 4.0, 4.0, 4.0, 4.0), OPEN) == [(7, CLEARED)]


def test_without_a_clear_delay_the_first_value_inside_clears() -> None:
    assert changes(an_edge(clear_delay_s=0.0), every(10.0, 9.0, 4.0), OPEN) == [(1, CLEARED)]


@pytest.mark.parametrize("gap_s", [MAX_STEP_S, 1e6, 1e300, float("inf")])
def test_a_gap_clears_nothing_by_itself(gap_s: float) -> None:
    """The first good value after hours without any says nothing about the time between."""
    assert changes(an_edge(clear_delay_s=300.0), [(gap_s, 4.0)], OPEN) == []


@pytest.mark.parametrize("gap_s", [MAX_STEP_S, 1e6, 1e300, float("inf")])
def test_a_gap_fires_nothing_by_itself(gap_s: float) -> None:
    assert changes(an_edge(alarm_delay_s=300.0), [(10.0, 4.0), (gap_s, 9.0)]) == []


def test_a_gap_makes_no_case_critical_by_itself() -> None:
    edge = an_edge(warn=6.0, critical=8.0, alarm_delay_s=300.0)
    warned = Watch(breaching=True, breach_s=900.0, severity=Severity.WARNING)
    assert changes(edge, [(1e6, 9.0)], warned) == []


def test_a_gap_within_a_breach_counts_as_the_longest_step() -> None:
    assert after(an_edge(alarm_delay_s=1800.0), [(0.0, 9.0), (1e6, 9.0)]).breach_s == MAX_STEP_S


@pytest.mark.parametrize("dt_s", [0.0, -1.0, -1e9, float("-inf")])
def test_time_that_stands_or_runs_back_moves_no_timer(dt_s: float) -> None:
    before = after(an_edge(), every(10.0, 9.0, 9.0))
    assert after(an_edge(), every(dt_s, *[9.0] * 50), before) == before


def test_peak_and_duration_stand_in_the_watch_when_the_case_clears() -> None:
    watch = after(an_edge(), every(10.0, *[9.0] * 7, 11.0, 9.0, 4.0, 4.0, 4.0, 4.0))
    assert (watch.severity, watch.peak, watch.elapsed_s) == (None, 11.0, 120.0)


def test_the_quiet_clock_runs_from_the_end_of_a_case_to_the_next_breach() -> None:
    """An alarm delay as long as the window must not use the window up."""
    course = every(10.0, 4.0, 4.0, 4.0, *[9.0] * 5)
    assert after(an_edge(), course, Watch(quiet_s=0.0)).quiet_s == 40.0


def test_a_breach_that_came_to_nothing_counts_as_quiet_time() -> None:
    assert after(an_edge(), every(10.0, 9.0, 9.0, 9.0, 4.0, 4.0), Watch(quiet_s=0.0)).quiet_s == 50.0


@pytest.mark.parametrize(("quiet_s", "kept"), [(REOPEN_WINDOW_S - 10, REOPEN_WINDOW_S), (REOPEN_WINDOW_S, None)])
def test_after_the_reopen_window_the_last_case_is_history(quiet_s: float, kept: float | None) -> None:
    at_once = an_edge(alarm_delay_s=0.0)
    assert after(at_once, every(10.0, 9.0), Watch(quiet_s=quiet_s)).quiet_s == kept
    assert after(at_once, every(10.0, 4.0), Watch(quiet_s=quiet_s)).quiet_s == kept


def test_edges_are_made_only_for_the_sides_that_have_limits() -> None:
    terms = terms_of(Cabinet(id="x", limits=Limits(warn_high=6.0, high=8.0)))
    (edge,) = edges_of(terms, terms.limits)
    assert (edge.side, edge.warn, edge.critical, edge.inner) == (Side.HIGH, 6.0, 8.0, 6.0)


def test_a_breach_pends_until_its_case_opens() -> None:
    pending = after(an_edge(), every(10.0, 9.0, 9.0))
    opened = after(an_edge(), every(10.0, *[9.0] * 7))
    assert (IDLE.pending, pending.pending, opened.pending) == (False, True, False)


# -- patience ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clear_s", "reopened", "longer_s"),
    [
        (300.0, 0, 300.0),
        (300.0, 1, 1200.0),
        (300.0, 2, REOPEN_WINDOW_S),
        (300.0, 3, REOPEN_WINDOW_S),
        (300.0, 10**6, REOPEN_WINDOW_S),
        (0.0, 0, 0.0),
        (0.0, 1, 4 * PATIENCE_S),
        (7200.0, 1, 7200.0),
    ],
)
def test_what_came_back_is_waited_for_longer_up_to_the_reopen_window(
    clear_s: float, reopened: int, longer_s: float
) -> None:
    """Longer than that it would be a case of its own."""
    assert patient(an_edge(clear_delay_s=clear_s), reopened).clear_delay_s == longer_s


# -- known reasons to wait ---------------------------------------------------------------------------------------------


def opens_at(
    edge: Edge, watch: Watch = IDLE, *, window: Hold | None = None, until_s: float = 1e9, value: float = 9.0
) -> float | None:
    """Seconds after the first value of a level breach; the window is open until `until_s`."""
    for index in range(1000):
        held = window if index * 10.0 < until_s else None
        watch, change = step(watch, edge, value, 10.0 if index else 0.0, held)
        if change is OPENED:
            return index * 10.0
    return None


@pytest.mark.parametrize("window", [Hold.DEFROST, Hold.DOOR, Hold.MAINTENANCE])
@pytest.mark.parametrize(
    ("until_s", "opens_s"),
    [
        (0.0, 600.0),
        (500.0, 600.0),
        (1200.0, 1190.0 + DOUBT_S + 10.0),
        (3600.0, 3590.0 + DOUBT_S + 10.0),
        (1e9, LONGEST_S),
    ],
    ids=["none", "over in time", "a while", "an hour", "for ever"],
)
def test_a_known_reason_holds_an_alarm_that_is_due_and_never_beyond_the_bound(
    window: Hold, until_s: float, opens_s: float
) -> None:
    assert opens_at(an_edge(alarm_delay_s=600.0), window=window, until_s=until_s) == opens_s


def test_a_known_reason_holds_no_alarm_of_the_cold() -> None:
    edge = an_edge(side=Side.LOW, critical=0.0, alarm_delay_s=600.0)
    assert opens_at(edge, window=Hold.DEFROST, value=-3.0) == 600.0


@pytest.mark.parametrize("window", Hold)
def test_without_an_alarm_delay_no_reason_counts(window: Hold) -> None:
    edge = an_edge(warn=6.0, critical=8.0, alarm_delay_s=0.0)
    assert step(Watch(warm_start=True), edge, 9.0, 0.0, window)[1] is OPENED
    warned, _ = step(IDLE, edge, 7.0, 0.0, window)
    assert step(warned, edge, 9.0, 10.0, window)[1] is WORSE


def test_a_warm_start_holds_for_the_time_of_a_pull_down() -> None:
    opened_s = opens_at(an_edge(alarm_delay_s=600.0), Watch(warm_start=True))
    assert opened_s == STARTUP_S - 10.0 + DOUBT_S + 10.0


def test_a_warm_start_is_over_once_the_air_was_inside() -> None:
    edge = an_edge(alarm_delay_s=600.0)
    inside = after(edge, every(10.0, 9.0, 9.0, *[4.0] * 4), Watch(warm_start=True))
    assert not inside.warm_start
    assert opens_at(edge, inside) == 600.0


def test_a_day_excuses_only_so_many_breaches() -> None:
    """A compressor that fails by and by would be excused for ever."""
    edge = an_edge(alarm_delay_s=600.0)
    excused = Watch(excused=tuple(3600.0 * number for number in range(HOLDS_PER_DAY)))
    assert opens_at(edge, excused, window=Hold.DEFROST) == 600.0
    yesterday = Watch(excused=tuple(86_395.0 for _ in range(HOLDS_PER_DAY)))
    assert opens_at(edge, yesterday, window=Hold.DEFROST) == LONGEST_S
