"""Each way in which nobody answers has a cause of its own, over real sockets."""

import asyncio
import os
import socket
from pathlib import Path

import httpx
import pytest

from cdg_tui.client import MOST_PAGES, PAGE, Client
from cdg_tui.errors import DeniedError, LostError
from cdg_tui.session import Session, socket_address
from core import wire
from tests.cdg_tui.factories import a_case
from tests.cdg_tui.fake_core import FakeCore, an_answer
from tests.cdg_tui.raw_server import GOOD, a_server, an_http_answer, error_from, error_of, over, says

pytestmark = pytest.mark.anyio

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
