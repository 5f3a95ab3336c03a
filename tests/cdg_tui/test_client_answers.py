"""Each way in which a core answers otherwise than it should is told apart, made harmless, and tells no token."""

import asyncio
import traceback

import pytest

from cdg_tui.calls import LARGEST_ANSWER
from cdg_tui.client import Client
from cdg_tui.errors import AlienError, DeniedError, LostError, RefusedError
from tests.cdg_tui.fake_core import a_problem
from tests.cdg_tui.raw_server import GOOD, a_server, an_http_answer, error_from, of, says

pytestmark = pytest.mark.anyio

TOKEN = "cdg-0123456789abcdefghij"

# -- somebody answers, but not as it should be -------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", [b"no", a_problem(403, "unauthorized", "This needs a token.").content])
async def test_who_is_not_let_in_is_told_so(status: int, body: bytes) -> None:
    error = await error_from(says(an_http_answer(body, status)))
    assert (type(error), error.cause) == (DeniedError, "denied")
    assert error.detail == ("" if body == b"no" else "This needs a token.")


@pytest.mark.parametrize("code", ["insufficient_scope", "token_expired", "token_revoked"])
async def test_who_can_do_something_about_it_is_told_what(code: str) -> None:
    error = await error_from(says(of(a_problem(403, code, "no"))))
    assert (type(error), error.cause) == (DeniedError, code)


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
