"""Gaps and excursions, found in runs of known minutes that come in the order of their ticks. Pure."""

from typing import Final, NamedTuple

from core.monitoring.labels import MINUTE_MS

MOST_GAPS: Final = 10_000  # of one sensor that are listed one by one; all of them are counted


class Gap(NamedTuple):
    """A stretch without a good value. Its minutes are counted by the steady time, which no jump of the wall clock touches."""

    since_ms: int
    until_ms: int
    minutes: int


class Run(NamedTuple):
    """Minutes with a good value that follow on each other, all of them `above` the upper limit or none."""

    tick: int
    last_tick: int
    at_ms: int
    last_at_ms: int
    above: bool


class Tally:
    """What one sensor's runs amount to; what lies before the first counts as missing from `start_ms` on."""

    def __init__(self, start_ms: int):
        self._start_ms = start_ms
        self._last: Run | None = None
        self._above = 0
        self.gaps: list[Gap] = []
        self.gap_count = self.gap_min = self.excursions = self.longest = 0

    def add(self, run: Run) -> None:
        last, self._last = self._last, run
        if last is None:
            self._miss(self._start_ms, run.at_ms, (run.at_ms - self._start_ms) // MINUTE_MS)
        else:
            self._miss(last.last_at_ms + MINUTE_MS, run.at_ms, run.tick - last.last_tick - 1)
        if not run.above:
            self._above = 0
            return
        self.excursions += not self._above
        self._above += run.last_tick - run.tick + 1
        self.longest = max(self.longest, self._above)

    def end(self, end_ms: int) -> None:
        """Nothing more comes before then."""
        since_ms = self._start_ms if self._last is None else self._last.last_at_ms + MINUTE_MS
        self._miss(since_ms, end_ms, (end_ms - since_ms) // MINUTE_MS)

    def _miss(self, since_ms: int, until_ms: int, minutes: int) -> None:
        if minutes <= 0:
            return
        self.gap_count += 1
        self.gap_min += minutes
        if len(self.gaps) < MOST_GAPS:
            self.gaps.append(Gap(since_ms, until_ms, minutes))
