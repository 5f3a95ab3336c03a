"""The verbs over retries as a caller sees them: status, headers, and what a problem names."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.events import Event
from core.settings import Retry
from core.webhooks.deliveries import Status
from tests.core.manage_api.retry_shop import DRAINS, RETRIES, RetryShop, a_retry_shop
from tests.core.manage_api.sample_routes import code_of
from tests.core.webhooks.draining import an_id, published
from tests.core.webhooks.factories import a_station, an_endpoint
from tests.receivers import Receiver, a_receiver, answers, once_open

pytestmark = pytest.mark.anyio


class Counter:
    """A shop whose receiver answers once `gate` is set, with two deliveries waiting."""

    def __init__(self, shop: RetryShop, receiver: Receiver, gate: asyncio.Event, events: list[Event]):
        self.shop, self.receiver, self.gate, self.events = shop, receiver, gate, events


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    gate = asyncio.Event()
    async with (
        a_receiver(once_open(gate, answers())) as receiver,
        a_retry_shop(tmp_path, an_endpoint(receiver.url), places=1, sending=False) as shop,
    ):
        yield Counter(shop, receiver, gate, await published(shop.station, 2))


async def test_a_refused_drain_names_the_one_that_runs(counter: Counter) -> None:
    running = await counter.shop.drain({"time_budget_s": 0})
    refused = await counter.shop.drain()
    assert (running.status_code, code_of(refused)) == (202, (409, "drain_in_progress"))
    assert refused.json()["drain_id"] == running.json()["drain_id"]


async def test_a_key_finds_the_drain_and_how_far_it_is(counter: Counter) -> None:
    first = await counter.shop.drain({"time_budget_s": 0}, key="9f3 a/b")
    again = await counter.shop.drain({"time_budget_s": 0}, key="9f3 a/b")
    other = await counter.shop.drain({"time_budget_s": 1}, key="9f3 a/b")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["drain_id"] == again.json()["drain_id"]
    assert code_of(other) == (409, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "k" * 201, "\x7f", "\xe9"])
async def test_a_key_is_1_to_200_printable_ascii_characters(counter: Counter, key: str) -> None:
    headers = [(b"idempotency-key", key.encode("latin-1"))]
    answer = await counter.shop.client.post(f"{RETRIES}/drain", json={}, headers=headers)
    assert code_of(answer) == (422, "invalid_parameter")
    assert answer.json()["errors"][0]["pointer"] == "header:idempotency-key"


async def test_a_drain_is_stopped_by_its_id(counter: Counter) -> None:
    drain_id = (await counter.shop.drain({"time_budget_s": 0})).json()["drain_id"]
    await counter.receiver.got(1)
    stopped = await counter.shop.client.post(f"{DRAINS}/{drain_id}/stop")
    counter.gate.set()
    await counter.shop.station.drains.idle()
    found = (await counter.shop.client.get(f"{DRAINS}/{drain_id}")).json()
    assert (stopped.json()["running"], stopped.json()["stopped_by"]) == (True, "uid:0")
    assert (found["running"], found["counts"]["delivered"], found["counts"]["skipped"]) == (False, 1, 1)
    assert code_of(await counter.shop.client.post(f"{DRAINS}/{drain_id}/stop")) == (409, "drain_not_running")


async def test_dead_letters_are_recovered_and_sent(tmp_path: Path) -> None:
    """Their endpoint hears of it at once."""
    once = Retry(max_attempts=1)
    async with a_receiver(answers("503 Busy")) as receiver:
        async with a_station(tmp_path, an_endpoint(receiver.url), retry=once) as station:
            [event] = await published(station, 1)
            await station.settled(event, Status.DEAD_LETTER)
        receiver.behaviour = answers()
        async with a_retry_shop(tmp_path, an_endpoint(receiver.url), retry=once) as shop:
            answer = await shop.client.post(f"{RETRIES}/recover", json={"since": "2026-01-01T00:00:00Z"})
            await shop.station.settled(event)
            ids = [an_id(shop.station, event)]
    assert answer.json() == {"dry_run": False, "matched": 1, "delivery_ids": ids}
    assert receiver.event_ids == ["evt_0", "evt_0"]


async def test_the_list_is_not_sent_again_to_who_knows_it(counter: Counter) -> None:
    first = await counter.shop.client.get(RETRIES)
    again = await counter.shop.client.get(RETRIES, headers={"If-None-Match": first.headers["etag"]})
    await published(counter.shop.station, 3)
    later = await counter.shop.client.get(RETRIES, headers={"If-None-Match": first.headers["etag"]})
    assert [one.status_code for one in (first, again, later)] == [200, 304, 200]
    assert (again.content, len(later.json()["items"])) == (b"", 3)


async def test_anybody_sees_the_drain_that_runs_and_those_before_it_the_newest_first(counter: Counter) -> None:
    """Also one that somebody else started; with its counts, and without its items."""
    counter.gate.set()
    first = (await counter.shop.drain()).json()
    counter.gate.clear()
    await published(counter.shop.station, 4)
    second = (await counter.shop.drain({"time_budget_s": 0})).json()
    found = (await counter.shop.client.get(DRAINS)).json()["items"]
    counter.gate.set()
    await counter.shop.station.drains.idle()
    assert [(one["drain_id"], one["running"]) for one in found] == [
        (second["drain_id"], True),
        (first["drain_id"], False),
    ]
    assert [(one["counts"]["matched"], one["items"]) for one in found] == [(2, []), (2, [])]


async def test_a_dry_run_is_not_among_the_drains(counter: Counter) -> None:
    await counter.shop.drain({"dry_run": True})
    assert (await counter.shop.client.get(DRAINS)).json() == {"items": []}


async def test_the_attempts_of_a_delivery_are_listed_by_its_id(tmp_path: Path) -> None:
    async with a_receiver(answers("503 Busy")) as receiver, a_retry_shop(tmp_path, an_endpoint(receiver.url)) as shop:
        [event] = await published(shop.station, 1)
        entry = await shop.station.attempted(event)
        item_id = entry.delivery.delivery_id
        await shop.client.post(f"{RETRIES}/{item_id}/retry")
        found = (await shop.client.get(f"{RETRIES}/{item_id}/attempts")).json()["items"]
        missing = await shop.client.get(f"{RETRIES}/dlv_0/attempts")
    assert [(one["number"], one["trigger"], one["http_status"]) for one in found] == [
        (1, "auto", 503),
        (2, "manual", 503),
    ]
    assert code_of(missing) == (404, "retry_not_found")


async def test_whoever_may_operate_sees_what_a_receiver_is_sent(counter: Counter) -> None:
    found = (
        await counter.shop.client.get(f"{RETRIES}/{an_id(counter.shop.station, counter.events[0])}/payload")
    ).json()
    assert found["body"]["event_id"] == counter.events[0].event_id
    sent = counter.shop.station.queue.get(found["delivery_id"]).delivery.body
    assert (found["bytes"], found["sha256"]) == (len(bytes(sent)), hashlib.sha256(bytes(sent)).hexdigest())


async def test_who_cancels_is_named_beside_the_login(counter: Counter) -> None:
    """In the delivery and on record; without a name it is the login alone."""
    for event, body in zip(counter.events, ({"by": "李工"}, None), strict=True):
        await counter.shop.client.post(f"{RETRIES}/{an_id(counter.shop.station, event)}/cancel", json=body)
    actors = [
        counter.shop.station.queue.get(an_id(counter.shop.station, event)).delivery.actor for event in counter.events
    ]
    assert actors == ["李工 (uid:0)", "uid:0"]
    assert [(deed.by, deed.what) for deed in counter.shop.deeds] == [("李工", "retry.cancel"), (None, "retry.cancel")]


async def test_why_one_or_many_were_ended_stands_on_record(counter: Counter) -> None:
    first, second = (an_id(counter.shop.station, event) for event in counter.events)
    said = {"by": "李工", "reason": "总部已知"}
    await counter.shop.client.post(f"{RETRIES}/{first}/cancel", json=said)
    answer = await counter.shop.client.post(f"{RETRIES}/discard", json={"delivery_ids": [first, second], **said})
    assert answer.json() == {"matched": 1, "delivery_ids": [second], "in_flight": 0, "gone": 1}
    assert counter.shop.station.queue.get(second).delivery.actor == "李工 (uid:0)"
    assert [(deed.what, deed.by, deed.asked["reason"]) for deed in counter.shop.deeds] == [
        ("retry.cancel", "李工", "总部已知"),
        ("retries.discard", "李工", "总部已知"),
    ]


@pytest.mark.parametrize("body", [{"by": "li", "reason": "x"}, {"by": "li", "reason": "x", "delivery_ids": []}])
async def test_a_discard_names_what_it_ends(counter: Counter, body: dict[str, object]) -> None:
    answer = await counter.shop.client.post(f"{RETRIES}/discard", json=body)
    assert code_of(answer) == (422, "invalid_parameter")


async def test_the_summary_names_the_drain_that_runs(counter: Counter) -> None:
    """Nobody's dry run."""
    counter.gate.set()
    await counter.shop.drain({"dry_run": True})
    before = (await counter.shop.client.get(RETRIES)).json()["summary"]["drain_id"]
    counter.gate.clear()
    running = (await counter.shop.drain({"time_budget_s": 0})).json()["drain_id"]
    while_it_runs = (await counter.shop.client.get(RETRIES)).json()["summary"]["drain_id"]
    counter.gate.set()
    await counter.shop.station.drains.idle()
    after = (await counter.shop.client.get(RETRIES)).json()["summary"]["drain_id"]
    assert (before, while_it_runs, after) == (None, running, None)
