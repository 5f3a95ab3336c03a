"""What must be true of every delivery, whatever happened: kept beside the product from what was done and what was sent."""

import math
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from core.events import Event
from core.webhooks.deliveries import (
    KEPT_ATTEMPTS,
    DeadLetterReason,
    Delivered,
    Delivery,
    Failed,
    Outcome,
    Status,
    Trigger,
    delivery_id,
)
from core.webhooks.entry import Entry
from tests.core.webhooks.doors import Door, Doors, refuses
from tests.core.webhooks.lives import Life, Sent, World

TEST = "webhook.test"
PENDING, DELIVERED, DEAD = Status.PENDING, Status.DELIVERED, Status.DEAD_LETTER


@dataclass
class Known:
    """One accepted delivery."""

    delivery: Delivery
    status: Status = PENDING
    attempts: int = 0
    budget: int = 0  # attempts that count, since it was opened or queued again
    doubts: int = 0  # and so many that may
    waited_s: float = 0.0  # at most so old
    refused_at_s: float | None = None  # how old it was at the first of the unbroken row of refusals
    asked_s: float = 0.0  # a 429 wanted this very delivery no sooner
    busy: Sent | None = None
    taken: bool = False
    due_s: float | None = None  # when it would have gone by itself before somebody sent it by hand
    expected: list[tuple[int, Trigger | None, int | None]] = field(default_factory=list)

    @property
    def lane(self) -> tuple[str, str]:
        return self.delivery.endpoint, self.delivery.case_id or self.delivery.delivery_id


class Oracle:
    """Watches one world. `wrong` says what was not as it must be."""

    def __init__(self, world: World):
        self.world = world
        self.known: dict[str, Known] = {}
        self.wrong: list[str] = []
        self.rates: dict[str, list[float]] = {name: [] for name in world.endpoints}
        self.held: set[str] = set()
        self.gone: set[str] = set()  # held by their own 410
        self.doors = Doors({})
        self._probes: set[int] = set()
        self._doubtful: set[int] = set()  # probes or not
        self._tests: Counter[str] = Counter()  # test messages on their way
        self.lossy = False  # the life before ended with a kill
        self.evicting = False  # the bounds were looked after
        world.on_born.append(self._born)
        world.on_sent.append(self._sent)
        world.on_ended.append(self._ended)
        world.on_time.append(self._time)

    def blame(self, text: str) -> None:
        self.wrong.append(f"{self.world.now_s:.3f} s: {text}")

    # -- what is done ----------------------------------------------------------------------------------------------

    def _born(self, life: Life) -> None:
        """A new life: it knows the standings, and earned no attempts by starting."""
        if self.lossy:  # a 410 that was heard in the moment of the kill may be forgotten, what a person said may not
            self.held -= {one for one in self.gone if life.queue.standing(one).hold is None}
        gap_s = min(30.0, self.world.retry.max_delay_s)
        self.doors = Doors(
            {
                one.id: Door(one.rate_per_min, gap_s, held=one.id in self.held, starts=self.rates[one.id])
                for one in life.endpoints
            }
        )
        self._tests.clear()
        self._adopts(life, lossy=self.lossy)

    def _adopts(self, life: Life, *, lossy: bool) -> None:
        """What a new life found. After a kill the newest steps may be gone; the rest of it is the same."""
        found = {entry.delivery.delivery_id: entry for entry in life.queue.entries()}
        for item_id, known in self.known.items():
            known.busy, known.due_s, known.doubts, known.asked_s = None, None, 0, 0.0
            known.expected.clear()
            if item_id not in found:
                self.blame(f"{item_id} is lost")
            elif lossy:
                self._survived(known, found[item_id].delivery)

    def _survived(self, known: Known, left: Delivery) -> None:
        if left.attempts > known.attempts or left.auto_attempts > known.budget:
            self.blame(f"{left.delivery_id} has more attempts after a kill than there were")
        earlier = {PENDING, DEAD} if known.status is Status.ARCHIVED else {PENDING}
        if left.status is not known.status and left.status not in earlier:
            self.blame(f"{left.delivery_id} was {known.status}, and is {left.status} after a kill")
        known.status, known.attempts, known.budget = left.status, left.attempts, left.auto_attempts
        if left.refused_since_age_s is not None and known.refused_at_s is None:
            known.refused_at_s = 0.0  # a step that broke the row is forgotten

    def publishes(self, event: Event, life: Life) -> None:
        """Called before. A newer heartbeat takes the place of those that wait."""
        if event.type == "device.heartbeat":
            for known in self.known.values():
                one = known.delivery
                if one.event_type == event.type and one.event_id != event.event_id and known.status is PENDING:
                    known.status = PENDING if life.claimed(one.delivery_id) else Status.CANCELLED

    def accepted(self, event: Event, life: Life) -> None:
        """Called when `publish` returned."""
        for channel in life.dispatcher.channels():
            if channel.wants(event.type):
                item_id = delivery_id(event.event_id, channel.endpoint.id)
                if item_id not in self.known:
                    self.blame(f"{event.event_id} was published, and is not sent to {channel.endpoint.id}")

    def learns(self, delivery: Delivery) -> Known:
        return self.known.setdefault(delivery.delivery_id, Known(delivery))

    def ends(self, item_id: str) -> None:
        self.known[item_id].status = Status.CANCELLED

    def reopens(self, item_id: str) -> None:
        known = self.known[item_id]
        known.status, known.budget, known.waited_s, known.refused_at_s = PENDING, 0, 0.0, None
        known.asked_s = 0.0

    def holds(self, endpoint: str) -> None:
        self.held.add(endpoint)
        self.doors.doors[endpoint].held = True

    def resumes(self, endpoint: str) -> None:
        self.held.discard(endpoint)
        self.gone.discard(endpoint)
        for known in self.known.values():
            if known.delivery.endpoint == endpoint:
                known.asked_s = 0.0  # who resumes wants it now
        self.doors.doors[endpoint].resumed(self.world.now_s)

    # -- what is sent ----------------------------------------------------------------------------------------------

    def _time(self, seconds: float) -> None:
        now_s, life = self.world.now_s, self.world.life
        for entry in life.queue.entries() if life is not None else ():
            if entry.delivery.event_type.startswith("endpoint."):
                self.learns(entry.delivery)  # what the core says of itself
        waited = {name: door.waiting_s(now_s, now_s + seconds) for name, door in self.doors.doors.items()}
        for known in self.known.values():
            if known.status is PENDING:
                known.waited_s += waited.get(known.delivery.endpoint, 0.0)

    def _sent(self, sent: Sent) -> None:
        door, now_s, given = self.doors.doors[sent.endpoint], self.world.now_s, sent.delivery
        complaint = door.complaint(now_s, by_hand=sent.by_hand, test=given.event_type == TEST)
        if complaint is not None:
            self.blame(f"{sent.endpoint}: {given.event_id} sent, but {complaint}")
        if door.doubtful(now_s):
            self._doubtful.add(id(sent))
        elif door.probes(now_s) and not sent.by_hand:
            door.probing += 1
            self._probes.add(id(sent))
        door.starts.append(now_s)
        if given.event_type == TEST:
            self._tests[sent.endpoint] += 1
        else:
            self._of_delivery(sent)

    def _of_delivery(self, sent: Sent) -> None:
        given, known = sent.delivery, self.learns(sent.delivery)
        if given.attempts == 0 and given.delivery_id.encode() not in self.world.log.read_bytes():
            self.blame(f"{given.event_id} was sent before it was on disk")
        if known.busy is not None:
            self.blame(f"{given.event_id} is sent twice at a time")
        if not sent.by_hand and self.world.now_s < known.asked_s:
            self.blame(f"{given.event_id} is sent {known.asked_s - self.world.now_s} s before its Retry-After")
        if known.status is not PENDING:
            self.blame(f"{given.event_id} is {known.status} and is sent")
        if bytes(given.body) != bytes(known.delivery.body) or given.event_id != known.delivery.event_id:
            self.blame(f"{given.event_id} is sent otherwise than before")
        if sent.number != known.attempts + 1:
            self.blame(f"{given.event_id}: attempt {sent.number} after {known.attempts}")
        self._in_order(known)
        known.busy = sent
        if sent.by_hand:
            known.due_s = self._due_s(given.delivery_id)

    def _in_order(self, known: Known) -> None:
        for other in self.known.values():
            if other.lane == known.lane and other is not known and self._pends(other):
                if other.busy is not None:
                    self.blame(f"{known.delivery.event_id} is sent beside {other.delivery.event_id}")
                elif (other.delivery.seq or 0) < (known.delivery.seq or 0):
                    self.blame(f"{known.delivery.event_id} is sent before {other.delivery.event_id}")

    def _pends(self, known: Known) -> bool:
        """As of now: whether it was given up meanwhile is the product's to say, and ours to judge."""
        life = self.world.life
        assert life is not None
        if known.status is PENDING and known.busy is None:
            now = life.queue.get(known.delivery.delivery_id).delivery
            if now.status is DEAD:
                self._died(known, now)
        return known.status is PENDING

    def _due_s(self, item_id: str) -> float | None:
        life = self.world.life
        assert life is not None
        due_in_s = life.queue.due_in_s(life.queue.get(item_id))
        return None if due_in_s is None else self.world.now_s + due_in_s

    def _ended(self, sent: Sent) -> None:
        outcome = sent.outcome
        assert outcome is not None
        probe = id(sent) in self._probes
        self._probes.discard(id(sent))
        ours = self.doors.heard(sent.endpoint, outcome, self.world.now_s, sent.at_s, probe=probe)
        if outcome.http_status == 410:
            self.gone |= {sent.endpoint} - self.held
            self.held.add(sent.endpoint)
        if sent.delivery.event_type == TEST:
            self._tests[sent.endpoint] -= 1
        else:
            self._settled(sent, outcome, counted=not (sent.by_hand or probe or ours))

    def _settled(self, sent: Sent, outcome: Outcome, *, counted: bool) -> None:
        known = self.known[sent.delivery.delivery_id]
        known.busy, known.attempts = None, known.attempts + 1
        if not sent.by_hand and isinstance(outcome, Failed) and outcome.http_status == 429:
            known.asked_s = self.world.now_s + min(outcome.retry_after_s or 0.0, 3600.0)
        if id(sent) in self._doubtful and not sent.by_hand:
            self._doubtful.discard(id(sent))
            known.doubts += 1
            known.refused_at_s = 0.0 if refuses(outcome) else known.refused_at_s
            known.expected.append((sent.number, None, outcome.http_status))
        else:
            self._counts(known, sent, outcome, counted=counted)
        if isinstance(outcome, Delivered):
            known.status, known.taken = DELIVERED, True
        if not sent.by_hand:
            known.due_s = None

    def _counts(self, known: Known, sent: Sent, outcome: Outcome, *, counted: bool) -> None:
        if counted:
            known.budget += 1
            self._row(known, outcome)
        own = (Trigger.AUTO if counted else Trigger.PROBE) if not sent.by_hand else None
        known.expected.append((sent.number, own, outcome.http_status))

    @staticmethod
    def _row(known: Known, outcome: Outcome) -> None:
        if not refuses(outcome):
            known.refused_at_s = None
        elif known.refused_at_s is None:
            known.refused_at_s = known.waited_s

    # -- what is there ---------------------------------------------------------------------------------------------

    def look(self, life: Life) -> None:
        """When all is quiet: what the queue says of every delivery is so."""
        entries = {entry.delivery.delivery_id: entry for entry in life.queue.entries()}
        for item_id in self.known.keys() - entries.keys():
            self.blame(f"{item_id} is gone")
        for item_id, entry in entries.items():
            if item_id not in self.known and not entry.delivery.event_type.startswith("endpoint."):
                self.blame(f"{item_id} is of nobody's making")
            self._compare(self.learns(entry.delivery), entry)
        self._accounts(life)
        busy = Counter(one.delivery.endpoint for one in self.known.values() if one.busy is not None) + self._tests
        for channel in life.dispatcher.channels():
            name = channel.endpoint.id
            if busy[name] != channel.in_flight or busy[name] - self._tests[name] > self.world.places:
                self.blame(f"{name}: {busy[name]} on their way, it says {channel.in_flight}")

    def _compare(self, known: Known, entry: Entry) -> None:
        one, name = entry.delivery, f"{entry.delivery.event_id} to {entry.delivery.endpoint}"
        if known.budget < one.auto_attempts <= known.budget + known.doubts:
            known.budget = one.auto_attempts
        known.doubts = 0
        if one.status is DEAD and known.status is PENDING:
            self._died(known, one)
        if one.status is Status.ARCHIVED and (known.status is DEAD or (self.evicting and known.status is PENDING)):
            known.status = Status.ARCHIVED
        if one.status is not known.status:
            self.blame(f"{name} is {one.status}, but it must be {known.status}")
        if one.status is Status.ARCHIVED:
            return
        if (one.attempts, one.auto_attempts) != (known.attempts, known.budget):
            self.blame(
                f"{name}: {one.attempts} attempts, {one.auto_attempts} count; {known.attempts}, {known.budget} expected"
            )
        self._history(known, one, name)
        self._not_later(known, entry, name)

    def _history(self, known: Known, one: Delivery, name: str) -> None:
        numbers = [attempt.number for attempt in one.history]
        if numbers != list(range(max(1, one.attempts - KEPT_ATTEMPTS + 1), one.attempts + 1)):
            self.blame(f"{name}: its history is of {numbers}")
        told = {attempt.number: attempt for attempt in one.history}
        for number, trigger, status in known.expected:
            if number in told and (told[number].http_status != status or trigger not in {None, told[number].trigger}):
                self.blame(f"{name}: attempt {number} was {trigger} and {status}, it says {told[number]}")
        known.expected.clear()

    def _not_later(self, known: Known, entry: Entry, name: str) -> None:
        if known.due_s is None or known.busy is not None:
            return
        due_s = self._due_s(entry.delivery.delivery_id)
        if entry.delivery.status is PENDING and due_s is not None and due_s > max(known.due_s, self.world.now_s) + 0.01:
            self.blame(f"{name}: due at {known.due_s}, but after it was sent by hand at {due_s}")
        known.due_s = None

    def _died(self, known: Known, one: Delivery) -> None:
        policy, reason = self.world.retry, one.dead_letter_reason
        refused_s = known.waited_s - (math.inf if known.refused_at_s is None else known.refused_at_s)
        legal = {
            DeadLetterReason.MAX_ATTEMPTS: one.auto_attempts == policy.max_attempts,
            DeadLetterReason.MAX_AGE: known.waited_s >= policy.max_age_h * 3600 - 0.01,
            DeadLetterReason.PERMANENT: one.auto_attempts >= 5 and refused_s >= 3600 - 0.01,
            DeadLetterReason.EVICTED: self.evicting,
        }
        if reason is None or not legal[reason]:
            self.blame(f"{one.event_id} given up for {reason}: {known}")
        known.status = DEAD

    def _accounts(self, life: Life) -> None:
        said, found = life.queue.known.accounts(), Counter(known.status for known in self.known.values())
        dead = found[DEAD] + found[Status.ARCHIVED]
        expected = (len(self.known), found[DELIVERED], found[PENDING], dead, found[Status.CANCELLED], 0)
        if expected != (
            said.accepted,
            said.delivered,
            said.pending,
            said.dead_letter,
            said.cancelled,
            said.unaccounted,
        ):
            self.blame(f"the accounts say {said}, there are {expected}")


def most_in_a_minute(times_s: list[float]) -> int:
    """The most of them in any 60 s."""
    times_s, first, most = sorted(times_s), 0, 0
    for at, at_s in enumerate(times_s):
        while at_s - times_s[first] >= 60.0:
            first += 1
        most = max(most, at - first + 1)
    return most


def gaps_s(times_s: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times_s)]
