"""GET /api/manage/stream: what changes, as server-sent events, to a few callers at once; a caller who was away resumes.

Looks once a second while anybody listens, and costs nothing else. A stream ends with the login that opened it. A slow caller holds nothing up: he misses what he is too
slow for, and is told so.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Final, Literal

from msgspec import Struct

from core import __version__
from core.clock import Clock
from core.manage_api.changes import Changed
from core.manage_api.event_ring import EventRing, event
from core.manage_api.problems import RequestError
from core.manage_api.table import Call, Reply, Route, Scope
from core.wire_stream import StreamHello, StreamReset

LOOK_S: Final = 1.0
HEARTBEAT_S: Final = 15.0
MOST_STREAMS: Final = 16
MOST_BY_TCP: Final = 8  # of those; the rest is for two users of the socket
MOST_OF_ONE: Final = 4  # caller
# Then it ends, and the caller comes back by himself: what a line that died without a word held is free again.
LONGEST_S: Final = 600.0
# Without a blank line behind them: some clients take that for the end of an empty event.
_RETRY: Final = b"retry: 3000\n"
_HEARTBEAT: Final = b":\n"


def _new_ring() -> EventRing:
    return EventRing(secrets.token_hex(4))


class Resumption(Struct, frozen=True, kw_only=True, rename="kebab"):
    """The header by which a caller says what he has got."""

    last_event_id: str | None = None


class Stream:
    """`look` gives what changed since it was called last."""

    def __init__(self, look: Callable[[], Iterable[Changed]], clock: Clock, longest_s: float = LONGEST_S):
        self._changes, self._clock, self._longest_s = look, clock, longest_s
        self._ring = _new_ring()
        self._callers: Counter[tuple[str, str]] = Counter()  # who has how many open, and where he came from
        self._wanted = asyncio.Event()
        self._bell = asyncio.Event()
        self._runs = False

    async def run(self) -> None:
        """Look and tell until cancelled; every stream ends with it."""
        self._runs, self._ring = True, _new_ring()  # what a look that failed had found is lost: no id holds any more
        try:
            while True:
                await self._wanted.wait()
                self._look()
                await self._clock.sleep(LOOK_S)
        finally:
            self._runs = False
            self._wake()

    def _look(self) -> None:
        for name, item in self._changes():
            self._ring.add(name, item)
        self._wake()

    def _wake(self) -> None:
        bell, self._bell = self._bell, asyncio.Event()
        bell.set()

    async def open(self, call: Call) -> Reply:
        """Raises RequestError 503 `too_many_streams`."""
        assert isinstance(call.headers, Resumption)
        actor = call.actor
        events = self._events(call.headers.last_event_id, (actor.via or actor.name, call.origin), call.holds)
        await anext(events)  # from here on it has its place, and gives it back however it ends
        return Reply(content=events, headers={"cache-control": "no-store", "x-accel-buffering": "no"})

    def _check_place(self, caller: tuple[str, str]) -> None:
        by_tcp = sum(number for (_, origin), number in self._callers.items() if origin != "socket")
        if self._callers[caller] >= MOST_OF_ONE:
            detail = f"{MOST_OF_ONE} streams of this caller are open already."
        elif self._callers.total() >= MOST_STREAMS or (caller[1] != "socket" and by_tcp >= MOST_BY_TCP):
            detail = f"{self._callers.total()} streams are open already."
        else:
            return
        raise RequestError(503, "too_many_streams", detail, headers={"retry-after": "30"})

    async def _events(
        self, last_id: str | None, caller: tuple[str, str], holds: Callable[[], bool]
    ) -> AsyncGenerator[bytes]:
        self._check_place(caller)
        self._callers[caller] += 1
        try:
            self._wanted.set()  # who looks runs before this one's caller is greeted
            yield b""
            began_s = spoke_s = self._clock.steady()
            ring, (at, piece) = self._ring, self._greeting(last_id)
            yield _RETRY + piece
            while self._goes_on(ring, began_s) and holds():
                at, piece = self._after(at)
                if not piece and self._clock.steady() - spoke_s >= HEARTBEAT_S:
                    piece = _HEARTBEAT
                if piece:
                    yield piece
                    spoke_s = self._clock.steady()
                else:
                    await self._bell.wait()
        finally:
            self._callers -= Counter([caller])
            if not self._callers:
                self._wanted.clear()

    def _goes_on(self, ring: EventRing, began_s: float) -> bool:
        return self._runs and self._ring is ring and self._clock.steady() - began_s < self._longest_s

    def _greeting(self, last_id: str | None) -> tuple[int, bytes]:
        """Where a caller begins, and what he is told of that: nothing, where he just goes on."""
        if last_id is None:
            hello = StreamHello(version=__version__, heartbeat_s=HEARTBEAT_S)
            return self._ring.last, event("hello", hello, self._ring.id_of(self._ring.last))
        at = self._ring.number_of(last_id)
        return self._reset("unknown_id") if at is None else (at, b"")

    def _after(self, number: int) -> tuple[int, bytes]:
        return self._ring.after(number) or self._reset("fallen_behind")

    def _reset(self, reason: Literal["unknown_id", "fallen_behind"]) -> tuple[int, bytes]:
        last = self._ring.last
        return last, event("reset", StreamReset(reason=reason), self._ring.id_of(last))


def stream_routes(stream: Stream) -> tuple[Route, ...]:
    return (
        Route(
            method="GET",
            path="/api/manage/stream",
            scope=Scope.READ,
            handler=stream.open,
            summary="What changes, as server-sent events: hello, reset; case, retry, cabinet, endpoint, status",
            answer=str,
            media_type="text/event-stream",
            headers=Resumption,
            refusals={503: ("too_many_streams",)},
        ),
    )
