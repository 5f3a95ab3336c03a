"""What the course of a breach says of it: on the way back, driven by a heater, or left to itself."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.monitoring.course import HEATING_S, LONGEST_S, MINUTE_S, Hold, hold, slope


def warming(minutes: int, tau_min: float, from_k: float = 0.0, room_k: float = 40.0) -> list[float]:
    """Left to itself: it comes nearer to the room ever more slowly (Newton)."""
    return [room_k + (from_k - room_k) * math.exp(-minute / tau_min) for minute in range(minutes)]


def falling(minutes: int, peak_k: float, per_minute_k: float) -> list[float]:
    return [peak_k - per_minute_k * minute for minute in range(minutes)]


def now(course: list[float]) -> Hold | None:
    return hold(course, course[-1])


@pytest.mark.parametrize("tau_min", [10, 30, 60, 120, 240, 480])
@pytest.mark.parametrize("minutes", [8, 20, 30, 45, 60])
def test_a_cabinet_that_nobody_cools_is_never_excused(tau_min: float, minutes: int) -> None:
    """Whatever its size and its walls."""
    assert now(warming(minutes, tau_min)) is None


@pytest.mark.parametrize("per_minute_k", [0.2, 0.5, 1.5])
def test_a_rise_that_does_not_slow_down_is_a_heater(per_minute_k: float) -> None:
    assert now([per_minute_k * minute for minute in range(30)]) is Hold.HEATING


def test_air_that_gets_ever_colder_is_no_defrost() -> None:
    """A compressor that does not stop any more freezes the goods."""
    assert hold([0.5 * minute for minute in range(30)], 15.0, heated=False) is None


def test_no_heater_is_on_for_ever() -> None:
    minutes = int(HEATING_S / MINUTE_S)
    assert now([0.5 * minute for minute in range(minutes - 1)]) is Hold.HEATING
    assert now([0.5 * minute for minute in range(minutes)]) is None


def test_what_comes_back_soon_needs_no_alarm() -> None:
    assert now([*range(1, 25), *falling(10, 24.0, 1.0)]) is Hold.RETURNING


def test_what_comes_back_too_slowly_is_an_alarm() -> None:
    """At this rate it would take hours."""
    assert now([*[20.0] * 20, *falling(10, 20.0, 0.05)]) is None


def test_nothing_is_excused_for_longer_than_75_minutes() -> None:
    course = [*[30.0] * 60, *falling(15, 30.0, 2.2)]
    assert len(course) * MINUTE_S == LONGEST_S
    assert now(course[:-1]) is Hold.RETURNING
    assert now(course) is None


@pytest.mark.parametrize("course", [[], [1.0], [1.0, 2.0], [0.5, 1.0, 1.5, 2.0]])
def test_a_breach_that_has_just_begun_says_nothing(course: list[float]) -> None:
    assert hold(course, 3.0) is None


@given(st.lists(st.floats(-50, 50), max_size=90), st.floats(0, 50))
def test_any_course_has_an_answer(course: list[float], excess: float) -> None:
    assert hold(course, excess) in {None, Hold.HEATING, Hold.RETURNING}


@given(st.floats(-5, 5), st.floats(-30, 30), st.integers(2, 60))
def test_the_slope_of_a_line_is_its_rise(rise: float, start: float, count: int) -> None:
    assert slope([start + rise * at for at in range(count)]) == pytest.approx(rise, abs=1e-6)
