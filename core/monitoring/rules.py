"""When a limit counts as broken and when as kept again. Pure state machines: a state and a value in, a state out.

A watch is one limit side of one sensor; what other rules remember is made of it. Time is the sum of the steps between good values, each step at
most `longest_step_s`, and a clock starts at 0 with the first value that starts it: so a gap, a restart or a clock that jumps
can neither fire nor clear anything by itself.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, Self

from msgspec import Struct, structs

from core.events import Severity, rank
from core.monitoring import course
from core.monitoring.course import Hold
from core.monitoring.presets import Terms
from core.settings import Limits

MAX_STEP_S: Final = 300.0
REOPEN_WINDOW_S: Final = 1800.0
STARTUP_S: Final = 3600.0  # pull-down after a power cut: Danfoss ERC 213, A12
DOUBT_S: Final = 240.0  # a hold lasts this long beyond its last reason: at its turn the air stands still for a while
AHEAD_S: Final = 600.0  # so long before an alarm is due its course is asked for a reason to wait
HOLDS_PER_DAY: Final = 8  # breaches a day that may be excused: hardly a cabinet defrosts more often
DAY_S: Final = 86_400.0
REST_S: Final = 600.0  # so long at or below the limit, and what comes then is another warmth than what was before
STRAY_S: Final = 60.0  # a value or two inside do not end a breach: one stray sample would begin its delay again
STRAY_SHARE: Final = 1 / 30  # of the alarm delay
LONG_S: Final = 6 * 3600.0
WINDOW_S: Final = 3600.0  # how long what is over still excuses or reopens something, unless it is set to longer


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
    reopen_window_s: float = REOPEN_WINDOW_S
    longest_step_s: float = MAX_STEP_S

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

    def worse(self, one: float | None, other: float | None) -> float | None:
        """The one that is further out, as far as they are known."""
        known = [value for value in (one, other) if value is not None]
        return max(known, key=lambda value: self.excess(value, 0.0), default=None)


def edges_of(terms: Terms, limits: Limits, longest_step_s: float = MAX_STEP_S) -> tuple[Edge, ...]:
    """The sides that there are limits for; a slowly polled source needs longer steps than MAX_STEP_S."""
    sides = ((Side.HIGH, limits.warn_high, limits.high), (Side.LOW, limits.warn_low, limits.low))
    return tuple(
        Edge(
            side=side,
            warn=warn,
            critical=critical,
            alarm_delay_s=terms.alarm_delay_s,
            clear_delay_s=terms.clear_delay_s,
            hysteresis_k=terms.hysteresis_k,
            reopen_window_s=terms.reopen_window_s,
            longest_step_s=longest_step_s,
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
    """Where one watch stands, in seconds of judged time. A clock that is None does not run.

    `breach_s` and `critical_s` count beyond the inner and the critical limit, `inside_s` back inside since the case
    opened, `elapsed_s` all since the breach began, `quiet_s` from the last case's end to the next breach, as far as
    the reopen window. `warm_start`: the first value after an outage was beyond the limit already. `severity` is that of
    the open case.

    `since_s` is the `elapsed_s` when the air got above the limit last after a rest at or below it, `rest_s` how long it has
    rested. `course` holds the value minute by minute since then, `minute` sum and count of the one that runs; `hold` why
    a due alarm waits or waited, `…_held_s` the `elapsed_s` when a severity last had a reason; `excused` how long ago each
    breach of the last day was that was excused.
    """

    breaching: bool = False
    warm_start: bool = False
    breach_s: float | None = None
    critical_s: float | None = None
    inside_s: float | None = None
    elapsed_s: float = 0.0
    quiet_s: float | None = None
    since_s: float = 0.0
    rest_s: float | None = None
    peak: float | None = None
    severity: Severity | None = None
    course: tuple[float, ...] = ()
    minute: tuple[float, int] = (0.0, 0)
    hold: Hold | None = None
    warning_held_s: float | None = None
    critical_held_s: float | None = None
    excused: tuple[float, ...] = ()

    @property
    def pending(self) -> bool:
        """A timer runs, but no case is open yet."""
        return self.severity is None and self.breaching

    @property
    def phase(self) -> tuple[object, ...]:
        """What a crash must not cost, while it may cost some of the clocks: breaching, open as what, within the window."""
        return self.breaching, self.severity, self.quiet_s is not None, int(self.elapsed_s // LONG_S)

    @property
    def runs(self) -> bool:
        """Whether a clock runs that is worth a line a minute."""
        over = self.quiet_s is not None and self.quiet_s < WINDOW_S
        return self.breaching or self.severity is not None or over

    def ended(self) -> Self:
        """As after its case has cleared."""
        return structs.replace(type(self)(), quiet_s=0.0)

    def dismissed(self) -> Self:
        """As after a person has closed its case while it went on."""
        return type(self)()


IDLE: Final = Watch()
Stepped = tuple[Watch, Change | None]


def step(watch: Watch, edge: Edge, value: float, dt_s: float, window: Hold | None = None) -> Stepped:
    """One good value, `dt_s` after the one before. `window` is a known reason to wait with an alarm, such as a defrost."""
    dt_s = min(max(dt_s, 0.0), edge.longest_step_s)
    doubt_s = max(DOUBT_S, 2 * dt_s)  # who looks seldom sees the turn only with the second value after it
    excess = edge.excess(value, edge.inner)
    if watch.excused:
        watch = structs.replace(watch, excused=tuple(age + dt_s for age in watch.excused if age + dt_s < DAY_S))
    if watch.severity is not None:
        return _step_open(counted(watch, edge, value, dt_s, excess), edge, value, window, doubt_s)
    if watch.breaching:
        if excess <= -edge.hysteresis_k:
            inside_s = 0.0 if watch.inside_s is None else watch.inside_s + dt_s
            if inside_s < min(STRAY_S, STRAY_SHARE * edge.alarm_delay_s):
                return structs.replace(watch, inside_s=inside_s, elapsed_s=watch.elapsed_s + dt_s), None
            excused = watch.excused if watch.hold is None else (*watch.excused, 0.0)
            quiet_s = _quiet(watch, edge, watch.elapsed_s + dt_s)
            return Watch(quiet_s=quiet_s, excused=excused), None
        return _opened(counted(watch, edge, value, dt_s, excess), edge, value, window, doubt_s)
    quiet_s = _quiet(watch, edge, dt_s)
    if excess <= 0:
        return Watch(quiet_s=quiet_s, excused=watch.excused), None
    begun = Watch(
        breaching=True,
        warm_start=watch.warm_start,
        quiet_s=quiet_s,
        excused=watch.excused,
        course=(value,),
    )
    return _opened(counted(begun, edge, value, 0.0, excess), edge, value, window, doubt_s)


def _step_open(watch: Watch, edge: Edge, value: float, window: Hold | None, doubt_s: float) -> Stepped:
    """Whether the open case clears or gets worse."""
    if watch.inside_s is not None and watch.inside_s >= edge.clear_delay_s:
        return Watch(quiet_s=0.0, elapsed_s=watch.elapsed_s, peak=watch.peak, excused=watch.excused), Change.CLEARED
    worst = next(_all_ripe(watch, edge, value, edge.alarm_delay_s), None)
    if worst is None or rank(worst) <= rank(watch.severity or worst):
        return watch, None
    watch, waits = _waits(watch, edge, value, worst, window, doubt_s)
    return (watch, None) if waits else (structs.replace(watch, severity=worst), Change.SEVERITY_CHANGED)


def _opened(watch: Watch, edge: Edge, value: float, window: Hold | None, doubt_s: float) -> Stepped:
    """The worst severity that is due and that nothing holds back.

    The course of what is about to be due is looked at too: at the turn of the air there is no reason to be seen, and who looks
    seldom may look just then.
    """
    due = set(_all_ripe(watch, edge, value, edge.alarm_delay_s))
    for severity in _all_ripe(watch, edge, value, edge.alarm_delay_s - AHEAD_S):
        watch, waits = _waits(watch, edge, value, severity, window if severity in due else None, doubt_s)
        if not waits and severity in due:
            return structs.replace(watch, severity=severity), Change.OPENED
    return watch, None


def _waits(
    watch: Watch, edge: Edge, value: float, severity: Severity, window: Hold | None, doubt_s: float
) -> tuple[Watch, bool]:
    """Whether this severity, which is due, has a reason to wait; and the watch that remembers it."""
    mark = "critical_held_s" if severity is Severity.CRITICAL else "warning_held_s"
    limit, high = edge.limit_for(severity), edge.side is Side.HIGH
    if (
        not edge.alarm_delay_s
        or len(watch.excused) >= HOLDS_PER_DAY
        or watch.elapsed_s - watch.since_s >= course.LONGEST_S
    ):
        return structs.replace(watch, hold=None), False
    excesses = [edge.excess(one, limit) for one in watch.course]
    known = window or (Hold.STARTUP if watch.warm_start and watch.elapsed_s < STARTUP_S else None)
    reason = (known if high else None) or course.hold(excesses, edge.excess(value, limit), heated=high)
    if reason is not None:
        return structs.replace(watch, hold=reason, **{mark: watch.elapsed_s}), True
    held_s = getattr(watch, mark)
    return watch, held_s is not None and watch.elapsed_s - held_s <= doubt_s


def _quiet(watch: Watch, edge: Edge, dt_s: float) -> float | None:
    """The quiet clock `dt_s` later; beyond the window the last case is history."""
    quiet_s = None if watch.quiet_s is None else watch.quiet_s + dt_s
    return quiet_s if quiet_s is not None and quiet_s <= edge.reopen_window_s else None


def counted(watch: Watch, edge: Edge, value: float, dt_s: float, excess: float) -> Watch:
    """Run the clocks that this value keeps running, and draw the course on."""
    critical_s = None
    if edge.critical is not None:
        critical_s = _run(watch.critical_s, edge.excess(value, edge.critical), edge.hysteresis_k, dt_s)
    inside_s = None
    if excess <= -edge.hysteresis_k:
        inside_s = 0.0 if watch.inside_s is None else watch.inside_s + dt_s
    elapsed_s = watch.elapsed_s + dt_s
    watch, rest_s = _rested(watch, value, excess, dt_s, elapsed_s)
    drawn, minute = watch.course, watch.minute
    if dt_s > 0 and rest_s is None:
        drawn, minute = course.drawn_on(drawn, (minute[0] + value, minute[1] + 1), elapsed_s - watch.since_s)
    return structs.replace(
        watch,
        breach_s=_run(watch.breach_s, excess, edge.hysteresis_k, dt_s),
        critical_s=critical_s,
        inside_s=inside_s,
        elapsed_s=elapsed_s,
        rest_s=rest_s,
        peak=edge.worse(watch.peak, value),
        course=drawn,
        minute=minute,
    )


def _rested(watch: Watch, value: float, excess: float, dt_s: float, elapsed_s: float) -> tuple[Watch, float | None]:
    """How long the air has been at or below the limit; above it again after REST_S, holds are counted anew."""
    if excess <= 0:
        return watch, (watch.rest_s or 0.0) + dt_s
    if watch.rest_s is None or watch.rest_s < REST_S:
        return watch, None
    anew = structs.replace(
        watch, since_s=elapsed_s, course=(value,), minute=(0.0, 0), hold=None, warning_held_s=None, critical_held_s=None
    )
    return anew, None


def _run(clock_s: float | None, excess: float, hysteresis_k: float, dt_s: float) -> float | None:
    """A breach clock runs beyond the limit, stands still within the hysteresis, and is gone inside it."""
    if excess > 0:
        return 0.0 if clock_s is None else clock_s + dt_s
    return clock_s if excess > -hysteresis_k else None


def _all_ripe(watch: Watch, edge: Edge, value: float, after_s: float) -> Iterator[Severity]:
    """What the clocks say now, the worst first; only a value beyond a limit can raise it."""
    for severity, limit, clock_s in (
        (Severity.CRITICAL, edge.critical, watch.critical_s),
        (Severity.WARNING, edge.warn, watch.breach_s),
    ):
        ripe = clock_s is not None and clock_s >= after_s
        if ripe and limit is not None and edge.excess(value, limit) > 0:
            yield severity
