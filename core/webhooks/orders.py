"""The undelivered in the orders in which somebody may look at them, each status for itself: any stretch is found at once. Pure.

They follow what changes a little later, and never much at once: most deliveries come and go within a moment, and need no
place for that.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from math import inf
from typing import Any, Final

from sortedcontainers import SortedKeyList

from core.webhooks.deliveries import UNDELIVERED, Delivery, Status
from core.webhooks.entry import Entry, Place, place_of
from core.wire_windows import Order

LATER: Final = 128  # changes may wait
AT_ONCE: Final = 16  # are followed, at some 20 us each, with a change while too many wait


def _next(entry: Entry) -> tuple[float, Any, str]:
    """Of those alike, which may be very many, by creation."""
    return entry.place.due_s, entry.delivery.created_at, entry.delivery.delivery_id


def _changed(entry: Entry) -> int:
    return entry.place.n


KEYS: Final[dict[Order, Callable[[Entry], Any]]] = {"next": _next, "created": place_of, "changed": _changed}


class Moved:
    """The ids of those that may stand elsewhere than before, the first of them first; `count` rises with each."""

    def __init__(self) -> None:
        self.ids: dict[str, None] = {}
        self.count = 0

    def add(self, delivery_id: str) -> None:
        self.ids[delivery_id] = None
        self.count += 1


class Orders:
    """Of `entries`, by id. To `moved` the schedule adds those that it gives another due time, and `touch` what is written down.
    `due_s` says when one goes next by itself, inf while nobody can say.
    """

    def __init__(self, entries: Mapping[str, Entry], moved: Moved, due_s: Callable[[Delivery], float]):
        self._entries, self.moved, self._due_s = entries, moved, due_s
        self._of = {status: {order: SortedKeyList(key=key) for order, key in KEYS.items()} for status in UNDELIVERED}

    def fill(self) -> None:
        """With all that are there, at one go."""
        self.moved.ids.clear()
        for entry in self._entries.values():
            entry.place = self._place(entry)
        for status, orders in self._of.items():
            for kept in orders.values():
                kept.clear()
                kept.update(entry for entry in self._entries.values() if entry.place.status is status)

    def touch(self, entry: Entry) -> None:
        """It is new, or has changed."""
        self.moved.add(entry.delivery.delivery_id)
        if self.behind:
            self.follow(AT_ONCE)

    def of(self, status: Status, order: Order) -> Sequence[Entry]:
        """All of an undelivered status."""
        self.follow()
        found: Sequence[Entry] = self._of[status][order]
        return found

    @property
    def behind(self) -> bool:
        """Whether so many changes wait that to follow them all at once would hold everything else up."""
        return len(self.moved.ids) > LATER

    def follow(self, most: int | None = None) -> None:
        """Put everything where it belongs by now, or so many."""
        for delivery_id in list(islice(self.moved.ids, most)):
            del self.moved.ids[delivery_id]
            if (entry := self._entries.get(delivery_id)) is not None:
                self._shift(entry, self._place(entry))

    def _place(self, entry: Entry) -> Place:
        status = entry.delivery.status
        return Place(status, self._due_s(entry.delivery) if status is Status.PENDING else inf, entry.n)

    def _shift(self, entry: Entry, now: Place) -> None:
        was = entry.place
        orders = list(_otherwise(was, now))
        if was.status in self._of:
            for order in orders:
                self._of[was.status][order].remove(entry)
        entry.place = now
        if now.status in self._of:
            for order in orders:
                self._of[now.status][order].add(entry)


def _otherwise(was: Place, now: Place) -> Iterator[Order]:
    """The orders that it stands otherwise in."""
    if was.status is not now.status:
        yield from KEYS
        return
    if was.due_s != now.due_s:
        yield "next"
    if was.n != now.n:
        yield "changed"
