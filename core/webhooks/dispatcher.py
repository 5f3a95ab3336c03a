"""The loops that send: first attempts and due retries by themselves, single retries by hand.

One attempt at a time for a delivery (the queue's claim), `concurrency` at a time for an endpoint, and no endpoint waits
for another.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from core.clock import Clock, utc_text
from core.errors import RefusalError
from core.events import LATEST_ONLY, DeviceStamp, Event
from core.settings import Endpoint
from core.webhooks.deliveries import Attempt, Failed, Trigger
from core.webhooks.entries import Entry
from core.webhooks.retry_queue import RetryQueue
from core.webhooks.sender import Sender

log = logging.getLogger(__name__)

LONGEST_WAIT_S: Final = 30.0  # the loop's own timer does not count while the box sleeps


class Channel:
    """One endpoint with its sender, its places, and the bell that wakes its loop."""

    def __init__(self, endpoint: Endpoint, sender: Sender, concurrency: int):
        self.endpoint, self.sender, self.concurrency = endpoint, sender, concurrency
        self.places = asyncio.Semaphore(concurrency)
        self.bell = asyncio.Event()
        self._trouble: str | None = None

    def note(self, trouble: str | None) -> None:
        """Log how the endpoint does, when that changes."""
        if trouble is not None and trouble != self._trouble:
            log.warning("endpoint %s does not take deliveries: %s", self.endpoint.id, trouble)
        elif trouble is None and self._trouble is not None:
            log.info("endpoint %s takes deliveries again", self.endpoint.id)
        self._trouble = trouble

    def wants(self, event_type: str) -> bool:
        return any(fnmatchcase(event_type, pattern) for pattern in self.endpoint.events)


class Dispatcher:
    """Publishes events to the endpoints that want them, and sends what is due until `stop`."""

    def __init__(self, queue: RetryQueue, channels: Iterable[Channel], stamp: Callable[[], DeviceStamp], clock: Clock):
        self._queue, self._stamp, self._clock = queue, stamp, clock
        self._channels = {channel.endpoint.id: channel for channel in channels}
        self._stopping = False

    def channel(self, endpoint: str) -> Channel | None:
        return self._channels.get(endpoint)

    async def publish(self, event: Event) -> None:
        """As Publisher says."""
        wanted = [name for name, channel in self._channels.items() if channel.wants(event.type)]
        if event.type in LATEST_ONLY:
            self._queue.cancel_older(event)
        accepted = self._queue.accept(event, wanted, self._body(event))
        await self._queue.durable(accepted)
        for name in wanted:
            self.wake(name)

    def wake(self, endpoint: str) -> None:
        """Something of this endpoint may be due."""
        if (channel := self._channels.get(endpoint)) is not None:
            channel.bell.set()

    async def run(self) -> None:
        """Send what is due, until stopped; what is in flight then is still finished."""
        async with asyncio.TaskGroup() as group:
            for channel in self._channels.values():
                group.create_task(self._serve(channel, group))

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.sender.close()

    def stop(self) -> None:
        """Start no further attempt."""
        self._stopping = True
        for channel in self._channels.values():
            channel.bell.set()

    async def retry(self, item_id: str, actor: str, trigger: Trigger = Trigger.MANUAL) -> Entry:
        """Send one pending delivery now, due or not. Raises RefusalError when it can't be sent by hand."""
        entry = self._queue.claim_one(item_id, trigger)
        channel = self._channels[entry.delivery.endpoint]
        try:
            await channel.places.acquire()
        except asyncio.CancelledError:
            self._queue.give_back(entry)
            raise
        if self._stopping:
            channel.places.release()
            self._queue.give_back(entry)
            raise RefusalError(409, "shutdown", "the core is stopping")
        await self._attempt(channel, entry, trigger, actor)
        return entry

    async def _serve(self, channel: Channel, group: asyncio.TaskGroup) -> None:
        while not self._stopping:
            channel.bell.clear()
            wait_s = self._queue.next_due_in_s(channel.endpoint.id)
            if wait_s is None or wait_s > 0:
                await _rung(channel.bell, min(wait_s or LONGEST_WAIT_S, LONGEST_WAIT_S))
                continue
            await channel.places.acquire()
            entry = None if self._stopping else self._queue.claim(channel.endpoint.id)
            if entry is None:
                channel.places.release()  # it went by hand meanwhile
            else:
                group.create_task(self._attempt(channel, entry, Trigger.AUTO, None))

    async def _attempt(self, channel: Channel, entry: Entry, trigger: Trigger, actor: str | None) -> None:
        """Send once and settle; the place is given back whatever happens."""
        started_at, started_s = self._clock.now(), self._clock.steady()
        number = entry.delivery.attempts + 1
        try:
            outcome = await channel.sender.send(entry.delivery, number)
        except BaseException:
            self._queue.give_back(entry)
            raise
        else:
            failed = outcome if isinstance(outcome, Failed) else None
            attempt = Attempt(
                number=number,
                trigger=trigger,
                actor=actor,
                started_at=started_at,
                duration_ms=round((self._clock.steady() - started_s) * 1000),
                http_status=outcome.http_status,
                error_class=failed.error_class if failed else None,
                error=failed.error if failed else None,
                retry_after_s=failed.retry_after_s if failed else None,
                excerpt=failed.excerpt if failed else "",
            )
            self._queue.settle(entry, attempt, outcome)
            channel.note(failed.error if failed else None)
        finally:
            channel.places.release()
            channel.bell.set()

    def _body(self, event: Event) -> bytes:
        return msgspec.json.encode(
            {
                "type": event.type,
                "timestamp": utc_text(event.at),
                "event_id": event.event_id,
                "device": self._stamp(),
                "data": event.data,
            }
        )


async def _rung(bell: asyncio.Event, within_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await bell.wait()
