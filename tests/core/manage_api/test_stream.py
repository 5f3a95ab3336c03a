"""The stream over real doors: in order, without loss, and whatever a caller does, nobody else notices."""

import asyncio
import itertools
import socket
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.clock import SystemClock
from core.manage_api.event_ring import KEPT
from core.manage_api.stream import MOST_OF_ONE, MOST_STREAMS
from core.manage_api.tokens import revoke_token
from tests.core.manage_api.sample_routes import a_token, by_socket, by_tcp, code_of, until
from tests.core.manage_api.streaming import STREAM, Rig, a_rig, listening

pytestmark = pytest.mark.anyio

REQUEST = f"GET {STREAM} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


async def test_events_come_in_order_at_both_doors(tmp_path: Path) -> None:
    """Behind a hello, each with an id of its own."""
    token = a_token(tmp_path)
    async with (
        a_rig(tmp_path) as rig,
        by_socket(rig.socket) as near,
        by_tcp(rig.server, token) as far,
        listening(near) as here,
        listening(far) as there,
    ):
        assert here.answer.headers["content-type"].startswith("text/event-stream")
        hellos = [await one.next() for one in (here, there)]
        assert [(one.event, one.json()["heartbeat_s"], one.retry) for one in hellos] == [("hello", 15.0, 3000)] * 2
        rig.news += ["a", "b"]
        await until(lambda: not rig.news)
        rig.news += ["c"]
        seen = [[await one.next() for _ in range(3)] for one in (here, there)]
        assert [[one.json()["text"] for one in several] for several in seen] == [["a", "b", "c"]] * 2
        assert len({one.id for one in seen[0]} | {hellos[0].id}) == 4
        assert [one.event for one in seen[0]] == ["case"] * 3


async def test_who_was_cut_off_goes_on_where_he_was(tmp_path: Path) -> None:
    """Again and again in the middle of a flood: no event is lost, none comes twice."""
    async with a_rig(tmp_path) as rig, asyncio.TaskGroup() as group:
        group.create_task(a_flood(rig, 300))
        async with by_socket(rig.socket) as client, listening(client) as first:
            last_id, texts = (await first.next()).id, list[str]()
        for length in itertools.cycle([1, 7, 40]):
            async with by_socket(rig.socket) as client, listening(client, last_id) as again:
                for _ in range(min(length, 300 - len(texts))):
                    event = await again.next()
                    texts.append(event.json()["text"])
                    last_id = event.id
            if len(texts) == 300:
                break
        assert texts == [str(number) for number in range(300)]


async def a_flood(rig: Rig, number: int) -> None:
    await until(lambda: rig.looks)
    for text in range(number):
        rig.news.append(str(text))
        if text % 10 == 0:
            await asyncio.sleep(0.01)


async def test_an_id_of_another_run_is_told_to_read_the_lists_again(tmp_path: Path) -> None:
    """And goes on from there."""
    async with a_rig(tmp_path) as rig, by_socket(rig.socket) as client:
        async with listening(client) as first:
            run = (await first.next()).id.partition(".")[0]
        strangers = ["0123abcd.0", "", "0", "no such thing", f"{run}.99", f"{run}.-1", f"{run}.0e0", f"{run}.٠"]
        for last_id in strangers:
            async with listening(client, last_id) as again:
                reset = await again.next()
                assert (reset.event, reset.json()["reason"]) == ("reset", "unknown_id")
        rig.news.append("x")
        async with listening(client, reset.id) as again:
            assert await again.texts(1) == ["x"]


async def test_who_was_away_for_too_long_is_told_so(tmp_path: Path) -> None:
    async with a_rig(tmp_path) as rig, by_socket(rig.socket) as client:
        async with listening(client) as first:
            last_id = (await first.next()).id
            rig.news += ["x"] * (KEPT + 1)
            await until(lambda: not rig.news)
        async with listening(client, last_id) as again:
            reset = await again.next()
            assert (reset.event, reset.json()["reason"]) == ("reset", "fallen_behind")


async def test_a_look_that_failed_is_owned_up_to(tmp_path: Path) -> None:
    """What it had found by then nobody will hear of: every stream ends, and who resumes reads the lists again."""
    async with a_rig(tmp_path) as rig, by_socket(rig.socket) as client:
        async with listening(client) as one:
            last_id = (await one.next()).id
            rig.news.append("lost")
            await rig.fail()
            with pytest.raises(StopAsyncIteration):
                await one.next()
        async with listening(client, last_id) as again:
            assert (await again.next()).json() == {"reason": "unknown_id"}
            rig.news.append("x")
            assert await again.texts(1) == ["x"]


async def test_a_quiet_stream_has_a_heartbeat(tmp_path: Path) -> None:
    """A comment, which no client takes for an event."""
    async with a_rig(tmp_path) as rig, by_socket(rig.socket) as client:
        async with client.stream("GET", STREAM, timeout=5) as answer:
            lines = answer.aiter_lines()
            while (await anext(lines)) != ":":
                pass
        async with listening(client) as one:
            await one.next()
            await asyncio.sleep(0.7)
            rig.news.append("x")
            assert await one.texts(1) == ["x"]


async def test_no_text_breaks_out_of_its_event(tmp_path: Path) -> None:
    """What goes out is ASCII, one line of data an event."""
    hostile = [
        "two\nlines\r\rmore\r\n\r\nevent: reset\ndata: {}\n\n",
        "\x00\x1b[2J\x7f\x85",
        "\u2028\u2029\ufeff",
        "鲜奶柜🧊",
        "\ud800",
        "end",
    ]
    async with a_rig(tmp_path) as rig, by_socket(rig.socket) as client:
        async with listening(client) as one:
            last_id = (await one.next()).id
            rig.news += hostile
            assert await one.texts(len(hostile)) == hostile
        async with client.stream("GET", STREAM, headers={"last-event-id": last_id}, timeout=5) as answer:
            raw = b""
            async for piece in answer.aiter_raw():
                raw += piece
                if b"end" in raw:
                    break
    assert raw.isascii()
    assert not set(raw) & {*range(10), *range(11, 32)}
    assert raw.count(b"\n") == 1 + 4 * len(hostile)


async def test_a_stop_closes_streams_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    token = a_token(tmp_path)
    async with (
        a_rig(tmp_path) as rig,
        by_socket(rig.socket) as near,
        by_tcp(rig.server, token) as far,
        listening(near) as here,
        listening(far) as there,
    ):
        await here.next()
        await there.next()
        began = time.monotonic()
        rig.stop()
        for one in (here, there):
            with pytest.raises(StopAsyncIteration):
                await one.next()
        await until(lambda: not rig.socket.exists())
        assert time.monotonic() - began < 1.0
    assert not caplog.text


async def test_a_head_neither_hangs_nor_takes_a_place(tmp_path: Path) -> None:
    async with a_rig(tmp_path) as rig, by_socket(rig.socket) as client:
        for _ in range(MOST_STREAMS + 1):
            answer = await client.head(STREAM, timeout=5)
            assert (answer.status_code, answer.content) == (200, b"")
        async with listening(client) as one:
            assert (await one.next()).event == "hello"


async def test_a_caller_has_four_at_most_until_one_leaves(tmp_path: Path) -> None:
    async with a_rig(tmp_path) as rig, by_socket(rig.socket) as client:
        async with AsyncExitStack() as stack:
            await open_streams(client, MOST_OF_ONE, stack)
            refused = await client.get(STREAM)
            assert code_of(refused) == (503, "too_many_streams")
            assert refused.headers["retry-after"] == "30"
        await until(lambda: not rig.stream._callers)
        async with listening(client) as one:
            assert (await one.next()).event == "hello"


async def test_the_socket_keeps_places_that_no_number_of_tokens_takes(tmp_path: Path) -> None:
    """Nor one token the places of the others."""
    tokens = [a_token(tmp_path, name) for name in "abc"]
    async with a_rig(tmp_path) as rig, by_socket(rig.socket) as near, AsyncExitStack() as stack:
        *far, last = [await stack.enter_async_context(by_tcp(rig.server, token)) for token in tokens]
        for client in far:
            await open_streams(client, MOST_OF_ONE, stack)
            assert code_of(await client.get(STREAM)) == (503, "too_many_streams")
        assert code_of(await last.get(STREAM)) == (503, "too_many_streams")
        await open_streams(near, MOST_OF_ONE, stack)


async def open_streams(client: httpx.AsyncClient, number: int, stack: AsyncExitStack) -> None:
    for _ in range(number):
        assert (await (await stack.enter_async_context(listening(client))).next()).event == "hello"


async def test_a_caller_who_reads_nothing_holds_up_nobody_and_costs_little(tmp_path: Path) -> None:
    """20 MB go past him. Another one misses nothing; he is told what he missed once he reads again."""
    async with a_rig(tmp_path) as rig, by_socket(rig.socket) as client, listening(client) as quick:
        with socket.socket(socket.AF_UNIX) as stalled:
            stalled.connect(str(rig.socket))
            stalled.send(REQUEST)
            await quick.next()
            for _ in range(40):
                rig.news += ["x" * 10_000] * 50
                assert len(await quick.texts(50)) == 50
            waiting = [one.transport.get_write_buffer_size() for one in connections(rig)]
            assert 0 < max(waiting) < 200_000
            got = await asyncio.to_thread(read_until, stalled, b"fallen_behind")
            assert got.count(b"event: case") < 100


async def test_a_caller_who_slept_through_a_failure_is_cut_off_too(tmp_path: Path) -> None:
    """His numbers are of the run before."""
    async with a_rig(tmp_path) as rig:
        with socket.socket(socket.AF_UNIX) as stalled:
            stalled.connect(str(rig.socket))
            stalled.send(REQUEST)
            await until(lambda: rig.looks)
            rig.news += ["x" * 10_000] * 300
            await until(lambda: any(one.flow.write_paused for one in connections(rig)))
            await rig.fail()
            began = time.monotonic()
            got = await asyncio.to_thread(read_until, stalled, b"\r\n0\r\n\r\n")
            assert time.monotonic() - began < 5.0  # not when every stream ends
            assert got.count(b"event: case") < 100


async def test_a_stop_waits_for_no_caller_who_reads_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Longer than the doors' grace."""
    async with a_rig(tmp_path) as rig:
        with socket.socket(socket.AF_UNIX) as stalled:
            stalled.connect(str(rig.socket))
            stalled.send(REQUEST)
            await until(lambda: rig.looks)
            rig.news += ["x" * 10_000] * 300
            await until(lambda: any(one.flow.write_paused for one in connections(rig)))
            began = time.monotonic()
            rig.stop()
            await until(lambda: not rig.socket.exists())
            assert time.monotonic() - began < 3.0
    assert "Traceback" not in caplog.text


def connections(rig: Rig) -> list[Any]:
    """Those of the socket, as uvicorn has them."""
    return list(rig.server._socket_door.server_state.connections)


def read_until(connection: socket.socket, word: bytes) -> bytes:
    connection.settimeout(5)
    got = b""
    while word not in got:
        got += connection.recv(65536)
    return got


async def test_what_is_kept_is_bounded_in_bytes_too(tmp_path: Path) -> None:
    async with a_rig(tmp_path) as rig, by_socket(rig.socket) as client, listening(client) as one:
        last_id = (await one.next()).id
        rig.news += ["x" * 100_000] * 100
        await until(lambda: not rig.news)
        async with listening(client, last_id) as late:
            assert (await late.next()).json() == {"reason": "fallen_behind"}


async def test_a_stream_ends_now_and_then_so_that_its_caller_logs_in_again(tmp_path: Path) -> None:
    """He resumes without a loss."""
    async with a_rig(tmp_path) as rig, by_socket(rig.socket) as client:
        rig.stream._longest_s = 10.0
        async with listening(client) as one:
            last_id = (await one.next()).id
            with pytest.raises(StopAsyncIteration):
                await one.next()
        rig.news.append("x")
        async with listening(client, last_id) as again:
            assert await again.texts(1) == ["x"]


async def test_a_stream_ends_with_the_token_that_opened_it(tmp_path: Path) -> None:
    token = a_token(tmp_path)
    async with a_rig(tmp_path) as rig, by_tcp(rig.server, token) as client, listening(client) as one:
        await one.next()
        revoke_token(tmp_path / "tokens.toml", "hq", SystemClock())
        await rig.authenticator.file.look()
        with pytest.raises(StopAsyncIteration):
            async with asyncio.timeout(5):
                await one.next()


async def test_nobody_looks_while_nobody_listens(tmp_path: Path) -> None:
    """What changed meanwhile is told to whoever resumes."""
    async with a_rig(tmp_path) as rig, by_socket(rig.socket) as client:
        async with listening(client) as one:
            last_id = (await one.next()).id
        await until(lambda: not rig.stream._callers)
        await asyncio.sleep(0.05)
        looks = rig.looks
        rig.news.append("x")
        await asyncio.sleep(0.2)
        assert rig.looks == looks
        async with listening(client, last_id) as again:
            assert await again.texts(1) == ["x"]


async def test_who_begins_anew_is_told_nothing_older(tmp_path: Path) -> None:
    async with a_rig(tmp_path) as rig, by_socket(rig.socket) as client:
        async with listening(client) as one:
            await one.next()
        await until(lambda: not rig.stream._callers)
        await asyncio.sleep(0.05)
        rig.news.append("x")
        async with listening(client) as new:
            await new.next()
            rig.news.append("y")
            assert await new.texts(1) == ["y"]
