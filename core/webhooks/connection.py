"""One HTTP/1.1 connection: bytes in and out of a socket, and what h11 makes of them. Knows no endpoint and no deadline."""

import asyncio
import select
from typing import Final, cast

import h11
import httpx

HEAD_MAX: Final = 16 * 1024  # of one answer's status line and headers
INTERIM_MAX: Final = 16  # answers 1xx before the real one
_PIECE: Final = 1024  # h11 measures a head only between two pieces of it
_BUFFERED_MAX: Final = 64 * 1024
_GONE: Final = select.POLLRDHUP | select.POLLHUP | select.POLLERR

Parsed = h11.Response | h11.InformationalResponse | h11.Data | h11.EndOfMessage


class Connection(asyncio.Protocol):
    """Sends one request at a time. Whoever breaks off in the middle of one must `abort`: such a connection is never
    `reusable`.
    """

    def __init__(self) -> None:
        self.idle_since_s = 0.0
        self.closed = asyncio.Event()
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_MAX)
        self._transport: asyncio.Transport | None = None
        self._arrived = bytearray()
        self._ended = self._paused = self._heard = False
        self._lost: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._poll = select.poll()

    # -- what asyncio tells ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        # Under TLS bytes may wait that belong to no answer, such as a session ticket.
        wanted = _GONE if transport.get_extra_info("ssl_object") else _GONE | select.POLLIN
        self._poll.register(transport.get_extra_info("socket").fileno(), wanted)

    def data_received(self, data: bytes) -> None:
        self._arrived += data
        if len(self._arrived) > _BUFFERED_MAX and not self._paused and self._transport is not None:
            self._transport.pause_reading()
            self._paused = True
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended, self._lost = True, exc
        self.closed.set()
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    # -- for the pool ----------------------------------------------------------------------------------------------

    @property
    def reusable(self) -> bool:
        """Between two requests, with nothing from the other end that no request has asked for, and not closed by it."""
        if self._ended or self._arrived or self._http.trailing_data[0]:
            return False
        return self._http.our_state is h11.IDLE and not self._poll.poll(0)

    def abort(self) -> None:
        """At once, and what was not sent is dropped; `closed` follows."""
        if self._transport is None:
            self.closed.set()
        else:
            self._transport.abort()

    # -- one request and its answer --------------------------------------------------------------------------------

    def send(self, request: httpx.Request, body: bytes) -> None:
        """In one piece. Raises httpx.LocalProtocolError for what can't be put into HTTP."""
        assert self._transport is not None
        if (data := self._worded(request, body)) is None:
            raise httpx.LocalProtocolError("the request can't be put into HTTP")
        self._heard = False
        self._transport.write(data)

    def _worded(self, request: httpx.Request, body: bytes) -> bytes | None:
        """None, and not the error: h11's words show the header that it refuses, which may be a secret."""
        target, headers = request.url.raw_path, request.headers.raw
        try:
            head = self._http.send(h11.Request(method=request.method, target=target, headers=headers))
            data = self._http.send(h11.Data(data=body))
            self._http.send(h11.EndOfMessage())
        except h11.LocalProtocolError:
            return None
        return (head or b"") + (data or b"")

    async def head(self) -> h11.Response:
        """Status and headers. Raises httpx.ReadError or httpx.RemoteProtocolError."""
        for _ in range(INTERIM_MAX + 1):
            found = await self._next()
            if isinstance(found, h11.Response):
                return found
        raise httpx.RemoteProtocolError("too many interim answers")

    async def part(self) -> bytes | None:
        """The next bytes of the body, None at its end. Raises as `head` does."""
        found = await self._next()
        if isinstance(found, h11.Data):
            return bytes(found.data)
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        return None

    async def _next(self) -> Parsed:
        try:
            while (found := self._http.next_event()) is h11.NEED_DATA:
                await self._feed()
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        if isinstance(found, Parsed):
            return found
        raise httpx.RemoteProtocolError("another protocol was switched to")

    async def _feed(self) -> None:
        """Hand h11 the next piece of what has arrived, or wait for it."""
        if self._arrived:
            self._heard = True
            self._http.receive_data(bytes(self._arrived[:_PIECE]))
            del self._arrived[:_PIECE]
            if self._paused and not self._arrived and self._transport is not None:
                self._transport.resume_reading()
                self._paused = False
        elif self._ended:
            if self._lost is not None or not self._heard:
                raise httpx.ReadError("connection lost") from self._lost
            self._http.receive_data(b"")
        else:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
