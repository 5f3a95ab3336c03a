"""Stopping a drain, and asking for the same one again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.errors import RefusalError
from core.webhooks.deliveries import Trigger
from core.webhooks.drains import DrainJob, Drains, finished_within
from core.wire import Drain
from tests.core.webhooks.draining import an_id, publish, published, results
from tests.core.webhooks.factories import Station, a_case_event, a_station, an_endpoint
from tests.receivers import Receiver, a_receiver, answers, once_open

pytestmark = pytest.mark.anyio


class Counter:
    """A station with one place, whose receiver answers only once `gate` is set."""

    def __init__(self, station: Station, receiver: Receiver, gate: asyncio.Event):
        self.station, self.receiver, self.gate = station, receiver, gate

    def start(self, key: str | None = None, actor: str = "tui:anna", **question: object) -> DrainJob:
        return self.station.drains.start(Drain(**question), actor, key)  # type: ignore[arg-type]  # passed on

    async def ended(self, job: DrainJob) -> DrainJob:
        self.gate.set()
        assert await finished_within(job, 5.0)
        return job


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    gate = asyncio.Event()
    async with (
        a_receiver(once_open(gate, answers())) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url), places=1, sending=False) as station,
    ):
        yield Counter(station, receiver, gate)


def refusal_of(counter: Counter, key: str | None = None, actor: str = "tui:anna", **question: object) -> str:
    with pytest.raises(RefusalError) as caught:
        counter.start(key, actor, **question)
    assert caught.value.status == 409
    return caught.value.code


async def test_a_stopped_drain_finishes_what_is_in_flight_and_sends_no_more(counter: Counter) -> None:
    """The rest is skipped with the reason, and the result names who stopped it."""
    first, *rest = [a_case_event("c", 1), a_case_event("c", 2), a_case_event("c", 3)]
    await publish(counter.station, first, *rest)
    job = counter.start(only_due=False)
    await counter.receiver.got(1)
    assert counter.station.drains.stop(job.drain_id, "tui:bert") is job
    assert counter.station.drains.result(job).running
    found = counter.station.drains.result(await counter.ended(job))
    left = {an_id(counter.station, event): "skipped" for event in rest}
    assert results(found) == {an_id(counter.station, first): "delivered", **left}
    assert [item.skip_reason for item in found.items] == [None, "stopped", "stopped"]
    assert (found.stopped_by, found.counts.delivered, found.counts.skipped) == ("tui:bert", 1, 2)
    assert (found.counts.remaining_pending, len(counter.receiver.received)) == (2, 1)


async def test_one_that_waits_for_a_place_is_not_sent_after_the_stop(tmp_path: Path) -> None:
    """An automatic attempt holds the only place; what the drain had next goes by itself later."""
    gate = asyncio.Event()
    async with (
        a_receiver(once_open(gate, answers())) as receiver,
        a_station(tmp_path, an_endpoint(receiver.url), places=1) as station,
    ):
        _, second = await published(station, 2)
        await receiver.got(1)
        job = station.drains.start(Drain(), "tui:anna")
        await station.until(lambda: station.entry(second).in_flight is Trigger.DRAIN)
        station.drains.stop(job.drain_id, "tui:anna")
        gate.set()
        assert await finished_within(job, 5.0)
        assert [item.skip_reason for item in station.drains.result(job).items] == ["in_flight", "stopped"]
        entry = await station.settled(second)
    assert [attempt.trigger for attempt in entry.delivery.history] == [Trigger.AUTO]


async def test_the_first_who_stops_it_is_named(counter: Counter) -> None:
    """And a second stop is no mistake."""
    await published(counter.station, 2)
    job = counter.start()
    await counter.receiver.got(1)
    for actor in ("tui:bert", "tui:cleo"):
        counter.station.drains.stop(job.drain_id, actor)
    assert (await counter.ended(job)).stopped_by == "tui:bert"


async def test_a_stop_before_anything_went_out_sends_nothing(counter: Counter) -> None:
    await published(counter.station, 2)
    job = counter.start()
    counter.station.drains.stop(job.drain_id, "tui:anna")
    found = counter.station.drains.result(await counter.ended(job))
    assert (found.counts.skipped, counter.receiver.received) == (2, [])


async def test_what_has_ended_or_never_was_can_not_be_stopped(counter: Counter) -> None:
    job = await counter.ended(counter.start())
    with pytest.raises(RefusalError) as ended:
        counter.station.drains.stop(job.drain_id, "tui:anna")
    with pytest.raises(RefusalError) as unknown:
        counter.station.drains.stop("drn_0", "tui:anna")
    assert (ended.value.status, ended.value.code) == (409, "drain_not_running")
    assert (unknown.value.status, unknown.value.code) == (404, "drain_not_found")
    assert job.stop_reason is None


async def test_the_end_of_the_core_is_named_as_what_stopped_it(counter: Counter) -> None:
    """Also where what was in flight still finished."""
    await published(counter.station, 2)
    job = counter.start()
    await counter.receiver.got(1)
    counter.station.dispatcher.stop()
    found = counter.station.drains.result(await counter.ended(job))
    assert [item.skip_reason for item in found.items] == [None, "shutdown"]
    assert (found.stop_reason, found.stopped_by) == ("shutdown", None)


# -- the same one again ------------------------------------------------------------------------------------------------


async def test_the_same_key_finds_the_same_drain(counter: Counter) -> None:
    """While it runs and afterwards; nothing is sent twice."""
    await published(counter.station, 1)
    job = counter.start("k", limit=5)
    await counter.receiver.got(1)
    assert counter.start("k", limit=5) is job
    await counter.ended(job)
    await published(counter.station, 2)
    assert counter.start("k", limit=5) is job
    assert len(counter.receiver.received) == 1


async def test_a_key_stands_for_one_request(counter: Counter) -> None:
    job = counter.start("k", limit=5)
    assert refusal_of(counter, "k", limit=6) == "idempotency_key_reused"
    await counter.ended(job)
    assert refusal_of(counter, "k", limit=6, dry_run=True) == "idempotency_key_reused"


async def test_without_a_key_or_with_another_it_is_another_drain(counter: Counter) -> None:
    await published(counter.station, 1)
    job = counter.start("k")
    assert [refusal_of(counter), refusal_of(counter, "k2")] == ["drain_in_progress"] * 2
    await counter.ended(job)
    assert len({await counter.ended(counter.start(key)) for key in (None, None, "k2")} | {job}) == 4


async def test_two_callers_may_think_of_the_same_key(counter: Counter) -> None:
    """Neither sees the other's drain."""
    annas = await counter.ended(counter.start("1"))
    berts = await counter.ended(counter.start("1", actor="token:hq", limit=7))
    assert annas is not berts


async def test_a_dry_run_leaves_its_key_free(counter: Counter) -> None:
    """It did nothing, so there is nothing to find again."""
    await published(counter.station, 1)
    counter.start("k", dry_run=True)
    assert (await counter.ended(counter.start("k"))).results["delivered"] == 1


async def test_a_key_is_kept_as_long_as_its_result(counter: Counter) -> None:
    first = await counter.ended(counter.start("k"))
    for _ in range(Drains.KEPT):
        await counter.ended(counter.start())
    assert await counter.ended(counter.start("k")) is not first
