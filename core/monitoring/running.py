"""Whether a cabinet runs ever longer for the same cold, as one does that slowly loses its refrigerant. Pure.

The thermostat makes the air a zigzag: it falls while the compressor runs and rises while that rests. From these phases come
two figures, each for one kelvin of the swing, so that set point, differential and size of a cabinet fall out of them:

* the running share: seconds of running for each one of rest;
* the cycle: seconds of running and rest together.

A leak takes cooling capacity away and nothing else. What warms the air is as before, so the rests stay as long as they were;
what cools it is the capacity less that warmth, so the runs lengthen out of proportion, and share and cycle rise together. Other
troubles move one of them only: on a hot day, with a busy door or with warm goods the runs lengthen too, but the rests shorten,
and the cycle stays about what it was; a wider differential or a fuller cabinet makes longer cycles of the same share. A defrost
and the way back from it are quick for each kelvin, as are doors, and look like the opposite of a leak.

Both are compared with the cabinet's own last three days: with what it hardly ever exceeded in them but for the newest hours, so
that what it does every afternoon is no news, and a leak does not hide itself. Until it has learned for LEARNING_NOTES * NOTE_S (18
hours) nothing is said, nor where the air is looked at too seldom for its cycles. While a case is open nothing is learned: a
cabinet that is never repaired does not become usual.

Not told from a leak, since capacity is lost there too: a coil that ices over for a whole day, a fan that fails slowly; and for
some hours the load of a freezer that has been off or was filled with warm goods.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct, structs

from core.events import Severity
from core.monitoring.course import MINUTE_S, Hold
from core.monitoring.rules import Change, Watch

TURN_K: Final = 0.9  # the air has turned: above a probe's noise and most doors, below the differential of a thermostat
RECENT_S: Final = 4 * 3600.0  # what is judged: long enough for a defrost or a busy hour to be the lesser part
FEWEST_CYCLES: Final = 4
MOST_CYCLES: Final = 24
NOTE_S: Final = 3 * 3600.0  # how often it is noted what is usual
LEARNING_NOTES: Final = 6
MOST_NOTES: Final = 24
NEWEST_NOTES: Final = 2  # of a leak's first hours; they are not usual yet
USUALLY: Final = 0.9  # of the time a cabinet runs no more than this: what it does every afternoon is no news
LOOKS_PER_CYCLE: Final = 10  # with fewer, chance makes the lengths
SHARE_RISE: Final = 1.25  # both at once: a capacity that is down to 50 to 60 %
CYCLE_RISE: Final = 1.12
STAYS_RISEN: Final = 0.5  # half of the rise that opened a case: less than that is the way back
LONG_OUTAGE_S: Final = 3600.0  # after one hour without power a freezer ran no longer than usual, after six it did
RELOAD_S: Final = 12 * 3600.0  # until a freezer's load is cold again after six hours without power
CLEAR_S: Final = (
    RECENT_S  # of air that hardly moves any more, as capacity is nearly gone, doors make zigzags for a while
)


class Phase(Struct, frozen=True, array_like=True):
    """One way of the air between two turns."""

    lasted_s: float
    kelvin: float


class Cycle(Struct, frozen=True, array_like=True):
    """One run of the compressor and the rest after it."""

    run: Phase
    rest: Phase

    @property
    def lasted_s(self) -> float:
        return self.run.lasted_s + self.rest.lasted_s


class Duty(Struct, frozen=True, array_like=True):
    """Seconds of running for one of rest, and seconds of both for one kelvin."""

    share: float
    cycle_s: float


class Running(Watch, frozen=True, kw_only=True, omit_defaults=True):
    """How one cabinet runs. `minute` is sum and count of the minute that runs, `minute_s` how long that is; `inside_s` counts
    since an open case has been on its way back.

    The air has been on its way for `phase_s` since it turned at `turned_c`, downwards if `falling`; it was furthest at
    `furthest_c`, `back_s` ago. `run` is the last run that is over, `cycles` the recent ones, `notes` what was usual,
    the last `noted_s` ago.
    """

    minute_s: float = 0.0
    falling: bool = False
    turned_c: float | None = None
    furthest_c: float = 0.0
    phase_s: float = 0.0
    back_s: float = 0.0
    run: Phase | None = None
    cycles: tuple[Cycle, ...] = ()
    notes: tuple[Duty, ...] = ()
    noted_s: float = 0.0

    @property
    def phase(self) -> tuple[object, ...]:
        """A cycle that is over, and what was noted; of the one that goes on a crash may cost what it likes."""
        return self.severity, self.cycles, self.notes, self.quiet_s is None

    @property
    def runs(self) -> bool:
        return False


UNKNOWN: Final = Running()
Stepped = tuple[Running, Change | None]


def broken_off(watch: Running) -> Running:
    """A gap too short for the goods to get warm: the phase that it fell into is not counted."""
    return structs.replace(watch, minute=(0.0, 0), minute_s=0.0, turned_c=None, phase_s=0.0, back_s=0.0, run=None)


def after_outage(watch: Running) -> Running:
    """Nobody knows what was; what is warm by now keeps the compressor running for RELOAD_S."""
    return Running(notes=watch.notes, severity=watch.severity, quiet_s=0.0)


def step_running(watch: Running, value: float, dt_s: float, window: Hold | None = None) -> Stepped:
    """One good value of the air in °C, `dt_s` after the one before, which the caller keeps short.

    `window` is a known reason to wait with an alarm, such as a defrost.
    """
    if watch.quiet_s is not None:
        quiet_s = watch.quiet_s + max(dt_s, 0.0)
        watch = structs.replace(watch, quiet_s=quiet_s if quiet_s < RELOAD_S else None)
        window = window or Hold.STARTUP
    minute, minute_s = (watch.minute[0] + value, watch.minute[1] + 1), watch.minute_s + max(dt_s, 0.0)
    if minute_s < MINUTE_S:
        return structs.replace(watch, minute=minute, minute_s=minute_s), None
    watch = structs.replace(watch, minute=(0.0, 0), minute_s=0.0)
    watch = _noted(_moved(watch, minute[0] / minute[1], minute_s), minute_s)
    return _judged(watch, minute_s, window)


def _moved(watch: Running, value: float, dt_s: float) -> Running:
    """The zigzag drawn on by a minute."""
    if watch.turned_c is None:
        return structs.replace(watch, turned_c=value, furthest_c=value)
    phase_s, back_s = watch.phase_s + dt_s, watch.back_s + dt_s
    back_k = value - watch.furthest_c if watch.falling else watch.furthest_c - value
    if back_k < 0:
        return structs.replace(watch, furthest_c=value, phase_s=phase_s, back_s=0.0)
    if back_k < TURN_K:
        return structs.replace(watch, phase_s=phase_s, back_s=back_s)
    over = Phase(round(phase_s - back_s), round(abs(watch.furthest_c - watch.turned_c), 2))
    cycles = watch.cycles
    if not watch.falling and watch.run is not None:
        cycles = _recent((*cycles, Cycle(watch.run, over)))
    return structs.replace(
        watch,
        falling=not watch.falling,
        turned_c=watch.furthest_c,
        furthest_c=value,
        phase_s=back_s,
        back_s=0.0,
        run=over if watch.falling else None,
        cycles=cycles,
    )


def _recent(cycles: tuple[Cycle, ...]) -> tuple[Cycle, ...]:
    """As many of the last ones as make up RECENT_S."""
    cycles = cycles[-MOST_CYCLES:]
    while len(cycles) > FEWEST_CYCLES and sum(cycle.lasted_s for cycle in cycles[1:]) >= RECENT_S:
        cycles = cycles[1:]
    return cycles


def _noted(watch: Running, dt_s: float) -> Running:
    """Remember now and then what is usual; not while it is not."""
    noted_s = watch.noted_s + dt_s
    if noted_s < NOTE_S or len(watch.cycles) < FEWEST_CYCLES or watch.severity is not None:
        return structs.replace(watch, noted_s=min(noted_s, NOTE_S))
    note = duty([cycle.run for cycle in watch.cycles], [cycle.rest for cycle in watch.cycles])
    return structs.replace(watch, notes=(*watch.notes, note)[-MOST_NOTES:], noted_s=0.0)


def _judged(watch: Running, dt_s: float, window: Hold | None) -> Stepped:
    rise = risen(watch)
    if rise is None:
        return watch, None
    if watch.severity is not None:
        inside_s = None if rise >= STAYS_RISEN else (watch.inside_s or 0.0) + dt_s
        if inside_s is not None and inside_s >= CLEAR_S:
            return structs.replace(watch, severity=None, inside_s=None), Change.CLEARED
        return structs.replace(watch, inside_s=inside_s), None
    cycles = watch.cycles
    coarse = sum(cycle.lasted_s for cycle in cycles) < LOOKS_PER_CYCLE * dt_s * len(cycles)
    if rise < 1 or coarse or window is not None:
        return watch, None
    return structs.replace(watch, severity=Severity.WARNING), Change.OPENED


def risen(watch: Running) -> float | None:
    """How far share and cycle have both risen towards a warning: 0 is as usual, 1 the warning; None before it is known."""
    if len(watch.notes) < LEARNING_NOTES or not watch.cycles:
        return None
    runs = [cycle.run for cycle in watch.cycles]
    now = duty([*runs, *_run_so_far(watch, runs)], [cycle.rest for cycle in watch.cycles])
    notes = watch.notes[:-NEWEST_NOTES]
    share = now.share / usual([note.share for note in notes])
    cycle = now.cycle_s / usual([note.cycle_s for note in notes])
    return min((share - 1) / (SHARE_RISE - 1), (cycle - 1) / (CYCLE_RISE - 1))


def _run_so_far(watch: Running, runs: Sequence[Phase]) -> list[Phase]:
    """The run that is not over yet, once it is longer and slower than the others: it can only become more so."""
    if not watch.falling or watch.turned_c is None or watch.phase_s * len(runs) <= sum(run.lasted_s for run in runs):
        return []
    so_far = Phase(watch.phase_s, watch.turned_c - watch.furthest_c)
    return [so_far] if so_far.lasted_s / so_far.kelvin > pace(runs) else []


def duty(runs: Sequence[Phase], rests: Sequence[Phase]) -> Duty:
    running_s, resting_s = pace(runs), pace(rests)
    return Duty(round(running_s / resting_s, 3), round(running_s + resting_s, 1))


def pace(phases: Sequence[Phase]) -> float:
    """Seconds for one kelvin: the mean of the middle half of the time, so that no defrost and no door weighs much."""
    left = sum(phase.lasted_s for phase in phases) / 4
    wanted_s = total = 2 * left
    seconds = 0.0
    for per_k, lasted_s in sorted((phase.lasted_s / phase.kelvin, phase.lasted_s) for phase in phases):
        skipped = min(left, lasted_s)
        taken = min(wanted_s, lasted_s - skipped)
        left, wanted_s = left - skipped, wanted_s - taken
        seconds += taken * per_k
    return seconds / total


def usual(values: Sequence[float]) -> float:
    """What USUALLY of them do not exceed, between two of them in proportion."""
    ranked, at = sorted(values), USUALLY * (len(values) - 1)
    below = int(at)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (at - below) * (ranked[above] - ranked[below])
