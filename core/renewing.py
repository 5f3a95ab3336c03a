"""httpx's own transport, kept usable for a process that runs for years.

httpcore 1.0.9 keeps the place of a request for ever that is cancelled before it has got its connection, and of some that are
cancelled later. With a deadline round each request that happens to a few in a thousand on a bad line, and once the pool
has no place left nothing goes out any more, whatever the line does. So its places are not counted, which is its user's
affair, and whenever something was cut off and nothing is under way another one takes its place.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import httpx


class RenewingTransport(httpx.AsyncBaseTransport):
    """Any number of connections at once; `kept` of them stay open where nothing is under way. Reads no environment. Each answer
    must be closed.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, proxy: httpx.Proxy | None = None, kept: int = 1):
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=kept)
        trusted = tls or httpx.create_ssl_context(trust_env=False)  # once, for it takes some time
        self._anew = partial(httpx.AsyncHTTPTransport, verify=trusted, proxy=proxy, limits=limits, trust_env=False)
        self._inner = self._anew()
        self._under_way = 0
        self._cut_off = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._under_way += 1
        try:
            answer = await self._inner.handle_async_request(request)
        except (asyncio.CancelledError, Exception):
            await self._over(cut_off=True)
            raise
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        return httpx.Response(
            answer.status_code,
            headers=answer.headers,
            stream=_Body(answer.stream, self._over),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _over(self, cut_off: bool) -> None:
        self._under_way -= 1
        self._cut_off |= cut_off
        if self._cut_off and not self._under_way:
            self._cut_off, worn, self._inner = False, self._inner, self._anew()
            await worn.aclose()


class _Body(httpx.AsyncByteStream):
    """Tells once that it is over, and whether it was cut off."""

    def __init__(self, inner: httpx.AsyncByteStream, over: Callable[[bool], Awaitable[None]]):
        self._inner, self._over = inner, over
        self._closed = self._cut_off = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._inner:
                yield part
        except (asyncio.CancelledError, Exception):
            self._cut_off = True
            raise

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            await self._inner.aclose()
        except (asyncio.CancelledError, Exception):
            self._cut_off = True
            raise
        finally:
            await self._over(self._cut_off)
