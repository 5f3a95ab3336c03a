"""Which good temperatures are suspect: those that jump as no air can, and those of a probe that is stuck."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.monitoring.readings import JUMP_K, JUMP_WITHIN_S, Gate, gated, read
from core.samples import Quality, Quantity, Reading
from core.settings import Sensor
from tests.core.monitoring.factories import AIR, a_sample, a_sensor

HOUR_S = 3600.0
FLAT = "flat_line"


def passed(
    course: Iterable[tuple[float, float | None]], *, quantity: Quantity = Quantity.TEMPERATURE
) -> list[str | None]:
    """The fault codes of (dt_s, value), None for what is good; a value that is None is no answer."""
    gate: Gate | None = None
    probe, now_s, codes = Sensor(id=AIR, cabinet="03", source="bus", point="x", quantity=quantity), 0.0, []
    for dt_s, value in course:
        now_s += dt_s
        gate, reading = gated(gate, read(a_sample(value, steady_s=now_s), probe))
        assert (reading.value is not None) is (reading.quality is Quality.GOOD) is (reading.fault is None)
        codes.append(reading.fault)
    return codes


def every(dt_s: float, *values: float | None) -> list[tuple[float, float | None]]:
    return [(dt_s, value) for value in values]


def swinging(step_k: float, range_k: float, minutes: float, dt_s: float = 10.0) -> list[tuple[float, float]]:
    """Up and down by `step_k` a value between -20 and `range_k` above it."""
    steps = round(range_k / step_k)
    up = [-20.0 + step_k * index for index in range(steps + 1)]
    wave = [*up, *up[-2:0:-1]]
    return [(dt_s, wave[index % len(wave)]) for index in range(int(minutes * 60 / dt_s))]


# -- jumps -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ([4.0, 14.0, 4.0], [None, None, None]),
        ([4.0, 14.1, 4.0], [None, "jump", None]),
        ([4.0, -7.0, 4.0], [None, "jump", None]),
        ([4.0, 40.0, 40.5, 41.0], [None, "jump", None, None]),
        ([4.0, 40.0, 60.0, 80.0, 80.0], [None, "jump", "jump", "jump", None]),
        ([4.0, 40.0, 4.0, 40.0, 4.0], [None, "jump", None, "jump", None]),
        ([4.0, 40.0, None, 40.5], [None, "jump", "no_answer", None]),
        ([40.0, 4.0, 4.0], [None, "jump", None]),
    ],
    ids=["just so far", "up", "down", "it stays there", "wild", "again", "a miss between", "begins with a spike"],
)
def test_a_jump_is_suspect_until_the_next_value_agrees(values: list[float | None], codes: list[str | None]) -> None:
    assert passed(every(10.0, *values)) == codes


@pytest.mark.parametrize(("dt_s", "code"), [(JUMP_WITHIN_S, "jump"), (JUMP_WITHIN_S + 1, None)])
def test_what_took_longer_is_no_jump(dt_s: float, code: str | None) -> None:
    assert passed([(0.0, 4.0), (dt_s, 20.0)]) == [None, code]


def test_a_spike_after_a_spike_is_none_the_better_for_the_time_that_has_passed() -> None:
    """The last good value is 80 s ago then, the last value 40."""
    assert passed(every(40.0, 4.0, 60.0, 30.0, 4.0)) == [None, "jump", "jump", None]


def test_a_suspect_reading_keeps_what_came_raw_and_has_no_value() -> None:
    gate, _ = gated(None, read(a_sample(4.0), a_sensor()))
    _, reading = gated(gate, read(a_sample(40.0, steady_s=10.0), a_sensor()))
    assert (reading.quality, reading.value, reading.raw, reading.fault) == (Quality.SUSPECT, None, 40.0, "jump")


@pytest.mark.parametrize("quantity", [Quantity.HUMIDITY, Quantity.DOOR, Quantity.DEFROST])
def test_other_quantities_may_jump_and_stand_still(quantity: Quantity) -> None:
    high = 99.0 if quantity is Quantity.HUMIDITY else 1.0
    assert set(passed(every(60.0, *[0.0, high] * 60, *[high] * 90), quantity=quantity)) == {None}


def test_a_fault_is_passed_on_as_it_is() -> None:
    gate, reading = gated(None, read(a_sample(None, fault="crc"), a_sensor()))
    assert (gate, reading.quality, reading.fault) == (None, Quality.FAULT, "crc")


def test_a_source_whose_time_starts_again_is_looked_at_anew() -> None:
    gate, _ = gated(None, read(a_sample(4.0, steady_s=1000.0), a_sensor()))
    _, reading = gated(gate, read(a_sample(40.0, steady_s=0.0), a_sensor()))
    assert reading.quality is Quality.GOOD


# -- flat lines --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step_k", [0.0625, 0.1])
def test_a_fine_probe_in_moving_air_that_stands_still_for_an_hour_is_stuck(step_k: float) -> None:
    codes = passed([*swinging(step_k, 2.0, 90), *every(10.0, *[-19.0] * 400)])
    flat = [index for index, code in enumerate(codes) if code == FLAT]
    still = 90 * 6 + 1
    assert flat[0] == pytest.approx(still + 360, abs=2)
    assert flat == list(range(flat[0], len(codes)))


def test_a_stuck_probe_is_good_again_once_it_moves() -> None:
    codes = passed([*swinging(0.1, 2.0, 90), *every(10.0, *[-19.0] * 400, -18.9, -18.9)])
    assert codes[-3:] == [FLAT, None, None]


@pytest.mark.parametrize("minutes", [55, 59])
def test_to_stand_still_for_less_than_an_hour_is_no_fault(minutes: int) -> None:
    assert set(passed([*swinging(0.1, 2.0, 90), *every(60.0, *[-19.0] * minutes)])) == {None}


def test_a_probe_that_hardly_moved_before_may_stand_still() -> None:
    """In goods it does."""
    assert set(passed([*swinging(0.1, 0.9, 90), *every(10.0, *[-20.0] * 2000)])) == {None}


@pytest.mark.parametrize("gap_s", [2 * HOUR_S, 100 * HOUR_S])
def test_the_same_value_after_a_long_silence_is_no_flat_line(gap_s: float) -> None:
    """An hour without answers is none of standing still."""
    course = [*swinging(0.1, 2.0, 90), (10.0, -19.0), (gap_s, -19.0), *every(10.0, -19.0, -19.0, -19.0)]
    assert set(passed(course)) == {None}


@settings(max_examples=100, deadline=None)
@given(st.floats(-50.0, 50.0), st.lists(st.floats(0.0, 2 * HOUR_S), min_size=1, max_size=100))
def test_a_value_that_never_moved_is_never_suspect(value: float, steps: list[float]) -> None:
    assert set(passed([(dt_s, value) for dt_s in steps])) == {None}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 500), st.integers(-30, 10)), min_size=1, max_size=12))
def test_a_coarse_probe_is_never_stuck(course: list[tuple[int, int]]) -> None:
    """Whole degrees, whatever a defrost makes of them: each value stands for so many polls."""
    assert FLAT not in passed([(30.0, float(value)) for count, value in course for _ in range(count)])


AIRS = st.lists(st.floats(-25.0, 15.0), min_size=1, max_size=60)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([-40.0, -20.0, 4.0, 30.0, 60.0]), min_size=3, max_size=40), st.floats(1.0, JUMP_WITHIN_S)
)
def test_a_lone_spike_is_never_good(values: list[float], dt_s: float) -> None:
    """However wild the values are around it."""
    codes = passed(every(dt_s, *values))
    for index in range(1, len(values) - 1):
        before, value, after = values[index - 1 : index + 2]
        last_good = next(values[at] for at in range(index - 1, -1, -1) if codes[at] is None)
        alone = all(abs(value - one) > JUMP_K for one in (before, after, last_good))
        assert not alone or codes[index] == "jump"


@settings(max_examples=200, deadline=None)
@given(AIRS, st.floats(1.0, 600.0))
def test_what_moves_as_air_does_is_always_good(targets: list[float], dt_s: float) -> None:
    """At most 8 K a step: a door, a defrost, a pull-down."""
    value, course = targets[0], []
    for target in targets:
        value += max(-8.0, min(8.0, target - value))
        course.append((dt_s, value))
    assert set(passed(course)) == {None}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-50.0, 50.0), min_size=1, max_size=40))
def test_a_value_that_is_good_is_the_one_that_was_read(values: list[float]) -> None:
    gate: Gate | None = None
    for index, value in enumerate(values):
        given_: Reading = read(a_sample(value, steady_s=10.0 * index), a_sensor(offset=0.5))
        gate, reading = gated(gate, given_)
        assert reading.quality is not Quality.GOOD or reading == given_
        assert reading.raw == value
