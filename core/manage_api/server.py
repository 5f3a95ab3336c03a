"""Serves the manage API at two doors in one loop: the Unix socket, and TCP where it is configured.

Each door has a server and limits of its own, so neither suffers from the other's crowd; TCP may be under TLS. Signals are
left alone; a TCP port that is taken, or a disk on which no socket can be made any more, stops nothing.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.clock import Clock
from core.journal import SICK_DISK
from core.manage_api.crowd import Crowd
from core.manage_api.listeners import BACKLOG, listen_on_socket, listen_on_tcp, remove_socket
from core.manage_api.problems import RequestError, new_request_id, problem_answer
from core.manage_api.protocols import CONNECTIONS, HANDSHAKE_S, HEAD_BYTES, SocketProtocol, TcpProtocol, TlsProtocol
from core.manage_api.throttle import Throttle

_log = logging.getLogger(__name__)

_RETRY_S: Final = 10.0
# Under the 3 s in which a stop must be done; what still runs then is cancelled.
_GRACE_S: Final = 2
# Longer than anybody's usual time between two questions: a connection that is closed in the moment in which it is used
# again costs the caller that request.
_KEPT_S: Final = 75
_LAST_BREATH_S: Final = 0.5
_ACCEPTED_AT_ONCE: Final = 4  # in one turn of the loop, which is shared with the monitoring


class ManageServer:
    """`listen` is "host:port" or None. `tcp_address` is where TCP is open; the problems say why a door isn't."""

    def __init__(
        self,
        app: ASGIApp,
        socket_path: Path,
        listen: str | None,
        group: str,
        clock: Clock,
        tls: ssl.SSLContext | None = None,
    ):
        self.socket_problem: str | None = None
        self.tcp_problem: str | None = None
        self.tcp_address: tuple[str, int] | None = None
        self.ready = asyncio.Event()
        self._path, self._listen, self._group, self._clock = socket_path, listen, group, clock
        self._socket_door = _Door(app, SocketProtocol)
        spoken = partial(TcpProtocol, throttle=Throttle(clock))
        self._tcp_door = _Door(app, spoken if tls is None else partial(_under_tls, spoken, tls))
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Serve until `stop` or until cancelled. `ready` is set once the socket takes connections, or can't be made.

        Raises ConfigError for a group that can't be used, OSError where the socket can't be made on a sound disk.
        """
        listener = self._try_socket(SICK_DISK)
        try:
            async with asyncio.TaskGroup() as doors:
                local = doors.create_task(self._serve_socket(listener))
                tcp = doors.create_task(self._serve_tcp())
                self.ready.set()
                await self._stopping.wait()
                self._socket_door.should_exit = self._tcp_door.should_exit = True
                if self.tcp_address is None:
                    tcp.cancel()
                if self.socket_problem is not None:
                    local.cancel()
        finally:
            with suppress(OSError):  # a disk that gave out meanwhile
                remove_socket(self._path)

    def stop(self) -> None:
        """Close both doors; `run` returns at once where all connections are idle, else within 3 s."""
        self._stopping.set()

    async def _serve_socket(self, listener: socket.socket | None) -> None:
        while listener is None:
            await self._clock.sleep(_RETRY_S)
            listener = self._try_socket(None)
        await self._socket_door.serve_on(listener)

    def _try_socket(self, excused: Container[int] | None) -> socket.socket | None:
        """None where it can't be made for an excused reason, or any where `excused` is None."""
        try:
            listener = listen_on_socket(self._path, self._group)
        except OSError as error:
            if excused is not None and error.errno not in excused:
                raise
            if self.socket_problem is None:
                _log.warning("the manage API's socket can't be made (%s)", error.strerror)
            self.socket_problem = f"{self._path.name} can't be made ({error.strerror})"
            return None
        self.socket_problem = None
        return listener

    async def _serve_tcp(self) -> None:
        if self._listen is None:
            return
        while (listener := await self._try_tcp(self._listen)) is None:
            await self._clock.sleep(_RETRY_S)
        host, port = listener.getsockname()[:2]
        self.tcp_address = (str(host), int(port))
        try:
            await self._tcp_door.serve_on(listener)
        finally:
            self.tcp_address = None

    async def _try_tcp(self, listen: str) -> socket.socket | None:
        try:
            listener = await listen_on_tcp(listen)
        except OSError as error:
            problem = f"{listen} can't be used ({error.strerror})"
            if problem != self.tcp_problem:
                _log.warning("the manage API's TCP port: %s", problem)
            self.tcp_problem = problem
            return None
        _log.info("the manage API is open on %s", listen)
        self.tcp_problem = None
        return listener


class _Door(uvicorn.Server):
    """A uvicorn server that leaves signals alone and whatever ends it leaves nothing open."""

    def __init__(self, app: ASGIApp, protocol: Callable[..., Any]):
        self._crowd = Crowd(CONNECTIONS)
        super().__init__(
            uvicorn.Config(
                _answering_when_cancelled(app),
                http=partial(protocol, crowd=self._crowd),  # type: ignore[arg-type]  # it is only ever called
                interface="asgi3",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level=logging.ERROR,  # strangers must not be able to fill the log
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_S,
                timeout_keep_alive=_KEPT_S,
                backlog=_ACCEPTED_AT_ONCE,
                h11_max_incomplete_event_size=HEAD_BYTES,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # asyncio's `backlog` is both how many it accepts in a turn and how many may wait in the kernel.
        for listener in sockets or ():
            listener.listen(BACKLOG)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._crowd.go_home()
        await super().shutdown(sockets)

    async def serve_on(self, listener: socket.socket) -> None:
        try:
            await self.serve(sockets=[listener])
        finally:
            await self._close(listener)

    async def _close(self, listener: socket.socket) -> None:
        """What uvicorn leaves when it is cancelled, or when its grace is over."""
        for server in getattr(self, "servers", ()):
            server.close()
        listener.close()
        for task in tuple(self.server_state.tasks):
            task.cancel()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_LAST_BREATH_S)
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()


def _under_tls(
    spoken: Callable[..., TcpProtocol], tls: ssl.SSLContext, *, handshake_s: int = HANDSHAKE_S, **how: Any
) -> TlsProtocol:
    return TlsProtocol(spoken(**how), tls, handshake_s)


def _answering_when_cancelled(app: ASGIApp) -> ASGIApp:
    """uvicorn cancels a request only to stop; its caller gets an answer instead of a traceback in the log, unless he is in the
    middle of one: that just ends.
    """

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        began = False

        async def watched(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await app(scope, receive, watched)
        except asyncio.CancelledError:
            if not began:
                refusal = RequestError(503, "shutting_down", "The core is stopping.", headers={"connection": "close"})
                await problem_answer(refusal, new_request_id())(scope, receive, send)

    return answering
