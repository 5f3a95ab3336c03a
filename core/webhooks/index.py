"""What is asked of the deliveries all the time, kept as they change, so that nobody has to look through them all. Pure.

Where each one lies (by status and endpoint: a count is the length of a shelf), what is on its way, what is critical and
undelivered, how many undelivered each case has, and all orders: of creation and of the last change as they come, those of
the undelivered as somebody may look at them (`orders`).
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Final

from core.events import Severity
from core.webhooks.deliveries import UNDELIVERED, Status, Trigger
from core.webhooks.entry import Entry, place_of
from core.webhooks.orders import KEYS, Orders
from core.wire_windows import Order

GAPS_KEPT: Final = 1000  # what has left an order is swept out when it is as much as what is there, and more than this

RARE: Final = 10  # to sort so many times fewer is quicker than to pass by all others

Shelf = dict[str, Entry]


class ByCreation:
    """In the order of `created_at`, which a clock that is set back may give to a later one; of the same moment by id."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._gone: set[str] = set()

    def add(self, entry: Entry) -> None:
        if self._gone and entry.delivery.delivery_id in self._gone:
            self._sweep()
        if self._entries and place_of(self._entries[-1]) > place_of(entry):
            self._entries.insert(bisect_left(self._entries, place_of(entry), key=place_of), entry)
        else:
            self._entries.append(entry)

    def remove(self, entry: Entry) -> None:
        self._gone.add(entry.delivery.delivery_id)
        if len(self._gone) > max(GAPS_KEPT, len(self._entries) // 2):
            self._sweep()

    def after(self, behind: tuple[datetime, str] | None) -> Iterator[Entry]:
        """All, or those behind this place."""
        first = 0 if behind is None else bisect_right(self._entries, behind, key=place_of)
        found = map(self._entries.__getitem__, range(first, len(self._entries)))
        return (one for one in found if one.delivery.delivery_id not in self._gone) if self._gone else found

    def _sweep(self) -> None:
        self._entries = [one for one in self._entries if one.delivery.delivery_id not in self._gone]
        self._gone.clear()


class ByChange:
    """In the order of `n`. One that changes again stands behind all others; where it stood is a gap."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._entries: list[Entry | None] = []
        self._gaps = 0

    def add(self, entry: Entry, *, again: bool) -> None:
        """Its number is the highest of all; `again` where it has stood here before."""
        self._numbers.append(entry.n)
        self._entries.append(entry)
        if again:
            self._gap()

    def remove(self, entry: Entry) -> None:
        self._entries[bisect_left(self._numbers, entry.n)] = None
        self._gap()

    def after(self, n: int) -> Iterator[Entry]:
        """Those that changed after number `n`."""
        for at in range(bisect_right(self._numbers, n), len(self._numbers)):
            entry = self._entries[at]
            if entry is not None and entry.n == self._numbers[at]:
                yield entry

    def _gap(self) -> None:
        self._gaps += 1
        if self._gaps > max(GAPS_KEPT, len(self._numbers) // 2):
            left = list(self.after(-1))
            self._numbers, self._entries, self._gaps = [one.n for one in left], [*left], 0


class Index:
    """Told of every step by whoever takes it. `orders` are of the same deliveries."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.by_creation, self.by_change = ByCreation(), ByChange()
        self.flying: Shelf = {}
        self.critical: Shelf = {}  # and undelivered, in the order in which they came in
        self._shelves: dict[Status, defaultdict[str, Shelf]] = {status: defaultdict(dict) for status in Status}
        self._of_cases: dict[Status, Counter[str]] = {status: Counter() for status in UNDELIVERED}

    # -- steps -----------------------------------------------------------------------------------------------------

    def fill(self, entries: Iterable[Entry]) -> None:
        """Those that are there at the start."""
        loaded = sorted(entries, key=lambda one: one.n)
        for entry in loaded:
            self.by_change.add(entry, again=False)
        for entry in sorted(loaded, key=place_of):
            self.by_creation.add(entry)
        for entry in sorted(
            loaded, key=lambda one: -one.delivery.age_s if one.delivery.status is Status.PENDING else 0
        ):
            self._put(entry)

    def add(self, entry: Entry) -> None:
        """One more is there."""
        self.by_creation.add(entry)
        self.by_change.add(entry, again=False)
        self._put(entry)
        self.orders.touch(entry)

    def changed(self, entry: Entry, before: Status) -> None:
        """It was written down again; its status was `before`."""
        self.by_change.add(entry, again=True)
        if entry.delivery.status is not before:
            self._take(entry, before)
            self._put(entry)
        self.orders.touch(entry)

    def remove(self, entry: Entry) -> None:
        """It is no longer there. It had ended before."""
        self.by_creation.remove(entry)
        self.by_change.remove(entry)
        if entry.place.status in UNDELIVERED:
            self.orders.follow()
        self._take(entry, entry.delivery.status)

    def sets_out(self, entry: Entry, trigger: Trigger) -> None:
        entry.in_flight = trigger
        self.flying[entry.delivery.delivery_id] = entry

    def is_back(self, entry: Entry) -> None:
        entry.in_flight = None
        self.flying.pop(entry.delivery.delivery_id, None)

    def _put(self, entry: Entry) -> None:
        delivery = entry.delivery
        self._shelves[delivery.status][delivery.endpoint][delivery.delivery_id] = entry
        if delivery.status not in UNDELIVERED:
            return
        if delivery.severity is Severity.CRITICAL:
            self.critical[delivery.delivery_id] = entry
        if delivery.case_id is not None:
            self._of_cases[delivery.status][delivery.case_id] += 1

    def _take(self, entry: Entry, status: Status) -> None:
        delivery = entry.delivery
        del self._shelves[status][delivery.endpoint][delivery.delivery_id]
        if delivery.status not in UNDELIVERED:
            self.critical.pop(delivery.delivery_id, None)
        if status in UNDELIVERED and delivery.case_id is not None:
            of_cases = self._of_cases[status]
            of_cases[delivery.case_id] -= 1
            if not of_cases[delivery.case_id]:
                del of_cases[delivery.case_id]

    # -- looking ---------------------------------------------------------------------------------------------------

    def of(self, status: Status, endpoint: str | None = None) -> Iterator[Entry]:
        """Of an endpoint in the order in which they came to this status."""
        return chain.from_iterable(shelf.values() for shelf in self._of(status, endpoint))

    def created(self, statuses: Iterable[Status], behind: tuple[datetime, str] | None) -> Iterator[Entry]:
        """At least those of these statuses behind this place, in the order of creation."""
        few = [status for status in Status if status in statuses]
        if RARE * sum(map(self.count, few)) > sum(self.counts().values()):
            return self.by_creation.after(behind)
        found = sorted(chain.from_iterable(map(self.of, few)), key=place_of)
        return (one for one in found if behind is None or place_of(one) > behind)

    def ordered(self, status: Status, order: Order) -> Sequence[Entry]:
        """All of this status; what has ended, of which there are few, is sorted here and now."""
        if status in UNDELIVERED:
            return self.orders.of(status, order)
        self.orders.follow()
        return sorted(self.of(status), key=KEYS[order])

    def count(self, status: Status, endpoint: str | None = None) -> int:
        return sum(map(len, self._of(status, endpoint)))

    def of_case(self, status: Status, case_id: str) -> int:
        """How many undelivered ones of this status the case has."""
        return self._of_cases[status][case_id]

    def counts(self) -> dict[Status, int]:
        return {status: self.count(status) for status in Status}

    def pending(self) -> dict[str, int]:
        """How many of each endpoint that has any."""
        return {endpoint: len(shelf) for endpoint, shelf in self._shelves[Status.PENDING].items() if shelf}

    def eldest(self, endpoint: str | None = None) -> list[Entry]:
        """Of each endpoint, or of this one, the pending delivery that its clock counts longest: it came in first, or was
        queued again first, for each is new when it comes in.
        """
        return [next(iter(shelf.values())) for shelf in self._of(Status.PENDING, endpoint) if shelf]

    def _of(self, status: Status, endpoint: str | None) -> Iterable[Shelf]:
        shelves = self._shelves[status]
        return shelves.values() if endpoint is None else (shelves.get(endpoint, {}),)
