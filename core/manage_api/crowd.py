"""Who may stay at a door when more come than it holds. Knows no HTTP: it is told who waits and who works."""

from collections import Counter
from collections.abc import Hashable
from typing import Final, Protocol

_MOST_UNSENT: Final = 32 * 1024 * 1024  # bytes at a door: ten of the largest lists


class Guest(Protocol):
    """A connection."""

    def unsent(self) -> int:
        """Bytes of answers that its caller hasn't taken yet."""

    def cut(self) -> None:
        """End it at once."""


class Crowd:
    """At most `most` connections. One that waits without a whole request makes room before one whose request is in work.

    Either way it goes who belongs to the caller who holds the most: of those that wait, the longest waiting; of those in
    work, the slowest taker of its answer. So neither silence nor haste of one caller shuts out another, and of the same
    caller the newcomer gets in, unless all others are at work and none of them is late in taking what it asked for.
    """

    def __init__(self, most: int):
        self._most = most
        self._waiting: dict[Guest, Hashable] = {}  # in the order in which they began to wait
        self._callers: dict[Guest, Hashable] = {}

    def enter(self, guest: Guest, caller: Hashable) -> None:
        """Somebody is cut where the door is full, perhaps the newcomer itself."""
        self._callers[guest] = self._waiting[guest] = caller
        if len(self._callers) > self._most:
            self._first_to_go(guest).cut()

    def leave(self, guest: Guest) -> None:
        self._callers.pop(guest, None)
        self._waiting.pop(guest, None)

    def works(self, guest: Guest) -> None:
        self._waiting.pop(guest, None)

    def waits(self, guest: Guest) -> None:
        """One that waits already keeps its place."""
        if guest in self._callers:
            self._waiting.setdefault(guest, self._callers[guest])

    def go_home(self) -> None:
        """Cut all that hold nothing but a place."""
        for guest in tuple(self._waiting):
            if not guest.unsent():
                guest.cut()

    def lighten(self) -> None:
        """Where too much of all answers waits to be taken, cut the slowest taker of the caller who leaves the most; not one who
        is alone in that.
        """
        unsent = {guest: size for guest in self._callers if (size := guest.unsent())}
        if len(unsent) > 1 and sum(unsent.values()) > _MOST_UNSENT:
            left: Counter[Hashable] = Counter()
            for guest, size in unsent.items():
                left[self._callers[guest]] += size
            [(caller, _)] = left.most_common(1)
            max((one for one in unsent if self._callers[one] == caller), key=unsent.__getitem__).cut()

    def _first_to_go(self, newcomer: Guest) -> Guest:
        held = Counter(self._callers.values())
        crowding = max(self._waiting.values(), key=held.__getitem__)
        waiting = [one for one, caller in self._waiting.items() if caller == crowding and one is not newcomer]
        if waiting:
            return next((one for one in waiting if not one.unsent()), waiting[0])  # who still takes an answer goes last
        crowding = max(self._callers.values(), key=held.__getitem__)
        working = [one for one, caller in self._callers.items() if caller == crowding and one is not newcomer]
        slowest = max(working, key=lambda one: one.unsent())
        return slowest if slowest.unsent() or crowding != self._callers[newcomer] else newcomer
