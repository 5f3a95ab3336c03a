"""Connections: found, kept, dropped, and never handed on with somebody else's answer in them."""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
import traceback
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from core.clock import SystemClock
from core.webhooks.connection import HEAD_MAX
from core.webhooks.deliveries import Delivered, ErrorClass, Failed, Reach
from core.webhooks.transport import IDLE_S, Address, Resolver, Transport, look_up
from tests.core.webhooks.certificates import Authority
from tests.core.webhooks.dead_ends import a_black_hole, a_closed_port, knows_no_name, leads_to
from tests.core.webhooks.factories import a_delivery, a_sender, sent
from tests.receivers import Behaviour, Flood, Receiver, a_receiver, answers, in_turn, once_open, sends, silence

pytestmark = pytest.mark.anyio
KEPT = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@contextlib.asynccontextmanager
async def a_transport(
    *, connections: int = 4, resolver: Resolver = look_up, idle_s: float = IDLE_S
) -> AsyncIterator[Transport]:
    transport = Transport(tls=ssl.create_default_context(), connections=connections, resolver=resolver, idle_s=idle_s)
    try:
        yield transport
    finally:
        await transport.aclose()


async def asked(transport: Transport, url: str, **timeout: float) -> tuple[int, bytes]:
    """The status and the whole body of an answer."""
    request = httpx.Request("POST", url, content=b"{}", extensions={"timeout": timeout})
    response = await transport.handle_async_request(request)
    try:
        return response.status_code, await response.aread()
    finally:
        await response.aclose()


async def test_it_serves_an_httpx_client_as_any_transport_does() -> None:
    """Bodies in chunks, headers, versions and reasons come out as httpx knows them."""
    data = b"HTTP/1.1 201 Made It\r\nx-a: b\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
    async with a_receiver(sends(data)) as receiver, httpx.AsyncClient(transport=Transport(tls=TLS, connections=1)) as c:
        answer = await c.post(receiver.url, content=b"hello")
    assert (answer.status_code, answer.reason_phrase, answer.http_version) == (201, "Made It", "HTTP/1.1")
    assert (answer.headers["x-a"], answer.text, receiver.received[0].body) == ("b", "abcdefg", b"hello")


TLS = ssl.create_default_context()


@pytest.mark.parametrize(
    ("data", "connections"),
    [
        (KEPT, 1),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 1),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 1),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n\r\n" + KEPT, 1),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", 3),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", 3),
        (KEPT + b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nunasked", 3),
        (KEPT + b"x", 3),
    ],
)
async def test_a_connection_is_kept_where_the_answer_allows_it(data: bytes, connections: int) -> None:
    """And not one byte that nobody asked for is taken for the next answer."""
    async with a_receiver(sends(data)) as receiver, a_transport(connections=1) as transport:
        for _ in range(3):
            status, body = await asked(transport, receiver.url)
            assert (status // 100, body[:3]) in {(2, b"ok"), (2, b""), (2, b"a")}
    assert (len(receiver.received), receiver.connections) == (3, connections)


async def test_an_answer_that_ends_with_its_connection_is_read_to_the_end() -> None:
    """As old devices answer."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 100_000)
        writer.close()

    async with a_receiver(behave) as receiver, a_transport() as transport:
        assert await asked(transport, receiver.url) == (200, b"x" * 100_000)


async def test_a_long_answer_comes_through_whole() -> None:
    """Reading is held up while much waits to be taken, and goes on."""
    body = os.urandom(3_000_000)
    async with a_receiver(answers(body=body)) as receiver, a_transport() as transport:
        assert await asked(transport, receiver.url) == (200, body)


async def test_an_answer_that_nobody_reads_piles_up_nowhere() -> None:
    """Whoever asked is busy with something else, and the receiver sends and sends."""
    flood = Flood(b"HTTP/1.1 200 OK\r\ncontent-length: 209715200\r\n\r\n")
    async with a_receiver(flood) as receiver, a_transport() as transport:
        response = await transport.handle_async_request(httpx.Request("POST", receiver.url, content=b""))
        await asyncio.sleep(0.5)
        await response.aclose()
    assert flood.taken < 20 * 1024 * 1024  # what fits into the kernel's buffers


async def test_the_connection_used_last_is_used_next() -> None:
    """The others grow old, and are closed."""
    gate = asyncio.Event()

    async def behave(writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        writer.write(KEPT)

    async with a_receiver(behave) as receiver, a_transport() as transport:
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(asked(transport, receiver.url))
            await receiver.got(3)
            gate.set()
        for _ in range(5):
            await asked(transport, receiver.url)
    assert (receiver.connections, len({one.connection for one in receiver.received[3:]})) == (3, 1)


async def test_there_are_never_more_connections_than_allowed() -> None:
    """Whoever comes then waits."""
    async with a_receiver(answers()) as receiver, a_transport(connections=2) as transport:
        await asyncio.gather(*(asked(transport, receiver.url) for _ in range(20)))
    assert (len(receiver.received), receiver.connections) == (20, 2)


async def test_an_idle_connection_is_closed_after_a_while() -> None:
    """The receiver need not hold it, and a router in between would forget it."""
    async with a_receiver() as receiver, a_transport(idle_s=0.1) as transport:
        await asked(transport, receiver.url)
        await until(lambda: not receiver.open_connections)
        await asked(transport, receiver.url)
    assert receiver.connections == 2


async def until(fact: Callable[[], bool], within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not fact():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "last_words", [b"", b"HTTP/1.1 408 Too Late\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"]
)
async def test_a_connection_that_was_closed_while_idle_is_noticed_before_sending(last_words: bytes) -> None:
    """Also where its last words look like an answer, and also where the loop has had no time to see it."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(KEPT + last_words)
        writer.close()

    async with a_receiver(behave) as receiver, a_transport() as transport:
        for number in range(1, 5):
            assert await asked(transport, receiver.url) == (200, b"ok")
            if number % 2:
                await asyncio.sleep(0.05)
            assert len(receiver.received) == number


@pytest.mark.parametrize("last_words", [b"", b"HTTP/1.1 408 Too Late\r\ncontent-length: 0\r\n\r\n"])
async def test_what_the_kernel_knows_of_a_connection_is_enough(last_words: bytes) -> None:
    """It was closed, or said something unasked, and the loop was busy and has heard nothing of it yet."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        loop = asyncio.get_running_loop()
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        peers = []
        async with asyncio.timeout(5.0), a_transport() as transport, asyncio.TaskGroup() as group:
            for _ in range(2):
                task = group.create_task(asked(transport, url))
                peer, _ = await loop.sock_accept(server)
                peers.append(peer)
                await loop.sock_recv(peer, 65536)
                peer.sendall(KEPT)
                assert await task == (200, b"ok")
                # The next request follows in the same turn of the loop.
                peer.sendall(last_words) if last_words else peer.close()
        for peer in peers:
            peer.close()


async def test_an_attempt_cancelled_at_any_moment_spoils_no_other() -> None:
    """Each answer goes to who asked for it, whatever was broken off before, and no place is lost."""
    async with a_receiver() as receiver, a_sender(receiver.url, connections=1) as sender:
        receiver.behaviour = echoes(receiver)
        for turns in range(40):
            async with asyncio.TaskGroup() as group:
                task = group.create_task(sender.send(a_delivery(f"evt_cancelled_{turns}"), 1))
                for _ in range(turns):
                    await asyncio.sleep(0)
                if turns % 3 == 0:
                    await asyncio.sleep(turns / 20_000)
                task.cancel()
            outcome = await sender.send(a_delivery(f"evt_{turns}"), 1)
            assert isinstance(outcome, Failed)
            assert outcome.excerpt == f"evt_{turns}"


async def test_who_is_cancelled_while_waiting_for_a_place_takes_none() -> None:
    """Nor does the one that had it lose it."""
    gate = asyncio.Event()
    async with (
        a_receiver(once_open(gate, answers())) as receiver,
        a_sender(receiver.url, connections=1) as sender,
        asyncio.TaskGroup() as group,
    ):
        first = group.create_task(sender.send(a_delivery("evt_first"), 1))
        await receiver.got(1)
        waiting = [group.create_task(sender.send(a_delivery(f"evt_{n}"), 1)) for n in range(3)]
        await asyncio.sleep(0.01)
        waiting[0].cancel()
        gate.set()
        assert await first == Delivered(http_status=200)
        assert await asyncio.gather(*waiting[1:]) == [Delivered(http_status=200)] * 2
    assert (receiver.event_ids, receiver.connections) == (["evt_first", "evt_1", "evt_2"], 1)


def echoes(receiver: Receiver) -> Behaviour:
    """404 with the id of the request in its body."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        await answers("404 What", body=receiver.received[-1].event_id.encode())(writer)

    return behave


async def test_no_descriptor_is_left_behind() -> None:
    """However an attempt ends, for a box runs for years."""
    with a_black_hole() as hole:
        before = len(os.listdir("/proc/self/fd"))
        async with a_receiver(in_turn(silence, sends(b"garbage\r\n\r\n"), answers())) as receiver:
            for port in (receiver.port, receiver.port, a_closed_port(), hole, receiver.port):
                await sent(f"http://127.0.0.1:{port}/", timeout_s=0.2)
            await sent("http://hq.example/", resolver=knows_no_name(socket.EAI_NONAME))
        await until(lambda: len(os.listdir("/proc/self/fd")) == before)


# -- finding the host and connecting -----------------------------------------------------------------------------------


async def test_each_address_of_a_host_is_tried() -> None:
    """One that refuses, one that is silent, and the one that answers, all within the time for connecting."""
    with a_black_hole() as hole:
        async with a_receiver() as receiver:
            resolver = leads_to(a_closed_port(), hole, receiver.port)
            async with a_transport(resolver=resolver) as transport:
                assert (await asked(transport, "http://hq.example/", connect=1.0))[0] == 200


async def test_connecting_ends_before_the_deadline_does() -> None:
    """So that silence while connecting can be told from silence afterwards."""
    clock = SystemClock()
    with a_black_hole() as port:
        started_s = clock.steady()
        outcome = await sent("http://hq.example/", timeout_s=0.5, resolver=leads_to(port))
        took_s = clock.steady() - started_s
    assert isinstance(outcome, Failed)
    assert (outcome.error_class, outcome.reach, outcome.error) == (
        ErrorClass.TIMEOUT,
        Reach.SILENT,
        "no connection in time",
    )
    assert 0.39 <= took_s < 2.0


async def test_the_cause_of_a_failure_is_kept() -> None:
    """With the number that the system gave it, also where several addresses failed."""
    async with a_transport(resolver=leads_to(a_closed_port(), a_closed_port())) as transport:
        with pytest.raises(httpx.ConnectError) as error:
            await asked(transport, "http://hq.example/")
    assert isinstance(error.value.__cause__, OSError)
    assert error.value.__cause__.errno == errno.ECONNREFUSED


async def test_a_refusal_says_more_than_silence() -> None:
    """Of several failures the one counts that somebody out there gave."""
    with a_black_hole() as hole:
        outcome = await sent("http://hq.example/", timeout_s=0.5, resolver=leads_to(a_closed_port(), hole))
    assert isinstance(outcome, Failed)
    assert (outcome.error_class, outcome.reach) == (ErrorClass.CONNECT, Reach.UP)


async def test_where_no_thread_is_left_to_ask_no_resolver_has_answered() -> None:
    """All of them hang in look-ups."""

    async def resolve(host: str, port: int) -> list[Address]:
        raise RuntimeError("256 blocking calls hang already")

    outcome = await sent("http://hq.example/", resolver=resolve)
    assert isinstance(outcome, Failed)
    assert (outcome.error_class, outcome.reach) == (ErrorClass.DNS, Reach.DOWN)


async def test_a_name_without_addresses_is_a_dns_failure() -> None:
    """The resolver answered, with nothing."""
    outcome = await sent("http://hq.example/", resolver=leads_to())
    assert isinstance(outcome, Failed)
    assert (outcome.error_class, outcome.reach) == (ErrorClass.DNS, Reach.SILENT)


async def test_silence_on_a_kept_connection_proves_nothing_of_the_network() -> None:
    """The cable may have been pulled since it was opened."""
    async with (
        a_receiver(in_turn(answers(), silence)) as receiver,
        a_sender(receiver.url, timeout_s=0.3, connections=1) as sender,
    ):
        assert await sender.send(a_delivery(), 1) == Delivered(http_status=200)
        outcome = await sender.send(a_delivery(), 2)
    assert isinstance(outcome, Failed)
    assert (outcome.error_class, outcome.reach) == (ErrorClass.TIMEOUT, Reach.SILENT)


async def test_tls_connections_are_kept_too(tmp_path: Path) -> None:
    """Their handshake is what costs most."""
    authority = Authority(tmp_path)
    async with (
        a_receiver(tls=authority.issue("good").server()) as receiver,
        a_sender(receiver.url, ca_file=authority.file) as sender,
    ):
        for number in range(1, 4):
            assert await sender.send(a_delivery(), number) == Delivered(http_status=200)
            await asyncio.sleep(0.02)
    assert (len(receiver.received), receiver.connections) == (3, 1)


# -- bounds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "passes"), [(HEAD_MAX - 500, True), (HEAD_MAX + 2_000, False), (60_000, False)])
async def test_headers_are_bounded_however_fast_they_come(size: int, passes: bool) -> None:
    """All at once or in pieces."""
    async with a_receiver(answers("200 OK", "x-much: " + "y" * size)) as receiver, a_transport() as transport:
        with contextlib.nullcontext() if passes else pytest.raises(httpx.RemoteProtocolError):
            assert (await asked(transport, receiver.url))[0] == 200


async def test_a_switch_of_protocols_is_no_answer() -> None:
    """Nobody asked for one."""
    async with (
        a_receiver(sends(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n")) as receiver,
        a_transport() as transport,
    ):
        with pytest.raises(httpx.RemoteProtocolError):
            await asked(transport, receiver.url)


async def test_a_header_that_http_does_not_allow_is_not_sent() -> None:
    """Nor shown: it may be a secret. And its place is free again."""
    async with a_receiver() as receiver, a_transport(connections=1) as transport:
        request = httpx.Request("POST", receiver.url, headers=[(b"authorization", b"hdr-SECRET\n")], content=b"")
        with pytest.raises(httpx.LocalProtocolError) as error:
            await transport.handle_async_request(request)
        assert (await asked(transport, receiver.url))[0] == 200
    assert len(receiver.received) == 1
    assert "SECRET" not in "".join(traceback.format_exception(error.value))
    assert error.value.__context__ is None
