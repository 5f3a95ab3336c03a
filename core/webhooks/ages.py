"""How long deliveries wait for their receivers. A paused or limited endpoint and a box without network don't count."""

from collections.abc import Iterable, Mapping

from core.clock import Clock
from core.webhooks.deliveries import Status
from core.webhooks.entries import Entry
from core.webhooks.gate import Gate


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
        return entry.delivery.age_s + self.now_s(entry.delivery.endpoint) - entry.aged_at_s

    def oldest_s(self, pending: Iterable[Entry]) -> float | None:
        """Of these the greatest age; None where there are none."""
        born_first_s: dict[str, float] = {}  # of each endpoint, the clock's time at which the oldest was new
        for entry in pending:
            born_s, endpoint = entry.aged_at_s - entry.delivery.age_s, entry.delivery.endpoint
            if born_s < born_first_s.get(endpoint, float("inf")):
                born_first_s[endpoint] = born_s
        return max((self.now_s(endpoint) - born_s for endpoint, born_s in born_first_s.items()), default=None)
