"""The list of retries: filters, pages that lose nothing, only what changed, and nothing at all where nothing did."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from core import wire
from core.errors import RefusalError
from core.manage_api import retry_views, views
from core.manage_api.paging import Limit, Text, check_range, micros_of, moment_of, unknown_cursor
from core.manage_api.parts import Parts
from core.manage_api.table import Call, Reply
from core.webhooks.deliveries import ErrorClass, Status
from core.webhooks.entry import Entry
from core.webhooks.filters import Filter
from core.webhooks.index import UNDELIVERED, place_of

Seq = Annotated[int, Meta(ge=0, le=2**53)]


class RetryQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `status` the list holds pending and dead_letter. `since_seq` with `epoch` asks only for what changed, with
    whatever left since then in its last state; what a change can take away (`status`, `due`, `error_class`, `q`) doesn't go
    with it.

    `created_after` is itself within the range, `created_before` is not. `q` is text in an id, in the cabinet, the event type
    or the last error, whatever its case.
    """

    status: tuple[Status, ...] = ()
    endpoint: str | None = None
    event_type: str | None = None
    case_id: str | None = None
    severity: Literal["info", "warning", "critical"] | None = None
    error_class: ErrorClass | None = None
    created_after: wire.Moment | None = None
    created_before: wire.Moment | None = None
    q: Text | None = None
    due: bool | None = None
    limit: Limit = 50
    cursor: str | None = None
    since_seq: Seq | None = None
    epoch: str | None = None


class RetryConditions(Struct, frozen=True, kw_only=True, rename="kebab"):
    """The headers that the list reads."""

    if_none_match: str | None = None


class Place(Struct, frozen=True, kw_only=True):
    """Where the next page begins: after change `seq`, or of a whole list behind what was created then."""

    epoch: str
    seq: int
    created: tuple[datetime, str] | None = None


class RetryList:
    """Answers the list."""

    def __init__(self, parts: Parts):
        self._parts = parts

    async def list(self, call: Call) -> Reply:
        query, conditions = call.query, call.headers
        assert isinstance(query, RetryQuery)
        assert isinstance(conditions, RetryConditions)
        if query.since_seq is not None and (query.status or query.error_class or query.q or query.due is not None):
            detail = "what left must be seen: ask without status, due, error_class and q"
            raise RefusalError(409, "filter_not_with_since_seq", detail)
        check_range(query.created_after, query.created_before)
        overview = retry_views.retry_overview(self._parts)
        tag = self._tag(query, overview)
        headers = {"etag": tag, "cache-control": "private, no-cache"}
        if conditions.if_none_match is not None and _names(conditions.if_none_match, tag):
            return Reply(status=304, content=None, headers=headers)
        return Reply(content=self._answer(query, overview), headers=headers)

    def _tag(self, query: RetryQuery, overview: retry_views.RetryOverview) -> str:
        """The same as long as nothing happened: weak, since ages, remaining times and `server_time` go on all the same.

        What happens without a change of the queue's number is added: a delivery falls due or sets out, an endpoint's or
        the network's state turns, the clock becomes right.
        """
        parts, queue = self._parts, self._parts.queue
        endpoints = parts.loaded.settings.webhooks.endpoints
        states = [views.endpoint(parts, one.id).state for one in endpoints]
        network, synced = retry_views.network(parts), parts.clock.synchronised()
        beside = msgspec.json.encode((query, overview.summary.due, overview.sending, states, network, synced))
        return f'W/"{queue.epoch}-{queue.seq}-{hashlib.sha256(beside).hexdigest()[:16]}"'

    def _answer(self, query: RetryQuery, overview: retry_views.RetryOverview) -> wire.Retries:
        place = _place(query.cursor) if query.cursor is not None else None
        index, changed = self._parts.queue.index, self._changed(query, place)
        if changed is not None:
            return self._page(self._found(query, index.by_change.after(changed), None), query.limit, changed, overview)
        behind, as_of = None, None
        if place is not None and place.created is not None:
            if place.epoch != self._parts.queue.epoch:
                raise unknown_cursor()
            behind, as_of = place.created, place.seq
        statuses = query.status or UNDELIVERED
        found = self._found(query, index.created(statuses, behind), statuses)
        return self._page(found, query.limit, None, overview, as_of)

    def _page(
        self,
        found: Iterator[Entry],
        limit: int,
        changed: int | None,
        overview: retry_views.RetryOverview,
        as_of: int | None = None,
    ) -> wire.Retries:
        """`seq` is up to where the caller then knows everything: of a whole list the number when its first page was
        made, since what changed between two pages must still come with the next `since_seq`.
        """
        queue, page = self._parts.queue, list(islice(found, limit))
        more = next(found, None) is not None
        seq = queue.seq if as_of is None else as_of
        if more and changed is not None:
            seq = page[-1].n
        created = place_of(page[-1]) if more and changed is None else None
        return wire.Retries(
            items=tuple(retry_views.retry(self._parts, entry) for entry in page),
            next=_cursor(Place(epoch=queue.epoch, seq=seq, created=created)) if more else None,
            full=changed is None,
            epoch=queue.epoch,
            seq=seq,
            server_time=self._parts.clock.now(),
            clock_synced=self._parts.clock.synchronised(),
            summary=overview.summary,
            sending=overview.sending,
            network=retry_views.network(self._parts),
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
        return since if queue.known.forgotten_seq <= since <= queue.seq else None

    def _found(self, query: RetryQuery, entries: Iterator[Entry], statuses: Sequence[Status] | None) -> Iterator[Entry]:
        """Those of the entries that fit, looked for only as far as somebody goes on asking."""
        text = None if query.q is None else query.q.casefold()
        due = frozenset[str]() if query.due is None else self._parts.queue.due_ids()
        wanted = Filter(
            endpoint=query.endpoint,
            event_type=query.event_type,
            severity=query.severity,
            error_class=query.error_class,
        )
        # One sieve for each thing that is asked: of 100,000 what nobody asks for would cost most.
        if statuses is not None:
            entries = (one for one in entries if one.delivery.status in statuses)
        if text is not None:
            entries = (one for one in entries if text in one.words)
        if query.case_id is not None:
            entries = (one for one in entries if one.delivery.case_id == query.case_id)
        if wanted != Filter():
            entries = (one for one in entries if wanted.fits(one.delivery))
        if query.created_after is not None or query.created_before is not None:
            entries = (one for one in entries if _created_within(query, one.delivery.created_at))
        if query.due is not None:
            entries = (one for one in entries if query.due == (one.delivery.delivery_id in due))
        return entries


def _created_within(query: RetryQuery, at: datetime) -> bool:
    after, before = query.created_after, query.created_before
    return (after is None or after <= at) and (before is None or at < before)


def _names(if_none_match: str, tag: str) -> bool:
    """Whether the caller's list of tags has this one; `*` is any."""
    named = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return bool(named & {"*", tag.removeprefix("W/")})


_CURSOR: Final = re.compile(r"([0-9a-f]{1,32})\.([0-9]{1,18})(?:\.(-?[0-9]{1,16})\.(dlv_[0-9a-f]{1,64}))?", re.ASCII)


def _cursor(place: Place) -> str:
    behind = f".{micros_of(place.created[0])}.{place.created[1]}" if place.created is not None else ""
    return f"{place.epoch}.{place.seq}{behind}"


def _place(cursor: str) -> Place:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise unknown_cursor()
    epoch, seq, micros, item_id = found.groups()
    created = None if micros is None else (moment_of(int(micros)), item_id)
    return Place(epoch=epoch, seq=int(seq), created=created)
