"""uvicorn's HTTP/1.1 protocol at each of the two doors: both cut whoever doesn't take an answer, the socket's tells who calls,
TCP's limits what strangers hold.
"""

import asyncio
import math
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Hashable
from typing import Any, Final, cast

import h11
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.h11_impl import H11Protocol

from core.manage_api.crowd import Crowd
from core.manage_api.peers import PEER, read_peer
from core.manage_api.problems import malformed, new_request_id, problem_answer
from core.manage_api.throttle import Throttle, throttled

CONNECTIONS: Final = 128  # of each door; without a cap they would use up the sensors' descriptors
HEAD_BYTES: Final = 16 * 1024
_SLICE: Final = 1024
HANDSHAKE_S: Final = 10
_HEAD_S: Final = 10.0
_BODY_S: Final = 30.0
_PACE_S: Final = 10.0
_PACE_BYTES: Final = 10 * 1024  # in that time: what a poor mobile line still carries
_TLS_READ: Final = 16 * 1024


class _DoorProtocol(H11Protocol):
    """Has a place in the door's crowd, says whether it waits or works, and cuts a caller who keeps us waiting.

    uvicorn has no deadline for sending: an answer that nobody takes would stay in memory.
    """

    def __init__(self, *args: Any, crowd: Crowd, pace_s: float = _PACE_S, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._crowd = crowd
        self._line: asyncio.Transport | None = None
        self._patience_s = {"answer": pace_s}
        self._awaited: str | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._left: float = math.inf

    def arrive(self, line: asyncio.Transport, caller: Hashable) -> None:
        """`line` is the connection itself, under TLS not the one that HTTP is spoken on."""
        self._line = line
        self._crowd.enter(self, caller)

    def unsent(self) -> int:
        """What waits in our memory, under TLS in two places."""
        return sum(one.get_write_buffer_size() for one in {self._line, self.transport} if one is not None)

    def leave(self) -> None:
        self._crowd.leave(self)

    def cut(self) -> None:
        self.leave()
        if self._line is not None:
            self._line.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def handle_events(self) -> None:
        """The next request is begun once its caller has taken the last answer: else its own would lie in memory too."""
        if self.flow.write_paused:
            self.flow.pause_reading()
        else:
            super().handle_events()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look()
        self.loop.call_soon(self._crowd.lighten)  # not in the middle of a write

    def resume_writing(self) -> None:
        super().resume_writing()
        self.flow.resume_reading()
        self.handle_events()
        self._look()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own, as plain text
        answer = problem_answer(malformed(), new_request_id())
        head = h11.Response(status_code=answer.status_code, headers=answer.raw_headers)
        for event in (head, h11.Data(data=bytes(answer.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._set_deadline(None)
        self.leave()
        super().connection_lost(exc)

    def _look(self) -> None:
        if self._is_working():
            self._crowd.works(self)
        else:
            self._crowd.waits(self)
        if (awaited := self._what_is_awaited()) != self._awaited:
            self._set_deadline(awaited)

    def _is_working(self) -> bool:
        """Whether a whole request is there and its answer not yet."""
        arrived = self.conn.their_state in (h11.DONE, h11.MUST_CLOSE)
        return arrived and self.cycle is not None and not self.cycle.response_complete

    def _what_is_awaited(self) -> str | None:
        """Of the caller; nothing while we work."""
        return "answer" if self.transport.is_closing() or self.flow.write_paused else None

    def _set_deadline(self, awaited: str | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._awaited, self._left = awaited, math.inf
        self._deadline = None
        if awaited is not None:
            self._deadline = self.loop.call_later(self._patience_s[awaited], self._cut_unless_it_takes)

    def _cut_unless_it_takes(self) -> None:
        """Nobody is cut who takes an answer at a fair pace."""
        unsent = self.unsent()
        if not 0 < unsent <= self._left - _PACE_BYTES:
            self.cut()
            return
        self._left = unsent
        self._deadline = self.loop.call_later(self._patience_s["answer"], self._cut_unless_it_takes)


class SocketProtocol(_DoorProtocol):
    """Puts the peer's credentials into the state of each request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        connection: socket.socket = transport.get_extra_info("socket")
        peer = read_peer(connection)
        self.app_state = {**self.app_state, PEER: peer}
        super().connection_made(transport)
        self.arrive(transport, peer.uid)


class TcpProtocol(_DoorProtocol):
    """Cuts a caller whose request doesn't arrive in time, too; trickling doesn't help.

    uvicorn has no deadline before the first whole head, and its own limit answers 503 but closes nothing.
    """

    def __init__(self, *args: Any, throttle: Throttle, head_s: float = _HEAD_S, body_s: float = _BODY_S, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.app = cast("Any", throttled(cast("Any", self.app), throttle, self._refuse))
        self._patience_s |= {"head": head_s, "body": body_s}
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(HIGH_WATER_LIMIT)  # TLS would hold eight times as much
        if self._line is None:
            self.arrive(transport, caller_of(transport))
        self._look()

    def data_received(self, data: bytes) -> None:
        """A head comes in slices, for h11 measures only what is left over from a read."""
        while data and not self.transport.is_closing():
            size = _SLICE if self.conn.their_state is h11.IDLE else len(data)
            super().data_received(data[:size])
            data = data[size:]

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.app = cast("Any", None)  # knows us: what is a ring is left to the collector, which stops all loops

    def _refuse(self) -> None:
        self._refused = True
        self._look()

    def _is_working(self) -> bool:
        return super()._is_working() and not self._refused

    def _what_is_awaited(self) -> str | None:
        if (awaited := super()._what_is_awaited()) is not None:
            return awaited
        state = self.conn.their_state
        if state is h11.IDLE and self.cycle is not None and not self.conn.trailing_data[0]:
            return None  # between two requests uvicorn's own time runs
        return "head" if state is h11.IDLE else "body" if state is h11.SEND_BODY else None


class TlsProtocol(SSLProtocol):
    """TLS under `http`. Asyncio's own server would tell of a connection only after the handshake, too late for the cap."""

    max_size = _TLS_READ  # a buffer of each connection; a quarter of a megabyte by default

    def __init__(self, http: TcpProtocol, tls: ssl.SSLContext, handshake_s: int):
        super().__init__(
            http.loop,
            http,
            tls,
            cast("Any", None),  # nobody waits for the handshake
            server_side=True,
            ssl_handshake_timeout=handshake_s,
            ssl_shutdown_timeout=HANDSHAKE_S,
        )
        self._http = http

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._http.arrive(transport, caller_of(transport))
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._http.leave()
        super().connection_lost(exc)


def caller_of(transport: asyncio.BaseTransport) -> Hashable:
    """The address without the port; None for one that is gone already."""
    name = transport.get_extra_info("peername")
    return name[0] if name else None
