"""uvicorn's HTTP/1.1 protocol at each of the two doors: the socket's tells who calls, TCP's limits what strangers hold."""

import asyncio
import socket
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from core.manage_api.peers import PEER, read_peer

TCP_CALLERS: Final = 64
_CONNECTIONS: Final = 2 * TCP_CALLERS  # of each door; without a cap they would use up the sensors' descriptors
_HEAD_S: Final = 10.0
_BODY_S: Final = 30.0


class SocketProtocol(H11Protocol):
    """Puts the peer's credentials into the state of each request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        connection: socket.socket = transport.get_extra_info("socket")
        self.app_state = {**self.app_state, PEER: read_peer(connection)}
        super().connection_made(transport)
        if len(self.connections) > _CONNECTIONS:
            transport.abort()


class TcpProtocol(H11Protocol):
    """Closes a connection whose request doesn't arrive in time, and any beyond the cap.

    uvicorn has no deadline before the first whole head, and its own limit answers 503 but closes nothing.
    """

    def __init__(self, *args: Any, head_s: float = _HEAD_S, body_s: float = _BODY_S, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._head_s, self._body_s = head_s, body_s
        self._deadline: asyncio.TimerHandle | None = None
        self._awaited: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > _CONNECTIONS:
            transport.abort()
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_watch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """One deadline for the head and one for the body of each request; trickling bytes doesn't move it."""
        state = self.conn.their_state
        if state not in (h11.IDLE, h11.SEND_BODY):
            self._stop_watch()
        elif self._awaited is not state:
            self._stop_watch()
            self._awaited = state
            seconds = self._head_s if state is h11.IDLE else self._body_s
            self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _stop_watch(self) -> None:
        self._awaited = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
