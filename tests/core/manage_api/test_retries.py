"""The list of retries: pages that lose nothing, and asking only for what changed."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core import wire
from core.errors import RefusalError
from core.manage_api.retries import RetryHandlers, RetryQuery
from core.manage_api.table import Actor, Call, Nothing, Scope
from core.webhooks.deliveries import Status
from tests.core.webhooks.factories import BODY, a_box, an_event

pytestmark = pytest.mark.anyio


class Desk:
    """The handlers over a real queue; no endpoint is reachable, so nothing moves by itself."""

    def __init__(self, box: Any):
        self.box = box
        dispatcher = SimpleNamespace(channel=lambda _: None)
        self._on = RetryHandlers(SimpleNamespace(queue=box.queue, clock=box.clock, dispatcher=dispatcher))  # type: ignore[arg-type]

    async def accept(self, *numbers: int) -> None:
        for number in numbers:
            self.box.clock.advance(1)
            await self.box.queue.durable(self.box.queue.accept(an_event(f"evt_{number}"), ["hq"], BODY))

    async def ask(self, **query: Any) -> wire.Retries:
        actor = Actor(name="hq", scope=Scope.READ)
        answer = await self._on.list(Call(actor=actor, path={}, query=RetryQuery(**query), body=Nothing()))
        assert isinstance(answer, wire.Retries)
        return answer


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_box(tmp_path) as box:
        yield Desk(box)


def ids(answer: wire.Retries) -> list[str]:
    return [item.event_id for item in answer.items]


async def test_pages_give_each_item_once_in_order(desk: Desk) -> None:
    await desk.accept(1, 2, 3, 4, 5)
    first = await desk.ask(limit=2)
    second = await desk.ask(limit=2, cursor=first.next)
    third = await desk.ask(limit=2, cursor=second.next)
    assert ids(first) + ids(second) + ids(third) == [f"evt_{n}" for n in range(1, 6)]
    assert third.next is None


async def test_what_changed_between_two_pages_comes_with_the_next_question(desk: Desk) -> None:
    """Headquarters asks from the last page's number: an item of page one that left meanwhile must be in the answer."""
    await desk.accept(1, 2, 3)
    first = await desk.ask(limit=2)
    desk.box.queue.cancel(first.items[0].delivery_id, "li")
    last = await desk.ask(limit=2, cursor=first.next)
    after = await desk.ask(since_seq=last.seq, epoch=last.epoch)
    assert [(item.event_id, item.status) for item in after.items] == [("evt_1", Status.CANCELLED)]
    assert not after.full


async def test_nothing_new_is_an_empty_answer(desk: Desk) -> None:
    await desk.accept(1)
    known = await desk.ask()
    assert ids(await desk.ask(since_seq=known.seq, epoch=known.epoch)) == []


async def test_what_is_being_sent_is_named_though_it_did_not_change(desk: Desk) -> None:
    """Setting out is no change of a delivery, so whoever asks only for changes still learns of it."""
    await desk.accept(1)
    known = await desk.ask()
    claimed = desk.box.queue.claim("hq")
    after = await desk.ask(since_seq=known.seq, epoch=known.epoch)
    assert ids(after) == []
    assert after.sending == (claimed.delivery.delivery_id,)


async def test_changes_come_page_by_page_in_the_order_of_their_numbers(desk: Desk) -> None:
    known = await desk.ask()
    await desk.accept(1, 2, 3)
    first = await desk.ask(since_seq=known.seq, epoch=known.epoch, limit=2)
    second = await desk.ask(cursor=first.next, limit=2)
    assert ids(first) + ids(second) == ["evt_1", "evt_2", "evt_3"]
    assert (first.full, second.full, second.next) == (False, False, None)


@pytest.mark.parametrize("asked", [{"since_seq": 1, "epoch": "0ther"}, {"cursor": "abc123.1"}, {"since_seq": 10**6}])
async def test_another_epoch_or_an_unknown_number_answers_the_whole_list(desk: Desk, asked: dict[str, Any]) -> None:
    await desk.accept(1, 2)
    if "epoch" not in asked and "cursor" not in asked:
        asked = {**asked, "epoch": (await desk.ask()).epoch}
    answer = await desk.ask(**asked)
    assert answer.full
    assert ids(answer) == ["evt_1", "evt_2"]


async def test_a_page_of_another_epochs_list_is_an_unknown_cursor(desk: Desk) -> None:
    with pytest.raises(RefusalError) as refusal:
        await desk.ask(cursor="abc123.1.5.dlv_1")
    assert (refusal.value.status, refusal.value.code) == (404, "unknown_cursor")


async def test_status_does_not_go_with_changes(desk: Desk) -> None:
    """What left must be seen, so a filter that would hide it is refused."""
    with pytest.raises(RefusalError) as refusal:
        await desk.ask(since_seq=0, epoch="x", status=(Status.DEAD_LETTER,))
    assert (refusal.value.status, refusal.value.code) == (409, "filter_not_with_since_seq")
