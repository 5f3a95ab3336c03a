"""What failing, paused and gone endpoints do to deliveries: real journal, real sockets, receivers that change their mind."""

import asyncio
import json
from pathlib import Path

import pytest

from core.errors import RefusalError
from core.events import Event, EventType, Severity
from core.settings import Retry
from core.webhooks.deliveries import Failed, Status, Trigger
from core.webhooks.network import NetworkState
from core.webhooks.standings import Hold
from core.wire import Drain
from tests.core.webhooks.factories import Station, a_case_event, a_station, an_endpoint, an_event
from tests.receivers import Receiver, a_receiver, answers, in_turn, silence

pytestmark = pytest.mark.anyio

BUSY, FINE = answers("503 Busy"), answers()
SOON = Retry(first_delay_s=0.1, max_delay_s=0.3)  # probes too come at least that often


def events(count: int) -> list[Event]:
    return [an_event(f"evt_{number}") for number in range(count)]


async def publish(station: Station, *news: Event) -> None:
    for event in news:
        await station.dispatcher.publish(event)


def hold(station: Station, endpoint: str = "hq") -> Hold | None:
    channel = station.dispatcher.channel(endpoint)
    assert channel is not None
    return channel.gate.hold(station.clock.steady())


def triggers(station: Station, event: Event) -> list[Trigger]:
    return [one.trigger for one in station.entry(event).delivery.history]


def types(receiver: Receiver) -> list[str]:
    return [request.document["type"] for request in receiver.received]


def data_of(receiver: Receiver, kind: EventType) -> dict[str, object]:
    [found] = [request.document["data"] for request in receiver.received if request.document["type"] == kind]
    assert isinstance(found, dict)
    return found


async def test_a_broken_receiver_is_probed_and_then_gets_everything(tmp_path: Path) -> None:
    """Ten wait; five attempts show that it is broken; from then on one asks, and costs no budget."""
    async with a_receiver(BUSY) as receiver, a_station(tmp_path, an_endpoint(receiver.url), retry=SOON) as station:
        await publish(station, *events(10))
        await station.until(lambda: hold(station) is Hold.OPEN)
        before = len(receiver.received)
        await receiver.got(before + 2)
        charged = sum(station.entry(event).delivery.auto_attempts for event in events(10))
        assert charged == before == 5
        receiver.behaviour = FINE
        for event in events(10):
            await station.settled(event)
        assert hold(station) is None
    assert Trigger.PROBE in {one for event in events(10) for one in triggers(station, event)}


async def test_a_probe_goes_alone(tmp_path: Path) -> None:
    """While it is on its way nothing else of this endpoint is."""
    behaviour = in_turn(*[BUSY] * 5, silence)
    async with a_receiver(behaviour) as receiver, a_station(tmp_path, an_endpoint(receiver.url), retry=SOON) as station:
        await publish(station, *events(10))
        await receiver.got(6)
        await asyncio.sleep(0.5)
        assert len(receiver.received) == 6


async def test_headquarters_hears_of_a_failing_endpoint_another_way_and_itself_when_it_is_back(tmp_path: Path) -> None:
    """Never of its address."""
    async with a_receiver(BUSY) as sick, a_receiver() as well:
        endpoints = an_endpoint(sick.url, "sick"), an_endpoint(well.url, "well")
        async with a_station(tmp_path, *endpoints, retry=SOON) as station:
            await publish(station, *events(6))
            await station.until(lambda: EventType.ENDPOINT_FAILING in types(well))
            told = data_of(well, EventType.ENDPOINT_FAILING)
            assert (told["endpoint"], told["host"], told["failures"]) == ("sick", "127.0.0.1", 5)
            assert (told["error_class"], told["http_status"]) == ("http_5xx", 503)
            sick.behaviour = FINE
            await station.until(lambda: EventType.ENDPOINT_RECOVERED in types(sick))
            await station.until(lambda: EventType.ENDPOINT_RECOVERED in types(well))
    assert EventType.ENDPOINT_FAILING not in types(sick)
    assert "SECRET" not in json.dumps([request.document for request in well.received])


async def test_who_says_gone_gets_nothing_more_and_loses_nothing(tmp_path: Path) -> None:
    """410 disables the endpoint; its deliveries wait for a person, who may be right that it is there."""
    async with a_receiver(answers("410 Gone")) as receiver, a_receiver() as other:
        endpoints = an_endpoint(receiver.url), an_endpoint(other.url, "other")
        async with a_station(tmp_path, *endpoints, retry=SOON) as station:
            await publish(station, *events(3))
            await station.until(lambda: hold(station) is Hold.DISABLED)
            await station.until(lambda: EventType.ENDPOINT_DISABLED in types(other))
            await asyncio.sleep(0.5)
            assert (len(receiver.received), station.entry(an_event("evt_2")).delivery.status) == (1, Status.PENDING)
            receiver.behaviour = FINE
            await station.dispatcher.reception.resume("hq", "tui:anna")
            for event in events(3):
                await station.settled(event)


async def test_a_paused_endpoint_keeps_everything_over_a_restart(tmp_path: Path) -> None:
    """Who paused it, and why, is on disk; resumed it gets all, in order."""
    both = [a_case_event("c", 1), a_case_event("c", 2)]
    async with a_receiver() as receiver:
        async with a_station(tmp_path, an_endpoint(receiver.url)) as station:
            await station.dispatcher.reception.pause("hq", "tui:anna", "moving house")
            await publish(station, *both)
        async with a_station(tmp_path, an_endpoint(receiver.url)) as station:
            standing = station.queue.standing("hq")
            assert (standing.hold, standing.actor, standing.reason) == (Hold.PAUSED, "tui:anna", "moving house")
            await asyncio.sleep(0.3)
            assert receiver.received == []
            await station.dispatcher.reception.resume("hq", "tui:li")
            for event in both:
                await station.settled(event)
    assert receiver.event_ids == ["evt_c_1", "evt_c_2"]


async def test_nothing_goes_by_hand_to_a_paused_endpoint(tmp_path: Path) -> None:
    """A person said so; a drain leaves it out and says why."""
    async with a_receiver() as receiver, a_station(tmp_path, an_endpoint(receiver.url)) as station:
        await station.dispatcher.reception.pause("hq", "tui:anna", "moving house")
        await publish(station, an_event())
        with pytest.raises(RefusalError) as caught:
            await station.dispatcher.retry(station.entry(an_event()).delivery.delivery_id, "tui:li")
        job = station.drains.start(Drain(only_due=False), "tui:li")
        await job.finished.wait()
        [item] = station.drains.result(job).items
    assert (caught.value.code, item.result, item.skip_reason) == ("endpoint_paused", "skipped", "endpoint_paused")
    assert receiver.received == []


async def test_a_drain_probes_a_broken_endpoint_once_and_sends_the_rest_if_it_answers(tmp_path: Path) -> None:
    """An open breaker does not keep a person from trying, and not from one hundred timeouts either."""
    slow = Retry(first_delay_s=0.05, max_delay_s=600.0)
    async with a_receiver(BUSY) as receiver, a_station(tmp_path, an_endpoint(receiver.url), retry=slow) as station:
        await publish(station, *events(10))
        await station.until(lambda: hold(station) is Hold.OPEN)
        before = len(receiver.received)
        job = station.drains.start(Drain(only_due=False), "tui:anna")
        await job.finished.wait()
        counts = station.drains.result(job).counts
        assert (counts.failed, counts.skipped, len(receiver.received) - before) == (1, 9, 1)
        assert {one.skip_reason for one in station.drains.result(job).items} == {None, "endpoint_open"}
        receiver.behaviour = FINE
        job = station.drains.start(Drain(only_due=False), "tui:anna")
        await job.finished.wait()
        counts = station.drains.result(job).counts
        assert (counts.delivered > 0, counts.failed) == (True, 0)  # some are on their way by themselves again
        for event in events(10):
            await station.settled(event)


async def test_what_the_receiver_asks_for_holds_all_that_waits(tmp_path: Path) -> None:
    """Not the one delivery alone that was told so."""
    busy = answers("429 Slow down", "retry-after: 1")
    async with a_receiver(in_turn(busy, FINE)) as receiver, a_station(tmp_path, an_endpoint(receiver.url)) as station:
        started_s = station.clock.steady()
        await publish(station, *events(3))
        await receiver.got(2)
        assert station.clock.steady() - started_s >= 1.0


async def test_a_limit_is_kept_by_itself_and_by_hand(tmp_path: Path) -> None:
    """Three a minute: the fourth waits, and who insists is told for how long."""
    async with (
        a_receiver() as receiver,
        a_station(tmp_path, an_endpoint(receiver.url, rate_per_min=3)) as station,
    ):
        await publish(station, *events(5))
        await receiver.got(3)
        await asyncio.sleep(0.3)
        waiting = [one for one in station.queue.entries() if one.delivery.status is Status.PENDING]
        assert (len(receiver.received), len(waiting)) == (3, 2)
        with pytest.raises(RefusalError) as caught:
            await station.dispatcher.retry(waiting[0].delivery.delivery_id, "tui:anna")
    assert caught.value.code == "rate_limited"
    async with a_receiver() as receiver, a_station(tmp_path, an_endpoint(receiver.url, rate_per_min=3)) as station:
        await asyncio.sleep(0.3)
        assert receiver.received == []  # a restart earns no further ones


async def test_a_test_goes_past_the_queue_and_opens_the_way(tmp_path: Path) -> None:
    """Also to a paused endpoint: whether it works is what one wants to know before resuming it."""
    async with a_receiver() as receiver, a_station(tmp_path, an_endpoint(receiver.url)) as station:
        await station.dispatcher.reception.pause("hq", "tui:anna", "new address")
        attempt = await station.dispatcher.test("hq", an_event("evt_t", type=EventType.WEBHOOK_TEST))
        assert (attempt.http_status, attempt.error_class, types(receiver)) == (200, None, ["webhook.test"])
        assert (list(station.queue.entries()), hold(station)) == ([], Hold.PAUSED)


async def test_a_refusing_port_is_the_receivers_failure_and_no_lost_network(tmp_path: Path) -> None:
    """Somebody said no: the network is there, the attempt counts."""
    async with a_receiver() as receiver, a_station(tmp_path, an_endpoint(receiver.url), retry=SOON) as station:
        await receiver.stop()
        await publish(station, an_event())
        entry = await station.attempted(an_event(), 2)
        assert (station.dispatcher.reception.network.state, entry.delivery.auto_attempts) == (NetworkState.ONLINE, 2)


async def test_a_drain_stops_where_the_receiver_asks_for_a_while(tmp_path: Path) -> None:
    """One robot that has had too much must not be sent the other nine, however much a person insists."""
    busy = answers("429 Slow down", "retry-after: 600")
    async with (
        a_receiver(busy) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url), sending=False) as station,
    ):
        await publish(station, *events(10))
        job = station.drains.start(Drain(only_due=False), "tui:anna")
        await job.finished.wait()
        found = station.drains.result(job)
    assert (found.counts.failed, found.counts.skipped, len(receiver.received)) == (1, 9, 1)
    assert {one.skip_reason for one in found.items} == {None, "retry_after"}


async def test_an_endpoint_whose_way_alone_is_barred_is_a_failing_one(tmp_path: Path) -> None:
    """Others are reached: the box is not offline, and headquarters hears that this endpoint is not to be had. Nothing is
    charged to its deliveries all the same.
    """
    page = answers("200 OK", "content-type: text/html", body=b"<html>please log in</html>")
    async with a_receiver(page) as barred, a_receiver() as well:
        endpoints = an_endpoint(barred.url, "barred"), an_endpoint(well.url, "well")
        async with a_station(tmp_path, *endpoints, retry=SOON) as station:
            await publish(station, an_event("evt_0"))
            await station.settled(an_event("evt_0"), endpoint="well")
            await publish(station, an_event("evt_1"))
            await station.until(lambda: EventType.ENDPOINT_FAILING in types(well))
            told = data_of(well, EventType.ENDPOINT_FAILING)
            channel = station.dispatcher.channel("barred")
            assert channel is not None
            assert (told["endpoint"], told["error_class"]) == ("barred", "captive_portal")
            assert station.dispatcher.reception.fails(channel)
            assert station.dispatcher.reception.network.state is NetworkState.ONLINE
            assert station.entry(an_event("evt_1"), "barred").delivery.auto_attempts == 0


async def test_a_test_keeps_to_the_limit_too(tmp_path: Path) -> None:
    async with a_receiver() as receiver, a_station(tmp_path, an_endpoint(receiver.url, rate_per_min=1)) as station:
        event = an_event("evt_t", type=EventType.WEBHOOK_TEST)
        await station.dispatcher.test("hq", event)
        with pytest.raises(RefusalError) as caught:
            await station.dispatcher.test("hq", event)
    assert (caught.value.code, len(receiver.received)) == ("rate_limited", 1)


async def test_a_critical_event_brings_the_probe_forward(tmp_path: Path) -> None:
    """It must not wait for as long as the breaker would have it."""
    patient = Retry(first_delay_s=0.05, max_delay_s=600.0)
    async with a_receiver(BUSY) as receiver, a_station(tmp_path, an_endpoint(receiver.url), retry=patient) as station:
        await publish(station, *events(6))
        await station.until(lambda: hold(station) is Hold.OPEN)
        channel = station.dispatcher.channel("hq")
        assert channel is not None
        for _ in range(4):  # as if it had been probed in vain
            now_s = station.clock.steady()
            channel.gate.failed(_failure(station), now_s, now_s, ours=False, probe=True)
        wait_s = channel.gate.wait_s(station.clock.steady())
        await publish(station, an_event("evt_bad", severity=Severity.CRITICAL))
        assert (wait_s > 200, channel.gate.wait_s(station.clock.steady()) <= 30) == (True, True)


def _failure(station: Station) -> Failed:
    channel = station.dispatcher.channel("hq")
    assert channel is not None
    assert channel.last_failure is not None
    return channel.last_failure


async def test_an_endpoint_that_comes_and_goes_is_told_of_once(tmp_path: Path) -> None:
    """Each telling is a delivery too, and may fail as well: of itself it must not breed more."""
    flaps = in_turn(*([*[BUSY] * 5, FINE] * 40))
    async with a_receiver(flaps) as sick, a_receiver() as well:
        endpoints = an_endpoint(sick.url, "sick"), an_endpoint(well.url, "well")
        async with a_station(tmp_path, *endpoints, retry=SOON) as station:
            await publish(station, *events(30))
            await sick.got(60)
            await asyncio.sleep(0.3)
            assert types(well).count(EventType.ENDPOINT_FAILING) == 1
            assert types(well).count(EventType.ENDPOINT_RECOVERED) <= 1
            assert station.queue.known.accounts().accepted <= 2 * 30 + 3
