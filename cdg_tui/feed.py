"""Asks the core round after round and tells what came of it: a Snapshot, or a Link that is not what it should be.

Knows no screen. Never ends by itself, whatever the core does or doesn't.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from cdg_tui.calls import AlienError, ClientError, DeniedError, RefusedError
from cdg_tui.client import Client
from cdg_tui.store import Link, LinkState, Snapshot
from core import wire
from core.wire_endpoints import Endpoints

ROUND_S: Final = 1.0
FIRST_WAIT_S: Final = 0.3
LONGEST_WAIT_S: Final = 2.0
MOST_PAGES: Final = 400  # an answer that always promises another page must not fill the memory

News = Snapshot | Link


class Feed:
    """`wanted` are the lists that somebody is looking at; the others are asked for only where their numbers moved."""

    def __init__(self, client: Client, tell: Callable[[News], None], now: Callable[[], float]):
        self._client, self._tell, self._now = client, tell, now
        self.wanted: frozenset[str] = frozenset()
        self._bell = asyncio.Event()
        self._tries = 0
        self._epoch: str | None = None
        self._seq = 0
        self._open_cases = -1

    def poke(self) -> None:
        """Ask at once."""
        self._bell.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._bell.clear()
            try:
                self._tell(await self._round())
                self._tries = 0
                wait_s = ROUND_S
            except ClientError as error:
                self._tries += 1
                self._epoch, self._open_cases = None, -1
                self._tell(_link(error, self._tries))
                wait_s = min(FIRST_WAIT_S * 2.0 ** min(self._tries - 1, 8), LONGEST_WAIT_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._bell.wait()

    async def _round(self) -> Snapshot:
        asked_s = self._now()
        status = await self._client.status()
        took_s = self._now() - asked_s
        cabinets = await self._client.cabinets()
        endpoints, untold = await self._endpoints()
        return Snapshot(
            asked_s=asked_s,
            took_s=took_s,
            status=status,
            cabinets=cabinets,
            cases=await self._cases(status),
            retries=await self._retries(status),
            endpoints=endpoints,
            untold=untold,
        )

    async def _endpoints(self) -> tuple[Endpoints | None, str | None]:
        """Them, or why there are none to be had: a core that doesn't know the question answers all the others."""
        if "endpoints" not in self.wanted:
            return None, None
        try:
            return await self._client.endpoints(), None
        except (RefusedError, AlienError) as error:
            return None, error.cause

    async def _cases(self, status: wire.Status) -> tuple[wire.CaseItem, ...] | None:
        if "cases" not in self.wanted and status.cases.open == self._open_cases:
            return None
        self._open_cases = status.cases.open
        return await self._client.open_cases()

    async def _retries(self, status: wire.Status) -> tuple[wire.Retries, ...]:
        """Every page of the whole list at first, then only what changed."""
        known = self._epoch == status.epoch
        if known and self._seq == status.seq and "retries" not in self.wanted:
            return ()
        query: dict[str, str | int | bool] = {"since_seq": self._seq, "epoch": status.epoch} if known else {}
        pages = [await self._client.retries(query)]
        while (cursor := pages[-1].next) is not None and len(pages) < MOST_PAGES:
            pages.append(await self._client.retries({"cursor": cursor}))
        self._epoch, self._seq = pages[-1].epoch, pages[-1].seq
        return tuple(pages)


def _link(error: ClientError, tries: int) -> Link:
    match error:
        case DeniedError():
            state = LinkState.DENIED
        case AlienError():
            state = LinkState.ALIEN
        case _:
            state = LinkState.LOST
    return Link(state=state, cause=error.cause, detail=error.detail, tries=tries)
