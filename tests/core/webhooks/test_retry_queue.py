"""The retry queue over a real journal: what is on disk when, and what the account of a delivery says."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from core.settings import Retry
from core.webhooks.deliveries import (
    KEPT_ATTEMPTS,
    DeadLetterReason,
    Delivered,
    ErrorClass,
    Failed,
    Outcome,
    Status,
)
from core.webhooks.entry import Entry
from tests.core.webhooks.factories import (
    BODY,
    DOWN,
    OK,
    REFUSED,
    a_box,
    a_case_event,
    an_attempt,
    an_event,
)

pytestmark = pytest.mark.anyio
ONCE = Retry(max_attempts=1)
HOUR_S = 3600.0


async def test_an_accepted_delivery_is_on_disk_before_it_can_be_sent(tmp_path: Path) -> None:
    """Pending with no attempt; nothing can claim it before the disk has answered."""
    with a_box(tmp_path) as box:
        [entry] = box.queue.accept(an_event(), ["hq"], BODY)
        assert box.queue.claim("hq") is None
        await box.queue.durable([entry])
        written = box.on_disk(entry)
        assert (written.status, written.attempts, json.loads(bytes(written.body))) == (
            Status.PENDING,
            0,
            json.loads(BODY),
        )
        assert box.queue.claim("hq") is entry


async def test_a_failed_first_attempt_is_pending_on_disk_with_its_reason(tmp_path: Path) -> None:
    """One attempt, its error, and when the next one is due."""
    with a_box(tmp_path) as box:
        await box.accept(an_event())
        entry = box.attempt(DOWN)
        await box.queue.settled(entry.n)
        written = box.on_disk(entry)
        assert (written.status, written.attempts, written.auto_attempts) == (Status.PENDING, 1, 1)
        assert written.last_attempt is not None
        assert (written.last_attempt.error_class, written.last_attempt.error) == (
            ErrorClass.CONNECT,
            "connection refused",
        )
        assert written.next_attempt_at is not None
        assert 5 <= (written.next_attempt_at - box.clock.now()).total_seconds() <= 10


async def test_a_failed_delivery_is_claimed_again_when_it_is_due(tmp_path: Path) -> None:
    """Not before, and `next_due_in_s` says when."""
    with a_box(tmp_path) as box:
        await box.accept(an_event())
        entry = box.attempt(DOWN)
        assert box.queue.next_due_in_s("hq") == pytest.approx(entry.delivery.delay_s)
        box.clock.advance(entry.delivery.delay_s - 0.01)
        assert box.queue.claim("hq") is None
        box.clock.advance(0.02)
        assert box.queue.claim("hq") is entry


async def test_a_success_is_recorded(tmp_path: Path) -> None:
    """Delivered, with its one attempt and no further due time."""
    with a_box(tmp_path) as box:
        await box.accept(an_event())
        entry = box.attempt(Delivered(http_status=204))
        await box.queue.settled(entry.n)
        written = box.on_disk(entry)
        assert (written.status, written.attempts, written.next_attempt_at) == (Status.DELIVERED, 1, None)
        assert (written.last_attempt and written.last_attempt.http_status) == 204
        assert box.queue.next_due_in_s("hq") is None


async def fail_for(box: Any, outcome: Outcome, seconds: float) -> Entry:
    """Fail at every due time until so much time has gone, or it is given up."""
    until_s = box.clock.steady() + seconds
    while True:
        entry: Entry = box.attempt(outcome)
        if entry.delivery.status is not Status.PENDING or box.clock.steady() + entry.delivery.delay_s > until_s:
            return entry
        box.clock.advance(entry.delivery.delay_s)


async def test_the_last_attempt_makes_a_dead_letter(tmp_path: Path) -> None:
    """On disk, with the reason, and out of the schedule."""
    with a_box(tmp_path, policy=Retry(max_attempts=3)) as box:
        await box.accept(an_event())
        entry = await fail_for(box, DOWN, HOUR_S)
        await box.queue.settled(entry.n)
        written = box.on_disk(entry)
        assert (written.status, written.attempts) == (Status.DEAD_LETTER, 3)
        assert written.dead_letter_reason is DeadLetterReason.MAX_ATTEMPTS
        assert box.queue.next_due_in_s("hq") is None


async def test_age_makes_a_dead_letter_with_a_last_attempt(tmp_path: Path) -> None:
    """72 hours by default, counted in steady time."""
    with a_box(tmp_path) as box:
        await box.accept(an_event())
        entry = await fail_for(box, DOWN, 80 * HOUR_S)
        assert entry.delivery.dead_letter_reason is DeadLetterReason.MAX_AGE
        assert 72 * HOUR_S <= entry.delivery.age_s < 72.25 * HOUR_S


async def test_refusals_for_an_hour_make_a_dead_letter(tmp_path: Path) -> None:
    """404 again and again."""
    with a_box(tmp_path) as box:
        await box.accept(an_event())
        entry = await fail_for(box, REFUSED, 5 * HOUR_S)
        assert entry.delivery.dead_letter_reason is DeadLetterReason.PERMANENT
        assert HOUR_S <= entry.delivery.age_s < 1.3 * HOUR_S


async def test_one_refusal_after_hours_of_other_failures_is_not_the_end(tmp_path: Path) -> None:
    """A receiver that was down all night and starts up with a 404 has not refused for an hour."""
    with a_box(tmp_path) as box:
        await box.accept(an_event())
        box.clock.advance((await fail_for(box, DOWN, 3 * HOUR_S)).delivery.delay_s)
        assert box.attempt(REFUSED).delivery.status is Status.PENDING


async def test_refusals_to_a_person_are_not_counted_as_refusals(tmp_path: Path) -> None:
    """Trying by hand must not shorten the patience of the schedule."""
    with a_box(tmp_path) as box:
        [entry] = await box.accept(an_event())
        box.by_hand(entry.delivery.delivery_id, REFUSED)
        assert entry.delivery.refused_since_age_s is None


async def test_accepting_an_event_twice_gives_one_delivery(tmp_path: Path) -> None:
    """Also after it was delivered, and with another body."""
    with a_box(tmp_path) as box:
        [first] = await box.accept(an_event())
        box.attempt(OK)
        seq = box.queue.seq
        [again] = box.queue.accept(an_event(), ["hq"], b'{"other":1}')
        assert again is first
        assert (again.delivery.status, box.queue.seq) == (Status.DELIVERED, seq)


async def test_an_event_accepted_twice_before_the_disk_answered_goes_out_once(tmp_path: Path) -> None:
    """Two publishers, one delivery, one place in the schedule."""
    with a_box(tmp_path) as box:
        twice = [*box.queue.accept(an_event(), ["hq"], BODY), *box.queue.accept(an_event(), ["hq"], BODY)]
        await box.queue.durable(twice)
        await box.queue.durable(twice)
        assert box.order() == ["evt_1"]


async def test_each_endpoint_has_its_own_delivery(tmp_path: Path) -> None:
    """One of them failing says nothing about the other."""
    with a_box(tmp_path, endpoints=("hq", "store")) as box:
        hq, store = box.queue.accept(an_event(), ["hq", "store"], BODY)
        await box.queue.durable([hq, store])
        box.attempt(DOWN)
        assert (hq.delivery.attempts, store.delivery.attempts) == (1, 0)
        assert box.queue.claim("store") is store


async def test_an_attempt_given_back_is_not_charged(tmp_path: Path) -> None:
    """It was cut off by us: no count, and due as before."""
    with a_box(tmp_path) as box:
        await box.accept(an_event())
        entry = box.queue.claim("hq")
        assert entry is not None
        box.queue.give_back(entry)
        assert (entry.delivery.attempts, entry.in_flight) == (0, None)
        assert box.queue.claim("hq") is entry


async def test_the_last_twenty_attempts_are_kept_and_the_newest_excerpt(tmp_path: Path) -> None:
    """Numbers go on; a line of the journal does not grow without end."""
    with a_box(tmp_path) as box:
        [entry] = await box.accept(an_event())
        for number in range(1, 31):
            failed = structs.replace(REFUSED, excerpt=f"answer {number}")
            box.by_hand(entry.delivery.delivery_id, failed)
        history = entry.delivery.history
        assert [attempt.number for attempt in history] == list(range(11, 31))
        assert [attempt.excerpt for attempt in history] == [""] * (KEPT_ATTEMPTS - 1) + ["answer 30"]


async def test_waiting_behind_another_is_told(tmp_path: Path) -> None:
    """Whom it waits for, and no due time of its own."""
    with a_box(tmp_path) as box:
        head, behind = await box.accept(a_case_event("c", 1), a_case_event("c", 2))
        assert box.queue.waits_for(behind) == head.delivery.delivery_id
        assert (box.queue.due_in_s(head), box.queue.due_in_s(behind)) == (0.0, None)


async def test_attempts_of_an_outcome_are_told_apart(tmp_path: Path) -> None:
    """The status number stands in the account of failures as well as of successes."""
    with a_box(tmp_path) as box:
        [entry] = await box.accept(an_event())
        busy = Failed(error_class=ErrorClass.HTTP_5XX, error="503", http_status=503, retry_after_s=1200.0)
        box.attempt(busy)
        assert entry.delivery.delay_s == 1200.0
        assert an_attempt(box.clock, entry, busy).number == 2
        assert [attempt.http_status for attempt in entry.delivery.history] == [503]
