"""The promise of the room as a property: whatever happens, what was accepted is somewhere, once, and in one state."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.errors import RefusalError
from core.events import Severity
from core.settings import Retry
from core.webhooks.deliveries import Outcome, Status, Trigger, delivery_id
from core.webhooks.entry import Entry
from tests.core.webhooks.factories import DOWN, OK, REFUSED, Box, a_case_event, an_attempt

ENDED = {Status.DELIVERED, Status.CANCELLED}
OUTCOMES = st.sampled_from([OK, DOWN, DOWN, REFUSED])


class NothingIsLost(RuleBasedStateMachine):
    """Events, failures, restarts, kills and people, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="cdg-"))
        self.box = Box(self.directory, policy=Retry(max_attempts=4))
        self.accepted: set[str] = set()
        self.delivered: set[str] = set()  # what the receiver has, whatever the log says
        self.in_flight: list[tuple[Entry, Trigger]] = []
        self.seq = {"a": 0, "b": 0}

    def teardown(self) -> None:
        self.box.close()
        shutil.rmtree(self.directory)

    @rule(case=st.sampled_from("ab"), severity=st.sampled_from(list(Severity)), again=st.booleans())
    def publish(self, case: str, severity: Severity, again: bool) -> None:
        self.seq[case] += not (again and self.seq[case])
        event = a_case_event(case, self.seq[case], severity=severity)
        asyncio.run(self._accept(event))
        self.accepted.add(delivery_id(event.event_id, "hq"))

    async def _accept(self, event: object) -> None:
        await self.box.accept(event)  # type: ignore[arg-type]  # an event

    @rule()
    def claim(self) -> None:
        if (entry := self.box.queue.claim("hq")) is not None:
            self.in_flight.append((entry, Trigger.AUTO))

    @rule(data=st.data())
    @precondition(lambda self: self.accepted)
    def claim_by_hand(self, data: st.DataObject) -> None:
        item_id = data.draw(st.sampled_from(sorted(self.accepted)))
        if (entry := self.unless_refused(lambda: self.box.queue.claim_one(item_id, Trigger.DRAIN))) is not None:
            self.in_flight.append((entry, Trigger.DRAIN))

    @rule(data=st.data(), outcome=OUTCOMES)
    @precondition(lambda self: self.in_flight)
    def settle(self, data: st.DataObject, outcome: Outcome) -> None:
        entry, trigger = self.in_flight.pop(data.draw(st.integers(0, len(self.in_flight) - 1)))
        self.box.queue.settle(entry, an_attempt(self.box.clock, entry, outcome, trigger), outcome)
        if outcome is OK:
            self.delivered.add(entry.delivery.delivery_id)

    @rule()
    @precondition(lambda self: self.in_flight)
    def break_off(self) -> None:
        self.box.queue.give_back(self.in_flight.pop()[0])

    @rule(data=st.data(), what=st.sampled_from(["cancel", "requeue"]))
    @precondition(lambda self: self.accepted)
    def by_hand(self, data: st.DataObject, what: str) -> None:
        item_id = data.draw(st.sampled_from(sorted(self.accepted)))
        entry = self.unless_refused(lambda: getattr(self.box.queue, what)(item_id, "tui:anna"))
        if entry is not None:
            asyncio.run(self.box.queue.settled(entry.n))

    @staticmethod
    def unless_refused(call: Callable[[], Entry]) -> Entry | None:
        try:
            return call()
        except RefusalError:
            return None

    @rule(seconds=st.sampled_from([1.0, 20.0, 900.0]))
    def wait(self, seconds: float) -> None:
        self.box.clock.advance(seconds)

    @rule()
    def restart(self) -> None:
        for entry, _ in self.in_flight:
            self.box.queue.give_back(entry)
        self.in_flight.clear()
        before = self.box.known()
        self.box.reopen()
        assert self.box.known() == before

    @rule(tail=st.binary(max_size=30))
    def kill(self, tail: bytes) -> None:
        self.in_flight.clear()
        self.box.kill(tail)

    @invariant()
    def everything_is_somewhere(self) -> None:
        found = [entry.delivery.delivery_id for entry in self.box.queue.entries()]
        assert sorted(found) == sorted(self.accepted)

    @invariant()
    def nothing_is_called_delivered_that_is_not(self) -> None:
        told = {one.delivery.delivery_id for one in self.box.queue.entries() if one.delivery.status is Status.DELIVERED}
        assert told <= self.delivered

    @invariant()
    def what_is_pending_will_go(self) -> None:
        """Every lane with something pending has a head that is due some time, or is on its way."""
        busy = {id(entry) for entry, _ in self.in_flight}
        for entry in self.box.queue.entries():
            if entry.delivery.status is not Status.PENDING or id(entry) in busy:
                continue
            assert self.box.queue.waits_for(entry) is not None or self.box.queue.due_in_s(entry) is not None

    @invariant()
    def one_of_a_case_at_a_time(self) -> None:
        cases = [entry.delivery.case_id for entry, _ in self.in_flight]
        assert len(cases) == len(set(cases))

    @invariant()
    def what_must_go_first_goes_first(self) -> None:
        """Whoever waits, waits for an earlier one of its case, or for one that was on its way already."""
        busy = {entry.delivery.delivery_id for entry, _ in self.in_flight}
        for entry in self.box.queue.entries():
            head = self.box.queue.waits_for(entry)
            if head is not None and head not in busy:
                assert (self.box.queue.get(head).delivery.seq or 0) < (entry.delivery.seq or 0)


TestNothingIsLost = NothingIsLost.TestCase
TestNothingIsLost.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
