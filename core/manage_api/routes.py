"""The route table: method, path, permission, handler, query, body and answer of everything the manage API can do."""

import asyncio
from typing import Annotated

from msgspec import Meta, Struct

from core import config, wire
from core.errors import ConfigError, RefusalError
from core.manage_api import views
from core.manage_api.parts import Parts
from core.manage_api.retries import RetryHandlers, retry_routes
from core.manage_api.status import StatusBoard
from core.manage_api.table import Call, MergePatch, Route, Scope
from core.monitoring.cases import Condition, Handling
from core.settings import LoadedSettings

Limit = Annotated[int, Meta(ge=1, le=250)]


class CaseQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`open` true: not closed. The cursor is the last answer's `next`."""

    open: bool | None = None
    condition: Condition | None = None
    handling: Handling | None = None
    cabinet: str | None = None
    limit: Limit = 50
    cursor: str | None = None


class Handlers:
    """What the rows of the table call. Decides nothing that its part could decide."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._board = StatusBoard(parts)
        self._saving = asyncio.Lock()
        self._acknowledging = asyncio.Lock()

    async def status(self, _: Call) -> Struct:
        return self._board.status()

    async def health(self, _: Call) -> Struct:
        return wire.Health(status="ok")

    async def ready(self, _: Call) -> Struct:
        waiting = [line.id for line in self._parts.monitor.lines if line.worked_s is None and line.error is None]
        if waiting:
            raise RefusalError(503, "not_ready", f"not polled yet: {', '.join(waiting)}")
        return wire.Health(status="ok")

    async def cabinets(self, _: Call) -> Struct:
        return views.cabinets(self._parts)

    async def readings(self, _: Call) -> Struct:
        return wire.Readings(items=tuple(views.reading(self._parts, post) for post in self._parts.monitor.posts))

    async def cases(self, call: Call) -> Struct:
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

    async def case(self, call: Call) -> Struct:
        return views.case(self._parts.book.get(call.path["case_id"]))

    async def acknowledge(self, call: Call) -> Struct:
        body = call.body
        assert isinstance(body, wire.Acknowledge)
        actor = f"{body.by} ({call.actor.name})"
        case = await self._parts.book.acknowledge(call.path["case_id"], actor=actor, note=body.note)
        return views.case(case)

    async def handle(self, call: Call) -> Struct:
        body = call.body
        assert isinstance(body, wire.Handle)
        case = await self._parts.book.handle(
            call.path["case_id"],
            actor=f"{body.by} ({call.actor.name})",
            action=body.action,
            disposition=body.disposition,
            note=body.note,
        )
        return views.case(case)

    async def acknowledge_damage(self, call: Call) -> Struct:
        body = call.body
        assert isinstance(body, wire.Seen)
        async with self._acknowledging:  # two at once would write over each other's reports
            for acknowledge in (
                *(one.acknowledge for one in self._parts.journals.values()),
                self._parts.archive.acknowledge,
            ):
                try:
                    await asyncio.to_thread(acknowledge, f"{body.by} ({call.actor.name})")
                except OSError as error:
                    detail = f"the acknowledgement can't be written down ({error.strerror})"
                    raise RefusalError(409, "quarantine_not_writable", detail) from error
        await self._parts.queue.acknowledge_missing()
        return views.durability(self._parts)

    async def config(self, _: Call) -> Struct:
        try:
            loaded = await asyncio.to_thread(config.load, self._parts.loaded.path)
        except ConfigError as error:
            raise RefusalError(409, "config_invalid", str(error)) from error
        return self._config(loaded)

    async def patch_config(self, call: Call) -> Struct:
        assert isinstance(call.body, MergePatch)
        try:
            async with self._saving:  # two at once would each write over the other's change
                loaded = await asyncio.to_thread(config.save, self._parts.loaded.path, call.body.changes)
        except ConfigError as error:
            raise RefusalError(409, "config_invalid", str(error)) from error
        except OSError as error:
            raise RefusalError(409, "config_not_writable", f"the file can't be replaced ({error.strerror})") from error
        return self._config(loaded)

    def _config(self, loaded: LoadedSettings) -> wire.Config:
        return wire.Config(
            path=str(loaded.path),
            settings=config.redacted(loaded.settings),
            restart_required=loaded.settings != self._parts.loaded.settings,
            hints=loaded.hints,
        )


_CASE_REFUSALS = {404: ("case_not_found",), 409: ("illegal_transition",)}


def routes(parts: Parts) -> tuple[Route, ...]:
    """Every route of this core."""
    on = Handlers(parts)
    return (
        Route(
            method="GET",
            path="/healthz",
            scope=None,
            handler=on.health,
            summary="Whether the process answers",
            answer=wire.Health,
        ),
        Route(
            method="GET",
            path="/readyz",
            scope=None,
            handler=on.ready,
            summary="Whether every source has been polled",
            answer=wire.Health,
            refusals={503: ("not_ready",)},
        ),
        Route(
            method="GET",
            path="/api/manage/status",
            scope=Scope.READ,
            handler=on.status,
            summary="The whole box at a glance",
            answer=wire.Status,
        ),
        Route(
            method="GET",
            path="/api/manage/cabinets",
            scope=Scope.READ,
            handler=on.cabinets,
            summary="Cabinets with limits, state and sensors",
            answer=wire.Cabinets,
        ),
        Route(
            method="GET",
            path="/api/manage/readings",
            scope=Scope.READ,
            handler=on.readings,
            summary="The latest reading of every sensor",
            answer=wire.Readings,
        ),
        Route(
            method="GET",
            path="/api/manage/cases",
            scope=Scope.READ,
            handler=on.cases,
            summary="Cases, newest first",
            answer=wire.Cases,
            query=CaseQuery,
            refusals={404: ("unknown_cursor",)},
        ),
        Route(
            method="GET",
            path="/api/manage/cases/{case_id}",
            scope=Scope.READ,
            handler=on.case,
            summary="One case",
            answer=wire.CaseItem,
            refusals={404: ("case_not_found",)},
        ),
        Route(
            method="POST",
            path="/api/manage/cases/{case_id}/acknowledge",
            scope=Scope.OPERATE,
            handler=on.acknowledge,
            summary="Say that somebody has seen the case",
            answer=wire.CaseItem,
            body=wire.Acknowledge,
            refusals=_CASE_REFUSALS,
        ),
        Route(
            method="POST",
            path="/api/manage/cases/{case_id}/handle",
            scope=Scope.OPERATE,
            handler=on.handle,
            summary="Record what was done; closes the case where its condition has cleared",
            answer=wire.CaseItem,
            body=wire.Handle,
            refusals=_CASE_REFUSALS,
        ),
        *retry_routes(RetryHandlers(parts)),
        Route(
            method="POST",
            path="/api/manage/durability/acknowledge",
            scope=Scope.OPERATE,
            handler=on.acknowledge_damage,
            summary="Say that somebody has seen what was damaged; the journals are no longer degraded",
            answer=wire.DurabilityInfo,
            body=wire.Seen,
            refusals={409: ("quarantine_not_writable",)},
        ),
        Route(
            method="GET",
            path="/api/manage/config",
            scope=Scope.READ,
            handler=on.config,
            summary="The configuration file, secrets masked",
            answer=wire.Config,
            refusals={409: ("config_invalid",)},
        ),
        Route(
            method="PATCH",
            path="/api/manage/config",
            scope=Scope.ADMIN,
            handler=on.patch_config,
            summary="Change the configuration file (JSON merge patch; lists of tables are objects keyed by id)",
            answer=wire.Config,
            merge_patch=True,
            refusals={409: ("config_invalid", "config_not_writable")},
        ),
    )
