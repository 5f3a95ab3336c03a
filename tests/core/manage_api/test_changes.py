"""What a look finds: each change of note once, as the routes tell it, and nothing of what only runs on."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.manage_api.changes import RETRIES_AT_ONCE
from core.webhooks.entries import FORGOTTEN_AT_ONCE, KEPT_ENDED
from tests.core.manage_api.whole_shop import WholeShop, a_whole_shop

pytestmark = pytest.mark.anyio


def look(shop: WholeShop) -> list[tuple[str, dict[str, Any]]]:
    return [(name, msgspec.json.decode(msgspec.json.encode(item))) for name, item in shop.changes.look()]


def names(shop: WholeShop) -> list[str]:
    return sorted({name for name, _ in look(shop)})


async def test_the_first_look_finds_nothing_new_nor_does_the_next(tmp_path: Path) -> None:
    async with a_whole_shop(tmp_path) as shop:
        shop.measure(12.0)
        await shop.publish("evt_1")
        assert look(shop) == []
        shop.clock.advance(1.0)
        assert look(shop) == []


async def test_a_case_is_told_as_the_list_tells_it(tmp_path: Path) -> None:
    """With the cabinet and the counts that it changes."""
    async with a_whole_shop(tmp_path) as shop:
        shop.measure(5.0)
        look(shop)
        shop.measure(12.0)
        found = dict(look(shop))
        assert list(found) == ["case", "cabinet", "status"]
        assert found["case"] == (await shop.client.get("/api/manage/cases")).json()["items"][0]
        assert found["cabinet"] == (await shop.client.get("/api/manage/cabinets")).json()["items"][0]
        assert (found["cabinet"]["state"], found["status"]["cases"]["critical"]) == ("critical", 1)


async def test_what_goes_on_with_each_reading_is_no_news(tmp_path: Path) -> None:
    """The value, the peak and the age of an open case, and the numbers of a cabinet."""
    async with a_whole_shop(tmp_path) as shop:
        shop.measure(12.0)
        look(shop)
        for value in (12.5, 13.0):
            shop.measure(value)
            assert look(shop) == []


async def test_what_a_person_says_of_a_case_is_news(tmp_path: Path) -> None:
    async with a_whole_shop(tmp_path) as shop:
        shop.measure(12.0)
        look(shop)
        case_id = shop.parts.book.all()[0].case_id
        await shop.client.post(f"/api/manage/cases/{case_id}/acknowledge", json={"by": "li"})
        [(name, item)] = look(shop)
        assert (name, item["handling"], item["actor"]) == ("case", "acknowledged", "li (uid:0)")


async def test_a_sensor_that_fails_is_news_of_its_cabinet(tmp_path: Path) -> None:
    async with a_whole_shop(tmp_path) as shop:
        shop.measure(5.0)
        look(shop)
        shop.measure(None)
        found = dict(look(shop))
        assert found["cabinet"]["sensors"][0]["fault"] == "no_answer"
        shop.measure(None, fault="broken_wire")
        [(name, item)] = look(shop)
        assert (name, item["sensors"][0]["fault"]) == ("cabinet", "broken_wire")


async def test_retries_are_told_in_the_order_of_their_changes(tmp_path: Path) -> None:
    """Once each, in their newest state, as the list tells them."""
    async with a_whole_shop(tmp_path) as shop:
        one, two = await shop.publish("evt_1"), await shop.publish("evt_2")
        look(shop)
        three = await shop.publish("evt_3")
        shop.fail(two)
        shop.fail(two)
        shop.fail(one)
        found = [item for name, item in look(shop) if name == "retry"]
        assert [item["event_id"] for item in found] == ["evt_3", "evt_2", "evt_1"]
        listed = (await shop.client.get("/api/manage/webhooks/retries")).json()["items"]
        assert sorted(found, key=str) == sorted(listed, key=str)
        assert [item["attempts"] for item in found] == [0, 2, 1]
        assert three.n < two.n < one.n
        assert "retry" not in names(shop)


async def test_a_flood_of_retries_comes_with_several_looks(tmp_path: Path) -> None:
    """None is lost, and none comes twice."""
    async with a_whole_shop(tmp_path) as shop:
        look(shop)
        number = 2 * RETRIES_AT_ONCE + 3
        for one in range(number):
            await shop.publish(f"evt_{one}")
        several = [[item["seq"] for name, item in look(shop) if name == "retry"] for _ in range(4)]
        assert [len(found) for found in several] == [RETRIES_AT_ONCE, RETRIES_AT_ONCE, 3, 0]
        told = [seq for found in several for seq in found]
        assert told == sorted(entry.n for entry in shop.parts.queue.entries())


async def test_deliveries_that_left_unseen_are_owned_up_to(tmp_path: Path) -> None:
    """More ended between two looks than are kept in sight."""
    async with a_whole_shop(tmp_path) as shop:
        look(shop)
        for one in range(RETRIES_AT_ONCE + 1):
            await shop.publish(f"evt_waiting_{one}")
        for one in range(KEPT_ENDED + FORGOTTEN_AT_ONCE):
            shop.parts.queue.cancel((await shop.publish(f"evt_{one}")).delivery.delivery_id, "li")
        found = look(shop)
        assert [item for name, item in found if name == "reset"] == [{"reason": "too_many_changes"}]
        assert "reset" not in names(shop)


async def test_an_endpoint_is_told_when_somebody_pauses_it(tmp_path: Path) -> None:
    """And the box, which has a problem more."""
    async with a_whole_shop(tmp_path) as shop:
        look(shop)
        await shop.parts.dispatcher.reception.pause("hq", "li", "moving house")
        found = dict(look(shop))
        assert found["endpoint"] == (await shop.client.get("/api/manage/webhooks/endpoints")).json()["items"][0]
        assert (found["endpoint"]["state"], found["endpoint"]["reason"]) == ("paused", "moving house")
        assert [problem["code"] for problem in found["status"]["problems"]] == ["endpoint_paused"]


async def test_a_pause_between_two_looks_is_told_too(tmp_path: Path) -> None:
    """By who ended it."""
    async with a_whole_shop(tmp_path) as shop:
        look(shop)
        await shop.parts.dispatcher.reception.pause("hq", "li", "moving house")
        await shop.parts.dispatcher.reception.resume("hq", "wang")
        assert [(name, item["state"], item["actor"]) for name, item in look(shop)] == [("endpoint", "active", "wang")]


async def test_a_clock_that_becomes_right_is_news_of_the_box(tmp_path: Path) -> None:
    async with a_whole_shop(tmp_path) as shop:
        shop.clock.in_sync = False
        look(shop)
        shop.clock.in_sync = True
        assert names(shop) == ["status"]
