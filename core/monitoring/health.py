"""How the box itself does: its disk and its clock. What is wrong with them is a case like any other.

A guard that can't write forgets with the next power cut, and one whose clock is wrong dates its records wrongly; both say so
where somebody looks.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import structs

from core.clock import Clock
from core.events import EventType, Severity
from core.monitoring import cases
from core.monitoring.case_book import CaseBook, Key
from core.monitoring.cases import Case, Kind
from core.monitoring.rules import REOPEN_WINDOW_S

LOOK_S: Final = 30.0
LOOKS_TO_OPEN: Final = 2  # a disk may be full for a moment, while something is rewritten
ANSWER_S: Final = 5.0  # no disk takes that long to say how full it is
CALM_FREE: Final = 0.07  # of the disk, until which it stays too little once it was
LEAST_FREE: Final = 0.05  # of the disk, and
ENOUGH_FREE: Final = 500 * 1024 * 1024  # bytes, are more than any journal's rewrite takes
UNSYNCHRONISED_S: Final = 86_400.0  # a crystal drifts by some seconds a day; nobody needs to come before that
STEP_S: Final = 5.0  # a wall clock that goes off by so much against the steady one was set

ILLS: Final = ("disk_full", "not_durable", "clock_unsynchronised")
HEALTH_KEYS: Final[tuple[Key, ...]] = tuple((ill, Kind.DEVICE_HEALTH) for ill in ILLS)


class Disk(NamedTuple):
    """How many bytes it has, and how many of them are free for us."""

    size: int
    free: int

    @property
    def free_share(self) -> float:
        """The share of it that is free, 1 where there is enough whatever its size."""
        return 1.0 if self.free >= ENOUGH_FREE or not self.size else self.free / self.size


class DeviceHealth:
    """Looks every LOOK_S. `durable` says whether what is accepted is on disk; `disk` is what the last look found of it, None
    while it doesn't answer.
    """

    def __init__(self, book: CaseBook, directory: Path, durable: Callable[[], bool], clock: Clock):
        self._book, self._directory, self._durable, self._clock = book, directory, durable, clock
        self._seen = dict.fromkeys(ILLS, 0)
        self._opened_s: dict[str, float] = {}
        self._cleared_s: dict[str, float] = {}
        self._asking: asyncio.Future[Disk | None] | None = None
        self.disk: Disk | None = None
        self._synchronised_s = clock.steady()
        if book.current(("clock_unsynchronised", Kind.DEVICE_HEALTH)) is not None:
            self._synchronised_s -= UNSYNCHRONISED_S  # a restart sets no clock
        self._wall = self._offset()

    async def run(self) -> None:
        while True:
            await self.look()
            await self._clock.sleep(LOOK_S)

    async def look(self) -> None:
        """Open and clear the cases of this box, and tell of a wall clock that was set."""
        ills = set(self._ills(await self._free()))
        for ill in ILLS:
            self._seen[ill] = self._seen[ill] + 1 if ill in ills else 0
            self._tell(ill)
        self._look_at_wall()

    async def _free(self) -> float:
        """The share of the disk that is free; none while the disk doesn't even say that, and all where nobody can say."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().run_in_executor(None, _disk, self._directory)
        done, _ = await asyncio.wait([self._asking], timeout=ANSWER_S)
        self.disk = self._asking.result() if done else None
        if not done:
            return 0.0
        return self.disk.free_share if self.disk is not None else 1.0

    def _tell(self, ill: str) -> None:
        """Open, reopen or clear its case."""
        now, now_s, seen = self._clock.now(), self._clock.steady(), self._seen[ill]
        key = (ill, Kind.DEVICE_HEALTH)
        case, earlier = self._book.current(key), self._book.cleared(key)
        if case is not None:
            opened_s = self._opened_s.setdefault(ill, now_s - case.duration_s + case.earlier_s)
            case = structs.replace(case, duration_s=round(case.earlier_s + now_s - opened_s, 1))
            if seen:
                self._book.see(case)
            else:
                self._cleared_s[ill] = now_s
                self._book.put(cases.cleared(case, now))
        elif seen >= LOOKS_TO_OPEN:
            self._opened_s[ill] = now_s
            soon = now_s - self._cleared_s.get(ill, -REOPEN_WINDOW_S) < REOPEN_WINDOW_S
            if earlier is not None and soon:
                self._book.put(cases.reopened(earlier, severity=earlier.severity, value=None, fault=ill, at=now))
            else:
                self._book.put(cases.opened(self._case(ill)))

    def _ills(self, free: float) -> Iterator[str]:
        if free < (CALM_FREE if self._book.current(("disk_full", Kind.DEVICE_HEALTH)) else LEAST_FREE):
            yield "disk_full"
        if not self._durable():
            yield "not_durable"
        now_s = self._clock.steady()
        if self._clock.synchronised():
            self._synchronised_s = now_s
        if now_s - self._synchronised_s >= UNSYNCHRONISED_S:
            yield "clock_unsynchronised"

    def _case(self, ill: str) -> Case:
        now = self._clock.now()
        return Case(
            case_id=self._book.new_id(),
            cabinet="",
            cabinet_name="",
            sensor=ill,
            kind=Kind.DEVICE_HEALTH,
            severity=Severity.INFO if ill == "clock_unsynchronised" else Severity.WARNING,
            unit="",
            opened_at=now,
            started_at=now,
            simulated=False,
            fault=ill,
        )

    def _look_at_wall(self) -> None:
        before, self._wall = self._wall, self._offset()
        if abs(self._wall - before) >= STEP_S:
            self._book.tell(
                EventType.DEVICE_CLOCK_CHANGED,
                Severity.INFO,
                {"by_s": round(self._wall - before, 3), "clock_synced": self._clock.synchronised()},
            )

    def _offset(self) -> float:
        """The wall clock against the steady one, in seconds: it stays what it is unless somebody sets the clock."""
        return self._clock.now().timestamp() - self._clock.steady()


def _disk(directory: Path) -> Disk | None:
    """None where nobody can say."""
    try:
        found = os.statvfs(directory)
    except OSError:
        return None
    return Disk(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)
