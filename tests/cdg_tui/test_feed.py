"""The feed asks round after round, for no more than is needed, and nothing that a core does ends it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx
import pytest
from msgspec import structs

from cdg_tui.client import Client
from cdg_tui.clock import steady
from cdg_tui.feed import MOST_PAGES, Feed, News
from cdg_tui.store import Link, LinkState, Snapshot
from core import wire
from tests.cdg_tui.factories import a_case, a_dead_letter, a_retry, an_endpoint
from tests.cdg_tui.fake_core import Behaviour, FakeCore, a_problem, broken_off, no_socket, refused

pytestmark = pytest.mark.anyio

ALL = frozenset({"cases", "retries"})
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
        told = await listener.snapshot()
    assert told.cabinets is not None
    assert told.cabinets.items == tuple(core.cabinets)
    assert told.cases == (a_case(1),)
    assert [page.full for page in told.retries] == [True, True, True]
    assert sum(len(page.items) for page in told.retries) == 601


async def test_later_rounds_bring_only_what_changed_and_what_left() -> None:
    core = FakeCore()
    core.changed(a_retry(1), a_retry(2), a_retry(3))
    async with a_feed(core) as listener:
        await listener.snapshot()
        core.changed(a_retry(2, attempts=9), a_retry(3, status="delivered"))
        [page] = (await listener.snapshot()).retries
        assert (page.full, [(one.delivery_id, one.status) for one in page.items]) == (
            False,
            [(a_retry(2).delivery_id, "pending"), (a_retry(3).delivery_id, "delivered")],
        )
        [page] = (await listener.snapshot()).retries
        assert (page.full, page.items) == (False, ())


async def test_the_whole_list_comes_again_with_another_epoch() -> None:
    core = FakeCore()
    core.changed(a_retry(1))
    async with a_feed(core) as listener:
        await listener.snapshot()
        core.epoch, core.seq = "e2", 0
        [page] = (await listener.snapshot()).retries
        assert (page.full, len(page.items)) == (True, 1)


async def test_the_whole_list_comes_again_after_a_loss() -> None:
    """Whoever answers now may be another core."""
    core = FakeCore()
    core.changed(a_retry(1))
    core.cases = [a_case(1)]
    async with a_feed(core, frozenset()) as listener:
        await listener.snapshot()
        core.fail = broken_off
        await listener.link()
        core.fail = None
        told = await listener.snapshot()
        assert told.retries[0].full
        assert told.cases is not None


async def test_lists_that_nobody_looks_at_are_asked_for_only_when_their_numbers_move() -> None:
    core = FakeCore()
    core.changed(a_retry(1))
    async with a_feed(core, frozenset()) as listener:
        await listener.snapshot()
        told = await listener.snapshot()
        assert (told.cases, told.retries) == (None, ())
        core.cases = [a_case(1)]
        told = await listener.snapshot()
        assert (told.cases, told.retries) == ((a_case(1),), ())
        core.changed(a_retry(2))
        told = await listener.snapshot()
        assert (told.cases, len(told.retries)) == (None, 1)


async def test_lists_that_somebody_looks_at_are_asked_for_each_time() -> None:
    """A case that is acknowledged does not change how many there are, nor a delivery that sets out the sequence."""
    core = FakeCore()
    async with a_feed(core) as listener:
        await listener.snapshot()
        core.sending = ("dlv_1",)
        told = await listener.snapshot()
        assert told.cases is not None
        assert told.retries[0].sending == ("dlv_1",)


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
    core.changed(a_retry(1))
    core.refuse = {"endpoints": refusal}
    async with a_feed(core, frozenset({"endpoints", "retries"})) as listener:
        told = await listener.snapshot()
        assert (told.endpoints, told.untold, len(told.retries[0].items)) == (None, cause, 1)


async def test_a_core_that_goes_away_over_its_endpoints_is_lost_all_the_same() -> None:
    class HalfGone(FakeCore):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            gone = request.url.path.endswith("endpoints")
            return broken_off(request) if gone else await super().handle_async_request(request)

    async with a_feed(HalfGone(), frozenset({"endpoints"})) as listener:
        assert (await listener.link()).cause == "broken_off"


async def test_a_list_that_always_promises_more_is_read_to_a_bound() -> None:
    class Endless(FakeCore):
        def _list(self, query: dict[str, str]) -> wire.Retries:
            return structs.replace(super()._list({**query, "cursor": "0"}), next="again")

    core = Endless()
    async with a_feed(core) as listener:
        assert len((await listener.snapshot()).retries) == MOST_PAGES
        assert isinstance(await listener.news(), Snapshot)


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
    core.refuse = {"cases": (503, "shutting_down")}
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
        told = await listener.snapshot()
    assert (told.asked_s, told.took_s) == (100.0, 2.0)
