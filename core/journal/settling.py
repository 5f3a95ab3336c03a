"""Who waits for which change to be on disk."""

import asyncio
import contextlib
import threading
from collections.abc import Callable


class Settling:
    """Changes up to `upto` are on disk, or visibly not durable. `gate` is the journal's; waiting for it never takes long."""

    def __init__(self, upto: int, gate: threading.Lock):
        self._upto, self._gate = upto, gate
        self._waiters: list[tuple[int, Callable[[], None]]] = []

    async def settled(self, n: int) -> None:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop ended while this change was on its way to the disk
                loop.call_soon_threadsafe(done.set)

        if self._must_wait(n, wake):
            await done.wait()

    def wait(self, n: int) -> None:
        done = threading.Event()
        if self._must_wait(n, done.set):
            done.wait()

    def _must_wait(self, n: int, wake: Callable[[], None]) -> bool:
        with self._gate:
            if n <= self._upto:
                return False
            self._waiters.append((n, wake))
            return True

    def announce(self, upto: int) -> None:
        with self._gate:
            self._upto = max(self._upto, upto)
            ready = [wake for n, wake in self._waiters if n <= self._upto]
            self._waiters = [(n, wake) for n, wake in self._waiters if n > self._upto]
        for wake in ready:
            wake()
