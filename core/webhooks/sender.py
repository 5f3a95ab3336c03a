"""Sends one delivery over HTTP and says what came of it. No other file talks to receivers; this one knows no retries.

Only 2xx is delivered. Redirects are not followed: a 302 would turn the POST into an empty GET. httpx's own timeouts are
per read and hold no dripping server, so a deadline of ours stands around the whole attempt.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx
from msgspec import structs

from core import __version__
from core.clock import Clock
from core.settings import Endpoint
from core.webhooks import signing
from core.webhooks.deliveries import Delivered, Delivery, ErrorClass, Failed, Outcome

READ_MAX: Final = 16 * 1024
EXCERPT_MAX: Final = 1024
REASON_MAX: Final = 100
_DIGITS: Final = re.compile(r"^\d{1,10}$")


class Sender:
    """The connections to one endpoint. `timeout_s` is the total deadline of one attempt."""

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        *,
        timeout_s: float,
        connections: int,
        tls: ssl.SSLContext,
        transport: httpx.AsyncBaseTransport | None = None,
    ):
        self._endpoint, self._clock, self._timeout_s = endpoint, clock, timeout_s
        self._secrets = [one for one in (endpoint.secret, endpoint.secret_previous) if one is not None]
        self._headers = {
            # In lower case, as ours are: a name written otherwise must take the place of none of them.
            **{name.lower(): value.reveal() for name, value in endpoint.headers.items()},
            "content-type": "application/json",
            "user-agent": f"cold-display-guard/{__version__}",
        }
        self._client = httpx.AsyncClient(
            transport=transport,
            verify=tls,
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            follow_redirects=False,
            trust_env=False,  # a stray HTTP_PROXY must not lead alarms elsewhere
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # they would pile up for months
            event_hooks={"response": [_without_location]},
        )

    async def send(self, delivery: Delivery, number: int) -> Outcome:
        """One attempt, the `number`-th of this delivery. Never raises for anything the other end or the network does."""
        body = bytes(delivery.body)
        stamp = int(self._clock.now().timestamp())
        headers = {
            **self._headers,
            **signing.headers(self._secrets, delivery.event_id, stamp, body),
            "x-cdg-attempt": str(number),
        }
        verdict: Outcome | None = None
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._client.stream("POST", self._endpoint.url, headers=headers, content=body) as answer,
            ):
                verdict = _verdict(answer)
                excerpt = await _excerpt(answer)
                return structs.replace(verdict, excerpt=excerpt) if isinstance(verdict, Failed) else verdict
        except TimeoutError:
            failure = Failed(error_class=ErrorClass.TIMEOUT, error=f"no complete answer within {self._timeout_s:g} s")
        except httpx.HTTPError as error:
            failure = _transport_failure(error)
        except (OSError, ValueError, RuntimeError, httpx.InvalidURL) as error:
            # What httpcore lets through unmapped: a broken address, a certificate's odd name, a closing loop.
            failure = Failed(error_class=ErrorClass.CONNECT, error=type(error).__name__)
        return verdict or failure  # a body that breaks after the status line takes nothing back

    async def close(self) -> None:
        await self._client.aclose()


async def _without_location(answer: httpx.Response) -> None:
    """httpx parses a redirect's target even where it follows none, and raises for one that is no URL."""
    answer.headers.pop("location", None)


def _verdict(answer: httpx.Response) -> Outcome:
    if answer.is_success:
        return Delivered(http_status=answer.status_code)
    return Failed(
        error_class=_class_of(answer.status_code),
        error=f"{answer.status_code} {_clean(answer.reason_phrase[:REASON_MAX])}".strip(),
        http_status=answer.status_code,
        retry_after_s=retry_after_s(answer.headers),
    )


def _class_of(status: int) -> ErrorClass:
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return ErrorClass.RATE_LIMITED
    classes = {3: ErrorClass.REDIRECT, 4: ErrorClass.HTTP_4XX, 5: ErrorClass.HTTP_5XX}
    return classes.get(status // 100, ErrorClass.HTTP_OTHER)


async def _excerpt(answer: httpx.Response) -> str:
    """The start of the answer as clean text. Read to its end where that is near, so that the connection can be kept."""
    read = b""
    async for chunk in answer.aiter_raw():  # raw: a compressed bomb is never unpacked
        read += chunk
        if len(read) >= READ_MAX:
            break
    return _clean(read[:EXCERPT_MAX].decode("utf-8", "replace"))


def _clean(text: str) -> str:
    """Without control characters, which a screen or a log might obey."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def retry_after_s(headers: httpx.Headers) -> float | None:
    """`Retry-After` in seconds: digits, or an HTTP date measured against the answer's own `Date`, since the clock of
    this box may be wrong. Anything else is None.
    """
    text = headers.get("retry-after", "").strip()
    if _DIGITS.match(text):
        return float(text)
    until, sent = _http_date(text), _http_date(headers.get("date", ""))
    if until is None or sent is None:
        return None
    return max(0.0, (until - sent).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found.tzinfo is not None else None


def _transport_failure(error: httpx.HTTPError) -> Failed:
    if isinstance(error, httpx.TimeoutException):
        return Failed(error_class=ErrorClass.TIMEOUT, error="no answer in time")
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return Failed(error_class=ErrorClass.DNS, error="the host name can't be resolved")
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Failed(error_class=ErrorClass.TLS, error=f"certificate refused: {cause.verify_message}")
        if isinstance(cause, ssl.SSLError):
            return Failed(error_class=ErrorClass.TLS, error=f"TLS failed: {cause.reason or 'broken handshake'}")
        if isinstance(cause, ConnectionRefusedError):
            return Failed(error_class=ErrorClass.CONNECT, error="connection refused")
    if isinstance(error, httpx.ProtocolError):
        return Failed(error_class=ErrorClass.PROTOCOL, error="the answer was no valid HTTP")
    return Failed(error_class=ErrorClass.CONNECT, error=_PLAIN.get(type(error), "connection lost"))


_PLAIN: Final[dict[type[httpx.HTTPError], str]] = {httpx.ConnectError: "no connection"}


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
