"""The only reader of time: wall clock for people, boot time for waiting. Everybody else is handed a Clock."""

import asyncio
import ctypes
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

_TIME_ERROR = 5  # adjtimex(2): the kernel's word for "not synchronised"
_TIMEX_BYTES = 256  # more than sizeof(struct timex) on every Linux


class Clock(Protocol):
    """What a loop may ask of time; tests hand in one they turn by hand."""

    def now(self) -> datetime:
        """The wall clock in UTC: for people, files and the wire, never for waiting."""

    def steady(self) -> float:
        """Seconds that only ever rise, suspend included: for waiting and for ages."""

    def synchronised(self) -> bool:
        """Whether the wall clock is disciplined by a time source."""

    async def sleep(self, seconds: float) -> None:
        """Wait; while the box is suspended this may stand still, so what must not be late looks at `steady` again."""


class SystemClock:
    """The machine's clocks: CLOCK_REALTIME and CLOCK_BOOTTIME."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def steady(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def synchronised(self) -> bool:
        # All-zero modes only read the state, which needs no privilege.
        state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        return 0 <= state < _TIME_ERROR

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


def boot_id() -> str:
    """The kernel's id of this boot, so that a receiver can tell a restart of the box from one of the program."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def utc_text(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and Z: a journal line's `t` and a webhook's `timestamp`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
