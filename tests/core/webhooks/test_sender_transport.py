"""What the sender makes of lines that break, hang, drip, flood or speak something else."""

import asyncio
import ssl
import tracemalloc

import pytest

from core.clock import SystemClock
from core.webhooks.deliveries import Delivered, ErrorClass, Failed, Outcome
from core.webhooks.sender import PARTS_MAX, READ_MAX
from tests.core.webhooks.certificates import Authority
from tests.core.webhooks.factories import a_delivery, a_sender, sent
from tests.receivers import (
    Behaviour,
    Flood,
    a_receiver,
    answers,
    drips,
    resets_after,
    sends,
    sends_then_silence,
    silence,
)

pytestmark = pytest.mark.anyio
DEADLINE_S = 0.5
SLACK_S = 1.5


async def failure_of(behaviour: Behaviour, timeout_s: float = 5.0) -> Failed:
    async with a_receiver(behaviour) as receiver:
        return failed(await sent(receiver.url, timeout_s=timeout_s))


def failed(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed)
    return outcome


async def timed(behaviour: Behaviour) -> tuple[Outcome, float]:
    """The outcome under a short deadline, and how long it took."""
    clock = SystemClock()
    async with a_receiver(behaviour) as receiver:
        started_s = clock.steady()
        outcome = await sent(receiver.url, timeout_s=DEADLINE_S)
        return outcome, clock.steady() - started_s


async def test_a_closed_port_is_a_failed_connection() -> None:
    """Nobody listens there."""
    async with a_receiver() as receiver:
        await receiver.stop()
        outcome = failed(await sent(receiver.url))
    assert (outcome.error_class, outcome.error) == (ErrorClass.CONNECT, "connection refused")


async def test_a_name_that_does_not_exist_is_a_dns_failure() -> None:
    """`.invalid` never resolves (RFC 6761)."""
    outcome = failed(await sent("http://no-such-box.invalid/hook", timeout_s=10.0))
    assert outcome.error_class is ErrorClass.DNS
    assert "no-such-box" not in outcome.error


@pytest.mark.parametrize(
    "url",
    ["http://[broken/", "http://a:99999999/", "http://\x7f/", "http://-/", "http://" + "a" * 300 + "/", "http://:80/"],
)
async def test_an_address_that_is_none_is_a_failure_like_others(url: str) -> None:
    """An endpoint that can't be reached must not stop the sending to the others."""
    outcome = failed(await sent(url))
    assert outcome.error_class in {ErrorClass.CONNECT, ErrorClass.DNS, ErrorClass.PROTOCOL}


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\ncontent-le"])
async def test_a_reset_before_the_answer_is_a_failure(data: bytes) -> None:
    """Whether the receiver has it is unknown, so it goes out again."""
    outcome = await failure_of(resets_after(data))
    assert outcome.error_class in {ErrorClass.CONNECT, ErrorClass.PROTOCOL}


async def test_a_close_without_an_answer_is_a_failure() -> None:
    """The same with a polite end."""

    async def closes(writer: asyncio.StreamWriter) -> None:
        writer.close()

    assert (await failure_of(closes)).error_class in {ErrorClass.CONNECT, ErrorClass.PROTOCOL}


async def test_a_reset_after_the_headers_of_a_success_takes_nothing_back() -> None:
    """The receiver has said 200."""
    async with a_receiver(resets_after(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf")) as receiver:
        assert await sent(receiver.url) == Delivered(http_status=200)


async def test_a_reset_after_the_headers_of_a_failure_leaves_its_status() -> None:
    """503 and what it asked for are known, whatever became of the body."""
    data = b"HTTP/1.1 503 Busy\r\nretry-after: 60\r\ncontent-length: 99\r\n\r\nhalf"
    outcome = await failure_of(resets_after(data))
    assert (outcome.http_status, outcome.retry_after_s) == (503, 60.0)


async def test_silence_ends_at_the_deadline() -> None:
    """Accepted, and then nothing."""
    outcome, took_s = await timed(silence)
    assert failed(outcome).error_class is ErrorClass.TIMEOUT
    assert DEADLINE_S * 0.9 <= took_s < DEADLINE_S + SLACK_S


async def test_a_drip_of_headers_ends_at_the_deadline() -> None:
    """Each byte comes in time, and the whole never does."""
    outcome, took_s = await timed(drips(b"HTTP/1.1 200 OK\r\n" + b"x-slow: 1\r\n" * 100, 0.05))
    assert failed(outcome).error_class is ErrorClass.TIMEOUT
    assert took_s < DEADLINE_S + SLACK_S


async def test_interim_answers_come_to_an_end() -> None:
    """100 Continue is no answer, however often it is said."""

    async def continues(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.001)

    assert (await failure_of(continues)).error_class is ErrorClass.PROTOCOL


async def test_a_success_whose_body_never_ends_is_delivered_at_the_deadline() -> None:
    """The status line is the answer."""
    outcome, took_s = await timed(sends_then_silence(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf"))
    assert outcome == Delivered(http_status=200)
    assert took_s < DEADLINE_S + SLACK_S


async def test_a_failure_whose_body_never_ends_keeps_its_status() -> None:
    """503 is what the receiver said, not a timeout."""
    outcome, _ = await timed(sends_then_silence(b"HTTP/1.1 503 Busy\r\ncontent-length: 99\r\n\r\nhalf"))
    found = failed(outcome)
    assert (found.http_status, found.excerpt, found.truncated) == (503, "half", True)


async def test_after_a_deadline_the_next_attempt_finds_a_working_line() -> None:
    """The connection that hung is not used again, and its place is free."""
    async with a_receiver(silence) as receiver, a_sender(receiver.url, timeout_s=DEADLINE_S, connections=1) as sender:
        await sender.send(a_delivery(), 1)
        receiver.behaviour = answers()
        assert await sender.send(a_delivery(), 2) == Delivered(http_status=200)


async def test_a_cancelled_attempt_leaves_a_working_line() -> None:
    """The core was told to stop sending, not to break the client."""
    async with a_receiver(silence) as receiver, a_sender(receiver.url, connections=1) as sender:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(sender.send(a_delivery(), 1))
            await receiver.got(1)
            task.cancel()
        receiver.behaviour = answers()
        assert await sender.send(a_delivery(), 2) == Delivered(http_status=200)


@pytest.mark.parametrize("head", [b"content-length: 209715200", b"connection: close"])
async def test_a_flood_is_read_no_further_than_needed(head: bytes) -> None:
    """Neither the memory of the box nor its metered line pays for a broken receiver."""
    flood = Flood(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
    tracemalloc.start()
    try:
        async with a_receiver(flood) as receiver:
            outcome = await sent(receiver.url)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert outcome == Delivered(http_status=200)
    assert flood.taken < 20 * 1024 * 1024  # what fits into the kernel's buffers
    assert peak < 8 * 1024 * 1024


async def test_headers_without_end_are_refused() -> None:
    """They are bounded too."""

    async def boasts(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(10_000):
            writer.write(b"x-more: " + b"y" * 1000 + b"\r\n")
            await writer.drain()

    assert (await failure_of(boasts)).error_class is ErrorClass.PROTOCOL


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "made-up"])
async def test_broken_compression_of_a_success_takes_nothing_back(coding: str) -> None:
    """The body is not even unpacked."""
    async with a_receiver(answers("200 OK", f"content-encoding: {coding}", body=b"\x1f\x8bnot gzip")) as receiver:
        assert await sent(receiver.url) == Delivered(http_status=200)


async def test_broken_chunks_of_a_failure_leave_its_status() -> None:
    """What is wrong with the body is the receiver's affair."""
    data = b"HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\n\r\nzzz\r\n"
    assert (await failure_of(sends(data))).http_status == 500


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
        b"HTTP/9.9 hello\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"\x00" * 100,
    ],
)
async def test_garbage_is_a_protocol_failure(data: bytes) -> None:
    """Somebody else sits at that port."""
    assert (await failure_of(sends_then_silence(data))).error_class is ErrorClass.PROTOCOL


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """The context of a server with a certificate that nobody vouches for."""
    return Authority(tmp_path_factory.mktemp("tls")).self_signed("nobody").server()


async def test_a_certificate_that_nobody_vouches_for_is_refused(self_signed: ssl.SSLContext) -> None:
    """Not a byte of the alarm goes there."""
    async with a_receiver(tls=self_signed) as receiver:
        outcome = failed(await sent(receiver.url))
    assert (outcome.error_class, receiver.received) == (ErrorClass.TLS, [])
    assert "self-signed" in outcome.error


async def test_plain_http_at_a_tls_port_is_a_failure(self_signed: ssl.SSLContext) -> None:
    """A mistake in the configuration that both ends survive."""
    async with a_receiver(tls=self_signed) as receiver:
        outcome = failed(await sent(receiver.url.replace("https:", "http:")))
    assert outcome.error_class in {ErrorClass.CONNECT, ErrorClass.PROTOCOL}


@pytest.mark.parametrize(("size", "connections"), [(READ_MAX - 1, 1), (READ_MAX, 2)])
async def test_no_more_than_sixteen_kibibytes_are_read(size: int, connections: int) -> None:
    """What is shorter is read to its end, and the connection kept; of what is longer nobody pays for the rest."""
    assert READ_MAX == 16 * 1024
    async with a_receiver(answers(body=bytes(size))) as receiver, a_sender(receiver.url, connections=1) as sender:
        for number in (1, 2):
            assert await sender.send(a_delivery(), number) == Delivered(http_status=200)
    assert receiver.connections == connections


async def test_a_body_in_single_bytes_is_not_read_to_its_end() -> None:
    """Each would be a turn of ours, and the monitoring waits meanwhile."""
    drops = b"1\r\na\r\n" * 20_000
    data = b"HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\n\r\n" + drops + b"0\r\n\r\n"
    outcome = await failure_of(sends(data))
    assert (outcome.http_status, outcome.excerpt, outcome.truncated) == (500, "a" * PARTS_MAX, True)
