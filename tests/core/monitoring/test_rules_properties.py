"""What holds for every course of values, whatever it is."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from core.monitoring.course import LONGEST_S, Hold
from core.monitoring.judges import patient
from core.monitoring.rules import IDLE, Change, Edge, Side, Watch, step
from tests.core.monitoring.factories import an_edge, changes

SIDES = {Side.HIGH: 4.0, Side.LOW: 6.0}  # with its warning limit; the critical one is 5
EDGES = st.builds(
    lambda side, warns, alarm_s, clear_s, hysteresis_k: an_edge(
        side=side,
        warn=SIDES[side] if warns else None,
        critical=5.0,
        alarm_delay_s=alarm_s,
        clear_delay_s=clear_s,
        hysteresis_k=hysteresis_k,
    ),
    st.sampled_from(Side),
    st.booleans(),
    st.sampled_from([0.0, 30.0, 120.0]),
    st.sampled_from([0.0, 30.0, 120.0]),
    st.sampled_from([0.0, 0.5, 2.0]),
)
STEPS = st.floats(min_value=-100.0, max_value=1000.0)
COURSES = st.lists(st.tuples(STEPS, st.floats(min_value=0.0, max_value=10.0)), max_size=60)
QUICK = settings(max_examples=200, deadline=None)


def beyond(edge: Edge, value: float) -> bool:
    return any(edge.excess(value, limit) > 0 for limit in (edge.warn, edge.critical) if limit is not None)


@QUICK
@given(EDGES, COURSES)
def test_nothing_opens_or_worsens_but_at_a_value_beyond_a_limit(edge: Edge, course: list[tuple[float, float]]) -> None:
    for index, change in changes(edge, course):
        assert change is Change.CLEARED or beyond(edge, course[index][1])


@QUICK
@given(EDGES, COURSES)
def test_nothing_clears_but_at_a_value_inside_the_hysteresis(edge: Edge, course: list[tuple[float, float]]) -> None:
    for index, change in changes(edge, course):
        assert change is not Change.CLEARED or edge.excess(course[index][1], edge.inner) <= -edge.hysteresis_k


@QUICK
@given(EDGES, COURSES)
def test_opening_and_clearing_alternate(edge: Edge, course: list[tuple[float, float]]) -> None:
    found = [change for _, change in changes(edge, course) if change is not Change.SEVERITY_CHANGED]
    assert found == [Change.OPENED, Change.CLEARED] * (len(found) // 2) + [Change.OPENED] * (len(found) % 2)


@QUICK
@given(EDGES, COURSES)
def test_a_case_worsens_at_most_once_and_only_while_it_is_open(edge: Edge, course: list[tuple[float, float]]) -> None:
    found = [change for _, change in changes(edge, course)]
    worse = [index for index, change in enumerate(found) if change is Change.SEVERITY_CHANGED]
    assert all(found[index - 1] is Change.OPENED for index in worse)
    assert 0 not in worse


@QUICK
@given(EDGES, st.lists(st.tuples(st.floats(0, 0), st.floats(0, 10)), max_size=60))
def test_where_no_time_passes_no_delay_runs_out(edge: Edge, course: list[tuple[float, float]]) -> None:
    found = [change for _, change in changes(edge, course)]
    assert not found or edge.alarm_delay_s == 0


@QUICK
@given(EDGES, st.integers(1, 40), st.floats(min_value=5.1, max_value=10.0))
def test_twice_as_many_samples_open_within_one_step_of_the_same_time(edge: Edge, before: int, worst: float) -> None:
    """A level course, a jump beyond the limits, and long enough there: only the density differs."""
    sign = 1 if edge.side is Side.HIGH else -1
    values = [5.0 - sign * 5] * before + [5.0 + sign * (worst - 5)] * 40
    sparse = changes(edge, [(10.0, value) for value in values])
    dense = changes(edge, [(5.0, value) for value in values for _ in range(2)])
    at_sparse_s = next(index * 10.0 for index, change in sparse if change is Change.OPENED)
    at_dense_s = next(index * 5.0 for index, change in dense if change is Change.OPENED)
    assert abs(at_sparse_s - at_dense_s) <= 10.0


@QUICK
@given(EDGES, st.integers(0, 10**9), st.floats(0.0, 7200.0))
def test_patience_never_shortens_and_never_exceeds_the_reopen_window(
    edge: Edge, reopened: int, window_s: float
) -> None:
    edge = structs.replace(edge, reopen_window_s=window_s)
    waits_s, longer_s = (patient(edge, times).clear_delay_s for times in (reopened, reopened + 1))
    assert edge.clear_delay_s <= waits_s <= longer_s <= max(edge.clear_delay_s, window_s)
    assert structs.replace(patient(edge, reopened), clear_delay_s=edge.clear_delay_s) == edge


WINDOWS = st.one_of(st.none(), st.sampled_from(Hold))


@QUICK
@given(EDGES, st.lists(st.tuples(st.floats(0.0, 1000.0), st.floats(0.0, 10.0), WINDOWS), max_size=60), st.booleans())
def test_without_an_alarm_delay_no_reason_ever_holds(
    edge: Edge, course: list[tuple[float, float, Hold | None]], warm: bool
) -> None:
    """Every breach opens with its first value."""
    edge, watch = structs.replace(edge, alarm_delay_s=0.0), Watch(warm_start=warm)
    for dt_s, value, window in course:
        watch, _ = step(watch, edge, value, dt_s, window)
        assert watch.severity is not None or not beyond(edge, value)
        assert watch.hold is None


@QUICK
@given(EDGES, st.lists(st.tuples(st.floats(0.0, 10.0), WINDOWS), min_size=1, max_size=120))
def test_no_reason_holds_a_breach_beyond_the_bound(edge: Edge, course: list[tuple[float, Hold | None]]) -> None:
    """A minute each: once a value beyond a limit is due and the bound is over, a case is open."""
    watch = IDLE
    for value, window in course:
        watch, _ = step(watch, edge, value, 60.0, window)
        due = watch.elapsed_s >= max(LONGEST_S, edge.alarm_delay_s) and beyond(edge, value)
        clocks = [
            clock_s
            for clock_s, limit in ((watch.critical_s, edge.critical), (watch.breach_s, edge.warn))
            if clock_s is not None and limit is not None and edge.excess(value, limit) > 0
        ]
        ripe = any(clock_s >= edge.alarm_delay_s for clock_s in clocks)
        assert watch.severity is not None or not (due and ripe)
