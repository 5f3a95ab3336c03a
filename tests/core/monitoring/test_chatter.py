"""When a case is told as a digest, and many cabinets as a storm."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from core.events import Severity
from core.monitoring import cases
from core.monitoring.cases import Case, Condition
from core.monitoring.chatter import MANY_CHANGES, STORM_CABINETS, STORM_CALM_S, STORM_S, WITHIN_S, Flaps, Storm
from tests.core.monitoring.factories import a_case
from tests.core.monitoring.moves import LATER, Move, acknowledge, clear, force, note, reopen, told, worsen


class Teller:
    """Tells the changes of cases as the book does: `at_s` is the box's steady time."""

    def __init__(self) -> None:
        self.flaps, self.at_s = Flaps(), 1000.0
        self.cases: dict[str, Case] = {}

    def opens(self, case_id: str = "case_1", severity: Severity = Severity.WARNING) -> None:
        case = cases.opened(a_case(case_id=case_id, severity=severity))
        self.cases[case_id] = self.flaps.passed(None, case, self.at_s)

    def changes(self, move: Move, case_id: str = "case_1") -> None:
        before = self.cases[case_id]
        self.cases[case_id] = self.flaps.passed(before, move(before), self.at_s)

    def swings(self, times: int, every_s: float = 1.0, case_id: str = "case_1") -> None:
        """Over or back, so many times."""
        for _ in range(times):
            self.passes(every_s)
            over = self.cases[case_id].condition is Condition.CLEARED
            self.changes(reopen if over else clear, case_id)

    def passes(self, seconds: float) -> None:
        """The book looks each second, or once where it is less."""
        for _ in range(max(int(seconds), 1)):
            self.at_s += min(seconds, 1.0)
            for case_id in self.flaps.due(self.at_s):
                if self.cases[case_id].untold:
                    self.changes(lambda case: cases.digest(case, LATER), case_id)

    @property
    def told(self) -> list[str]:
        return told(self.cases["case_1"])


@pytest.fixture
def teller() -> Teller:
    teller = Teller()
    teller.opens()
    return teller


@pytest.mark.parametrize(("changes", "digests"), [(MANY_CHANGES - 1, 0), (MANY_CHANGES, 1)])
def test_the_twelfth_change_within_ten_minutes_begins_the_digest(teller: Teller, changes: int, digests: int) -> None:
    """The opening is the first one; what comes before the twelfth is told one by one."""
    teller.swings(changes - 1)
    teller.passes(1.0)
    assert teller.told.count("case.flapping") == digests
    assert len(teller.told) == changes


def test_a_flapping_case_is_told_once_in_ten_minutes(teller: Teller) -> None:
    teller.swings(MANY_CHANGES + int(WITHIN_S) - 2)
    assert len(teller.told) == MANY_CHANGES
    teller.swings(int(WITHIN_S))
    assert teller.told[MANY_CHANGES - 1 :] == ["case.flapping"] * 2


def test_changes_that_are_not_so_close_are_all_told(teller: Teller) -> None:
    teller.swings(200, every_s=WITHIN_S / (MANY_CHANGES - 1) + 1)
    assert len(teller.told) == 201
    assert "case.flapping" not in teller.told


def test_a_digest_says_how_it_stands_now(teller: Teller) -> None:
    teller.swings(MANY_CHANGES + 4)
    assert teller.cases["case_1"].untold == 5
    teller.passes(WITHIN_S)
    assert teller.told[-1] == "case.flapping"
    assert teller.cases["case_1"].untold == 0


def test_what_was_calm_for_ten_minutes_is_told_as_any_other_again(teller: Teller) -> None:
    teller.swings(MANY_CHANGES + 4)
    teller.passes(2 * WITHIN_S)
    before = len(teller.told)
    teller.swings(3)
    assert teller.told[before:] == ["case.condition_cleared", "case.reopened", "case.condition_cleared"]


def test_a_calm_case_has_no_empty_digest(teller: Teller) -> None:
    teller.swings(MANY_CHANGES - 1)
    teller.passes(3 * WITHIN_S)
    assert teller.told.count("case.flapping") == 1


@pytest.mark.parametrize(("move", "news"), [(acknowledge, "case.acknowledged"), (note, "case.note_added")])
def test_what_people_do_is_always_told_and_tells_what_was_kept(teller: Teller, move: Move, news: str) -> None:
    teller.swings(MANY_CHANGES + 4)
    teller.changes(move)
    assert teller.told[-1] == news
    assert teller.cases["case_1"].untold == 0


def test_the_end_is_always_told(teller: Teller) -> None:
    teller.swings(MANY_CHANGES + 4)
    teller.changes(force)
    assert teller.told[-1] == "case.closed"
    teller.passes(3 * WITHIN_S)
    assert teller.told[-1] == "case.closed"


def test_what_gets_critical_does_not_wait_for_the_digest(teller: Teller) -> None:
    """And what gets so again does."""
    teller.swings(MANY_CHANGES + 4)
    teller.passes(1.0)
    teller.changes(worsen)
    assert teller.told[-1] == "case.severity_changed"
    count = len(teller.told)
    teller.swings(4)
    teller.changes(worsen)
    assert len(teller.told) == count


def test_one_case_that_flaps_hides_no_other(teller: Teller) -> None:
    teller.opens("case_2")
    teller.swings(MANY_CHANGES + 20)
    teller.swings(3, case_id="case_2")
    assert len(told(teller.cases["case_2"])) == 4


def test_nothing_is_remembered_of_cases_that_are_calm_or_closed(teller: Teller) -> None:
    """A box runs for years."""
    for number in range(50):
        teller.opens(f"case_{number}")
        teller.swings(MANY_CHANGES + 2, case_id=f"case_{number}")
    teller.changes(force, "case_7")
    teller.passes(3 * WITHIN_S)
    assert not any(vars(teller.flaps).values())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0.5, 400.0), st.booleans()), max_size=120))
def test_in_ten_minutes_no_case_is_told_oftener_than_twelve_times_and_a_worsening(
    steps: list[tuple[float, bool]],
) -> None:
    teller = Teller()
    teller.opens()
    times = [teller.at_s]
    for every_s, worse in steps:
        case = teller.cases["case_1"]
        if worse and case.goes_on and case.severity is Severity.WARNING:
            teller.changes(worsen)
        teller.swings(1, every_s)
        times += [teller.at_s] * (len(teller.told) - len(times))
    for at_s in times:
        assert sum(at_s <= one <= at_s + WITHIN_S for one in times) <= MANY_CHANGES + 2


def test_the_news_that_the_queue_has_taken_does_not_count_again() -> None:
    """Of the outbox only what this change adds is looked at."""
    flaps, case = Flaps(), cases.opened(a_case())
    flaps.passed(None, case, 0.0)
    for number in range(MANY_CHANGES):
        before = structs.replace(case, outbox=case.outbox[-1:])
        case = flaps.passed(before, note(before), float(number))
    assert case.seq == MANY_CHANGES + 1


# -- storms ------------------------------------------------------------------------------------------------------------


def storms(*openings: tuple[float, str]) -> list[tuple[float, tuple[str, ...]]]:
    """(steady time, cabinets) of each that was told, of (steady time, cabinet)."""
    storm = Storm()
    return [(at_s, found) for at_s, cabinet in openings if (found := storm.broke(cabinet, at_s))]


def test_the_fourth_cabinet_within_two_minutes_makes_a_storm() -> None:
    assert storms((0, "4"), (40, "2"), (80, "3"), (120, "1")) == [(120, ("1", "2", "3", "4"))]


@pytest.mark.parametrize(
    "openings",
    [
        [(0, "1"), (40, "2"), (80, "3"), (121, "4")],
        [(0, "1"), (1, "2"), (2, "3"), (3, "3"), (4, "2"), (5, "1")],
        [(60 * number, str(number)) for number in range(50)],
    ],
    ids=["too slow", "three cabinets", "one a minute"],
)
def test_fewer_or_slower_ones_make_none(openings: list[tuple[float, str]]) -> None:
    assert storms(*openings) == []


def test_a_storm_is_told_once_and_again_after_a_calm() -> None:
    first = [(float(number), str(number)) for number in range(20)]
    soon = [(STORM_CALM_S - 5 + number, str(number)) for number in range(8)]
    later = [(soon[-1][0] + STORM_CALM_S + 1 + number, str(number)) for number in range(4)]
    assert [at_s for at_s, _ in storms(*first, *soon, *later)] == [3, later[3][0]]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 200.0), st.sampled_from("123456")), max_size=40))
def test_a_storm_is_told_where_so_many_cabinets_broke_and_it_was_calm(steps: list[tuple[float, str]]) -> None:
    at_s, openings, calm_since_s = 0.0, [], -STORM_CALM_S - 1
    expected = []
    for dt_s, cabinet in steps:
        at_s += dt_s
        openings.append((at_s, cabinet))
        within = {name for then_s, name in openings if at_s - then_s <= STORM_S}
        if len(within) >= STORM_CABINETS:
            expected += [(at_s, tuple(sorted(within)))] if at_s - calm_since_s > STORM_CALM_S else []
            calm_since_s = at_s
    assert storms(*openings) == expected
