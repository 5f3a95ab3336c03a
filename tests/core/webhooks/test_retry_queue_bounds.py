"""What the queue lets go of: replaced heartbeats and the oldest of what has ended; never a dead letter."""

from pathlib import Path
from typing import Any

import pytest

from core.errors import RefusalError
from core.settings import Retry
from core.webhooks.deliveries import (
    Status,
    delivery_id,
)
from core.webhooks.entries import FORGOTTEN_AT_ONCE, KEPT_ENDED
from tests.core.webhooks.factories import (
    DOWN,
    OK,
    a_box,
    a_heartbeat,
    an_event,
)

pytestmark = pytest.mark.anyio
ONCE = Retry(max_attempts=1)
HOUR_S = 3600.0


async def test_a_new_heartbeat_takes_the_place_of_a_waiting_one(tmp_path: Path) -> None:
    """After a night offline one goes out, not a hundred."""
    with a_box(tmp_path) as box:
        old, other = await box.accept(a_heartbeat("evt_h1"), an_event("evt_other"))
        box.queue.cancel_older(a_heartbeat("evt_h2"))
        await box.accept(a_heartbeat("evt_h2"))
        assert (old.delivery.status, other.delivery.status) == (Status.CANCELLED, Status.PENDING)
        assert sorted(box.order()) == ["evt_h2", "evt_other"]


async def test_a_heartbeat_on_its_way_or_published_again_is_left_alone(tmp_path: Path) -> None:
    """It can't be called back, and it does not replace itself."""
    with a_box(tmp_path) as box:
        [entry] = await box.accept(a_heartbeat("evt_h1"))
        box.queue.cancel_older(a_heartbeat("evt_h1"))
        assert box.queue.claim("hq") is entry
        box.queue.cancel_older(a_heartbeat("evt_h2"))
        assert entry.delivery.status is Status.PENDING


async def ended(box: Any, count: int, start: int = 0) -> list[str]:
    events = [an_event(f"evt_{number:05}") for number in range(start, start + count)]
    await box.accept(*events)
    for _ in events:
        box.attempt(OK)
    return [delivery_id(event.event_id, "hq") for event in events]


async def test_only_the_newest_thousand_ended_ones_stay_in_sight(tmp_path: Path) -> None:
    """And the number of the last one forgotten is told, so that nobody waits for its end."""
    with a_box(tmp_path) as box:
        ids = await ended(box, KEPT_ENDED + FORGOTTEN_AT_ONCE - 1)
        assert box.queue.known.forgotten_seq == 0
        left = box.queue.get(ids[FORGOTTEN_AT_ONCE - 1]).n
        await ended(box, 1, start=len(ids))
        with pytest.raises(RefusalError, match="there is no delivery"):
            box.queue.get(ids[0])
        assert (sum(1 for _ in box.queue.entries()), box.queue.known.forgotten_seq) == (KEPT_ENDED, left)


async def test_what_was_forgotten_is_still_told_after_a_rewrite_and_a_restart(tmp_path: Path) -> None:
    """The lines are gone by then; a console that asks for changes must get the whole list."""
    with a_box(tmp_path) as box:
        await ended(box, KEPT_ENDED + 800)  # 3600 lines
        before = box.queue.known.forgotten_seq
        [waiting] = await box.accept(an_event("evt_long"))
        for _ in range(2000):
            box.by_hand(waiting.delivery.delivery_id, DOWN)
        await box.accept(an_event("evt_last"))
        box.reopen()
        assert box.journal.health().lines < 3000  # rewritten, else this test shows nothing
        assert before <= box.queue.known.forgotten_seq < waiting.n


async def test_dead_letters_are_never_forgotten(tmp_path: Path) -> None:
    """Somebody has still to look at them."""
    with a_box(tmp_path, policy=ONCE) as box:
        await box.accept(an_event("evt_dead"))
        dead = box.fail_until_dead()
        await ended(box, KEPT_ENDED + 1)
        assert box.queue.get(dead.delivery.delivery_id) is dead
