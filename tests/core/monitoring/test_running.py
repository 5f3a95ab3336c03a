"""A slow leak of refrigerant is told hours before the goods are warm, and nothing else is taken for one."""

import math
from collections.abc import Iterable
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.events import Severity
from core.monitoring import running
from core.monitoring.course import Hold
from core.monitoring.rules import Change
from core.monitoring.running import RELOAD_S, UNKNOWN, Phase, Running, after_outage, pace, risen, step_running, usual

MINUTE_S = 60.0
HOUR_S = 3600.0

Course = list[tuple[float, float]]  # seconds, °C
Told = list[tuple[float, Change]]  # hours


def watched(course: Iterable[tuple[float, float]], watch: Running = UNKNOWN) -> tuple[Told, float, Running]:
    """What is told of a course, when, and how near it came to a warning."""
    told, nearest, before_s = [], -math.inf, None
    for at_s, value in course:
        watch, change = step_running(watch, value, 0.0 if before_s is None else at_s - before_s)
        before_s = at_s
        if change is not None:
            told.append((at_s / HOUR_S, change))
        rise = risen(watch) if watch.minute[1] == 0 else None
        nearest = max(nearest, -math.inf if rise is None else rise)
    return told, nearest, watch


# -- drawn zigzags -----------------------------------------------------------------------------------------------------


def zigzag(*parts: tuple[float, float, float, float], step_s: float = MINUTE_S, top_c: float = 4.0) -> Course:
    """Runs and rests of so many minutes over so many kelvin, for so many hours."""
    course, at_s = [], 0.0
    for run_min, rest_min, swing_k, hours in parts:
        begun_s, cycle_s = at_s, (run_min + rest_min) * 60.0
        while at_s < begun_s + hours * HOUR_S:
            into_s = (at_s - begun_s) % cycle_s
            falling = into_s < run_min * 60.0
            way = into_s / (run_min * 60.0) if falling else (cycle_s - into_s) / (rest_min * 60.0)
            course.append((at_s, top_c - swing_k * way))
            at_s += step_s
    return course


USUAL = (10.0, 15.0, 3.0, 30.0)


def becoming(run_min: float, rest_min: float, swing_k: float) -> Course:
    """The usual day, what becomes of it within eight hours, and eight hours of that."""
    parts = [
        tuple(was + (will - was) * hour / 8 for was, will in zip(USUAL, (run_min, rest_min, swing_k), strict=False))
        for hour in range(1, 9)
    ]
    return zigzag(USUAL, *[(run, rest, swing, 1.0) for run, rest, swing in parts], (run_min, rest_min, swing_k, 8.0))


@pytest.mark.parametrize(
    ("run_min", "rest_min", "swing_k", "told"),
    [
        (10.0, 15.0, 3.0, False),
        (20.0, 15.0, 3.0, True),
        (60.0, 15.0, 3.0, True),
        (20.0, 13.0, 3.0, True),
        (14.0, 10.0, 3.0, False),
        (16.0, 8.0, 3.0, False),
        (20.0, 30.0, 3.0, False),
        (20.0, 30.0, 6.0, False),
        (40.0, 30.0, 6.0, True),
        (6.0, 9.0, 1.8, False),
        (10.0, 30.0, 3.0, False),
    ],
    ids=[
        "as ever",
        "leaking",
        "hardly any gas left",
        "leaking by day",
        "a hot day",
        "a load of warm goods",
        "a fuller cabinet",
        "a wider differential",
        "a wider differential, leaking",
        "a narrower differential",
        "a cool night",
    ],
)
def test_a_leak_is_what_lengthens_the_runs_and_leaves_the_rests(
    run_min: float, rest_min: float, swing_k: float, told: bool
) -> None:
    found, _, _ = watched(becoming(run_min, rest_min, swing_k))
    assert [change for _, change in found] == ([Change.OPENED] if told else [])


@pytest.mark.parametrize("top_c", [-18.0, 4.0, 12.0])
@pytest.mark.parametrize("step_s", [1.0, 10.0, 45.0, 60.0, 180.0])
def test_set_point_and_sampling_do_not_matter(top_c: float, step_s: float) -> None:
    usual, leaking = (24.0, 36.0, 3.0, 36.0), (48.0, 36.0, 3.0, 12.0)
    [(at_h, change)] = watched(zigzag(usual, leaking, step_s=step_s, top_c=top_c))[0]
    assert change is Change.OPENED
    assert 36.0 < at_h < 44.0


def test_nothing_is_said_where_the_air_is_looked_at_too_seldom_for_its_cycles() -> None:
    """Every five minutes, at cycles of 22: by chance a run takes five of them or fifteen."""
    assert watched(zigzag((9.0, 13.0, 3.0, 40.0), (17.0, 8.0, 3.0, 20.0), step_s=300.0))[0] == []


def test_nothing_is_said_in_the_first_18_hours() -> None:
    assert watched(zigzag((10.0, 15.0, 3.0, 9.0), (30.0, 15.0, 3.0, 8.9)))[0] == []


def test_a_repaired_cabinet_is_as_ever_within_nine_hours_and_told_of_once() -> None:
    found, _, watch = watched(zigzag(USUAL, (30.0, 15.0, 3.0, 12.0), (10.0, 15.0, 3.0, 24.0)))
    assert [change for _, change in found] == [Change.OPENED, Change.CLEARED]
    assert 42.0 + 4.0 <= found[1][0] <= 42.0 + 9.0
    assert watch.severity is None


def test_a_leak_that_comes_and_goes_is_one_case() -> None:
    """Hours of it and hours without, as of a valve that sticks."""
    spells = [(run_min, 15.0, 3.0, 3.0) for _ in range(8) for run_min in (30.0, 10.0)]
    assert [change for _, change in watched(zigzag(USUAL, *spells))[0]] == [Change.OPENED]


def test_what_stays_is_not_learned_as_usual_while_the_case_is_open() -> None:
    found, _, watch = watched(zigzag(USUAL, (30.0, 15.0, 3.0, 10 * 24.0)))
    assert [change for _, change in found] == [Change.OPENED]
    assert watch.severity is Severity.WARNING


def test_it_opens_after_a_known_defrost_and_not_in_it() -> None:
    watch = watched(zigzag(USUAL))[2]
    changes = {Hold.DEFROST: 0, None: 0}
    for window in (Hold.DEFROST, None):
        for (before_s, _), (at_s, value) in pairwise(zigzag((30.0, 15.0, 3.0, 8.0))):
            watch, change = step_running(watch, value, at_s - before_s, window)
            changes[window] += change is Change.OPENED
    assert changes == {Hold.DEFROST: 0, None: 1}


def test_air_that_stands_still_says_nothing() -> None:
    assert watched((60.0 * minute, 2.0 + 0.3 * math.sin(minute)) for minute in range(4 * 1440))[0] == []


# -- what holds for every course ---------------------------------------------------------------------------------------

QUICK = settings(max_examples=60, deadline=None)
SIXTEENTHS = st.integers(min_value=-160, max_value=160).map(lambda sixteenths: sixteenths / 16)
STEPS = st.floats(min_value=-10.0, max_value=300.0)
COURSES = st.lists(st.tuples(STEPS, SIXTEENTHS), max_size=300)
PARTS = st.lists(
    st.tuples(
        st.integers(4, 60).map(float),
        st.integers(4, 60).map(float),
        st.sampled_from([0.5, 1.0, 3.0, 20.0]),
        st.integers(1, 12).map(float),
    ),
    min_size=1,
    max_size=12,
)


@QUICK
@given(COURSES)
def test_any_course_is_judged_and_its_state_can_be_written_and_read(course: list[tuple[float, float]]) -> None:
    watch = UNKNOWN
    for dt_s, value in course:
        watch, change = step_running(watch, value, dt_s)
        assert change is None  # it is much too short to be known
    assert msgspec.json.decode(msgspec.json.encode(watch), type=Running) == watch


@QUICK
@given(PARTS, st.floats(min_value=0.0, max_value=1.0))
def test_a_restart_changes_no_judgement_and_the_state_stays_small(
    parts: list[tuple[float, float, float, float]], part: float
) -> None:
    course = zigzag((10.0, 15.0, 3.0, 28.0), *parts)
    cut = int(part * len(course))
    whole = watched(course)
    first, _, watch = watched(course[:cut])
    written = msgspec.json.encode(watch)
    assert len(written) <= 1500
    second = []
    watch = msgspec.json.decode(written, type=Running)
    for index in range(cut, len(course)):
        dt_s = course[index][0] - course[index - 1][0] if index else 0.0
        watch, change = step_running(watch, course[index][1], dt_s)
        second += [(course[index][0] / HOUR_S, change)] if change is not None else []
    assert ([*first, *second], watch) == (whole[0], whole[2])


@QUICK
@given(PARTS)
def test_cases_open_and_clear_in_turn_and_far_apart(parts: list[tuple[float, float, float, float]]) -> None:
    found = watched(zigzag(USUAL, *parts))[0]
    assert [change for _, change in found] == [Change.OPENED, Change.CLEARED] * (len(found) // 2) + [Change.OPENED] * (
        len(found) % 2
    )
    for (opened_h, opened), (cleared_h, _) in pairwise(found):
        assert opened is Change.CLEARED or cleared_h - opened_h >= running.CLEAR_S / HOUR_S - 0.1


@QUICK
@given(st.lists(st.tuples(st.integers(60, 9000), st.floats(min_value=0.9, max_value=30.0)), min_size=1, max_size=24))
def test_the_pace_lies_between_the_slowest_and_the_quickest(phases: list[tuple[int, float]]) -> None:
    found = [Phase(lasted_s, kelvin) for lasted_s, kelvin in phases]
    paces = [phase.lasted_s / phase.kelvin for phase in found]
    assert min(paces) * (1 - 1e-9) <= pace(found) <= max(paces) * (1 + 1e-9)


def test_the_middle_half_of_the_time_makes_the_pace() -> None:
    usual = [Phase(600.0, 3.0)] * 6
    assert pace(usual) == pytest.approx(200.0)
    assert pace([*usual, Phase(1200.0, 20.0)]) == pytest.approx(200.0)


def test_usual_is_what_is_hardly_ever_exceeded() -> None:
    assert usual([float(value) for value in range(11)]) == pytest.approx(9.0)
    assert usual([7.0]) == 7.0


def test_after_an_outage_longer_runs_are_the_load_that_gets_cold_again() -> None:
    """Nothing is told for half a day, and no value stops the judging, however little is known by then."""
    _, _, learned = watched(zigzag(USUAL))
    longer = zigzag((30.0, 15.0, 3.0, 20.0))
    assert Change.OPENED in {change for _, change in watched(longer, learned)[0]}
    told, _, _ = watched(longer, after_outage(learned))
    assert all(at_h * HOUR_S >= RELOAD_S for at_h, _ in told)


def test_an_outage_forgets_what_was_before_it_but_what_is_usual() -> None:
    _, _, learned = watched(zigzag(USUAL))
    forgotten = after_outage(learned)
    assert (forgotten.notes, forgotten.cycles) == (learned.notes, ())
    assert risen(forgotten) is None
