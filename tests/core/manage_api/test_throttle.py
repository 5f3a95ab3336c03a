"""How long whoever comes without a good token waits."""

import asyncio
import time
from pathlib import Path

import pytest

from core.manage_api.protocols import CONNECTIONS
from core.manage_api.server import ManageServer
from core.manage_api.throttle import Throttle
from tests.core.manage_api.sample_routes import a_token, by_tcp, serving, until
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

ITEMS, BAD = "/api/manage/items", {"authorization": "Bearer cdg_bad"}
AT_ONCE = 100


def test_few_bad_tokens_are_answered_at_once_and_many_wait() -> None:
    throttle = Throttle(FakeClock())
    assert [throttle.wait_s() for _ in range(AT_ONCE)] == [0.0] * AT_ONCE
    assert [throttle.wait_s() for _ in range(3)] == [0.5] * 3


def test_a_pause_of_a_second_is_enough() -> None:
    """And a longer one saves nothing up."""
    clock = FakeClock()
    throttle = Throttle(clock)
    for pause_s in (1, 3600):
        while not throttle.wait_s():
            pass
        clock.advance(pause_s)
        assert [throttle.wait_s() for _ in range(AT_ONCE + 1)] == [0.0] * AT_ONCE + [0.5]


async def test_a_good_token_never_waits(tmp_path: Path) -> None:
    """From the same address, while the answers to bad ones wait; those end their connections."""
    token, clock = a_token(tmp_path), FakeClock()
    async with (
        serving(tmp_path, "127.0.0.1:0", clock=clock) as server,
        by_tcp(server) as stranger,
        by_tcp(server, token) as client,
    ):
        for _ in range(AT_ONCE):
            answer = await stranger.get(ITEMS, headers=BAD)
        assert (answer.status_code, answer.headers["connection"]) == (401, "close")
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(stranger.get(ITEMS, headers=BAD))
            await asyncio.sleep(0.1)
            good = await client.get(ITEMS)
            assert good.status_code == 200
            assert "connection" not in good.headers
            assert not waiting.done()
        assert time.monotonic() - began >= 0.5
        assert waiting.result().status_code == 401


async def test_a_foreign_host_ends_the_connection_too(tmp_path: Path) -> None:
    async with serving(tmp_path, "127.0.0.1:0") as server, by_tcp(server) as stranger:
        answer = await stranger.get("/healthz", headers={"host": "evil.example"})
    assert (answer.status_code, answer.headers["connection"]) == (421, "close")


async def test_a_flood_of_what_needs_no_login_waits_too(tmp_path: Path) -> None:
    """On one connection as well, which it ends; a good token on the same line never waits."""
    token = a_token(tmp_path)
    async with serving(tmp_path, "127.0.0.1:0", clock=FakeClock()) as server, by_tcp(server, token) as client:
        for _ in range(AT_ONCE):
            answer = await client.get("/healthz")
            assert "connection" not in answer.headers
        began = time.monotonic()
        assert (await client.get(ITEMS)).status_code == 200
        assert time.monotonic() - began < 0.4
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        assert time.monotonic() - began >= 0.5


async def test_whoever_hangs_up_leaves_nothing_that_waits(tmp_path: Path) -> None:
    async with serving(tmp_path, "127.0.0.1:0", clock=FakeClock()) as server, by_tcp(server) as stranger:
        for _ in range(AT_ONCE):
            await stranger.get(ITEMS, headers=BAD)
        before = len(asyncio.all_tasks())
        writer = await a_refused(server)
        await until(lambda: len(asyncio.all_tasks()) > before)
        began = time.monotonic()
        writer.close()
        await writer.wait_closed()
        await until(lambda: len(asyncio.all_tasks()) == before)
        assert time.monotonic() - began < 0.4


async def a_refused(server: ManageServer) -> asyncio.StreamWriter:
    assert server.tcp_address is not None
    _, writer = await asyncio.open_connection(*server.tcp_address)
    writer.write(f"GET {ITEMS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return writer


async def test_whoever_waits_for_a_refusal_makes_room(tmp_path: Path) -> None:
    """Also when more bytes come meanwhile: a flood of bad tokens fills no door."""
    token = a_token(tmp_path)
    async with serving(tmp_path, "127.0.0.1:0", clock=FakeClock()) as server, by_tcp(server) as stranger:
        for _ in range(AT_ONCE):
            await stranger.get(ITEMS, headers=BAD)
        flood = [await a_refused(server) for _ in range(CONNECTIONS + 1)]
        for writer in flood:
            writer.write(b"GET ")
        async with by_tcp(server, token) as client:
            assert (await client.get(ITEMS)).status_code == 200
        for writer in flood:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in flood), return_exceptions=True)


async def test_a_refusal_is_seen_by_whoever_is_still_sending(tmp_path: Path) -> None:
    """His body comes after the login failed: closing at once would reset the connection and take the answer along."""
    body = b"x" * 200_000
    head = b"POST /api/manage/items HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(body)
    async with serving(tmp_path, "127.0.0.1:0") as server:
        assert server.tcp_address is not None
        reader, writer = await asyncio.open_connection(*server.tcp_address)
        for piece in (head, body[:1000], body[1000:]):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.1)
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 401 ")
