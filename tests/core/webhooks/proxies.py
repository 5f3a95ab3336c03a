"""An HTTP proxy on 127.0.0.1: it tunnels with CONNECT, and takes whole URLs for plain http."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

LOGIN = "box:prx-SECRET"


class Proxy:
    """Lets in who gives LOGIN. `asked` are the first lines of what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.port = 0
        self._serving: set[asyncio.Task[Any]] = set()

    @property
    def url(self) -> str:
        return f"http://{LOGIN}@127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                await self._relay(reader, writer)
        finally:
            self._serving.discard(task)
            writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
        first, _, rest = head.partition("\r\n")
        self.asked.append(first)
        method, target, _ = first.split(" ")
        if base64.b64encode(LOGIN.encode()).decode() not in rest:
            writer.write(b"HTTP/1.1 407 Who Are You\r\ncontent-length: 0\r\n\r\n")
            return
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        there, onward = await asyncio.open_connection(parts.hostname, parts.port)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            onward.write(f"{method} {parts.path}?{parts.query} HTTP/1.1\r\n{rest}".encode())
        try:
            async with asyncio.TaskGroup() as group:
                back = group.create_task(_pipe(there, writer))
                await _pipe(reader, onward)
                back.cancel()
        finally:
            onward.transport.abort()

    async def stop(self) -> None:
        for task in (serving := list(self._serving)):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@contextlib.asynccontextmanager
async def a_proxy() -> AsyncIterator[Proxy]:
    proxy = Proxy()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.stop()
