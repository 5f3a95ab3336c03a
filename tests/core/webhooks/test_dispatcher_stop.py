"""How sending ends: what is in flight is finished, nothing new begins, and what was broken off is not charged."""

import asyncio
from pathlib import Path

import pytest

from core.errors import RefusalError
from core.webhooks.deliveries import Status
from tests.core.webhooks.factories import (
    a_station,
    an_endpoint,
    an_event,
)
from tests.receivers import a_receiver, answers, once_open, silence

pytestmark = pytest.mark.anyio


async def test_stop_finishes_what_is_in_flight_and_starts_nothing_more(tmp_path: Path) -> None:
    """The one on its way is settled, those that wait stay pending."""
    gate = asyncio.Event()
    async with (
        a_receiver(once_open(gate, answers())) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url), places=1, sending=False) as station,
        asyncio.TaskGroup() as group,
    ):
        running = group.create_task(station.dispatcher.run())
        await station.dispatcher.publish(an_event("evt_1"))
        await station.dispatcher.publish(an_event("evt_2"))
        await receiver.got(1)
        station.dispatcher.stop()
        await asyncio.sleep(0.1)
        assert not running.done()
        gate.set()
        await asyncio.wait_for(running, 5.0)
        statuses = [station.entry(an_event(name)).delivery.status for name in ("evt_1", "evt_2")]
        assert (statuses, len(receiver.received)) == ([Status.DELIVERED, Status.PENDING], 1)


async def test_stop_also_holds_for_one_that_waits_for_a_place(tmp_path: Path) -> None:
    """A retry by hand that got no place in time is refused, not started."""
    gate = asyncio.Event()
    async with (
        a_receiver(once_open(gate, answers())) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url), places=1) as station,
    ):
        await station.dispatcher.publish(an_event("evt_1"))
        await receiver.got(1)
        await station.dispatcher.publish(an_event("evt_2"))
        waiting = station.entry(an_event("evt_2"))
        async with asyncio.TaskGroup() as group:
            retry = group.create_task(_code_of(station.dispatcher.retry(waiting.delivery.delivery_id, "tui:anna")))
            await asyncio.sleep(0.1)
            station.dispatcher.stop()
            gate.set()
        assert (retry.result(), waiting.in_flight, waiting.delivery.attempts) == ("shutdown", None, 0)
    assert receiver.event_ids == ["evt_1"]


async def _code_of(call: object) -> str:
    try:
        await call  # type: ignore[misc]
    except RefusalError as refusal:
        return refusal.code
    return "sent"


async def test_a_cancelled_attempt_is_not_charged(tmp_path: Path) -> None:
    """It was ours to break off; the delivery is due as before."""
    async with (
        a_receiver(silence) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url), sending=False) as station,
    ):
        async with asyncio.TaskGroup() as group:
            running = group.create_task(station.dispatcher.run())
            await station.dispatcher.publish(an_event())
            await receiver.got(1)
            running.cancel()
        entry = station.entry(an_event())
        assert (entry.delivery.attempts, entry.in_flight, station.queue.due_in_s(entry)) == (0, None, 0.0)


async def test_the_loop_can_be_started_again(tmp_path: Path) -> None:
    """After a mistake of ours the supervisor does so; nothing is left claimed."""
    async with (
        a_receiver(silence) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url), sending=False) as station,
    ):
        async with asyncio.TaskGroup() as group:
            running = group.create_task(station.dispatcher.run())
            await station.dispatcher.publish(an_event())
            await receiver.got(1)
            running.cancel()
        receiver.behaviour = answers()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(station.dispatcher.run())
            await station.settled(an_event())
            station.dispatcher.stop()
