"""How long deliveries wait for their receivers. A paused or limited endpoint and a box without network don't count."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import structs

from core.clock import Clock
from core.webhooks.deliveries import Status
from core.webhooks.entries import Entries
from core.webhooks.entry import Entry
from core.webhooks.gate import Gate

AT_ONCE: Final = 100  # between them everything else of the core has its turn


class Ages:
    """Each endpoint has its own clock, its gate's; where there is none, time counts as it is."""

    def __init__(self, gates: Mapping[str, Gate], clock: Clock):
        self._gates, self._clock = gates, clock

    def now_s(self, endpoint: str) -> float:
        """What the endpoint's clock shows."""
        gate, now_s = self._gates.get(endpoint), self._clock.steady()
        return now_s if gate is None else gate.counted_s(now_s)

    def age_s(self, entry: Entry) -> float:
        """Of one delivery; of one that waits no more, what it was then."""
        if entry.delivery.status is not Status.PENDING:
            return entry.delivery.age_s
        return self.now_s(entry.delivery.endpoint) - entry.born_s

    def oldest_s(self, entries: Iterable[Entry]) -> float | None:
        """Of these the greatest age; None where there are none."""
        return max(map(self.age_s, entries), default=None)

    async def write_down(self, known: Entries, older_by_s: float) -> None:
        """Put into the journal how old each delivery is that has aged by more than this since its last line: else a box that
        is switched off every night would never give up.
        """
        for number, entry in enumerate(list(known)):
            age_s = self.age_s(entry)
            if entry.in_flight is None and age_s - entry.delivery.age_s > older_by_s:
                known.put(entry, structs.replace(entry.delivery, age_s=round(age_s, 3)), lazy=True)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
