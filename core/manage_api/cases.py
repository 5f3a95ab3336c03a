"""The routes of the cases: list, look at one, and what people do about it."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from core import wire
from core.errors import RefusalError
from core.manage_api import views
from core.manage_api.auditing import of_fields
from core.manage_api.parts import Parts
from core.manage_api.table import Audited, Call, Handler, Route, Scope
from core.monitoring import handling
from core.monitoring.cases import Case, Condition, Handling
from core.monitoring.handling import Reason

Limit = Annotated[int, Meta(ge=1, le=250)]


class CaseQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`open` true: not closed. The cursor is the last answer's `next`."""

    open: bool | None = None
    condition: Condition | None = None
    handling: Handling | None = None
    cabinet: str | None = None
    limit: Limit = 50
    cursor: str | None = None


class CaseHandlers:
    """What the rows below call."""

    def __init__(self, parts: Parts):
        self._parts = parts

    async def list(self, call: Call) -> Struct:
        query = call.query
        assert isinstance(query, CaseQuery)
        found = [
            case
            for case in self._parts.book.all()
            if (query.open is None or query.open is not case.closed)
            and (query.condition is None or query.condition is case.condition)
            and (query.handling is None or query.handling is case.handling)
            and (query.cabinet is None or query.cabinet == case.cabinet)
        ]
        start = 0
        if query.cursor is not None:
            start = next((at for at, case in enumerate(found, start=1) if case.case_id == query.cursor), 0)
            if not start:
                raise RefusalError(404, "unknown_cursor", "this cursor is not of this list; start without one")
        page = found[start : start + query.limit]
        more = start + query.limit < len(found)
        return wire.Cases(items=tuple(views.case(case) for case in page), next=page[-1].case_id if more else None)

    async def one(self, call: Call) -> Struct:
        return self.as_it_is(call)

    def as_it_is(self, call: Call) -> Struct:
        return views.case(self._parts.book.get(call.path["case_id"]))

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
        assert isinstance(body, wire.Remark)
        actor = call.says(body.by)
        return await self._act(call, lambda case, at: handling.note(case, actor=actor, note=body.note, at=at))

    async def close(self, call: Call) -> Struct:
        body = call.body
        assert isinstance(body, wire.Close)
        actor, reason = call.says(body.by), Reason(body.reason)
        return await self._act(
            call,
            lambda case, at: handling.close(case, actor=actor, reason=reason, note=body.note, force=body.force, at=at),
        )

    async def shelve(self, call: Call) -> Struct:
        body = call.body
        assert isinstance(body, wire.Shelve)
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
        return views.case(await self._parts.book.act(call.path["case_id"], change))


_NOT_FOUND = {404: ("case_not_found",)}
_TOLD = ("handling", "action", "disposition", "note", "shelved_s", "closed_because")  # what a person's word changes


def case_routes(on: CaseHandlers) -> tuple[Route, ...]:
    def verb(verb: str, handler: Handler, body: type[Struct], summary: str, *refusals: str) -> Route:
        return Route(
            method="POST",
            path=f"/api/manage/cases/{{case_id}}/{verb}",
            scope=Scope.OPERATE,
            handler=handler,
            summary=summary,
            answer=wire.CaseItem,
            body=body,
            refusals={**_NOT_FOUND, 409: ("illegal_transition", *refusals)},
            audited=Audited(what=f"case.{verb}", before=on.as_it_is, changes=of_fields(*_TOLD)),
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
            refusals={404: ("unknown_cursor",)},
        ),
        Route(
            method="GET",
            path="/api/manage/cases/{case_id}",
            scope=Scope.READ,
            handler=on.one,
            summary="One case",
            answer=wire.CaseItem,
            refusals=_NOT_FOUND,
        ),
        verb("acknowledge", on.acknowledge, wire.Acknowledge, "Say that somebody has seen the case"),
        verb("action", on.action, wire.Handle, "Record what was done and what became of the goods"),
        verb("handle", on.handle, wire.Handle, "Record what was done; closes the case where its condition has cleared"),
        verb("note", on.note, wire.Remark, "Add a note to an open case"),
        verb("close", on.close, wire.Close, "Sign the case off", "close_needs_force"),
        verb("shelve", on.shelve, wire.Shelve, "Call nobody again for a while", "critical_not_shelved"),
        verb("unshelve", on.unshelve, wire.Seen, "Take the case off the shelf", "not_shelved"),
    )
