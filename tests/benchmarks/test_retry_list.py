"""A list of 100,000 retries: what a page, a poll that finds nothing new and a 304 cost the core, in CPU time, each through
the whole app. Beside them the page's own JSON, and a plain scan over as many.

`pytest -s tests/benchmarks/test_retry_list.py` prints the table; with `-m torture` more rounds of it.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
import pytest
from msgspec import structs

from core import wire
from core.journal.lines import Head, encode_line, generation
from core.manage_api.peers import PEER, Peer
from core.webhooks import deliveries
from core.webhooks.deliveries import Status
from tests.benchmarks.journals import MISSED, NOW, T, a_delivery
from tests.core.manage_api.retry_shop import DRAINS, RETRIES, RetryShop, a_retry_shop
from tests.core.webhooks.factories import BODY, a_case_event, an_endpoint

WINDOW: Final = f"{RETRIES}/window"
COUNT: Final = 100_000
LATER: Final = datetime(2200, 1, 1, tzinfo=UTC)
ENDPOINTS: Final = ("hq", "store", "robot")
SEVERITIES: Final = ("info", "warning", "critical")
PAGE_MS: Final = 50.0
NOTHING_NEW_MS: Final = 1.0
MOST_OF_A_SCAN: Final = 12.0  # times a plain loop over as many that looks at one field
DEAD_EACH: Final = 1000
MANY: Final = pytest.mark.parametrize(
    "rounds", [pytest.param(7, id="quick"), pytest.param(101, id="full", marks=pytest.mark.torture)]
)


def fill(path: Path) -> None:
    """So many deliveries, each with one failed attempt, one in a thousand dead; as a core left them that was stopped."""
    missed = structs.replace(MISSED, error="no answer within 10 s")
    with path.open("wb") as file:
        file.writelines(generation(Head(gen=1, epoch="e", items=0, upto=0), b"{}", [], T))
        for number in range(1, COUNT + 1):
            delivery = structs.replace(
                a_delivery(number),
                ordinal=number,
                created_at=NOW + timedelta(seconds=number),
                endpoint=ENDPOINTS[number % 3],
                severity=SEVERITIES[number // 3 % 3],
                attempts=1,
                auto_attempts=1,
                history=(missed,),
                age_s=float(COUNT - number),
                delay_s=900.0 * (number % 2),
                next_attempt_at=LATER,
                status=Status.PENDING if number % DEAD_EACH else Status.DEAD_LETTER,
            )
            file.write(encode_line(number, T, "put", delivery.delivery_id, deliveries.encode(delivery)))
        file.write(encode_line(COUNT + 1, T, "bye", "", b"null"))


@dataclass
class Answer:
    """What the app said, and the CPU time of this process that it took."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ms: float = 0.0

    def page(self) -> wire.Retries:
        return msgspec.json.decode(self.body, type=wire.Retries)


class Caller:
    """Calls the app as its server does, so that no client is measured."""

    def __init__(self, shop: RetryShop, run: asyncio.Runner):
        self.shop, self.run = shop, run

    def get(self, path: str = RETRIES, known: str = "", **query: Any) -> Answer:
        return self.run.run(self._get(path, known, query))

    async def _get(self, path: str, known: str, query: dict[str, Any]) -> Answer:
        answer = Answer()
        headers = [(b"host", b"localhost"), *([(b"if-none-match", known.encode())] if known else [])]
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": urlencode(query).encode(),
            "headers": headers,
            "state": {PEER: Peer(uid=0, gid=0)},
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                answer.body += message.get("body", b"")

        started_s = time.process_time()
        await self.shop.app(scope, receive, send)
        answer.ms = (time.process_time() - started_s) * 1000
        return answer


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Nothing is sent by itself."""
    directory = tmp_path_factory.mktemp("retries")
    fill(directory / "retries.jsonl")
    endpoints = [an_endpoint("http://127.0.0.1:9/", name) for name in ENDPOINTS]
    with asyncio.Runner() as runner:
        opened = a_retry_shop(directory, *endpoints, sending=False)
        try:
            yield Caller(runner.run(opened.__aenter__()), runner)
        finally:
            runner.run(opened.__aexit__(None, None, None))


def median_ms(rounds: int, once: Callable[[], float]) -> float:
    return statistics.median(once() for _ in range(rounds))


def cpu_ms(work: Callable[[], object]) -> float:
    started_s = time.process_time()
    work()
    return (time.process_time() - started_s) * 1000


QUESTIONS: Final[dict[str, dict[str, Any]]] = {
    "no filter": {},
    "three filters": {"endpoint": "hq", "severity": "critical", "event_type": "case.opened"},
    "dead letters": {"status": "dead_letter"},
    "due now": {"due": "true"},
    "not due, critical": {"due": "false", "severity": "critical"},
    "one case": {"case_id": f"case_{COUNT - 1:020x}"},
    "no such case": {"case_id": "case_none"},
    "an error that none had": {"error_class": "tls"},
    "text that is nowhere": {"q": "nowhere at all"},
    "text in the last one": {"q": f"EVT_{COUNT - 1:020X}"},
    "all of it, none": {"q": "evt_", "due": "true", "endpoint": "hq", "event_type": "x", "created_after": T},
}


@MANY
def test_a_page_of_50_with_any_filters_takes_under_50_ms(caller: Caller, rounds: int) -> None:
    """Also where hardly any or none fits, so that all must be looked at."""
    entries = list(caller.shop.station.queue.entries())
    scan_ms = median_ms(rounds, lambda: cpu_ms(lambda: [one for one in entries if one.delivery.case_id == "none"]))
    full = caller.get().page()
    json_ms = median_ms(rounds, lambda: cpu_ms(lambda: msgspec.json.encode(full)))
    print(f"\n{COUNT:,} retries; a plain scan {scan_ms:.2f} ms, the JSON of a page of 50 {json_ms:.3f} ms")
    for what, query in QUESTIONS.items():
        ms = median_ms(rounds, lambda query=query: caller.get(**query).ms)  # type: ignore[misc]
        found = len(caller.get(**query).page().items)
        print(f"{what:24} {found:2} found  {ms:7.2f} ms  {ms / scan_ms:5.2f} scans  {ms / json_ms:5.1f} encodings")
        assert ms < PAGE_MS
        assert ms <= (scan_ms if not query else MOST_OF_A_SCAN * scan_ms)


@MANY
def test_the_last_pages_cost_no_more_than_the_first(caller: Caller, rounds: int) -> None:
    """A cursor is found, not walked to."""
    first, behind = caller.get(limit=50).page(), caller.get(limit=50)
    last = list(caller.shop.station.queue.entries())[-60].delivery
    cursor = f"{str(first.next).rsplit('.', 1)[0]}.{last.delivery_id}"
    ms = median_ms(rounds, lambda: caller.get(cursor=cursor).ms)
    print(f"\na page behind a cursor {ms:.2f} ms, the first {behind.ms:.2f} ms")
    assert ms < PAGE_MS


@MANY
def test_who_has_heard_it_all_costs_under_1_ms(caller: Caller, rounds: int) -> None:
    """By number and epoch, by the tag of an answer; and what looks at all of them at a glance."""
    known = caller.get()
    page = known.page()
    entries = list(caller.shop.station.queue.entries())
    scan_ms = median_ms(rounds, lambda: cpu_ms(lambda: [one for one in entries if one.n > page.seq]))
    tag = known.headers["etag"]
    asked: dict[str, Callable[[], Answer]] = {
        "since_seq, nothing new": lambda: caller.get(since_seq=page.seq, epoch=page.epoch),
        "If-None-Match, 304": lambda: caller.get(known=tag),
        "endpoints": lambda: caller.get("/api/manage/webhooks/endpoints"),
        "drains": lambda: caller.get(DRAINS),
    }
    assert [asked[name]().status for name in asked] == [200, 304, 200, 200]
    assert caller.get(since_seq=page.seq, epoch=page.epoch).page().items == ()
    for what, ask in asked.items():
        ms = median_ms(3 * rounds, lambda ask=ask: ask().ms)  # type: ignore[misc]
        print(f"\n{what:24} {ms:.3f} ms, {ms / scan_ms:.3f} of a plain scan", end="")
        assert ms < NOTHING_NEW_MS
        assert ms < scan_ms


WINDOWS: Final[dict[str, dict[str, Any]]] = {
    "the first": {},
    "in the middle": {"offset": COUNT // 2},
    "at the end, turned round": {"offset": COUNT, "descending": "true"},
    "pending, by creation": {"status": "pending", "sort": "created", "offset": COUNT // 2},
    "pending, by change": {"status": "pending", "sort": "changed", "offset": COUNT},
    "around a delivery": {"anchor": a_delivery(COUNT // 3).delivery_id},
}
SOUGHT: Final[dict[str, dict[str, Any]]] = {
    "text in the last one": {"q": f"EVT_{COUNT - 1:020X}"},
    "text that all have, turned round": {"q": "case.opened", "without": "true"},
    "of one endpoint": {"endpoint": "hq", "offset": COUNT // 6},
}


@MANY
def test_any_window_of_200_costs_less_than_a_plain_scan(caller: Caller, rounds: int) -> None:
    """In each order, wherever it lies; and where something is sought no more than a few scans."""
    entries = list(caller.shop.station.queue.entries())
    scan_ms = median_ms(rounds, lambda: cpu_ms(lambda: [one for one in entries if one.delivery.case_id == "none"]))
    print(f"\na plain scan {scan_ms:.2f} ms")
    for what, query in {**WINDOWS, **SOUGHT}.items():
        ms = median_ms(rounds, lambda query=query: caller.get(WINDOW, limit=200, **query).ms)  # type: ignore[misc]
        page = json.loads(caller.get(WINDOW, limit=200, **query).body)
        print(f"{what:33} {len(page['items']):3} of {page['total']:7,}  {ms:7.2f} ms  {ms / scan_ms:5.2f} scans")
        assert ms <= (MOST_OF_A_SCAN if what in SOUGHT else 2.0) * scan_ms


@MANY
def test_a_window_after_a_change_costs_no_more_than_one_before(caller: Caller, rounds: int) -> None:
    """The orders follow what changed; nobody sorts them anew."""
    queue = caller.shop.station.queue
    ids = iter([one.delivery.delivery_id for one in queue.entries() if one.delivery.endpoint == "robot"])
    entries = list(queue.entries())
    scan_ms = median_ms(rounds, lambda: cpu_ms(lambda: [one for one in entries if one.delivery.case_id == "none"]))

    def after_changes() -> float:
        for _ in range(20):
            queue.escalated(queue.get(next(ids)))
        return caller.get(WINDOW, limit=200, sort="changed", offset=COUNT // 2).ms

    ms = median_ms(rounds, after_changes)
    print(f"\na window after 20 changes {ms:.2f} ms, {ms / scan_ms:.2f} scans")
    assert ms <= 2.0 * scan_ms


def test_pages_are_stable_while_others_write(caller: Caller) -> None:
    """Between two pages some are added, end and change: what was there throughout comes once each, in order."""
    queue, seen, cursor, turn = caller.shop.station.queue, list[str](), dict[str, str](), 0
    there = {one.delivery.delivery_id for one in queue.entries() if one.delivery.endpoint == "hq"}
    movable = iter(sorted(there)[:: len(there) // 900])
    costs = []
    while True:
        answer = caller.get(endpoint="hq", limit=250, **cursor)
        costs.append(answer.ms)
        page = answer.page()
        seen += [item.delivery_id for item in page.items]
        if page.next is None:
            break
        cursor, turn = {"cursor": page.next}, turn + 1
        for name in [next(movable), next(movable)]:
            queue.cancel(name, "li")
            there.discard(name)
        queue.escalated(queue.get(next(movable)))
        queue.accept(a_case_event(f"new_{turn}", 1), ["hq"], BODY)
    print(f"\n{len(costs)} pages of 250 while others write, the worst {max(costs):.2f} ms")
    assert len(seen) == len(set(seen))
    assert there <= set(seen)
    assert statistics.median(costs) < PAGE_MS
    left = caller.get(since_seq=page.seq, epoch=page.epoch, limit=250).page()
    assert (left.full, len(left.items) > 0) == (False, True)
