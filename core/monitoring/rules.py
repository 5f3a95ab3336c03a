"""When a limit counts as broken and when as kept again. Pure state machines: a state and a value in, a state out.

A watch is one limit side of one sensor (or its faults). Time is the sum of the steps between good values, each step at
most `MAX_STEP_S`: so a gap, a restart or a clock that jumps can neither fire nor clear anything by itself.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct, structs

from core.events import Severity, rank
from core.monitoring.presets import Terms

MAX_STEP_S: Final = 300.0
MISSES_TO_OPEN: Final = 3  # one silent or broken answer is normal on a bus; three in a row are a fault
GOODS_TO_CLEAR: Final = 3


class Side(StrEnum):
    """Which way is too far."""

    HIGH = "high"
    LOW = "low"


class Edge(Struct, frozen=True, kw_only=True):
    """One side's limits: beyond `warn` is a warning, beyond `critical` critical. One of them is set."""

    side: Side
    warn: float | None
    critical: float | None
    alarm_delay_s: float
    clear_delay_s: float
    hysteresis_k: float

    @property
    def inner(self) -> float:
        """The limit that is met first."""
        found = self.warn if self.warn is not None else self.critical
        assert found is not None
        return found

    def limit_for(self, severity: Severity) -> float:
        return self.critical if severity is Severity.CRITICAL and self.critical is not None else self.inner

    def excess(self, value: float, limit: float) -> float:
        """How far beyond the limit, positive outside."""
        return value - limit if self.side is Side.HIGH else limit - value


def edges_of(terms: Terms) -> tuple[Edge, ...]:
    """The sides that a cabinet has limits for."""
    limits = terms.limits
    sides = ((Side.HIGH, limits.warn_high, limits.high), (Side.LOW, limits.warn_low, limits.low))
    return tuple(
        Edge(
            side=side,
            warn=warn,
            critical=critical,
            alarm_delay_s=terms.alarm_delay_s,
            clear_delay_s=terms.clear_delay_s,
            hysteresis_k=terms.hysteresis_k,
        )
        for side, warn, critical in sides
        if warn is not None or critical is not None
    )


class Change(StrEnum):
    """What a step brought about."""

    OPENED = "opened"
    SEVERITY_CHANGED = "severity_changed"
    CLEARED = "cleared"


class Watch(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where one watch stands, in seconds of judged time.

    `breach_s` and `critical_s` count beyond the inner and the critical limit, `inside_s` back inside since the case
    opened, `elapsed_s` all since the breach began, `quiet_s` since the last case cleared (None: there was none).
    `misses` and `goods` count answers for a fault watch. `severity` is that of the open case.
    """

    breaching: bool = False
    breach_s: float = 0.0
    critical_s: float = 0.0
    inside_s: float = 0.0
    elapsed_s: float = 0.0
    quiet_s: float | None = None
    misses: int = 0
    goods: int = 0
    peak: float | None = None
    severity: Severity | None = None

    @property
    def pending(self) -> bool:
        """A timer runs, but no case is open yet."""
        return self.severity is None and (self.breaching or self.misses > 0)


IDLE: Final = Watch()


def step(watch: Watch, edge: Edge, value: float, dt_s: float) -> tuple[Watch, Change | None]:
    """One good value, `dt_s` after the one before."""
    dt_s = min(max(dt_s, 0.0), MAX_STEP_S)
    excess = edge.excess(value, edge.inner)
    quiet_s = None if watch.quiet_s is None else watch.quiet_s + dt_s
    if watch.severity is None and not watch.breaching:
        if excess <= 0:
            return structs.replace(watch, quiet_s=quiet_s), None
        return _opened(Watch(breaching=True, peak=value, quiet_s=quiet_s), edge, value)
    if watch.severity is None and excess <= -edge.hysteresis_k:
        return Watch(quiet_s=quiet_s), None
    watch = _counted(watch, edge, value, dt_s, excess)
    if watch.severity is None:
        return _opened(structs.replace(watch, quiet_s=quiet_s), edge, value)
    if watch.inside_s >= edge.clear_delay_s and excess <= -edge.hysteresis_k:
        return Watch(quiet_s=0.0, elapsed_s=watch.elapsed_s, peak=watch.peak), Change.CLEARED
    worst = _severity(watch, edge, value)
    if worst is not None and rank(worst) > rank(watch.severity or worst):
        return structs.replace(watch, severity=worst), Change.SEVERITY_CHANGED
    return watch, None


def _counted(watch: Watch, edge: Edge, value: float, dt_s: float, excess: float) -> Watch:
    """Run the clocks that this value keeps running."""
    critical_s = 0.0
    if edge.critical is not None:
        critical_s = _run(watch.critical_s, edge.excess(value, edge.critical), edge.hysteresis_k, dt_s)
    return structs.replace(
        watch,
        breach_s=_run(watch.breach_s, excess, edge.hysteresis_k, dt_s),
        critical_s=critical_s,
        inside_s=watch.inside_s + dt_s if excess <= -edge.hysteresis_k else 0.0,
        elapsed_s=watch.elapsed_s + dt_s,
        peak=value if watch.peak is None or edge.excess(value, watch.peak) > 0 else watch.peak,
    )


def _run(clock_s: float, excess: float, hysteresis_k: float, dt_s: float) -> float:
    """A breach clock runs beyond the limit, stands still within the hysteresis, and falls to 0 inside it."""
    if excess > 0:
        return clock_s + dt_s
    return clock_s if excess > -hysteresis_k else 0.0


def _opened(watch: Watch, edge: Edge, value: float) -> tuple[Watch, Change | None]:
    severity = _severity(watch, edge, value)
    if severity is None:
        return watch, None
    return structs.replace(watch, severity=severity, inside_s=0.0), Change.OPENED


def _severity(watch: Watch, edge: Edge, value: float) -> Severity | None:
    """What the clocks say now; only a value beyond a limit can raise it."""
    if edge.critical is not None and edge.excess(value, edge.critical) > 0 and watch.critical_s >= edge.alarm_delay_s:
        return Severity.CRITICAL
    if edge.warn is not None and edge.excess(value, edge.warn) > 0 and watch.breach_s >= edge.alarm_delay_s:
        return Severity.WARNING
    return None


def step_fault(watch: Watch, *, good: bool) -> tuple[Watch, Change | None]:
    """One answer of a sensor: a value, or a fault."""
    if watch.severity is None:
        if good:
            return IDLE, None
        misses = watch.misses + 1
        if misses < MISSES_TO_OPEN:
            return structs.replace(watch, misses=misses), None
        return Watch(severity=Severity.WARNING), Change.OPENED
    goods = watch.goods + 1 if good else 0
    if goods < GOODS_TO_CLEAR:
        return structs.replace(watch, goods=goods), None
    return IDLE, Change.CLEARED
