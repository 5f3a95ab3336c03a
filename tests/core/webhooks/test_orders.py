"""The orders of the undelivered: whatever happens between two looks, each stands where sorting anew would put it."""

import asyncio
import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import RefusalError
from core.settings import Retry
from core.webhooks.deliveries import UNDELIVERED, Status
from core.webhooks.entry import Entry
from core.webhooks.orders import LATER
from core.wire_windows import Order
from tests.core.webhooks.factories import DOWN, OK, Box, a_box, a_case_event, an_attempt
from tests.core.webhooks.recount import assert_kept_as_counted

pytestmark = pytest.mark.anyio
MANY = 3 * LATER

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "accept",
                "accept",
                "fail",
                "fail",
                "deliver",
                "set out",
                "cancel",
                "requeue",
                "release",
                "wait",
                "look",
                "look",
            ]
        ),
        st.integers(0, 99),
    ),
    min_size=40,
    max_size=80,
)


def step(box: Box, what: str, number: int) -> None:
    """One of the things that move a delivery in an order; cases have several, so that some wait for others."""
    queue = box.queue
    box.clock.advance(1)
    known = [one.delivery.delivery_id for one in queue.entries()]
    match what:
        case "accept":
            asyncio.run(box.accept(a_case_event(f"c{number % 7}", number)))
        case "release":
            queue.release("hq")
        case "look":
            queue.index.orders.follow()
        case "wait":
            box.clock.advance(600)
        case "cancel" | "requeue" if known:
            with contextlib.suppress(RefusalError):
                (queue.cancel if what == "cancel" else queue.requeue)(known[number % len(known)], "li")
        case "fail" | "deliver" | "set out":
            if (entry := queue.claim("hq")) is None:
                return
            outcome = OK if what == "deliver" else DOWN
            queue.give_back(entry) if what == "set out" else queue.settle(
                entry, an_attempt(box.clock, entry, outcome), outcome
            )


@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_each_order_is_what_sorting_anew_would_make(steps: list[tuple[str, int]]) -> None:
    """However seldom somebody looks in between; also after a restart."""
    with tempfile.TemporaryDirectory() as directory, a_box(Path(directory), policy=Retry(max_attempts=2)) as box:
        for what, number in steps:
            step(box, what, number)
        assert_kept_as_counted(box.queue)
        box.reopen()
        assert_kept_as_counted(box.queue)


async def events(box: Box, status: Status, order: Order) -> list[str]:
    return [one.delivery.event_id for one in box.queue.index.ordered(status, order)]


async def test_what_waits_for_an_earlier_one_or_for_its_endpoint_stands_last(tmp_path: Path) -> None:
    with a_box(tmp_path) as box:
        await box.accept(a_case_event("gone", 1), endpoint="nowhere")
        box.clock.advance(1)
        await box.accept(a_case_event("a", 1), a_case_event("a", 2), a_case_event("b", 1))
        box.attempt(DOWN)
        assert await events(box, Status.PENDING, "next") == ["evt_b_1", "evt_a_1", "evt_gone_1", "evt_a_2"]


async def test_very_many_changes_are_followed_before_anybody_looks(tmp_path: Path) -> None:
    """What comes and goes at once never waits for a place: no more changes wait than may."""
    with a_box(tmp_path) as box:
        for number in range(MANY):
            box.clock.advance(1)
            await box.accept(a_case_event(f"c{number}", 1))
            assert len(box.queue.index.orders.moved.ids) <= LATER + 1
        found = await events(box, Status.PENDING, "created")
        assert found == [f"evt_c{number}_1" for number in range(MANY)]


def test_what_left_the_queue_stands_in_no_order(tmp_path: Path) -> None:
    with a_box(tmp_path) as box:
        [entry] = asyncio.run(box.accept(a_case_event("a", 1)))
        assert list(box.queue.index.ordered(Status.PENDING, "next")) == [entry]
        box.attempt(OK)
        undelivered: list[Entry] = [one for status in UNDELIVERED for one in box.queue.index.ordered(status, "next")]
        assert undelivered == []
