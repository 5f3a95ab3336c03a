"""Windows of the retry list: where they lie, in which order, what fits; ids, groups, and hearing that nothing changed."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from core.events import Event
from core.manage_api.retry_window import Found, SortedQuery
from core.settings import Retry
from core.webhooks.deliveries import DeadLetterReason, Status
from core.webhooks.entry import Entry
from tests.core.manage_api.retry_shop import RETRIES, RetryShop, a_retry_shop
from tests.core.manage_api.sample_routes import code_of
from tests.core.webhooks.draining import an_id
from tests.core.webhooks.factories import BODY, DOWN, Box, a_box, a_case_event, an_attempt, an_endpoint

pytestmark = pytest.mark.anyio
WINDOW, IDS, GROUPS = f"{RETRIES}/window", f"{RETRIES}/ids", f"{RETRIES}/groups"
COUNT = 20
PERMANENT, EVICTED = DeadLetterReason.PERMANENT, DeadLetterReason.EVICTED
REASONS = {0: PERMANENT, 5: EVICTED, 10: PERMANENT, 15: EVICTED}


class Counter:
    """A shop with twenty deliveries, in the order of their names, none sent by itself; every fifth is given up."""

    def __init__(self, shop: RetryShop):
        self.shop, self.queue = shop, shop.station.queue
        self.events: list[Event] = []

    async def fill(self) -> None:
        waiting: list[Entry] = []
        for number in range(COUNT):
            endpoint = "hq" if number % 2 == 0 else "store"
            self.events.append(event := a_case_event(f"{number:02}", 1))
            waiting += self.queue.accept(event, [endpoint], BODY)
        await self.queue.durable(waiting)
        for _ in range(COUNT // 2):
            for endpoint in ("hq", "store"):
                self.fail(endpoint)
        for number, reason in REASONS.items():
            self.give_up(number, reason)

    def fail(self, endpoint: str) -> None:
        entry = self.queue.claim(endpoint)
        assert entry is not None
        self.queue.settle(entry, an_attempt(self.shop.station.clock, entry, DOWN), DOWN)

    def give_up(self, number: int, reason: DeadLetterReason) -> None:
        entry = self.queue.get(self.id(number))
        self.queue._end(entry, structs.replace(entry.delivery, status=Status.DEAD_LETTER, dead_letter_reason=reason))

    def id(self, number: int) -> str:
        return an_id(self.shop.station, self.events[number], "hq" if number % 2 == 0 else "store")

    async def ask(self, path: str = WINDOW, **query: Any) -> Any:
        return (await self.shop.client.get(path, params=query)).json()

    async def names(self, **query: Any) -> list[str]:
        return [one["case_id"][-2:] for one in (await self.ask(**query))["items"]]


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    endpoints = [an_endpoint("http://127.0.0.1:9/", name) for name in ("hq", "store")]
    retry = Retry(max_attempts=100, first_delay_s=600.0, max_delay_s=900.0)
    async with a_retry_shop(tmp_path, *endpoints, retry=retry, sending=False) as shop:
        found = Counter(shop)
        await found.fill()
        yield found


def numbers(*wanted: int) -> list[str]:
    return [f"{one:02}" for one in wanted]


ALL = tuple(range(COUNT))


@pytest.mark.parametrize(
    ("query", "found", "offset"),
    [
        ({}, ALL, 0),
        ({"limit": 3}, ALL[:3], 0),
        ({"limit": 3, "offset": 7}, ALL[7:10], 7),
        ({"limit": 3, "offset": 19}, ALL[17:], 17),
        ({"limit": 3, "offset": 10**9}, ALL[17:], 17),
        ({"limit": 3, "descending": True}, (19, 18, 17), 0),
        ({"limit": 3, "offset": 18, "descending": True}, (2, 1, 0), 17),
        ({"limit": 5, "anchor": 10}, ALL[8:13], 8),
        ({"limit": 5, "anchor": 1}, ALL[:5], 0),
        ({"limit": 5, "anchor": 19}, ALL[15:], 15),
        ({"limit": 5, "anchor": 10, "descending": True}, (12, 11, 10, 9, 8), 7),
        ({"limit": 2, "anchor": 10, "status": "dead_letter"}, (5, 10), 1),
        ({"limit": 2, "anchor": 11, "offset": 2, "status": "dead_letter"}, (10, 15), 2),
        ({"limit": 2, "anchor": 10, "offset": 2, "q": "store"}, (5, 7), 2),
    ],
)
async def test_a_window_lies_where_it_was_asked_for(
    counter: Counter, query: dict[str, Any], found: tuple[int, ...], offset: int
) -> None:
    """Around its anchor, else from its offset, and never beyond the end."""
    if "anchor" in query:
        query = {**query, "anchor": counter.id(query["anchor"])}
    answer = await counter.ask(sort="created", **query)
    assert [one["case_id"][-2:] for one in answer["items"]] == numbers(*found)
    assert answer["offset"] == offset


async def test_a_window_tells_how_much_there_is_and_where_its_anchor_stands(counter: Counter) -> None:
    fits = await counter.ask(sort="created", endpoint="store", anchor=counter.id(5), limit=1)
    other = await counter.ask(sort="created", endpoint="store", anchor=counter.id(4), limit=1)
    unknown = await counter.ask(sort="created", anchor="dlv_0", limit=1)
    assert [(one["total"], one["all"], one["anchor"]) for one in (fits, other, unknown)] == [
        (10, 20, 2),
        (10, 20, None),
        (20, 20, None),
    ]
    assert (fits["epoch"], fits["seq"], fits["sending"]) == (counter.queue.epoch, counter.queue.seq, [])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "STORE"}, ALL[1::2]),
        ({"q": "store", "without": True}, ALL[::2]),
        ({"without": True}, ALL),
        ({"reason": "permanent"}, (0, 10)),
        ({"reason": "max_age"}, ()),
        ({"reason": "evicted", "endpoint": "store"}, (5, 15)),
        ({"status": ["pending"], "endpoint": "hq", "error_class": "connect"}, (2, 4, 6, 8, 12, 14, 16, 18)),
        ({"status": ["cancelled", "dead_letter", "dead_letter"], "endpoint": "hq"}, (0, 2, 10)),
        ({"status": "delivered"}, ()),
    ],
)
async def test_only_what_fits_is_there(counter: Counter, query: dict[str, Any], found: tuple[int, ...]) -> None:
    if "cancelled" in query.get("status", ()):
        counter.queue.cancel(counter.id(2), "li")
    answer, ids = await counter.ask(sort="created", **query), await counter.ask(IDS, sort="created", **query)
    assert [one["case_id"][-2:] for one in answer["items"]] == numbers(*found)
    assert ids == {"delivery_ids": [one["delivery_id"] for one in answer["items"]], "total": len(found)}


async def test_the_nearest_attempt_comes_first_and_the_dead_last(counter: Counter) -> None:
    found = (await counter.ask(sort="next"))["items"]
    waits = [one["next_attempt_in_s"] for one in found]
    assert waits[16:] == [None] * 4
    assert waits[:16] == sorted(waits[:16])
    assert [one["case_id"][-2:] for one in found[16:]] == numbers(*ALL[::5])


async def test_what_changed_last_comes_last_by_change(counter: Counter) -> None:
    counter.queue.requeue(counter.id(10), "li")
    counter.queue.escalated(counter.queue.get(counter.id(3)))
    assert (await counter.names(sort="changed"))[-2:] == numbers(10, 3)
    assert (await counter.names(sort="changed", descending=True, limit=2)) == numbers(3, 10)


async def test_a_range_that_ends_before_it_begins_is_refused(counter: Counter) -> None:
    query = {"created_after": "2026-02-01T00:00:00Z", "created_before": "2026-01-01T00:00:00Z"}
    for path in (WINDOW, IDS):
        assert code_of(await counter.shop.client.get(path, params=query)) == (409, "since_after_until")


@pytest.mark.parametrize("query", [{"limit": 251}, {"limit": 0}, {"offset": -1}, {"sort": "size"}])
async def test_a_window_that_nobody_may_ask_for_is_refused(counter: Counter, query: dict[str, Any]) -> None:
    assert code_of(await counter.shop.client.get(WINDOW, params=query)) == (422, "invalid_parameter")


async def test_dead_letters_are_counted_by_endpoint_and_reason_the_most_first(counter: Counter) -> None:
    counter.give_up(2, EVICTED)
    counter.queue.requeue(counter.id(5), "li")
    found = (await counter.ask(GROUPS))["items"]
    assert [(one["endpoint"], one["reason"], one["count"]) for one in found] == [
        ("hq", "permanent", 2),
        ("hq", "evicted", 1),
        ("store", "evicted", 1),
    ]
    ends = [entry.delivery.settled_at for entry in map(counter.queue.get, (counter.id(0), counter.id(10)))]
    assert found[0]["newest_at"] == max(filter(None, ends)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("what", ["change", "set out", "enter", "another question", "a drain"])
async def test_who_knows_the_window_is_sent_it_again_only_after_a_change(counter: Counter, what: str) -> None:
    """Also one without a line in the journal: it sets out, or gets its place behind an earlier one of its case."""
    [late] = counter.queue.accept(a_case_event("01", 2), ["store"], BODY)
    first = await counter.shop.client.get(WINDOW)
    known, query = {"If-None-Match": first.headers["etag"]}, {}
    again = await counter.shop.client.get(WINDOW, headers=known)
    match what:
        case "change":
            counter.queue.cancel(counter.id(2), "li")
        case "set out":
            counter.queue.claim("hq", early=True)
        case "enter":
            await counter.queue.durable([late])
        case "another question":
            query = {"descending": True}
        case "a drain":
            await counter.shop.drain({"only_due": False, "delivery_ids": [counter.id(2)], "time_budget_s": 0})
    later = await counter.shop.client.get(WINDOW, headers=known, params=query)
    assert [one.status_code for one in (first, again, later)] == [200, 304, 200]
    assert again.content == b""


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_window_is_a_cut_out_of_the_whole_list(data: st.DataObject) -> None:
    """Whatever the states, the order and its direction: place and cut agree with the list as a whole."""
    with tempfile.TemporaryDirectory() as directory, a_box(Path(directory), endpoints=("hq", "store")) as box:
        asyncio.run(_fill(box))
        known = sorted(box.known())
        for at in data.draw(st.lists(st.sampled_from(ALL), max_size=12, unique=True)):
            if at % 2:
                box.queue.evict(box.queue.get(known[at]))
            else:
                box.queue.cancel(known[at], "li")
        statuses = data.draw(st.lists(st.sampled_from(["pending", "dead_letter", "cancelled"]), unique=True))
        query = SortedQuery(
            status=tuple(map(Status, statuses)),
            sort=data.draw(st.sampled_from(["next", "created", "changed"])),
            descending=data.draw(st.booleans()),
            endpoint=data.draw(st.sampled_from([None, "hq"])),
        )
        parts: Any = SimpleNamespace(queue=box.queue)
        found = Found(parts, query)
        whole, wanted = found.cut(0, COUNT), set(statuses or ["pending", "dead_letter"])
        fitting = {
            one.delivery.delivery_id
            for one in box.queue.entries()
            if one.delivery.status in wanted and query.endpoint in {None, one.delivery.endpoint}
        }
        assert (len(whole), {one.delivery.delivery_id for one in whole}) == (len(fitting), fitting)
        assert [found.place(one) for one in whole] == list(range(found.total))
        first, count = data.draw(st.integers(0, COUNT)), data.draw(st.integers(1, COUNT))
        assert found.cut(first, count) == whole[first : first + count]


async def _fill(box: Box) -> None:
    for number in range(COUNT):
        box.clock.advance(1)
        await box.accept(a_case_event(f"{number % 13}", number), endpoint="hq" if number % 2 else "store")
    box.attempt(DOWN)
