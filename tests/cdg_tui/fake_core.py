"""A core at the transport's seam: answers the manage API from values that a test sets, and remembers what it was asked."""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any, get_args
from urllib.parse import unquote

import httpx
import msgspec
from msgspec import structs

from core import wire
from core.errors import RefusalError
from core.monitoring.statistics import Minute
from core.wire_access import Locked, Operator, Operators, TokenScope, Unlocked, WhoAmI
from core.wire_audit import AuditItem, AuditPage
from core.wire_cases import CaseDetail, CaseStep
from core.wire_config import Config
from core.wire_endpoints import Discarded, EndpointItem, Endpoints, EndpointTest, Payload, Recovered
from core.wire_history import History
from core.wire_stream import Log, LogItem, LogLevel
from core.wire_windows import RetryGroup, RetryGroups, RetryIds, RetryWindow
from tests.cdg_tui import histories
from tests.cdg_tui.factories import NOW, a_cabinet, at

LEVELS = get_args(LogLevel)

Behaviour = Callable[[httpx.Request], httpx.Response]


def a_status(core: "FakeCore", **more: Any) -> wire.Status:
    health = wire.JournalHealth(
        state=wire.Durability.DURABLE,
        reason=None,
        since=None,
        degraded=False,
        unacknowledged=0,
        last_sync_ms=1.0,
        worst_sync_ms=2.0,
        torn_tails=0,
        damaged_lines=0,
        quarantined_files=0,
        quarantined_bytes=0,
        unclean_starts=0,
        live=5,
        lost_numbers=0,
        unclean_start=False,
        size=1000,
        lines=10,
        generation=1,
    )
    live = [case for case in core.cases if case.condition != "cleared"]
    plain: dict[str, Any] = {
        "version": "0.1.0",
        "device": wire.DeviceInfo(
            id="kiosk", site="SH-0412", site_name="徐家汇店", timezone="Asia/Shanghai", language="zh", boot_id="b"
        ),
        "now": NOW,
        "clock_synced": True,
        "uptime_s": 100.0,
        "simulated": False,
        "network": "unknown",
        "durability": wire.DurabilityInfo(
            state=wire.Durability.DURABLE, degraded=False, archive_unacknowledged=0, journals={"retries": health}
        ),
        "monitoring": wire.MonitoringInfo(beat=core.rounds, late_ms=0.0, worst_late_ms=1.0, sources=()),
        "cases": wire.CaseCounts(
            open=len(core.cases),
            critical=sum(case.severity == "critical" for case in live),
            warning=sum(case.severity == "warning" for case in live),
            seq=core.cases_seq,
        ),
        "webhooks": core.summary(),
        "epoch": core.epoch,
        "seq": core.seq,
        "problems": (),
    }
    return wire.Status(**{**plain, **more})


class FakeCore(httpx.AsyncBaseTransport):
    """Set its values, then look at `asked` (all), `written` (what was no GET). `fail` answers or raises instead; `hang`
    never answers.
    """

    def __init__(self) -> None:
        self.cabinets: list[wire.CabinetItem] = [a_cabinet()]
        self.cases: list[wire.CaseItem] = []
        self.cases_seq = 0
        self.retries: list[wire.RetryItem] = []
        self.windows = 0  # how often one was asked for
        self.attempts: dict[str, tuple[wire.AttemptItem, ...]] = {}
        self.sending: tuple[str, ...] = ()
        self.endpoints: list[EndpointItem] = []
        self.log: list[LogItem] = []
        self.run = "r1"
        self.config = Config(path="/etc/cdg/config.toml", settings={}, restart_required=False, hints=())
        self.audit: list[AuditItem] = []  # newest first
        self.payloads: dict[str, Any] = {}
        self.steps: dict[str, tuple[CaseStep, ...]] = {}
        self.test_fails = False
        self.minutes: dict[str, list[Minute]] = {}
        self.status_changes: dict[str, Any] = {}
        self.epoch, self.seq, self.rounds = "e1", 1, 0
        self.fail: Behaviour | None = None
        self.refuse: dict[str, tuple[int, str]] = {}  # path's end -> status and code of a refusal
        self.hang = False
        self.swallow = False  # does what it is asked to, and is cut off before it can say so
        self.asked: list[str] = []
        self.written: list[tuple[str, Any]] = []
        self._drains: dict[str, wire.DrainResult] = {}
        self.drain_rounds = 0  # how many questions a drain stays running
        self.drain_result = "delivered"
        self.acknowledged_by: str | None = None  # somebody else, who was quicker
        self.others_drain: str | None = None  # the id of one that somebody else has begun
        self.actor = "uid:1000"
        self.scope: TokenScope = "operate"
        self.pins: dict[str, str] = {}  # by operator
        self.unlocked: dict[str, str] = {}  # the operator by his token; clear it, and all of them are locked
        self.wait_s = 0  # after too many wrong PINs
        self.by: list[str] = []  # who asked for what was written

    def changed(self, *items: wire.RetryItem) -> None:
        """These deliveries are news: new ones, or new states of known ones."""
        for item in items:
            self.seq += 1
            item = structs.replace(item, seq=self.seq)
            self.retries = [one for one in self.retries if one.delivery_id != item.delivery_id]
            if item.status in {"pending", "dead_letter"}:
                self.retries.append(item)

    def summary(self) -> wire.RetrySummary:
        pending = [item for item in self.retries if item.status == "pending"]
        return wire.RetrySummary(
            pending=len(pending),
            due=0,
            in_flight=len(self.sending),
            dead_letter=len(self.retries) - len(pending),
            oldest_pending_age_s=None,
            by_endpoint={},
            drain_id=self.others_drain,
            accounts=wire.Accounts(
                accepted=len(self.retries),
                delivered=0,
                pending=len(pending),
                dead_letter=len(self.retries) - len(pending),
                cancelled=0,
                archived=0,
                unaccounted=0,
            ),
        )

    # -- the transport -----------------------------------------------------------------------------------------------

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/manage/")
        self.asked.append(f"{request.method} {path}")
        if request.method != "GET":
            self.written.append((path, json.loads(request.content) if request.content else None))
        while self.hang:
            await asyncio.sleep(0.05)
        if (stopped := self._stopped_at_the_door(request, path)) is not None:
            return stopped
        for end, (status, code) in self.refuse.items():
            if path.endswith(end):
                return a_problem(status, code, drain_id=self.others_drain)
        try:
            answer = self._answer(request, path)
        except StopIteration:
            answer = a_problem(404, "not_found")
        except RefusalError as refusal:
            answer = a_problem(refusal.status, refusal.code, drain_id=self.others_drain)
        return broken_off(request) if self.swallow and request.method != "GET" else answer

    def _answer(self, request: httpx.Request, path: str) -> httpx.Response:  # noqa: C901 - a table of routes
        whole = request.url.raw_path.decode().partition("?")[0].removeprefix("/api/manage/")
        parts = [unquote(part) for part in whole.split("/")]
        match request.method, parts:
            case "GET", ["status"]:
                self.rounds += 1
                return an_answer(a_status(self, **self.status_changes))
            case "GET", ["cabinets"]:
                return an_answer(wire.Cabinets(items=tuple(self.cabinets)))
            case "GET", ["cases"]:
                return an_answer(wire.Cases(items=tuple(self.cases), next=None))
            case "GET", ["webhooks", "retries"]:
                return an_answer(self._list(request.url.params))
            case "GET", ["webhooks", "retries", "window"]:
                return self._window(request)
            case "GET", ["webhooks", "retries", "ids"]:
                ids = tuple(item.delivery_id for item in self.fitting(dict(request.url.params)))
                return an_answer(RetryIds(delivery_ids=ids[:10_000], total=len(ids)))
            case "GET", ["webhooks", "retries", "groups"]:
                return an_answer(self._grouped())
            case "GET", ["webhooks", "drains"]:
                return an_answer(
                    wire.Drains(items=tuple(structs.replace(one, items=()) for one in self._drains.values()))
                )
            case "GET", ["readings", "history"]:
                return an_answer(self._history(request.url.params))
            case "GET", ["log"]:
                return an_answer(self._log(request.url.params))
            case "GET", ["config"]:
                return an_answer(self.config)
            case "GET", ["audit"]:
                return an_answer(self._audit(request.url.params))
            case "GET", ["webhooks", "retries", delivery_id, "payload"]:
                return an_answer(self._payload(delivery_id))
            case "GET", ["cases", case_id]:
                return an_answer(self._case(case_id))
            case "GET", ["webhooks", "retries", delivery_id]:
                item = self._retry(delivery_id)
                return an_answer(wire.RetryDetail(item=item, attempts=self.attempts.get(delivery_id, ())))
            case "GET", ["webhooks", "drains", drain_id]:
                return an_answer(self._drained(drain_id))
            case "POST", ["webhooks", "drains", drain_id, "stop"]:
                return an_answer(self._stopped(drain_id))
            case "GET", ["webhooks", "endpoints"]:
                network = self.status_changes.get("network", "unknown")
                since = None if network == "unknown" else at(-600)
                return an_answer(Endpoints(items=tuple(self.endpoints), network=network, network_since=since))
            case "POST", ["webhooks", "endpoints", endpoint_id, verb]:
                return an_answer(self._hold(endpoint_id, verb, json.loads(request.content or b"{}")))
            case "POST", ["webhooks", "retries", "recover"]:
                return an_answer(self._recover(json.loads(request.content)))
            case "POST", ["webhooks", "retries", "discard"]:
                return an_answer(self._discard(json.loads(request.content)))
            case "POST", ["webhooks", "retries", "drain"]:
                return an_answer(self._drain(json.loads(request.content)))
            case "POST", ["webhooks", "retries", delivery_id, verb]:
                return an_answer(self._act(delivery_id, verb))
            case "GET", ["whoami"]:
                return an_answer(self._me(request))
            case "GET", ["operators"]:
                return an_answer(Operators(items=tuple(Operator(name=name, scope="operate") for name in self.pins)))
            case "POST", ["operator", "unlock"]:
                return self._unlock(json.loads(request.content))
            case "POST", ["operator", "lock"]:
                return an_answer(Locked(operator=self.unlocked.pop(bearer(request) or "")))
            case "POST", ["cases", case_id, verb]:
                return an_answer(self._handle(case_id, verb, json.loads(request.content)))
            case "POST", ["cabinets", cabinet_id, verb]:
                return an_answer(self._serve(cabinet_id, verb, json.loads(request.content)))
        return a_problem(404, "not_found")

    def _list(self, query: httpx.QueryParams) -> wire.Retries:
        return wire.Retries(
            items=tuple(item for item in self.retries if query.get("case_id") in {None, item.case_id}),
            next=None,
            full=True,
            epoch=self.epoch,
            seq=self.seq,
            server_time=NOW,
            clock_synced=True,
            summary=self.summary(),
        )

    def _window(self, request: httpx.Request) -> httpx.Response:
        query = dict(request.url.params)
        found, limit = self.fitting(query), int(query["limit"])
        ids = [item.delivery_id for item in found]
        anchor = ids.index(query["anchor"]) if query.get("anchor") in ids else None
        wanted = int(query["offset"]) if anchor is None else anchor - limit // 2
        offset = max(0, min(wanted, len(found) - limit))
        window = RetryWindow(
            items=tuple(found[offset : offset + limit]),
            offset=offset,
            total=len(found),
            all=len(self.fitting({"status": query["status"]})),
            anchor=anchor,
            epoch=self.epoch,
            seq=self.seq,
            sending=self.sending,
            server_time=NOW,
        )
        self.windows += 1
        tag = f'"{hash(msgspec.json.encode(window))}"'
        if request.headers.get("if-none-match") == tag:
            return httpx.Response(304, headers={"etag": tag})
        return httpx.Response(200, content=msgspec.json.encode(window), headers={"etag": tag})

    def fitting(self, query: dict[str, str]) -> list[wire.RetryItem]:
        """Those that fit, in the order that was asked for."""
        text, without = query.get("q", "").casefold(), query.get("without") == "true"
        found = [
            item
            for item in self.retries
            if item.status == query["status"]
            and query.get("endpoint") in {None, item.endpoint.id}
            and query.get("reason") in {None, item.dead_letter_reason}
            and (text in words_of(item)) is not (without and bool(text))
        ]
        keys: dict[str, Callable[[wire.RetryItem], Any]] = {
            "next": lambda item: (item.next_attempt_in_s is None, item.next_attempt_in_s, item.delivery_id),
            "created": lambda item: (item.created_at, item.delivery_id),
            "changed": lambda item: (item.settled_at or item.created_at, item.seq),
        }
        return sorted(found, key=keys[query.get("sort", "next")], reverse=query.get("descending") == "true")

    def _grouped(self) -> RetryGroups:
        dead = Counter(
            (item.endpoint.id, item.dead_letter_reason) for item in self.retries if item.status == "dead_letter"
        )
        return RetryGroups(
            items=tuple(
                RetryGroup(endpoint=endpoint, reason=reason, count=count, newest_at=at(-60))
                for (endpoint, reason), count in dead.most_common()
            )
        )

    def _stopped_at_the_door(self, request: httpx.Request, path: str) -> httpx.Response | None:
        if self.fail is not None:
            return self.fail(request)
        if (token := bearer(request)) is not None and token not in self.unlocked:
            return a_problem(401, "operator_locked")
        if request.method != "GET" and path != "operator/unlock":
            if token is None and self.scope == "read":
                return a_problem(403, "insufficient_scope")
            self.by.append(self._me(request).actor)
        return None

    def _me(self, request: httpx.Request) -> WhoAmI:
        operator = self.unlocked.get(bearer(request) or "")
        if operator is None:
            return WhoAmI(actor=self.actor, via=None, scope=self.scope, origin="socket")
        return WhoAmI(actor=f"operator:{operator}", via=self.actor, scope="operate", origin="socket")

    def _unlock(self, body: dict[str, str]) -> httpx.Response:
        if self.wait_s:
            answer = a_problem(429, "too_many_tries")
            answer.headers["retry-after"] = str(self.wait_s)
            return answer
        if self.pins.get(body["operator"]) != body["pin"]:
            return a_problem(401, "wrong_pin")
        token = f"token-{len(self.asked)}"
        self.unlocked[token] = body["operator"]
        return an_answer(
            Unlocked(token=token, operator=body["operator"], scope="operate", expires_at=at(300), expires_in_s=300.0)
        )

    def _history(self, query: httpx.QueryParams) -> History:
        since, until = (datetime.fromisoformat(query[name]) for name in ("since", "until"))
        return histories.answer(self.minutes, query["sensor"], since, until, int(query["step_s"]))

    def _log(self, query: httpx.QueryParams) -> Log:
        least, after = LEVELS.index(query["level"]), int(query.get("after", 0))
        found = [one for one in self.log if LEVELS.index(one.level) >= least and one.n > after]
        page = found[: int(query["limit"])] if "after" in query else found[-int(query["limit"]) :]
        last = self.log[-1].n if self.log else 0
        return Log(items=tuple(page), run=self.run, first=self.log[0].n if self.log else 1, last=last)

    def _audit(self, query: httpx.QueryParams) -> AuditPage:
        what, start, limit = query.get("what", "*"), int(query.get("cursor", 0)), int(query["limit"])
        found = [one for one in self.audit if one.what.startswith(what.removesuffix("*"))]
        more = start + limit < len(found)
        return AuditPage(items=tuple(found[start : start + limit]), next=str(start + limit) if more else None)

    def _payload(self, delivery_id: str) -> Payload:
        body = msgspec.json.encode(self.payloads.get(delivery_id, {"type": self._retry(delivery_id).event_type}))
        return Payload(
            delivery_id=delivery_id, bytes=len(body), sha256=hashlib.sha256(body).hexdigest(), body=msgspec.Raw(body)
        )

    def _case(self, case_id: str) -> CaseDetail:
        case = next(case for case in self.cases if case.case_id == case_id)
        return CaseDetail(**structs.asdict(case), steps=self.steps.get(case_id, ()))

    def _retry(self, delivery_id: str) -> wire.RetryItem:
        return next(item for item in self.retries if item.delivery_id == delivery_id)

    def _act(self, delivery_id: str, verb: str) -> wire.RetryItem:
        item = self._retry(delivery_id)
        sent = "delivered" if self.drain_result == "delivered" else "pending"
        status = {"retry": sent, "requeue": "pending", "cancel": "cancelled"}[verb]
        after = structs.replace(item, status=status, dead_letter_reason=None)
        self.changed(after)
        return after

    def _handle(self, case_id: str, verb: str, body: dict[str, Any]) -> wire.CaseItem:
        case = next(case for case in self.cases if case.case_id == case_id)
        done = "closed" if case.condition == "cleared" else "actioned"
        changes: dict[str, dict[str, Any]] = {
            "acknowledge": {"handling": "acknowledged"},
            "handle": {"handling": done},
            "note": {"note": body.get("note")},
            "shelve": {"shelved_s": body.get("for_s")},
            "unshelve": {"shelved_s": None},
        }
        actor = self.acknowledged_by if verb == "acknowledge" and self.acknowledged_by else f"{body['by']} (uid:0)"
        after = structs.replace(case, actor=actor, **changes[verb])
        left = (after if one.case_id == case_id else one for one in self.cases)
        self.cases = [one for one in left if one.handling != "closed"]
        return after

    def _serve(self, cabinet_id: str, verb: str, body: dict[str, Any]) -> wire.CabinetItem:
        cabinet = next(cabinet for cabinet in self.cabinets if cabinet.id == cabinet_id)
        due = body.get("due_back")
        changes: dict[str, dict[str, Any]] = {
            "maintenance": {"maintenance_s": body.get("for_s") or None},
            "out_of_service": {
                "state": "out_of_service",
                "out_since": NOW,
                "due_back": datetime.fromisoformat(due) if due else None,
            },
            "in_service": {"state": "ok", "out_since": None, "due_back": None},
        }
        after = structs.replace(cabinet, service_reason=body["reason"], service_by=body["by"], **changes[verb])
        self.cabinets = [after if one.id == cabinet_id else one for one in self.cabinets]
        return after

    def _hold(self, endpoint_id: str, verb: str, body: dict[str, Any]) -> msgspec.Struct:
        one = next(endpoint for endpoint in self.endpoints if endpoint.id == endpoint_id)
        if verb == "test":
            return self._tested(one)
        state: Any = {"pause": "paused", "resume": "active"}[verb]
        after = structs.replace(
            one, state=state, hold="paused" if verb == "pause" else None, held_s=None, reason=body.get("reason")
        )
        self.endpoints = [after if endpoint.id == endpoint_id else endpoint for endpoint in self.endpoints]
        return after

    def _tested(self, one: EndpointItem) -> EndpointTest:
        return EndpointTest(
            endpoint=one.id,
            event_id="evt_test_1",
            started_at=NOW,
            duration_ms=42,
            outcome="failed" if self.test_fails else "delivered",
            error_class="http_4xx" if self.test_fails else None,
            http_status=401 if self.test_fails else 204,
            error="HTTP 401" if self.test_fails else None,
            response_excerpt="",
        )

    def _recover(self, body: dict[str, Any]) -> Recovered:
        since = datetime.fromisoformat(body["since"]) if body.get("since") else at(-1e9)
        until = datetime.fromisoformat(body["until"]) if body.get("until") else None
        ids = body.get("delivery_ids")
        found = [
            item
            for item in self.retries
            if item.settled_at is not None
            and item.settled_at >= since
            and (until is None or item.settled_at <= until)
            and (ids is None or item.delivery_id in ids)
        ]
        if not body["dry_run"]:
            self.changed(*(structs.replace(item, status="pending", settled_at=None) for item in found))
        return Recovered(
            dry_run=body["dry_run"], matched=len(found), delivery_ids=tuple(item.delivery_id for item in found)
        )

    def _discard(self, body: dict[str, Any]) -> Discarded:
        found = [
            item
            for item in self.retries
            if item.delivery_id in body["delivery_ids"] and body["status"] in {None, item.status}
        ]
        self.changed(*(structs.replace(item, status="cancelled") for item in found))
        ids = tuple(item.delivery_id for item in found)
        return Discarded(matched=len(ids), delivery_ids=ids, in_flight=0, gone=len(body["delivery_ids"]) - len(ids))

    def _drain(self, body: dict[str, Any]) -> wire.DrainResult:
        ids = body.get("delivery_ids")
        pending = [one for one in self.retries if one.status == "pending" and (ids is None or one.delivery_id in ids)]
        if self.others_drain is not None and not body["dry_run"]:
            raise RefusalError(409, "drain_in_progress", "another one")
        if body["dry_run"]:
            return a_drain("drn_preview", pending, "would_attempt", dry_run=True)
        if self.drain_result == "delivered":
            self.changed(*(structs.replace(one, status="delivered") for one in pending))
        result = a_drain("drn_1", pending, self.drain_result)
        self._drains["drn_1"] = result
        return self._drained("drn_1")

    def _drained(self, drain_id: str) -> wire.DrainResult:
        running = self.drain_rounds > 0
        self.drain_rounds -= 1
        return structs.replace(self._drains[drain_id], running=running)

    def runs_a_drain(self, drain_id: str) -> str:
        """Somebody else's, of all that is pending."""
        self._drains[drain_id] = structs.replace(
            a_drain(drain_id, [one for one in self.retries if one.status == "pending"], "delivered"), running=True
        )
        return drain_id

    def _stopped(self, drain_id: str) -> wire.DrainResult:
        self.drain_rounds = 0
        self._drains[drain_id] = structs.replace(self._drains[drain_id], stop_reason="stopped", stopped_by="li (uid:0)")
        return self._drained(drain_id)


def a_drain(drain_id: str, items: list[wire.RetryItem], result: str, *, dry_run: bool = False) -> wire.DrainResult:
    failed = result == "failed"
    return wire.DrainResult(
        drain_id=drain_id,
        actor="uid:0",
        dry_run=dry_run,
        running=False,
        started_at=NOW,
        finished_at=NOW,
        duration_ms=5,
        counts=wire.DrainCounts(
            matched=len(items),
            attempted=0 if dry_run else len(items),
            delivered=0 if dry_run or failed else len(items),
            failed=len(items) if failed else 0,
            skipped=0,
            remaining_due=0,
            remaining_pending=len(items) if failed or dry_run else 0,
        ),
        items=tuple(
            wire.DrainItem(
                delivery_id=one.delivery_id,
                endpoint=one.endpoint.id,
                event_type=one.event_type,
                cabinet=one.cabinet,
                result=result,
                http_status=503 if failed else None if dry_run else 204,
                error_class="http_5xx" if failed else None,
            )
            for one in items
        ),
    )


def words_of(item: wire.RetryItem) -> str:
    """What a text is looked for in."""
    last = item.last_attempt.error if item.last_attempt is not None else ""
    return f"{item.delivery_id} {item.event_id} {item.case_id} {item.cabinet} {item.event_type} {item.endpoint.id} {last}".casefold()


def bearer(request: httpx.Request) -> str | None:
    """The token that came with it."""
    header: str | None = request.headers.get("authorization")
    return header and header.removeprefix("Bearer ")


# -- answers -----------------------------------------------------------------------------------------------------------


def an_answer(content: msgspec.Struct) -> httpx.Response:
    return httpx.Response(200, content=msgspec.json.encode(content))


def a_problem(status: int, code: str, detail: str = "no", drain_id: str | None = None) -> httpx.Response:
    problem = wire.ProblemDetails(
        type="about:blank", title="x", status=status, detail=detail, code=code, drain_id=drain_id
    )
    return httpx.Response(
        status, content=msgspec.json.encode(problem), headers={"content-type": "application/problem+json"}
    )


def no_socket(request: httpx.Request) -> httpx.Response:
    """As httpx says that there is no socket at all."""
    raise httpx.ConnectError("no socket") from FileNotFoundError(2, "No such file or directory")


def refused(request: httpx.Request) -> httpx.Response:
    """As httpx says that the socket is there and nobody behind it."""
    raise httpx.ConnectError("refused") from ConnectionRefusedError(111, "Connection refused")


def broken_off(request: httpx.Request) -> httpx.Response:
    raise httpx.RemoteProtocolError("Server disconnected without sending a response.")


class FarCore(FakeCore):
    """Behind a line over which each answer takes `answer_s`, by its own clock `hour_s`, which costs a test no time: it is put
    forward for all who ask at the same time at once.
    """

    def __init__(self, answer_s: float):
        super().__init__()
        self.answer_s, self.hour_s = answer_s, 1000.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        asked_s = self.hour_s
        await asyncio.sleep(0)  # whoever asks at the same time has asked now
        self.hour_s = max(self.hour_s, asked_s + self.answer_s)
        return await super().handle_async_request(request)
