"""Critical news that does not get out: found by real waiting time, handed over once, told to a local command."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from core.events import Severity
from core.webhooks.deliveries import Status
from core.webhooks.entries import FORGOTTEN_AT_ONCE, KEPT_ENDED
from tests.core.webhooks.factories import DOWN, an_endpoint, an_event
from tests.core.webhooks.watched import LIMIT_S, SPARE, a_critical, a_watch

pytestmark = pytest.mark.anyio


# -- what is overdue ---------------------------------------------------------------------------------------------------


async def test_a_critical_delivery_is_overdue_after_the_time_and_not_before(tmp_path: Path) -> None:
    """Counted from when it was accepted, to a look or so."""
    async with a_watch(tmp_path) as watched:
        await watched.publish(a_critical())
        await watched.look()
        watched.clock.advance(LIMIT_S - 0.1)
        await watched.look()
        assert watched.escalation.overdue is None
        watched.clock.advance(0.1)
        await watched.look()
        found = watched.escalation.overdue
        assert found is not None
        assert (found.count, found.oldest_s, found.endpoints) == (1, LIMIT_S, ("hq",))


async def test_only_what_is_critical_is_overdue(tmp_path: Path) -> None:
    """A warning may wait."""
    async with a_watch(tmp_path) as watched:
        await watched.publish(an_event())
        await watched.publish(an_event("evt_2", severity=Severity.INFO))
        await watched.look()
        watched.clock.advance(10 * LIMIT_S)
        await watched.look()
        assert (watched.overdue, watched.escalation.undelivered, watched.escalation.oldest_s) == (0, 0, None)


async def test_a_dead_letter_is_undelivered_too(tmp_path: Path) -> None:
    """One refused or evicted in the first minute needs another way as much as one that waits."""
    async with a_watch(tmp_path, SPARE) as watched:
        await watched.publish(a_critical())
        watched.box.queue.evict(watched.entry())
        await watched.look()
        watched.clock.advance(LIMIT_S)
        await watched.look()
        assert watched.overdue >= 1
        assert watched.at("spare") is not None


@pytest.mark.parametrize("end", ["delivered", "cancelled"])
async def test_it_is_over_when_it_is_delivered_or_a_person_cancels_it(tmp_path: Path, end: str) -> None:
    """At once, not at the next look."""
    async with a_watch(tmp_path) as watched:
        await watched.publish(a_critical())
        await watched.look()
        watched.clock.advance(LIMIT_S)
        await watched.look()
        assert watched.overdue == 1
        if end == "delivered":
            watched.attempt()
        else:
            watched.box.queue.cancel(watched.entry().delivery.delivery_id, "li")
        assert (watched.overdue, watched.escalation.undelivered, watched.escalation.oldest_s) == (0, 0, None)
        await watched.look()
        assert watched.overdue == 0


async def test_zero_minutes_is_never(tmp_path: Path) -> None:
    """But how long the oldest waits is still told."""
    async with a_watch(tmp_path, SPARE, minutes=0) as watched:
        await watched.publish(a_critical())
        await watched.look()
        watched.clock.advance(1e6)
        await watched.look()
        assert (watched.overdue, watched.at("spare")) == (0, None)
        assert watched.escalation.oldest_s == 1e6


@pytest.mark.parametrize("jump", [timedelta(days=70 * 365), timedelta(days=-56 * 365), timedelta(hours=1)])
async def test_a_clock_that_jumps_makes_nothing_overdue_and_stops_nothing(tmp_path: Path, jump: timedelta) -> None:
    """Of what this core accepted itself steady time knows everything; so does it of what it has dated already."""
    async with a_watch(tmp_path) as watched:
        await watched.publish(a_critical())
        watched.restart()
        await watched.publish(a_critical("evt_2"))
        await watched.look()
        watched.clock.wall += jump
        await watched.look()
        watched.clock.advance(LIMIT_S - 1)
        await watched.look()
        assert watched.overdue == 0
        watched.clock.advance(1)
        await watched.look()
        assert watched.overdue == 2


async def test_the_time_while_no_core_ran_counts(tmp_path: Path) -> None:
    """A box that was off for an hour is an hour late, as a synchronised clock can tell."""
    async with a_watch(tmp_path) as watched:
        await watched.publish(a_critical())
        watched.restart(away_s=3600.0)
        await watched.look()
        found = watched.escalation.overdue
        assert found is not None
        assert found.oldest_s == pytest.approx(3600.0)


async def test_the_clock_is_asked_once_it_is_synchronised(tmp_path: Path) -> None:
    """A box without a battery clock starts in another year; until it knows better only steady time counts."""
    async with a_watch(tmp_path) as watched:
        await watched.publish(a_critical())
        watched.clock.in_sync = False
        watched.restart(away_s=40 * 365 * 86400.0)
        await watched.look()
        assert watched.overdue == 0
        watched.clock.wall -= timedelta(days=40 * 365) - timedelta(hours=1)
        watched.clock.in_sync = True
        await watched.look()
        assert watched.overdue == 1
        assert watched.escalation.oldest_s == pytest.approx(3600.0)


async def test_a_date_of_a_clock_that_nobody_had_set_is_not_believed(tmp_path: Path) -> None:
    """Written in 1970, read in 2026: that is no 56 years."""
    async with a_watch(tmp_path, synced=False) as watched:
        await watched.publish(a_critical())
        watched.restart(away_s=56 * 365 * 86400.0)
        await watched.look()
        assert watched.overdue == 0
        watched.clock.advance(LIMIT_S)
        await watched.look()
        assert watched.overdue == 1


@pytest.mark.parametrize("synced", [True, False])
async def test_a_restart_does_not_forget_the_age_that_is_on_record(tmp_path: Path, synced: bool) -> None:
    """Where no clock can be believed, or it was set back, the account of the delivery is what is known."""
    async with a_watch(tmp_path, synced=synced) as watched:
        await watched.publish(a_critical())
        watched.clock.advance(LIMIT_S - 10)
        watched.attempt(outcome=DOWN)
        watched.restart(away_s=-3600.0)
        await watched.look()
        assert watched.overdue == 0
        watched.clock.advance(10)
        await watched.look()
        assert watched.overdue == 1


# -- the other way -----------------------------------------------------------------------------------------------------


async def test_a_fallback_endpoint_gets_nothing_that_is_published(tmp_path: Path) -> None:
    """Whatever its `events` say: it is for what the others don't take."""
    async with a_watch(tmp_path, SPARE) as watched:
        await watched.publish(a_critical())
        await watched.look()
        watched.clock.advance(LIMIT_S - 1)
        await watched.look()
        assert watched.at("spare") is None


async def test_an_overdue_event_is_handed_over_as_it_is(tmp_path: Path) -> None:
    """The same event, the same bytes, the same place in its case; a delivery of its own, on disk and due at once."""
    async with a_watch(tmp_path, SPARE) as watched:
        await watched.publish(a_critical(case_id="case_1", seq=3, cabinet="03"))
        await watched.look()
        watched.clock.advance(LIMIT_S)
        await watched.look()
        first, second = watched.entry("hq").delivery, watched.box.on_disk(watched.entry("spare"))
        for field in ("event_id", "event_type", "severity", "case_id", "seq", "cabinet"):
            assert getattr(second, field) == getattr(first, field)
        assert bytes(watched.entry("spare").delivery.body) == bytes(first.body)
        assert json.loads(bytes(second.body)) == json.loads(bytes(first.body))
        assert (second.status, second.attempts, second.ordinal) == (Status.PENDING, 0, 2)
        assert watched.box.queue.due_in_s(watched.entry("spare")) == 0
        assert watched.box.queue.known.accounts().accepted == 2


async def test_whoever_sends_for_the_spare_is_woken(tmp_path: Path) -> None:
    """The loop of an idle endpoint sleeps for half a minute."""
    async with a_watch(tmp_path, SPARE) as watched, asyncio.timeout(8):
        channel = watched.dispatcher.channel("spare")
        assert channel is not None
        await watched.publish(a_critical())
        async with asyncio.TaskGroup() as group:
            group.create_task(channel.rung(30.0))
            await asyncio.sleep(0)
            watched.clock.advance(LIMIT_S)
            await watched.look()


async def test_who_stands_in_for_another_or_wants_other_types_is_left_out(tmp_path: Path) -> None:
    """`fallback_for` and `events` both say yes, or it doesn't go."""
    other = an_endpoint("http://127.0.0.1:9/", "other", fallback_for=("spare-of-nobody",))
    closes = an_endpoint("http://127.0.0.1:9/", "closes", fallback_for=("hq",), events=("case.closed", "device.*"))
    opens = an_endpoint("http://127.0.0.1:9/", "opens", fallback_for=("hq",), events=("case.*",))
    async with a_watch(tmp_path, other, closes, opens) as watched:
        await watched.publish(a_critical())
        await watched.look()
        watched.clock.advance(LIMIT_S)
        await watched.look()
        assert {one.endpoint for one in watched.box.known().values()} == {"hq", "opens"}


async def test_it_is_handed_over_once(tmp_path: Path) -> None:
    """Not at every look, not after a restart, and not when the delivery to the spare is long out of sight."""
    async with a_watch(tmp_path, SPARE) as watched:
        await watched.publish(a_critical())
        await watched.look()
        watched.clock.advance(LIMIT_S)
        for _ in range(3):
            await watched.look()
        watched.attempt("spare")
        watched.restart(away_s=1.0)
        await watched.look()
        assert len(watched.box.known()) == 2
        await watched.box.accept(*(an_event(f"evt_w{number}") for number in range(KEPT_ENDED + FORGOTTEN_AT_ONCE)))
        watched.attempt(outcome=DOWN)
        for _ in range(KEPT_ENDED + FORGOTTEN_AT_ONCE):
            watched.attempt()
        assert watched.at("spare") is None
        watched.restart(away_s=1.0)
        await watched.look()
        assert (watched.at("spare"), watched.overdue) == (None, 1)


async def test_a_kill_before_the_mark_hands_nothing_over_twice(tmp_path: Path) -> None:
    """The delivery to the spare is on disk, that it was handed over is not."""
    async with a_watch(tmp_path, SPARE) as watched:
        await watched.publish(a_critical())
        await watched.look()
        watched.clock.advance(LIMIT_S)
        await watched.look()
        watched.attempt("spare")
        await watched.box.queue.settled(watched.entry().n)
        lines = watched.box.log.read_bytes().splitlines(keepends=True)
        unmarked = [line for line in lines if b'"escalated_at":"' not in line]
        assert len(unmarked) == len(lines) - 1
        watched.box.close()
        watched.box.log.write_bytes(b"".join(unmarked))
        watched.restart(away_s=1.0)
        await watched.look()
        spares = [one for one in watched.box.known().values() if one.endpoint == "spare"]
        assert [one.status for one in spares] == [Status.DELIVERED]


async def test_one_that_ends_while_it_is_handed_over_stays_ended(tmp_path: Path) -> None:
    """Its account is closed; the spare gets it all the same, for it is on its way."""
    async with a_watch(tmp_path, SPARE) as watched:
        await watched.publish(a_critical())
        watched.clock.advance(LIMIT_S)
        watched.escalation.look()
        async with asyncio.TaskGroup() as group:
            group.create_task(watched.escalation.hand_over())
            await asyncio.sleep(0)
            watched.box.queue.cancel(watched.entry().delivery.delivery_id, "li")
            closed = watched.entry().n
        assert (watched.entry().n, watched.entry().delivery.escalated_at) == (closed, None)
        assert watched.box.queue.next_due_in_s("spare") == 0


async def test_what_is_on_its_way_to_the_spare_is_counted_and_goes_no_further(tmp_path: Path) -> None:
    """The spare is down too: people must see that, and nothing runs in circles."""
    last = an_endpoint("http://127.0.0.1:9/", "last", fallback_for=("spare",))
    async with a_watch(tmp_path, SPARE, last) as watched:
        await watched.publish(a_critical())
        for _ in range(3):
            await watched.look()
            watched.clock.advance(LIMIT_S)
        await watched.look()
        found = watched.escalation.overdue
        assert found is not None
        assert (found.count, found.endpoints) == (2, ("hq", "spare"))
        assert watched.at("last") is None


async def test_many_at_once_all_go(tmp_path: Path) -> None:
    """In portions, so that the loops beside it breathe."""
    async with a_watch(tmp_path, SPARE) as watched:
        for number in range(250):
            await watched.publish(a_critical(f"evt_{number}"))
        await watched.look()
        watched.clock.advance(LIMIT_S)
        await watched.look()
        assert sum(one.endpoint == "spare" for one in watched.box.known().values()) == 250
        assert watched.box.queue.next_due_in_s("spare") == 0
