"""When an endpoint may be sent to, probed, or left alone: every way a gate closes, opens and counts time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.webhooks.deliveries import BREAKING, Attempt, ErrorClass, Failed, Reach, Trigger
from core.webhooks.gate import FOR_EVER, Gate
from core.webhooks.paces import RATE_WINDOW_S
from core.webhooks.standings import Hold, Standing
from tests.fakes import FakeClock

BUSY = Failed(error_class=ErrorClass.HTTP_5XX, error="503", http_status=503)
NOT_FOUND = Failed(error_class=ErrorClass.HTTP_4XX, error="404", http_status=404)
NO_ROUTE = Failed(error_class=ErrorClass.DNS, error="no resolver", reach=Reach.DOWN)


def too_many(retry_after_s: float) -> Failed:
    return Failed(error_class=ErrorClass.RATE_LIMITED, error="429", http_status=429, retry_after_s=retry_after_s)


def busy_for(retry_after_s: float) -> Failed:
    return Failed(error_class=ErrorClass.HTTP_5XX, error="503", http_status=503, retry_after_s=retry_after_s)


@dataclass
class Door:
    """A gate and the time, in seconds from 0."""

    gate: Gate
    now_s: float = 0.0

    def fail(self, failure: Failed = BUSY, *, ours: bool = False, probe: bool = False) -> bool:
        self.gate.sets_out(self.now_s)
        return self.gate.failed(failure, self.now_s, self.now_s, ours=ours, probe=probe)

    def take(self) -> bool:
        self.gate.sets_out(self.now_s)
        return self.gate.took(self.now_s, self.now_s)

    def pass_(self, seconds: float) -> None:
        self.now_s += seconds

    @property
    def wait_s(self) -> float:
        return self.gate.wait_s(self.now_s)

    @property
    def hold(self) -> Hold | None:
        return self.gate.hold(self.now_s)

    def aged_s(self) -> float:
        return self.gate.counted_s(self.now_s)


def a_door(*, concurrency: int = 8, longest_probe_s: float = 900.0, rate: int | None = None) -> Door:
    return Door(Gate(concurrency, longest_probe_s, rate, 0.0))


def an_open_breaker(**given: float) -> Door:
    door = a_door(**given)  # type: ignore[arg-type]  # passed on
    for _ in range(5):
        door.fail()
    return door


def paused() -> Standing:
    return Standing(hold=Hold.PAUSED, since=FakeClock().now(), reason="moving house", actor="anna")


def test_the_fifth_failure_in_a_row_opens_the_breaker() -> None:
    door = a_door()
    for _ in range(4):
        door.fail()
        assert (door.hold, door.wait_s) == (None, 0.0)
    door.fail()
    assert (door.hold, door.wait_s) == (Hold.OPEN, 30.0)


@pytest.mark.parametrize("error_class", sorted(set(ErrorClass) - BREAKING))
def test_who_answers_is_not_broken(error_class: ErrorClass) -> None:
    """A refusal ends the row: somebody is there."""
    door = a_door()
    for _ in range(4):
        door.fail()
    door.fail(Failed(error_class=error_class, error="no"))
    door.fail()
    assert (door.hold, door.gate.failures) == (None, 1)


def test_probes_come_ever_more_seldom() -> None:
    """Thirty seconds, then twice as long each time, at most five minutes."""
    door, gaps = an_open_breaker(), []
    for _ in range(7):
        gaps.append(door.wait_s)
        door.pass_(door.wait_s)
        assert door.wait_s == 0.0
        door.fail(probe=True)
    assert gaps == [30.0, 60.0, 120.0, 240.0, 300.0, 300.0, 300.0]


def test_a_probe_is_never_later_than_the_longest_delay() -> None:
    door = an_open_breaker(longest_probe_s=20.0)
    door.pass_(door.wait_s)
    door.fail(probe=True)
    assert door.wait_s == 20.0


def test_a_failure_that_was_under_way_does_not_put_the_probe_off() -> None:
    """Eight were on their way when it opened."""
    door = an_open_breaker()
    for _ in range(3):
        door.fail()
    assert door.wait_s == 30.0


def test_only_one_probe_is_on_its_way() -> None:
    assert an_open_breaker().gate.places == 1


def test_the_first_answer_lets_the_backlog_out_slowly() -> None:
    """One at a time, then two, four, as many as there are places: each round that is taken whole doubles the next."""
    door, places = an_open_breaker(concurrency=6), []
    door.pass_(30.0)
    assert door.take()
    for _ in range(4):
        places.append(door.gate.places)
        for _ in range(door.gate.places):
            assert not door.take()
    assert (places, door.hold) == ([2, 4, 6, 6], None)


def test_a_refused_probe_shows_that_somebody_is_there() -> None:
    door = an_open_breaker()
    door.pass_(30.0)
    assert door.fail(NOT_FOUND, probe=True)
    assert (door.hold, door.gate.places) == (None, 1)


def test_without_network_there_are_probes_and_no_failures() -> None:
    door = a_door()
    for _ in range(9):
        door.fail(NO_ROUTE, ours=True)
    assert (door.hold, door.gate.failures, door.wait_s) == (Hold.OFFLINE, 0, 30.0)


def test_the_network_comes_before_the_breaker() -> None:
    """Who can't get out knows nothing of the receiver."""
    door = an_open_breaker()
    door.gate.lose_network(door.now_s)
    assert door.hold is Hold.OFFLINE


def test_a_network_that_another_endpoint_found_opens_this_one() -> None:
    door = a_door()
    door.fail(NO_ROUTE, ours=True)
    assert door.gate.regain_network(door.now_s)
    assert (door.hold, door.wait_s, door.gate.places) == (None, 0.0, 1)
    assert not door.gate.regain_network(door.now_s)


def test_a_network_that_is_back_does_not_close_a_breaker() -> None:
    door = an_open_breaker()
    assert not door.gate.regain_network(door.now_s)
    assert door.hold is Hold.OPEN


def test_a_receiver_that_fails_after_an_outage_is_no_outage() -> None:
    door = a_door()
    door.fail(NO_ROUTE, ours=True)
    door.pass_(30.0)
    door.fail(BUSY, probe=True)
    assert (door.hold, door.gate.failures) == (None, 1)


def test_something_critical_brings_the_probe_forward_but_not_below_the_shortest_gap() -> None:
    door = an_open_breaker()
    for _ in range(4):
        door.pass_(door.wait_s)
        door.fail(probe=True)
    assert door.wait_s == 300.0
    door.pass_(10.0)
    door.gate.urge(door.now_s)
    assert door.wait_s == 20.0
    door.pass_(100.0)
    door.gate.urge(door.now_s)
    assert door.wait_s == 0.0


def test_what_the_receiver_asks_for_holds_for_all() -> None:
    door = a_door()
    door.fail(too_many(120.0))
    assert (door.hold, door.wait_s) == (Hold.RETRY_AFTER, 120.0)
    door.pass_(120.0)
    assert (door.hold, door.wait_s) == (None, 0.0)


@pytest.mark.parametrize(("asked_s", "kept_s"), [(3600.0, 3600.0), (1e9, 3600.0)])
def test_nobody_may_ask_for_more_than_an_hour(asked_s: float, kept_s: float) -> None:
    door = a_door()
    door.fail(too_many(asked_s))
    assert door.wait_s == kept_s


@pytest.mark.parametrize("said_s", [None, 0.0])
def test_a_429_that_says_no_time_wants_some_all_the_same(said_s: float | None) -> None:
    """And the backlog goes on one at a time."""
    door = a_door()
    for _ in range(3):
        door.take()
    door.fail(Failed(error_class=ErrorClass.RATE_LIMITED, error="429", http_status=429, retry_after_s=said_s))
    assert (door.hold, door.wait_s, door.gate.places) == (Hold.RETRY_AFTER, 10.0, 1)


def test_what_was_on_its_way_does_not_open_a_breaker_again() -> None:
    """One that fails most of the time would never be left alone."""
    door = an_open_breaker()
    door.pass_(1.0)
    assert not door.gate.took(door.now_s, door.now_s - 2.0)
    assert (door.hold, door.gate.failures) == (Hold.OPEN, 5)
    assert not door.gate.failed(NOT_FOUND, door.now_s, door.now_s - 2.0, ours=False, probe=False)
    assert door.hold is Hold.OPEN


def test_nor_do_failures_from_before_shut_it_again() -> None:
    door = an_open_breaker()
    door.pass_(30.0)
    door.take()
    for _ in range(8):
        door.gate.failed(BUSY, door.now_s, door.now_s - 5.0, ours=False, probe=False)
    assert (door.hold, door.gate.failures) == (None, 0)


def test_a_shorter_wish_does_not_undo_a_longer_one() -> None:
    door = a_door()
    door.fail(too_many(120.0))
    door.fail(too_many(5.0))
    assert door.wait_s == 120.0


def test_a_probe_waits_for_what_the_receiver_asked_for() -> None:
    door = a_door()
    for _ in range(5):
        door.fail(busy_for(600.0))
    assert (door.hold, door.wait_s) == (Hold.OPEN, 600.0)


def test_a_delivery_ends_what_the_receiver_asked_for() -> None:
    """Sent by hand meanwhile, and taken."""
    door = a_door()
    door.fail(too_many(600.0))
    door.take()
    assert door.wait_s == 0.0


def test_a_limit_holds_in_any_minute() -> None:
    """Three may go at once, the fourth when a minute has passed since the first."""
    door = a_door(rate=3)
    for _ in range(3):
        assert door.wait_s == 0.0
        door.take()
        door.pass_(1.0)
    assert (door.hold, door.wait_s) == (Hold.RATE_LIMIT, RATE_WINDOW_S - 3.0)
    door.pass_(door.wait_s)
    assert door.hold is None


NOW = FakeClock().now()


def made(ago_s: float, failure: Failed | None = None) -> Attempt:
    return Attempt(
        number=1,
        trigger=Trigger.AUTO,
        started_at=NOW - timedelta(seconds=ago_s),
        duration_ms=9,
        http_status=failure.http_status if failure else 200,
        error_class=failure.error_class if failure else None,
        retry_after_s=failure.retry_after_s if failure else None,
    )


def test_a_restart_earns_no_further_attempts() -> None:
    door = a_door(rate=3)
    door.gate.recall([made(5.0), made(40.0), made(20.0)], NOW, 0.0)
    assert door.wait_s == RATE_WINDOW_S - 40.0


def test_nor_does_a_clock_that_was_set_back() -> None:
    """By two hours, say: they seem to be still to come."""
    door = a_door(rate=2)
    door.gate.recall([made(-7200.0), made(-7190.0)], NOW, 0.0)
    assert (door.hold, door.wait_s) == (Hold.RATE_LIMIT, RATE_WINDOW_S)


@pytest.mark.parametrize(
    ("attempts", "wait_s"),
    [
        ([made(100.0, too_many(600.0))], 500.0),
        ([made(100.0, too_many(1e9))], 3500.0),
        ([made(100.0, too_many(60.0))], 0.0),
        ([made(100.0, too_many(600.0)), made(50.0)], 0.0),
        ([made(100.0), made(50.0, too_many(600.0))], 550.0),
        ([made(-7200.0, too_many(600.0))], 600.0),
    ],
)
def test_what_the_receiver_asked_for_outlives_a_restart(attempts: list[Attempt], wait_s: float) -> None:
    """Unless it has taken one since."""
    door = a_door()
    door.gate.recall(attempts, NOW, 0.0)
    assert door.wait_s == wait_s


def test_a_paused_endpoint_waits_for_a_person() -> None:
    door = a_door()
    door.gate.stand(paused(), door.now_s)
    assert (door.hold, door.wait_s) == (Hold.PAUSED, FOR_EVER)
    door.gate.stand(Standing(), door.now_s)
    assert (door.hold, door.wait_s, door.gate.places) == (None, 0.0, 1)


def test_resuming_begins_anew() -> None:
    """Neither an old row of failures nor an old wish counts."""
    door = an_open_breaker()
    door.fail(busy_for(600.0))
    door.gate.stand(paused(), door.now_s)
    door.gate.stand(Standing(), door.now_s)
    assert (door.hold, door.wait_s, door.gate.failures) == (None, 0.0, 0)


@pytest.mark.parametrize(
    ("what", "counts"),
    [
        ("nothing", True),
        ("open", True),
        ("asked by 503", True),
        ("asked by 429", False),
        ("offline", False),
        ("paused", False),
        ("disabled", False),
        ("limited", False),
    ],
)
def test_only_what_the_receiver_has_to_answer_for_counts_as_age(what: str, counts: bool) -> None:
    """In the ten seconds after it began."""
    door = an_open_breaker() if what == "open" else a_door(rate=1 if what == "limited" else None)
    match what:
        case "asked by 503":
            door.fail(busy_for(60.0))
        case "asked by 429":
            door.fail(too_many(60.0))
        case "offline":
            door.fail(NO_ROUTE, ours=True)
        case "paused" | "disabled":
            door.gate.stand(Standing(hold=Hold(what)), door.now_s)
        case "limited":
            door.take()
    before_s = door.aged_s()
    door.pass_(10.0)
    assert door.aged_s() - before_s == (10.0 if counts else 0.0)


def test_age_goes_on_when_the_hold_ends_by_itself() -> None:
    """Also where nobody looked in between."""
    door = a_door()
    door.fail(too_many(60.0))
    door.pass_(100.0)
    assert door.aged_s() == 40.0


STEPS: dict[str, Callable[[Door], object]] = {
    "take": Door.take,
    "busy": lambda door: door.fail(probe=True),
    "ours": lambda door: door.fail(NO_ROUTE, ours=True, probe=True),
    "429": lambda door: door.fail(too_many(90.0)),
    "pause": lambda door: door.gate.stand(paused(), door.now_s),
    "resume": lambda door: door.gate.stand(Standing(), door.now_s),
    "back": lambda door: door.gate.regain_network(door.now_s),
}


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=40), st.data())
def test_the_age_never_runs_faster_than_time_and_never_back(steps: list[str], data: st.DataObject) -> None:
    door, before_s, before_now_s = a_door(rate=7), 0.0, 0.0
    for step in steps:
        door.pass_(data.draw(st.floats(0, 400)))
        STEPS[step](door)
        aged_s = door.aged_s()
        assert before_s <= aged_s <= before_s + door.now_s - before_now_s + 1e-6
        before_s, before_now_s = aged_s, door.now_s
        assert 1 <= door.gate.places <= 8


def test_several_critical_events_hasten_a_probe_only_once() -> None:
    """To the shortest gap after the last one, however many there are."""
    door = an_open_breaker()
    for _ in range(3):
        door.pass_(door.wait_s)
        door.fail(probe=True)
    for _ in range(5):
        door.gate.urge(door.now_s)
    assert door.wait_s == 30.0


def test_what_was_under_way_when_the_receiver_asked_to_wait_takes_nothing_back() -> None:
    """Eight set out, the fast answers are 429, the slow ones 204."""
    door = a_door()
    door.pass_(1.0)
    door.fail(too_many(60.0))
    door.pass_(1.0)
    door.gate.took(door.now_s, since_s=0.0)
    assert (door.hold, door.wait_s) == (Hold.RETRY_AFTER, 59.0)
    door.gate.took(door.now_s, since_s=door.now_s)
    assert door.hold is None
