"""The newest events of this run, as the bytes of server-sent events, under running numbers. Bounded; knows no callers."""

import json
import re
from collections import deque
from itertools import islice
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

KEPT: Final = 1000
KEPT_BYTES: Final = 4 * 1024 * 1024
_PIECE_BYTES: Final = 64 * 1024
_ID: Final = re.compile(r"([0-9a-f]{1,32})\.([0-9]{1,18})", re.ASCII)


def event(name: str, item: Struct, event_id: str) -> bytes:
    """One event. Its data is JSON in ASCII on one line, so that no text in it can end a line of the stream."""
    data = json.dumps(msgspec.to_builtins(item), separators=(",", ":"))
    return f"id: {event_id}\nevent: {name}\ndata: {data}\n\n".encode("ascii")


class Piece(NamedTuple):
    """Some events in a row, the last of them number `upto`."""

    upto: int
    data: bytes


class EventRing:
    """Of one run. Its first event is number 1."""

    def __init__(self, run: str):
        self._run, self._events, self._size = run, deque[bytes](), 0
        self.last = 0

    def id_of(self, number: int) -> str:
        return f"{self._run}.{number}"

    def number_of(self, event_id: str) -> int | None:
        """None for an id that this run has not given."""
        found = _ID.fullmatch(event_id)
        if found is None or found[1] != self._run or int(found[2]) > self.last:
            return None
        return int(found[2])

    def add(self, name: str, item: Struct) -> None:
        """As the newest; the oldest make room."""
        self.last += 1
        made = event(name, item, self.id_of(self.last))
        self._events.append(made)
        self._size += len(made)
        while len(self._events) > KEPT or self._size > KEPT_BYTES:
            self._size -= len(self._events.popleft())

    def after(self, number: int) -> Piece | None:
        """The next events after this one, as many as go into one piece; None where they are no longer all there."""
        gone = self.last - len(self._events)
        if number < gone:
            return None
        size, chosen = 0, list[bytes]()
        for made in islice(self._events, number - gone, None):
            chosen.append(made)
            size += len(made)
            if size >= _PIECE_BYTES:
                break
        return Piece(number + len(chosen), b"".join(chosen))
