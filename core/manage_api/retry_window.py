"""Windows of the retry list: some rows out of very many in any order, the ids of all that fit, and dead letters in groups."""

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Annotated, Final

from msgspec import Meta, Struct

from core.manage_api import retry_views
from core.manage_api.paging import Limit, check_range
from core.manage_api.parts import Parts
from core.manage_api.retry_filter import RetryFilter, sieved
from core.manage_api.retry_tag import RetryConditions, tagged
from core.manage_api.retry_views import RetryOverview
from core.manage_api.table import Call, Reply, Route, Scope
from core.webhooks.deliveries import UNDELIVERED, DeadLetterReason, Status
from core.webhooks.entry import Entry
from core.webhooks.orders import AT_ONCE, KEYS
from core.wire_windows import Order, RetryGroup, RetryGroups, RetryIds, RetryWindow

MOST_IDS: Final = 10_000  # as many as one drain, recovery or discard may name

Offset = Annotated[int, Meta(ge=0, le=2**53)]


class SortedQuery(RetryFilter, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `status` pending and dead_letter. `created_after` is itself within the range, `created_before` is not. `q` is
    text in an id, in the endpoint, the cabinet, the event type or the last error, whatever its case; `without` asks for
    those that don't have it. `reason` is why a dead letter was given up.

    `sort`: next (the nearest attempt first, last what nobody can say it of: what waits for an earlier one of its case or for
    its endpoint, and what is dead), created (the oldest first), changed (what has not changed for longest first, by `seq`).
    `descending` turns the whole order round.
    """

    reason: DeadLetterReason | None = None
    without: bool = False
    sort: Order = "next"
    descending: bool = False


class WindowQuery(SortedQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As for the ids. `anchor` is a delivery that is to stand in the middle, as far as the ends of the list allow; `offset` is
    where the window begins if there is no such delivery among those that fit. Neither reaches beyond the end.
    """

    anchor: str | None = None
    offset: Offset = 0
    limit: Limit = 200


class Found:
    """All that fit, in order: of each status a sequence of its own, since so they are kept."""

    def __init__(self, parts: Parts, query: SortedQuery):
        check_range(query.created_after, query.created_before)
        index, self.statuses = parts.queue.index, tuple(dict.fromkeys(query.status or UNDELIVERED))
        self._key, self._descending = KEYS[query.sort], query.descending
        self._runs = [_fitting(parts, query, index.ordered(status, query.sort)) for status in self.statuses]
        self.total = sum(map(len, self._runs))

    def cut(self, offset: int, limit: int) -> list[Entry]:
        """So many from this place on."""
        if self._descending:
            end = max(0, self.total - offset)
            first = max(0, end - limit)
            return self._ascending(first, end - first)[::-1]
        return self._ascending(offset, limit)

    def place(self, entry: Entry) -> int | None:
        """Where it stands; None where it isn't among them."""
        places = [bisect_left(run, self._key(entry), key=self._key) for run in self._runs]
        if not any(at < len(run) and run[at] is entry for run, at in zip(self._runs, places, strict=True)):
            return None
        return self.total - 1 - sum(places) if self._descending else sum(places)

    def _ascending(self, first: int, count: int) -> list[Entry]:
        if len(self._runs) == 1:
            return list(self._runs[0][first : first + count])
        begins = [self._begin(run, first) for run in self._runs]
        parts = [run[at : at + count] for run, at in zip(self._runs, begins, strict=True)]
        return list(islice(merge(*parts, key=self._key), count))

    def _begin(self, run: Sequence[Entry], first: int) -> int:
        """How many of this run are among the first so many of all."""
        return bisect_left(range(len(run)), first, key=lambda at: self._before(run[at]))

    def _before(self, entry: Entry) -> int:
        """How many of all stand before it."""
        return sum(bisect_left(run, self._key(entry), key=self._key) for run in self._runs)


def _fitting(parts: Parts, query: SortedQuery, entries: Sequence[Entry]) -> Sequence[Entry]:
    """Of one status. The whole order as it is kept, where nothing else is asked."""
    asked = RetryFilter(**{name: getattr(query, name) for name in RetryFilter.__struct_fields__ if name != "status"})
    if asked == RetryFilter() and query.reason is None:
        return entries
    if query.reason is not None:
        entries = [one for one in entries if one.delivery.dead_letter_reason is query.reason]
    return list(sieved(parts, asked, entries, without=query.without))


class RetryWindows:
    """Answers what is asked of very many."""

    def __init__(self, parts: Parts):
        self._parts = parts

    async def window(self, call: Call) -> Reply:
        query, conditions = call.query, call.headers
        assert isinstance(query, WindowQuery)
        assert isinstance(conditions, RetryConditions)
        await self._followed()
        return tagged(self._parts, query, conditions, lambda overview: self._window(query, overview))

    async def _followed(self) -> None:
        """Let the orders follow a change of very many, as when a receiver is back, while everything else has its turn."""
        orders = self._parts.queue.index.orders
        while orders.behind:
            orders.follow(AT_ONCE)
            await asyncio.sleep(0)

    def _window(self, query: WindowQuery, overview: RetryOverview) -> RetryWindow:
        queue, found = self._parts.queue, Found(self._parts, query)
        anchored = None if query.anchor is None else queue.known.find(query.anchor)
        anchor = None if anchored is None else found.place(anchored)
        wanted = query.offset if anchor is None else anchor - query.limit // 2
        offset = max(0, min(wanted, found.total - query.limit))
        return RetryWindow(
            items=tuple(retry_views.retry(self._parts, one) for one in found.cut(offset, query.limit)),
            offset=offset,
            total=found.total,
            all=sum(map(queue.index.count, found.statuses)),
            anchor=anchor,
            epoch=queue.epoch,
            seq=queue.seq,
            sending=overview.sending,
            server_time=self._parts.clock.now(),
        )

    async def ids(self, call: Call) -> Struct:
        query = call.query
        assert isinstance(query, SortedQuery)
        await self._followed()
        found = Found(self._parts, query)
        ids = tuple(one.delivery.delivery_id for one in found.cut(0, MOST_IDS))
        return RetryIds(delivery_ids=ids, total=found.total)

    async def groups(self, _: Call) -> Struct:
        groups: defaultdict[tuple[str, str | None], list[datetime | None]] = defaultdict(list)
        for entry in self._parts.queue.index.of(Status.DEAD_LETTER):
            one = entry.delivery
            groups[one.endpoint, one.dead_letter_reason].append(one.settled_at)
        items = [
            RetryGroup(
                endpoint=endpoint, reason=reason, count=len(ends), newest_at=max(filter(None, ends), default=None)
            )
            for (endpoint, reason), ends in groups.items()
        ]
        return RetryGroups(items=tuple(sorted(items, key=lambda one: (-one.count, one.endpoint, one.reason or ""))))


_BASE: Final = "/api/manage/webhooks/retries"
_SINCE_AFTER_UNTIL: Final = {409: ("since_after_until",)}


def window_routes(parts: Parts) -> tuple[Route, ...]:
    on = RetryWindows(parts)
    return (
        Route(
            method="GET",
            path=f"{_BASE}/window",
            scope=Scope.READ,
            handler=on.window,
            summary="Some rows of the list in any order, with their place in it",
            answer=RetryWindow,
            query=WindowQuery,
            headers=RetryConditions,
            statuses=(200, 304),
            refusals=_SINCE_AFTER_UNTIL,
        ),
        Route(
            method="GET",
            path=f"{_BASE}/ids",
            scope=Scope.READ,
            handler=on.ids,
            summary="The ids of all deliveries that fit, in order",
            answer=RetryIds,
            query=SortedQuery,
            refusals=_SINCE_AFTER_UNTIL,
        ),
        Route(
            method="GET",
            path=f"{_BASE}/groups",
            scope=Scope.READ,
            handler=on.groups,
            summary="Dead letters by endpoint and reason",
            answer=RetryGroups,
        ),
    )
