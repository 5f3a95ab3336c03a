"""Keeps the retry queue within its caps: by count, by bytes, by age. Nothing leaves without a record.

Over `max_items` pending ones, or over `max_mib` in all, the least severe and oldest become dead letters (`evicted`); dead
letters over `max_dead_letters`, older than `dead_letter_days` or too many bytes go to `archive/dead-YYYYMM.jsonl` first, and
leave the queue only when they are on disk there.
"""

import asyncio
from datetime import timedelta
from typing import Final

from core.clock import Clock
from core.events import rank
from core.journal import Archive
from core.settings import Retry
from core.webhooks import deliveries
from core.webhooks.deliveries import Status
from core.webhooks.entries import Entry
from core.webhooks.retry_queue import RetryQueue

LOOK_S: Final = 5.0
_MIB: Final = 1024 * 1024
_AT_ONCE: Final = 100  # evicted for their bytes before it is looked again


class Bounds:
    """Looks after one queue."""

    def __init__(self, queue: RetryQueue, archive: Archive, policy: Retry, clock: Clock):
        self._queue, self._archive, self._policy, self._clock = queue, archive, policy, clock

    async def run(self) -> None:
        while True:
            await self.keep()
            await self._clock.sleep(LOOK_S)

    async def keep(self) -> None:
        """Evict and archive until everything is within its caps, or nothing more can go."""
        self._evict(len(self._waiting()) - self._policy.max_items)
        while await self._archive_oldest() and self._too_big():
            evictable = len(self._waiting())
            if not evictable:
                return
            self._evict(min(evictable, _AT_ONCE))

    def _waiting(self) -> list[Entry]:
        return [one for one in self._queue.entries() if one.delivery.status is Status.PENDING and not one.in_flight]

    def _evict(self, count: int) -> None:
        if count > 0:
            worth = sorted(self._waiting(), key=lambda one: (rank(one.delivery.severity), one.delivery.ordinal))
            for entry in worth[:count]:
                self._queue.evict(entry)

    async def _archive_oldest(self) -> bool:
        """Whether the archive could take all it had to."""
        dead = sorted(
            (one for one in self._queue.entries() if one.delivery.status is Status.DEAD_LETTER), key=lambda one: one.n
        )
        for at, entry in enumerate(dead):
            too_many = len(dead) - at > self._policy.max_dead_letters
            if not (too_many or self._too_old(entry) or self._too_big()):
                break
            if not await self._archived(entry):
                return False
        return True

    async def _archived(self, entry: Entry) -> bool:
        n, delivery = entry.n, entry.delivery
        name = f"dead-{self._clock.now():%Y%m}.jsonl"
        if not await asyncio.to_thread(self._archive.append, name, delivery.delivery_id, deliveries.encode(delivery)):
            return False
        if entry.n == n:  # nobody has queued it again meanwhile
            self._queue.archived(entry)
        return True

    def _too_old(self, entry: Entry) -> bool:
        """A clock that nobody set must not age anything."""
        ended = entry.delivery.settled_at
        days = timedelta(days=self._policy.dead_letter_days)
        return ended is not None and self._clock.synchronised() and self._clock.now() - ended > days

    def _too_big(self) -> bool:
        return self._queue.live_bytes > self._policy.max_mib * _MIB
