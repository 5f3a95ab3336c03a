"""What happens to the deliveries of this box: accepted, claimed, settled, given up, sent by hand; each step journalled.

Owns the schedule and the moves; the deliveries themselves are in Entries. Sends nothing, waits for nothing but the disk.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import timedelta
from random import Random
from types import MappingProxyType

from msgspec import structs

from core.clock import Clock
from core.errors import RefusalError
from core.events import Event
from core.journal import SnapshotJournal
from core.settings import Retry
from core.webhooks import deliveries, retry_policy
from core.webhooks.ages import Ages
from core.webhooks.deliveries import (
    BY_HAND,
    Attempt,
    DeadLetterReason,
    Delivered,
    Delivery,
    Failed,
    Outcome,
    Status,
    Trigger,
)
from core.webhooks.entries import Entries
from core.webhooks.entry import Entry
from core.webhooks.gate import Gate
from core.webhooks.orders import Moved
from core.webhooks.schedule import Schedules
from core.webhooks.standings import Standing


class RetryQueue:
    """Open over a journal; `known` are its deliveries and their accounts. `endpoints` are the configured ids, in order;
    deliveries to one with a gate age by its clock.

    A pending delivery whose endpoint is no longer configured is kept and shown, but not scheduled: it goes out when the
    endpoint is back.
    """

    def __init__(
        self,
        journal: SnapshotJournal,
        policy: Retry,
        endpoints: Sequence[str],
        clock: Clock,
        rng: Random,
        gates: Mapping[str, Gate] = MappingProxyType({}),
    ) -> None:
        self._journal, self._policy, self._clock, self._rng = journal, policy, clock, rng
        self.ages = Ages(gates, clock)
        moved = Moved()
        self._schedules = Schedules(endpoints, moved)
        self.known = Entries(journal, clock, moved, self._schedules.due_s)
        self.index = self.known.index
        shown_s = {name: self.ages.now_s(name) for name in {entry.delivery.endpoint for entry in self.known}}
        for entry in self.known:
            entry.born_s = shown_s[entry.delivery.endpoint] - entry.delivery.age_s
            if entry.delivery.status is Status.PENDING:
                self._enter(entry, deliveries.remaining_s(entry.delivery, self._clock.now()))
        self.index.orders.fill()

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def seq(self) -> int:
        return self._journal.seq

    @property
    def epoch(self) -> str:
        return self._journal.epoch

    @property
    def live_bytes(self) -> int:
        """What the deliveries take on the disk, compacted."""
        return self._journal.live_bytes

    def entries(self) -> Iterator[Entry]:
        return iter(self.known)

    def get(self, item_id: str) -> Entry:
        """Raises RefusalError 404 `retry_not_found`."""
        return self.known.get(item_id)

    def standing(self, endpoint: str) -> Standing:
        """How it stood when somebody last changed that, in whatever life of the core."""
        return self.known.standings.get(endpoint, Standing())

    def stand(self, endpoint: str, standing: Standing) -> int:
        """How an endpoint stands from now on; the line that says it, on its way to the disk."""
        return self.known.stand(endpoint, standing)

    def waits_for(self, entry: Entry) -> str | None:
        """The earlier delivery of the same case that must go first, or None."""
        schedule = self._schedules.of(entry.delivery)
        if schedule is None:
            return None
        head = schedule.head_of(entry.delivery.delivery_id)
        return None if head == entry.delivery.delivery_id else head

    def due_in_s(self, entry: Entry) -> float | None:
        """Seconds until a pending lane head may go, 0 when it is due; None for what isn't scheduled."""
        schedule = self._schedules.of(entry.delivery)
        if schedule is None or self.waits_for(entry) is not None:
            return None
        return max(0.0, schedule.due_s(entry.delivery.delivery_id) - self._clock.steady())

    # -- accepting -------------------------------------------------------------------------------------------------

    def accept(self, event: Event, endpoints: Iterable[str], body: bytes) -> list[Entry]:
        """The delivery to each endpoint: a new pending one, to be sent only after `durable`, or the one known already."""
        now = self._clock.now()
        return [self._accept(deliveries.opened(event, endpoint, body, now)) for endpoint in endpoints]

    def hand_over(self, entry: Entry, endpoint: str) -> Entry:
        """The delivery of the same event to another endpoint, as `accept` gives it."""
        handed = self._accept(deliveries.handed_over(entry.delivery, endpoint, self._clock.now()))
        handed.waiting_since_s = entry.waiting_since_s  # its receiver is told how old it is
        return handed

    def _accept(self, delivery: Delivery) -> Entry:
        if delivery.delivery_id in self.known:
            return self.known.get(delivery.delivery_id)
        entry = self.known.add(delivery)
        entry.born_s = self.ages.now_s(delivery.endpoint)
        return entry

    def escalated(self, entry: Entry) -> None:
        """Fallback endpoints have this undelivered one too, and need not be given it again."""
        self.known.put(entry, structs.replace(entry.delivery, escalated_at=self._clock.now()), lazy=True)

    async def durable(self, entries: Sequence[Entry]) -> None:
        """Wait for the disk, then let them go."""
        if entries:
            await self._journal.settled(max(entry.n for entry in entries))
        for entry in entries:
            if entry.delivery.status is Status.PENDING and self._schedules.of(entry.delivery) is None:
                self._enter(entry, 0.0)

    def _enter(self, entry: Entry, wait_s: float) -> None:
        now_s = self._clock.steady()
        self._schedules.enter(entry.delivery, now_s + wait_s, now_s)

    # -- sending ---------------------------------------------------------------------------------------------------

    def due(self, endpoint: str | None = None) -> int:
        """How many deliveries may be sent now, to this endpoint or to all."""
        now_s = self._clock.steady()
        return self._schedules.due(now_s) if endpoint is None else self._schedules[endpoint].due(now_s)

    def due_ids(self) -> Set[str]:
        """Which ones, to all."""
        return self._schedules.due_ids(self._clock.steady())

    def next_due_in_s(self, endpoint: str, *, early: bool = False) -> float | None:
        """Seconds until `claim` has something for this endpoint, or None."""
        now_s = self._clock.steady()
        due_s = self._schedules[endpoint].next_due_s(now_s, self._may_be_early if early else None)
        return None if due_s is None else max(0.0, due_s - now_s)

    def claim(self, endpoint: str, *, early: bool = False) -> Entry | None:
        """Take the next due delivery for an automatic attempt; `settle` or `give_back` must follow. Where none is due a probe
        takes one `early`: it asks for all of them.
        """
        item_id = self._schedules[endpoint].take(self._clock.steady(), self._may_be_early if early else None)
        if item_id is None:
            return None
        entry = self.known.get(item_id)
        self.index.sets_out(entry, Trigger.AUTO)
        return entry

    def _may_be_early(self, item_id: str) -> bool:
        """Not what its receiver wants no sooner."""
        last = self.known.get(item_id).delivery.last_attempt
        return last is None or last.retry_after_s is None

    def claim_one(self, item_id: str, trigger: Trigger) -> Entry:
        """Take this one, due or not. Raises RefusalError: 404 unknown, 409 with the reason as its code."""
        entry = self.get(item_id)
        schedule = self._schedules.of(entry.delivery)
        if entry.delivery.status is not Status.PENDING:
            raise RefusalError(409, "retry_not_retryable", f"{item_id} is {entry.delivery.status}")
        if entry.delivery.endpoint not in self._schedules:
            raise RefusalError(409, "endpoint_missing", f"endpoint {entry.delivery.endpoint} is not configured")
        if schedule is None or entry.in_flight is not None:
            raise RefusalError(409, "in_flight", f"{item_id} is being sent")
        if (head := self.waits_for(entry)) is not None:
            raise RefusalError(409, "waits_for_earlier", f"{head} of the same case must go first")
        schedule.hold(item_id)
        self.index.sets_out(entry, trigger)
        return entry

    def give_back(self, entry: Entry) -> None:
        """The attempt did not take place to its end (the core stops): nothing is counted."""
        self.index.is_back(entry)
        schedule = self._schedules.of(entry.delivery)
        if schedule is not None:
            item_id = entry.delivery.delivery_id
            schedule.set_due(item_id, schedule.due_s(item_id))

    def settle(self, entry: Entry, attempt: Attempt, outcome: Outcome, *, ours: bool = False) -> None:
        """Write the attempt into the account and decide what comes next; `ours` is a failure of this box's own network."""
        trigger = attempt.trigger
        self.index.is_back(entry)
        refused = retry_policy.refused(attempt)
        delivery = deliveries.counted(entry.delivery, attempt, self.ages.age_s(entry), refused=refused)
        if isinstance(outcome, Delivered):
            # Soon: after a kill only what was in flight a moment ago may go out twice.
            self._end(entry, structs.replace(delivery, status=Status.DELIVERED), soon=True)
        elif trigger in BY_HAND:
            # A manual failure neither counts nor moves the due time.
            self.known.put(entry, delivery, lazy=True)
            self.give_back(entry)
        else:
            self._after_failure(entry, delivery, outcome, ours=ours)

    def _after_failure(self, entry: Entry, delivery: Delivery, failure: Failed, *, ours: bool) -> None:
        verdict = retry_policy.after_failure(delivery, failure, self._policy, self._rng, ours=ours)
        if isinstance(verdict, retry_policy.GiveUp):
            dead = structs.replace(delivery, status=Status.DEAD_LETTER, dead_letter_reason=verdict.reason)
            self._end(entry, dead)
            return
        due = self._clock.now() + timedelta(seconds=verdict.delay_s)
        self.known.put(entry, structs.replace(delivery, next_attempt_at=due, delay_s=verdict.delay_s), lazy=True)
        schedule = self._schedules.of(entry.delivery)
        if schedule is not None:
            schedule.set_due(delivery.delivery_id, self._clock.steady() + verdict.delay_s)

    def release(self, endpoint: str) -> None:
        """Somebody is there again: what waited for that is due now, in the order in which it came in. Not what the receiver
        itself refused.
        """
        schedule = self._schedules[endpoint]
        waiting = [
            entry.delivery.delivery_id
            for entry in self.index.of(Status.PENDING, endpoint)
            if entry.in_flight is None
            and (last := entry.delivery.last_attempt) is not None
            and last.unreached
            and entry.delivery.delivery_id in schedule
        ]
        schedule.release(waiting, self._clock.steady())

    # -- by hand ---------------------------------------------------------------------------------------------------

    def cancel(self, item_id: str, actor: str) -> Entry:
        """End a pending or dead delivery without sending it. Raises RefusalError 404, 409."""
        entry = self.get(item_id)
        if entry.in_flight is not None:
            raise RefusalError(409, "in_flight", f"{item_id} is being sent")
        if entry.delivery.status not in {Status.PENDING, Status.DEAD_LETTER}:
            raise RefusalError(409, "retry_not_cancellable", f"{item_id} is {entry.delivery.status}")
        self._end(entry, structs.replace(entry.delivery, status=Status.CANCELLED, actor=actor))
        return entry

    def cancel_older(self, event: Event) -> None:
        """End waiting deliveries of this event's type: the event says the same, and fresher."""
        waiting = [one for one in self.index.of(Status.PENDING) if one.in_flight is None]
        for older in [one.delivery for one in waiting if one.delivery.event_type == event.type]:
            if older.event_id != event.event_id:
                self.cancel(older.delivery_id, f"replaced by {event.event_id}")

    def evict(self, entry: Entry) -> None:
        """Give a pending delivery up for want of room."""
        reason = DeadLetterReason.EVICTED
        self._end(entry, structs.replace(entry.delivery, status=Status.DEAD_LETTER, dead_letter_reason=reason))

    def archived(self, entry: Entry) -> None:
        """A dead letter stands in the archive now, and leaves the queue."""
        self._end(entry, deliveries.archived(entry.delivery))

    def requeue(self, item_id: str, actor: str) -> Entry:
        """A dead letter becomes pending again, due now, with a fresh budget and the same event id."""
        entry = self.get(item_id)
        if entry.delivery.status is not Status.DEAD_LETTER:
            raise RefusalError(409, "retry_not_requeueable", f"{item_id} is {entry.delivery.status}")
        fresh = deliveries.reopened(entry.delivery, actor, self._clock.now())
        entry.born_s = self.ages.now_s(fresh.endpoint)
        self.known.put(entry, fresh)
        self._enter(entry, 0.0)
        return entry

    async def settled(self, line: int) -> None:
        """Wait until this line is on disk; a delivery's last one is its `n`."""
        await self._journal.settled(line)

    def _end(self, entry: Entry, delivery: Delivery, *, soon: bool = False) -> None:
        schedule = self._schedules.of(entry.delivery)
        ended = structs.replace(delivery, next_attempt_at=None, delay_s=0.0, settled_at=self._clock.now())
        self.known.put(entry, ended, soon=soon)
        if schedule is not None:
            schedule.remove(delivery.delivery_id)
