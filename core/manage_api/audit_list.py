"""The route of the audit: who changed what, newest first, with filters, and a bounded amount of work for each request."""

import asyncio
from contextlib import closing
from itertools import islice
from typing import Final

import msgspec
from msgspec import Struct

from core import wire
from core.errors import RefusalError
from core.manage_api.paging import Limit, Text, check_range, unknown_cursor
from core.manage_api.parts import Parts
from core.manage_api.table import Call, Route, Scope
from core.wire_audit import AuditItem, AuditPage

MOST_LOOKED_AT: Final = 5000  # lines of one request: some 30 ms


class AuditQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`what` may be all of one kind: `config.*`. `since` is itself within the range, `until` is not. `q` is text in a name, in
    what was asked or in what changed, whatever its case. The cursor is the last answer's `next`.
    """

    actor: str | None = None
    what: str | None = None
    subject: str | None = None
    since: wire.Moment | None = None
    until: wire.Moment | None = None
    q: Text | None = None
    limit: Limit = 50
    cursor: str | None = None


class AuditList:
    """Answers the list."""

    def __init__(self, parts: Parts, *, most_looked_at: int = MOST_LOOKED_AT):
        self._audit, self._most_looked_at = parts.audit, most_looked_at

    async def list(self, call: Call) -> Struct:
        query = call.query
        assert isinstance(query, AuditQuery)
        check_range(query.since, query.until)
        start = _place(query.cursor) if query.cursor is not None else None
        if start is not None and start > self._audit.lines:
            raise unknown_cursor()
        try:
            return await asyncio.to_thread(self._page, query, start)
        except OSError as error:
            raise RefusalError(409, "audit_not_readable", f"the audit can't be read ({error.strerror})") from error

    def _page(self, query: AuditQuery, start: int | None) -> AuditPage:
        items: list[AuditItem] = []
        behind = 0
        with closing(self._audit.read(start)) as entries:
            for place, item in islice(entries, self._most_looked_at):
                behind = place
                if item is not None and _fits(item, query):
                    items.append(item)
                    if len(items) == query.limit:
                        break
        return AuditPage(items=tuple(items), next=str(behind) if behind else None)


def _fits(item: AuditItem, query: AuditQuery) -> bool:
    return (
        query.actor in (None, item.actor)
        and (query.what is None or _is_of(item.what, query.what))
        and query.subject in (None, item.subject)
        and (query.since is None or query.since <= item.at)
        and (query.until is None or item.at < query.until)
        and (query.q is None or _says(item, query.q.casefold()))
    )


def _is_of(what: str, wanted: str) -> bool:
    return what == wanted or (wanted.endswith(".*") and what.startswith(wanted[:-1]))


def _says(item: AuditItem, text: str) -> bool:
    names = (item.actor, item.via, item.by, item.origin, item.what, item.subject, item.request_id)
    rest = msgspec.json.encode((item.asked, item.changes)).decode()
    return any(text in word.casefold() for word in (*names, rest) if word is not None)


def _place(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 18):
        raise unknown_cursor()
    return int(cursor)


def audit_routes(on: AuditList) -> tuple[Route, ...]:
    return (
        Route(
            method="GET",
            path="/api/manage/audit",
            scope=Scope.OPERATE,
            handler=on.list,
            summary="Who changed what, newest first",
            answer=AuditPage,
            query=AuditQuery,
            refusals={404: ("unknown_cursor",), 409: ("audit_not_readable", "since_after_until")},
        ),
    )
