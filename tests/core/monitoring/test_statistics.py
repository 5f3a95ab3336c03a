"""What a stretch of minutes amounts to."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.monitoring.statistics import Minute, mean_kinetic_temperature, statistics_of

TEMPERATURES = st.floats(-60.0, 120.0)
COURSES = st.lists(st.tuples(TEMPERATURES, st.floats(0.1, 1000.0)), min_size=1, max_size=50)


def minute(tick: int, mean: float | None) -> Minute:
    return Minute(tick, tick * 60_000, mean, mean, mean, int(mean is not None), 1, 0)


def minutes(*means: float | None) -> list[Minute]:
    """None is a minute without a good value; nan one that is not there at all."""
    return [minute(tick, mean) for tick, mean in enumerate(means) if mean is None or not math.isnan(mean)]


GONE = math.nan


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        # known, gap, % in limit, excursions, longest, degree-minutes
        ((), (0, 0, None, 0, 0, 0.0)),
        ((None, None), (0, 2, None, 0, 0, 0.0)),
        ((2.0, 5.0, 8.0), (3, 0, 100.0, 0, 0, 0.0)),
        ((9.0, 10.0, 5.0, 9.0), (4, 0, 25.0, 2, 2, 4.0)),
        ((-1.0, 5.0), (2, 0, 50.0, 0, 0, 0.0)),
        ((5.0, GONE, GONE, 5.0), (2, 2, 100.0, 0, 0, 0.0)),
        ((9.0, GONE, None, 9.0), (2, 2, 0.0, 1, 2, 2.0)),
    ],
)
def test_time_in_limit_excursions_and_gaps(means: tuple[float | None, ...], expected: tuple[object, ...]) -> None:
    found = statistics_of(minutes(*means), 0.0, 8.0)
    assert (
        found.known_min,
        found.gap_min,
        found.in_limit_pct,
        found.excursions,
        found.longest_excursion_min,
        found.degree_min,
    ) == expected


def test_without_limits_nothing_is_said_of_them() -> None:
    found = statistics_of(minutes(1.0, 3.0), None, None)
    assert (found.low, found.mean, found.high) == (1.0, 2.0, 3.0)
    assert (found.in_limit_pct, found.excursions, found.longest_excursion_min, found.degree_min) == (None,) * 4


def test_the_mean_kinetic_temperature_of_a_known_course() -> None:
    """Half the time at 20 and half at 30 °C: by hand, 10000.48 / -ln((e^-34.1139 + e^-32.9886) / 2) K."""
    assert mean_kinetic_temperature([(20.0, 60.0), (30.0, 60.0)]) == pytest.approx(26.26, abs=0.005)
    assert mean_kinetic_temperature([]) is None


@given(COURSES)
def test_it_lies_between_the_mean_and_the_highest(course: list[tuple[float, float]]) -> None:
    found = mean_kinetic_temperature(course)
    assert found is not None
    mean = sum(value * time for value, time in course) / sum(time for _, time in course)
    assert mean - 1e-6 <= found <= max(value for value, _ in course) + 1e-6


@given(TEMPERATURES, st.floats(0.1, 1e6))
def test_of_a_steady_temperature_it_is_that_temperature(value: float, time: float) -> None:
    assert mean_kinetic_temperature([(value, time)]) == pytest.approx(value, abs=1e-6)


@given(COURSES, st.floats(0.5, 20.0))
def test_times_are_weights(course: list[tuple[float, float]], factor: float) -> None:
    longer = [(value, time * factor) for value, time in course]
    assert mean_kinetic_temperature(longer) == pytest.approx(mean_kinetic_temperature(course), abs=1e-6)


@given(st.lists(TEMPERATURES | st.none() | st.just(GONE), max_size=60), TEMPERATURES)
def test_the_figures_agree_with_each_other(means: list[float | None], high: float) -> None:
    found = statistics_of(minutes(*means), None, high)
    known = [mean for mean in means if mean is not None and not math.isnan(mean)]
    above = [mean for mean in known if mean > high]
    assert found.known_min == len(known)
    assert found.known_min + found.gap_min <= len(means)
    assert found.degree_min == pytest.approx(sum(mean - high for mean in above))
    assert found.excursions is not None
    assert found.longest_excursion_min is not None
    assert bool(found.excursions) == bool(above)
    assert found.longest_excursion_min <= len(above) <= found.longest_excursion_min * found.excursions
    if known:
        assert found.in_limit_pct == pytest.approx(100 * (1 - len(above) / len(known)))
        assert found.mkt == pytest.approx(mean_kinetic_temperature((mean, 1.0) for mean in known))
