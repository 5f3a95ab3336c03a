"""What is on its way to the disk, and who brings it there: a thread of its own, or a plain thread that would else wait."""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Final

from core.clock import Clock, utc_text

NAP_S: Final = 0.001
AT_LEISURE_S: Final = 1.0  # the longest that anything waits for company


class Pending:
    """Lines in the order of n. The journal's gate guards them; the bell may be rung by anybody."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._lines: list[bytes] = []
        self._time = ""
        self._bell = threading.Lock()  # let go for a moment: wakes a thread for less than a Condition does
        self._bell.acquire()
        self.within_s = AT_LEISURE_S

    def __len__(self) -> int:
        return len(self._lines)

    def time(self) -> str:
        """One for all lines that go to the disk together."""
        if not self._lines:
            self._time = utc_text(self._clock.now())
        return self._time

    def add(self, line: bytes, within_s: float) -> None:
        """It has so much time, 0 for none."""
        news = not self._lines or within_s < self.within_s
        self._lines.append(line)
        self.within_s = min(self.within_s, within_s)
        if news:  # last, or who wakes finds nothing and sleeps on
            self.ring()

    def take(self) -> list[bytes]:
        taken, self._lines, self.within_s = self._lines, [], AT_LEISURE_S
        return taken

    def absorb(self, count: int) -> None:
        """The oldest `count` are on disk already."""
        del self._lines[:count]

    def ring(self) -> None:
        with contextlib.suppress(RuntimeError):  # rung already
            self._bell.release()

    def heard(self, within_s: float) -> bool:
        return self._bell.acquire(timeout=within_s)


class Rounds:
    """Calls `make` in one thread at a time, and tells it whether this is the last round.

    As soon as what waits has to, and each `patience_s()` where nothing does.
    """

    def __init__(self, name: str, pending: Pending, make: Callable[[bool], None], patience_s: Callable[[], float]):
        self._pending, self._make, self._patience_s = pending, make, patience_s
        self._one_at_a_time = threading.Lock()
        self._ending = False
        # A daemon: a disk that hangs must not keep a process that wants to end.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def lead(self) -> None:
        """Make a round in this thread, unless one is under way or nothing waits: handing over would cost two switches."""
        if self._pending and self._one_at_a_time.acquire(blocking=False):
            try:
                self._make(False)
            finally:
                self._one_at_a_time.release()

    def end(self) -> None:
        """Make the last one and wait for it."""
        self._ending = True
        self._pending.ring()
        self._thread.join()

    def _run(self) -> None:
        last = False
        while not last:
            if self._pending.heard(self._patience_s()) and not (self._pending or self._ending):
                time.sleep(NAP_S)  # another thread was faster, and shall not have to wake this one for each line
                continue
            if self._pending and (within_s := self._pending.within_s) > 0 and not self._ending:
                self._pending.heard(within_s)
            self._one_at_a_time.acquire()
            last = self._ending
            self._make(last)
            if not last:  # else nobody may make another one
                self._one_at_a_time.release()
