"""Who may stay at a door when more come than it holds. Knows no HTTP: it is told who waits and who works."""

from collections import Counter
from collections.abc import Hashable
from typing import Protocol


class Guest(Protocol):
    """A connection."""

    def unsent(self) -> int:
        """Bytes of answers that its caller hasn't taken yet."""

    def cut(self) -> None:
        """End it at once."""


class Crowd:
    """At most `most` connections. One that waits without a whole request makes room; one whose request is in work stays.

    Of those that wait, the one goes that has waited longest among those of the caller who holds the most: so neither
    silence nor haste of one address shuts out another, and on the same address the newcomer gets in.
    """

    def __init__(self, most: int):
        self._most = most
        self._waiting: dict[Guest, Hashable] = {}  # in the order in which they began to wait
        self._callers: dict[Guest, Hashable] = {}

    def enter(self, guest: Guest, caller: Hashable) -> None:
        """Somebody is cut where the door is full; it is the newcomer itself where all others work."""
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

    def _first_to_go(self, newcomer: Guest) -> Guest:
        held = Counter(self._waiting.values())
        crowding = max(held, key=held.__getitem__)
        first = newcomer
        for guest, caller in self._waiting.items():
            if caller == crowding and guest is not newcomer:
                if not guest.unsent():
                    return guest
                first = guest if first is newcomer else first
        return first  # whoever still takes an answer goes last
