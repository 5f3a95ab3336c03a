"""What was too warm already when somebody could look again."""

import pytest

from core.events import Severity
from core.monitoring.outages import step_outage
from core.monitoring.rules import IDLE, MAX_STEP_S, Change, Side, Watch
from tests.core.monitoring.factories import an_edge

EDGE = an_edge(warn=5.0, critical=8.0, alarm_delay_s=1800.0, clear_delay_s=30.0)
OPEN = Watch(severity=Severity.WARNING, peak=9.0)


@pytest.mark.parametrize(
    ("value", "after_gap", "opens"),
    [
        (9.0, True, True),
        (5.1, True, True),
        (5.0, True, False),
        (4.0, True, False),
        (9.0, False, False),
    ],
)
def test_a_case_opens_with_the_first_value_after_an_outage_or_not_at_all(
    value: float, after_gap: bool, opens: bool
) -> None:
    """It waits for no delay: nobody knows for how long it has been warm."""
    watch, change = step_outage(IDLE, EDGE, value, 0.0, after_gap=after_gap)
    assert change == (Change.OPENED if opens else None)
    assert watch == (Watch(severity=Severity.WARNING, peak=value) if opens else IDLE)


def test_what_is_too_cold_opens_one_where_its_side_is_watched() -> None:
    edge = an_edge(side=Side.LOW, critical=0.0)
    assert step_outage(IDLE, edge, -1.0, 0.0, after_gap=True)[1] is Change.OPENED


def lived(*values: float, dt_s: float = 10.0, watch: Watch = OPEN) -> tuple[Watch, list[int]]:
    """Where it stands, and at which values it cleared."""
    cleared = []
    for index, value in enumerate(values):
        watch, change = step_outage(watch, EDGE, value, dt_s, after_gap=False)
        cleared += [index] if change is Change.CLEARED else []
    return watch, cleared


def test_it_ends_after_the_clear_delay_inside() -> None:
    assert lived(9.0, 4.0, 4.0, 4.0, 4.0) == (IDLE, [4])


def test_it_does_not_end_within_the_hysteresis() -> None:
    assert lived(*[4.6] * 50)[1] == []


def test_a_value_outside_starts_the_clear_delay_anew() -> None:
    assert lived(4.0, 4.0, 4.0, 5.2, 4.0, 4.0, 4.0, 4.0)[1] == [7]


@pytest.mark.parametrize("gap_s", [MAX_STEP_S, 1e6, float("inf")])
def test_a_gap_does_not_end_it(gap_s: float) -> None:
    """Inside before it and inside after it says nothing of the time between."""
    slow = an_edge(critical=8.0, clear_delay_s=2 * MAX_STEP_S)
    watch, _ = step_outage(OPEN, slow, 4.0, 0.0, after_gap=False)
    watch, change = step_outage(watch, slow, 4.0, gap_s, after_gap=True)
    assert (watch.severity, change) == (Severity.WARNING, None)


@pytest.mark.parametrize("dt_s", [0.0, -1.0, float("-inf")])
def test_time_that_stands_or_runs_back_does_not_end_it(dt_s: float) -> None:
    assert lived(*[4.0] * 50, dt_s=dt_s)[1] == []


def test_it_keeps_the_worst_value_and_how_long_it_lasts_and_no_course() -> None:
    watch, _ = lived(9.0, 12.0, 6.0)
    assert (watch.peak, watch.elapsed_s, watch.course) == (12.0, 30.0, ())


def test_another_outage_within_it_opens_no_second_one() -> None:
    watch, change = step_outage(OPEN, EDGE, 11.0, 10.0, after_gap=True)
    assert (watch.severity, watch.peak, change) == (Severity.WARNING, 11.0, None)
