"""What door and defrost contacts say: left open, too long, missed; and whether a defrost excuses the air."""

import pytest

from core.events import Severity
from core.monitoring.contacts import defrost_window, recovered, step_contact, step_missed
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
