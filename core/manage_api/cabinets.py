"""The routes of the cabinets: how they stand, and what people say of a whole one."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from core import wire, wire_cases
from core.errors import RefusalError
from core.manage_api import views
from core.manage_api.auditing import of_fields
from core.manage_api.parts import Parts
from core.manage_api.table import Audited, Call, Handler, Route, Scope
from core.monitoring import service
from core.monitoring.service import Mover, Service
from core.settings import Cabinet


class CabinetHandlers:
    """What the rows below call."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._cabinets = {cabinet.id: cabinet for cabinet in parts.loaded.settings.cabinets}

    async def list(self, _: Call) -> Struct:
        counts = views.open_cases(self._parts)
        items = tuple(views.cabinet(self._parts, one, counts[one.id]) for one in self._cabinets.values())
        return wire.Cabinets(items=items)

    async def take_out(self, call: Call) -> Struct:
        body, event_id = call.body, self._parts.book.new_id("evt_")
        assert isinstance(body, wire_cases.OutOfService)
        cabinet, move = self._move(call, body.by, body.reason)
        return await self._serve(
            cabinet,
            call.says(body.by),
            lambda now, at: service.take_out(now, move(at), due_back=body.due_back, event_id=event_id),
        )

    async def put_back(self, call: Call) -> Struct:
        body, event_id = call.body, self._parts.book.new_id("evt_")
        assert isinstance(body, wire_cases.InService)
        cabinet, move = self._move(call, body.by, body.reason)
        return await self._serve(
            cabinet, call.says(body.by), lambda now, at: service.put_back(now, move(at), event_id=event_id)
        )

    def _move(self, call: Call, by: str, reason: str) -> tuple[Cabinet, Callable[[datetime], Mover]]:
        cabinet = self._cabinet(call)
        return cabinet, lambda at: Mover(
            cabinet=cabinet.id, name=cabinet.name, actor=call.says(by), reason=reason, at=at
        )

    async def maintain(self, call: Call) -> Struct:
        body, cabinet = call.body, self._cabinet(call)
        assert isinstance(body, wire_cases.Maintenance)
        actor = call.says(body.by)
        return await self._serve(
            cabinet, actor, lambda now, _: service.maintain(now, actor=actor, reason=body.reason, for_s=body.for_s)
        )

    def _cabinet(self, call: Call) -> Cabinet:
        name = call.path["cabinet"]
        if name not in self._cabinets:
            raise RefusalError(404, "cabinet_not_found", f"there is no cabinet {name!r}")
        return self._cabinets[name]

    async def _serve(self, cabinet: Cabinet, actor: str, change: Callable[[Service, datetime], Service]) -> Struct:
        await self._parts.book.serve(cabinet.id, change, actor=actor)
        return self._item(cabinet)

    def as_it_is(self, call: Call) -> Struct:
        return self._item(self._cabinet(call))

    def _item(self, cabinet: Cabinet) -> Struct:
        return views.cabinet(self._parts, cabinet, views.open_cases(self._parts)[cabinet.id])


_TOLD = ("state", "out_since", "due_back", "maintenance_s", "service_reason")  # what a person's word changes


def cabinet_routes(on: CabinetHandlers) -> tuple[Route, ...]:
    def verb(name: str, handler: Handler, body: type[Struct], summary: str, *refusals: str) -> Route:
        return Route(
            method="POST",
            path=f"/api/manage/cabinets/{{cabinet}}/{name}",
            scope=Scope.OPERATE,
            handler=handler,
            summary=summary,
            answer=wire.CabinetItem,
            body=body,
            refusals={404: ("cabinet_not_found",), 409: refusals},
            audited=Audited(what=f"cabinet.{name}", before=on.as_it_is, changes=of_fields(*_TOLD)),
        )

    return (
        Route(
            method="GET",
            path="/api/manage/cabinets",
            scope=Scope.READ,
            handler=on.list,
            summary="Cabinets with limits, state and sensors",
            answer=wire.Cabinets,
        ),
        verb(
            "out_of_service",
            on.take_out,
            wire_cases.OutOfService,
            "Judge nothing of it until it is put back; closes its cases",
            "already_out_of_service",
            "due_back_in_the_past",
        ),
        verb("in_service", on.put_back, wire_cases.InService, "Judge it again", "not_out_of_service"),
        verb(
            "maintenance",
            on.maintain,
            wire_cases.Maintenance,
            "Somebody works on it: its alarms wait longer",
            "out_of_service",
        ),
    )
