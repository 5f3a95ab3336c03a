"""A retry queue that an escalation looks after, on a clock turned by hand; nothing is sent."""

import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from core.events import DeviceStamp, Event, Severity
from core.settings import Endpoint, Webhooks
from core.webhooks.channels import Channel, open_gates
from core.webhooks.deliveries import Delivery, Outcome, delivery_id
from core.webhooks.dispatcher import Dispatcher
from core.webhooks.entry import Entry
from core.webhooks.escalation import Escalation
from tests.core.webhooks.factories import OK, Box, a_sender, an_attempt, an_endpoint, an_event
from tests.fakes import FakeClock

SPARE = an_endpoint("http://127.0.0.1:9/", "spare", fallback_for=("hq",))
LIMIT_S = 300.0


def a_critical(name: str = "evt_1", **changes: Any) -> Event:
    return an_event(name, severity=Severity.CRITICAL, **changes)


class Watched:
    """A box with an escalation over it; `restart` is a new core over the same journal, `away_s` later."""

    def __init__(self, directory: Path, dispatcher: Callable[[Box], Dispatcher], webhooks: Webhooks):
        self.directory, self.clock = directory, FakeClock()
        names = [one.id for one in webhooks.endpoints]
        self.box = Box(directory, clock=self.clock, endpoints=names)
        self._dispatcher, self._webhooks = dispatcher, webhooks
        self._build()

    def _build(self) -> None:
        self.dispatcher = self._dispatcher(self.box)
        self.escalation = Escalation(self.box.queue, self.dispatcher, self._webhooks, self.clock)

    def restart(self, away_s: float = 0.0) -> None:
        self.clock.wall += timedelta(seconds=away_s)
        self.clock.steady_s = 5.0  # another boot
        self.box.reopen()
        self._build()

    async def publish(self, event: Event) -> None:
        await self.dispatcher.publish(event)

    async def look(self) -> None:
        self.escalation.look()
        await self.escalation.hand_over()

    @property
    def overdue(self) -> int:
        found = self.escalation.overdue
        return 0 if found is None else found.count

    def at(self, endpoint: str, event: str = "evt_1") -> Delivery | None:
        return self.box.known().get(delivery_id(event, endpoint))

    def entry(self, endpoint: str = "hq", event: str = "evt_1") -> Entry:
        return self.box.queue.get(delivery_id(event, endpoint))

    def attempt(self, endpoint: str = "hq", outcome: Outcome = OK) -> None:
        entry = self.box.queue.claim(endpoint)
        assert entry is not None
        self.box.queue.settle(entry, an_attempt(self.clock, entry, outcome), outcome)


@contextlib.asynccontextmanager
async def a_watch(
    directory: Path,
    *spares: Endpoint,
    minutes: float = LIMIT_S / 60,
    command: tuple[str, ...] = (),
    synced: bool = True,
) -> AsyncIterator[Watched]:
    """`hq` and the spares; events are stamped as written under a clock that is synchronised or not."""
    endpoints = (an_endpoint("http://127.0.0.1:9/"), *spares)
    webhooks = Webhooks(endpoints=endpoints, escalate_after_min=minutes, escalate_command=command)
    async with contextlib.AsyncExitStack() as stack:
        senders = [await stack.enter_async_context(a_sender(one.url)) for one in endpoints]

        def stamp() -> DeviceStamp:
            return DeviceStamp(id="b", site="s", boot_id="b", uptime_s=1.0, clock_synced=synced, version="0")

        def dispatcher(box: Box) -> Dispatcher:
            gates = open_gates(webhooks, box.clock)
            channels = [Channel(one, sender, gates[one.id], 4) for one, sender in zip(endpoints, senders, strict=True)]
            return Dispatcher(box.queue, channels, stamp, box.clock)

        watched = Watched(directory, dispatcher, webhooks)
        try:
            yield watched
        finally:
            watched.box.close()
