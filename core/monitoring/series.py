"""Minutes gathered into steps for a chart, with what the whole stretch amounts to. Pure."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from core.errors import RefusalError
from core.monitoring.labels import moment, ms
from core.monitoring.statistics import Minute, Statistics, statistics_of

MOST_POINTS: Final = 10_000
_END_MS: Final = ms(datetime(9999, 12, 31, tzinfo=UTC))  # later ones overflow in some zone or other


class Point(Struct, frozen=True, kw_only=True):
    """One step: the lowest, the mean by time and the highest of its minutes; None, with no minutes, where nothing is known."""

    at: datetime
    low: float | None
    mean: float | None
    high: float | None
    minutes: int
    good: int
    total: int
    quality: int


class Series(Struct, frozen=True, kw_only=True):
    """Every step from `since` on, also those of which nothing is known."""

    points: tuple[Point, ...]
    statistics: Statistics


class _Step:
    __slots__ = ("good", "high", "low", "minutes", "quality", "sum", "total")

    def __init__(self) -> None:
        self.low, self.high, self.sum = float("inf"), float("-inf"), 0.0
        self.minutes = self.good = self.total = self.quality = 0

    def add(self, minute: Minute) -> None:
        self.good += minute.good
        self.total += minute.total
        self.quality = max(self.quality, minute.quality)
        if minute.low is not None and minute.mean is not None and minute.high is not None:
            self.minutes += 1
            self.sum += minute.mean
            self.low, self.high = min(self.low, minute.low), max(self.high, minute.high)

    def point(self, at: datetime) -> Point:
        known = self.minutes > 0
        return Point(
            at=at,
            low=self.low if known else None,
            mean=round(self.sum / self.minutes, 3) if known else None,
            high=self.high if known else None,
            minutes=self.minutes,
            good=self.good,
            total=self.total,
            quality=self.quality,
        )


def series_of(
    read: Callable[[int, int], Iterable[Minute]],
    since: datetime,
    until: datetime,
    step_s: float,
    low: float | None,
    high: float | None,
) -> Series:
    """`read` gives the minutes whose labels are from .. to before, in UTC milliseconds. Raises RefusalError 409."""
    since_ms, until_ms = (min(ms(at), _END_MS) for at in (since, until))
    if since_ms > until_ms:
        raise RefusalError(409, "since_after_until", "`since` is after `until`")
    step_ms = round(step_s * 1000)
    count = -(-(until_ms - since_ms) // step_ms)
    if count > MOST_POINTS:
        raise RefusalError(409, "too_many_points", f"{count} steps are too many, the most are {MOST_POINTS}")
    steps = [_Step() for _ in range(count)]

    def passing() -> Iterator[Minute]:
        for minute in read(since_ms, until_ms):
            steps[(minute.at_ms - since_ms) // step_ms].add(minute)
            yield minute

    statistics = statistics_of(passing(), low, high)
    points = tuple(step.point(moment(since_ms + at * step_ms)) for at, step in enumerate(steps))
    return Series(points=points, statistics=statistics)
