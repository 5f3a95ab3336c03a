"""What the attempts say of the endpoints and of this box's network: gates open and close by it, and headquarters is told.

Owns the network's state and the counters. Sends nothing.
"""

import asyncio
import logging
import secrets
from collections.abc import Collection, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw, Struct

from core.clock import Clock
from core.errors import RefusalError
from core.events import Event, EventType, Severity
from core.webhooks.channels import Channel
from core.webhooks.counters import DELIVERED, FAILED, Counters
from core.webhooks.deliveries import Attempt, Failed, Outcome, Reach
from core.webhooks.network import Network
from core.webhooks.retry_policy import RETRY_AFTER_CAP_S
from core.webhooks.retry_queue import RetryQueue
from core.webhooks.standings import Hold, Standing

log = logging.getLogger(__name__)

TELL_EVERY_S: Final = 600.0  # of an endpoint that comes and goes; each telling is a delivery that may fail as well
_OURS: Final = frozenset({Reach.DOWN, Reach.PORTAL, Reach.CLOCK})


class EndpointData(Struct, frozen=True, kw_only=True):
    """The `data` of an endpoint event. Never a URL."""

    endpoint: str
    host: str | None
    failures: int
    error_class: str | None
    http_status: int | None
    reason: str | None


class Reception:
    """Of all endpoints of one box."""

    def __init__(self, queue: RetryQueue, channels: Mapping[str, Channel], clock: Clock):
        self._queue, self._channels, self._clock = queue, channels, clock
        self.network, self.counters = Network(), Counters()
        self.network_since: datetime | None = None
        self.news: asyncio.Queue[tuple[Event, Collection[str]]] = asyncio.Queue()
        self.failing_since: dict[str, datetime] = {}
        self._told_s: dict[str, float] = {}  # when headquarters was told last that it fails
        self._unsettled: set[str] = set()  # those of whom it has not heard yet that they have recovered
        now, now_s = clock.now(), clock.steady()
        recent: dict[str, list[Attempt]] = {name: [] for name in channels}
        for entry in queue.entries():
            late = (one for one in entry.delivery.history if (now - one.started_at).total_seconds() < RETRY_AFTER_CAP_S)
            recent.get(entry.delivery.endpoint, []).extend(late)
        for name, channel in channels.items():
            channel.gate.stand(queue.standing(name), now_s)
            channel.gate.recall(recent[name], now, now_s)

    # -- after an attempt ------------------------------------------------------------------------------------------

    def heard(self, channel: Channel, outcome: Outcome, since_s: float, *, probe: bool) -> bool:
        """Take in what came of an attempt that set out at `since_s`; whether it failed of this box's own network."""
        now_s, failure = self._clock.steady(), outcome if isinstance(outcome, Failed) else None
        name, reach = channel.endpoint.id, failure.reach if failure else Reach.UP
        self.counters.count(name, FAILED if failure else DELIVERED, failure.error_class if failure else None)
        changed = self.network.heard(name, reach)
        ours = reach in _OURS or (reach is Reach.SILENT and self.network.state.hinders)
        if changed:
            self._tell_network(now_s)
        channel.note(failure, now_s)
        if failure is None:
            freed = channel.gate.took(now_s, since_s)
        else:
            freed = channel.gate.failed(failure, now_s, since_s, ours=ours, probe=probe)
            if failure.http_status == HTTPStatus.GONE:
                self._disable(channel)
        if freed:
            self._queue.release(name)
        self._tell_turn(channel, failure)
        return ours

    def _tell_network(self, now_s: float) -> None:
        self.network_since = self._clock.now()
        log.log(logging.WARNING if self.network.state.hinders else logging.INFO, "network: %s", self.network.state)
        for name, channel in self._channels.items():
            if self.network.state.hinders:
                channel.gate.lose_network(now_s)
            elif channel.gate.regain_network(now_s):
                self._queue.release(name)
            channel.ring()

    def _tell_turn(self, channel: Channel, failure: Failed | None) -> None:
        name = channel.endpoint.id
        if self.fails(channel) and name not in self.failing_since:
            self.failing_since[name] = self._clock.now()
            if self._clock.steady() - self._told_s.get(name, -TELL_EVERY_S) >= TELL_EVERY_S:
                self._told_s[name] = self._clock.steady()
                self._unsettled.add(name)
                self._tell(EventType.ENDPOINT_FAILING, Severity.WARNING, channel, failure, (name,))
        elif failure is None and name in self.failing_since and not self.fails(channel):
            del self.failing_since[name]
            if name in self._unsettled:
                self._unsettled.discard(name)
                self._tell(EventType.ENDPOINT_RECOVERED, Severity.INFO, channel, failure, ())

    def fails(self, channel: Channel) -> bool:
        """Whether it can't be reached although the box is not cut off: its breaker is open, or its way alone is barred."""
        shut = channel.gate.shut
        return shut is Hold.OPEN or (shut is Hold.OFFLINE and not self.network.state.hinders)

    def _disable(self, channel: Channel) -> None:
        name = channel.endpoint.id
        if channel.gate.standing.hold is None:
            log.warning("endpoint %s says that it is gone for good (410) and is disabled", name)
            self._stand(channel, Standing(hold=Hold.DISABLED, since=self._clock.now(), reason="410 Gone"))
            self._tell(EventType.ENDPOINT_DISABLED, Severity.WARNING, channel, None, (name,))

    def _tell(
        self,
        kind: EventType,
        severity: Severity,
        channel: Channel,
        failure: Failed | None,
        passed_over: Collection[str],
    ) -> None:
        data = EndpointData(
            endpoint=channel.endpoint.id,
            host=urlsplit(channel.endpoint.url).hostname,
            failures=channel.gate.failures,
            error_class=failure.error_class if failure else None,
            http_status=failure.http_status if failure else None,
            reason=channel.gate.standing.reason,
        )
        event = Event(
            event_id="evt_" + secrets.token_hex(12),
            type=kind,
            at=self._clock.now(),
            severity=severity,
            data=Raw(msgspec.json.encode(data)),
        )
        self.news.put_nowait((event, passed_over))

    # -- by hand ---------------------------------------------------------------------------------------------------

    async def pause(self, endpoint: str, actor: str, reason: str) -> None:
        """Nothing goes there until `resume`. Returns once that is on disk. Raises RefusalError 409."""
        channel = self._channels[endpoint]
        if (hold := channel.gate.standing.hold) is not None:
            raise RefusalError(409, "endpoint_held", f"endpoint {endpoint} is {hold} already")
        standing = Standing(hold=Hold.PAUSED, since=self._clock.now(), reason=reason, actor=actor)
        line = self._stand(channel, standing)
        channel.ring()  # who waits there by hand need not any more
        await self._queue.settled(line)

    async def resume(self, endpoint: str, actor: str) -> None:
        """Of a paused or disabled endpoint; what waits there goes out now. Raises RefusalError 409."""
        channel = self._channels[endpoint]
        if channel.gate.standing.hold is None:
            raise RefusalError(409, "endpoint_not_held", f"endpoint {endpoint} is neither paused nor disabled")
        line = self._stand(channel, Standing(since=self._clock.now(), actor=actor))
        self._queue.release(endpoint)
        channel.ring()
        await self._queue.settled(line)

    def _stand(self, channel: Channel, standing: Standing) -> int:
        channel.gate.stand(standing, self._clock.steady())
        return self._queue.stand(channel.endpoint.id, standing)
