"""The retry queue within its caps: who gives way, what is kept of them, and that nothing else ever leaves."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.settings import Retry
from core.webhooks.bounds import LOOK_S
from core.webhooks.deliveries import DeadLetterReason, Status, Trigger, encode
from core.webhooks.entry import Entry
from tests.core.webhooks.bounded import (
    CRITICAL,
    INFO,
    WARNING,
    a_dead_box,
    archived,
    bounds_of,
    dead,
    states,
    told,
    waiting,
)
from tests.core.webhooks.factories import BODY, OK, a_box, an_event

pytestmark = pytest.mark.anyio
DAY_S = 86_400.0


# -- too many waiting --------------------------------------------------------------------------------------------------


async def test_over_max_items_the_least_severe_and_of_those_the_oldest_are_given_up(tmp_path: Path) -> None:
    with a_box(tmp_path, policy=Retry(max_items=3)) as box:
        entries = await waiting(box, CRITICAL, INFO, WARNING, INFO, INFO, CRITICAL)
        await bounds_of(box).keep()
        assert states(entries) == ["pending", "dead_letter", "pending", "dead_letter", "dead_letter", "pending"]
        evicted = entries[1].delivery
        assert (evicted.dead_letter_reason, bytes(evicted.body)) == (DeadLetterReason.EVICTED, BODY)


async def test_a_critical_one_is_given_up_only_where_nothing_else_waits(tmp_path: Path) -> None:
    with a_box(tmp_path, policy=Retry(max_items=2)) as box:
        entries = await waiting(box, CRITICAL, WARNING, CRITICAL, CRITICAL)
        await bounds_of(box).keep()
        assert states(entries) == ["dead_letter", "dead_letter", "pending", "pending"]


async def test_as_many_as_are_allowed_stay(tmp_path: Path) -> None:
    with a_box(tmp_path, policy=Retry(max_items=3)) as box:
        entries = await waiting(box, INFO, INFO, INFO)
        await bounds_of(box).keep()
        assert states(entries) == ["pending"] * 3


async def test_what_is_on_its_way_is_never_given_up(tmp_path: Path) -> None:
    """Its receiver may have it already; and it must not count against the others."""
    with a_box(tmp_path, policy=Retry(max_items=1)) as box:
        entries = await waiting(box, INFO, CRITICAL, WARNING)
        box.queue.claim_one(entries[0].delivery.delivery_id, Trigger.DRAIN)
        await bounds_of(box).keep()
        assert states(entries) == ["pending", "pending", "dead_letter"]


async def test_what_was_given_up_is_sent_no_more_and_can_be_queued_again(tmp_path: Path) -> None:
    with a_box(tmp_path, policy=Retry(max_items=1)) as box:
        first, _ = await waiting(box, INFO, INFO)
        await bounds_of(box).keep()
        assert box.order() == ["evt_1"]
        box.queue.requeue(first.delivery.delivery_id, "li")
        assert box.order() == ["evt_0"]


async def test_the_next_of_its_case_goes_where_the_first_was_given_up(tmp_path: Path) -> None:
    """A lane must not wait for ever behind what will never be sent."""
    with a_box(tmp_path, policy=Retry(max_items=1)) as box:
        await box.accept(*(an_event(f"evt_{seq}", case_id="a", seq=seq) for seq in (1, 2)))
        await bounds_of(box).keep()
        assert box.order() == ["evt_2"]


# -- too many dead letters, too old ones -------------------------------------------------------------------------------


async def test_dead_letters_over_their_count_go_to_the_archive_those_that_died_first(tmp_path: Path) -> None:
    with a_dead_box(tmp_path, max_dead_letters=2) as box:
        entries = await dead(box, 5)
        await bounds_of(box).keep()
        assert states(entries) == ["archived"] * 3 + ["dead_letter"] * 2
        assert told(archived(box)) == [entry.delivery.event_id for entry in entries[:3]]


async def test_the_archive_has_the_body_and_the_history_and_the_queue_has_not(tmp_path: Path) -> None:
    with a_dead_box(tmp_path, max_dead_letters=0) as box:
        [entry] = await dead(box, 1)
        before = json.loads(encode(entry.delivery))
        await bounds_of(box).keep()
        assert archived(box) == [before]
        assert (before["body"], before["history"][0]["http_status"]) == (json.loads(BODY), 404)
        await box.queue.settled(entry.n)
        left = box.on_disk(entry)
        assert (left.status, bytes(left.body), left.history) == (Status.ARCHIVED, b"null", ())


async def test_a_dead_letter_older_than_its_days_goes_to_the_archive_of_this_month(tmp_path: Path) -> None:
    with a_dead_box(tmp_path, dead_letter_days=30) as box:
        [old] = await dead(box, 1)
        box.clock.advance(29 * DAY_S)
        await box.accept(an_event("evt_young"))
        young = box.fail_until_dead()
        await bounds_of(box).keep()
        assert states([old, young]) == ["dead_letter"] * 2
        box.clock.advance(2 * DAY_S)
        await bounds_of(box).keep()
        assert states([old, young]) == ["archived", "dead_letter"]
        assert [file.name for file in (tmp_path / "archive").iterdir()] == ["dead-202612.jsonl"]


async def test_a_clock_that_nobody_set_ages_nothing(tmp_path: Path) -> None:
    with a_dead_box(tmp_path, dead_letter_days=30) as box:
        [entry] = await dead(box, 1)
        box.clock.wall, box.clock.in_sync = datetime(2029, 1, 1, tzinfo=UTC), False
        await bounds_of(box).keep()
        assert states([entry]) == ["dead_letter"]
        box.clock.in_sync = True
        await bounds_of(box).keep()
        assert states([entry]) == ["archived"]


async def test_a_death_in_1970_is_not_old_once_the_clock_is_set(tmp_path: Path) -> None:
    """A box without a battery clock had a dead letter before it knew the time."""
    with a_dead_box(tmp_path, dead_letter_days=30) as box:
        now, box.clock.wall, box.clock.in_sync = box.clock.wall, datetime(1970, 1, 1, tzinfo=UTC), False
        [entry] = await dead(box, 1)
        box.clock.wall, box.clock.in_sync = now, True
        await bounds_of(box).keep()
        assert states([entry]) == ["dead_letter"]


async def test_a_death_dated_in_the_future_keeps_no_older_one_from_the_archive(tmp_path: Path) -> None:
    """The clock was wrong when it died; those behind it are old all the same."""
    with a_dead_box(tmp_path, dead_letter_days=30) as box:
        await box.accept(an_event("evt_early"), an_event("evt_late"))
        now, box.clock.wall = box.clock.wall, datetime(2035, 1, 1, tzinfo=UTC)
        early = box.fail_until_dead()
        box.clock.wall = now
        late = box.fail_until_dead()
        box.clock.advance(31 * DAY_S)
        await bounds_of(box).keep()
        assert states([early, late]) == ["dead_letter", "archived"]


# -- too many bytes ----------------------------------------------------------------------------------------------------


def mib_of(entries: list[Entry]) -> float:
    return sum(len(encode(entry.delivery)) for entry in entries) / 1024 / 1024


async def test_over_their_bytes_dead_letters_make_way_before_anything_that_waits(tmp_path: Path) -> None:
    with a_dead_box(tmp_path) as box:
        gone = await dead(box, 6)
        entries = await box.accept(*(an_event(f"evt_waits_{at}") for at in range(6)))
        box.policy = Retry(max_mib=mib_of([*gone[3:], *entries]) + 0.0001)
        await bounds_of(box).keep()
        assert states([*gone, *entries]) == ["archived"] * 3 + ["dead_letter"] * 3 + ["pending"] * 6


async def test_over_their_bytes_no_more_is_given_up_than_makes_room(tmp_path: Path) -> None:
    """The oldest of the least severe, and they leave for the archive at once, since dead they take as much."""
    with a_box(tmp_path) as box:
        entries = await waiting(box, *[INFO] * 20, *[CRITICAL] * 20)
        box.policy = Retry(max_mib=mib_of(entries[5:]) + 0.0001)
        await bounds_of(box).keep()
        assert states(entries) == ["archived"] * 5 + ["pending"] * 35
        assert told(archived(box)) == [entry.delivery.event_id for entry in entries[:5]]


async def test_what_was_delivered_pushes_out_nothing_that_waits(tmp_path: Path) -> None:
    """It stays in sight for a while and is bounded by its count: giving up an alarm would make no room."""
    with a_box(tmp_path, policy=Retry(max_mib=0.05)) as box:
        await box.accept(*(an_event(f"evt_past_{at}") for at in range(150)))
        for _ in range(150):
            box.attempt(OK)
        entries = await waiting(box, INFO, CRITICAL)
        assert box.queue.live_bytes > 0.05 * 1024 * 1024
        await bounds_of(box).keep()
        assert states(entries) == ["pending"] * 2


async def test_a_cap_that_nothing_fits_into_spares_what_is_on_its_way_and_comes_to_an_end(tmp_path: Path) -> None:
    with a_box(tmp_path, policy=Retry(max_mib=0.000001)) as box:
        entries = await waiting(box, INFO, INFO, CRITICAL)
        box.queue.claim("hq")
        await asyncio.wait_for(bounds_of(box).keep(), 5)
        assert states(entries) == ["archived", "archived", "pending"]


# -- by itself ---------------------------------------------------------------------------------------------------------


async def test_it_looks_every_few_seconds(tmp_path: Path) -> None:
    with a_box(tmp_path, policy=Retry(max_items=1)) as box:
        async with asyncio.TaskGroup() as group:
            loop = group.create_task(bounds_of(box).run())
            await asyncio.sleep(0)
            entries = await waiting(box, INFO, INFO)
            box.clock.advance(LOOK_S)
            async with asyncio.timeout(5):
                while states(entries) != ["dead_letter", "pending"]:
                    await asyncio.sleep(0.01)
            loop.cancel()


async def test_within_its_caps_nothing_is_touched_and_nothing_written(tmp_path: Path) -> None:
    with a_dead_box(tmp_path) as box:
        entries = [*await dead(box, 3), *await waiting(box, INFO, CRITICAL)]
        await box.queue.settled(entries[-1].n)
        known, written = box.known(), box.log.read_bytes()
        await bounds_of(box).keep()
        assert (box.known(), box.log.read_bytes()) == (known, written)
        assert not (tmp_path / "archive").exists()
