"""The way to receivers without a proxy: httpx's transport interface over connections of our own, which are kept.

httpx's own pool takes three times the time for each request, and gets slower with every connection. Nothing here follows,
retries or decompresses, and what an answer may hold is bounded (connection.py). No deadline but the one for connecting:
whoever asks puts theirs around it, and may cancel at any point.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx

from core.webhooks.connection import Connection

CONNECT_S: Final = 5.0
IDLE_S: Final = 15.0

Address = tuple[socket.AddressFamily, Any]
Resolver = Callable[[str, int], Awaitable[list[Address]]]
Origin = tuple[bytes, bytes, int]


async def look_up(host: str, port: int) -> list[Address]:
    """Through the system's resolver. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


class Transport(httpx.AsyncBaseTransport):
    """At most `connections` at once; one that was not used for `idle_s` is closed.

    A request's extension `timeout` may hold `connect`, the seconds for finding the host and connecting to it; its extension
    `connected` tells afterwards whether a new connection came about. Each answer must be closed, which frees its place.

    Raises httpx errors, an OSError as their cause where the system gave one.
    """

    def __init__(self, *, tls: ssl.SSLContext, connections: int, resolver: Resolver = look_up, idle_s: float = IDLE_S):
        self._tls, self._resolver, self._idle_s = tls, resolver, idle_s
        self._places = asyncio.Semaphore(connections)
        self._idle: list[tuple[Origin, Connection]] = []  # the one used last stands last
        self._sweep: asyncio.TimerHandle | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        origin, body = _origin(request.url), await request.aread()
        await self._places.acquire()
        connection: Connection | None = None
        try:
            connection = self._kept(origin) or await self._opened(origin, request)
            connection.send(request, body)
            head = await connection.head()
        except BaseException:
            self._give_back(origin, connection)
            raise
        return httpx.Response(
            head.status_code,
            headers=head.headers.raw_items(),
            stream=_Body(connection, lambda: self._give_back(origin, connection)),
            extensions={"http_version": b"HTTP/" + head.http_version, "reason_phrase": head.reason},
        )

    async def aclose(self) -> None:
        """What is kept. A request under way ends by its own deadline."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        while self._idle:
            _, connection = self._idle.pop()
            connection.abort()
            await connection.closed.wait()

    # -- the connections that are kept -------------------------------------------------------------------------------

    def _kept(self, origin: Origin) -> Connection | None:
        for index in range(len(self._idle) - 1, -1, -1):
            if self._idle[index][0] == origin:
                _, connection = self._idle.pop(index)
                if connection.reusable:
                    return connection
                connection.abort()
        return None

    def _give_back(self, origin: Origin, connection: Connection | None) -> None:
        self._places.release()
        if connection is None:
            return
        if not connection.reusable:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since_s = loop.time()
        self._idle.append((origin, connection))
        if self._sweep is None:
            self._sweep = loop.call_later(self._idle_s, self._drop_idle)

    def _drop_idle(self) -> None:
        """Those that were not used for `idle_s`, and those that the other end has closed."""
        loop = asyncio.get_running_loop()
        oldest_s = loop.time() - self._idle_s
        kept = []
        for origin, connection in self._idle:
            if connection.idle_since_s > oldest_s and connection.reusable:
                kept.append((origin, connection))
            else:
                connection.abort()
        self._idle = kept
        self._sweep = loop.call_later(self._idle_s / 5, self._drop_idle) if kept else None

    # -- opening one -----------------------------------------------------------------------------------------------

    async def _opened(self, origin: Origin, request: httpx.Request) -> Connection:
        scheme, host, port = origin[0], origin[1].decode("ascii"), origin[2]
        within_s = (request.extensions.get("timeout") or {}).get("connect") or CONNECT_S
        try:
            found = await self._reached(host, port, asyncio.get_running_loop().time() + within_s)
            request.extensions["connected"] = True
            return await _spoken_to(found, self._tls if scheme == b"https" else None, host)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection in time") from error
        except (OSError, ValueError) as error:  # the latter for a name that is none
            raise httpx.ConnectError(type(error).__name__) from error

    async def _reached(self, host: str, port: int, until_s: float) -> socket.socket:
        """A socket to the first of the host's addresses that takes one. Each gets its share of the time that is left, so
        that one that is silent keeps us from none of the others.
        """
        try:
            async with asyncio.timeout_at(until_s):
                addresses = await self._resolver(host, port)
        except (TimeoutError, RuntimeError) as error:  # or so many look-ups hang that no thread is left for one more
            raise socket.gaierror(socket.EAI_AGAIN, "no resolver answers") from error
        failures: list[OSError] = [socket.gaierror(socket.EAI_NONAME, "no address")]
        loop = asyncio.get_running_loop()
        for left, (family, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
            now_s = loop.time()
            try:
                async with asyncio.timeout_at(now_s + (until_s - now_s) / left):
                    return await _connected(family, address)
            except OSError as error:
                failures.append(error)
        raise max(failures[1:] or failures, key=_told)


async def _connected(family: socket.AddressFamily, address: Any) -> socket.socket:
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setblocking(False)
        await asyncio.get_running_loop().sock_connect(found, address)
    except BaseException:
        found.close()
        raise
    return found


async def _spoken_to(found: socket.socket, tls: ssl.SSLContext | None, host: str) -> Connection:
    name = host.rstrip(".") if tls is not None else None
    try:
        _, connection = await asyncio.get_running_loop().create_connection(
            Connection, sock=found, ssl=tls, server_hostname=name
        )
    except BaseException:
        found.close()
        raise
    return connection


def _told(error: OSError) -> int:
    """Of several failures the one is reported that came from farthest away."""
    if isinstance(error, ConnectionError):
        return 2
    return 0 if error.errno in {errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL} else 1


def _origin(url: httpx.URL) -> Origin:
    scheme = url.raw_scheme
    return scheme, url.raw_host, url.port or (443 if scheme == b"https" else 80)


class _Body(httpx.AsyncByteStream):
    """What follows the head. The connection is given back once, by `aclose`; a body not read to its end costs it."""

    def __init__(self, connection: Connection, give_back: Callable[[], None]):
        self._connection, self._give_back = connection, give_back
        self._is_open = True

    def __aiter__(self) -> "_Body":
        return self

    async def __anext__(self) -> bytes:
        if (part := await self._connection.part()) is None:
            raise StopAsyncIteration
        return part

    async def aclose(self) -> None:
        if self._is_open:
            self._is_open = False
            self._give_back()
