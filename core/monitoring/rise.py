"""Air that warms too fast, whatever its limits say. Pure.

Only for cabinets whose defrosts and doors are known or mild: in a freezer every defrost rises faster than any failure.
"""

from typing import Final, Self

from msgspec import structs

from core.events import Severity
from core.monitoring.course import MINUTE_S, Hold
from core.monitoring.rules import Change, Watch

SPAN_MIN: Final = 15
CALM_SHARE: Final = 0.5  # of the threshold: below it the rise is over


class Rise(Watch, frozen=True, kw_only=True, omit_defaults=True):
    """`minutes` are the last values a minute apart, newest last; `minute_s` how long ago the newest was."""

    minutes: tuple[float, ...] = ()
    minute_s: float = 0.0

    @property
    def phase(self) -> tuple[object, ...]:
        """What it has seen of a quarter of an hour may be lost; that a case is open may not."""
        return (self.severity,)

    def ended(self) -> Self:
        return structs.replace(self, severity=None, elapsed_s=0.0, peak=None)


def step_rise(
    watch: Rise, threshold_k: float, value: float, dt_s: float, window: Hold | None
) -> tuple[Rise, Change | None]:
    """One good value: is it more than `threshold_k` above the lowest one of the last SPAN_MIN minutes?

    A known reason to be warm forgets what was before it, and so does a gap that is longer than the span. A case ends with
    such a reason or after a whole span of calm: the first value after a gap does not say that the rise is over.
    """
    minutes, minute_s = watch.minutes, watch.minute_s + max(dt_s, 0.0)
    if window is not None or minute_s > SPAN_MIN * MINUTE_S:
        minutes = ()
    passed = int(minute_s // MINUTE_S) if minutes else 1
    if passed:
        minute_s = minute_s - passed * MINUTE_S if minutes else 0.0
        minutes = (*minutes, *[value] * passed)[-SPAN_MIN - 1 :]
    risen_k = value - min(minutes)
    after = structs.replace(watch, minutes=minutes, minute_s=minute_s)
    if after.severity is None:
        if risen_k <= threshold_k:
            return after, None
        return structs.replace(after, severity=Severity.WARNING, peak=value), Change.OPENED
    peak = value if watch.peak is None else max(watch.peak, value)
    after = structs.replace(after, elapsed_s=watch.elapsed_s + max(dt_s, 0.0), peak=peak)
    if risen_k > CALM_SHARE * threshold_k or (window is None and len(minutes) <= SPAN_MIN):
        return after, None
    return Rise(), Change.CLEARED  # blank: after a restart the minutes on disk would pass for the last ones
