"""What a stretch of minutes amounts to: time in limit, excursions, degree-minutes, mean kinetic temperature. Pure."""

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec import Struct

ZERO_C_IN_K: Final = 273.15
# Haynes 1971, as USP <1079.2> uses it: an activation energy of 83.144 kJ/mol, R = 8.314e-3 kJ/(mol K).
ACTIVATION_K: Final = 83.144 / 8.314e-3


class Minute(NamedTuple):
    """One minute of one sensor. `tick` numbers the minutes by the source's steady time and only ever rises; what is missing
    between two is a gap. `at_ms` is the UTC time of its first sample, for people. `low`, `mean`, `high` are in the sensor's
    unit, None where none of its `total` samples was good.
    """

    tick: int
    at_ms: int
    low: float | None
    mean: float | None
    high: float | None
    good: int
    total: int
    quality: int


class Statistics(Struct, frozen=True, kw_only=True):
    """Times in minutes, temperatures in °C; None where nothing is known or no limit was given.

    `known_min` had a good value, `gap_min` between the first and the last minute had none. `in_limit_pct` is of the known
    minutes. An excursion is a stretch of known minutes whose mean is above `high`; a gap neither ends nor lengthens it.
    """

    known_min: int
    gap_min: int
    low: float | None
    mean: float | None
    high: float | None
    mkt: float | None
    in_limit_pct: float | None
    excursions: int | None
    longest_excursion_min: int | None
    degree_min: float | None


def statistics_of(minutes: Iterable[Minute], low: float | None, high: float | None) -> Statistics:
    """`minutes` in the order of their ticks; `low` and `high` are the limits, either may be None."""
    tally = _Tally(-math.inf if low is None else low, math.inf if high is None else high)
    for minute in minutes:
        tally.add(minute)
    known = tally.known
    return Statistics(
        known_min=known,
        gap_min=tally.span - known,
        low=tally.lowest if known else None,
        mean=tally.sum / known if known else None,
        high=tally.highest if known else None,
        mkt=_temperature(tally.rates / known) if known else None,
        in_limit_pct=100 * tally.inside / known if known and (low, high) != (None, None) else None,
        excursions=None if high is None else tally.excursions,
        longest_excursion_min=None if high is None else tally.longest,
        degree_min=None if high is None else tally.degree_min,
    )


def mean_kinetic_temperature(course: Iterable[tuple[float, float]]) -> float | None:
    """The steady temperature that would do as much harm as this course of (°C, minutes) did; None of no time at all.

    T_K = (dH/R) / -ln(sum(t_i exp(-dH/(R T_i))) / sum(t_i)), the times being weights. It lies between the mean and the
    highest, and it hides freezing: show it together with the lowest.
    """
    weighted = total = 0.0
    for celsius, minutes in course:
        weighted += minutes * _rate(celsius)
        total += minutes
    return _temperature(weighted / total) if total > 0 else None


def _rate(celsius: float) -> float:
    return math.exp(-ACTIVATION_K / (celsius + ZERO_C_IN_K))


def _temperature(rate: float) -> float:
    return ACTIVATION_K / -math.log(rate) - ZERO_C_IN_K


class _Tally:
    """Sums over one pass, so that a year need not be held."""

    def __init__(self, low: float, high: float):
        self._low, self._high = low, high
        self._first_tick: int | None = None
        self._above = 0
        self.span = self.known = self.inside = self.excursions = self.longest = 0
        self.sum = self.rates = self.degree_min = 0.0
        self.lowest, self.highest = math.inf, -math.inf

    def add(self, minute: Minute) -> None:
        if self._first_tick is None:
            self._first_tick = minute.tick
        self.span = minute.tick - self._first_tick + 1
        mean = minute.mean
        if mean is None or minute.low is None or minute.high is None:
            return
        self.known += 1
        self.sum += mean
        self.rates += _rate(mean)
        self.lowest, self.highest = min(self.lowest, minute.low), max(self.highest, minute.high)
        if mean > self._high:
            self.excursions += not self._above
            self._above += 1
            self.longest = max(self.longest, self._above)
            self.degree_min += mean - self._high
        else:
            self._above = 0
            self.inside += mean >= self._low
