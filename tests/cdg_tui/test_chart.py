"""The chart: each step in its column, gaps empty, and a limit drawn only where it lies."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cdg_tui.chart import BEYOND, LIMIT, MEAN, ROWS, SPREAD, Scale, Step, chart, scale_of
from cdg_tui.text import HOLE

VALUES = st.floats(-60.0, 60.0)
ANY = st.floats(allow_nan=False, allow_infinity=False)
LIMITS = st.none() | VALUES


def a_step(values: Sequence[float]) -> Step:
    low, mean, high = sorted(values)
    return Step(low, mean, high)


def steps_of(values: st.SearchStrategy[float]) -> st.SearchStrategy[list[Step | None]]:
    return st.lists(st.none() | st.tuples(values, values, values).map(a_step), max_size=40)


def drawn(steps: Sequence[Step | None], low: float | None = None, high: float | None = None) -> list[str]:
    return [row for _, row in chart(steps, low, high)]


@given(steps_of(VALUES), LIMITS, LIMITS)
def test_it_has_a_column_for_each_step_and_nothing_in_those_without_a_value(
    steps: list[Step | None], low: float | None, high: float | None
) -> None:
    rows = drawn(steps, low, high)
    assert len(rows) == (ROWS if any(steps) else 0)
    assert {len(row) for row in rows} <= {len(steps)}
    for column, step in enumerate(steps if rows else []):
        cells = {row[column] for row in rows}
        assert (cells == {HOLE}) is (step is None)


@given(steps_of(ANY), st.none() | ANY, st.none() | ANY)
@example([Step(-1.7e308, 0.0, 1.7e308)], 0.0, 1.0)
@example([Step(1e300, 1e300, 1e300)], None, None)
def test_no_number_is_too_large_to_be_drawn(steps: list[Step | None], low: float | None, high: float | None) -> None:
    assert all(len(row) == len(steps) for row in drawn(steps, low, high))


@given(steps_of(VALUES).filter(any), LIMITS, LIMITS)
def test_a_limits_line_is_drawn_only_where_the_limit_lies_within_what_is_shown(
    steps: list[Step | None], low: float | None, high: float | None
) -> None:
    scale = scale_of(steps, low, high)
    assert scale is not None
    held = {scale.row(limit) for limit in (low, high) if limit is not None and scale.holds(limit)}
    lines = {row for row, text in enumerate(drawn(steps, low, high)) if LIMIT in text}
    assert lines <= held


@given(steps_of(VALUES).filter(any), LIMITS, st.none() | VALUES)
def test_beyond_is_marked_in_exactly_the_columns_that_went_beyond(
    steps: list[Step | None], low: float | None, high: float | None
) -> None:
    rows = drawn(steps, low, high)
    for column, step in enumerate(steps):
        went = step is not None and ((high is not None and step.high > high) or (low is not None and step.low < low))
        assert went is any(row[column] == BEYOND for row in rows)


def test_a_limit_far_away_does_not_flatten_the_course() -> None:
    steady = [Step(-20.5, -20.0, -19.5)] * 3
    assert scale_of(steady, -30.0, -18.0) == Scale(bottom=-20.5, top=-18.0)
    assert not any(LIMIT in row for row in drawn(steady, -30.0, 8.0))


def test_a_steady_value_is_not_blown_up() -> None:
    scale = scale_of([Step(4.0, 4.0, 4.1)], None, None)
    assert scale is not None
    assert (scale.bottom, scale.top) == pytest.approx((3.05, 5.05))


def test_a_chart_is_read_from_the_top() -> None:
    steps = [Step(2.0, 3.0, 4.0), None, Step(4.0, 6.0, 9.0), Step(8.2, 8.4, 8.6)]
    assert chart(steps, 2.0, 8.0) == [
        ("9.0", f"{HOLE * 2}{BEYOND}{BEYOND}"),
        ("8.0", f"{LIMIT}{HOLE}{SPREAD}{BEYOND}"),
        ("", f"{HOLE * 2}{SPREAD}{HOLE}"),
        ("", f"{HOLE * 2}{MEAN}{HOLE}"),
        ("", f"{HOLE * 2}{SPREAD}{HOLE}"),
        ("", f"{SPREAD}{HOLE}{SPREAD}{HOLE}"),
        ("", f"{MEAN}{HOLE * 3}"),
        ("2.0", f"{SPREAD}{HOLE}{LIMIT}{LIMIT}"),
    ]
