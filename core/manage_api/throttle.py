"""Slows down whoever comes without a good token or to a foreign host, or asks for what needs no login.

The answer waits when such answers are many, and ends the connection; where no login is needed only the one that waits does.
Only answers are looked at, so a good token is never delayed, from whatever address; two numbers are all that is remembered.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.clock import Clock

NO_LOGIN: Final = "no_login"  # in the scope of a request that needs none
_REFUSED: Final = frozenset({401, 421})  # what is refused before a login
_AT_ONCE: Final = 100  # this many at a time, and as many a second
_WAIT_S: Final = 0.5
_REST_S: Final = 1.0
_REST_BYTES: Final = 1024 * 1024


class Throttle:
    """One for all callers: addresses are cheap, and a bad token loses nothing by waiting for those of others."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._left, self._at_s = float(_AT_ONCE), clock.steady()

    def wait_s(self) -> float:
        """How long the next such answer waits."""
        now_s = self._clock.steady()
        self._left = min(_AT_ONCE, self._left + (now_s - self._at_s) * _AT_ONCE)
        self._at_s = now_s
        if self._left < 1:
            return _WAIT_S
        self._left -= 1
        return 0.0


def throttled(app: ASGIApp, throttle: Throttle, refused: Callable[[], None]) -> ASGIApp:
    """`refused` is called before a refusal waits: whatever else is short may be taken from that caller."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            refusal = message.get("status") in _REFUSED
            if refusal or (scope.get(NO_LOGIN) and message["type"] == "http.response.start"):
                wait_s = throttle.wait_s()
                if refusal or wait_s:
                    refused()
                    message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
                    await _rest(receive)
                if wait_s:
                    await _unless_gone(receive, wait_s)
            await send(message)

        await app(scope, receive, answer)

    return guarded


async def _rest(receive: Receive) -> None:
    """Read and drop the body, as far as it is on its way: to close a connection with unread bytes resets it, and the caller
    might never see the answer.
    """
    size, more = 0, True
    with suppress(TimeoutError):
        async with asyncio.timeout(_REST_S):
            while more and size < _REST_BYTES:
                message = await receive()
                size, more = size + len(message.get("body", b"")), message.get("more_body", False)


async def _unless_gone(receive: Receive, seconds: float) -> None:
    """A caller that was cut or hung up leaves nothing behind that waits."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
