"""The whole way out: real journal, real sockets, receivers that fail, hang and come back."""

import asyncio
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.errors import RefusalError
from core.events import Severity
from core.settings import Retry, Secret
from core.webhooks.deliveries import Status, Trigger
from core.wire import Drain
from tests.core.webhooks.factories import (
    QUICK,
    SECRET,
    Station,
    a_case_event,
    a_heartbeat,
    a_station,
    an_endpoint,
    an_event,
)
from tests.receivers import a_receiver, after, answers, in_turn, once_open, silence

pytestmark = pytest.mark.anyio


async def test_what_is_published_is_delivered(tmp_path: Path) -> None:
    """At once, with the device that speaks and the data of the event."""
    async with a_receiver() as receiver, a_station(tmp_path, an_endpoint(receiver.url)) as station:
        await station.dispatcher.publish(an_event())
        entry = await station.settled(an_event())
    [request] = receiver.received
    assert (request.event_id, entry.delivery.attempts) == ("evt_1", 1)
    assert request.document["type"] == "case.opened"
    assert request.document["timestamp"] == "2026-11-23T08:00:00.000Z"
    assert (request.document["device"]["site"], request.document["data"]) == ("store-0042", {"value": 9.4})


async def test_publish_returns_when_the_delivery_is_on_disk(tmp_path: Path) -> None:
    """Whether anybody answers or not."""
    async with a_receiver(silence) as receiver, a_station(tmp_path, an_endpoint(receiver.url)) as station:
        await station.dispatcher.publish(an_event())
        assert b'"status":"pending"' in (tmp_path / "retries.jsonl").read_bytes()


async def test_an_event_goes_only_where_it_is_wanted(tmp_path: Path) -> None:
    """`events` are patterns."""
    async with a_receiver() as cases, a_receiver() as beats:
        wants_cases = an_endpoint(cases.url, "cases", events=("case.*",))
        wants_beats = an_endpoint(beats.url, "beats", events=("device.heartbeat",))
        async with a_station(tmp_path, wants_cases, wants_beats) as station:
            await station.dispatcher.publish(an_event())
            await station.dispatcher.publish(a_heartbeat("evt_h"))
            await station.settled(an_event(), endpoint="cases")
            await station.settled(a_heartbeat("evt_h"), endpoint="beats")
    assert (cases.event_ids, beats.event_ids) == (["evt_1"], ["evt_h"])


async def test_publishing_again_sends_nothing_twice(tmp_path: Path) -> None:
    """Before, during and after the delivery."""
    async with a_receiver(after(0.1, answers())) as receiver, a_station(tmp_path, an_endpoint(receiver.url)) as station:
        await asyncio.gather(station.dispatcher.publish(an_event()), station.dispatcher.publish(an_event()))
        await station.settled(an_event())
        await station.dispatcher.publish(an_event())
        await station.dispatcher.publish(an_event("evt_2"))
        await station.settled(an_event("evt_2"))
    assert receiver.event_ids == ["evt_1", "evt_2"]


async def test_a_receiver_that_comes_back_gets_what_it_missed(tmp_path: Path) -> None:
    """By itself, in order, with one id over all attempts."""
    events = [a_case_event("c", 1), a_case_event("c", 2)]
    async with a_receiver() as receiver, a_station(tmp_path, an_endpoint(receiver.url), retry=QUICK) as station:
        await receiver.stop()
        for event in events:
            await station.dispatcher.publish(event)
        entry = await station.attempted(events[0], 2)
        assert (entry.delivery.status, receiver.received) == (Status.PENDING, [])
        await receiver.start()
        for event in events:
            await station.settled(event)
    assert receiver.event_ids == ["evt_c_1", "evt_c_2"]


async def test_attempts_are_numbered_on_the_wire(tmp_path: Path) -> None:
    """A receiver can tell a repetition from the first try."""
    busy = answers("503 Busy")
    async with (
        a_receiver(in_turn(busy, busy, answers())) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url), retry=QUICK) as station,
    ):
        await station.dispatcher.publish(an_event())
        await station.settled(an_event())
    assert [request.header("x-cdg-attempt") for request in receiver.received] == ["1", "2", "3"]
    assert len({request.body for request in receiver.received}) == 1


async def test_what_comes_late_says_how_late(tmp_path: Path) -> None:
    """An alarm of an hour ago must not pass for one of now."""
    later = Retry(first_delay_s=2.2, max_delay_s=2.2)
    async with (
        a_receiver(in_turn(answers("503 Busy"), answers())) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url), retry=later) as station,
    ):
        await station.dispatcher.publish(an_event())
        await station.settled(an_event())
    first, second = (request.header("x-cdg-delayed") for request in receiver.received)
    assert (first, second in {"1", "2"}) == (None, True)


async def test_a_restart_delivers_what_was_left(tmp_path: Path) -> None:
    """The outbox, end to end."""
    async with a_receiver(answers("503 Busy")) as receiver:
        async with a_station(tmp_path, an_endpoint(receiver.url)) as station:
            await station.dispatcher.publish(an_event())
            await station.attempted(an_event())
        receiver.behaviour = answers()
        async with a_station(tmp_path, an_endpoint(receiver.url), sending=False) as station:
            await station.dispatcher.retry(station.entry(an_event()).delivery.delivery_id, "tui:anna")
            assert station.entry(an_event()).delivery.status is Status.DELIVERED
    assert receiver.event_ids == ["evt_1", "evt_1"]


async def test_an_endpoint_that_hangs_delays_neither_another_nor_the_caller(tmp_path: Path) -> None:
    """Even with all of its places taken, as many as it was given after its first answer."""
    clock = SystemClock()
    async with a_receiver(in_turn(answers(), silence)) as dead, a_receiver() as alive:
        endpoints = an_endpoint(dead.url, "dead"), an_endpoint(alive.url, "alive")
        async with a_station(tmp_path, *endpoints, timeout_s=20.0, places=2) as station:
            started_s = clock.steady()
            for number in range(10):
                await station.dispatcher.publish(an_event(f"evt_{number}"))
            for number in range(10):
                await station.settled(an_event(f"evt_{number}"), endpoint="alive")
            assert clock.steady() - started_s < 5.0
            assert len(dead.received) == 3


async def test_a_broken_address_stops_no_other_endpoint(tmp_path: Path) -> None:
    """A mistake in one line of the configuration must not silence the whole box."""
    async with a_receiver() as alive:
        endpoints = an_endpoint("http://\x7f/", "broken"), an_endpoint(alive.url, "alive")
        async with a_station(tmp_path, *endpoints, retry=QUICK) as station:
            await station.dispatcher.publish(an_event())
            await station.attempted(an_event(), 3, endpoint="broken")
            await station.settled(an_event(), endpoint="alive")


async def test_the_places_of_an_endpoint_are_all_used_and_no_more(tmp_path: Path) -> None:
    """One at first, then two, then `concurrency` in flight at once."""
    behaviour = in_turn(*[answers()] * 3, silence)
    async with a_receiver(behaviour) as receiver, a_station(tmp_path, an_endpoint(receiver.url), places=3) as station:
        for number in range(9):
            await station.dispatcher.publish(an_event(f"evt_{number}"))
        await receiver.got(6)
        await asyncio.sleep(0.3)
        assert len(receiver.received) == 6


async def test_the_worst_goes_first_where_places_are_short(tmp_path: Path) -> None:
    """A critical case waits behind no warning of another cabinet."""
    gate = asyncio.Event()
    async with (
        a_receiver(once_open(gate, answers())) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url), places=1) as station,
    ):
        await station.dispatcher.publish(an_event("evt_first"))
        await receiver.got(1)
        for name, severity in (("info", Severity.INFO), ("warning", Severity.WARNING), ("critical", Severity.CRITICAL)):
            await station.dispatcher.publish(an_event(f"evt_{name}", severity=severity))
        gate.set()
        await receiver.got(4)
    assert receiver.event_ids == ["evt_first", "evt_critical", "evt_warning", "evt_info"]


async def test_one_delivery_is_never_sent_twice_at_once(tmp_path: Path) -> None:
    """Its schedule, two people and a drain at the same time."""
    events = [a_case_event(f"c{number % 3}", number) for number in range(1, 7)]
    async with (
        a_receiver(after(0.05, answers("503 Busy"))) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url), retry=QUICK) as station,
    ):
        for event in events:
            await station.dispatcher.publish(event)
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(_impatient(station, [station.entry(event).delivery.delivery_id for event in events]))
            for _ in range(3):
                job = station.drains.start(Drain(only_due=False), "tui:anna")
                await job.finished.wait()
    assert len(receiver.received) >= 10
    assert max(receiver.most_at_once.values()) == 1


async def _impatient(station: Station, ids: list[str]) -> None:
    for item_id in ids * 5:
        try:
            await station.dispatcher.retry(item_id, "tui:anna")
        except RefusalError:
            await asyncio.sleep(0.01)


async def test_cancelling_a_follower_sends_the_head_only_once(tmp_path: Path) -> None:
    """The same delivery is not handed out again while it is on its way."""
    gate = asyncio.Event()
    async with (
        a_receiver(once_open(gate, answers())) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url)) as station,
    ):
        first, second = a_case_event("c", 1), a_case_event("c", 2)
        await station.dispatcher.publish(first)
        await station.dispatcher.publish(second)
        await receiver.got(1)
        station.queue.cancel(station.entry(second).delivery.delivery_id, "tui:anna")
        station.dispatcher.wake("hq")
        await asyncio.sleep(0.2)
        gate.set()
        await station.settled(first)
    assert receiver.event_ids == ["evt_c_1"]


async def test_a_retry_by_hand_is_recorded_with_its_actor(tmp_path: Path) -> None:
    """Who, how, and that it counts nothing off the budget."""
    async with (
        a_receiver(answers("503 Busy")) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url), sending=False) as station,
    ):
        await station.dispatcher.publish(an_event())
        entry = await station.dispatcher.retry(station.entry(an_event()).delivery.delivery_id, "tui:anna")
        last = entry.delivery.last_attempt
        assert last is not None
        assert (last.trigger, last.actor, last.http_status) == (Trigger.MANUAL, "tui:anna", 503)
        assert (entry.delivery.attempts, entry.delivery.auto_attempts) == (1, 0)


async def test_a_heartbeat_replaces_the_one_that_waits(tmp_path: Path) -> None:
    """Old news of this kind is no news."""
    async with (
        a_receiver(answers("503 Busy")) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url)) as station,
    ):
        await station.dispatcher.publish(a_heartbeat("evt_h1"))
        await station.attempted(a_heartbeat("evt_h1"))
        await station.dispatcher.publish(a_heartbeat("evt_h2"))
        assert station.entry(a_heartbeat("evt_h1")).delivery.status is Status.CANCELLED
        await station.attempted(a_heartbeat("evt_h2"))


async def test_no_secret_reaches_the_journal(tmp_path: Path) -> None:
    """Neither the token in the URL nor a header's value nor the signing secret."""
    async with a_receiver(answers("401 Who are you")) as receiver:
        endpoint = an_endpoint(
            receiver.url, secret=Secret(SECRET), headers={"Authorization": Secret("Bearer hdr-SECRET")}
        )
        async with a_station(tmp_path, endpoint) as station:
            await station.dispatcher.publish(an_event())
            await station.attempted(an_event())
    written = (tmp_path / "retries.jsonl").read_bytes()
    assert b"401 Who are you" in written
    assert b"SECRET" not in written
    assert SECRET[6:].encode() not in written
