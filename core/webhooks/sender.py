"""Sends one delivery over HTTP and says what came of it. Knows no retries.

The transport is asked directly: an httpx.AsyncClient would cost as much again, log whole URLs, keep cookies, and parse
what a redirect leads to. httpx's own timeouts are per read and hold no dripping server, so a deadline of ours stands
around the whole attempt.
"""

import asyncio
import base64
import contextlib
import ssl
from functools import cached_property
from typing import Final

import httpx

from core import __version__
from core.clock import Clock
from core.renewing import RenewingTransport
from core.settings import Endpoint, Secret
from core.webhooks.censor import Censor
from core.webhooks.deliveries import Delivery, ErrorClass, Failed, Outcome, Reach
from core.webhooks.failures import failure_of
from core.webhooks.kinds import Kind, Standard
from core.webhooks.transport import CONNECT_S, Transport
from core.webhooks.verdicts import Answer, http_date

READ_MAX: Final = 16 * 1024
PARTS_MAX: Final = 256  # who sends a body byte by byte must not hold up everything else
CONNECT_SHARE: Final = 0.8  # of the deadline; the rest is for a receiver that took long to reach
SKEW_MIN_S: Final = 2.0  # a Date has whole seconds
_OURS: Final = ("webhook-", "x-cdg-")
_OF_HTTP: Final = frozenset({"content-length", "transfer-encoding", "content-type", "user-agent", "accept-encoding"})


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
        self._kind: Kind = Standard(endpoint)
        self._censor = Censor(endpoint)
        self._transport = transport or open_transport(endpoint.proxy, tls, connections)
        connect_s = min(CONNECT_S, CONNECT_SHARE * timeout_s)
        self._timeouts = {"connect": connect_s, "read": timeout_s, "write": timeout_s, "pool": timeout_s}
        self._date = ""
        self._ahead_of_steady_s: float | None = None

    @property
    def skew_s(self) -> float | None:
        """How far the receiver's clock is ahead of this box's, true to a second; None until it has said its time."""
        if self._ahead_of_steady_s is None:
            return None
        return self._ahead_of_steady_s + self._clock.steady() - self._clock.now().timestamp()

    async def send(self, delivery: Delivery, number: int, delayed_s: float = 0.0) -> Outcome:
        """One attempt, the `number`-th of this delivery, which could have gone out `delayed_s` ago. Never raises for
        anything the other end or the network does.
        """
        try:
            request = self._request(delivery, number, delayed_s)
        except (httpx.InvalidURL, ValueError) as error:
            return failure_of(error, self._clock.synchronised)
        arrived = _Arrived()
        try:
            async with asyncio.timeout(self._timeout_s):
                arrived.response = await self._transport.handle_async_request(request)
                await arrived.read_on(arrived.response)
        except TimeoutError:
            failure = self._too_late("connected" in request.extensions)
        except (httpx.HTTPError, OSError, ValueError, RuntimeError) as error:
            failure = failure_of(error, self._clock.synchronised)
        if arrived.response is None:
            return failure
        # The receiver has spoken: a body that breaks after the status line takes nothing back.
        answer = arrived.answer(arrived.response, request.url, self._censor)
        outcome = self._kind.verdict(answer)
        self._learn(answer, outcome)
        return outcome

    def _too_late(self, connected: bool) -> Failed:
        """Silence on a connection that was kept, or on one through a proxy, proves nothing of today's network."""
        return Failed(
            error_class=ErrorClass.TIMEOUT,
            error=f"no complete answer within {self._timeout_s:g} s",
            reach=Reach.UP if connected else Reach.SILENT,
        )

    async def close(self) -> None:
        await self._transport.aclose()

    # -- the request -----------------------------------------------------------------------------------------------

    def _request(self, delivery: Delivery, number: int, delayed_s: float) -> httpx.Request:
        body = self._kind.body(delivery)
        of_kind = self._kind.headers(delivery, body, number, self._stamp(), delayed_s)
        url, headers = self._target
        return httpx.Request(
            "POST",
            url,
            headers=[
                *headers,
                (b"content-length", b"%d" % len(body)),
                *[(name.encode(), value.encode()) for name, value in of_kind.items()],
            ],
            stream=httpx.ByteStream(body),
            extensions={"timeout": self._timeouts},
        )

    @cached_property
    def _target(self) -> tuple[httpx.URL, list[tuple[bytes, bytes]]]:
        """The address, and the headers that are the same in each request; ours are none that somebody has configured.

        Raises httpx.InvalidURL, at each attempt: one endpoint that can't be reached stops no other.
        """
        url = httpx.URL(self._endpoint.url)
        headers = {"host": url.netloc.decode("ascii"), "accept": "*/*"}
        if url.userinfo:
            headers["authorization"] = "Basic " + base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
        for name, value in self._endpoint.headers.items():
            if not name.lower().startswith(_OURS) and name.lower() not in _OF_HTTP:
                headers[name.lower()] = value.reveal()
        headers["content-type"] = "application/json"
        headers["user-agent"] = f"cold-display-guard/{__version__}"
        headers["accept-encoding"] = "identity"  # what comes compressed is not read
        return url, [(name.encode(), value.encode()) for name, value in headers.items()]

    # -- the receiver's clock ----------------------------------------------------------------------------------------

    def _stamp(self) -> int:
        """The receiver's time, as far as it is known to differ: it refuses what seems old to it."""
        now_s, skew_s = self._clock.now().timestamp(), self.skew_s
        return int(now_s if skew_s is None or abs(skew_s) < SKEW_MIN_S else max(0.0, now_s + skew_s))

    def _learn(self, answer: Answer, outcome: Outcome) -> None:
        date = answer.headers.get("date", "")
        if not date or date == self._date or (isinstance(outcome, Failed) and outcome.reach is Reach.PORTAL):
            return
        self._date = date
        if (moment := http_date(date)) is not None:
            # Against the steady clock, so that it stays true when the wall clock of this box is put right.
            self._ahead_of_steady_s = moment.timestamp() - self._clock.steady()


class _Arrived:
    """What has come of an answer so far."""

    def __init__(self) -> None:
        self.response: httpx.Response | None = None
        self._body = bytearray()
        self._parts = 0
        self._is_whole = False

    async def read_on(self, response: httpx.Response) -> None:
        """The start of the body. Where that is all of it the connection can be kept."""
        assert isinstance(response.stream, httpx.AsyncByteStream)
        try:
            async for part in response.stream:
                self._body += part[: READ_MAX - len(self._body)]
                self._parts += 1
                if len(self._body) == READ_MAX or self._parts == PARTS_MAX:
                    return
        finally:
            with contextlib.suppress(httpx.HTTPError):
                await response.stream.aclose()
        self._is_whole = True

    def answer(self, response: httpx.Response, url: httpx.URL, censor: Censor) -> Answer:
        return Answer(
            host=url.raw_host.decode("ascii"),
            encrypted=url.scheme == "https",
            status=response.status_code,
            reason=censor.text(response.reason_phrase),
            headers=response.headers,
            body=censor.bytes(bytes(self._body)),
            more=not self._is_whole,
        )


def open_transport(proxy: Secret | None, tls: ssl.SSLContext, connections: int) -> httpx.AsyncBaseTransport:
    """Our own, unless there is a proxy to be spoken to. Neither looks at the environment, as a client of httpx would: a
    stray HTTP_PROXY must not lead alarms elsewhere.
    """
    if proxy is None:
        return Transport(tls=tls, connections=connections)
    url = httpx.URL(proxy.reveal())
    proxied = httpx.Proxy(url, ssl_context=tls if url.scheme == "https" else None)
    return RenewingTransport(tls=tls, proxy=proxied, kept=connections)
