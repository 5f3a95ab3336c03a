"""One call to a core: how it is made, how long it may take, and every way not to get an answer. Knows no route and no screen.

Whatever arrives is made harmless here, before anybody else sees it.
"""

import asyncio
import errno
import ssl
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from cdg_tui.errors import AlienError, ClientError, DeniedError, LostError, RefusedError
from cdg_tui.text import is_safe, safe, safe_document
from core import wire

KEPT: Final = 8  # connections: everything is asked for at the same time
LARGEST_ANSWER: Final = 16 * 2**20
UNLOCK_ENDED: Final = "operator_locked"
OF_A_PIN: Final = frozenset({"wrong_pin", UNLOCK_ENDED})  # 401, and yet no loss of the link
_BASE: Final = "/api/manage"
_NOT_MODIFIED: Final = 304
DENIALS: Final = frozenset({"insufficient_scope", "token_expired", "token_revoked"})  # others are one word, `denied`

Answer = TypeVar("Answer", bound=msgspec.Struct)
Query = Mapping[str, str | int | bool]


class _Heard(NamedTuple):
    status: int
    data: bytes
    tag: str | None
    wait_s: float | None


class Calls:
    """To one core, at its address or at the Unix socket `uds`. `deadline_s` is how long an answer may take in all; `trust` decides
    about its certificate under TLS.
    `unlocked` is the token of the operator in whose name everything is asked, `on_locked` is told when the core says that it
    is good no longer.
    """

    def __init__(
        self,
        base_url: str,
        *,
        transport: httpx.AsyncBaseTransport | None,
        uds: str | None,
        token: str | None,
        trust: ssl.SSLContext | None,
        deadline_s: float,
    ):
        self.deadline_s = deadline_s
        self._tags: dict[str, tuple[Query, str]] = {}  # by path: what was asked last, and the tag of the answer
        self.unlocked: str | None = None
        self.on_locked: Callable[[], None] = lambda: None
        if trust is None and transport is None and uds is None:
            trust = httpx.create_ssl_context(trust_env=False)  # once, for it takes some time
        self._open = partial(
            _opened,
            base_url,
            transport,
            uds,
            trust,
            {"authorization": f"Bearer {token}"} if token is not None else {},
        )
        self._http = self._open()
        self._under_way, self._worn = 0, False

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str, answer: type[Answer], query: Query | None = None) -> Answer:
        return read((await self.ask("GET", path, query=query)).data, answer)

    async def get_news(self, path: str, answer: type[Answer], query: Query) -> Answer | None:
        """None where the answer would be the one that was given last; it is forgotten where it was not."""
        asked, tag = self._tags.pop(path, ({}, ""))
        headers = {"if-none-match": tag} if asked == query else {}
        heard = await self.ask("GET", path, query=query, headers=headers)
        if heard.tag is not None:
            self._tags[path] = (query, heard.tag)
        return None if heard.status == _NOT_MODIFIED else read(heard.data, answer)

    async def post(
        self, path: str, answer: type[Answer], body: wire.Body | None = None, deadline_s: float | None = None
    ) -> Answer:
        return read((await self.ask("POST", path, body=body, deadline_s=deadline_s)).data, answer)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: wire.Body | None = None,
        headers: Mapping[str, str] | None = None,
        deadline_s: float | None = None,
    ) -> _Heard:
        """As the operator who unlocked it; where that has ended, one may still look."""
        token, headers = self.unlocked, headers or {}
        unlocked = headers if token is None else {**headers, "authorization": f"Bearer {token}"}
        try:
            return await self._ask(method, path, query, body, unlocked, deadline_s)
        except RefusedError as refusal:
            if token is None or refusal.cause != UNLOCK_ENDED:
                raise
            if self.unlocked == token:
                self.unlocked = None
                self.on_locked()
            if method != "GET":
                raise
        return await self._ask(method, path, query, body, headers, deadline_s)

    async def _ask(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: wire.Body | None,
        headers: Mapping[str, str],
        deadline_s: float | None,
    ) -> _Heard:
        content = None if body is None else msgspec.json.encode(body)
        headers = {**headers, **({} if body is None else {"content-type": "application/json"})}
        request = self._http.build_request(method, f"{_BASE}/{path}", params=query, content=content, headers=headers)
        self._under_way += 1
        cut_off = True
        try:
            async with asyncio.timeout(deadline_s or self.deadline_s):
                heard = await self._exchange(request)
            cut_off = False
        except TimeoutError as error:
            raise LostError("timeout") from error
        except (httpx.HTTPError, OSError, ValueError, RuntimeError) as error:
            # Not only httpx's own: a host name that can't be encoded, say, comes through as it is.
            raise unreachable(error) from error
        finally:
            await self._over(cut_off)
        if not 200 <= heard.status < 300 and not (heard.status == _NOT_MODIFIED and "if-none-match" in request.headers):
            raise _refusal(heard)
        return heard

    async def _over(self, cut_off: bool) -> None:
        """httpcore 1.0.9 keeps the place of a request for ever that is cut off in some moments: whenever one was, and none is
        under way, all connections are left behind for new ones.
        """
        self._under_way -= 1
        self._worn |= cut_off
        if self._worn and not self._under_way:
            self._worn, worn, self._http = False, self._http, self._open()
            await worn.aclose()

    async def _exchange(self, request: httpx.Request) -> _Heard:
        answer = await self._http.send(request, stream=True)
        try:
            data = bytearray()
            async for piece in answer.aiter_bytes():
                data += piece
                if len(data) > LARGEST_ANSWER:
                    raise AlienError("alien", f"> {LARGEST_ANSWER} bytes")
            wait = answer.headers.get("retry-after", "")
            wait_s = float(wait) if wait.isascii() and wait.isdigit() and len(wait) < 9 else None
            return _Heard(answer.status_code, bytes(data), answer.headers.get("etag"), wait_s)
        finally:
            await answer.aclose()


def _opened(
    base_url: str,
    transport: httpx.AsyncBaseTransport | None,
    uds: str | None,
    trust: ssl.SSLContext | None,
    headers: Mapping[str, str],
) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=KEPT)
    return httpx.AsyncClient(
        base_url=base_url,
        transport=transport or httpx.AsyncHTTPTransport(verify=trust or False, uds=uds, limits=limits, trust_env=False),
        timeout=None,  # noqa: S113 - one deadline for the whole call, in _ask
        follow_redirects=False,
        trust_env=False,
        headers=headers,
        event_hooks={"response": [_without_location]},
    )


def read(data: bytes, answer: type[Answer]) -> Answer:
    """Raises AlienError where it is none."""
    try:
        return msgspec.convert(_document(data), answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise AlienError("alien", safe(str(error), 200)) from error


def _document(data: bytes) -> Any:
    """What it says, made harmless. A long list is told again whenever one of its rows moves, mostly of plain words."""
    document = msgspec.json.decode(data)
    return document if is_safe(data) else safe_document(document)


def part(text: str) -> str:
    """One part of a path, whatever stands in it; of dots alone there would be nothing left."""
    return quote(text, safe="").replace(".", "%2E")


async def _without_location(answer: httpx.Response) -> None:
    """httpx parses a redirect's target even where it follows none, and raises for one that is no URL."""
    answer.headers.pop("location", None)


def unreachable(error: Exception) -> ClientError:
    """Which of the ways not to get an answer it was."""
    causes = list(_causes(error))
    if tls := next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None):
        # Before the numbers: its own are none of the system's. What is wrong with a certificate is said most closely there.
        return LostError("tls", safe((getattr(tls, "verify_message", None) or tls.reason or str(tls)).rstrip("."), 200))
    numbers = {cause.errno for cause in causes if isinstance(cause, OSError)}
    if numbers & {errno.EACCES, errno.EPERM}:
        return DeniedError("no_permission")
    if numbers & {errno.ENOENT, errno.ENOTDIR}:
        return LostError("no_socket")
    if errno.ECONNREFUSED in numbers:
        return LostError("refused")
    if isinstance(error, httpx.LocalProtocolError):
        return LostError("broken_off")  # its text quotes our own request, the token too
    if isinstance(error, httpx.RequestError) and not isinstance(error, httpx.ConnectError):
        return LostError("broken_off", safe(str(error), 200))
    return LostError("unreachable", safe(str(error), 200))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """It and all that led to it; where several addresses were tried, what each of them said."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for one in error.exceptions:
                yield from _causes(one)
        error = error.__cause__ or error.__context__


def _refusal(heard: _Heard) -> ClientError:
    status = heard.status
    try:
        problem = msgspec.convert(_document(heard.data), wire.ProblemDetails)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return DeniedError("denied") if status in {401, 403} else LostError("http_error", str(status))
    if status in {401, 403} and problem.code not in OF_A_PIN:
        return DeniedError(problem.code if problem.code in DENIALS else "denied", problem.detail)
    return RefusedError(status, problem.code, problem.detail, drain_id=problem.drain_id, wait_s=heard.wait_s)
