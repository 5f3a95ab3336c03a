"""How long a cabinet may be too warm in a day, all excursions taken together. Pure.

Several excursions, each too short for the alarm delay, add up in the goods as one long one does; a limit with a delay alone
never sees them.
"""

from typing import Final, Self

from msgspec import structs

from core.events import Severity
from core.monitoring.rules import Change, Edge, Watch

HOUR_S: Final = 3600.0
HOURS: Final = 24


class Budget(Watch, frozen=True, kw_only=True, omit_defaults=True):
    """`hours` are the seconds above the critical limit in each of the last HOURS hours, newest last; `hour_s` how far the newest is."""

    hours: tuple[float, ...] = (0.0,)
    hour_s: float = 0.0

    @property
    def used_s(self) -> float:
        return sum(self.hours)

    @property
    def phase(self) -> tuple[object, ...]:
        """A minute of what was used up, a quarter of an hour of what rolls away."""
        return self.severity, int(self.used_s // 60), self.used_s > 0 and int(self.hour_s // 900)

    @property
    def runs(self) -> bool:
        return False

    def ended(self) -> Self:
        """What of the day was used up stays used up."""
        return structs.replace(self, severity=None, peak=None)

    def dismissed(self) -> "Budget":
        return self.ended()


def step_budget(
    watch: Budget, edge: Edge, budget_s: float, value: float, dt_s: float, *, alarmed: bool = False
) -> tuple[Budget, Change | None]:
    """One good value, `dt_s` after the one before. The day rolls by whole hours, also while nobody looks; as warm counts only
    what was seen, so that a gap uses up one longest step at most.

    `alarmed`: a critical case tells already that it is too warm, a second one would only call people twice; it is opened where
    that case is over and the air gets too warm again. It is over when so much of the day has rolled by that the rest keeps within the budget, and the air is inside.
    """
    rolled_s = min(max(dt_s, 0.0), HOURS * HOUR_S)
    dt_s = min(rolled_s, edge.longest_step_s)
    excess = edge.excess(value, edge.limit_for(Severity.CRITICAL))
    hours, hour_s = list(watch.hours), watch.hour_s + rolled_s
    while hour_s >= HOUR_S:
        hours.append(0.0)
        hour_s -= HOUR_S
    hours[-1] += dt_s if excess > 0 else 0.0
    after = structs.replace(watch, hours=tuple(hours[-HOURS:]), hour_s=hour_s, breaching=False)
    if after.severity is None:
        if alarmed or excess <= 0 or after.used_s <= budget_s:
            return after, None
        return structs.replace(after, severity=Severity.CRITICAL, elapsed_s=after.used_s, peak=value), Change.OPENED
    after = structs.replace(after, elapsed_s=watch.elapsed_s + dt_s, peak=edge.worse(watch.peak, value))
    if after.used_s > budget_s or excess > -edge.hysteresis_k:
        return after, None
    return after.ended(), Change.CLEARED
