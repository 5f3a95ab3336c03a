"""The routes of cases and cabinets over a real book and monitor, for the tests of what people do through them."""

from pathlib import Path
from typing import Any

import httpx

from core.audit import Deed
from core.events import Severity
from core.journal import Archive
from core.manage_api.app import build_app
from core.manage_api.auth import Authenticator
from core.manage_api.cabinets import CabinetHandlers, cabinet_routes
from core.manage_api.cases import CaseHandlers, case_routes
from core.manage_api.parts import Parts
from core.monitoring import cases
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Case
from core.monitoring.monitor import Monitor
from core.settings import Access, Device, LoadedSettings, Settings
from tests.core.manage_api.sample_routes import a_client
from tests.core.monitoring.factories import (
    CHILLED,
    START,
    ScriptedSource,
    a_case,
    a_line,
)
from tests.core.webhooks.factories import Box
from tests.fakes import FakeClock

CASES, CABINETS = "/api/manage/cases", "/api/manage/cabinets"
BODIES: dict[str, dict[str, Any]] = {  # the least that each verb takes
    "acknowledge": {"by": "li"},
    "action": {"by": "li", "action": "fan mended"},
    "handle": {"by": "li", "action": "fan mended"},
    "note": {"by": "li", "note": "ice on the coil"},
    "close": {"by": "li", "reason": "handled"},
    "shelve": {"by": "li", "for_s": 600, "note": "loading"},
    "unshelve": {"by": "li"},
}
SERVICE: dict[str, dict[str, Any]] = {
    "out_of_service": {"by": "li", "reason": "new fan"},
    "in_service": {"by": "li"},
    "maintenance": {"by": "li", "reason": "fan", "for_s": 600},
}
FORCED = {"by": "li", "reason": "false_alarm", "force": True, "note": "probe lay outside"}
LI = "li (uid:0)"


class Shop:
    """The case and cabinet routes over a real book and monitor, and a caller on the socket."""

    def __init__(self, directory: Path, book: CaseBook, clock: FakeClock, box: Box):
        self.book, self.clock, self.box = book, clock, box
        settings = Settings(device=Device(id="box", site="site"), sources=(), cabinets=(CHILLED,), sensors=())
        loaded = LoadedSettings(
            settings=settings, path=directory / "config.toml", tokens_file=directory / "tokens.toml"
        )
        self.monitor = Monitor([a_line(ScriptedSource())], [CHILLED], book, clock)
        none: Any = None  # what these routes don't look at
        parts = Parts(
            loaded=loaded,
            clock=clock,
            device=none,
            monitor=self.monitor,
            book=book,
            queue=box.queue,
            dispatcher=none,
            drains=none,
            escalation=none,
            journals={},
            archive=Archive(directory, clock),
            audit=none,
            authenticator=none,
            history=none,
            troubles=dict,
            disk=lambda: None,
        )
        self.deeds: list[Deed] = []
        routes = (*case_routes(CaseHandlers(parts)), *cabinet_routes(CabinetHandlers(parts)))
        self.app = build_app(routes, Authenticator(Access(), directory / "tokens.toml", clock), self._record)

    async def _record(self, deed: Deed) -> None:
        self.deeds.append(deed)

    def case(self, *, severity: Severity = Severity.WARNING, cleared: bool = False) -> Case:
        case = cases.opened(a_case(severity=severity))
        self.book.put(cases.cleared(case, START) if cleared else case)
        return self.book.get("case_1")

    async def post(self, path: str, body: object, **how: Any) -> httpx.Response:
        async with a_client(self.app) as client:
            return await client.post(path, json=body, **how)

    async def act(self, verb: str, body: object | None = None) -> httpx.Response:
        return await self.post(f"{CASES}/case_1/{verb}", BODIES[verb] if body is None else body)

    async def serve(self, verb: str, body: object | None = None) -> httpx.Response:
        return await self.post(f"{CABINETS}/03/{verb}", SERVICE[verb] if body is None else body)
