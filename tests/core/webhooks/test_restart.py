"""What a restart makes of the retry log: everything, from the log alone, whatever became of the clock meanwhile."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from core.journal.rounds import AT_LEISURE_S
from core.settings import Retry
from core.webhooks.deliveries import Status
from tests.core.webhooks.factories import DOWN, OK, REFUSED, Box, a_box, a_case_event, an_event

pytestmark = pytest.mark.anyio
YEAR = timedelta(days=365.25)


async def one_of_each(box: Box) -> None:
    """Delivered, dead, cancelled, pending with and without a failure: in one log."""
    *_, cancelled = await box.accept(*(an_event(f"evt_{name}") for name in ("ok", "dead", "late", "cancelled")))
    box.queue.cancel(cancelled.delivery.delivery_id, "tui:anna")
    box.attempt(OK)
    box.attempt(DOWN)
    box.attempt(DOWN)
    box.clock.advance(20)
    box.attempt(DOWN)  # its second and last one
    await box.accept(an_event("evt_new"))


async def test_an_orderly_restart_changes_nothing(tmp_path: Path) -> None:
    """Every delivery comes back equal, field by field."""
    with a_box(tmp_path, policy=Retry(max_attempts=2)) as box:
        await one_of_each(box)
        before = box.known()
        assert len({delivery.status for delivery in before.values()}) == 4
        box.reopen()
        assert box.known() == before


@pytest.mark.parametrize("tail", [b"", b'{"v":1,"n":99,"t":"2026-', b"\x00" * 512, b"\xff\xfe garbage\n"])
async def test_a_kill_loses_nothing_that_was_accepted(tmp_path: Path, tail: bytes) -> None:
    """From the bytes that happen to be in the file, with a torn last line as a power cut leaves it."""
    with a_box(tmp_path, policy=Retry(max_attempts=2)) as box:
        await one_of_each(box)
        before = box.known()
        box.kill(tail)
        after = box.known()
        assert after.keys() == before.keys()
        assert {delivery.status for delivery in after.values()} >= {
            Status.PENDING,
            Status.CANCELLED,
            Status.DEAD_LETTER,
        }
        assert box.queue.known.undecodable == 0


async def test_a_kill_before_the_first_attempt_sends_after_the_restart(tmp_path: Path) -> None:
    """The outbox: accepted is enough."""
    with a_box(tmp_path) as box:
        await box.accept(an_event())
        box.kill()
        assert box.order() == ["evt_1"]


async def test_a_kill_in_the_middle_of_an_attempt_sends_again(tmp_path: Path) -> None:
    """At least once, under the same event id, and the attempt that nobody saw the end of is not charged."""
    with a_box(tmp_path) as box:
        await box.accept(an_event())
        box.queue.claim("hq")
        box.kill()
        entry = box.queue.claim("hq")
        assert entry is not None
        assert (entry.delivery.event_id, entry.delivery.attempts) == ("evt_1", 0)


@pytest.mark.parametrize(
    "jump",
    [-56 * YEAR, 70 * YEAR, timedelta(hours=-1), timedelta(hours=1), timedelta()],
    ids=["1970", "2096", "an hour back", "an hour on", "none"],
)
async def test_a_jump_of_the_wall_clock_neither_stalls_nor_ends_a_delivery(tmp_path: Path, jump: timedelta) -> None:
    """A box without a battery clock: due within the wait that was set, and nothing given up."""
    with a_box(tmp_path) as box:
        await box.accept(*(an_event(f"evt_{number}") for number in range(5)))
        for _ in range(5):
            box.attempt(DOWN)
        waits = {entry.delivery.delivery_id: entry.delivery.delay_s for entry in box.queue.entries()}
        box.clock.wall += jump
        box.clock.steady_s = 3.0  # booted anew
        box.reopen()
        for entry in box.queue.entries():
            due_in_s = box.queue.due_in_s(entry)
            assert due_in_s is not None
            assert due_in_s <= waits[entry.delivery.delivery_id]
        box.clock.advance(max(waits.values()))
        assert len([box.attempt(REFUSED) for _ in range(5)]) == 5
        assert {entry.delivery.status for entry in box.queue.entries()} == {Status.PENDING}


async def test_the_rest_of_a_wait_survives_a_restart(tmp_path: Path) -> None:
    """Where the clock is right a restart does not begin the wait anew, nor skip it."""
    with a_box(tmp_path, policy=Retry(first_delay_s=600, max_delay_s=600)) as box:
        [entry] = await box.accept(an_event())
        box.attempt(DOWN)
        box.clock.advance(100)
        box.reopen()
        assert box.queue.next_due_in_s("hq") == pytest.approx(entry.delivery.delay_s - 100, abs=0.01)


async def test_age_is_not_made_by_the_wall_clock(tmp_path: Path) -> None:
    """Five days switched off in a store-room: everything still goes out."""
    with a_box(tmp_path) as box:
        await box.accept(an_event())
        box.attempt(DOWN)
        box.clock.wall += timedelta(days=5)
        box.reopen()
        assert box.attempt(DOWN).delivery.status is Status.PENDING


async def test_budget_and_age_go_on_after_a_restart(tmp_path: Path) -> None:
    """Else a box that restarts daily would never give up."""
    with a_box(tmp_path) as box:
        await box.accept(an_event())
        box.clock.advance(50)
        box.attempt(DOWN)
        box.reopen()
        box.clock.advance(30)
        entry = box.attempt(DOWN)
        assert entry.delivery.auto_attempts == 2
        assert entry.delivery.age_s == pytest.approx(80.0)


async def test_what_waits_untried_grows_old_over_a_restart_too(tmp_path: Path) -> None:
    """Behind an open breaker nothing is attempted for hours; its age is written down all the same, and not too often."""
    with a_box(tmp_path) as box:
        [entry] = await box.accept(an_event())
        box.clock.advance(1000)
        await box.queue.ages.write_down(box.queue.known, 1800.0)
        assert entry.delivery.age_s == 0.0
        box.clock.advance(1000)
        await box.queue.ages.write_down(box.queue.known, 1800.0)
        await box.queue.settled(entry.n)
        box.clock.advance(500)
        again = box.kill().get(entry.delivery.delivery_id)
        box.clock.advance(10)
        assert box.queue.ages.age_s(again) == pytest.approx(2010.0)
        assert again.waiting_since_s == pytest.approx(box.clock.steady() - 2010.0)


async def test_order_within_a_case_survives_a_restart(tmp_path: Path) -> None:
    """Also where the earlier one was changed last, so that its line stands behind the later one's."""
    with a_box(tmp_path) as box:
        await box.accept(*(a_case_event("c", seq) for seq in (1, 2, 3)))
        box.attempt(DOWN)
        box.reopen()
        box.clock.advance(20)
        assert box.order() == ["evt_c_1", "evt_c_2", "evt_c_3"]


async def test_a_missing_endpoint_keeps_its_deliveries(tmp_path: Path) -> None:
    """Pending and listed but not sent, until the endpoint is back in the configuration."""
    with a_box(tmp_path) as box:
        [entry] = await box.accept(an_event())
        box.reopen(endpoints=["other"])
        kept = box.queue.get(entry.delivery.delivery_id)
        assert (kept.delivery.status, box.queue.due_in_s(kept)) == (Status.PENDING, None)
        assert box.queue.claim("other") is None
        box.reopen(endpoints=["hq"])
        assert box.order() == ["evt_1"]


async def test_accepting_again_after_a_restart_finds_the_delivery(tmp_path: Path) -> None:
    """A case publishes again what it does not know to be accepted."""
    with a_box(tmp_path) as box:
        await box.accept(an_event())
        box.attempt(OK)
        box.reopen()
        await box.accept(an_event())
        assert (len(box.known()), box.queue.claim("hq")) == (1, None)


async def test_the_body_is_sent_unchanged_after_a_restart(tmp_path: Path) -> None:
    """Byte for byte, a signature over it is none otherwise."""
    odd = b'{"z":1.50,"a":"\\u51b7\xe5\x86\xb7"}'
    with a_box(tmp_path) as box:
        await box.queue.durable(box.queue.accept(an_event(), ["hq"], odd))
        box.reopen()
        entry = box.queue.claim("hq")
        assert entry is not None
        assert bytes(entry.delivery.body) == odd


async def test_a_document_of_another_making_is_counted_and_kept(tmp_path: Path) -> None:
    """What this version can't read a later one may."""
    with a_box(tmp_path) as box:
        box.journal.put("dlv_future", b'{"status":"teleported"}')
        await box.accept(an_event())
        box.reopen()
        box.reopen()
        assert (box.queue.known.undecodable, len(box.known())) == (1, 1)
        assert "dlv_future" in {item_id for item_id, _, _ in box.journal.items()}


async def test_a_cancelled_and_a_queued_again_stay_so_after_a_kill(tmp_path: Path) -> None:
    """What somebody decided by hand is on disk as soon as he is told so."""
    with a_box(tmp_path, policy=Retry(max_attempts=1)) as box:
        first, second = await box.accept(an_event("evt_1"), an_event("evt_2"))
        box.attempt(DOWN)
        box.queue.requeue(first.delivery.delivery_id, "tui:anna")
        box.queue.cancel(second.delivery.delivery_id, "tui:anna")
        await box.queue.settled(first.n)
        await box.queue.settled(second.n)
        box.kill()
        assert {one.event_id: one.status for one in box.known().values()} == {
            "evt_1": Status.PENDING,
            "evt_2": Status.CANCELLED,
        }


async def test_a_success_is_on_disk_at_once(tmp_path: Path) -> None:
    """Not with the next sync: a kill may repeat only what was in flight."""
    with a_box(tmp_path) as box:
        await box.accept(an_event())
        entry = box.attempt(OK)
        async with asyncio.timeout(AT_LEISURE_S / 2):
            await box.queue.settled(entry.n)
        assert entry.delivery.status is Status.DELIVERED
