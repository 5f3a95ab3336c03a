"""Which critical cases are news, when the bell rings for them and when it doesn't."""

import pytest

from cdg_tui.alarms import RING_EVERY_S, Alarms
from core import wire
from tests.cdg_tui.factories import a_case, at

NEW, OTHER = a_case(1), a_case(2)
WARNING = a_case(1, severity="warning")
SEEN = a_case(1, handling="acknowledged")
CLEARED = a_case(1, condition="cleared", cleared_at=at(-1))


def after(*answers: tuple[wire.CaseItem, ...]) -> Alarms:
    alarms = Alarms()
    for cases in answers:
        alarms = alarms.heard(cases)
    return alarms


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (((),), ()),
        (((NEW,),), (NEW,)),  # also what was there before this console
        (((SEEN,),), ()),
        (((WARNING,),), ()),
        (((WARNING,), (NEW,)), (NEW,)),  # grown worse
        (((NEW,), (SEEN,)), ()),
        (((NEW,), (SEEN,), (NEW,)), (NEW,)),  # back again
        (((NEW,), ()), ()),
        (((NEW,), (CLEARED,)), (CLEARED,)),  # by itself: nobody has seen it yet
        (((NEW,), (NEW, OTHER)), (NEW, OTHER)),
        (((NEW,), (OTHER,)), (OTHER,)),  # one opens while another closes
        (((OTHER, NEW),), (NEW, OTHER)),  # the newest first
        (((NEW, OTHER), (CLEARED, OTHER)), (OTHER, CLEARED)),  # but what goes on before what is over
    ],
)
@pytest.mark.requirement(25)
def test_the_banner_names_the_critical_cases_that_nobody_has_acknowledged(
    answers: tuple[tuple[wire.CaseItem, ...], ...], told: tuple[wire.CaseItem, ...]
) -> None:
    assert after(*answers).of(answers[-1]) == told


def test_what_somebody_has_looked_at_is_no_news_until_the_next() -> None:
    seen = after((NEW,)).seen()
    assert (seen.of((NEW,)), seen.rings(0.0)) == ((), False)
    seen = seen.heard((NEW,))
    assert (seen.of((NEW,)), seen.rings(0.0)) == ((), False)
    assert seen.heard((NEW, OTHER)).of((NEW, OTHER)) == (OTHER,)


def test_the_bell_rings_once_for_all_that_are_new() -> None:
    alarms = after((NEW, OTHER))
    assert alarms.rings(100.0)
    alarms = alarms.rung(100.0).heard((NEW, OTHER))
    assert not alarms.rings(1000.0)


def test_a_second_bell_waits_for_its_time_and_is_not_lost() -> None:
    alarms = after((NEW,)).rung(100.0).heard((NEW, OTHER))
    assert not alarms.rings(100.0 + RING_EVERY_S - 0.1)
    assert alarms.rings(100.0 + RING_EVERY_S)


@pytest.mark.parametrize("answer", [(), (SEEN,)])
def test_no_bell_is_owed_for_what_is_over_or_acknowledged(answer: tuple[wire.CaseItem, ...]) -> None:
    assert not after((NEW,), answer).rings(100.0)


def test_muted_it_is_silent_until_the_next_new_one_and_the_banner_stays() -> None:
    muted = after((NEW,)).muted()
    assert (muted.rings(100.0), muted.of((NEW,))) == (False, (NEW,))
    muted = muted.heard((NEW,))
    assert not muted.rings(100.0)
    assert muted.heard((NEW, OTHER)).rings(100.0)
