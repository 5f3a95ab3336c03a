"""The loops that send: first attempts, due retries and probes by themselves, single retries by hand.

One attempt at a time for a delivery (the queue's claim), as many for an endpoint as its gate lets through, and no endpoint
waits for another.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

import msgspec

from core import wire
from core.clock import Clock, utc_text
from core.errors import RefusalError
from core.events import LATEST_ONLY, DeviceStamp, Event, Severity
from core.webhooks import deliveries
from core.webhooks.channels import LONGEST_WAIT_S, Channel
from core.webhooks.deliveries import Attempt, Delivery, Failed, Outcome, Trigger
from core.webhooks.entry import Entry
from core.webhooks.reception import Reception
from core.webhooks.retry_queue import RetryQueue
from core.webhooks.standings import Hold

log = logging.getLogger(__name__)


class Errand(Protocol):
    """Who sends many by hand: since when, and who has called that off."""

    started_s: float
    stop_reason: wire.StopReason | None


class Dispatcher:
    """Publishes events to the endpoints that want them, and sends what is due until `stop`."""

    def __init__(self, queue: RetryQueue, channels: Iterable[Channel], stamp: Callable[[], DeviceStamp], clock: Clock):
        self._queue, self._stamp, self._clock = queue, stamp, clock
        self._channels = {channel.endpoint.id: channel for channel in channels}
        self._stopping = False
        self.reception = Reception(queue, self._channels, clock)

    def channel(self, endpoint: str) -> Channel | None:
        return self._channels.get(endpoint)

    def channels(self) -> Iterable[Channel]:
        """In the order of the configuration."""
        return self._channels.values()

    async def publish(self, event: Event) -> None:
        """As Publisher says."""
        await self._publish(event, ())

    async def _publish(self, event: Event, passed_over: Collection[str]) -> None:
        wanted = [
            name for name, channel in self._channels.items() if channel.wants(event.type) and name not in passed_over
        ]
        if event.type in LATEST_ONLY:
            self._queue.cancel_older(event)
        accepted = self._queue.accept(event, wanted, self.body(event))
        await self._queue.durable(accepted)
        for name in wanted:
            if event.severity is Severity.CRITICAL:
                self.urge(name)
            else:
                self.wake(name)

    def wake(self, endpoint: str) -> None:
        """Something of this endpoint may be due."""
        if (channel := self._channels.get(endpoint)) is not None:
            channel.ring()

    def urge(self, endpoint: str) -> None:
        """Something critical of this endpoint is due."""
        if (channel := self._channels.get(endpoint)) is not None:
            channel.gate.urge(self._clock.steady())
            channel.ring()

    async def run(self) -> None:
        """Send what is due, until stopped; what is in flight then is still finished."""
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(self._tell())
            async with asyncio.TaskGroup() as sending:
                for channel in self._channels.values():
                    sending.create_task(self._serve(channel, sending))
            telling.cancel()

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.sender.close()

    def stop(self) -> None:
        """Start no further attempt."""
        self._stopping = True
        for channel in self._channels.values():
            channel.ring()

    async def retry(self, item_id: str, actor: str, drain: Errand | None = None) -> Entry:
        """Send one pending delivery now, due or not. Raises RefusalError when it can't be sent by hand: of a drain also where
        that was stopped, or where its endpoint can't be reached and an attempt since the drain began has shown it.
        """
        trigger = Trigger.MANUAL if drain is None else Trigger.DRAIN
        entry = self._queue.claim_one(item_id, trigger)
        channel = self._channels[entry.delivery.endpoint]
        try:
            while (wait_s := self._wait_by_hand_s(channel, drain)) > 0:
                await channel.rung(wait_s)
        except BaseException:
            self._queue.give_back(entry)
            channel.ring()
            raise
        self._set_out(channel)
        await self._attempt(channel, entry, trigger, actor)
        return entry

    def _wait_by_hand_s(self, channel: Channel, drain: Errand | None) -> float:
        """Until there may be a place. Raises RefusalError where there is none."""
        if self._stopping:
            raise RefusalError(409, "shutdown", "the core is stopping")
        self.refuse_held(channel.endpoint.id)
        if drain is None:
            self._refuse_beyond_limit(channel)
            return LONGEST_WAIT_S if channel.in_flight >= channel.concurrency else 0.0
        if drain.stop_reason is not None:
            raise RefusalError(409, "stopped", "the drain was stopped")
        if channel.failed_after(drain.started_s):
            _refuse_unreachable(channel, self._clock.steady())
        limit_s = channel.gate.rate_wait_s(self._clock.steady())
        return LONGEST_WAIT_S if channel.in_flight >= channel.gate.places else limit_s

    def refuse_held(self, endpoint: str) -> None:
        """Raises RefusalError where a person, a 410 or the configuration keeps everything from this endpoint."""
        channel = self._channels.get(endpoint)
        if channel is None:
            raise RefusalError(409, "endpoint_missing", f"endpoint {endpoint} is not configured")
        match channel.gate.standing.hold:
            case Hold.PAUSED:
                raise RefusalError(409, "endpoint_paused", f"endpoint {endpoint} is paused")
            case Hold.DISABLED:
                raise RefusalError(409, "endpoint_disabled", f"endpoint {endpoint} is disabled by its 410")

    def _refuse_beyond_limit(self, channel: Channel) -> None:
        if (limit_s := channel.gate.rate_wait_s(self._clock.steady())) > 0:
            detail = f"endpoint {channel.endpoint.id} may be sent to again in {limit_s:.0f} s"
            raise RefusalError(409, "rate_limited", detail)

    async def _serve(self, channel: Channel, group: asyncio.TaskGroup) -> None:
        while not self._stopping:
            if (wait_s := self._wait_s(channel)) > 0:
                await channel.rung(wait_s)
                continue
            probing = channel.gate.shut is not None
            if (entry := self._queue.claim(channel.endpoint.id, early=probing)) is not None:
                self._set_out(channel)
                group.create_task(self._attempt(channel, entry, Trigger.PROBE if probing else Trigger.AUTO, None))

    def _wait_s(self, channel: Channel) -> float:
        """Until something may go by itself, as far as can be seen now."""
        due_s = self._queue.next_due_in_s(channel.endpoint.id, early=channel.gate.shut is not None)
        if due_s is None or channel.in_flight >= channel.gate.places:
            return LONGEST_WAIT_S
        return max(due_s, channel.gate.wait_s(self._clock.steady()))

    def _set_out(self, channel: Channel) -> None:
        channel.in_flight += 1
        channel.gate.sets_out(self._clock.steady())

    async def _attempt(self, channel: Channel, entry: Entry, trigger: Trigger, actor: str | None) -> None:
        """Send once and settle; the place is given back whatever happens."""
        since_s = self._clock.steady()
        try:
            delayed_s = since_s - entry.waiting_since_s
            attempt, outcome = await self._send(channel, entry.delivery, trigger, actor, delayed_s)
        except BaseException:
            self._queue.give_back(entry)
            raise
        else:
            ours = self.reception.heard(channel, outcome, since_s, probe=trigger is Trigger.PROBE)
            if ours and trigger is Trigger.AUTO:  # what the box's own network fails of costs nobody anything
                attempt = msgspec.structs.replace(attempt, trigger=Trigger.PROBE)
            self._queue.settle(entry, attempt, outcome, ours=ours)
        finally:
            channel.in_flight -= 1
            channel.ring()

    async def _send(
        self, channel: Channel, delivery: Delivery, trigger: Trigger, actor: str | None, delayed_s: float = 0.0
    ) -> tuple[Attempt, Outcome]:
        started_at, started_s, number = self._clock.now(), self._clock.steady(), delivery.attempts + 1
        outcome = await channel.sender.send(delivery, number, delayed_s)
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
            truncated=failed.truncated if failed else False,
        )
        return attempt, outcome

    async def test(self, endpoint: str, event: Event) -> Attempt:
        """Send this event once, past the queue, whatever holds the endpoint. Raises RefusalError where our own limit does."""
        channel = self._channels[endpoint]
        self._refuse_beyond_limit(channel)
        if channel.in_flight >= channel.concurrency:
            raise RefusalError(409, "endpoint_busy", f"endpoint {endpoint} has no place free")
        delivery = deliveries.opened(event, endpoint, self.body(event), self._clock.now())
        since_s = self._clock.steady()
        self._set_out(channel)
        try:
            attempt, outcome = await self._send(channel, delivery, Trigger.MANUAL, None)
            self.reception.heard(channel, outcome, since_s, probe=False)
        finally:
            channel.in_flight -= 1
            channel.ring()
        return attempt

    async def _tell(self) -> None:
        """Publish what there is to say of endpoints; of one that can't be reached not to itself."""
        while True:
            event, passed_over = await self.reception.news.get()
            await self._publish(event, passed_over)

    def body(self, event: Event) -> bytes:
        """What is sent of it: who speaks, and the event's data."""
        return msgspec.json.encode(
            {
                "type": event.type,
                "timestamp": utc_text(event.at),
                "event_id": event.event_id,
                "device": self._stamp(),
                "data": event.data,
            }
        )


def _refuse_unreachable(channel: Channel, now_s: float) -> None:
    match channel.gate.hold(now_s):
        case Hold.OPEN:
            raise RefusalError(409, "endpoint_open", f"endpoint {channel.endpoint.id} keeps failing")
        case Hold.OFFLINE:
            raise RefusalError(409, "offline", f"endpoint {channel.endpoint.id} can't be reached from here")
        case Hold.RETRY_AFTER:
            raise RefusalError(409, "retry_after", f"endpoint {channel.endpoint.id} has asked for a while without")
