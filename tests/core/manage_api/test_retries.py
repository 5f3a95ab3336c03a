"""The list of retries: filters, pages that lose nothing, asking only for what changed, and hearing that nothing did."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from core import wire
from core.errors import RefusalError
from core.events import EventType, Severity
from core.manage_api.retry_list import RetryList, RetryQuery
from core.manage_api.retry_tag import RetryConditions
from core.manage_api.table import Actor, Call, Nothing, Reply, Scope
from core.settings import Retry, Webhooks
from core.webhooks.channels import Channel
from core.webhooks.deliveries import ErrorClass, Status, Trigger
from core.webhooks.dispatcher import Dispatcher
from core.webhooks.drains import Drains
from core.webhooks.escalation import Escalation
from core.webhooks.gate import Gate
from tests.core.webhooks.factories import BODY, DOWN, a_box, a_stamp, an_endpoint, an_event

pytestmark = pytest.mark.anyio


class Desk:
    """The handlers over a real queue; no endpoint is reachable, so nothing moves by itself."""

    def __init__(self, box: Any):
        self.box = box
        hq = an_endpoint("http://hq.example/")
        loaded = SimpleNamespace(settings=SimpleNamespace(webhooks=SimpleNamespace(endpoints=(hq,))))
        parts: Any = SimpleNamespace(queue=box.queue, clock=box.clock, loaded=loaded)
        self._parts, self._on = parts, RetryList(parts)
        self.configure()

    def configure(self, *endpoints: str) -> None:
        """These are in the configuration; nothing is sent to them."""
        none: Any = None
        channels = [
            Channel(an_endpoint("http://hq.example/", name), none, Gate(4, 900.0, None, self.box.clock.steady()), 4)
            for name in endpoints
        ]
        self._parts.dispatcher = Dispatcher(self.box.queue, channels, a_stamp, self.box.clock)
        self._parts.drains = Drains(self.box.queue, self._parts.dispatcher, self.box.clock)
        self._parts.escalation = Escalation(self.box.queue, self._parts.dispatcher, Webhooks(), self.box.clock)

    async def accept(self, *numbers: int, **event: Any) -> None:
        for number in numbers:
            self.box.clock.advance(1)
            await self.box.queue.durable(self.box.queue.accept(an_event(f"evt_{number}", **event), ["hq"], BODY))

    async def reply(self, known: str | None = None, **query: Any) -> Reply:
        actor, conditions = Actor(name="hq", scope=Scope.READ), RetryConditions(if_none_match=known)
        call = Call(actor=actor, path={}, query=RetryQuery(**query), body=Nothing(), headers=conditions)
        return await self._on.list(call)

    async def ask(self, **query: Any) -> wire.Retries:
        answer = (await self.reply(**query)).content
        assert isinstance(answer, wire.Retries)
        return answer

    async def tag(self, **query: Any) -> str:
        return (await self.reply(**query)).headers["etag"]


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


@pytest.mark.parametrize(
    "hiding",
    [{"status": (Status.DEAD_LETTER,)}, {"due": False}, {"error_class": ErrorClass.CONNECT}, {"q": "refused"}],
)
async def test_what_a_change_can_take_away_does_not_go_with_changes(desk: Desk, hiding: dict[str, Any]) -> None:
    """What left must be seen, so a filter that would hide it is refused."""
    with pytest.raises(RefusalError) as refusal:
        await desk.ask(since_seq=0, epoch="x", **hiding)
    assert (refusal.value.status, refusal.value.code) == (409, "filter_not_with_since_seq")


async def test_a_cursor_of_no_time_at_all_is_unknown(desk: Desk) -> None:
    with pytest.raises(RefusalError) as refusal:
        await desk.ask(cursor=f"abc123.1.{10**16}.dlv_1")
    assert refusal.value.code == "unknown_cursor"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"severity": "critical"}, ["evt_2"]),
        ({"case_id": "case_b"}, ["evt_3"]),
        ({"event_type": "device.heartbeat"}, ["evt_3"]),
        ({"endpoint": "store"}, []),
        ({"error_class": ErrorClass.CONNECT}, ["evt_1"]),
        ({"error_class": ErrorClass.TLS}, []),
        ({"due": False}, ["evt_1"]),
    ],
)
async def test_each_filter_leaves_only_what_fits(desk: Desk, asked: dict[str, Any], found: list[str]) -> None:
    await desk.accept(1)
    desk.box.attempt(DOWN)
    await desk.accept(2, severity=Severity.CRITICAL)
    await desk.accept(3, case_id="case_b", type=EventType.DEVICE_HEARTBEAT)
    assert ids(await desk.ask(**asked)) == found


async def test_a_range_of_creation_has_its_beginning_and_not_its_end(desk: Desk) -> None:
    await desk.accept(1, 2, 3)
    _, second, third = (item.created_at for item in (await desk.ask()).items)
    assert ids(await desk.ask(created_after=second)) == ["evt_2", "evt_3"]
    assert ids(await desk.ask(created_before=third)) == ["evt_1", "evt_2"]
    assert ids(await desk.ask(created_after=second, created_before=third)) == ["evt_2"]


@pytest.mark.parametrize("text", ["EVT_1", "case_Ä", "CASE_ä", "kühl", "Case.Opened", "REFUSED"])
async def test_text_is_found_in_what_names_a_delivery_and_in_its_last_error(desk: Desk, text: str) -> None:
    """Whatever its case."""
    await desk.accept(1, case_id="case_Ä", cabinet="Kühl 1")
    await desk.accept(2, type=EventType.DEVICE_HEARTBEAT)
    desk.box.attempt(DOWN)
    assert ids(await desk.ask(q=text)) == ["evt_1"]


async def test_a_piece_of_its_id_finds_a_delivery(desk: Desk) -> None:
    await desk.accept(1, 2)
    first = (await desk.ask()).items[0]
    assert ids(await desk.ask(q=first.delivery_id[4:].upper())) == ["evt_1"]


async def test_a_clipped_answer_says_that_there_was_more(desk: Desk) -> None:
    await desk.accept(1)
    desk.box.by_hand((await desk.ask()).items[0].delivery_id, DOWN)
    entry = next(desk.box.queue.entries())
    entry.delivery = structs.replace(
        entry.delivery, history=(structs.replace(entry.delivery.history[0], truncated=True),)
    )
    [item] = (await desk.ask()).items
    assert item.last_attempt is not None
    assert item.last_attempt.response_truncated


async def test_the_summary_counts_what_waits_and_how_long(desk: Desk) -> None:
    """The oldest critical one by the time of day."""
    await desk.accept(1, 2)
    await desk.accept(3, 4, severity=Severity.CRITICAL)
    desk.box.clock.advance(60)
    desk.box.queue.claim("hq")
    summary = (await desk.ask()).summary
    assert (summary.pending, summary.due, summary.in_flight, summary.dead_letter) == (4, 3, 1, 0)
    assert (summary.by_endpoint, summary.oldest_pending_age_s, summary.oldest_critical_s) == ({"hq": 4}, 63.0, 61.0)


async def test_what_went_to_the_archive_is_no_dead_letter_of_the_queue(tmp_path: Path) -> None:
    with a_box(tmp_path, policy=Retry(max_attempts=1)) as box:
        desk = Desk(box)
        await desk.accept(1, 2)
        for _ in range(2):
            dead = box.fail_until_dead()
        box.queue.archived(dead)
        summary = (await desk.ask()).summary
    assert (summary.dead_letter, summary.accounts.dead_letter, summary.accounts.archived) == (1, 2, 1)


async def test_where_nothing_critical_waits_there_is_no_oldest(desk: Desk) -> None:
    await desk.accept(1)
    assert (await desk.ask()).summary.oldest_critical_s is None


# -- hearing that nothing happened --------------------------------------------------------------------------------------


async def test_whoever_knows_it_all_gets_nothing(desk: Desk) -> None:
    """Also where only time went on, and where the caller knows several answers."""
    await desk.accept(1)
    tag = await desk.tag()
    desk.box.clock.advance(5)
    for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        again = await desk.reply(known)
        assert (again.status, again.content, again.headers["etag"]) == (304, None, tag)
    assert (await desk.reply('W/"other"')).status == 200


async def test_the_answer_may_be_kept_by_who_asks_again(desk: Desk) -> None:
    assert (await desk.reply()).headers["cache-control"] == "private, no-cache"


async def test_another_question_has_another_tag(desk: Desk) -> None:
    assert len({await desk.tag(), await desk.tag(limit=1), await desk.tag(q="x")}) == 3


async def test_a_change_of_a_delivery_changes_the_tag(desk: Desk) -> None:
    """Also one that leaves it due."""
    await desk.accept(1)
    tag = await desk.tag()
    desk.box.by_hand((await desk.ask()).items[0].delivery_id, DOWN)
    assert await desk.tag() != tag


async def test_setting_out_changes_the_tag(desk: Desk) -> None:
    """Also where another comes back, so that as many as before are due."""
    await desk.accept(1, 2)
    first, second = (item.delivery_id for item in (await desk.ask()).items)
    on_its_way = desk.box.queue.claim_one(first, Trigger.MANUAL)
    tag = await desk.tag()
    desk.box.queue.give_back(on_its_way)
    desk.box.queue.claim_one(second, Trigger.MANUAL)
    assert await desk.tag() != tag


async def test_a_clock_that_becomes_right_changes_the_tag(desk: Desk) -> None:
    tag = await desk.tag()
    desk.box.clock.in_sync = False
    assert await desk.tag() != tag


async def test_falling_due_changes_the_tag(desk: Desk) -> None:
    await desk.accept(1)
    desk.box.attempt(DOWN)
    tag = await desk.tag()
    desk.box.clock.advance(3600)
    assert await desk.tag() != tag


async def test_a_turn_of_an_endpoint_changes_the_tag(desk: Desk) -> None:
    tag = await desk.tag()
    desk.configure("hq")
    assert await desk.tag() != tag
