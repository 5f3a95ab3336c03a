"""Air that warms too fast: over which time it is measured, what excuses it, and when it is over."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.events import Severity
from core.monitoring.course import Hold
from core.monitoring.rise import SPAN_MIN, Rise, step_rise
from core.monitoring.rules import Change

THRESHOLD_K = 4.0
OPENED, CLEARED = Change.OPENED, Change.CLEARED
STEADY = [-20.0] * 30
LEAP = [*STEADY, -15.0]


def lived(
    *values: float, dt_s: float = 60.0, window: Hold | None = None, watch: Rise | None = None
) -> tuple[Rise, list[tuple[int, Change]]]:
    watch, found = watch or Rise(), []
    for index, value in enumerate(values):
        watch, change = step_rise(watch, THRESHOLD_K, value, dt_s, window)
        found += [(index, change)] if change is not None else []
    return watch, found


def a_slope(k_per_min: float, minutes: float, dt_s: float) -> list[float]:
    return [-20.0 + k_per_min * index * dt_s / 60.0 for index in range(int(minutes * 60 / dt_s))]


@pytest.mark.parametrize(("risen_k", "found"), [(4.1, [(30, OPENED)]), (4.0, []), (-9.0, [])])
def test_only_more_than_the_threshold_is_too_fast(risen_k: float, found: list[tuple[int, Change]]) -> None:
    assert lived(*STEADY, -20.0 + risen_k)[1] == found


@pytest.mark.parametrize("dt_s", [5.0, 10.0, 25.0, 40.0, 50.0, 59.0, 60.0, 90.0, 300.0])
@pytest.mark.parametrize(("k_in_15_min", "opens"), [(4.6, True), (3.7, False)])
def test_a_quarter_of_an_hour_is_one_at_any_interval(dt_s: float, k_in_15_min: float, opens: bool) -> None:
    assert bool(lived(*a_slope(k_in_15_min / SPAN_MIN, 120, dt_s), dt_s=dt_s)[1]) is opens


def test_it_is_measured_from_the_lowest_value_of_the_span() -> None:
    assert lived(*[-18.0] * 10, -20.0, *[-18.0] * 10, -15.9)[1] == [(21, OPENED)]


def test_a_case_has_the_worst_value_and_is_a_warning() -> None:
    watch, _ = lived(*LEAP, -12.0, -14.0)
    assert (watch.severity, watch.peak) == (Severity.WARNING, -12.0)


def test_a_case_ends_after_a_calm_span_and_leaves_nothing_behind() -> None:
    watch, found = lived(*LEAP, *[-15.0] * 20)
    assert found == [(30, OPENED), (30 + SPAN_MIN, CLEARED)]
    assert lived(*LEAP, *[-15.0] * SPAN_MIN)[0] == Rise()
    assert watch.severity is None


@pytest.mark.parametrize(("share", "ends"), [(0.45, True), (0.55, False), (0.95, False)])
def test_it_is_not_over_while_it_rises_by_more_than_half_the_threshold(share: float, ends: bool) -> None:
    slope = [-15.0 + THRESHOLD_K * share * minute / SPAN_MIN for minute in range(60)]
    assert (CLEARED in [change for _, change in lived(*LEAP, *slope)[1]]) is ends


@pytest.mark.parametrize("window", [Hold.DEFROST, Hold.DOOR, Hold.MAINTENANCE])
def test_a_known_reason_excuses_what_was_before_it(window: Hold) -> None:
    excused, found = lived(*range(-20, 0, 2), window=window, watch=lived(*STEADY)[0])
    assert found == []
    assert lived(-1.0, watch=excused)[1] == []


def test_a_known_reason_ends_a_case() -> None:
    assert lived(-15.0, window=Hold.DEFROST, watch=lived(*LEAP)[0]) == (Rise(), [(0, CLEARED)])


@pytest.mark.parametrize("gap_s", [16 * 60.0, 1e6, 1e300, float("inf")])
def test_a_gap_fires_nothing_and_ends_nothing(gap_s: float) -> None:
    """What it was before nobody can compare with; whether a case is over only a calm span can say."""
    assert lived(5.0, dt_s=gap_s, watch=lived(*STEADY)[0])[1] == []
    back, found = lived(5.0, dt_s=gap_s, watch=lived(*LEAP)[0])
    assert (found, back.severity) == ([], Severity.WARNING)
    assert lived(*[5.0] * SPAN_MIN, watch=back)[1] == [(SPAN_MIN - 1, CLEARED)]


@pytest.mark.parametrize("dt_s", [0.0, -1.0, float("-inf")])
def test_time_that_stands_or_runs_back_forgets_nothing(dt_s: float) -> None:
    before, _ = lived(*STEADY)
    after, found = lived(*[-20.0] * 50, dt_s=dt_s, watch=before)
    assert (after.minutes, found) == (before.minutes, [])


VALUES = st.lists(st.floats(-30.0, 10.0), min_size=1, max_size=80)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_it_opens_where_the_last_quarter_of_an_hour_rose_too_far_and_nowhere_else(values: list[float]) -> None:
    found = lived(*values)[1]
    assert [change for _, change in found] == ([OPENED, CLEARED] * len(found))[: len(found)]
    first = next((i for i, v in enumerate(values) if v - min(values[max(0, i - SPAN_MIN) : i + 1]) > THRESHOLD_K), None)
    assert (found[0] if found else None) == ((first, OPENED) if first is not None else None)
    for index, change in found:
        risen_k = values[index] - min(values[max(0, index - SPAN_MIN) : index + 1])
        assert change is OPENED or risen_k <= THRESHOLD_K / 2


@settings(max_examples=100, deadline=None)
@given(VALUES, st.lists(st.floats(0.0, 400.0), min_size=80, max_size=80))
def test_its_minutes_never_span_more_than_a_quarter_of_an_hour(values: list[float], steps: list[float]) -> None:
    """What is compared with is among the values of the last 16 minutes, the newest minute being under way."""
    watch, at_s, times = Rise(), 0.0, []
    for value, dt_s in zip(values, steps, strict=False):
        at_s += dt_s
        times.append((at_s, value))
        watch, _ = step_rise(watch, 1000.0, value, dt_s, None)
        assert set(watch.minutes) <= {one for then_s, one in times if at_s - then_s <= (SPAN_MIN + 1) * 60.0 + 1e-6}
