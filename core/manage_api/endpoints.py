"""The routes of the endpoints: how each one does; pause it, resume it, send it a test."""

import secrets
from typing import Final

from msgspec import Raw, Struct

from core import wire_endpoints as wire
from core.errors import RefusalError
from core.events import Event, EventType, Severity
from core.manage_api import views
from core.manage_api.auditing import of_fields
from core.manage_api.parts import Parts
from core.manage_api.table import Audited, Call, Route, Scope
from core.webhooks.channels import Channel
from core.webhooks.counters import DELIVERED
from core.webhooks.deliveries import Status
from core.webhooks.gate import FOR_EVER
from core.webhooks.standings import Standing


class EndpointHandlers:
    """What the rows below call."""

    def __init__(self, parts: Parts):
        self._parts = parts

    async def list(self, call: Call) -> Struct:  # noqa: ARG002 - a handler
        return _endpoints(self._parts)

    async def pause(self, call: Call) -> Struct:
        channel, body = self._channel(call), call.body
        assert isinstance(body, wire.Pause)
        await self._parts.dispatcher.reception.pause(channel.endpoint.id, call.says(body.by), body.reason)
        return self._item(channel)

    async def resume(self, call: Call) -> Struct:
        channel, body = self._channel(call), call.body
        assert isinstance(body, wire.Resume)
        await self._parts.dispatcher.reception.resume(channel.endpoint.id, call.says(body.by))
        return self._item(channel)

    async def test(self, call: Call) -> Struct:
        channel = self._channel(call)
        event = Event(
            event_id="evt_" + secrets.token_hex(12),
            type=EventType.WEBHOOK_TEST,
            at=self._parts.clock.now(),
            severity=Severity.INFO,
            data=Raw(b"{}"),
        )
        attempt = await self._parts.dispatcher.test(channel.endpoint.id, event)
        return wire.EndpointTest(
            endpoint=channel.endpoint.id,
            event_id=event.event_id,
            started_at=attempt.started_at,
            duration_ms=attempt.duration_ms,
            outcome="failed" if attempt.error_class is not None else "delivered",
            error_class=attempt.error_class,
            http_status=attempt.http_status,
            error=attempt.error,
            response_excerpt=attempt.excerpt,
        )

    def _channel(self, call: Call) -> Channel:
        name = call.path["endpoint_id"]
        channel = self._parts.dispatcher.channel(name)
        if channel is None:
            raise RefusalError(404, "endpoint_not_found", f"there is no endpoint {name!r}")
        return channel

    def as_it_is(self, call: Call) -> Struct:
        return self._item(self._channel(call))

    def _item(self, channel: Channel) -> wire.EndpointItem:
        return item(self._parts, channel)


def _endpoints(parts: Parts) -> wire.Endpoints:
    """How each endpoint of the configuration does."""
    reception = parts.dispatcher.reception
    return wire.Endpoints(
        items=tuple(item(parts, one) for one in parts.dispatcher.channels()),
        network=reception.network.state,
        network_since=reception.network_since,
    )


def item(parts: Parts, channel: Channel) -> wire.EndpointItem:
    info, gate, now_s = views.endpoint(parts, channel.endpoint.id), channel.gate, parts.clock.steady()
    index = parts.queue.index
    oldest_s = parts.queue.ages.oldest_s(index.eldest(info.id))
    wait_s, hold, last = gate.wait_s(now_s), gate.hold(now_s), channel.last_failure
    skew_s, standing = channel.sender.skew_s, gate.standing
    if info.state == "open":
        standing = Standing(since=parts.dispatcher.reception.failing_since.get(info.id))
    counted = parts.dispatcher.reception.counters.of(info.id)
    return wire.EndpointItem(
        id=info.id,
        kind=channel.endpoint.kind,
        host=info.host,
        state=info.state,
        hold=hold,
        held_s=None if hold is None or wait_s == FOR_EVER else round(wait_s, 3),
        since=standing.since,
        reason=standing.reason,
        actor=standing.actor,
        failures=gate.failures,
        last_error_class=last.error_class if last else None,
        last_error=last.error if last else None,
        pending=index.count(Status.PENDING, info.id),
        due=parts.queue.due(info.id),
        in_flight=sum(entry.delivery.endpoint == info.id for entry in index.flying.values()),
        dead_letter=index.count(Status.DEAD_LETTER, info.id),
        oldest_pending_age_s=None if oldest_s is None else round(oldest_s, 3),
        delivered=counted.pop(DELIVERED, 0),
        failed=counted,
        rate_per_min=channel.endpoint.rate_per_min,
        fallback_for=channel.endpoint.fallback_for,
        skew_s=None if skew_s is None else round(skew_s, 1),
    )


_BASE: Final = "/api/manage/webhooks/endpoints"
_NOT_FOUND: Final = ("endpoint_not_found",)
_TOLD: Final = of_fields("state", "reason")
_ENDED: Final = of_fields("outcome", "error_class", "http_status")


def endpoint_routes(on: EndpointHandlers) -> tuple[Route, ...]:
    return (
        Route(
            method="GET",
            path=_BASE,
            scope=Scope.READ,
            handler=on.list,
            summary="How each endpoint does, and the network of this box",
            answer=wire.Endpoints,
        ),
        Route(
            method="POST",
            path=f"{_BASE}/{{endpoint_id}}/pause",
            scope=Scope.OPERATE,
            handler=on.pause,
            summary="Send nothing there until it is resumed; its deliveries wait",
            answer=wire.EndpointItem,
            body=wire.Pause,
            refusals={404: _NOT_FOUND, 409: ("endpoint_held",)},
            audited=Audited(what="endpoint.pause", before=on.as_it_is, changes=_TOLD),
        ),
        Route(
            method="POST",
            path=f"{_BASE}/{{endpoint_id}}/resume",
            scope=Scope.OPERATE,
            handler=on.resume,
            summary="Send there again, after a pause or a 410",
            answer=wire.EndpointItem,
            body=wire.Resume,
            refusals={404: _NOT_FOUND, 409: ("endpoint_not_held",)},
            audited=Audited(what="endpoint.resume", before=on.as_it_is, changes=_TOLD),
        ),
        Route(
            method="POST",
            path=f"{_BASE}/{{endpoint_id}}/test",
            scope=Scope.OPERATE,
            handler=on.test,
            summary="Send one webhook.test event at once, and say what came of it",
            answer=wire.EndpointTest,
            refusals={404: _NOT_FOUND, 409: ("endpoint_busy", "rate_limited")},
            audited=Audited(what="endpoint.test", changes=_ENDED),
        ),
    )
