"""Who makes room at a full door."""

import pytest

from core.manage_api.crowd import Crowd

MOST, MB = 3, 1024 * 1024


class Guest:
    def __init__(self, crowd: Crowd, caller: str = "a"):
        self.crowd, self.is_cut, self.left = crowd, False, 0
        crowd.enter(self, caller)

    def unsent(self) -> int:
        return self.left

    def cut(self) -> None:
        self.is_cut = True
        self.crowd.leave(self)


@pytest.fixture
def crowd() -> Crowd:
    return Crowd(MOST)


def cut(guests: list[Guest]) -> list[int]:
    return [number for number, guest in enumerate(guests) if guest.is_cut]


def test_nobody_goes_while_there_is_room(crowd: Crowd) -> None:
    assert cut([Guest(crowd) for _ in range(MOST)]) == []


def test_the_longest_waiting_makes_room(crowd: Crowd) -> None:
    assert cut([Guest(crowd) for _ in range(MOST + 2)]) == [0, 1]


def test_one_that_left_has_made_room(crowd: Crowd) -> None:
    guests = [Guest(crowd) for _ in range(MOST)]
    crowd.leave(guests[1])
    assert cut([*guests, Guest(crowd)]) == []


def test_a_request_in_work_stays_and_waits_anew_after_its_answer(crowd: Crowd) -> None:
    guests = [Guest(crowd) for _ in range(MOST)]
    crowd.works(guests[0])
    guests.append(Guest(crowd))
    assert cut(guests) == [1]
    crowd.waits(guests[0])
    assert cut([*guests, Guest(crowd)]) == [1, 2]


def test_waiting_on_gives_no_better_place(crowd: Crowd) -> None:
    """Trickling bytes don't make a newcomer of the oldest."""
    guests = [Guest(crowd) for _ in range(MOST)]
    crowd.waits(guests[0])
    assert cut([*guests, Guest(crowd)]) == [0]


def at_work(crowd: Crowd, callers: str) -> list[Guest]:
    guests = [Guest(crowd, caller) for caller in callers]
    for guest in guests:
        crowd.works(guest)
    return guests


def test_a_newcomer_goes_where_all_others_work_for_the_same_caller(crowd: Crowd) -> None:
    guests = at_work(crowd, "aaa")
    assert cut([*guests, Guest(crowd, "a")]) == [MOST]


def test_who_does_not_take_its_answer_makes_room_for_a_newcomer(crowd: Crowd) -> None:
    guests = at_work(crowd, "aaa")
    guests[1].left, guests[2].left = 2, 1
    assert cut([*guests, Guest(crowd, "a")]) == [1]


def test_a_caller_whose_requests_fill_the_door_makes_room_for_another(crowd: Crowd) -> None:
    """The longest there goes, where none leaves an answer lying."""
    guests = at_work(crowd, "baa")
    assert cut([*guests, Guest(crowd, "c")]) == [1]


def test_a_caller_who_fills_the_door_pushes_nobody_else_out(crowd: Crowd) -> None:
    """Who holds less keeps even a connection that does nothing."""
    guests = [*at_work(crowd, "aa"), Guest(crowd, "b")]
    assert cut([*guests, Guest(crowd, "a")]) == [MOST]


def test_who_leaves_too_much_lying_is_cut(crowd: Crowd) -> None:
    """The slowest of the caller who leaves the most, until it is no longer too much; one alone may leave any amount."""
    guests = at_work(crowd, "abb")
    guests[0].left = 40 * MB
    crowd.lighten()
    assert cut(guests) == []
    guests[0].left, guests[1].left, guests[2].left = 12 * MB, 8 * MB, 11 * MB
    crowd.lighten()
    assert cut(guests) == []
    guests[1].left = 10 * MB
    crowd.lighten()
    assert cut(guests) == [2]
    crowd.lighten()
    assert cut(guests) == [2]


def test_the_caller_who_holds_the_most_makes_room(crowd: Crowd) -> None:
    """However many connections come from one address, others keep theirs."""
    guests = [Guest(crowd, caller) for caller in "abbbbb"]
    assert cut(guests) == [1, 2, 3]


def test_whoever_still_takes_an_answer_goes_last(crowd: Crowd) -> None:
    guests = [Guest(crowd) for _ in range(MOST)]
    guests[0].left = 1
    guests += [Guest(crowd) for _ in range(2)]
    assert cut(guests) == [1, 2]
    for guest in guests:
        guest.left = 1
    assert cut([*guests, Guest(crowd)]) == [0, 1, 2]


def test_a_guest_that_was_cut_does_not_come_back(crowd: Crowd) -> None:
    guest = Guest(crowd)
    guest.cut()
    crowd.waits(guest)
    assert cut([Guest(crowd) for _ in range(MOST)]) == []


def test_those_without_business_are_sent_home(crowd: Crowd) -> None:
    """Not those whose request is in work or whose answer is under way."""
    guests = [Guest(crowd) for _ in range(MOST)]
    crowd.works(guests[0])
    guests[1].left = 1
    crowd.go_home()
    assert cut(guests) == [2]
