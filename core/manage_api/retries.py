"""The routes of the retry queue: list, look at one, send, drain, cancel, requeue."""

import re
from collections.abc import Sequence
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
from core.webhooks.entries import Entry

Limit = Annotated[int, Meta(ge=1, le=250)]
Seq = Annotated[int, Meta(ge=0, le=2**53)]


class RetryQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `status` the list holds pending and dead_letter. `since_seq` with `epoch` asks only for what changed, with
    whatever left since then in its last state; `status` and `due` don't go with it.
    """

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


class Place(Struct, frozen=True, kw_only=True):
    """Where the next page begins: after change `seq`, or of a whole list behind what was created then."""

    epoch: str
    seq: int
    created: tuple[int, str] | None = None


class RetryHandlers:
    """What the rows below call."""

    def __init__(self, parts: Parts):
        self._parts = parts

    async def list(self, call: Call) -> Struct:
        query = call.query
        assert isinstance(query, RetryQuery)
        if query.since_seq is not None and (query.status or query.due is not None):
            raise RefusalError(409, "filter_not_with_since_seq", "what left must be seen: ask without status and due")
        place = _place(query.cursor) if query.cursor is not None else None
        changed = self._changed(query, place)
        found = [entry for entry in self._parts.queue.entries() if self._matches(entry, query, changed)]
        if changed is not None:
            return self._page(sorted(found, key=_by_change), query.limit, changed)
        if place is not None and place.created is not None:
            if place.epoch != self._parts.queue.epoch:
                raise _unknown_cursor()
            found = [entry for entry in found if _by_creation(entry) > place.created]
            return self._page(sorted(found, key=_by_creation), query.limit, None, as_of=place.seq)
        return self._page(sorted(found, key=_by_creation), query.limit, None)

    def _page(self, found: Sequence[Entry], limit: int, changed: int | None, as_of: int | None = None) -> Struct:
        """`seq` is up to where the caller then knows everything: of a whole list the number when its first page was
        made, since what changed between two pages must still come with the next `since_seq`.
        """
        queue, page, more = self._parts.queue, found[:limit], len(found) > limit
        seq = queue.seq if as_of is None else as_of
        if more and changed is not None:
            seq = page[-1].n
        created = _by_creation(page[-1]) if more and changed is None else None
        return wire.Retries(
            items=tuple(views.retry(self._parts, entry) for entry in page),
            next=_cursor(Place(epoch=queue.epoch, seq=seq, created=created)) if more else None,
            full=changed is None,
            epoch=queue.epoch,
            seq=seq,
            server_time=self._parts.clock.now(),
            clock_synced=self._parts.clock.synchronised(),
            summary=views.retry_summary(self._parts),
            sending=tuple(e.delivery.delivery_id for e in queue.entries() if e.in_flight is not None),
        )

    def _changed(self, query: RetryQuery, place: Place | None) -> int | None:
        """The number after which changes are wanted, or None for the whole list: so also where the epoch is another,
        or where what has left since then is no longer known.
        """
        queue, epoch, since = self._parts.queue, query.epoch, query.since_seq
        if place is not None:
            epoch, since = place.epoch, place.seq if place.created is None else None
        if since is None or epoch != queue.epoch:
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


_CURSOR = re.compile(r"([0-9a-f]{1,32})\.([0-9]{1,18})(?:\.(-?[0-9]{1,18})\.(dlv_[0-9a-f]{1,64}))?", re.ASCII)


def _cursor(place: Place) -> str:
    behind = f".{place.created[0]}.{place.created[1]}" if place.created is not None else ""
    return f"{place.epoch}.{place.seq}{behind}"


def _place(cursor: str) -> Place:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise _unknown_cursor()
    epoch, seq, micros, item_id = found.groups()
    return Place(epoch=epoch, seq=int(seq), created=None if micros is None else (int(micros), item_id))


def _by_change(entry: Entry) -> int:
    return entry.n


def _by_creation(entry: Entry) -> tuple[int, str]:
    since_1970 = entry.delivery.created_at - datetime(1970, 1, 1, tzinfo=UTC)
    return round(since_1970.total_seconds() * 1e6), entry.delivery.delivery_id


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
            refusals={404: ("unknown_cursor",), 409: ("filter_not_with_since_seq",)},
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
