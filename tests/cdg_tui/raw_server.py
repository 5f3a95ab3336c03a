"""A server on a real socket that says any bytes, and what a client makes of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import msgspec
import pytest

from cdg_tui.client import Client
from cdg_tui.errors import ClientError
from tests.cdg_tui.fake_core import FakeCore, a_status

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
GOOD = msgspec.json.encode(a_status(FakeCore()))


def says(*pieces: bytes, pause_s: float = 0.0) -> Talk:
    """Reads a request and says this, whatever it was."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return talk


def an_http_answer(body: bytes, status: int = 200, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Any", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def of(response: httpx.Response) -> bytes:
    return an_http_answer(response.content, response.status_code)


@contextlib.asynccontextmanager
async def a_server(talk: Talk, path: str | None = None) -> AsyncIterator[str]:
    """Its URL; on a Unix socket where a path is given. Conversations that go on are cut off at the end."""

    talks: set[asyncio.Task[None] | None] = set()

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.close()

    if path is None:
        server = await asyncio.start_server(conversation, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    else:
        server, url = await asyncio.start_unix_server(conversation, path), "http://localhost"
    try:
        yield url
    finally:
        server.close()
        for task in filter(None, talks):
            task.cancel()
        await asyncio.gather(*filter(None, talks))


async def error_of(client: Client) -> ClientError:
    """What a question ends with."""
    try:
        async with asyncio.timeout(20):
            with pytest.raises(ClientError) as caught:
                await client.status()
    finally:
        await client.close()
    return caught.value


async def error_from(talk: Talk, *, deadline_s: float = 10.0, token: str | None = None) -> ClientError:
    async with a_server(talk) as url:
        return await error_of(Client(url, deadline_s=deadline_s, token=token))


def over(path: Path | str, deadline_s: float = 10.0) -> Client:
    return Client("http://localhost", transport=httpx.AsyncHTTPTransport(uds=str(path)), deadline_s=deadline_s)
