"""The route table: method, path, permission, handler, query, body and answer of everything the manage API can do."""

import asyncio

from msgspec import Struct

from core import logs, wire
from core.errors import RefusalError
from core.manage_api import views
from core.manage_api.access import access_routes
from core.manage_api.audit_list import AuditList, audit_routes
from core.manage_api.auditing import HalfDoneError, of_fields
from core.manage_api.cabinets import CabinetHandlers, cabinet_routes
from core.manage_api.cases import CaseHandlers, case_routes
from core.manage_api.configuration import ConfigHandlers, config_routes
from core.manage_api.endpoints import EndpointHandlers, endpoint_routes
from core.manage_api.history import history_routes
from core.manage_api.log_tail import log_routes
from core.manage_api.metrics import metric_routes
from core.manage_api.parts import Parts
from core.manage_api.records import record_routes
from core.manage_api.retries import retry_routes
from core.manage_api.status import StatusBoard
from core.manage_api.stream import Stream, stream_routes
from core.manage_api.table import Audited, Call, Route, Scope


class Handlers:
    """What the rows of the table call. Decides nothing that its part could decide."""

    def __init__(self, parts: Parts, board: StatusBoard):
        self._parts, self._board = parts, board
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

    async def readings(self, _: Call) -> Struct:
        return wire.Readings(items=tuple(views.reading(self._parts, post) for post in self._parts.monitor.posts))

    async def acknowledge_damage(self, call: Call) -> Struct:
        body = call.body
        assert isinstance(body, wire.Seen)
        async with self._acknowledging:  # two at once would write over each other's reports
            for acknowledge in (
                *(one.acknowledge for one in self._parts.journals.values()),
                self._parts.archive.acknowledge,
                self._parts.history.acknowledge,
            ):
                try:
                    await asyncio.to_thread(acknowledge, call.says(body.by))
                except OSError as error:
                    detail = f"the acknowledgement can't be written down ({error.strerror})"
                    raise HalfDoneError(409, "quarantine_not_writable", detail) from error
        await self._parts.queue.known.acknowledge_missing()
        return views.durability(self._parts)

    def durability(self, _: Call) -> Struct:
        return views.durability(self._parts)


_DAMAGE = of_fields("degraded", "archive_unacknowledged")


def routes(parts: Parts, board: StatusBoard, stream: Stream) -> tuple[Route, ...]:
    """Every route of this core."""
    on = Handlers(parts, board)
    return (
        Route(
            method="GET",
            path="/healthz",
            scope=Scope.OPEN,
            handler=on.health,
            summary="Whether the process answers",
            answer=wire.Health,
        ),
        Route(
            method="GET",
            path="/readyz",
            scope=Scope.OPEN,
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
        *cabinet_routes(CabinetHandlers(parts)),
        Route(
            method="GET",
            path="/api/manage/readings",
            scope=Scope.READ,
            handler=on.readings,
            summary="The latest reading of every sensor",
            answer=wire.Readings,
        ),
        *history_routes(parts),
        *record_routes(parts),
        *case_routes(CaseHandlers(parts)),
        *retry_routes(parts),
        *endpoint_routes(EndpointHandlers(parts)),
        *access_routes(parts),
        *metric_routes(parts, board),
        *log_routes(logs.TAIL),
        *stream_routes(stream),
        Route(
            method="POST",
            path="/api/manage/durability/acknowledge",
            scope=Scope.OPERATE,
            handler=on.acknowledge_damage,
            summary="Say that somebody has seen what was damaged; the journals are no longer degraded",
            answer=wire.DurabilityInfo,
            body=wire.Seen,
            refusals={409: ("quarantine_not_writable",)},
            audited=Audited(what="durability.acknowledge", before=on.durability, changes=_DAMAGE),
        ),
        *config_routes(ConfigHandlers(parts)),
        *audit_routes(AuditList(parts)),
    )
