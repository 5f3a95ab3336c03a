"""The endpoints over the API: how each one does, pausing, resuming and testing it, and who did."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.settings import Secret
from core.webhooks.deliveries import Status
from tests.core.manage_api.retry_shop import RetryShop, a_retry_shop
from tests.core.webhooks.factories import QUICK, SECRET, an_endpoint, an_event
from tests.receivers import Receiver, a_receiver, answers

pytestmark = pytest.mark.anyio
BASE = "/api/manage/webhooks/endpoints"
BUSY = answers("503 Busy", body=b"come back later")


class Desk:
    """What is asked of the routes of one shop."""

    def __init__(self, shop: RetryShop):
        self.station, self._client = shop.station, shop.client

    async def get(self) -> dict[str, Any]:
        answer: dict[str, Any] = (await self._client.get(BASE)).json()
        return answer

    async def item(self, name: str = "hq") -> dict[str, Any]:
        [found] = [one for one in (await self.get())["items"] if one["id"] == name]
        assert isinstance(found, dict)
        return found

    async def post(self, verb: str, body: object = None, name: str = "hq") -> httpx.Response:
        return await self._client.post(f"{BASE}/{name}/{verb}", json=body)


@contextlib.asynccontextmanager
async def a_desk(directory: Path, *receivers: Receiver, **endpoint: Any) -> AsyncIterator[Desk]:
    names = ("hq", "store")
    endpoints = [an_endpoint(one.url, name, **endpoint) for one, name in zip(receivers, names, strict=False)]
    async with a_retry_shop(directory, *endpoints, retry=QUICK) as shop:
        yield Desk(shop)


async def test_each_endpoint_is_told_in_the_order_of_the_configuration(tmp_path: Path) -> None:
    """Before anything was sent nothing is claimed."""
    async with a_receiver() as hq, a_receiver() as store, a_desk(tmp_path, hq, store) as desk:
        answer = await desk.get()
    assert [one["id"] for one in answer["items"]] == ["hq", "store"]
    assert (answer["network"], answer["network_since"]) == ("unknown", None)
    first = answer["items"][0]
    assert (first["state"], first["hold"], first["pending"], first["delivered"], first["failed"]) == (
        *("active", None, 0, 0),
        {},
    )


async def test_a_failing_endpoint_says_how_it_fails(tmp_path: Path) -> None:
    """Attempts by error class, the row of failures, what waits; never where it is in full."""
    async with a_receiver(BUSY) as hq, a_desk(tmp_path, hq, secret=Secret(SECRET)) as desk:
        for number in range(6):
            await desk.station.dispatcher.publish(an_event(f"evt_{number}"))
        channel = desk.station.dispatcher.channel("hq")
        assert channel is not None
        await desk.station.until(lambda: channel.gate.failures >= 5)
        item = await desk.item()
    assert (item["state"], item["hold"], item["pending"], item["host"]) == ("open", "open", 6, "127.0.0.1")
    assert (item["last_error_class"], item["last_error"], item["delivered"]) == ("http_5xx", "503 Busy", 0)
    assert item["failed"]["http_5xx"] == item["failures"] >= 5
    assert 0 <= item["held_s"] <= 0.2
    assert "SECRET" not in str(item)
    assert SECRET not in str(item)


async def test_the_network_is_told_with_its_moment(tmp_path: Path) -> None:
    async with a_receiver() as hq, a_desk(tmp_path, hq) as desk:
        await desk.station.dispatcher.publish(an_event())
        await desk.station.settled(an_event())
        answer = await desk.get()
    assert (answer["network"], answer["items"][0]["delivered"]) == ("online", 1)
    assert answer["network_since"] is not None


async def test_who_paused_it_and_why_is_told(tmp_path: Path) -> None:
    """And nothing goes there until somebody resumes it."""
    async with a_receiver() as hq, a_desk(tmp_path, hq) as desk:
        answer = await desk.post("pause", {"by": "anna", "reason": "moving house"})
        item = answer.json()
        assert (answer.status_code, item["state"], item["hold"], item["held_s"]) == (200, "paused", "paused", None)
        assert (item["actor"], item["reason"]) == ("anna (uid:0)", "moving house")
        await desk.station.dispatcher.publish(an_event())
        assert (await desk.item())["pending"] == 1
        assert (await desk.post("resume", {"by": "li"})).json()["state"] == "active"
        await desk.station.settled(an_event())
        assert (await desk.item())["actor"] == "li (uid:0)"


async def test_a_test_says_what_came_of_it_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with a_receiver() as hq, a_desk(tmp_path, hq) as desk:
        good = (await desk.post("test")).json()
        hq.behaviour = BUSY
        bad = (await desk.post("test")).json()
        assert list(desk.station.queue.entries()) == []
    assert (good["outcome"], good["http_status"], good["error"]) == ("delivered", 200, None)
    assert (bad["outcome"], bad["http_status"], bad["error_class"]) == ("failed", 503, "http_5xx")
    assert bad["response_excerpt"] == "come back later"
    assert [request.document["type"] for request in hq.received] == ["webhook.test"] * 2
    assert hq.event_ids == [good["event_id"], bad["event_id"]]


@pytest.mark.parametrize(
    ("verb", "body", "code"),
    [("pause", {"by": "li", "reason": "again"}, "endpoint_held"), ("resume", {"by": "li"}, "endpoint_not_held")],
)
async def test_what_is_so_already_is_refused(tmp_path: Path, verb: str, body: object, code: str) -> None:
    async with a_receiver() as hq, a_desk(tmp_path, hq) as desk:
        if verb == "pause":
            await desk.post(verb, body)
        answer = await desk.post(verb, body)
    assert (answer.status_code, answer.json()["code"]) == (409, code)


@pytest.mark.parametrize("verb", ["pause", "resume", "test"])
async def test_an_endpoint_that_is_not_configured_is_not_found(tmp_path: Path, verb: str) -> None:
    body = {"pause": {"by": "li", "reason": "x"}, "resume": {"by": "li"}, "test": None}[verb]
    async with a_receiver() as hq, a_desk(tmp_path, hq) as desk:
        answer = await desk.post(verb, body, name="nobody")
    assert (answer.status_code, answer.json()["code"]) == (404, "endpoint_not_found")


async def test_a_dead_letter_and_what_waits_are_counted_apart(tmp_path: Path) -> None:
    """And those of another endpoint not at all."""
    async with a_receiver(BUSY) as hq, a_receiver() as store, a_desk(tmp_path, hq, store) as desk:
        await desk.station.dispatcher.reception.pause("hq", "anna", "x")
        for number in range(3):
            await desk.station.dispatcher.publish(an_event(f"evt_{number}"))
        desk.station.queue.evict(desk.station.entry(an_event("evt_0")))
        await desk.station.settled(an_event("evt_2"), Status.DELIVERED, endpoint="store")
        item = await desk.item()
        assert (item["pending"], item["dead_letter"], (await desk.item("store"))["dead_letter"]) == (2, 1, 0)


async def test_of_a_failing_endpoint_the_time_is_when_it_began_to_fail(tmp_path: Path) -> None:
    """Not when somebody resumed it before, and nobody is named for it."""
    async with a_receiver(BUSY) as hq, a_desk(tmp_path, hq) as desk:
        await desk.post("pause", {"by": "anna", "reason": "x"})
        resumed = (await desk.post("resume", {"by": "li"})).json()
        for number in range(6):
            await desk.station.dispatcher.publish(an_event(f"evt_{number}"))
        channel = desk.station.dispatcher.channel("hq")
        assert channel is not None
        await desk.station.until(lambda: channel.gate.failures >= 5)
        item = await desk.item()
    assert (item["state"], item["actor"], item["reason"]) == ("open", None, None)
    assert item["since"] > resumed["since"]
