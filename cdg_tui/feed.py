"""Asks the core round after round and tells what came of it: a Snapshot, or a Link that is not what it should be.

Knows no screen. Never ends by itself, whatever the core does or doesn't.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from cdg_tui.client import Client
from cdg_tui.errors import AlienError, ClientError, DeniedError, RefusedError
from cdg_tui.store import Link, LinkState, Listed, Question, Retry, Snapshot
from core import wire
from core.wire_access import WhoAmI
from core.wire_endpoints import Endpoints
from core.wire_windows import RetryGroup, RetryWindow

ROUND_S: Final = 1.0
FIRST_WAIT_S: Final = 0.3
LONGEST_WAIT_S: Final = 2.0
WAITED_FOR_S: Final = 0.5  # what hangs on a status that takes longer is asked for unseen, else it would come too late

News = Snapshot | Link
Answer = TypeVar("Answer")

_NO_CASES: Final = (-1, -1, "", -1)


class Feed:
    """`wanted` are the lists that somebody is looking at, `question` the deliveries; of the others only what moved is asked for."""

    def __init__(self, client: Client, tell: Callable[[News], None], now: Callable[[], float]):
        self._client, self._tell, self._now = client, tell, now
        self.wanted: frozenset[str] = frozenset()
        self._poked = asyncio.Event()
        self._tries = 0
        self.question: Question | None = None
        self._last: Listed | None = None
        self._cases_told = _NO_CASES
        self._took_s = 0.0  # until it was said who asks, or how all is
        self._introduced = False  # to whoever answers since the last loss

    def poke(self) -> None:
        """Ask at once."""
        self._poked.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._poked.clear()
            try:
                self._tell(await self._round())
                self._tries = 0
                wait_s = ROUND_S
            except ClientError as error:
                self._tries += 1
                self._cases_told, self._introduced = _NO_CASES, False
                self._tell(_link(error, self._tries))
                wait_s = min(FIRST_WAIT_S * 2.0 ** min(self._tries - 1, 8), LONGEST_WAIT_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._poked.wait()

    async def _round(self) -> Snapshot:
        """Everything at the same time, as far as nothing hangs on the status."""
        me = await self._me()  # alone, so that a core which is away is asked only one thing at a time
        asked_s = self._now()
        status = _asked(self._status(asked_s))
        told = None if self._took_s > WAITED_FOR_S else status
        cabinets = _asked(self._client.cabinets())
        listed = _asked(self._listed(asked_s))
        endpoints = _asked(self._endpoints())
        groups = _asked(self._groups())
        cases = _asked(self._cases(told))
        drain = _asked(self._drain(told))
        await _answered(status, cabinets, listed, endpoints, groups, cases, drain)
        return Snapshot(
            asked_s=asked_s,
            took_s=self._took_s,
            status=status.result(),
            cabinets=cabinets.result(),
            cases=cases.result(),
            listed=listed.result(),
            groups=groups.result()[0],
            groups_untold=groups.result()[1],
            drain=drain.result(),
            endpoints=endpoints.result()[0],
            untold=endpoints.result()[1],
            me=me,
        )

    async def _status(self, asked_s: float) -> wire.Status:
        status = await self._client.status()
        self._took_s = self._now() - asked_s
        return status

    async def _me(self) -> WhoAmI | None:
        """Who the core takes this console for; None where it is known, or a core doesn't know the question."""
        if self._introduced:
            return None
        asked_s = self._now()
        me, _ = await answer_or_why(self._client.whoami())
        self._took_s = self._now() - asked_s
        self._introduced = True
        return me

    async def _endpoints(self) -> tuple[Endpoints | None, str | None]:
        """Them, or why there are none to be had; neither where nobody asks."""
        return await answer_or_why(self._client.endpoints()) if "endpoints" in self.wanted else (None, None)

    async def _cases(self, told: Awaitable[wire.Status] | None) -> tuple[wire.CaseItem, ...] | None:
        """In every round where somebody looks at their figures, else where one of them or its news moved: one which opens
        while another closes is not missed. An older core has no sequence to tell it by.
        """
        if told is None:
            return await self._client.open_cases()
        status = await told
        before = self._cases_told
        self._cases_told = (status.cases.open, status.cases.seq, status.epoch, status.seq)
        unsure = "case_states" in self.wanted and not status.cases.seq
        if "cases" not in self.wanted and self._cases_told == before and not unsure:
            return None
        return await self._client.open_cases() if status.cases.open else ()

    async def _listed(self, asked_s: float) -> Listed | None:
        """The rows that somebody looks at; where nothing has happened, those that are known."""
        question = self.question
        if question is None:
            return None
        heard, why = await answer_or_why(self._window(question))
        if why is not None:
            self._last = _unlisted(question, why)
        elif heard is not None:
            self._last = _listed(question, heard, asked_s)
        return self._last

    async def _window(self, question: Question) -> RetryWindow | None:
        return _sound(await self._client.window(question.window))

    async def _groups(self) -> tuple[tuple[RetryGroup, ...] | None, str | None]:
        """As the endpoints."""
        if "groups" not in self.wanted:
            return None, None
        groups, why = await answer_or_why(self._client.retry_groups())
        return None if groups is None else groups.items, why

    async def _drain(self, told: Awaitable[wire.Status] | None) -> wire.DrainResult | None:
        """The one that runs, whoever began it."""
        if told is not None and (await told).webhooks.drain_id is None:
            return None
        drains, _ = await answer_or_why(self._client.drains())
        known = drains.items if drains is not None else ()
        return next((drain for drain in known if drain.running), None)


def _asked(question: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
    """Under way; whoever asks waits until it is answered."""
    return asyncio.create_task(question)  # noqa: TID251 - in no TaskGroup: see below


async def _answered(*asking: asyncio.Task[Any]) -> None:
    """All of them; raises what went wrong before all else, and ends the others. A TaskGroup takes a cancellation that comes while
    one of its own fails for its doing (before Python 3.13), and is closed to the others where a task fails the moment it is
    made, as it may in Textual's loop (from Python 3.12 on).
    """
    try:
        await asyncio.gather(*asking)
    except BaseException:
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)
        raise


async def answer_or_why(asking: Awaitable[Answer]) -> tuple[Answer | None, str | None]:
    """The answer, or why there is none to be had: a core that doesn't know one question answers all the others."""
    try:
        return await asking, None
    except (RefusedError, AlienError) as error:
        return None, error.cause


def _sound(heard: RetryWindow | None) -> RetryWindow | None:
    """The same; raises AlienError where its rows lie outside its own list: no cursor could stand there."""
    if heard is not None and not 0 <= heard.offset <= heard.total - len(heard.items):
        raise AlienError("alien", f"{heard.offset} + {len(heard.items)} > {heard.total}")
    return heard


def _listed(question: Question, heard: RetryWindow, asked_s: float) -> Listed:
    return Listed(
        question=question,
        items=tuple(_retry(item, asked_s) for item in heard.items),
        offset=heard.offset,
        total=heard.total,
        all=heard.all,
        gone=question.anchor is not None and heard.anchor is None,
        sending=frozenset(heard.sending),
    )


def _unlisted(question: Question, why: str) -> Listed:
    return Listed(question=question, items=(), offset=0, total=0, all=0, gone=False, sending=frozenset(), untold=why)


def _retry(item: wire.RetryItem, asked_s: float) -> Retry:
    wait_s = item.next_attempt_in_s
    return Retry(item=item, due_s=None if wait_s is None else asked_s + wait_s)


def _link(error: ClientError, tries: int) -> Link:
    match error:
        case DeniedError():
            state = LinkState.DENIED
        case AlienError():
            state = LinkState.ALIEN
        case _:
            state = LinkState.LOST
    return Link(state=state, cause=error.cause, detail=error.detail, tries=tries)
