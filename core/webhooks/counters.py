"""How often this core has tried, by endpoint, outcome (delivered, failed) and error class. Since its start, in memory."""

from collections import Counter
from typing import Final

DELIVERED: Final = "delivered"
FAILED: Final = "failed"


class Counters:
    """`attempts` by (endpoint, outcome, error class or "")."""

    def __init__(self) -> None:
        self.attempts: Counter[tuple[str, str, str]] = Counter()

    def count(self, endpoint: str, outcome: str, error_class: str | None) -> None:
        """One more attempt has ended."""
        self.attempts[endpoint, outcome, error_class or ""] += 1

    def of(self, endpoint: str) -> dict[str, int]:
        """Of one endpoint: how many were delivered, and how many failed by error class."""
        return {why or outcome: n for (name, outcome, why), n in self.attempts.items() if name == endpoint}
