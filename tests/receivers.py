"""A webhook receiver on a real socket of 127.0.0.1. What it does with a request can be switched while it runs."""

import asyncio
import contextlib
import json
import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Received:
    """One request. Header names are lower case."""

    target: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)

    def all(self, name: str) -> list[str]:
        return [value for found, value in self.headers if found == name]

    @property
    def event_id(self) -> str:
        return self.header("webhook-id") or ""

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


# -- behaviours --------------------------------------------------------------------------------------------------------


def sends(data: bytes) -> Behaviour:
    """These very bytes, then the connection is left open."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return behave


def answers(status: str = "200 OK", *headers: str, body: bytes = b"") -> Behaviour:
    """A whole and proper answer."""
    lines = (f"HTTP/1.1 {status}", *headers)
    length = [] if status[:3] in {"204", "304"} else [f"content-length: {len(body)}"]
    return sends("\r\n".join([*lines, *length, "", ""]).encode() + body)


def after(seconds: float, behaviour: Behaviour) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await behaviour(writer)

    return behave


def once_open(gate: asyncio.Event, behaviour: Behaviour) -> Behaviour:
    """Hold every request until `gate` is set."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        await behaviour(writer)

    return behave


async def silence(writer: asyncio.StreamWriter) -> None:
    """Take the request and say nothing until the other end leaves."""
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


def sends_then_silence(data: bytes) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await silence(writer)

    return behave


def resets_after(data: bytes) -> Behaviour:
    """Send this much, then tear the connection down with a RST."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.05)  # else the reset may overtake the data
        peer: socket.socket = writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return behave


def drips(data: bytes, every_s: float) -> Behaviour:
    """One byte at a time."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        for byte in data:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(every_s)

    return behave


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """The first request gets the first one, and so on; the last one stays."""
    left = list(behaviours)

    async def behave(writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(writer)

    return behave


class Flood:
    """200 MB of answer, as fast as they are taken; `taken` counts them."""

    def __init__(self, head: bytes):
        self.head, self.taken = head, 0

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        writer.write(self.head)
        while self.taken < 200 * 1024 * 1024:
            writer.write(bytes(64 * 1024))
            await writer.drain()
            self.taken += 64 * 1024


# -- the server --------------------------------------------------------------------------------------------------------


class Receiver:
    """Counts what it gets: requests, connections, and how many requests with one webhook-id were open at once."""

    def __init__(self, behaviour: Behaviour, tls: ssl.SSLContext | None = None):
        self.behaviour, self._tls = behaviour, tls
        self.received: list[Received] = []
        self.connections = 0
        self.port = 0
        self.most_at_once: Counter[str] = Counter()
        self._open: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._serving: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}
        self._changed = asyncio.Event()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/hook?access_token=tok-SECRET"

    @property
    def open_connections(self) -> int:
        return len(self._serving)

    @property
    def event_ids(self) -> list[str]:
        return [one.event_id for one in self.received]

    async def start(self) -> None:
        """Also again after `stop`, on the same port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        serving, self._server = dict(self._serving), None
        for task, writer in serving.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def got(self, count: int, within_s: float = 8.0) -> None:
        """Wait until so many requests have come in. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while len(self.received) < count:
                self._changed.clear()
                await self._changed.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving[task] = writer
        self.connections += 1
        number = self.connections
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                while True:
                    await self._one(await _request(reader, number), writer)
        finally:
            del self._serving[task]
            writer.close()

    async def _one(self, request: Received, writer: asyncio.StreamWriter) -> None:
        name = request.event_id
        self._open[name] += 1
        self.most_at_once[name] = max(self.most_at_once[name], self._open[name])
        self.received.append(request)
        self._changed.set()
        try:
            await self.behaviour(writer)
        finally:
            self._open[name] -= 1


async def _request(reader: asyncio.StreamReader, connection: int) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    body = await reader.readexactly(int(dict(headers).get("content-length", "0")))
    return Received(first.split(" ")[1], headers, body, connection)


@contextlib.asynccontextmanager
async def a_receiver(behaviour: Behaviour | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """One that answers 200 where nothing else is said."""
    receiver = Receiver(behaviour or answers(), tls)
    await receiver.start()
    try:
        yield receiver
    finally:
        await receiver.stop()
