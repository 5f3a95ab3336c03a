"""How long a cabinet may be too warm in a day: what is counted, when it rolls away, and when that is a case."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.events import Severity
from core.monitoring.budget import HOUR_S, HOURS, Budget, step_budget
from core.monitoring.rules import Change, Edge, Side
from tests.core.monitoring.factories import an_edge

MINUTE_S = 60.0
BUDGET_S = 240 * MINUTE_S
EDGE = an_edge(warn=5.0, critical=8.0)
OPENED, CLEARED = Change.OPENED, Change.CLEARED


def lived(
    *course: tuple[int, float], edge: Edge = EDGE, budget_s: float = BUDGET_S
) -> tuple[Budget, list[tuple[int, Change]]]:
    """(minutes, value) after (minutes, value), a value a minute; (minute, change) of what came of it."""
    watch, found, minute = Budget(), [], 0
    for minutes, value in course:
        for _ in range(minutes):
            minute += 1
            watch, change = step_budget(watch, edge, budget_s, value, MINUTE_S)
            found += [(minute, change)] if change is not None else []
    return watch, found


def test_short_excursions_add_up_to_one_long_one() -> None:
    """Ten minutes of every half an hour: none lasts as long as an alarm delay, together they pass four hours."""
    watch, found = lived(*[(10, 9.0), (20, 4.0)] * 25)
    assert found == [(24 * 30 + 1, OPENED)]
    assert (watch.severity, watch.peak) == (Severity.CRITICAL, 9.0)


@pytest.mark.parametrize(
    ("value", "used_min"), [(8.1, 60), (8.0, 0), (7.0, 0)], ids=["beyond critical", "at it", "beyond the warning only"]
)
def test_only_what_is_beyond_the_critical_limit_is_used_up(value: float, used_min: float) -> None:
    assert lived((60, value))[0].used_s == used_min * MINUTE_S


def test_where_there_is_only_a_warning_limit_that_counts() -> None:
    assert lived((60, 7.0), edge=an_edge(warn=5.0, critical=None))[0].used_s == 60 * MINUTE_S


def test_cold_has_the_same_budget() -> None:
    assert lived((60, -1.0), edge=an_edge(side=Side.LOW, critical=0.0))[0].used_s == 60 * MINUTE_S


@pytest.mark.parametrize(("warm_min", "found"), [(240, []), (241, [(241, OPENED)])])
def test_a_budget_may_be_used_up_but_not_passed(warm_min: int, found: list[tuple[int, Change]]) -> None:
    assert lived((warm_min, 9.0))[1] == found


def test_a_case_lasts_until_the_day_has_rolled_far_enough() -> None:
    """Five hours of warmth, then cold: it ends once so many of them are a day old that four hours are left."""
    _, ((opened, _), (cleared, change)) = lived((300, 9.0), (24 * 60, 4.0))
    assert (opened, change) == (241, CLEARED)
    assert 23 * 60 <= cleared <= 25 * 60


@pytest.mark.parametrize(("value", "clears"), [(7.5, True), (7.6, False), (9.0, False)])
def test_a_case_ends_only_inside_the_hysteresis(value: float, clears: bool) -> None:
    over = Budget(severity=Severity.CRITICAL, hours=(0.0,), peak=9.0)
    assert (step_budget(over, EDGE, BUDGET_S, value, MINUTE_S)[1] is CLEARED) is clears


def test_a_gap_counts_as_warm_for_one_longest_step_only() -> None:
    watch, _ = step_budget(Budget(), EDGE, BUDGET_S, 9.0, 6 * HOUR_S)
    assert watch.used_s == EDGE.longest_step_s


@pytest.mark.parametrize("gap_s", [25 * HOUR_S, 60 * HOUR_S, 1e300, float("inf")])
def test_what_was_before_a_day_without_values_is_out_of_the_day(gap_s: float) -> None:
    """A shop that was shut over the weekend starts with a budget of its own."""
    before, _ = lived((230, 9.0))
    watch, change = step_budget(before, EDGE, BUDGET_S, 9.0, gap_s)
    assert (watch.used_s, change) == (EDGE.longest_step_s, None)


@pytest.mark.parametrize("dt_s", [0.0, -1.0, -1e9, float("-inf")])
def test_time_that_stands_or_runs_back_uses_nothing(dt_s: float) -> None:
    before, _ = lived((90, 9.0))
    assert step_budget(before, EDGE, BUDGET_S, 9.0, dt_s) == (before, None)


def test_what_of_the_day_was_used_up_stays_so_when_a_case_ends() -> None:
    """Whether it is the readings that end it or a kill fell between the case and its watch."""
    over, _ = lived((241, 9.0))
    assert over.severity is Severity.CRITICAL
    assert (over.ended().used_s, over.ended().severity, over.ended().peak) == (241 * MINUTE_S, None, None)


def test_a_minute_that_is_used_up_is_worth_a_line_and_nothing_else_is() -> None:
    used, _ = lived((10, 9.0))
    cold, _ = step_budget(used, EDGE, BUDGET_S, 4.0, MINUTE_S)
    assert step_budget(used, EDGE, BUDGET_S, 9.0, MINUTE_S)[0].phase != used.phase == cold.phase
    assert lived((600, 4.0))[0].phase == Budget().phase


COURSES = st.lists(st.tuples(st.integers(1, 400), st.sampled_from([4.0, 9.0])), max_size=20)


@settings(max_examples=100, deadline=None)
@given(COURSES)
def test_what_is_used_up_are_the_warm_minutes_of_the_last_day_within_an_hour(course: list[tuple[int, float]]) -> None:
    minutes = [value > 8.0 for count, value in course for _ in range(count)]
    used_min = lived(*course)[0].used_s / MINUTE_S
    assert sum(minutes[-(HOURS - 1) * 60 :]) <= used_min <= sum(minutes[-HOURS * 60 :])


@settings(max_examples=100, deadline=None)
@given(COURSES, st.integers(1, 600))
def test_opening_and_clearing_alternate_and_each_has_its_reason(
    course: list[tuple[int, float]], budget_min: int
) -> None:
    minutes = [value > 8.0 for count, value in course for _ in range(count)]
    _, found = lived(*course, budget_s=budget_min * MINUTE_S)
    assert [change for _, change in found] == ([OPENED, CLEARED] * len(found))[: len(found)]
    for minute, change in found:
        assert minutes[minute - 1] is (change is OPENED)
        last_day = sum(minutes[max(0, minute - HOURS * 60) : minute])
        assert (
            last_day > budget_min if change is OPENED else sum(minutes[max(0, minute - 23 * 60) : minute]) <= budget_min
        )


def test_while_a_critical_case_is_open_there_is_no_second_one_for_the_same_warmth() -> None:
    """Once that is over, the next minute too warm opens it."""
    used_up = Budget(hours=(4 * 3600.0,))
    quiet, change = step_budget(used_up, an_edge(), 4 * 3600.0, 9.0, 60.0, alarmed=True)
    assert change is None
    assert step_budget(quiet, an_edge(), 4 * 3600.0, 4.0, 60.0)[1] is None
    assert step_budget(quiet, an_edge(), 4 * 3600.0, 9.0, 60.0)[1] is Change.OPENED
