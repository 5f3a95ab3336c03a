"""The console's only way to a core: the routes of the manage API that it uses, over the core's socket or over TCP. Knows no screen."""

import ssl
from datetime import datetime
from typing import Final

import httpx
import msgspec

from cdg_tui.calls import Calls, Query, part, read
from cdg_tui.payload import Payload
from cdg_tui.text import safe
from core import (
    wire,
    wire_access,
    wire_audit,
    wire_cases,
    wire_config,
    wire_endpoints,
    wire_history,
    wire_stream,
    wire_windows,
)

LOCAL_DEADLINE_S: Final = 2.0
REMOTE_DEADLINE_S: Final = 8.0
SENDING_DEADLINE_S: Final = 45.0  # one attempt may take 30 s, and wait for its turn before
PIN_DEADLINE_S: Final = 10.0  # it is checked slowly on purpose
PAGE: Final = 250
MOST_DRAINED: Final = 10_000  # as many as one drain may name
LOG_LINES: Final = 300
MOST_PAGES: Final = 40  # of cases; an answer that always promises another page must not fill the memory


class _Named(msgspec.Struct):
    id: str


class _Names(msgspec.Struct):
    items: tuple[_Named, ...]


class Client(Calls):
    """One core. `deadline_s` is how long an answer may take in all."""

    def __init__(
        self,
        base_url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        uds: str | None = None,
        token: str | None = None,
        trust: ssl.SSLContext | None = None,
        deadline_s: float = REMOTE_DEADLINE_S,
    ):
        super().__init__(base_url, transport=transport, uds=uds, token=token, trust=trust, deadline_s=deadline_s)
        self._ids: dict[str, str] = {}  # of the endpoints, by how they are shown

    # -- looking ---------------------------------------------------------------------------------------------------

    async def status(self) -> wire.Status:
        return await self.get("status", wire.Status)

    async def cabinets(self) -> wire.Cabinets:
        return await self.get("cabinets", wire.Cabinets)

    async def open_cases(self) -> tuple[wire.CaseItem, ...]:
        """All of them, page after page."""
        items: list[wire.CaseItem] = []
        more: Query = {}
        for _ in range(MOST_PAGES):
            page = await self.get("cases", wire.Cases, {"open": True, "limit": PAGE, **more})
            items += page.items
            if page.next is None:
                break
            more = {"cursor": page.next}
        return tuple(items)

    async def window(self, query: Query) -> wire_windows.RetryWindow | None:
        """Some deliveries out of the whole list; None where it is still as this client heard it last."""
        return await self.get_news("webhooks/retries/window", wire_windows.RetryWindow, query)

    async def retry_ids(self, query: Query) -> wire_windows.RetryIds:
        """All that fit, as many as can be acted on at once."""
        return await self.get("webhooks/retries/ids", wire_windows.RetryIds, query)

    async def retry_groups(self) -> wire_windows.RetryGroups:
        """The dead letters by endpoint and reason."""
        return await self.get("webhooks/retries/groups", wire_windows.RetryGroups)

    async def retry_detail(self, delivery_id: str) -> wire.RetryDetail:
        return await self.get(f"webhooks/retries/{part(delivery_id)}", wire.RetryDetail)

    async def payload(self, delivery_id: str) -> Payload:
        return await self.get(f"webhooks/retries/{part(delivery_id)}/payload", Payload)

    async def case_detail(self, case_id: str) -> wire_cases.CaseDetail:
        return await self.get(f"cases/{part(case_id)}", wire_cases.CaseDetail)

    async def retries(self, query: Query) -> wire.Retries:
        """The newest of what is pending or dead, as many as one page holds."""
        return await self.get("webhooks/retries", wire.Retries, {"limit": PAGE, **query})

    async def log(self, level: str, after: int | None = None) -> wire_stream.Log:
        """The newest records from this level up, or those that came after this number."""
        more: Query = {} if after is None else {"after": after}
        return await self.get("log", wire_stream.Log, {"level": level, "limit": LOG_LINES, **more})

    async def config(self) -> wire_config.Config:
        return await self.get("config", wire_config.Config)

    async def audit(self, query: Query) -> wire_audit.AuditPage:
        """One page, the newest first; `cursor` asks for the one behind it."""
        return await self.get("audit", wire_audit.AuditPage, query)

    async def endpoints(self) -> wire_endpoints.Endpoints:
        data = (await self.ask("GET", "webhooks/endpoints")).data
        found = read(data, wire_endpoints.Endpoints)
        self._ids = {safe(one.id): one.id for one in msgspec.json.decode(data, type=_Names).items}
        return found

    async def history(self, sensor: str, since: datetime, until: datetime, step_s: int) -> wire_history.History:
        query: Query = {"sensor": sensor, "since": since.isoformat(), "until": until.isoformat(), "step_s": step_s}
        return await self.get("readings/history", wire_history.History, query)

    async def drains(self) -> wire.Drains:
        """The last ones and the one that runs, with counts but no items."""
        return await self.get("webhooks/drains", wire.Drains)

    async def drain_result(self, drain_id: str) -> wire.DrainResult:
        return await self.get(f"webhooks/drains/{part(drain_id)}", wire.DrainResult)

    async def preview_drain(self, delivery_ids: tuple[str, ...] | None = None) -> wire.DrainResult:
        """What `drain` would send now, of these or of all that is pending; sends nothing."""
        request = wire.Drain(only_due=False, delivery_ids=delivery_ids, limit=MOST_DRAINED, dry_run=True)
        return await self.post("webhooks/retries/drain", wire.DrainResult, request)

    async def whoami(self) -> wire_access.WhoAmI:
        return await self.get("whoami", wire_access.WhoAmI)

    async def operators(self) -> wire_access.Operators:
        return await self.get("operators", wire_access.Operators)

    # -- acting ----------------------------------------------------------------------------------------------------

    async def drain(self, delivery_ids: tuple[str, ...], by: str) -> wire.DrainResult:
        """Send these now, due or not; returns at once, `drain_result` tells how far it is."""
        request = wire.Drain(only_due=False, delivery_ids=delivery_ids, time_budget_s=0, by=by)
        return await self.post("webhooks/retries/drain", wire.DrainResult, request)

    async def retry(self, delivery_id: str, by: str) -> wire.RetryItem:
        """Send one now and wait for what becomes of it."""
        path = f"webhooks/retries/{part(delivery_id)}/retry"
        return await self.post(path, wire.RetryItem, wire_endpoints.Said(by=by), deadline_s=SENDING_DEADLINE_S)

    async def stop_drain(self, drain_id: str, by: str) -> wire.DrainResult:
        """What it has not come to stays as it was."""
        path = f"webhooks/drains/{part(drain_id)}/stop"
        return await self.post(path, wire.DrainResult, wire_endpoints.Said(by=by))

    async def requeue(self, delivery_id: str, by: str) -> wire.RetryItem:
        path = f"webhooks/retries/{part(delivery_id)}/requeue"
        return await self.post(path, wire.RetryItem, wire_endpoints.Said(by=by))

    async def discard(self, body: wire_endpoints.Discard) -> wire_endpoints.Discarded:
        """Give them up for good; those that have left meanwhile are not among the answer's."""
        path = "webhooks/retries/discard"
        return await self.post(path, wire_endpoints.Discarded, body, deadline_s=SENDING_DEADLINE_S)

    async def recover(self, body: wire_endpoints.Recover) -> wire_endpoints.Recovered:
        """As many as there are: each is written to disk before the answer."""
        path = "webhooks/retries/recover"
        return await self.post(path, wire_endpoints.Recovered, body, deadline_s=SENDING_DEADLINE_S)

    async def pause(self, endpoint: str, body: wire_endpoints.Pause) -> wire_endpoints.EndpointItem:
        return await self.post(f"{self._endpoint(endpoint)}/pause", wire_endpoints.EndpointItem, body)

    async def resume(self, endpoint: str, body: wire_endpoints.Resume) -> wire_endpoints.EndpointItem:
        return await self.post(f"{self._endpoint(endpoint)}/resume", wire_endpoints.EndpointItem, body)

    async def test(self, endpoint: str) -> wire_endpoints.EndpointTest:
        """Send one test event there now and wait for what becomes of it."""
        path = f"{self._endpoint(endpoint)}/test"
        return await self.post(path, wire_endpoints.EndpointTest, deadline_s=SENDING_DEADLINE_S)

    def _endpoint(self, shown: str) -> str:
        """Its path, by the name that it has in the core."""
        return f"webhooks/endpoints/{part(self._ids.get(shown, shown))}"

    async def acknowledge(self, case_id: str, body: wire.Acknowledge) -> wire.CaseItem:
        return await self.post(f"cases/{part(case_id)}/acknowledge", wire.CaseItem, body)

    async def handle(self, case_id: str, body: wire.Handle) -> wire.CaseItem:
        """Closes it as well where its condition has cleared."""
        return await self.post(f"cases/{part(case_id)}/handle", wire.CaseItem, body)

    async def note(self, case_id: str, body: wire_cases.Remark) -> wire.CaseItem:
        return await self.post(f"cases/{part(case_id)}/note", wire.CaseItem, body)

    async def shelve(self, case_id: str, body: wire_cases.Shelve) -> wire.CaseItem:
        return await self.post(f"cases/{part(case_id)}/shelve", wire.CaseItem, body)

    async def unshelve(self, case_id: str, body: wire.Seen) -> wire.CaseItem:
        return await self.post(f"cases/{part(case_id)}/unshelve", wire.CaseItem, body)

    async def maintain(self, cabinet: str, body: wire_cases.Maintenance) -> wire.CabinetItem:
        return await self.post(f"cabinets/{part(cabinet)}/maintenance", wire.CabinetItem, body)

    async def take_out(self, cabinet: str, body: wire_cases.OutOfService) -> wire.CabinetItem:
        """Out of service."""
        return await self.post(f"cabinets/{part(cabinet)}/out_of_service", wire.CabinetItem, body)

    async def put_back(self, cabinet: str, body: wire_cases.InService) -> wire.CabinetItem:
        """In service again."""
        return await self.post(f"cabinets/{part(cabinet)}/in_service", wire.CabinetItem, body)

    async def acknowledge_damage(self, body: wire.Seen) -> wire.DurabilityInfo:
        return await self.post("durability/acknowledge", wire.DurabilityInfo, body)

    async def unlock(self, body: wire_access.Unlock) -> wire_access.Unlocked:
        """From now on every request is the operator's."""
        self.unlocked = None
        answer = await self.post("operator/unlock", wire_access.Unlocked, body, deadline_s=PIN_DEADLINE_S)
        self.unlocked = answer.token
        return answer

    async def lock(self) -> None:
        """No request is the operator's any more, whatever the core says to it."""
        token, self.unlocked = self.unlocked, None
        if token is not None:
            await self.ask("POST", "operator/lock", headers={"authorization": f"Bearer {token}"})
