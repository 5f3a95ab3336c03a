"""Sending everything that waits, by hand: what is chosen, what it says of each, and what it leaves alone."""

import asyncio
from pathlib import Path
from typing import Any, get_args

import pytest

from core import wire
from core.errors import RefusalError
from core.events import EventType, Severity
from core.webhooks.deliveries import Delivered, ErrorClass, Status, Trigger
from core.webhooks.drains import Drains, finished_within
from tests.core.webhooks.draining import an_id, drained, publish, published, refused, results
from tests.core.webhooks.factories import a_case_event, a_station, an_attempt, an_endpoint, an_event
from tests.receivers import Behaviour, Receiver, a_receiver, after, answers, in_turn, once_open, silence

pytestmark = pytest.mark.anyio
BUSY = answers("503 Busy")


async def test_a_drain_sends_everything_and_says_so(tmp_path: Path) -> None:
    """One item each, with its status number; nothing is left."""
    async with a_receiver() as receiver, a_station(tmp_path, an_endpoint(receiver.url), sending=False) as station:
        events = await published(station, 5)
        found = await drained(station)
    assert results(found) == {an_id(station, event): "delivered" for event in events}
    assert {(item.http_status, item.attempt, item.error) for item in found.items} == {(200, 1, None)}
    counts = wire.DrainCounts(
        matched=5, attempted=5, delivered=5, failed=0, skipped=0, remaining_due=0, remaining_pending=0
    )
    assert (found.counts, found.running, found.dry_run, found.actor) == (counts, False, False, "tui:anna")
    assert (found.finished_at is not None, found.stop_reason) == (True, None)


async def test_a_failure_is_told_and_costs_nothing(tmp_path: Path) -> None:
    """Class, number and sentence; budget and due time stay."""
    async with a_receiver(BUSY) as receiver, a_station(tmp_path, an_endpoint(receiver.url), sending=False) as station:
        [event] = await published(station, 1)
        before = station.entry(event).delivery
        [item] = (await drained(station)).items
        after_it = station.entry(event).delivery
    assert (item.result, item.error_class, item.http_status, item.error) == ("failed", "http_5xx", 503, "503 Busy")
    assert (after_it.attempts, after_it.auto_attempts) == (1, 0)
    assert item.next_attempt_at == after_it.next_attempt_at == before.next_attempt_at


async def test_only_what_is_due_unless_everything_is_asked_for(tmp_path: Path) -> None:
    """The one that failed a moment ago waits for its time, unless somebody insists."""
    async with a_receiver(BUSY) as receiver, a_station(tmp_path, an_endpoint(receiver.url)) as station:
        await published(station, 1)
        await station.attempted(an_event("evt_0"))
        receiver.behaviour = answers()
        assert (await drained(station)).counts.matched == 0
        assert (await drained(station, only_due=False)).counts.delivered == 1


async def test_a_drain_may_be_for_one_endpoint(tmp_path: Path) -> None:
    """The others are left alone."""
    async with a_receiver() as hq, a_receiver() as store:
        endpoints = an_endpoint(hq.url, "hq"), an_endpoint(store.url, "store")
        async with a_station(tmp_path, *endpoints, sending=False) as station:
            await published(station, 2)
            found = await drained(station, endpoint="store")
    assert (found.counts.delivered, found.counts.remaining_pending) == (2, 2)
    assert (len(hq.received), len(store.received)) == (0, 2)


async def test_a_drain_may_be_for_named_deliveries(tmp_path: Path) -> None:
    """Those and no others."""
    async with a_receiver() as receiver, a_station(tmp_path, an_endpoint(receiver.url), sending=False) as station:
        events = await published(station, 3)
        await drained(station, delivery_ids=(an_id(station, events[1]),))
    assert receiver.event_ids == ["evt_1"]


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ({"event_type": "device.heartbeat"}, ["evt_beat"]),
        ({"case_id": "c"}, ["evt_c_1"]),
        ({"severity": "critical"}, ["evt_c_1"]),
        ({"error_class": "http_5xx"}, ["evt_failed"]),
        ({"error_class": "http_5xx", "severity": "critical"}, []),
    ],
)
async def test_a_drain_may_be_for_what_has_something_in_common(
    tmp_path: Path, question: dict[str, Any], found: list[str]
) -> None:
    """Type, case, severity, or how the last attempt failed; where several are asked for, all of them."""
    async with a_receiver(BUSY) as receiver, a_station(tmp_path, an_endpoint(receiver.url), sending=False) as station:
        await publish(station, an_event("evt_failed"))
        await drained(station)
        receiver.received.clear()
        receiver.behaviour = answers()
        beat = an_event("evt_beat", type=EventType.DEVICE_HEARTBEAT)
        await publish(station, beat, a_case_event("c", 1, severity=Severity.CRITICAL))
        await drained(station, only_due=False, **question)
    assert receiver.event_ids == found


async def test_a_delivery_named_twice_is_sent_once(tmp_path: Path) -> None:
    """Also where it fails."""
    async with a_receiver(BUSY) as receiver, a_station(tmp_path, an_endpoint(receiver.url), sending=False) as station:
        [event] = await published(station, 1)
        found = await drained(station, delivery_ids=(an_id(station, event),) * 3)
    assert (found.counts.matched, len(found.items), len(receiver.received)) == (1, 1, 1)


async def test_a_limit_takes_the_worst(tmp_path: Path) -> None:
    """Where only so many may go."""
    async with a_receiver() as receiver, a_station(tmp_path, an_endpoint(receiver.url), sending=False) as station:
        await published(station, 3)
        await publish(station, an_event("evt_bad", severity=Severity.CRITICAL))
        found = await drained(station, limit=1)
    assert (receiver.event_ids, found.counts.remaining_pending) == (["evt_bad"], 3)


async def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    """It says what would be sent, sends nothing, writes nothing, and is no running drain."""
    async with a_receiver() as receiver, a_station(tmp_path, an_endpoint(receiver.url), sending=False) as station:
        events = await published(station, 2)
        seq = station.queue.seq
        found = await drained(station, dry_run=True)
        assert (station.queue.seq, receiver.received) == (seq, [])
    assert results(found) == {an_id(station, event): "would_attempt" for event in events}
    assert (found.counts.attempted, found.counts.remaining_due) == (0, 2)


async def test_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    """An unknown endpoint, delivery or drain."""
    async with a_receiver() as receiver, a_station(tmp_path, an_endpoint(receiver.url), sending=False) as station:
        assert refused(station.drains, endpoint="nobody") == (404, "endpoint_not_found")
        assert refused(station.drains, delivery_ids=("dlv_0",)) == (404, "retry_not_found")
        with pytest.raises(RefusalError, match="drn_0"):
            station.drains.get("drn_0")


async def test_a_second_drain_is_refused_while_one_runs(tmp_path: Path) -> None:
    """With the id of the one that runs; a dry run may be asked for, and afterwards all is free again."""
    gate = asyncio.Event()
    async with (
        a_receiver(once_open(gate, answers())) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url), sending=False) as station,
    ):
        await published(station, 1)
        job = station.drains.start(wire.Drain(), "tui:anna")
        with pytest.raises(RefusalError, match=job.drain_id) as caught:
            station.drains.start(wire.Drain(), "tui:bert")
        assert (caught.value.status, caught.value.code) == (409, "drain_in_progress")
        assert caught.value.drain_id == job.drain_id
        assert (await drained(station, dry_run=True)).counts.matched == 1
        gate.set()
        assert await finished_within(job, 5.0)
        assert (await drained(station)).counts.matched == 0


async def test_a_long_drain_is_told_as_running_and_goes_on(tmp_path: Path) -> None:
    """The asker leaves after his time budget, and finds the result under its id later."""
    async with (
        a_receiver(in_turn(answers(), after(0.8, answers()))) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url), places=1, sending=False) as station,
    ):
        await published(station, 2)
        job = station.drains.start(wire.Drain(), "tui:anna")
        assert not await finished_within(job, 0.3)
        early = station.drains.result(station.drains.get(job.drain_id))
        assert (early.running, early.finished_at, early.counts.matched, early.counts.delivered) == (True, None, 2, 1)
        assert await finished_within(job, 5.0)
        assert station.drains.result(job).counts.delivered == 2


async def test_a_case_goes_in_order(tmp_path: Path) -> None:
    """Whatever the severities of its events are, and however many places there are."""
    events = [
        a_case_event("c", seq, severity=severity)
        for seq, severity in enumerate((Severity.INFO, Severity.CRITICAL, Severity.WARNING), start=1)
    ]
    async with a_receiver() as receiver, a_station(tmp_path, an_endpoint(receiver.url), sending=False) as station:
        await publish(station, *events)
        found = await drained(station, only_due=False)
    assert receiver.event_ids == ["evt_c_1", "evt_c_2", "evt_c_3"]
    assert [item.delivery_id for item in found.items] == [an_id(station, event) for event in events]


def fails_first_of(receiver: Receiver, event_id: str) -> Behaviour:
    """503 for this one, 200 for all others."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        await (BUSY if receiver.received[-1].event_id == event_id else answers())(writer)

    return behave


async def test_a_failure_holds_up_only_the_rest_of_its_case(tmp_path: Path) -> None:
    """What must come after it is skipped with the reason; every other case goes out."""
    bad, good = [a_case_event("bad", 1), a_case_event("bad", 2)], [a_case_event("good", 1), a_case_event("good", 2)]
    async with (
        a_receiver() as receiver,
        a_station(tmp_path, an_endpoint(receiver.url), places=1, sending=False) as station,
    ):
        receiver.behaviour = fails_first_of(receiver, "evt_bad_1")
        await publish(station, *bad, *good)
        found = await drained(station, only_due=False)
    expected = dict(
        zip((an_id(station, one) for one in bad + good), ["failed", "skipped", *["delivered"] * 2], strict=True)
    )
    assert results(found) == expected
    assert [item.skip_reason for item in found.items if item.result == "skipped"] == ["waits_for_earlier"]
    assert (found.counts.attempted, found.counts.skipped) == (3, 1)


async def test_a_hanging_endpoint_does_not_delay_the_drain_of_another(tmp_path: Path) -> None:
    """More of the dead one than it has places, and the living one is through at once."""
    async with a_receiver(in_turn(answers(), silence)) as dead, a_receiver() as alive:
        endpoints = an_endpoint(dead.url, "dead"), an_endpoint(alive.url, "alive")
        async with a_station(tmp_path, *endpoints, timeout_s=20.0, places=2, sending=False) as station:
            events = await published(station, 6)
            station.drains.start(wire.Drain(), "tui:anna")
            for event in events:
                await station.settled(event, endpoint="alive")
    assert len(dead.received) == 3


async def test_one_in_flight_is_skipped_with_the_reason(tmp_path: Path) -> None:
    """Its own attempt is on its way; there is no second one."""
    async with a_receiver(silence) as receiver, a_station(tmp_path, an_endpoint(receiver.url)) as station:
        await published(station, 1)
        await receiver.got(1)
        [item] = (await drained(station, only_due=False)).items
        assert (item.result, item.skip_reason, len(receiver.received)) == ("skipped", "in_flight", 1)


async def test_one_without_its_endpoint_is_skipped_with_the_reason(tmp_path: Path) -> None:
    """It is pending, and nobody knows where to."""
    async with a_receiver() as receiver:
        async with a_station(tmp_path, an_endpoint(receiver.url, "old"), sending=False) as station:
            await published(station, 1)
        async with a_station(tmp_path, an_endpoint(receiver.url, "new"), sending=False) as station:
            [item] = (await drained(station, only_due=False)).items
    assert (item.result, item.skip_reason, receiver.received) == ("skipped", "endpoint_missing", [])


async def test_one_that_went_by_itself_meanwhile_counts_as_delivered(tmp_path: Path) -> None:
    """The drain came too late, and that is no failure."""
    gate = asyncio.Event()
    async with (
        a_receiver(once_open(gate, answers())) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url), places=1, sending=False) as station,
    ):
        first, second = await published(station, 2)
        job = station.drains.start(wire.Drain(), "tui:anna")
        await receiver.got(1)
        meanwhile = station.queue.claim_one(an_id(station, second), Trigger.AUTO)
        outcome = Delivered(http_status=204)
        station.queue.settle(meanwhile, an_attempt(station.clock, meanwhile, outcome), outcome)
        gate.set()
        assert await finished_within(job, 5.0)
        assert set(results(station.drains.result(job)).values()) == {"delivered"}
        assert station.entry(first).delivery.status is Status.DELIVERED
    assert receiver.event_ids == ["evt_0"]


async def test_a_stop_names_what_was_left_undone(tmp_path: Path) -> None:
    """Skipped for the shutdown, never left out; and what was under way is not charged."""
    async with (
        a_receiver(silence) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url), sending=False) as station,
    ):
        events = await published(station, 3)
        drains = Drains(station.queue, station.dispatcher, station.clock)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(drains.run())
            job = drains.start(wire.Drain(), "tui:anna")
            await receiver.got(1)
            running.cancel()
        found = drains.result(job)
        assert {(item.result, item.skip_reason) for item in found.items} == {("skipped", "shutdown")}
        assert (len(found.items), found.running, found.stop_reason) == (3, False, "shutdown")
        assert {station.entry(event).delivery.attempts for event in events} == {0}


async def test_the_last_twenty_results_can_be_asked_for(tmp_path: Path) -> None:
    """And no more are kept."""
    async with a_receiver() as receiver, a_station(tmp_path, an_endpoint(receiver.url), sending=False) as station:
        jobs = []
        for _ in range(Drains.KEPT + 1):
            jobs.append(station.drains.start(wire.Drain(), "tui:anna"))
            assert await finished_within(jobs[-1], 5.0)
        assert station.drains.get(jobs[1].drain_id) is jobs[1]
        with pytest.raises(RefusalError, match="there is no drain"):
            station.drains.get(jobs[0].drain_id)


async def test_a_preview_promises_nothing_that_is_held(tmp_path: Path) -> None:
    """What is paused or on its way now is named as skipped, with the reason."""
    async with a_receiver(silence) as hq, a_receiver() as store:
        endpoints = an_endpoint(hq.url, "hq"), an_endpoint(store.url, "store")
        async with a_station(tmp_path, *endpoints) as station:
            await station.dispatcher.reception.pause("store", "tui:anna", "moving house")
            await published(station, 2)
            await hq.got(1)
            found = await drained(station, only_due=False, dry_run=True)
    assert sorted((one.endpoint, one.result, one.skip_reason) for one in found.items) == [
        ("hq", "skipped", "in_flight"),
        ("hq", "would_attempt", None),
        ("store", "skipped", "endpoint_paused"),
        ("store", "skipped", "endpoint_paused"),
    ]


def test_a_drain_can_be_asked_for_every_error_class() -> None:
    """The contract lists them by name; none is missing, none is made up."""
    assert set(get_args(wire.ErrorName)) == set(ErrorClass)
