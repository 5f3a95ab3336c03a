"""The ends of the two doors: bad ports, floods, slow callers and the stop."""

import asyncio
import json
import socket
import time
from contextlib import AsyncExitStack, ExitStack, suppress
from functools import partial
from pathlib import Path

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from core.clock import SystemClock
from core.manage_api.listeners import listen_on_tcp
from core.manage_api.protocols import CONNECTIONS
from core.manage_api.server import ManageServer
from tests.core.manage_api.sample_routes import a_token, an_app, by_socket, by_tcp, code_of, serving, until

pytestmark = pytest.mark.anyio

ITEMS, ANY_PORT = "/api/manage/items", "127.0.0.1:0"
HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: local"
WHOLE = HALF_A_HEAD + b"host\r\n\r\n"
FLOW = 64 * 1024 * 1024


async def a_connection(
    server: ManageServer, data: bytes = HALF_A_HEAD, limit: int = 65_536, directory: Path | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """On TCP, or where the socket's directory is given on that."""
    if directory is not None:
        reader, writer = await asyncio.open_unix_connection(directory / "manage.sock", limit=limit)
    else:
        assert server.tcp_address is not None
        reader, writer = await asyncio.open_connection(*server.tcp_address, limit=limit)
    writer.write(data)
    await writer.drain()
    return reader, writer


async def close(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


async def test_half_open_tcp_connections_shut_nobody_out(tmp_path: Path) -> None:
    """Neither of the socket nor of TCP: whoever waited longest makes room, and a caller that comes last gets in."""
    token = a_token(tmp_path)
    async with serving(tmp_path, ANY_PORT) as server, by_socket(tmp_path / "manage.sock") as client:
        with ExitStack() as flood:
            first = half_open(server, 300, flood)[0]
            async with by_tcp(server, token) as remote:
                assert (await client.get(ITEMS)).status_code == 200
                assert (await remote.get(ITEMS)).status_code == 200
            first.settimeout(5)
            assert await asyncio.to_thread(is_cut, first)
            assert len(server._tcp_door.server_state.connections) <= CONNECTIONS


def impatient(server: ManageServer, door: str = "tcp", **seconds: float) -> None:
    config = (server._tcp_door if door == "tcp" else server._socket_door).config
    config.http_protocol_class = partial(config.http_protocol_class, **seconds)  # type: ignore[assignment]


def half_open(server: ManageServer, number: int, stack: ExitStack) -> list[socket.socket]:
    assert server.tcp_address is not None
    connections = [stack.enter_context(socket.create_connection(server.tcp_address)) for _ in range(number)]
    for connection in connections:
        connection.send(HALF_A_HEAD)
    return connections


def is_cut(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HALF_A_HEAD,
        b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhal",
        b"POST /api/manage/items HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhal",
    ],
    ids=["nothing", "half a head", "half a body", "half a body, no login"],
)
async def test_a_request_that_does_not_arrive_in_time_is_cut(tmp_path: Path, data: bytes) -> None:
    """Though more bytes trickle in."""
    async with serving(tmp_path, ANY_PORT) as server:
        impatient(server, head_s=0.5, body_s=0.5)
        reader, writer = await a_connection(server, data)
        async with asyncio.timeout(5):
            while not (reader.at_eof() or reader.exception()):
                writer.write(b"x"[: len(data)])
                await asyncio.sleep(0.1)
        await close(writer)


async def test_a_request_that_arrived_is_not_cut(tmp_path: Path) -> None:
    """The deadlines are for what the caller sends, not for how long the answer takes."""
    async with serving(tmp_path, ANY_PORT) as server:
        impatient(server, head_s=0.5, body_s=0.5)
        token = a_token(tmp_path)
        async with by_tcp(server, token) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get("/api/manage/slow", timeout=1.5)


async def test_between_two_requests_a_connection_may_rest(tmp_path: Path) -> None:
    """As long as whoever asks each few seconds rests: closed then, it would cost him a request now and again."""
    async with serving(tmp_path, ANY_PORT) as server:
        impatient(server, head_s=0.2, body_s=0.2)
        reader, writer = await a_connection(server, b"")
        for _ in range(2):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await reader.read(FLOW)).startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(0.5)
        writer.write(HALF_A_HEAD)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        await close(writer)


@pytest.mark.parametrize("door", ["tcp", "socket"])
async def test_an_answer_that_is_not_taken_is_cut(tmp_path: Path, door: str) -> None:
    """A byte now and then doesn't help; the answer is larger than all buffers of the system."""
    async with serving(tmp_path, ANY_PORT, app=flowing) as server:
        impatient(server, door, pace_s=0.3)
        reader, writer = await a_connection(server, WHOLE, 1, tmp_path if door == "socket" else None)
        for _ in range(20):
            await reader.read(1)
            await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            assert await size_of_rest(reader) < FLOW // 2
        await close(writer)


async def test_the_next_request_waits_until_the_last_answer_is_taken(tmp_path: Path) -> None:
    """Sent along with the first, it is begun late, and still answered."""
    begun = 0

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal begun
        begun += 1
        await Response(bytes(FLOW // 32))(scope, receive, send)

    async with serving(tmp_path, app=counting) as server:
        reader, writer = await a_connection(server, 3 * WHOLE, 1, tmp_path)
        await asyncio.sleep(0.2)
        assert begun == 1
        async with asyncio.timeout(5):
            size = 0
            while size < 3 * FLOW // 32:
                size += len(await reader.read(FLOW))
        assert begun == 3
        await close(writer)


async def test_answers_that_nobody_takes_fill_no_memory(tmp_path: Path) -> None:
    """Long before they would be cut for their slowness."""
    async with serving(tmp_path, app=flowing) as server:
        both = [await a_connection(server, WHOLE, 1, tmp_path) for _ in range(2)]
        await asyncio.sleep(0.5)
        async with asyncio.timeout(5):
            sizes = sorted([await size_of_rest(reader) for reader, _ in both])
        assert sizes[0] < FLOW // 2 < FLOW <= sizes[1]
        await close(*(writer for _, writer in both))


async def size_of_rest(reader: asyncio.StreamReader) -> int:
    """Up to the answer's end, or to where it is cut."""
    size = 0
    with suppress(ConnectionError):
        while size < FLOW and (data := await reader.read(FLOW)):
            size += len(data)
    return size


async def test_whoever_takes_an_answer_slowly_but_fairly_gets_it(tmp_path: Path) -> None:
    """Longer than every deadline."""
    async with serving(tmp_path, ANY_PORT, app=flowing) as server:
        impatient(server, pace_s=0.3, head_s=0.3)
        reader, writer = await a_connection(server, WHOLE, limit=FLOW // 32)
        size, began = 0, time.monotonic()
        async with asyncio.timeout(10):
            while size < FLOW and (data := await reader.read(FLOW // 16)):
                size += len(data)
                await asyncio.sleep(0.05)
        assert size >= FLOW
        assert time.monotonic() - began > 0.6
        await close(writer)


async def flowing(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(bytes(FLOW))(scope, receive, send)


async def test_a_caller_whose_line_is_gone_is_given_up_by_the_kernel() -> None:
    """After half a minute in which nothing that was sent arrived; a loopback never loses anything, so only asked for."""
    with (
        await listen_on_tcp(ANY_PORT) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000


@pytest.mark.parametrize(("size", "status"), [(15_000, b"200"), (17_500, b"400"), (200_000, b"400")])
async def test_a_head_beyond_16_kib_is_refused(tmp_path: Path, size: int, status: bytes) -> None:
    """Also where all of it comes in one piece."""
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: " + b"x" * size + b"\r\n\r\n"
    async with serving(tmp_path, ANY_PORT) as server:
        reader, writer = await a_connection(server, head)
        with suppress(ConnectionError):
            assert (await reader.readline()).split()[1] == status
            await reader.read()
        await close(writer)


async def test_a_stop_waits_for_no_idle_connection(tmp_path: Path) -> None:
    """Keep-alive connections at both doors, a silent one and a half-open one."""
    token = a_token(tmp_path)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(tmp_path, ANY_PORT))
        client = await stack.enter_async_context(by_socket(tmp_path / "manage.sock"))
        remote = await stack.enter_async_context(by_tcp(server, token))
        assert [(await one.get(ITEMS)).status_code for one in (client, remote)] == [200, 200]
        idle = [await a_connection(server, data) for data in (b"", HALF_A_HEAD)]
        silent, writer = await asyncio.open_unix_connection(tmp_path / "manage.sock")
        await stopped_within(server, 1.5, tmp_path)
        assert await silent.read() == b""
        await close(writer, *(writer for _, writer in idle))


async def test_a_stop_cancels_what_still_runs_and_answers_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(tmp_path) as server, by_socket(tmp_path / "manage.sock") as client, asyncio.TaskGroup() as tasks:
        slow = tasks.create_task(client.get("/api/manage/slow"))
        await asyncio.sleep(0.5)
        await stopped_within(server, 3, tmp_path)
        assert code_of(await slow) == (503, "shutting_down")
    assert "Traceback" not in caplog.text


async def test_a_stop_in_the_middle_of_an_answer_just_ends_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with (
        serving(tmp_path) as server,
        by_socket(tmp_path / "manage.sock") as client,
        client.stream("GET", "/api/manage/pieces/endless", timeout=5) as answer,
    ):
        pieces = answer.aiter_raw()
        assert await anext(pieces) == b"a piece"
        await stopped_within(server, 3, tmp_path)
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            await anext(pieces)
    assert "Traceback" not in caplog.text


async def test_an_answer_that_breaks_off_is_cut_and_logged_with_its_id(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path), by_socket(tmp_path / "manage.sock") as client:
        async with client.stream("GET", "/api/manage/pieces/broken") as answer:
            with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
                await answer.aread()
        logged = [one for one in caplog.records if one.exc_info]
        assert [answer.headers["x-request-id"] in one.getMessage() for one in logged] == [True]
        assert (await client.get(ITEMS)).status_code == 200


async def test_a_head_of_pieces_claims_no_length(tmp_path: Path) -> None:
    """And asks for none of them."""
    async with serving(tmp_path), by_socket(tmp_path / "manage.sock") as client:
        for _ in range(2):
            answer = await client.head("/api/manage/pieces/broken")
            assert (answer.status_code, answer.content) == (200, b"")
            assert "content-length" not in answer.headers


async def test_a_cancelled_server_leaves_nothing_open(tmp_path: Path) -> None:
    server = ManageServer(an_app(tmp_path, ANY_PORT), tmp_path / "manage.sock", ANY_PORT, "", SystemClock())
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(server.run())
        await until(lambda: server.tcp_address is not None)
        address = server.tcp_address
        reader, writer = await a_connection(server)
        await asyncio.sleep(0.5)
        running.cancel()
    assert address is not None
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)
    assert not (tmp_path / "manage.sock").exists()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), 5)
    await close(writer)


async def stopped_within(server: ManageServer, seconds: float, directory: Path) -> None:
    began = time.monotonic()
    server.stop()
    await until(lambda: not (directory / "manage.sock").exists())
    assert time.monotonic() - began < seconds


@pytest.mark.parametrize("data", [b"GARBAGE\r\n\r\n", b"GET /healthz HTTP/1.1\r\n\r\n"], ids=["garbage", "no Host"])
async def test_what_is_no_request_is_refused_like_any_other(tmp_path: Path, data: bytes) -> None:
    async with serving(tmp_path, ANY_PORT) as server:
        reader, writer = await a_connection(server, data)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        await close(writer)
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    assert json.loads(body)["code"] == "malformed_request"
