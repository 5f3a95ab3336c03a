"""What door and defrost contacts say: left open, too long, missed; and whether a defrost excuses the air."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.events import Severity
from core.monitoring.contacts import (
    AIRING_S,
    REMEMBERED_S,
    defrost_window,
    door_window,
    may_be_over,
    recovered,
    scheduled_window,
    step_contact,
    step_missed,
)
from core.monitoring.course import Hold
from core.monitoring.rules import IDLE, Change, Watch
from core.settings import Defrost

MINUTE_S = 60.0


def after(*closed: bool, longest_s: float = 300.0) -> tuple[Watch, list[Change]]:
    """A value a minute."""
    watch, changes = IDLE, []
    for one in closed:
        watch, change = step_contact(watch, one, longest_s, MINUTE_S)
        if change is not None:
            changes.append(change)
    return watch, changes


@pytest.mark.parametrize(
    ("closed", "told"),
    [
        ([True] * 5 + [False], []),
        ([True] * 6, [Change.OPENED]),
        ([True] * 60, [Change.OPENED]),
        ([True] * 6 + [False], [Change.OPENED, Change.CLEARED]),
        ([True, False] * 60, []),
    ],
    ids=["just in time", "too long", "once", "and over", "often and short"],
)
def test_a_door_is_told_of_when_it_stays_open(closed: list[bool], told: list[Change]) -> None:
    assert after(*closed)[1] == told


def test_a_defrost_excuses_the_air_while_it_lasts_and_until_the_air_is_back() -> None:
    defrost = Defrost(max_s=2700.0, recovery_s=600.0)
    running, _ = after(True, True, longest_s=defrost.max_s)
    assert defrost_window(running, defrost) is Hold.DEFROST
    over, _ = after(True, True, False, False, longest_s=defrost.max_s)
    assert defrost_window(over, defrost) is Hold.DEFROST
    assert defrost_window(recovered(over), defrost) is None
    long_over, _ = after(True, *[False] * 12, longest_s=defrost.max_s)
    assert defrost_window(long_over, defrost) is None
    too_long, _ = after(*[True] * 50, False, longest_s=defrost.max_s)
    assert defrost_window(too_long, defrost) is None
    assert defrost_window(IDLE, defrost) is None


def test_a_defrost_that_lasts_too_long_excuses_nothing() -> None:
    stuck, told = after(*[True] * 50, longest_s=2700.0)
    assert (told, defrost_window(stuck, Defrost())) == ([Change.OPENED], None)


def test_a_defrost_that_does_not_come_is_told_and_forgiven_when_it_comes() -> None:
    """Four a day: after twice their interval."""
    defrost, watch, told = Defrost(per_day=4), IDLE, []
    for minute in range(13 * 60):
        watch, change = step_missed(watch, False, defrost, MINUTE_S)
        told += [(minute, change)] if change else []
    assert told == [(12 * 60, Change.OPENED)]
    assert watch.severity is Severity.INFO
    assert step_missed(watch, True, defrost, MINUTE_S) == (IDLE, Change.CLEARED)
    assert step_missed(IDLE, False, Defrost(), 86_400.0) == (IDLE, None)


def test_time_that_runs_back_brings_no_defrost_nearer_or_further() -> None:
    watch, _ = step_missed(Watch(elapsed_s=3600.0), False, Defrost(per_day=4), -1e9)
    assert watch.elapsed_s == 3600.0


@pytest.mark.parametrize(("minutes", "over"), [(1, False), (10, False), (11, True)])
def test_a_defrost_may_be_over_once_it_has_dripped_and_the_fans_run(minutes: int, over: bool) -> None:
    """The first value after it is the end of it."""
    watch, _ = after(True, True, *[False] * minutes)
    assert may_be_over(watch) is over
    assert not may_be_over(after(True, True, *[False] * minutes, True)[0])


@pytest.mark.parametrize(
    ("closed", "window"),
    [
        ([True], None),
        ([True, True], Hold.DOOR),
        ([True] * 5, Hold.DOOR),
        ([True] * 6, None),
        ([True, False], None),
        ([True, True, False], Hold.DOOR),
        ([True, True, *[False] * 15], Hold.DOOR),
        ([True, True, *[False] * 16], None),
        ([*[True] * 6, False], None),
        ([False], None),
    ],
    ids=["short", "long", "just no alarm", "alarm", "shut soon", "shut", "airing", "aired", "after an alarm", "never"],
)
def test_a_door_that_stood_open_excuses_the_air_for_a_while(closed: list[bool], window: Hold | None) -> None:
    assert door_window(after(*closed)[0]) is window
    assert AIRING_S == 15 * MINUTE_S


def test_after_six_hours_nobody_asks_for_a_contact_any_more() -> None:
    assert after(True, *[False] * int(REMEMBERED_S / MINUTE_S + 1))[0] != IDLE
    assert after(True, *[False] * int(REMEMBERED_S / MINUTE_S + 2))[0] == IDLE


NIGHTLY = Defrost(times=("06:00", "23:30"), max_s=1800.0, recovery_s=3600.0)


@pytest.mark.parametrize(
    ("clock", "window"),
    [
        ("05:59", None),
        ("06:00", Hold.DEFROST),
        ("07:29", Hold.DEFROST),
        ("07:30", None),
        ("23:29", None),
        ("23:30", Hold.DEFROST),
        ("00:59", Hold.DEFROST),
        ("01:00", None),
        ("12:00", None),
    ],
)
def test_a_timetable_excuses_each_defrost_and_the_way_back_over_midnight_too(clock: str, window: Hold | None) -> None:
    local = datetime.fromisoformat(f"2026-11-23T{clock}:59")
    assert scheduled_window(NIGHTLY, local) is window


def test_without_a_timetable_no_hour_is_excused() -> None:
    assert scheduled_window(Defrost(), datetime(2026, 11, 23, 6, 0)) is None  # noqa: DTZ001


@settings(max_examples=200, deadline=None)
@given(st.lists(st.booleans(), max_size=200), st.floats(60.0, 1800.0))
def test_opening_and_clearing_alternate_and_each_has_its_reason(closed: list[bool], longest_s: float) -> None:
    watch, found, run = IDLE, [], 0
    for one in closed:
        run = run + 1 if one else 0
        watch, change = step_contact(watch, one, longest_s, MINUTE_S)
        if change is not None:
            found.append(change)
            assert one is (change is Change.OPENED)
            assert change is Change.CLEARED or (run - 1) * MINUTE_S >= longest_s
        assert (watch.severity is not None) is (run > 0 and (run - 1) * MINUTE_S >= longest_s)
    assert found == ([Change.OPENED, Change.CLEARED] * len(found))[: len(found)]


@pytest.mark.parametrize("closed", [True, False])
def test_time_that_runs_back_moves_no_contact(closed: bool) -> None:
    before, _ = after(True, True, *([] if closed else [False]))
    assert step_contact(before, closed, 300.0, -1e9) == (before, None)


@pytest.mark.parametrize(("lasts_s", "remembered"), [(50.0, False), (60.0, True)])
def test_an_opening_too_short_to_warm_the_air_is_forgotten_at_once(lasts_s: float, remembered: bool) -> None:
    watch, _ = step_contact(IDLE, True, 300.0, 0.0, 60.0)
    watch, _ = step_contact(watch, True, 300.0, lasts_s, 60.0)
    watch, change = step_contact(watch, False, 300.0, 10.0, 60.0)
    assert (watch.quiet_s is not None, watch == IDLE, change) == (remembered, not remembered, None)
