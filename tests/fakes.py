"""Fakes at the seams, shared by the rooms' tests."""

import asyncio
from datetime import UTC, datetime, timedelta


class FakeClock:
    """A Clock turned by hand: nothing moves, and nobody who sleeps wakes, before `advance`."""

    def __init__(self, now: datetime = datetime(2026, 11, 23, 8, 0, tzinfo=UTC), steady: float = 1000.0):
        self.wall, self.steady_s, self.in_sync = now, steady, True
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self.wall

    def steady(self) -> float:
        return self.steady_s

    def synchronised(self) -> bool:
        return self.in_sync

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        awake = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.steady_s + seconds, awake))
        await awake

    def advance(self, seconds: float) -> None:
        """Let both clocks run on. Set `wall` to let only the wall clock jump."""
        self.steady_s += seconds
        self.wall += timedelta(seconds=seconds)
        due = [sleeper for sleeper in self._sleepers if sleeper[0] <= self.steady_s]
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] > self.steady_s]
        for _, awake in sorted(due, key=lambda sleeper: sleeper[0]):
            if not awake.done():
                awake.set_result(None)
