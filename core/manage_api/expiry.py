"""The time by which tokens expire. A box without a battery clock comes back from a power cut decades ago; that must let
nobody in again whose time is over.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from core.clock import Clock

_NEVER = datetime.min.replace(tzinfo=UTC)


class Today:
    """The wall clock where a time source disciplines it; else the later of it and the last time that is known: when the
    newest of the files `written` was, or the clock was last disciplined. So an undisciplined clock can end a token too
    early, never too late.
    """

    def __init__(self, clock: Clock, written: Iterable[Path] = ()):
        self._clock, self._known = clock, _last_change(written)

    def now(self) -> datetime:
        now = self._clock.now()
        if self._clock.synchronised():
            self._known = now
        return max(now, self._known)


def _last_change(paths: Iterable[Path]) -> datetime:
    """When the newest of these files was written: it was that late already."""
    found = _NEVER
    for path in paths:
        try:
            found = max(found, datetime.fromtimestamp(path.stat().st_mtime, UTC))
        except (OSError, OverflowError, ValueError):  # gone, or a time that no calendar has
            continue
    return found
