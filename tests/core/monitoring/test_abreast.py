"""Minutes that happened together stand together, whatever the wall clock called them."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.monitoring.abreast import abreast
from core.monitoring.statistics import Minute

YEARS = 3 * 365 * 1440
Course = Sequence[tuple[int, float, float]]  # tick, label in minutes, when it happened in minutes


def together(lead: Course, other: Course) -> list[tuple[int, tuple[float, ...]]]:
    """(tick, when they happened) of each minute in which both have something."""
    read = {name: [minute(*one) for one in course] for name, course in (("other", other), ("lead", lead))}
    rows = list(abreast({name: lambda found=found: found for name, found in read.items()}, "lead"))  # type: ignore[misc]
    assert [tick for tick, _ in rows] == sorted({tick for tick, _ in rows})
    assert all(next(iter(found)) == "lead" for _, found in rows if "lead" in found)
    assert {tick for tick, found in rows if "lead" in found} == {tick for tick, _, _ in lead}
    for name, course in read.items():
        assert [found[name] for _, found in rows if name in found] == course
    return [(tick, tuple(one.mean or 0.0 for one in found.values())) for tick, found in rows if len(found) == 2]


def minute(tick: int, label_min: float, happened_min: float) -> Minute:
    return Minute(tick, round(label_min * 60_000), happened_min, happened_min, happened_min, 1, 1, 0)


def all_together(lead: Course, other: Course) -> bool:
    """Whether every minute of `other` stands beside the one of `lead` that happened then."""
    found = together(lead, other)
    return len(found) == len(other) and all(one == two for _, (one, two) in found)


@pytest.mark.parametrize("jump_min", [YEARS, -YEARS, 60, -60, -7])
@pytest.mark.parametrize("back", [True, False])
@pytest.mark.parametrize("late", [0, 5])
def test_a_wall_clock_that_jumps_parts_nothing(jump_min: int, back: bool, late: int) -> None:
    """Nor where the other sensor is heard only some minutes later, and so numbers its minutes otherwise."""

    def label(at: int) -> float:
        return at + jump_min * (30 <= at < 60 or (at >= 60 and not back))

    lead = [(at, label(at), at) for at in range(100)]
    other = [(at - late, label(at) + 0.4, at) for at in range(late, 100)]
    assert all_together(lead, other)


def test_a_sensor_that_is_heard_only_after_the_clock_was_set_finds_its_place() -> None:
    lead = [(at, at + (at >= 5) * YEARS, at) for at in range(50)]
    other = [(at - 10, at + YEARS + 0.4, at) for at in range(10, 50)]
    assert all_together(lead, other)


def test_a_jump_while_the_leading_sensor_is_silent_is_understood_from_the_minute_after() -> None:
    lead = [(at, at + (at >= 40) * YEARS, at) for at in (*range(30), *range(50, 90))]
    other = [(at, at + (at >= 40) * YEARS, at) for at in range(90)]
    found = together(lead, other)
    assert [when for _, when in found] == [(at, at) for at in (*range(30), *range(50, 90))]


def test_a_start_that_numbers_one_of_them_otherwise_is_noticed() -> None:
    """The other fell silent long before, and the box has no clock of its own: each goes on right behind its last minute."""
    lead = [*((at, at, at) for at in range(50)), *((50 + at, at, 100 + at) for at in range(50))]
    other = [*((at, at, at) for at in range(20)), *((20 + at, at, 100 + at) for at in range(50))]
    assert all_together(lead, other)


def test_a_sensor_that_began_before_or_goes_on_after_the_leading_one_keeps_its_distance() -> None:
    lead = [(at - 20, at, at) for at in range(20, 40)]
    other = [(at, at, at) for at in range(60)]
    read = {"lead": lambda: [minute(*one) for one in lead], "other": lambda: [minute(*one) for one in other]}
    assert [tick for tick, _ in abreast(read, "lead")] == list(range(-20, 40))
    assert [when for _, when in together(lead, other)] == [(at, at) for at in range(20, 40)]


def test_a_sped_up_week_stands_together_too() -> None:
    """Its labels are milliseconds apart: they part nothing, whichever of the two falls silent for a while."""
    lead = [(at, at * 0.001, at) for at in range(500) if not 100 <= at < 200]
    other = [(at, at * 0.001, at) for at in range(0, 500, 3) if not 100 <= at < 200 and not 300 <= at < 400]
    assert all_together(lead, other)


COURSE = st.lists(
    st.tuples(st.integers(1, 500), st.integers(-10_000, 10_000)), min_size=1, max_size=60
)  # steps of ticks and of labels, as wild as they like


def walked(steps: list[tuple[int, int]]) -> list[tuple[int, float, float]]:
    tick, label, course = 0, 0, []
    for number, (ticks, labels) in enumerate(steps):
        tick, label = tick + ticks, label + labels
        course.append((tick, float(label), float(number)))
    return course


@given(lead=COURSE, other=COURSE)
def test_nothing_is_lost_doubled_or_out_of_order_whatever_the_labels_say(
    lead: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    together(walked(lead), walked(other))


@given(lead=st.sets(st.integers(0, 300), min_size=1), other=st.sets(st.integers(0, 300)), late=st.integers(0, 400))
def test_with_a_clock_that_runs_true_the_label_decides(lead: set[int], other: set[int], late: int) -> None:
    found = together([(at, at, at) for at in sorted(lead)], [(at + late, at, at) for at in sorted(other)])
    assert [(tick, when) for tick, when in found] == [(at, (at, at)) for at in sorted(lead & other)]
