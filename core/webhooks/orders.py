"""The undelivered in the orders in which somebody may look at them, each status for itself: any stretch is found at once. Pure.

They follow some changes at a time: most deliveries come and go within a moment, and need no place for that.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from operator import itemgetter
from typing import Any, Final

from sortedcontainers import SortedKeyList

from core.webhooks.deliveries import UNDELIVERED, Delivery, Status
from core.webhooks.entry import Entry, Place, place_of
from core.wire_windows import Order

AT_ONCE: Final = 256  # changes, at 10 us each: nobody waits longer for an order
FEW: Final = 8  # so many times more are sorted anew as quickly as these are moved one by one


def _next(entry: Entry) -> tuple[float, Any, str]:
    """Of those alike, which may be very many, by creation."""
    return entry.place.due_s, entry.delivery.created_at, entry.delivery.delivery_id


def _changed(entry: Entry) -> int:
    return entry.place.n


KEYS: Final[dict[Order, Callable[[Entry], Any]]] = {"next": _next, "created": place_of, "changed": _changed}
_DECIDES: Final[dict[Order, Callable[[Place], Any]]] = {
    "next": itemgetter(0, 1),
    "created": itemgetter(0),
    "changed": itemgetter(0, 2),
}


class Orders:
    """Of `entries`, by id. `moved` are the ids of those that the schedule gave another due time: it adds to them, and what is
    written down is added by `touch`. `due_s` says when one goes next by itself, inf while nobody can say.
    """

    def __init__(self, entries: Mapping[str, Entry], moved: set[str], due_s: Callable[[Delivery], float]):
        self._entries, self._moved, self._due_s = entries, moved, due_s
        self._of = {status: {order: SortedKeyList(key=key) for order, key in KEYS.items()} for status in UNDELIVERED}
        self.version = 0  # another one whenever something may stand elsewhere

    def touch(self, entry: Entry) -> None:
        """It is new, or has changed."""
        self._moved.add(entry.delivery.delivery_id)
        if len(self._moved) >= AT_ONCE:
            self.catch_up()

    def touch_all(self, entries: Iterable[Entry]) -> None:
        """Very many at once, to be put in their places at one go."""
        self._moved.update(entry.delivery.delivery_id for entry in entries)

    def of(self, status: Status, order: Order) -> Sequence[Entry]:
        """All of an undelivered status."""
        self.catch_up()
        found: Sequence[Entry] = self._of[status][order]
        return found

    def catch_up(self) -> None:
        """Put everything where it belongs by now."""
        if not self._moved:
            return
        self.version += 1
        moved = [entry for one in self._moved if (entry := self._entries.get(one)) is not None]
        self._moved.clear()
        steps = [(entry, entry.place, self._place(entry)) for entry in moved]
        shifts = {
            order: [one for one in steps if decides(one[1]) != decides(one[2])] for order, decides in _DECIDES.items()
        }
        for order, shifted in shifts.items():
            for status, orders in self._of.items():
                _take(orders[order], [entry for entry, was, _ in shifted if was.status is status])
        for entry, _, now in steps:
            entry.place = now
        for order, shifted in shifts.items():
            for status, orders in self._of.items():
                orders[order].update([entry for entry, _, now in shifted if now.status is status])

    def _place(self, entry: Entry) -> Place:
        status = entry.delivery.status
        return Place(status, self._due_s(entry.delivery) if status is Status.PENDING else inf, entry.n)


def _take(kept: SortedKeyList, going: Sequence[Entry]) -> None:
    if len(going) * FEW < len(kept):
        for entry in going:
            kept.remove(entry)
        return
    gone = set(going)
    left = [entry for entry in kept if entry not in gone]
    kept.clear()
    kept.update(left)
