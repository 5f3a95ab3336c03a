"""One endpoint as the dispatcher sees it: its sender, its gate, its places, and the bell that wakes who waits for one."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final

from core.clock import Clock
from core.settings import Endpoint, Webhooks
from core.webhooks.deliveries import Failed
from core.webhooks.gate import Gate
from core.webhooks.sender import Sender
from core.webhooks.tls import own_context

log = logging.getLogger(__name__)

LONGEST_WAIT_S: Final = 30.0  # the loop's own timer does not count while the box sleeps


def open_gates(webhooks: Webhooks, clock: Clock) -> dict[str, Gate]:
    """A gate for each endpoint of the settings."""
    longest_s, now_s = webhooks.retry.max_delay_s, clock.steady()
    return {one.id: Gate(webhooks.concurrency, longest_s, one.rate_per_min, now_s) for one in webhooks.endpoints}


class Channel:
    """`concurrency` deliveries at once in all; those that go by themselves only as many as the gate allows."""

    def __init__(self, endpoint: Endpoint, sender: Sender, gate: Gate, concurrency: int):
        self.endpoint, self.sender, self.gate, self.concurrency = endpoint, sender, gate, concurrency
        self.in_flight = 0
        self.last_failure: Failed | None = None  # of the last attempt, None if that was taken
        self._failed_s: float | None = None
        self._bell = asyncio.Event()

    def ring(self) -> None:
        """Something may go that could not before, or other news."""
        self._bell.set()

    async def rung(self, within_s: float) -> None:
        """Wait until somebody rings, but not for ever."""
        self._bell.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(within_s, LONGEST_WAIT_S)):
                await self._bell.wait()

    def note(self, failure: Failed | None, now_s: float) -> None:
        """How the last attempt ended; logged when that changes."""
        before = self.last_failure.error if self.last_failure is not None else None
        if failure is not None and failure.error != before:
            log.warning("endpoint %s does not take deliveries: %s", self.endpoint.id, failure.error)
        elif failure is None and before is not None:
            log.info("endpoint %s takes deliveries again", self.endpoint.id)
        self.last_failure = failure
        self._failed_s = now_s if failure is not None else self._failed_s

    def failed_after(self, since_s: float) -> bool:
        """Whether an attempt failed since then."""
        return self._failed_s is not None and self._failed_s >= since_s

    def wants(self, event_type: str) -> bool:
        """Whether it is sent what is published; a fallback endpoint is only handed what others don't take."""
        return not self.endpoint.fallback_for and self.takes(event_type)

    def takes(self, event_type: str) -> bool:
        return any(fnmatchcase(event_type, pattern) for pattern in self.endpoint.events)


def open_channels(webhooks: Webhooks, gates: Mapping[str, Gate], clock: Clock) -> list[Channel]:
    """The channel of each endpoint of the settings."""
    tls = ssl.create_default_context()  # one for all: building it costs more than a hundred requests
    return [
        Channel(
            endpoint,
            Sender(
                endpoint,
                clock,
                timeout_s=endpoint.timeout_s or webhooks.timeout_s,
                connections=webhooks.concurrency,
                tls=own_context(endpoint) or tls,
            ),
            gates[endpoint.id],
            webhooks.concurrency,
        )
        for endpoint in webhooks.endpoints
    ]
