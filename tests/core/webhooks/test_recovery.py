"""Dead letters of a time queued again: which, in which order, and that it is on disk when it is said."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import RefusalError
from core.events import EventType, Severity
from core.settings import Retry
from core.webhooks import recovery
from core.webhooks.deliveries import Status, delivery_id
from core.wire_endpoints import Discard, Discarded, Recover, Recovered
from tests.core.webhooks.factories import Box, a_box, an_event
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio
START = FakeClock().now()


class Morgue:
    """A queue in which evt_1, evt_2, … were given up, one a minute; notes which endpoints were woken."""

    def __init__(self, box: Box):
        self.box, self.woken = box, list[str]()

    async def bury(self, *names: str, **event: Any) -> None:
        for name in names:
            self.box.clock.advance(60)
            await self.box.accept(an_event(name, **event))
            self.box.fail_until_dead()

    async def recover(self, since: int = 0, until: int | None = None, actor: str = "li", **more: Any) -> Recovered:
        """From minute `since` to minute `until`."""
        known = {"hq": SimpleNamespace()}
        dispatcher: Any = SimpleNamespace(channel=known.get, wake=self.woken.append)
        end = None if until is None else START + timedelta(minutes=until)
        request = Recover(since=START + timedelta(minutes=since), until=end, **more)
        return await recovery.recover(self.box.queue, dispatcher, request, actor)

    def events(self, answer: Recovered) -> list[str]:
        return [self.box.queue.get(one).delivery.event_id for one in answer.delivery_ids]

    def pending(self) -> set[str]:
        return {one.event_id for one in self.box.known().values() if one.status is Status.PENDING}


@pytest.fixture
def morgue(tmp_path: Path) -> Iterator[Morgue]:
    with a_box(tmp_path, policy=Retry(max_attempts=1)) as box:
        yield Morgue(box)


async def test_what_was_given_up_waits_again_with_a_fresh_budget(morgue: Morgue) -> None:
    """Under the same event id, by whom is written down, and its endpoint is woken."""
    await morgue.bury("evt_1", "evt_2")
    answer = await morgue.recover()
    assert (morgue.events(answer), answer.matched, answer.dry_run) == (["evt_1", "evt_2"], 2, False)
    for one in morgue.box.known().values():
        assert (one.status, one.auto_attempts, one.dead_letter_reason, one.actor) == (Status.PENDING, 0, None, "li")
    assert morgue.woken == ["hq"]
    assert morgue.box.order() == ["evt_1", "evt_2"]


async def test_the_oldest_is_what_was_given_up_first(morgue: Morgue) -> None:
    """Whichever came in first."""
    await morgue.box.accept(an_event("evt_1"), an_event("evt_2", severity=Severity.CRITICAL))
    for _ in range(2):
        morgue.box.clock.advance(60)
        morgue.box.fail_until_dead()
    assert morgue.events(await morgue.recover()) == ["evt_2", "evt_1"]


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        (0, None, ["evt_1", "evt_2", "evt_3"]),
        (2, None, ["evt_2", "evt_3"]),
        (0, 3, ["evt_1", "evt_2"]),
        (2, 3, ["evt_2"]),
        (4, None, []),
    ],
)
async def test_the_time_has_its_beginning_and_not_its_end(
    morgue: Morgue, since: int, until: int | None, found: list[str]
) -> None:
    await morgue.bury("evt_1", "evt_2", "evt_3")
    assert morgue.events(await morgue.recover(since, until)) == found
    assert morgue.pending() == set(found)


async def test_the_time_is_that_of_giving_up_not_of_the_event(morgue: Morgue) -> None:
    await morgue.bury("evt_new")
    await morgue.box.accept(an_event("evt_old", at=START - timedelta(days=9)))
    morgue.box.fail_until_dead()
    assert set(morgue.events(await morgue.recover())) == {"evt_new", "evt_old"}


async def test_a_limit_takes_the_oldest_and_says_how_many_there_are(morgue: Morgue) -> None:
    await morgue.bury("evt_2", "evt_3", "evt_1")
    answer = await morgue.recover(limit=2)
    assert (morgue.events(answer), answer.matched) == (["evt_2", "evt_3"], 3)


async def test_only_of_one_endpoint_or_event_type(morgue: Morgue) -> None:
    await morgue.bury("evt_1")
    await morgue.bury("evt_2", type=EventType.DEVICE_HEARTBEAT)
    assert morgue.events(await morgue.recover(event_type="device.heartbeat", endpoint="hq")) == ["evt_2"]


async def test_a_dry_run_only_says_what_would_be(morgue: Morgue) -> None:
    await morgue.bury("evt_1", "evt_2")
    seq = morgue.box.queue.seq
    answer = await morgue.recover(dry_run=True)
    assert (morgue.events(answer), answer.dry_run) == (["evt_1", "evt_2"], True)
    assert (morgue.box.queue.seq, morgue.pending(), morgue.woken) == (seq, set(), [])


async def test_what_waits_or_was_cancelled_is_left_alone(morgue: Morgue) -> None:
    await morgue.bury("evt_1")
    morgue.box.queue.cancel(next(iter(morgue.box.known())), "li")
    await morgue.box.accept(an_event("evt_2"))
    assert (await morgue.recover()).matched == 0


async def test_when_it_is_said_it_is_on_disk(morgue: Morgue) -> None:
    """A kill right after the answer takes none of it back."""
    names = [f"evt_{number}" for number in range(250)]
    await morgue.bury(*names)
    await morgue.recover()
    morgue.box.kill()
    assert morgue.pending() == set(names)


async def test_one_that_somebody_else_took_meanwhile_is_left_out(
    morgue: Morgue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others have their turn between two parts of a long recovery."""
    monkeypatch.setattr(recovery, "AT_ONCE", 1)
    await morgue.bury("evt_1", "evt_2")
    second = next(one.delivery_id for one in morgue.box.known().values() if one.event_id == "evt_2")

    async def cancel() -> None:
        morgue.box.queue.cancel(second, "bert")

    async with asyncio.TaskGroup() as group:
        recovering = group.create_task(morgue.recover())
        group.create_task(cancel())
    assert morgue.events(recovering.result()) == ["evt_1"]
    assert morgue.box.known()[second].status is Status.CANCELLED


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"endpoint": "nobody"}, (404, "endpoint_not_found")),
        ({"since": 3, "until": 3}, (409, "since_after_until")),
        ({"since": 3, "until": 2}, (409, "since_after_until")),
    ],
)
async def test_what_makes_no_sense_is_refused(morgue: Morgue, asked: dict[str, Any], refusal: tuple[int, str]) -> None:
    await morgue.bury("evt_1")
    with pytest.raises(RefusalError) as caught:
        await morgue.recover(**asked)
    assert (caught.value.status, caught.value.code) == refusal


# -- by their ids ------------------------------------------------------------------------------------------------------


def ids_of(*names: str) -> tuple[str, ...]:
    return tuple(delivery_id(name, "hq") for name in names)


async def recovered(morgue: Morgue, **asked: Any) -> Recovered:
    dispatcher: Any = SimpleNamespace(channel={"hq": SimpleNamespace()}.get, wake=morgue.woken.append)
    return await recovery.recover(morgue.box.queue, dispatcher, Recover(**asked), "li")


async def discarded(morgue: Morgue, *names: str, **more: Any) -> Discarded:
    dispatcher: Any = SimpleNamespace(wake=morgue.woken.append)
    request = Discard(delivery_ids=ids_of(*names), by="li", reason="no longer wanted", **more)
    return await recovery.discard(morgue.box.queue, dispatcher, request, "li")


async def test_those_that_are_named_wait_again_the_others_stay_dead(morgue: Morgue) -> None:
    """Each once, the oldest first; what is no dead letter or unknown is left out."""
    await morgue.bury("evt_1", "evt_2", "evt_3")
    await morgue.box.accept(an_event("evt_4"))
    answer = await recovered(morgue, delivery_ids=ids_of("evt_3", "evt_1", "evt_3", "evt_4", "evt_9"))
    assert (morgue.events(answer), answer.matched) == (["evt_1", "evt_3"], 2)
    assert morgue.pending() == {"evt_1", "evt_3", "evt_4"}


async def test_named_ones_may_be_of_a_time_too(morgue: Morgue) -> None:
    await morgue.bury("evt_1", "evt_2")
    answer = await recovered(morgue, delivery_ids=ids_of("evt_1", "evt_2"), since=START + timedelta(minutes=2))
    assert morgue.events(answer) == ["evt_2"]


async def test_a_recovery_of_everything_must_be_asked_for_by_a_time(morgue: Morgue) -> None:
    await morgue.bury("evt_1")
    with pytest.raises(RefusalError) as refused:
        await recovered(morgue)
    assert (refused.value.status, refused.value.code) == (409, "recovery_unbounded")
    assert morgue.pending() == set()


async def test_what_is_discarded_has_ended_and_what_is_on_its_way_is_left(morgue: Morgue) -> None:
    """Dead or waiting, each once; counted is what is being sent, and what is gone."""
    await morgue.bury("evt_1")
    await morgue.box.accept(an_event("evt_2"), an_event("evt_3"), an_event("evt_4"))
    assert morgue.box.queue.claim("hq") is morgue.box.queue.get(ids_of("evt_2")[0])
    morgue.box.queue.cancel(ids_of("evt_4")[0], "li")
    answer = await discarded(morgue, "evt_1", "evt_2", "evt_3", "evt_1", "evt_4", "evt_9")
    assert (answer.matched, answer.in_flight, answer.gone) == (3, 1, 2)
    assert answer.delivery_ids == ids_of("evt_1", "evt_3")
    states = [morgue.box.queue.get(one).delivery for one in answer.delivery_ids]
    assert {(one.status, one.actor) for one in states} == {(Status.CANCELLED, "li")}
    assert morgue.box.on_disk(morgue.box.queue.get(answer.delivery_ids[-1])).status is Status.CANCELLED
    assert morgue.woken == ["hq"]


async def test_only_those_are_discarded_that_still_are_what_somebody_saw(morgue: Morgue) -> None:
    await morgue.bury("evt_1", "evt_2")
    await recovered(morgue, delivery_ids=ids_of("evt_2"))
    answer = await discarded(morgue, "evt_1", "evt_2", status="dead_letter")
    assert (answer.delivery_ids, answer.gone, morgue.pending()) == (ids_of("evt_1"), 1, {"evt_2"})


async def test_others_have_their_turn_while_very_many_are_discarded(morgue: Morgue) -> None:
    names = [f"evt_{number}" for number in range(3 * recovery.AT_ONCE)]
    await morgue.box.accept(*map(an_event, names))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += morgue.box.queue.index.count(Status.PENDING) not in {0, len(names)}

    beside = asyncio.ensure_future(others())
    await discarded(morgue, *names)
    beside.cancel()
    assert turns
