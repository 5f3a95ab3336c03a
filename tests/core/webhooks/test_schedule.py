"""Which delivery goes next: single rules first, then the whole schedule against a slow and simple model."""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.webhooks.schedule import Schedule


def a_schedule(*added: tuple[str, str, int, float]) -> Schedule:
    schedule = Schedule()
    for delivery_id, lane, rank, due_s in added:
        schedule.add(delivery_id, lane, rank, due_s)
    return schedule


def all_due(schedule: Schedule, now_s: float) -> list[str]:
    """Send everything that may go, each with success."""
    found = []
    while (taken := schedule.take(now_s)) is not None:
        found.append(taken)
        schedule.remove(taken)
    return found


def test_a_lane_goes_in_order() -> None:
    """Also where a later one is worse and due earlier."""
    assert all_due(a_schedule(("a", "case", 0, 5.0), ("b", "case", 2, 1.0), ("c", "case", 1, 0.0)), 9.0) == [
        "a",
        "b",
        "c",
    ]


def test_only_the_head_of_a_lane_may_go() -> None:
    """While it is on its way the next one waits."""
    schedule = a_schedule(("a", "case", 0, 0.0), ("b", "case", 2, 0.0))
    assert [schedule.take(9.0), schedule.take(9.0)] == ["a", None]


def test_the_worst_goes_first() -> None:
    """A critical case overtakes the warnings of others."""
    assert all_due(a_schedule(("info", "1", 0, 0.0), ("critical", "2", 2, 0.0), ("warning", "3", 1, 0.0)), 9.0) == [
        "critical",
        "warning",
        "info",
    ]


def test_of_equals_the_one_that_waited_longest_goes_first() -> None:
    """First come, first served, and a repeated one stands at the end."""
    schedule = a_schedule(("a", "1", 1, 0.0), ("b", "2", 1, 0.0), ("c", "3", 1, 0.0))
    assert schedule.take(1.0) == "a"
    schedule.set_due("a", 1.0)
    assert all_due(schedule, 2.0) == ["b", "c", "a"]


def test_nothing_goes_before_it_is_due() -> None:
    """Not a moment earlier."""
    schedule = a_schedule(("a", "1", 1, 10.0))
    assert [schedule.take(9.999), schedule.take(10.0)] == [None, "a"]


def test_a_held_one_is_not_taken() -> None:
    """Somebody sends it by hand; due or not."""
    schedule = a_schedule(("a", "1", 1, 0.0))
    schedule.next_due_s(5.0)  # it stands among the ready ones by now
    schedule.hold("a")
    assert (schedule.next_due_s(5.0), schedule.take(5.0)) == (None, None)


def test_a_new_due_time_brings_a_held_one_back() -> None:
    """Given back it goes on as before."""
    schedule = a_schedule(("a", "1", 1, 0.0))
    schedule.hold("a")
    schedule.set_due("a", 3.0)
    assert (schedule.next_due_s(1.0), schedule.take(3.0)) == (3.0, "a")


def test_a_removed_head_lets_the_next_move_up() -> None:
    """Cancelled in mid-lane or sent: the lane goes on."""
    schedule = a_schedule(("a", "case", 1, 0.0), ("b", "case", 1, 0.0))
    schedule.remove("a")
    assert schedule.take(1.0) == "b"


def test_removing_one_behind_leaves_the_head_on_its_way() -> None:
    """A delivery in flight is not handed out again because another one of its case is cancelled."""
    schedule = a_schedule(("a", "case", 1, 0.0), ("b", "case", 1, 0.0), ("c", "case", 1, 0.0))
    assert schedule.take(1.0) == "a"
    schedule.remove("b")
    assert schedule.take(1.0) is None


def test_one_that_comes_back_stands_before_its_successors() -> None:
    """A dead letter that is queued again goes out before what came after it in its case."""
    schedule = Schedule()
    schedule.add("second", "case", 1, 0.0, order=2)
    schedule.add("first", "case", 1, 0.0, order=1)
    assert all_due(schedule, 1.0) == ["first", "second"]


def test_one_that_failed_lets_those_before_it_go_first() -> None:
    """They came back while it was on its way."""
    schedule = Schedule()
    schedule.add("second", "case", 1, 0.0, order=2)
    assert schedule.take(1.0) == "second"
    schedule.add("first", "case", 1, 0.0, order=1)
    schedule.set_due("second", 0.0)
    assert all_due(schedule, 1.0) == ["first", "second"]


def test_one_that_comes_back_does_not_overtake_what_is_on_its_way() -> None:
    """Two of one case are never in flight together."""
    schedule = Schedule()
    schedule.add("second", "case", 1, 0.0, order=2)
    assert schedule.take(1.0) == "second"
    schedule.add("first", "case", 1, 0.0, order=1)
    assert (schedule.take(1.0), schedule.head_of("first")) == (None, "second")


@dataclass
class Known:
    lane: str
    rank: int
    due_s: float
    order: int
    out: bool = False


class ScheduleMachine(RuleBasedStateMachine):
    """Every operation of the schedule beside a list that is searched from end to end."""

    @initialize()
    def start(self) -> None:
        self.schedule, self.known, self.now_s = Schedule(), dict[str, Known](), 0.0
        self.lanes: dict[str, list[str]] = {}
        self.count = 0

    def heads(self) -> list[str]:
        return [lane[0] for lane in self.lanes.values() if not self.known[lane[0]].out]

    @rule(lane=st.sampled_from("xyz"), rank=st.integers(0, 2), due=st.integers(0, 5), order=st.integers(0, 3))
    def add(self, lane: str, rank: int, due: int, order: int) -> None:
        self.count += 1
        name = f"d{self.count}"
        self.schedule.add(name, lane, rank, self.now_s + due, order=order)
        self.known[name] = Known(lane, rank, self.now_s + due, order)
        queue = self.lanes.setdefault(lane, [])
        first_free = 1 if queue and self.known[queue[0]].out else 0
        queue[first_free:] = sorted([*queue[first_free:], name], key=lambda name: self.known[name].order)

    @rule(seconds=st.integers(0, 4))
    def wait(self, seconds: int) -> None:
        self.now_s += seconds

    @rule()
    def take(self) -> None:
        due = [name for name in self.heads() if self.known[name].due_s <= self.now_s]
        taken = self.schedule.take(self.now_s)
        if not due:
            assert taken is None
            return
        assert taken in due
        assert self.known[taken].rank == max(self.known[name].rank for name in due)
        self.known[taken].out = True

    @precondition(lambda self: self.heads())
    @rule(data=st.data())
    def hold(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.heads()))
        self.schedule.hold(name)
        self.known[name].out = True

    @precondition(lambda self: any(one.out for one in self.known.values()))
    @rule(data=st.data(), delay=st.integers(0, 5))
    def give_back(self, data: st.DataObject, delay: int) -> None:
        name = data.draw(st.sampled_from([name for name, one in self.known.items() if one.out]))
        self.schedule.set_due(name, self.now_s + delay)
        self.known[name].due_s, self.known[name].out = self.now_s + delay, False
        self.lanes[self.known[name].lane].sort(key=lambda name: self.known[name].order)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(list(self.known)))
        self.schedule.remove(name)
        lane = self.known.pop(name).lane
        self.lanes[lane].remove(name)
        if not self.lanes[lane]:
            del self.lanes[lane]

    @invariant()
    def next_due_is_true(self) -> None:
        if not hasattr(self, "schedule"):
            return
        soonest = min((self.known[name].due_s for name in self.heads()), default=None)
        told = self.schedule.next_due_s(self.now_s)
        assert told == (None if soonest is None else max(soonest, self.now_s))

    @invariant()
    def everybody_knows_whom_he_waits_for(self) -> None:
        for lane in getattr(self, "lanes", {}).values():
            assert {self.schedule.head_of(name) for name in lane} == {lane[0]}


TestScheduleAgainstTheModel = ScheduleMachine.TestCase
TestScheduleAgainstTheModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_the_worst_goes_first_also_of_those_that_were_due_when_they_came_in() -> None:
    """As after a start with a backlog, and when a receiver is back."""
    schedule = Schedule()
    for name, rank in (("info", 0), ("critical", 2), ("warning", 1)):
        schedule.add(name, name, rank, due_s=5.0, now_s=5.0)
    assert [schedule.take(5.0) for _ in range(4)] == ["critical", "warning", "info", None]
    for name in ("info", "critical", "warning"):
        schedule.set_due(name, 100.0)
    schedule.release(["info", "warning"], 6.0)
    assert [schedule.take(6.0) for _ in range(3)] == ["warning", "info", None]
    assert schedule.next_due_s(6.0) == 100.0
