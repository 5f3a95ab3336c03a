"""The routes of the retry queue: list, windows, look at one, send, drain, stop a drain, cancel, requeue, recover, discard."""

import hashlib
from typing import Annotated, Final

from msgspec import Meta, Raw, Struct

from core import wire, wire_endpoints
from core.manage_api import retry_views
from core.manage_api.auditing import of_fields
from core.manage_api.parts import Parts
from core.manage_api.retry_list import RetryList, RetryQuery
from core.manage_api.retry_tag import RetryConditions
from core.manage_api.retry_window import window_routes
from core.manage_api.table import Audited, Call, Reply, Route, Scope
from core.webhooks.drains import finished_within
from core.webhooks.recovery import discard, recover

_KEY_PATTERN: Final = r"^[!-~](?:[ -~]*[!-~])?$"  # printable ASCII; HTTP takes blanks at the ends away


class DrainHeaders(Struct, frozen=True, kw_only=True, rename="kebab"):
    """`idempotency_key` is the caller's own name for his request: the same one again starts no second drain."""

    idempotency_key: Annotated[str, Meta(min_length=1, max_length=200, pattern=_KEY_PATTERN)] | None = None


class RetryHandlers:
    """What the rows below call."""

    def __init__(self, parts: Parts):
        self._parts = parts

    async def one(self, call: Call) -> Struct:
        entry = self._parts.queue.get(call.path["delivery_id"])
        attempts = tuple(retry_views.attempt(one) for one in entry.delivery.history)
        return wire.RetryDetail(item=retry_views.retry(self._parts, entry), attempts=attempts)

    def as_it_is(self, call: Call) -> Struct:
        return retry_views.retry(self._parts, self._parts.queue.get(call.path["delivery_id"]))

    async def attempts(self, call: Call) -> Struct:
        history = self._parts.queue.get(call.path["delivery_id"]).delivery.history
        return wire.Attempts(items=tuple(retry_views.attempt(one) for one in history))

    async def payload(self, call: Call) -> Struct:
        delivery = self._parts.queue.get(call.path["delivery_id"]).delivery
        body = bytes(delivery.body)
        return wire_endpoints.Payload(
            delivery_id=delivery.delivery_id,
            bytes=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            body=Raw(body),
        )

    async def retry(self, call: Call) -> Struct:
        entry = await self._parts.dispatcher.retry(call.path["delivery_id"], _who(call))
        return retry_views.retry(self._parts, entry)

    async def cancel(self, call: Call) -> Struct:
        entry = self._parts.queue.cancel(call.path["delivery_id"], _who(call))
        await self._parts.queue.settled(entry.n)
        self._parts.dispatcher.wake(entry.delivery.endpoint)
        return retry_views.retry(self._parts, entry)

    async def requeue(self, call: Call) -> Struct:
        entry = self._parts.queue.requeue(call.path["delivery_id"], _who(call))
        await self._parts.queue.settled(entry.n)
        self._parts.dispatcher.wake(entry.delivery.endpoint)
        return retry_views.retry(self._parts, entry)

    async def drain(self, call: Call) -> Struct | Reply:
        request, headers = call.body, call.headers
        assert isinstance(request, wire.Drain)
        assert isinstance(headers, DrainHeaders)
        job = self._parts.drains.start(request, call.says(request.by), headers.idempotency_key)
        finished = await finished_within(job, request.time_budget_s)
        return Reply(status=200 if finished else 202, content=self._parts.drains.result(job))

    async def recent_drains(self, call: Call) -> Struct:  # noqa: ARG002 - a handler
        drains = self._parts.drains
        return wire.Drains(items=tuple(drains.result(job, with_items=False) for job in drains.recent()))

    async def drain_result(self, call: Call) -> Struct:
        drains = self._parts.drains
        return drains.result(drains.get(call.path["drain_id"]))

    async def stop_drain(self, call: Call) -> Struct:
        drains = self._parts.drains
        return drains.result(drains.stop(call.path["drain_id"], _who(call)))

    async def recover(self, call: Call) -> Struct:
        request = call.body
        assert isinstance(request, wire_endpoints.Recover)
        return await recover(self._parts.queue, self._parts.dispatcher, request, call.says(request.by))

    async def discard(self, call: Call) -> Struct:
        request = call.body
        assert isinstance(request, wire_endpoints.Discard)
        return await discard(self._parts.queue, self._parts.dispatcher, request, call.says(request.by))


def _who(call: Call) -> str:
    assert isinstance(call.body, wire_endpoints.Said)
    return call.says(call.body.by)


_BASE = "/api/manage/webhooks"
_NOT_FOUND = {404: ("retry_not_found",)}
_DRAINED = of_fields("drain_id", "running", "stop_reason", "counts")
_RECOVERED = of_fields("matched", "delivery_ids")


def retry_routes(parts: Parts) -> tuple[Route, ...]:
    on = RetryHandlers(parts)

    def audited(verb: str) -> Audited:
        changes = of_fields("status", "attempts", "dead_letter_reason")
        return Audited(what=f"retry.{verb}", before=on.as_it_is, changes=changes)

    return (
        Route(
            method="GET",
            path=f"{_BASE}/retries",
            scope=Scope.READ,
            handler=RetryList(parts).list,
            summary="Deliveries that wait or were given up, or what changed since a number",
            answer=wire.Retries,
            query=RetryQuery,
            headers=RetryConditions,
            statuses=(200, 304),
            refusals={404: ("unknown_cursor",), 409: ("filter_not_with_since_seq", "since_after_until")},
        ),
        *window_routes(parts),
        Route(
            method="POST",
            path=f"{_BASE}/retries/drain",
            scope=Scope.OPERATE,
            handler=on.drain,
            summary="Send what is pending now, with a result for each",
            answer=wire.DrainResult,
            body=wire.Drain,
            body_optional=True,
            headers=DrainHeaders,
            statuses=(200, 202),
            refusals={
                404: ("endpoint_not_found", "retry_not_found"),
                409: ("drain_in_progress", "idempotency_key_reused"),
            },
            audited=Audited(what="retries.drain", changes=_DRAINED),
        ),
        Route(
            method="POST",
            path=f"{_BASE}/retries/recover",
            scope=Scope.OPERATE,
            handler=on.recover,
            summary="Make dead letters pending again, of a time or these, each with a fresh budget",
            answer=wire_endpoints.Recovered,
            body=wire_endpoints.Recover,
            refusals={404: ("endpoint_not_found",), 409: ("recovery_unbounded", "since_after_until")},
            audited=Audited(what="retries.recover", changes=_RECOVERED),
        ),
        Route(
            method="POST",
            path=f"{_BASE}/retries/discard",
            scope=Scope.OPERATE,
            handler=on.discard,
            summary="End deliveries without sending them",
            answer=wire_endpoints.Discarded,
            body=wire_endpoints.Discard,
            audited=Audited(what="retries.discard", changes=_RECOVERED),
        ),
        Route(
            method="GET",
            path=f"{_BASE}/drains",
            scope=Scope.READ,
            handler=on.recent_drains,
            summary="The last drains and the one that runs, each with its counts",
            answer=wire.Drains,
        ),
        Route(
            method="GET",
            path=f"{_BASE}/drains/{{drain_id}}",
            scope=Scope.READ,
            handler=on.drain_result,
            summary="How far a drain is",
            answer=wire.DrainResult,
            refusals={404: ("drain_not_found",)},
        ),
        Route(
            method="POST",
            path=f"{_BASE}/drains/{{drain_id}}/stop",
            scope=Scope.OPERATE,
            handler=on.stop_drain,
            summary="Send no more of a drain; what is in flight finishes",
            answer=wire.DrainResult,
            body=wire_endpoints.Said,
            body_optional=True,
            refusals={404: ("drain_not_found",), 409: ("drain_not_running",)},
            audited=Audited(what="drain.stop", changes=_DRAINED),
        ),
        Route(
            method="GET",
            path=f"{_BASE}/retries/{{delivery_id}}",
            scope=Scope.READ,
            handler=on.one,
            summary="One delivery with its attempts",
            answer=wire.RetryDetail,
            refusals=_NOT_FOUND,
        ),
        Route(
            method="GET",
            path=f"{_BASE}/retries/{{delivery_id}}/attempts",
            scope=Scope.READ,
            handler=on.attempts,
            summary="The attempts of one delivery",
            answer=wire.Attempts,
            refusals=_NOT_FOUND,
        ),
        Route(
            method="GET",
            path=f"{_BASE}/retries/{{delivery_id}}/payload",
            scope=Scope.OPERATE,
            handler=on.payload,
            summary="What the receiver of one delivery is sent",
            answer=wire_endpoints.Payload,
            refusals=_NOT_FOUND,
        ),
        Route(
            method="POST",
            path=f"{_BASE}/retries/{{delivery_id}}/retry",
            scope=Scope.OPERATE,
            handler=on.retry,
            summary="Send one pending delivery now",
            answer=wire.RetryItem,
            body=wire_endpoints.Said,
            body_optional=True,
            refusals={
                **_NOT_FOUND,
                409: (
                    "retry_not_retryable",
                    "endpoint_missing",
                    "endpoint_paused",
                    "endpoint_disabled",
                    "in_flight",
                    "waits_for_earlier",
                    "rate_limited",
                    "shutdown",
                ),
            },
            audited=audited("retry"),
        ),
        Route(
            method="POST",
            path=f"{_BASE}/retries/{{delivery_id}}/cancel",
            scope=Scope.OPERATE,
            handler=on.cancel,
            summary="End a delivery without sending it",
            answer=wire.RetryItem,
            body=wire_endpoints.Cancel,
            body_optional=True,
            refusals={**_NOT_FOUND, 409: ("in_flight", "retry_not_cancellable")},
            audited=audited("cancel"),
        ),
        Route(
            method="POST",
            path=f"{_BASE}/retries/{{delivery_id}}/requeue",
            scope=Scope.OPERATE,
            handler=on.requeue,
            summary="Make a dead letter pending again, with a fresh budget",
            answer=wire.RetryItem,
            body=wire_endpoints.Said,
            body_optional=True,
            refusals={**_NOT_FOUND, 409: ("retry_not_requeueable",)},
            audited=audited("requeue"),
        ),
    )
