"""What every behaviour of a receiver becomes: one table, each row over real sockets."""

import asyncio
import contextlib
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from core.webhooks.deliveries import Delivered, ErrorClass, Failed, Reach
from core.webhooks.sender import Sender
from core.webhooks.transport import Resolver
from tests.core.webhooks.certificates import LONG_AGO, YET_TO_COME, Authority
from tests.core.webhooks.dead_ends import a_black_hole, a_closed_port, a_strict_server, knows_no_name, leads_to
from tests.core.webhooks.factories import a_delivery, a_sender
from tests.fakes import FakeClock
from tests.receivers import (
    Behaviour,
    Flood,
    a_receiver,
    after,
    answers,
    drips,
    resets_after,
    sends,
    sends_then_silence,
    silence,
)

pytestmark = pytest.mark.anyio
SHORT_S = 1.0  # the deadline in the rows that reach it


class Pki:
    """The certificates that the rows name, and the contexts of receivers that show them."""

    def __init__(self, authority: Authority):
        self.authority = authority
        self.boxes = {"ours": authority.issue("box"), "stranger": authority.self_signed("stranger")}
        good = authority.issue("good")
        self.servers: dict[str, ssl.SSLContext] = {
            "good": good.server(),
            "asks for ours": good.server(client_ca=authority.own.cert),
            "self-signed": authority.self_signed("nobody").server(),
            "expired": authority.issue("expired", LONG_AGO).server(),
            "not yet valid": authority.issue("not-yet", YET_TO_COME).server(),
            "of another host": authority.issue("other", of="DNS:other.example").server(),
        }

    def trusted(self) -> dict[str, Any]:
        """The keys of an endpoint that trusts the authority."""
        return {"ca_file": self.authority.file}

    def shown(self, box: str | None) -> dict[str, Any]:
        """The keys of an endpoint that is shown this certificate of a box."""
        if box is None:
            return {}
        return {"client_cert": str(self.boxes[box].cert), "client_key": str(self.boxes[box].key)}


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(Authority(tmp_path_factory.mktemp("tls")))


async def closes(writer: asyncio.StreamWriter) -> None:
    writer.close()


@dataclass(frozen=True)
class At:
    """A receiver that does this; under TLS with the certificate of this name, which `trusting` it is one of ours."""

    behaviour: Behaviour = field(default_factory=answers)
    tls: str | None = None
    trusting: bool = True
    showing: str | None = None
    in_sync: bool = True
    timeout_s: float = 5.0

    @contextlib.asynccontextmanager
    async def sender(self, pki: Pki) -> AsyncIterator[Sender]:
        endpoint = (pki.trusted() if self.tls and self.trusting else {}) | pki.shown(self.showing)
        clock = FakeClock()
        clock.in_sync = self.in_sync
        context = pki.servers[self.tls] if self.tls else None
        async with (
            a_receiver(self.behaviour, context) as receiver,
            a_sender(receiver.url, clock=clock, timeout_s=self.timeout_s, **endpoint) as sender,
        ):
            yield sender


@dataclass(frozen=True)
class Nobody:
    """No receiver at all: names lead nowhere, or to what `resolver` says."""

    resolver: Callable[[], contextlib.AbstractContextManager[Resolver]]
    timeout_s: float = 5.0

    @contextlib.asynccontextmanager
    async def sender(self, pki: Pki) -> AsyncIterator[Sender]:
        with self.resolver() as resolver:
            async with a_sender("http://hq.example/", timeout_s=self.timeout_s, resolver=resolver) as sender:
                yield sender


@dataclass(frozen=True)
class Strict:
    """A receiver that sends away whoever does not show a certificate of its authority."""

    showing: str | None

    @contextlib.asynccontextmanager
    async def sender(self, pki: Pki) -> AsyncIterator[Sender]:
        with a_strict_server(pki.servers["asks for ours"]) as port:
            endpoint = pki.trusted() | pki.shown(self.showing)
            async with a_sender(f"https://127.0.0.1:{port}/", **endpoint) as sender:
                yield sender


@contextlib.contextmanager
def refused() -> Any:
    yield leads_to(a_closed_port())


@contextlib.contextmanager
def in_a_black_hole() -> Any:
    with a_black_hole() as port:
        yield leads_to(port)


@contextlib.contextmanager
def without_a_name() -> Any:
    yield knows_no_name(socket.EAI_NONAME)


@contextlib.contextmanager
def without_a_resolver() -> Any:
    yield knows_no_name(socket.EAI_AGAIN)


@contextlib.contextmanager
def with_a_silent_resolver() -> Any:
    async def resolve(host: str, port: int) -> Any:
        await asyncio.sleep(60)

    yield resolve


def ok(status: int = 200) -> tuple[object, ...]:
    return (status, None, None, None)


def no(
    error_class: ErrorClass, status: int | None = None, reach: Reach = Reach.UP, *, after_s: float | None = None
) -> tuple[object, ...]:
    return (status, error_class, reach, after_s)


DATE = "date: Mon, 23 Nov 2026 08:00:00 GMT"
HTML, JSON = "content-type: text/html; charset=utf-8", "content-type: application/json"
PAGE = b"\xef\xbb\xbf\n<!doctype html><title>Guest Wi-Fi</title>"
BUSY, MANY = "503 Busy", "429 Too Many Requests"
ELSEWHERE, HERE = "location: http://portal.example/login", "location: /elsewhere"
BOMB = gzip.compress(bytes(50_000_000))
LONG = b"content-length: 209715200\r\n\r\n"
C, R = ErrorClass, Reach

# name: (where it goes, (http status, error class, reach, seconds that were asked for))
MATRIX: dict[str, tuple[At | Nobody | Strict, tuple[object, ...]]] = {
    "200 JSON": (At(answers("200 OK", JSON, body=b'{"ok":true}')), ok()),
    "200 with an error code inside": (At(answers("200 OK", JSON, body=b'{"errcode":310000}')), ok()),
    "204": (At(answers("204 No Content")), ok(204)),
    "200 with its date 2 h off": (At(answers("200 OK", "date: Mon, 23 Nov 2026 10:00:00 GMT")), ok()),
    "200 HTML document": (At(answers("200 OK", HTML, body=PAGE)), no(C.CAPTIVE_PORTAL, 200, R.PORTAL)),
    "200 HTML that is none": (At(answers("200 OK", HTML, body=b"ok")), ok()),
    "200 HTML, empty": (At(answers("200 OK", HTML)), ok()),
    "200 HTML document under TLS": (At(answers("200 OK", HTML, body=PAGE), tls="good"), ok()),
    "301 to another host": (At(answers("301 Moved", ELSEWHERE)), no(C.CAPTIVE_PORTAL, 301, R.PORTAL)),
    "302 to another host": (At(answers("302 Found", ELSEWHERE)), no(C.CAPTIVE_PORTAL, 302, R.PORTAL)),
    "307 to another host": (At(answers("307 Go", ELSEWHERE)), no(C.CAPTIVE_PORTAL, 307, R.PORTAL)),
    "302 elsewhere under TLS": (At(answers("302 Found", ELSEWHERE), tls="good"), no(C.REDIRECT, 302)),
    "301 to itself": (At(answers("301 Moved", HERE)), no(C.REDIRECT, 301)),
    "302 to itself": (At(answers("302 Found", HERE)), no(C.REDIRECT, 302)),
    "307 to itself": (At(answers("307 Go", HERE)), no(C.REDIRECT, 307)),
    "511": (At(answers("511 Log In")), no(C.CAPTIVE_PORTAL, 511, R.PORTAL)),
    "400": (At(answers("400 Bad")), no(C.HTTP_4XX, 400)),
    "401": (At(answers("401 Who")), no(C.HTTP_4XX, 401)),
    "404": (At(answers("404 What")), no(C.HTTP_4XX, 404)),
    "404 HTML": (At(answers("404 What", HTML, body=PAGE)), no(C.HTTP_4XX, 404)),
    "408": (At(answers("408 Late")), no(C.HTTP_4XX, 408)),
    "410": (At(answers("410 Gone")), no(C.HTTP_4XX, 410)),
    "413": (At(answers("413 Big")), no(C.HTTP_4XX, 413)),
    "425": (At(answers("425 Early")), no(C.HTTP_4XX, 425)),
    "429": (At(answers(MANY)), no(C.RATE_LIMITED, 429)),
    "429 for 2 min": (At(answers(MANY, "retry-after: 120")), no(C.RATE_LIMITED, 429, after_s=120.0)),
    "429 until a date": (
        At(answers(MANY, DATE, "retry-after: Mon, 23 Nov 2026 08:02:00 GMT")),
        no(C.RATE_LIMITED, 429, after_s=120.0),
    ),
    "429 until a past date": (
        At(answers(MANY, DATE, "retry-after: Mon, 23 Nov 2026 07:00:00 GMT")),
        no(C.RATE_LIMITED, 429, after_s=0.0),
    ),
    "429 for 10^9 s": (At(answers(MANY, "retry-after: 1000000000")), no(C.RATE_LIMITED, 429, after_s=1e9)),
    "429 for junk": (At(answers(MANY, "retry-after: soon")), no(C.RATE_LIMITED, 429)),
    "500": (At(answers("500 Oops")), no(C.HTTP_5XX, 500)),
    "502": (At(answers("502 Oops")), no(C.HTTP_5XX, 502)),
    "503 for 1 min": (At(answers(BUSY, "retry-after: 60")), no(C.HTTP_5XX, 503, after_s=60.0)),
    "504": (At(answers("504 Oops")), no(C.HTTP_5XX, 504)),
    "refused": (Nobody(refused), no(C.CONNECT)),
    "connecting never ends": (Nobody(in_a_black_hole, SHORT_S), no(C.TIMEOUT, None, R.SILENT)),
    "NXDOMAIN": (Nobody(without_a_name), no(C.DNS, None, R.SILENT)),
    "no resolver": (Nobody(without_a_resolver), no(C.DNS, None, R.DOWN)),
    "silent resolver": (Nobody(with_a_silent_resolver, SHORT_S), no(C.DNS, None, R.DOWN)),
    "reset before an answer": (At(resets_after(b"")), no(C.CONNECT)),
    "closed without an answer": (At(closes), no(C.CONNECT)),
    "reset within the headers": (At(resets_after(b"HTTP/1.1 200 OK\r\nx")), no(C.CONNECT)),
    "reset after the headers of 200": (At(resets_after(b"HTTP/1.1 200 OK\r\n" + LONG)), ok()),
    "reset after the headers of 503": (At(resets_after(b"HTTP/1.1 503 Busy\r\n" + LONG)), no(C.HTTP_5XX, 503)),
    "silence": (At(silence, timeout_s=SHORT_S), no(C.TIMEOUT)),
    "drip": (At(drips(b"HTTP/1.1 200 OK\r\n", 0.2), timeout_s=SHORT_S), no(C.TIMEOUT)),
    "drip of a body of 200": (At(drips(b"HTTP/1.1 200 OK\r\n" + LONG, 0.005), timeout_s=SHORT_S), ok()),
    "first byte just in time": (At(after(0.7 * SHORT_S, answers()), timeout_s=SHORT_S), ok()),
    "first byte just too late": (At(after(1.1 * SHORT_S, answers()), timeout_s=SHORT_S), no(C.TIMEOUT)),
    "200 MB with 200": (At(Flood(b"HTTP/1.1 200 OK\r\n" + LONG)), ok()),
    "200 MB with 500": (At(Flood(b"HTTP/1.1 500 Oops\r\n" + LONG)), no(C.HTTP_5XX, 500)),
    "gzip bomb with 200": (At(answers("200 OK", "content-encoding: gzip", body=BOMB)), ok()),
    "gzip bomb with 500": (At(answers("500 Oops", "content-encoding: gzip", body=BOMB)), no(C.HTTP_5XX, 500)),
    "bad gzip with 200": (At(answers("200 OK", "content-encoding: gzip", body=b"\x1f\x8bno")), ok()),
    "longer than it says": (At(sends(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nlonger")), ok()),
    "shorter than it says": (
        At(sends_then_silence(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab"), timeout_s=SHORT_S),
        ok(),
    ),
    "garbage": (At(sends_then_silence(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")), no(C.PROTOCOL)),
    "TLS": (At(tls="good"), ok()),
    "TLS of an unknown authority": (At(tls="good", trusting=False), no(C.TLS)),
    "TLS self-signed": (At(tls="self-signed"), no(C.TLS)),
    "TLS of another host": (At(tls="of another host"), no(C.TLS)),
    "TLS expired": (At(tls="expired"), no(C.TLS)),
    "TLS expired, our clock unsure": (At(tls="expired", in_sync=False), no(C.CLOCK, None, R.CLOCK)),
    "TLS not yet valid": (At(tls="not yet valid"), no(C.CLOCK)),
    "TLS not yet valid, our clock unsure": (At(tls="not yet valid", in_sync=False), no(C.CLOCK, None, R.CLOCK)),
    "TLS with our certificate": (At(tls="asks for ours", showing="ours"), ok()),
    "TLS with a stranger's": (Strict(showing="stranger"), no(C.TLS)),
    "TLS without a certificate": (Strict(showing=None), no(C.TLS)),
}


@pytest.mark.parametrize("name", MATRIX)
async def test_what_a_receiver_does_becomes(name: str, pki: Pki) -> None:
    """Status, class, what it proves of our own network, and the wait that was asked for."""
    place, expected = MATRIX[name]
    async with place.sender(pki) as sender:
        outcome = await sender.send(a_delivery(), 1)
    match outcome:
        case Delivered(http_status=status):
            assert (status, None, None, None) == expected
        case Failed() as failed:
            assert (failed.http_status, failed.error_class, failed.reach, failed.retry_after_s) == expected
