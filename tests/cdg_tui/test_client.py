"""Each way in which a core does not answer as it should has a cause of its own, over real sockets."""

import asyncio
import contextlib
import os
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import msgspec
import pytest

from cdg_tui.client import (
    LARGEST_ANSWER,
    MOST_PAGES,
    PAGE,
    AlienError,
    Client,
    ClientError,
    DeniedError,
    LostError,
    RefusedError,
)
from cdg_tui.session import Session, socket_address
from core import wire
from tests.cdg_tui.fake_core import FakeCore, a_case, a_problem, a_status, an_answer

pytestmark = pytest.mark.anyio

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
GOOD = msgspec.json.encode(a_status(FakeCore()))
TOKEN = "cdg-0123456789abcdefghij"


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


# -- nobody answers ----------------------------------------------------------------------------------------------------


async def test_a_core_that_does_not_run_has_no_socket(tmp_path: Path) -> None:
    error = await error_of(over(tmp_path / "manage.sock"))
    assert (type(error), error.cause) == (LostError, "no_socket")


async def test_a_core_that_was_killed_leaves_a_socket_that_refuses(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "manage.sock"))
    error = await error_of(over(tmp_path / "manage.sock"))
    assert (type(error), error.cause) == (LostError, "refused")


async def test_a_closed_port_refuses() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = await error_of(Client(f"http://127.0.0.1:{port}"))
    assert (type(error), error.cause) == (LostError, "refused")


async def test_a_name_with_two_addresses_refuses_where_one_of_them_does() -> None:
    """As the event loop says it: both errors in one group."""

    def both(request: httpx.Request) -> httpx.Response:
        errors = [OSError(101, "Network is unreachable"), ConnectionRefusedError(111, "Connection refused")]
        raise httpx.ConnectError("All connection attempts failed") from ExceptionGroup("two addresses", errors)

    core = FakeCore()
    core.fail = both
    error = await error_of(Client("http://localhost", transport=core))
    assert (type(error), error.cause) == (LostError, "refused")


@pytest.mark.parametrize("url", ["http://no.such.host.invalid", f"http://{'a' * 70}.invalid"])
async def test_a_host_that_nobody_knows_is_unreachable(url: str) -> None:
    error = await error_of(Client(url))
    assert (type(error), error.cause) == (LostError, "unreachable")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open every socket")
async def test_a_socket_of_somebody_else_is_denied(tmp_path: Path) -> None:
    async with a_server(says(an_http_answer(GOOD)), str(tmp_path / "manage.sock")):
        (tmp_path / "manage.sock").chmod(0)
        error = await error_of(over(tmp_path / "manage.sock"))
    assert (type(error), error.cause) == (DeniedError, "no_permission")


async def test_a_core_that_accepts_nobody_runs_into_the_deadline(tmp_path: Path) -> None:
    """A stopped process: the system takes the connection in for it."""
    with socket.socket(socket.AF_UNIX) as stopped:
        stopped.bind(str(tmp_path / "manage.sock"))
        stopped.listen()
        error = await error_of(over(tmp_path / "manage.sock", deadline_s=0.2))
    assert (type(error), error.cause) == (LostError, "timeout")


async def test_a_core_that_says_nothing_runs_into_the_deadline() -> None:
    error = await error_from(says(b"", pause_s=60), deadline_s=0.3)
    assert (type(error), error.cause) == (LostError, "timeout")


async def test_a_core_that_drips_runs_into_the_same_deadline() -> None:
    """No single read takes long; the whole does."""
    start = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"
    error = await error_from(says(start, *[b" "] * 1000, pause_s=0.02), deadline_s=0.5)
    assert (type(error), error.cause) == (LostError, "timeout")


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\ncontent-le", an_http_answer(GOOD)[:-1], b"\x00\xff nonsense\r\n\r\n"]
)
async def test_an_answer_that_ends_too_soon_or_is_no_http_is_broken_off(said: bytes) -> None:
    error = await error_from(says(said))
    assert (type(error), error.cause) == (LostError, "broken_off")


async def test_tls_that_fails_is_named_and_is_no_matter_of_permission() -> None:
    """OpenSSL numbers its errors from 1 as well, which for the system is EPERM."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(an_http_answer(GOOD))

    async with a_server(talk) as url:
        error = await error_of(Client(url.replace("http:", "https:")))
    assert (type(error), error.cause) == (LostError, "tls")


# -- somebody answers, but not as it should be -------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", [b"no", a_problem(403, "insufficient_scope", "This needs operate.").content])
async def test_who_is_not_let_in_is_told_so(status: int, body: bytes) -> None:
    error = await error_from(says(an_http_answer(body, status)))
    assert (type(error), error.cause) == (DeniedError, "denied")
    assert error.detail == ("" if body == b"no" else "This needs operate.")


async def test_a_refusal_keeps_its_status_and_code() -> None:
    error = await error_from(says(of(a_problem(409, "drain_in_progress", "drn_1 is still running"))))
    assert isinstance(error, RefusedError)
    assert (error.status, error.cause, error.detail) == (409, "drain_in_progress", "drn_1 is still running")


@pytest.mark.parametrize("status", [302, 404, 418, 500, 503])
async def test_an_error_without_a_problem_document_is_told_by_its_number(status: int) -> None:
    error = await error_from(says(an_http_answer(b"<h1>oops</h1>", status)))
    assert (type(error), error.cause, error.detail) == (LostError, "http_error", str(status))


@pytest.mark.parametrize(
    "target", ["http://elsewhere.invalid/", "javascript:1", "http://[::1", "\\", "http://a:99999/"]
)
async def test_a_redirect_is_not_followed_wherever_it_points(target: str) -> None:
    """A captive portal answers like this; some targets are no URL at all."""
    error = await error_from(says(an_http_answer(b"", 302, f"location: {target}")))
    assert (type(error), error.cause, error.detail) == (LostError, "http_error", "302")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>It works!</html>",
        b"{}",
        b"[]",
        b"null",
        GOOD[:-1],
        GOOD.replace(b'"seq":1', b'"seq":"one"'),
        GOOD.replace(b'"epoch"', b'"epoche"'),
        GOOD.replace("徐".encode(), b"\xff"),
        b"[" * 100_000,
        b"9" * 10_000,
    ],
    ids=lambda body: body[:12],
)
async def test_what_is_not_this_contract_is_alien(body: bytes) -> None:
    error = await error_from(says(an_http_answer(body)))
    assert (type(error), error.cause) == (AlienError, "alien")
    assert len(error.detail) <= 200


async def test_an_answer_without_end_is_left() -> None:
    piece = b"%x\r\n" % 2**20 + b" " * 2**20 + b"\r\n"
    start = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    error = await error_from(says(start, *[piece] * (LARGEST_ANSWER // 2**20 + 50)))
    assert (type(error), error.cause) == (AlienError, "alien")


async def test_a_later_version_may_say_more() -> None:
    async with a_server(says(an_http_answer(b'{"weather":"hot",' + GOOD[1:]))) as url:
        client = Client(url)
        assert (await client.status()).device.site == "SH-0412"
        await client.close()


async def test_what_is_said_is_harmless_before_anybody_sees_it() -> None:
    """In answers and in refusals."""
    body = GOOD.replace("徐家汇店".encode(), b"\\u001b]0;x\\u0007")
    async with a_server(says(an_http_answer(body))) as url:
        client = Client(url)
        assert (await client.status()).device.site_name == "\\x1b]0;x\\x07"
        await client.close()
    error = await error_from(says(of(a_problem(409, "\x1b[2J", "\u202e"))))
    assert (error.cause, error.detail) == ("\\x1b[2J", "\\u202e")


# -- the token ---------------------------------------------------------------------------------------------------------


async def test_the_token_is_sent_as_bearer() -> None:
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(an_http_answer(GOOD))

    async with a_server(talk) as url:
        client = Client(url, token=TOKEN)
        await client.status()
        await client.close()
    assert f"\r\nauthorization: Bearer {TOKEN}\r\n".encode() in heard[0].replace(b"Authorization", b"authorization")


@pytest.mark.parametrize("token", [TOKEN, f"{TOKEN}\nx"])
@pytest.mark.parametrize("said", [b"", an_http_answer(b"no", 401), an_http_answer(b"{}"), b"nonsense\r\n\r\n"])
async def test_no_error_tells_the_token(token: str, said: bytes) -> None:
    """Neither in its own text nor, where it is shown, in that of a token that can't even be sent."""
    error = await error_from(says(said), token=token)
    assert TOKEN not in f"{error} {error!r} {error.detail}"
    if token == TOKEN:
        assert TOKEN not in "".join(traceback.format_exception(error))


# -- where the socket is, how much is read -----------------------------------------------------------------------------


async def test_a_socket_is_reached_however_long_its_path_is(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 100) / "data"
    directory.mkdir(parents=True)
    async with a_server(says(an_http_answer(GOOD)), socket_address(directory)):
        assert (directory / "manage.sock").is_socket()
        client = Session(directory=directory).client()
        assert (await client.status()).epoch == "e1"
        await client.close()


class ManyCases(httpx.AsyncBaseTransport):
    """Pages of cases that always promise another one."""

    def __init__(self, per_page: int):
        self.pages, self._items = 0, tuple(a_case(n) for n in range(per_page))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.params.get("cursor") == (str(self.pages) if self.pages else None)
        self.pages += 1
        return an_answer(wire.Cases(items=self._items, next=str(self.pages)))


@pytest.mark.parametrize("per_page", [0, 2])
async def test_lists_that_never_end_are_read_to_a_bound(per_page: int) -> None:
    core = ManyCases(per_page)
    client = Client("http://localhost", transport=core)
    assert len(await client.open_cases()) == MOST_PAGES * per_page
    assert core.pages == MOST_PAGES
    assert MOST_PAGES * PAGE == 10_000
