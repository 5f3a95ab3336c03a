"""The minutes of several sensors side by side. Pure.

Every sensor numbers its own minutes, so that only the labels tell which ones belong together; but a wall clock jumps, and the
same label may come twice. So one sensor leads: another keeps its distance from it for as long as the labels agree, and looks
for its place anew, never backwards, where they don't.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Final

from core.monitoring.labels import MINUTE_MS
from core.monitoring.statistics import Minute

_NEAREST_MS: Final = MINUTE_MS // 2
# Two sources may be a minute apart in when they first speak in a minute, and a restart rounds to half a one.
_APART_MS: Final = MINUTE_MS + _NEAREST_MS
_BEFORE_ALL: Final = -(2**62)

Read = Callable[[], Iterable[Minute]]
_Placed = tuple[int, str, Minute]


def abreast(read: Mapping[str, Read], lead: str) -> Iterator[tuple[int, dict[str, Minute]]]:
    """The minutes of each sensor by the tick of `lead`, rising; where a sensor has none it is left out.

    `read` gives a sensor's minutes in the order of their own ticks; it is called twice for `lead`. `lead` comes first in its
    minute, else the order is that of `read`.
    """
    axis = _Axis(read[lead]())
    names = sorted(read, key=lambda name: name != lead)
    courses = [_placed(axis, name, read[name]()) for name in names]
    for tick, group in groupby(merge(*courses, key=itemgetter(0)), key=itemgetter(0)):
        yield tick, {name: minute for _, name, minute in group}


def _placed(axis: "_Axis", name: str, minutes: Iterable[Minute]) -> Iterator[_Placed]:
    after, distance, apart_ms = _BEFORE_ALL, 0, _NEAREST_MS
    for minute in minutes:
        tick = minute.tick + distance
        if not axis.fits(tick, minute.at_ms, apart_ms):
            found = axis.find(minute.at_ms, after)
            tick = found if found > after else max(tick, after + 1)
            distance = tick - minute.tick
        yield tick, name, minute
        after, apart_ms = tick, _APART_MS


class _Axis:
    """The ticks of the leading sensor and what the wall clock said at each."""

    def __init__(self, minutes: Iterable[Minute]):
        self._ticks, self._labels = array("q"), array("q")
        for minute in minutes:
            self._ticks.append(minute.tick)
            self._labels.append(minute.at_ms)

    def fits(self, tick: int, at_ms: int, apart_ms: int) -> bool:
        """Whether that tick may be called so, give or take `apart_ms`, judging by the minutes beside it."""
        right = bisect_right(self._ticks, tick)
        beside = range(max(right - 1, 0), min(right + 1, len(self._ticks)))
        return any(abs(at_ms - self._label(place, tick)) <= apart_ms for place in beside)

    def _label(self, place: int, tick: int) -> int:
        return self._labels[place] + (tick - self._ticks[place]) * MINUTE_MS

    def find(self, at_ms: int, after: int) -> int:
        """The first tick behind `after` that is called so; else one counted from that end which the label lies beyond."""
        labels = self._labels
        for place in range(max(bisect_right(self._ticks, after) - 1, 0), len(labels) - 1):
            if labels[place] <= at_ms < labels[place + 1]:
                tick = min(self._counted(place, at_ms), self._ticks[place + 1])
                if tick > after:
                    return tick
        return self._counted(0 if at_ms < labels[0] else -1, at_ms)

    def _counted(self, place: int, at_ms: int) -> int:
        return self._ticks[place] + round((at_ms - self._labels[place]) / MINUTE_MS)
