"""The routes of the cases: list, look at one, and what people do about it."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from msgspec import Struct

from core import wire, wire_cases
from core.events import Severity
from core.manage_api import views
from core.manage_api.auditing import of_fields
from core.manage_api.paging import Limit, Text, check_range, micros_of, moment_of, unknown_cursor
from core.manage_api.parts import Parts
from core.manage_api.table import Audited, Call, Handler, Route, Scope
from core.monitoring import handling
from core.monitoring.case_book import order
from core.monitoring.cases import Case, Condition, Handling, Kind
from core.monitoring.handling import Reason

_CURSOR: Final = re.compile(r"([0-9]{1,18})\.(-?[0-9]{1,16})\.(.{1,200})", re.ASCII)


class CaseQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`open` true: not closed; `severity` and `kind` may be several. `opened_after` is itself within the range, `opened_before`
    is not. `q` is text in the case's id, its cabinet or sensor, its note or action, or in who made the last change, whatever
    its case. The cursor is the last answer's `next`.
    """

    open: bool | None = None
    condition: Condition | None = None
    handling: Handling | None = None
    severity: tuple[Severity, ...] = ()
    kind: tuple[Kind, ...] = ()
    cabinet: str | None = None
    sensor: str | None = None
    opened_after: wire.Moment | None = None
    opened_before: wire.Moment | None = None
    q: Text | None = None
    limit: Limit = 50
    cursor: str | None = None


class CaseHandlers:
    """What the rows below call."""

    def __init__(self, parts: Parts):
        self._parts = parts

    async def list(self, call: Call) -> Struct:
        """Those that are open and the newest 500 that are closed: older ones have moved to the archive, which the export
        reads. A page begins behind the last case of the one before, whatever has become of that one: so nothing is lost or
        doubled while cases come, change and go.
        """
        query = call.query
        assert isinstance(query, CaseQuery)
        check_range(query.opened_after, query.opened_before)
        found = [case for case in self._parts.book.all() if _fits(case, query)]
        if query.cursor is not None:
            behind = _place(query.cursor)
            found = [case for case in found if order(case) < behind]
        page, more = found[: query.limit], len(found) > query.limit
        return wire.Cases(
            items=tuple(views.case(self._parts, case) for case in page), next=_cursor(page[-1]) if more else None
        )

    async def one(self, call: Call) -> Struct:
        """With what people did about it, which the list leaves out."""
        return views.case_detail(self._parts, self._parts.book.get(call.path["case_id"]))

    def as_it_is(self, call: Call) -> Struct:
        return views.case(self._parts, self._parts.book.get(call.path["case_id"]))

    async def acknowledge(self, call: Call) -> Struct:
        body = call.body
        assert isinstance(body, wire.Acknowledge)
        actor = call.says(body.by)
        return await self._act(call, lambda case, at: handling.acknowledge(case, actor=actor, note=body.note, at=at))

    async def action(self, call: Call) -> Struct:
        return await self._record(call, handling.record)

    async def handle(self, call: Call) -> Struct:
        return await self._record(call, handling.handle)

    async def _record(self, call: Call, how: Callable[..., Case]) -> Struct:
        body = call.body
        assert isinstance(body, wire.Handle)
        said = {"action": body.action, "disposition": body.disposition, "note": body.note}
        return await self._act(call, lambda case, at: how(case, actor=call.says(body.by), at=at, **said))

    async def note(self, call: Call) -> Struct:
        body = call.body
        assert isinstance(body, wire_cases.Remark)
        actor = call.says(body.by)
        return await self._act(call, lambda case, at: handling.note(case, actor=actor, note=body.note, at=at))

    async def close(self, call: Call) -> Struct:
        body = call.body
        assert isinstance(body, wire_cases.Close)
        actor, reason = call.says(body.by), Reason(body.reason)
        return await self._act(
            call,
            lambda case, at: handling.close(case, actor=actor, reason=reason, note=body.note, force=body.force, at=at),
        )

    async def shelve(self, call: Call) -> Struct:
        body = call.body
        assert isinstance(body, wire_cases.Shelve)
        actor = call.says(body.by)
        return await self._act(
            call, lambda case, at: handling.shelve(case, actor=actor, for_s=body.for_s, note=body.note, at=at)
        )

    async def unshelve(self, call: Call) -> Struct:
        body = call.body
        assert isinstance(body, wire.Seen)
        actor = call.says(body.by)
        return await self._act(call, lambda case, at: handling.unshelve(case, actor=actor, at=at))

    async def _act(self, call: Call, change: Callable[[Case, datetime], Case]) -> Struct:
        return views.case(self._parts, await self._parts.book.act(call.path["case_id"], change))


def _fits(case: Case, query: CaseQuery) -> bool:
    return (
        query.open in (None, not case.closed)
        and query.condition in (None, case.condition)
        and query.handling in (None, case.handling)
        and (not query.severity or case.severity in query.severity)
        and (not query.kind or case.kind in query.kind)
        and query.cabinet in (None, case.cabinet)
        and query.sensor in (None, case.sensor)
        and (query.opened_after is None or query.opened_after <= case.opened_at)
        and (query.opened_before is None or case.opened_at < query.opened_before)
        and (query.q is None or _says(case, query.q.casefold()))
    )


def _says(case: Case, text: str) -> bool:
    words = (case.case_id, case.cabinet, case.cabinet_name, case.sensor, case.note, case.action, case.actor)
    return any(text in word.casefold() for word in words if word is not None)


def _cursor(case: Case) -> str:
    number, opened_at, case_id = order(case)
    return f"{number}.{micros_of(opened_at)}.{case_id}"


def _place(cursor: str) -> tuple[int, datetime, str]:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise unknown_cursor()
    number, micros, case_id = found.groups()
    return int(number), moment_of(int(micros)), case_id


_NOT_FOUND = {404: ("case_not_found",)}
_TOLD = ("handling", "action", "disposition", "note", "shelved_s", "closed_because")  # what a person's word changes


def case_routes(on: CaseHandlers) -> tuple[Route, ...]:
    def verb(name: str, handler: Handler, body: type[Struct], summary: str, *refusals: str) -> Route:
        return Route(
            method="POST",
            path=f"/api/manage/cases/{{case_id}}/{name}",
            scope=Scope.OPERATE,
            handler=handler,
            summary=summary,
            answer=wire.CaseItem,
            body=body,
            refusals={**_NOT_FOUND, 409: ("illegal_transition", *refusals)},
            audited=Audited(what=f"case.{name}", before=on.as_it_is, changes=of_fields(*_TOLD)),
        )

    return (
        Route(
            method="GET",
            path="/api/manage/cases",
            scope=Scope.READ,
            handler=on.list,
            summary="Cases, newest first",
            answer=wire.Cases,
            query=CaseQuery,
            refusals={404: ("unknown_cursor",), 409: ("since_after_until",)},
        ),
        Route(
            method="GET",
            path="/api/manage/cases/{case_id}",
            scope=Scope.READ,
            handler=on.one,
            summary="One case, and who did what about it when",
            answer=wire_cases.CaseDetail,
            refusals=_NOT_FOUND,
        ),
        verb("acknowledge", on.acknowledge, wire.Acknowledge, "Say that somebody has seen the case"),
        verb("action", on.action, wire.Handle, "Record what was done and what became of the goods"),
        verb("handle", on.handle, wire.Handle, "Record what was done; closes the case where its condition has cleared"),
        verb("note", on.note, wire_cases.Remark, "Add a note to an open case"),
        verb("close", on.close, wire_cases.Close, "Sign the case off", "close_needs_force"),
        verb("shelve", on.shelve, wire_cases.Shelve, "Call nobody again for a while", "critical_not_shelved"),
        verb("unshelve", on.unshelve, wire.Seen, "Take the case off the shelf", "not_shelved"),
    )
