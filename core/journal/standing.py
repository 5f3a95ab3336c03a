"""Whether what a journal accepted is on disk, since when not and why, and when the disk is tried again."""

import logging
from datetime import datetime
from typing import Final

from core.clock import Clock
from core.wire import Durability

log = logging.getLogger(__name__)

PROBES_S: Final = (1.0, 5.0, 30.0, 60.0)  # the last one again and again


class Standing:
    """Durable until `lost`; memory-only until `regained`."""

    def __init__(self, name: str, clock: Clock):
        self._name, self._clock = name, clock
        self._probe_at_s, self._probes = 0.0, 0
        self.state = Durability.DURABLE
        self.reason: str | None = None
        self.since: datetime | None = None

    def lost(self, error: OSError) -> None:
        """The disk refused, and what is accepted from now on is only in memory."""
        reason = error.strerror or str(error)
        if reason != self.reason:
            log.warning("%s is not durable: %s", self._name, reason)
        self.state, self.reason, self.since = Durability.MEMORY_ONLY, reason, self.since or self._clock.now()

    def wait(self) -> None:
        """A try was in vain; the next one later."""
        self._probe_at_s = self._clock.steady() + PROBES_S[min(self._probes, len(PROBES_S) - 1)]
        self._probes += 1

    def regained(self) -> None:
        """Everything is on disk."""
        if self.state is not Durability.DURABLE:
            log.info("%s is durable again", self._name)
        self.state, self.reason, self.since, self._probes = Durability.DURABLE, None, None, 0

    @property
    def probe_in_s(self) -> float:
        return self._probe_at_s - self._clock.steady()
