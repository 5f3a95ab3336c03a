"""The feed asks round after round, for no more than is needed, and nothing that a core does ends it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx
import pytest

from cdg_tui.client import Client
from cdg_tui.clock import steady
from cdg_tui.feed import ROUND_S, Feed, News
from cdg_tui.store import STALE_S, Link, LinkState, Question, Snapshot
from tests.cdg_tui.consoles import eager_tasks
from tests.cdg_tui.factories import a_case, a_dead_letter, a_retry, an_endpoint
from tests.cdg_tui.fake_core import Behaviour, FakeCore, FarCore, a_problem, broken_off, no_socket, refused

pytestmark = pytest.mark.anyio

ALL = frozenset({"cases"})
PENDING = Question(status="pending")
ENDPOINTS = "GET webhooks/endpoints"


@dataclass
class Listener:
    """Hears what the feed tells, one after the other."""

    core: FakeCore
    feed: Feed
    heard: asyncio.Queue[News]

    async def news(self) -> News:
        async with asyncio.timeout(20):
            return await self.heard.get()

    async def snapshot(self) -> Snapshot:
        """Ask at once, and hear what came of it."""
        self.feed.poke()
        told = await self.news()
        assert isinstance(told, Snapshot), told
        return told

    async def link(self) -> Link:
        self.feed.poke()
        told = await self.news()
        assert isinstance(told, Link), told
        return told


@contextlib.asynccontextmanager
async def a_feed(
    core: FakeCore, wanted: frozenset[str] = ALL, now: Callable[[], float] = steady, deadline_s: float = 5.0
) -> AsyncIterator[Listener]:
    client, heard = Client("http://localhost", transport=core, deadline_s=deadline_s), asyncio.Queue[News]()
    feed = Feed(client, heard.put_nowait, now)
    feed.wanted = wanted
    async with asyncio.TaskGroup() as group:
        running = group.create_task(feed.run())
        yield Listener(core, feed, heard)
        running.cancel()
    await client.close()


async def test_the_first_round_brings_everything() -> None:
    core = FakeCore()
    core.cases = [a_case(1)]
    core.changed(*(a_retry(n) for n in range(600)), a_dead_letter(601))
    async with a_feed(core, frozenset()) as listener:
        listener.feed.question = PENDING
        told = await listener.snapshot()
    assert told.cabinets is not None
    assert told.cabinets.items == tuple(core.cabinets)
    assert told.cases == (a_case(1),)
    assert told.listed is not None
    assert (len(told.listed.items), told.listed.total, told.listed.all) == (200, 600, 600)


@pytest.mark.requirement(20)
async def test_however_many_there_are_no_answer_holds_more_than_a_window() -> None:
    """Round a delivery in the middle, and at the end of the list."""
    core = FakeCore()
    core.changed(*(a_retry(n, next_attempt_in_s=float(n)) for n in range(1000)))
    async with a_feed(core) as listener:
        for anchor, first in ((500, 400), (999, 800), (3, 0)):
            listener.feed.question = Question(status="pending", anchor=a_retry(anchor).delivery_id)
            listed = (await listener.snapshot()).listed
            assert listed is not None
            assert (listed.offset, len(listed.items), listed.total, listed.gone) == (first, 200, 1000, False)


async def test_what_nobody_asks_for_is_not_told() -> None:
    core = FakeCore()
    core.changed(a_retry(1))
    async with a_feed(core) as listener:
        assert (await listener.snapshot()).listed is None
        assert core.windows == 0


async def test_where_nothing_has_happened_the_list_is_still_told() -> None:
    """Though the core answers only that it is the same; a change is seen in the next round."""
    core = FakeCore()
    core.changed(a_retry(1), a_retry(2))
    async with a_feed(core) as listener:
        listener.feed.question = PENDING
        first, again = (await listener.snapshot()).listed, (await listener.snapshot()).listed
        assert first is again
        core.changed(a_retry(2, attempts=9))
        third = (await listener.snapshot()).listed
        assert third is not None
        assert {one.item.attempts for one in third.items} == {2, 9}


async def test_a_delivery_that_has_left_is_told_to_be_gone() -> None:
    core = FakeCore()
    core.changed(a_retry(1), a_retry(2))
    async with a_feed(core) as listener:
        listener.feed.question = Question(status="pending", anchor=a_retry(1).delivery_id)
        core.changed(a_retry(1, status="delivered"))
        listed = (await listener.snapshot()).listed
        assert listed is not None
        assert (listed.gone, listed.total) == (True, 1)


async def test_a_core_that_does_not_know_the_question_answers_all_the_others() -> None:
    core = FakeCore()
    core.refuse = {"window": (404, "retry_not_found"), "groups": (404, "retry_not_found")}
    async with a_feed(core, frozenset({"groups"})) as listener:
        listener.feed.question = PENDING
        told = await listener.snapshot()
        assert told.listed is not None
        assert (told.listed.untold, told.listed.items) == ("retry_not_found", ())
        assert (told.groups, told.groups_untold) == (None, "retry_not_found")


@pytest.mark.parametrize("lie", [{"total": 0}, {"total": -5}, {"offset": -3}, {"offset": 1}, {"offset": 10**12}])
async def test_rows_outside_their_own_list_are_not_shown(lie: dict[str, int]) -> None:
    """A cursor would stand on a delivery at place -1 of 2, and keys would act on it; everything else goes on."""

    class Lying(FakeCore):
        def _window(self, request: httpx.Request) -> httpx.Response:
            told = json.loads(super()._window(request).content)
            return httpx.Response(200, content=json.dumps({**told, **lie}).encode())

    core = Lying()
    core.changed(a_retry(1), a_retry(2))
    async with a_feed(core) as listener:
        listener.feed.question = PENDING
        listed = (await listener.snapshot()).listed
        assert listed is not None
        assert (listed.untold, listed.items) == ("alien", ())


async def test_somebody_else_s_drain_is_told_while_it_runs() -> None:
    core = FakeCore()
    core.changed(a_retry(1))
    async with a_feed(core) as listener:
        assert (await listener.snapshot()).drain is None
        core.others_drain = core.runs_a_drain("drn_9")
        told = (await listener.snapshot()).drain
        assert told is not None
        assert (told.drain_id, told.running, told.items) == ("drn_9", True, ())


async def test_everything_is_asked_for_again_after_a_loss() -> None:
    """Whoever answers now may be another core."""
    core = FakeCore()
    core.cases = [a_case(1)]
    async with a_feed(core, frozenset()) as listener:
        await listener.snapshot()
        core.fail = broken_off
        await listener.link()
        core.fail = None
        assert (await listener.snapshot()).cases is not None


async def test_lists_that_nobody_looks_at_are_asked_for_only_when_their_numbers_move() -> None:
    core = FakeCore()
    async with a_feed(core, frozenset()) as listener:
        await listener.snapshot()
        assert (await listener.snapshot()).cases is None
        core.cases = [a_case(1)]
        assert (await listener.snapshot()).cases == (a_case(1),)
        assert (await listener.snapshot()).cases is None


async def test_lists_that_somebody_looks_at_are_asked_for_each_time() -> None:
    """A case that is acknowledged does not change how many there are."""
    core = FakeCore()
    async with a_feed(core) as listener:
        await listener.snapshot()
        assert (await listener.snapshot()).cases is not None


async def test_endpoints_are_asked_for_only_while_somebody_looks_at_them() -> None:
    core = FakeCore()
    core.endpoints = [an_endpoint()]
    async with a_feed(core) as listener:
        told = await listener.snapshot()
        assert (told.endpoints, told.untold, ENDPOINTS in core.asked) == (None, None, False)
        listener.feed.wanted = frozenset({"endpoints"})
        told = await listener.snapshot()
        assert told.endpoints is not None
        assert (told.endpoints.items, told.untold) == ((an_endpoint(),), None)


@pytest.mark.parametrize(
    ("refusal", "cause"), [((404, "not_found"), "not_found"), ((500, "internal_error"), "internal_error")]
)
async def test_a_core_that_names_no_endpoints_tells_everything_else(refusal: tuple[int, str], cause: str) -> None:
    core = FakeCore()
    core.cases = [a_case(1)]
    core.refuse = {"endpoints": refusal}
    async with a_feed(core, frozenset({"endpoints", "cases"})) as listener:
        told = await listener.snapshot()
        assert (told.endpoints, told.untold, told.cases) == (None, cause, (a_case(1),))


class HalfGone(FakeCore):
    """It goes away over its endpoints."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        gone = request.url.path.endswith("endpoints")
        return broken_off(request) if gone else await super().handle_async_request(request)


async def test_a_core_that_goes_away_over_its_endpoints_is_lost_all_the_same() -> None:
    async with a_feed(HalfGone(), frozenset({"endpoints"})) as listener:
        assert (await listener.link()).cause == "broken_off"


async def test_a_core_that_is_gone_at_once_is_lost_also_where_tasks_begin_at_once() -> None:
    """As they do in Textual's loop from Python 3.12 on: what fails before the others are asked must not shut them out."""
    async with a_feed(FakeCore()) as listener, eager_tasks():
        await listener.snapshot()
        listener.core.fail = no_socket
        assert (await listener.link()).cause == "no_socket"


@pytest.mark.parametrize("turns", range(40))
async def test_it_ends_when_it_is_cancelled_also_the_moment_a_round_fails(turns: int) -> None:
    client = Client("http://localhost", transport=HalfGone(), deadline_s=5.0)
    feed = Feed(client, lambda _: None, steady)
    feed.wanted = frozenset({"endpoints"})
    running = asyncio.create_task(feed.run())
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait({running}, timeout=2.0)
    assert running.done()
    await client.close()


async def ages_s(core: FarCore, wanted: frozenset[str], meanwhile: Callable[[int], None]) -> list[float]:
    """How old what is known is when the next is heard, for ten rounds; `meanwhile` happens before each of them."""
    async with a_feed(core, wanted, now=lambda: core.hour_s) as listener:
        listener.feed.question = PENDING
        ages, asked_s = [], [(await listener.snapshot()).asked_s]
        for number in range(10):
            core.hour_s += ROUND_S
            meanwhile(number)
            asked_s.append((await listener.snapshot()).asked_s)
            ages.append(core.hour_s - asked_s[-2])
        return ages


@pytest.mark.requirement(8)
@pytest.mark.parametrize("answer_s", [0.4, 0.6, 1.5])
@pytest.mark.parametrize(
    "wanted", [frozenset({"case_states"}), frozenset({"cases"}), frozenset({"endpoints", "groups"})]
)
async def test_over_a_slow_line_nothing_grows_too_old(answer_s: float, wanted: frozenset[str]) -> None:
    """Nor while cases, deliveries and a drain move in every round."""
    core = FarCore(answer_s)
    core.changed(a_retry(1))
    core.others_drain = core.runs_a_drain("drn_9")

    def moves(number: int) -> None:
        core.cases, core.cases_seq = [a_case(number)], number + 1
        core.changed(a_retry(1, attempts=number))

    assert max(await ages_s(core, wanted, moves)) < STALE_S


async def test_over_a_slow_line_cases_and_drain_are_asked_for_unseen() -> None:
    core = FarCore(1.5)
    async with a_feed(core, frozenset(), now=lambda: core.hour_s) as listener:
        await listener.snapshot()
        core.cases, core.others_drain = [a_case(1)], core.runs_a_drain("drn_9")
        told = await listener.snapshot()
        assert told.cases == (a_case(1),)
        assert told.drain is not None
        core.refuse = {"drains": (404, "not_found")}  # one that has not heard of drains yet
        assert (await listener.snapshot()).drain is None


async def test_what_a_slow_line_brought_unseen_is_asked_for_once_more_when_it_is_quick_again() -> None:
    """It may have been told before the status was."""
    core = FarCore(1.5)
    core.cases = [a_case(1)]
    async with a_feed(core, frozenset(), now=lambda: core.hour_s) as listener:
        await listener.snapshot()
        await listener.snapshot()
        core.answer_s = 0.01
        await listener.snapshot()
        assert (await listener.snapshot()).cases == (a_case(1),)
        assert (await listener.snapshot()).cases is None


async def test_where_no_case_is_open_nobody_asks_which() -> None:
    core = FakeCore()
    async with a_feed(core) as listener:
        assert (await listener.snapshot()).cases == ()
    assert "GET cases" not in core.asked


async def test_a_core_that_is_away_is_asked_one_thing_at_a_time() -> None:
    core = FakeCore()
    async with a_feed(core) as listener:
        await listener.snapshot()
        core.fail = broken_off
        await listener.link()
        before = len(core.asked)
        await listener.link()
        assert core.asked[before:] == ["GET whoami"]


async def test_what_fails_beside_the_others_is_told_by_its_own_cause() -> None:
    """However many questions are on their way, and whether or not they are answered."""

    class Revoking(FakeCore):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("cabinets"):
                return a_problem(401, "token_revoked")
            if request.url.path.endswith("endpoints"):
                await asyncio.sleep(60)
            return await super().handle_async_request(request)

    async with a_feed(Revoking(), frozenset({"cases", "endpoints"})) as listener:
        link = await listener.link()
        assert (link.state, link.cause) == (LinkState.DENIED, "token_revoked")


def an_http_answer(status: int, body: bytes) -> Behaviour:
    return lambda request: httpx.Response(status, content=body)


@pytest.mark.parametrize(
    ("behaviour", "state", "cause"),
    [
        (no_socket, LinkState.LOST, "no_socket"),
        (refused, LinkState.LOST, "refused"),
        (broken_off, LinkState.LOST, "broken_off"),
        (an_http_answer(500, b"oops"), LinkState.LOST, "http_error"),
        (lambda request: a_problem(500, "internal_error"), LinkState.LOST, "internal_error"),
        (lambda request: a_problem(401, "unauthorized"), LinkState.DENIED, "denied"),
        (an_http_answer(200, b"<html>"), LinkState.ALIEN, "alien"),
    ],
)
async def test_whatever_goes_wrong_is_told_counted_and_ends_with_the_next_answer(
    behaviour: Behaviour, state: LinkState, cause: str
) -> None:
    core = FakeCore()
    core.fail = behaviour
    async with a_feed(core) as listener:
        for tries in (1, 2, 3):
            link = await listener.link()
            assert (link.state, link.cause, link.tries) == (state, cause, tries)
        core.fail = None
        await listener.snapshot()
        core.fail = behaviour
        assert (await listener.link()).tries == 1


async def test_a_core_that_hangs_is_told_after_its_deadline() -> None:
    core = FakeCore()
    core.hang = True
    async with a_feed(core, deadline_s=0.1) as listener:
        assert (await listener.link()).cause == "timeout"


async def test_a_core_that_fails_half_way_tells_nothing_of_that_round() -> None:
    core = FakeCore()
    core.cases, core.refuse = [a_case(1)], {"cases": (503, "shutting_down")}
    async with a_feed(core) as listener:
        assert (await listener.link()).cause == "shutting_down"


async def test_a_core_that_is_away_is_not_hammered() -> None:
    """However fast it refuses: the third question comes 0.9 s after the first, none of those after waits longer than 2 s."""
    core = FakeCore()
    core.fail = refused
    async with a_feed(core) as listener:
        await asyncio.sleep(0.8)
        assert 1 <= listener.heard.qsize() <= 2
        for _ in range(30):
            listener.feed.poke()
            await listener.news()
        core.fail = None
        async with asyncio.timeout(15):
            while not isinstance(await listener.news(), Snapshot):
                pass


async def test_a_poke_is_heard_also_in_the_middle_of_a_round() -> None:
    """Eight rounds would take eight seconds if each waited for its time."""

    class Poking(FakeCore):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            listener.feed.poke()
            await asyncio.sleep(0)
            return await super().handle_async_request(request)

    core = Poking()
    async with a_feed(core) as listener:
        async with asyncio.timeout(6):
            for _ in range(8):
                await listener.heard.get()


async def test_an_answer_is_dated_by_its_question() -> None:
    core, clock = FakeCore(), iter(float(n) for n in range(100, 10_000, 2))
    async with a_feed(core, now=lambda: next(clock)) as listener:
        first, second = await listener.snapshot(), await listener.snapshot()
    assert (first.asked_s, first.took_s) == (104.0, 2.0)  # before it the core was asked who this is
    assert (second.asked_s, second.took_s) == (108.0, 2.0)
