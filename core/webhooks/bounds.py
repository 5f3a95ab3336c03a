"""Keeps the retry queue within its caps: by count, by bytes, by age, which it has written down now and then. Nothing leaves
without a record.

Over `max_items` waiting ones, or over `max_mib` of waiting and dead ones, the least severe and oldest become dead letters
(`evicted`): as many as need be, never one on its way. Dead letters over `max_dead_letters`, older than `dead_letter_days` or
too many bytes go to `archive/dead-YYYYMM.jsonl` first, and leave the queue only when they are on disk there.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Final

from core.clock import Clock
from core.events import rank
from core.journal import Archive
from core.settings import Retry
from core.webhooks import deliveries
from core.webhooks.deliveries import UNDELIVERED, Status
from core.webhooks.entry import Entry
from core.webhooks.retry_queue import RetryQueue

LOOK_S: Final = 5.0
OLDER_BY_S: Final = 1800.0
_MIB: Final = 1024 * 1024
_SET_AFTER: Final = datetime(
    2026, 1, 1, tzinfo=UTC
)  # a date before there was this program is of a clock that nobody set


class Bounds:
    """Looks after one queue."""

    def __init__(self, queue: RetryQueue, archive: Archive, policy: Retry, clock: Clock):
        self._queue, self._archive, self._policy, self._clock = queue, archive, policy, clock

    async def run(self) -> None:
        while True:
            await self.keep()
            await self._queue.ages.write_down(self._queue.known, OLDER_BY_S)
            await self._clock.sleep(LOOK_S)

    async def keep(self) -> None:
        """Evict and archive until everything is within its caps, or nothing more can go."""
        index = self._queue.index
        if (too_many := index.count(Status.PENDING) - len(index.flying) - self._policy.max_items) > 0:
            self._evict(_dispensable_first(self._waiting())[:too_many])
        while await self._archive_dead() and (excess := self._excess_bytes()) > 0:
            going = _first_of(excess, _dispensable_first(self._waiting()))
            if not going:
                return
            self._evict(going)

    def _waiting(self) -> list[Entry]:
        """Pending and not on its way."""
        return [one for one in self._queue.index.of(Status.PENDING) if one.in_flight is None]

    def _evict(self, going: Sequence[Entry]) -> None:
        for entry in going:
            self._queue.evict(entry)

    async def _archive_dead(self) -> bool:
        """Whether the archive could take all it had to, those that died first in front."""
        dead = list(self._queue.index.of(Status.DEAD_LETTER))
        too_many, too_big, limit = len(dead) - self._policy.max_dead_letters, self._excess_bytes(), self._oldest_kept()
        for entry in sorted(dead, key=lambda one: one.n):
            if entry.delivery.status is not Status.DEAD_LETTER:  # queued again while those before it were written
                too_many -= 1
                continue
            ended, size = entry.delivery.settled_at, entry.size
            too_old = limit is not None and ended is not None and _SET_AFTER < ended < limit
            if not (too_old or too_many > 0 or too_big > 0):
                continue
            if not await self._archived(entry):
                return False
            too_many -= 1
            too_big -= 0 if _held(entry) else size
        return True

    async def _archived(self, entry: Entry) -> bool:
        """Whether the archive has it; it leaves the queue unless somebody queued it again meanwhile."""
        n, delivery = entry.n, entry.delivery
        name = f"dead-{self._clock.now():%Y%m}.jsonl"
        if not await asyncio.to_thread(self._archive.append, name, delivery.delivery_id, deliveries.encode(delivery)):
            return False
        if entry.n == n:
            self._queue.archived(entry)
        return True

    def _oldest_kept(self) -> datetime | None:
        """A clock that nobody set must not age anything."""
        if not self._clock.synchronised():
            return None
        return self._clock.now() - timedelta(days=self._policy.dead_letter_days)

    def _excess_bytes(self) -> int:
        """How much what waits and what is dead is over its cap. What has ended leaves by count, and pushes nothing out."""
        most = round(self._policy.max_mib * _MIB)
        if self._queue.live_bytes <= most:
            return 0
        held = chain(*(self._queue.index.of(status) for status in UNDELIVERED))
        return sum(one.size for one in held) - most


def _held(entry: Entry) -> bool:
    """Whether somebody may still send it."""
    return entry.delivery.status in UNDELIVERED


def _dispensable_first(entries: Sequence[Entry]) -> list[Entry]:
    """The least severe in front, of the same severity the oldest."""
    return sorted(entries, key=lambda one: (rank(one.delivery.severity), one.delivery.ordinal))


def _first_of(size: int, entries: Sequence[Entry]) -> Sequence[Entry]:
    """As many of them as make up this size."""
    for count, entry in enumerate(entries, start=1):
        size -= entry.size
        if size <= 0:
            return entries[:count]
    return entries
