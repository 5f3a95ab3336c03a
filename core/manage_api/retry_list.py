"""The list of retries: filters, pages that lose nothing, only what changed, and nothing at all where nothing did."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Annotated, Final

from msgspec import Meta, Struct

from core import wire
from core.errors import RefusalError
from core.manage_api import retry_views
from core.manage_api.paging import Limit, check_range, micros_of, moment_of, unknown_cursor
from core.manage_api.parts import Parts
from core.manage_api.retry_filter import RetryFilter, sieved
from core.manage_api.retry_tag import RetryConditions, tagged
from core.manage_api.table import Call, Reply
from core.webhooks.deliveries import UNDELIVERED, Status
from core.webhooks.entry import Entry, place_of

Seq = Annotated[int, Meta(ge=0, le=2**53)]


class RetryQuery(RetryFilter, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `status` the list holds pending and dead_letter. `since_seq` with `epoch` asks only for what changed, with
    whatever left since then in its last state; what a change can take away (`status`, `due`, `error_class`, `q`) doesn't go
    with it.

    `created_after` is itself within the range, `created_before` is not. `q` is text in an id, in the endpoint, the cabinet,
    the event type or the last error, whatever its case.
    """

    limit: Limit = 50
    cursor: str | None = None
    since_seq: Seq | None = None
    epoch: str | None = None


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
        return tagged(self._parts, query, conditions, lambda overview: self._answer(query, overview))

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
        if statuses is not None:
            entries = (one for one in entries if one.delivery.status in statuses)
        return sieved(self._parts, query, entries)


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
