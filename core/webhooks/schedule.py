"""Which delivery of one endpoint goes next. Pure: time is an argument, no files, no network.

Deliveries of one case form a lane and go in order: only a lane's head may be sent. Of the heads that are due the worst
goes first, then the one that fell due or came in first.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Set
from itertools import count
from math import inf
from typing import Final

from core.events import rank
from core.webhooks.deliveries import Delivery
from core.webhooks.orders import Moved

LONG_AGO: Final = float("-inf")

Early = Callable[[str], bool]
HeapEntry = tuple[float, int, str]  # what decides, the ticket, the delivery


class Schedule:
    """The lanes of one endpoint. A delivery is named by its id; due times are steady seconds. Into `moved` go the ids of
    those that may be due at another time than before.
    """

    def __init__(self, moved: Moved | None = None) -> None:
        self._moved = moved or Moved()
        self._lanes: dict[str, deque[str]] = {}
        self._lane_of: dict[str, str] = {}
        self._rank: dict[str, int] = {}
        self._due: dict[str, float] = {}
        self._order: dict[str, int] = {}
        self._ticket: dict[str, int] = {}  # the one valid heap entry of a delivery; older ones are passed over
        self._tickets: Final = count()
        self._waiting: list[HeapEntry] = []  # by due time
        self._ready: list[HeapEntry] = []  # the worst first
        self._ripe: set[str] = set()  # those that have their valid entry there

    def __contains__(self, delivery_id: str) -> bool:
        return delivery_id in self._lane_of

    def add(
        self, delivery_id: str, lane: str, rank: int, due_s: float, order: int = 0, now_s: float = LONG_AGO
    ) -> None:
        """Put a delivery into its lane, behind those of the same or a lower `order` and whatever is on its way."""
        queue = self._lanes.setdefault(lane, deque())
        taken = 1 if queue and queue[0] not in self._ticket else 0
        at = len(queue)
        while at > taken and self._order[queue[at - 1]] > order:
            at -= 1
        if at == 0 and queue:
            self.hold(queue[0])  # no longer the head
            self._moved.add(queue[0])
        queue.insert(at, delivery_id)
        self._lane_of[delivery_id], self._rank[delivery_id], self._order[delivery_id] = lane, rank, order
        self.set_due(delivery_id, due_s, now_s)

    def set_due(self, delivery_id: str, due_s: float, now_s: float = LONG_AGO) -> None:
        """When it may go; also gives a taken delivery back, behind those before it that came back meanwhile."""
        self._due[delivery_id] = due_s
        self._moved.add(delivery_id)
        queue = self._lanes[self._lane_of[delivery_id]]
        if queue[0] != delivery_id:
            return
        queue.popleft()
        earlier = sum(self._order[other] < self._order[delivery_id] for other in queue)
        queue.insert(earlier, delivery_id)
        self.hold(delivery_id)
        self._enter(queue[0], now_s)

    def release(self, delivery_ids: Iterable[str], now_s: float) -> None:
        """These are due now, the first of them first; none may be on its way. The others are left as they are."""
        for delivery_id in delivery_ids:
            self._due[delivery_id] = now_s
            self._moved.add(delivery_id)
            if delivery_id in self._ticket:
                self._ticket[delivery_id] = next(self._tickets)
        # At one go: to take thousands out of their place one by one would hold up everything else.
        self._waiting, self._ready, self._ripe = [], [], set()
        for delivery_id in self._ticket:
            heap, entry = self._place(delivery_id, now_s)
            heap.append(entry)
        heapq.heapify(self._waiting)
        heapq.heapify(self._ready)

    def due(self, now_s: float) -> int:
        """How many may be sent now."""
        return len(self.due_ids(now_s))

    def due_ids(self, now_s: float) -> Set[str]:
        """Which ones."""
        self._ripen(now_s)
        return self._ripe

    def remove(self, delivery_id: str) -> None:
        """Its way has ended; the next of its lane moves up."""
        lane = self._lane_of.pop(delivery_id)
        queue = self._lanes[lane]
        was_head = queue[0] == delivery_id  # else the head may be on its way, and must not be handed out again
        queue.remove(delivery_id)
        for table in (self._rank, self._due, self._order):
            del table[delivery_id]
        self.hold(delivery_id)
        if not queue:
            del self._lanes[lane]
        elif was_head:
            self._enter(queue[0])

    def take(self, now_s: float, early: Early | None = None) -> str | None:
        """The next delivery that may be sent now; it is out of the schedule until set_due or remove. Where none is due, the
        worst head of those that may be `early`.
        """
        self._ripen(now_s)
        while self._ready:
            _, ticket, delivery_id = heapq.heappop(self._ready)
            if self._ticket.get(delivery_id) == ticket:
                self.hold(delivery_id)
                return delivery_id
        if early is None:
            return None
        heads = [(-self._rank[one], ticket, one) for one, ticket in self._ticket.items() if early(one)]
        _, _, worst = min(heads, default=(0, 0, None))
        if worst is not None:
            self.hold(worst)
        return worst

    def hold(self, delivery_id: str) -> None:
        """Take this one out, due or not: somebody sends it."""
        self._ticket.pop(delivery_id, None)
        self._ripe.discard(delivery_id)

    def next_due_s(self, now_s: float, early: Early | None = None) -> float | None:
        """When `take` has something: now or earlier, later, or None for nothing scheduled."""
        self._ripen(now_s)
        if early is not None and any(map(early, self._ticket)):
            return now_s
        if self._ripe:
            return now_s
        return self._waiting[0][0] if self._waiting else None

    def head_of(self, delivery_id: str) -> str:
        """The delivery that must go before this one, or itself."""
        return self._lanes[self._lane_of[delivery_id]][0]

    def due_s(self, delivery_id: str) -> float:
        return self._due[delivery_id]

    def due_as_head_s(self, delivery_id: str) -> float:
        """Of one that is the head of its lane; inf for any other."""
        lane = self._lane_of.get(delivery_id)
        return self._due[delivery_id] if lane is not None and self._lanes[lane][0] == delivery_id else inf

    def _enter(self, delivery_id: str, now_s: float = LONG_AGO) -> None:
        self._ticket[delivery_id] = next(self._tickets)
        self._moved.add(delivery_id)
        heapq.heappush(*self._place(delivery_id, now_s))

    def _place(self, delivery_id: str, now_s: float) -> tuple[list[HeapEntry], HeapEntry]:
        """The heap that it belongs into, and its entry there."""
        ticket, due_s = self._ticket[delivery_id], self._due[delivery_id]
        if due_s <= now_s:
            self._ripe.add(delivery_id)
            return self._ready, (-self._rank[delivery_id], ticket, delivery_id)
        return self._waiting, (due_s, ticket, delivery_id)

    def _ripen(self, now_s: float) -> None:
        """Move what is due over, worst first; drop entries whose ticket has been replaced."""
        while self._waiting:
            due_s, ticket, delivery_id = self._waiting[0]
            valid = self._ticket.get(delivery_id) == ticket
            if valid and due_s > now_s:
                return
            heapq.heappop(self._waiting)
            if valid:
                heapq.heappush(*self._place(delivery_id, now_s))


class Schedules:
    """The schedule of each endpoint; `moved` as there."""

    def __init__(self, endpoints: Iterable[str], moved: Moved):
        self._of = {endpoint: Schedule(moved) for endpoint in endpoints}

    def __contains__(self, endpoint: str) -> bool:
        return endpoint in self._of

    def __getitem__(self, endpoint: str) -> Schedule:
        return self._of[endpoint]

    def of(self, delivery: Delivery) -> Schedule | None:
        """Where a pending delivery stands in line; None while it is not durable yet, or its endpoint is unknown."""
        schedule = self._of.get(delivery.endpoint)
        return schedule if schedule is not None and delivery.delivery_id in schedule else None

    def due_s(self, delivery: Delivery) -> float:
        """When the head of a lane may go; inf for what isn't one, since nobody can say."""
        schedule = self._of.get(delivery.endpoint)
        return inf if schedule is None else schedule.due_as_head_s(delivery.delivery_id)

    def due(self, now_s: float) -> int:
        """How many may be sent now."""
        return sum(schedule.due(now_s) for schedule in self._of.values())

    def due_ids(self, now_s: float) -> set[str]:
        """Which ones."""
        return set().union(*(schedule.due_ids(now_s) for schedule in self._of.values()))

    def enter(self, delivery: Delivery, due_s: float, now_s: float) -> None:
        """Put it in line, behind the earlier ones of its case; nowhere while its endpoint is unknown."""
        if (schedule := self._of.get(delivery.endpoint)) is not None:
            lane = delivery.case_id or delivery.delivery_id
            schedule.add(delivery.delivery_id, lane, rank(delivery.severity), due_s, delivery.seq or 0, now_s)
