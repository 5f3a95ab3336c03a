"""The routes of the retry queue: list, look at one, send, drain, cancel, requeue."""

import re
from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, Struct

from core import wire
from core.errors import RefusalError
from core.manage_api import views
from core.manage_api.parts import Parts
from core.manage_api.table import Call, Reply, Route, Scope
from core.webhooks.deliveries import ErrorClass, Status
from core.webhooks.drains import finished_within
from core.webhooks.retry_queue import Entry

Limit = Annotated[int, Meta(ge=1, le=250)]
Seq = Annotated[int, Meta(ge=0, le=2**53)]


class RetryQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `status` the list holds pending and dead_letter. `since_seq` with `epoch` asks only for what changed."""

    status: tuple[Status, ...] = ()
    endpoint: str | None = None
    event_type: str | None = None
    case_id: str | None = None
    error_class: ErrorClass | None = None
    due: bool | None = None
    limit: Limit = 50
    cursor: str | None = None
    since_seq: Seq | None = None
    epoch: str | None = None


class RetryHandlers:
    """What the rows below call."""

    def __init__(self, parts: Parts):
        self._parts = parts

    async def list(self, call: Call) -> Struct:
        query = call.query
        assert isinstance(query, RetryQuery)
        changed = self._changed(query)
        found = [entry for entry in self._parts.queue.entries() if self._matches(entry, query, changed)]
        found.sort(key=_by_change if changed is not None else _by_creation)
        start = _start(found, query.cursor) if changed is None and query.cursor is not None else 0
        page = found[start : start + query.limit]
        more = start + query.limit < len(found)
        queue = self._parts.queue
        return wire.Retries(
            items=tuple(views.retry(self._parts, entry) for entry in page),
            next=_cursor(page[-1], by_change=changed is not None) if more else None,
            full=changed is None,
            epoch=queue.epoch,
            seq=page[-1].n if more and changed is not None else queue.seq,
            server_time=self._parts.clock.now(),
            clock_synced=self._parts.clock.synchronised(),
            summary=views.retry_summary(self._parts),
        )

    def _changed(self, query: RetryQuery) -> int | None:
        """The number after which changes are wanted, or None for the whole list: so also where the epoch is another,
        or where what has left since then is no longer known.
        """
        queue = self._parts.queue
        since = query.since_seq
        if query.cursor is not None and query.cursor.startswith(_CHANGE_CURSOR):
            since = _change_of(query.cursor)
        elif since is None or query.epoch != queue.epoch:
            return None
        return since if queue.forgotten_seq <= since <= queue.seq else None

    def _matches(self, entry: Entry, query: RetryQuery, changed: int | None) -> bool:
        delivery = entry.delivery
        if changed is not None and entry.n <= changed:
            return False
        if changed is None and delivery.status not in (query.status or (Status.PENDING, Status.DEAD_LETTER)):
            return False
        last = delivery.last_attempt
        wanted: tuple[tuple[object, object], ...] = (
            (query.endpoint, delivery.endpoint),
            (query.event_type, delivery.event_type),
            (query.case_id, delivery.case_id),
            (query.error_class, last.error_class if last else None),
            (query.due, self._parts.queue.due_in_s(entry) == 0 and entry.in_flight is None),
        )
        return all(want is None or want == have for want, have in wanted)

    async def one(self, call: Call) -> Struct:
        entry = self._parts.queue.get(call.path["delivery_id"])
        attempts = tuple(views.attempt(one) for one in entry.delivery.history)
        return wire.RetryDetail(item=views.retry(self._parts, entry), attempts=attempts)

    async def retry(self, call: Call) -> Struct:
        entry = await self._parts.dispatcher.retry(call.path["delivery_id"], call.actor.name)
        return views.retry(self._parts, entry)

    async def cancel(self, call: Call) -> Struct:
        entry = self._parts.queue.cancel(call.path["delivery_id"], call.actor.name)
        await self._parts.queue.journalled(entry)
        self._parts.dispatcher.wake(entry.delivery.endpoint)
        return views.retry(self._parts, entry)

    async def requeue(self, call: Call) -> Struct:
        entry = self._parts.queue.requeue(call.path["delivery_id"], call.actor.name)
        await self._parts.queue.journalled(entry)
        self._parts.dispatcher.wake(entry.delivery.endpoint)
        return views.retry(self._parts, entry)

    async def drain(self, call: Call) -> Struct | Reply:
        request = call.body
        assert isinstance(request, wire.Drain)
        job = self._parts.drains.start(request, call.actor.name)
        finished = await finished_within(job, request.time_budget_s)
        return Reply(status=200 if finished else 202, content=self._parts.drains.result(job))

    async def drain_result(self, call: Call) -> Struct:
        drains = self._parts.drains
        return drains.result(drains.get(call.path["drain_id"]))


_CHANGE_CURSOR = "seq."
_NUMBER = re.compile(r"-?[0-9]{1,18}")


def _by_change(entry: Entry) -> tuple[int, str]:
    return entry.n, entry.delivery.delivery_id


def _by_creation(entry: Entry) -> tuple[int, str]:
    return _micros(entry.delivery.created_at), entry.delivery.delivery_id


def _micros(at: datetime) -> int:
    return round((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6)


def _cursor(entry: Entry, *, by_change: bool) -> str:
    if by_change:
        return f"{_CHANGE_CURSOR}{entry.n}"
    micros, item_id = _by_creation(entry)
    return f"{micros}.{item_id}"


def _change_of(cursor: str) -> int:
    number = cursor.removeprefix(_CHANGE_CURSOR)
    if not _NUMBER.fullmatch(number):
        raise _unknown_cursor()
    return int(number)


def _start(found: list[Entry], cursor: str) -> int:
    """Where the page after the cursor begins; the cursor's own item may have left meanwhile."""
    micros, dot, item_id = cursor.partition(".")
    if not dot or not item_id.startswith("dlv_") or not _NUMBER.fullmatch(micros):
        raise _unknown_cursor()
    after = (int(micros), item_id)
    return next((at for at, entry in enumerate(found) if _by_creation(entry) > after), len(found))


def _unknown_cursor() -> RefusalError:
    return RefusalError(404, "unknown_cursor", "this cursor is not of this list; start without one")


_BASE = "/api/manage/webhooks"
_NOT_FOUND = {404: ("retry_not_found",)}


def retry_routes(on: RetryHandlers) -> tuple[Route, ...]:
    return (
        Route(
            method="GET",
            path=f"{_BASE}/retries",
            scope=Scope.READ,
            handler=on.list,
            summary="Deliveries that wait or were given up, or what changed since a number",
            answer=wire.Retries,
            query=RetryQuery,
            refusals={404: ("unknown_cursor",)},
        ),
        Route(
            method="POST",
            path=f"{_BASE}/retries/drain",
            scope=Scope.OPERATE,
            handler=on.drain,
            summary="Send what is pending now, with a result for each",
            answer=wire.DrainResult,
            body=wire.Drain,
            body_optional=True,
            statuses=(200, 202),
            refusals={404: ("endpoint_not_found", "retry_not_found"), 409: ("drain_in_progress",)},
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
            method="GET",
            path=f"{_BASE}/retries/{{delivery_id}}",
            scope=Scope.READ,
            handler=on.one,
            summary="One delivery with its attempts",
            answer=wire.RetryDetail,
            refusals=_NOT_FOUND,
        ),
        Route(
            method="POST",
            path=f"{_BASE}/retries/{{delivery_id}}/retry",
            scope=Scope.OPERATE,
            handler=on.retry,
            summary="Send one pending delivery now",
            answer=wire.RetryItem,
            refusals={
                **_NOT_FOUND,
                409: ("retry_not_retryable", "endpoint_missing", "in_flight", "waits_for_earlier"),
            },
        ),
        Route(
            method="POST",
            path=f"{_BASE}/retries/{{delivery_id}}/cancel",
            scope=Scope.OPERATE,
            handler=on.cancel,
            summary="End a delivery without sending it",
            answer=wire.RetryItem,
            refusals={**_NOT_FOUND, 409: ("in_flight", "retry_not_cancellable")},
        ),
        Route(
            method="POST",
            path=f"{_BASE}/retries/{{delivery_id}}/requeue",
            scope=Scope.OPERATE,
            handler=on.requeue,
            summary="Make a dead letter pending again, with a fresh budget",
            answer=wire.RetryItem,
            refusals={**_NOT_FOUND, 409: ("retry_not_requeueable",)},
        ),
    )
