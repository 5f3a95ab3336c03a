"""What people do to the queue: send one now, cancel, queue again; and what it refuses them."""

from pathlib import Path
from typing import Any

import pytest

from core.errors import RefusalError
from core.settings import Retry
from core.webhooks.deliveries import (
    Status,
    Trigger,
)
from tests.core.webhooks.factories import (
    BODY,
    DOWN,
    OK,
    REFUSED,
    a_box,
    a_case_event,
    an_event,
)

pytestmark = pytest.mark.anyio
ONCE = Retry(max_attempts=1)
HOUR_S = 3600.0


async def test_a_failure_by_hand_leaves_budget_and_due_time(tmp_path: Path) -> None:
    """It stands in the account, and that is all."""
    with a_box(tmp_path) as box:
        await box.accept(an_event())
        entry = box.attempt(DOWN)
        before = entry.delivery
        box.by_hand(before.delivery_id, DOWN)
        after = entry.delivery
        assert (after.attempts, after.auto_attempts) == (2, 1)
        assert (after.next_attempt_at, after.delay_s) == (before.next_attempt_at, before.delay_s)
        assert box.queue.next_due_in_s("hq") == pytest.approx(before.delay_s)


async def test_failures_by_hand_never_make_a_dead_letter(tmp_path: Path) -> None:
    """However impatient somebody is."""
    with a_box(tmp_path, policy=Retry(max_attempts=2)) as box:
        [entry] = await box.accept(an_event())
        for _ in range(5):
            box.by_hand(entry.delivery.delivery_id, REFUSED)
        assert (entry.delivery.status, entry.delivery.auto_attempts) == (Status.PENDING, 0)


async def test_requeue_gives_a_fresh_budget_under_the_same_event_id(tmp_path: Path) -> None:
    """Due at once, and its history is not forgotten."""
    with a_box(tmp_path, policy=ONCE) as box:
        [entry] = await box.accept(an_event())
        box.fail_until_dead()
        box.queue.requeue(entry.delivery.delivery_id, "tui:anna")
        found = entry.delivery
        assert (found.status, found.auto_attempts, found.age_s, found.attempts) == (Status.PENDING, 0, 0.0, 1)
        assert (found.dead_letter_reason, found.actor) == (None, "tui:anna")
        assert box.order() == ["evt_1"]


async def test_a_requeued_delivery_stands_before_what_came_after_it(tmp_path: Path) -> None:
    """`case.closed` does not overtake `case.opened`, now as little as after a restart."""
    with a_box(tmp_path, policy=ONCE) as box:
        first, _ = await box.accept(a_case_event("c", 1), a_case_event("c", 2))
        box.fail_until_dead()
        box.queue.requeue(first.delivery.delivery_id, "tui:anna")
        assert box.order() == ["evt_c_1", "evt_c_2"]


async def test_cancel_ends_a_pending_delivery(tmp_path: Path) -> None:
    """On disk too, with who did it; the next of its case moves up."""
    with a_box(tmp_path) as box:
        first, second = await box.accept(a_case_event("c", 1), a_case_event("c", 2))
        box.queue.cancel(first.delivery.delivery_id, "tui:anna")
        await box.queue.settled(first.n)
        written = box.on_disk(first)
        assert (written.status, written.actor) == (Status.CANCELLED, "tui:anna")
        assert box.queue.claim("hq") is second


async def test_cancelling_one_behind_does_not_send_the_head_twice(tmp_path: Path) -> None:
    """While it is being sent it can't be sent again."""
    with a_box(tmp_path) as box:
        _, second, _ = await box.accept(*(a_case_event("c", seq) for seq in (1, 2, 3)))
        assert box.queue.claim("hq") is not None
        box.queue.cancel(second.delivery.delivery_id, "tui:anna")
        assert box.queue.claim("hq") is None


async def test_a_dead_letter_can_be_cancelled(tmp_path: Path) -> None:
    """It leaves the list of what somebody must look at."""
    with a_box(tmp_path, policy=ONCE) as box:
        await box.accept(an_event())
        entry = box.fail_until_dead()
        box.queue.cancel(entry.delivery.delivery_id, "tui:anna")
        assert entry.delivery.status is Status.CANCELLED


async def test_one_cancelled_while_on_its_way_to_disk_is_not_sent(tmp_path: Path) -> None:
    """The disk's answer does not bring it back."""
    with a_box(tmp_path) as box:
        [entry] = box.queue.accept(an_event(), ["hq"], BODY)
        box.queue.cancel(entry.delivery.delivery_id, "tui:anna")
        await box.queue.durable([entry])
        assert box.queue.claim("hq") is None


def refusal(call: Any, *given: Any) -> tuple[int, str]:
    with pytest.raises(RefusalError) as caught:
        call(*given)
    return caught.value.status, caught.value.code


async def test_what_can_not_be_sent_by_hand_is_refused_with_its_reason(tmp_path: Path) -> None:
    """Unknown, ended, in flight, behind another, or without its endpoint."""
    with a_box(tmp_path, endpoints=("hq",)) as box:
        ended, head, behind = await box.accept(an_event(), a_case_event("c", 1), a_case_event("c", 2))
        [elsewhere] = await box.accept(an_event("evt_2"), endpoint="gone")
        box.by_hand(ended.delivery.delivery_id, OK)
        claim = box.queue.claim_one
        assert refusal(claim, "dlv_0", Trigger.MANUAL) == (404, "retry_not_found")
        assert refusal(claim, ended.delivery.delivery_id, Trigger.MANUAL) == (409, "retry_not_retryable")
        assert refusal(claim, behind.delivery.delivery_id, Trigger.MANUAL) == (409, "waits_for_earlier")
        assert refusal(claim, elsewhere.delivery.delivery_id, Trigger.MANUAL) == (409, "endpoint_missing")
        claim(head.delivery.delivery_id, Trigger.MANUAL)
        assert refusal(claim, head.delivery.delivery_id, Trigger.MANUAL) == (409, "in_flight")


async def test_one_in_flight_by_hand_is_not_claimed_by_the_loop(tmp_path: Path) -> None:
    """Nor cancelled under way, nor queued again while it is pending."""
    with a_box(tmp_path) as box:
        [entry] = await box.accept(an_event())
        item_id = entry.delivery.delivery_id
        box.queue.claim_one(item_id, Trigger.DRAIN)
        assert box.queue.claim("hq") is None
        assert refusal(box.queue.cancel, item_id, "x") == (409, "in_flight")
        assert refusal(box.queue.requeue, item_id, "x") == (409, "retry_not_requeueable")


async def test_a_delivered_one_is_neither_cancelled_nor_queued_again(tmp_path: Path) -> None:
    """What the receiver has, it has."""
    with a_box(tmp_path) as box:
        await box.accept(an_event())
        item_id = box.attempt(OK).delivery.delivery_id
        assert refusal(box.queue.cancel, item_id, "x") == (409, "retry_not_cancellable")
        assert refusal(box.queue.requeue, item_id, "x") == (409, "retry_not_requeueable")
