"""A recording judged as the guard would have judged it while it was made.

The monitor and the case book are the guard's own, so the two can't differ. Only the world around them is another: the
rows turn the clock, the journal keeps nothing, and nobody acknowledges or handles a case.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import chain, islice, pairwise
from statistics import median
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct, field, structs

from core.events import Severity
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Case, Kind
from core.monitoring.monitor import Monitor
from core.monitoring.posts import Line, Post
from core.samples import Sample
from core.settings import Cabinet, Sensor, Settings

LOOK_S: Final = (
    60.0  # how often somebody looks for silence within a gap; the guard's own second would change no judgement
)
SPACING_ROWS: Final = 1000  # enough to know how far apart the rows of a recording are


class Row(Struct, frozen=True):
    """What was read at one time: `steady_s` since the first row, and each sensor's value; None is a fault. `at` is for people."""

    at: datetime
    steady_s: float
    values: dict[str, float | None]


class Found(Struct, frozen=True, kw_only=True):
    """A case as it stands at the end of the recording. `duration_s` of one that goes on is its length until then."""

    kind: Kind
    severity: Severity
    opened_at: datetime
    cleared_at: datetime | None
    peak: float | None
    duration_s: float


class Verdict(Struct, frozen=True, kw_only=True):
    """Cases oldest first. `time_in_limit_pct` is the share of the temperatures' judged time between the critical limits, or
    the warning limit where a side has no critical one; None where there are no limits or no good values.
    """

    cases: tuple[Found, ...]
    time_in_limit_pct: float | None
    rows: int
    skipped: int = 0
    since: datetime = field(name="from")
    until: datetime


def judge(settings: Settings, cabinet: Cabinet, sensors: Sequence[Sensor], rows: Iterable[Row]) -> Verdict | None:
    """The verdict on `rows`, which rise in steady time, over `sensors` of `cabinet`; None where there is no row.

    Rows that are further apart than a sensor's polls are taken as polled so rarely.
    """
    coming = iter(rows)
    head = list(islice(coming, SPACING_ROWS))
    if not head:
        return None
    zone = ZoneInfo(settings.device.timezone)
    trial = _Trial(_lines(settings, sensors, _spacing_s(head)), cabinet, zone, head[0])
    for row in chain(head, coming):
        trial.take(row)
    return trial.verdict()


def _spacing_s(rows: Sequence[Row]) -> float:
    """How far apart most rows are, in seconds; 0 where that can't be told."""
    steps = [after.steady_s - before.steady_s for before, after in pairwise(rows)]
    return median([step for step in steps if step > 0] or [0.0])


def _lines(settings: Settings, sensors: Sequence[Sensor], spacing_s: float) -> list[Line]:
    return [
        Line(
            id=source.id,
            driver="backtest",
            source=_Unpolled(),
            interval_s=max(source.interval_s or settings.monitor.interval_s, spacing_s),
            sensors=mine,
        )
        for source in settings.sources
        if (mine := tuple(sensor for sensor in sensors if sensor.source == source.id))
    ]


class _Trial:
    """One run of a monitor over rows."""

    def __init__(self, lines: Sequence[Line], cabinet: Cabinet, zone: tzinfo, first: Row):
        self._clock = _RowClock(first)
        self._journal = _Memory()
        self._book = CaseBook(self._journal, self._journal, self._clock)
        self._monitor = Monitor(lines, [cabinet], self._book, self._clock, zone=zone)
        self._shares = {post.sensor.id: _Share(post) for post in self._monitor.posts}
        self._patience_s = max(post.stale_after_s for post in self._monitor.posts) + LOOK_S
        self._opened_s: dict[str, float] = {}
        self._first = self._last = first
        self._rows = 0

    def take(self, row: Row) -> None:
        self._pass_gap(row)
        for sensor, value in row.values.items():
            fault = "missing_field" if value is None else None
            self._monitor.take(Sample(sensor=sensor, at=row.at, steady_s=row.steady_s, value=value, fault=fault))
            self._shares[sensor].count()
        self._publish()
        self._last = row
        self._rows += 1

    def _pass_gap(self, row: Row) -> None:
        """Look for silence between two rows, for as long as one may still begin."""
        gap_s = row.steady_s - self._last.steady_s
        waited_s = LOOK_S
        while waited_s < gap_s and waited_s <= self._patience_s:
            self._clock.turn(self._last.at + timedelta(seconds=waited_s), self._last.steady_s + waited_s)
            self._look()
            waited_s += LOOK_S
        self._clock.turn(row.at, row.steady_s)
        self._look()

    def _look(self) -> None:
        self._monitor.look_for_silence()
        self._publish()

    def _publish(self) -> None:
        """Empty the outboxes as publishing does: in a year of swinging they would grow without end."""
        for case_id in self._journal.take_told():
            self._opened_s.setdefault(case_id, self._clock.steady())
            self._book.put(structs.replace(self._book.get(case_id), outbox=()))

    def verdict(self) -> Verdict:
        inside_s = sum(share.inside_s for share in self._shares.values())
        judged_s = sum(share.judged_s for share in self._shares.values())
        return Verdict(
            cases=tuple(self._found(case) for case in reversed(self._book.all())),
            time_in_limit_pct=round(100 * inside_s / judged_s, 2) if judged_s else None,
            rows=self._rows,
            since=self._first.at,
            until=self._last.at,
        )

    def _found(self, case: Case) -> Found:
        duration_s = case.duration_s
        if case.cleared_at is None:
            duration_s = max(duration_s, self._last.steady_s - self._opened_s[case.case_id])
        return Found(
            kind=case.kind,
            severity=case.severity,
            opened_at=case.opened_at,
            cleared_at=case.cleared_at,
            peak=case.peak,
            duration_s=duration_s,
        )


class _Share:
    """How much of a sensor's judged time is within its limits. Time is counted as the rules count it."""

    def __init__(self, post: Post):
        self._post = post
        self._before_s: float | None = None
        self.inside_s = self.judged_s = 0.0

    def count(self) -> None:
        """Call after each of its samples."""
        reading, edges = self._post.reading, self._post.edges
        if not edges or reading is None or reading.value is None:
            return
        step_s = 0.0 if self._before_s is None else min(reading.steady_s - self._before_s, edges[0].longest_step_s)
        self._before_s = reading.steady_s
        self.judged_s += step_s
        if all(edge.excess(reading.value, edge.limit_for(Severity.CRITICAL)) <= 0 for edge in edges):
            self.inside_s += step_s


class _RowClock:
    """The time of the row that is being judged."""

    def __init__(self, first: Row):
        self.turn(first.at, first.steady_s)

    def turn(self, at: datetime, steady_s: float) -> None:
        self._at, self._steady_s = at, steady_s

    def now(self) -> datetime:
        return self._at

    def steady(self) -> float:
        return self._steady_s

    def synchronised(self) -> bool:
        return True

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError("nothing waits while rows are judged")


class _Memory:
    """A journal and an archive of it that keep nothing: a backtest leaves no trace."""

    def __init__(self) -> None:
        self._told: list[str] = []

    def items(self) -> Iterator[tuple[str, int, bytes]]:
        return iter(())

    @property
    def seq(self) -> int:
        return 0

    def put(self, item_id: str, document: bytes, *, lazy: bool = False) -> int:  # noqa: ARG002
        if not lazy:
            self._told.append(item_id)
        return 0

    def delete(self, item_id: str, *, lazy: bool = False) -> int:  # noqa: ARG002
        return 0

    async def settled(self, n: int) -> None:
        """At once."""

    def append(self, name: str, item_id: str, document: bytes) -> bool:  # noqa: ARG002
        return True

    def take_told(self) -> list[str]:
        """The items with news in them since the last call: what must not wait is what has news."""
        told, self._told = self._told, []
        return told


class _Unpolled:
    """Where a source would stand: the rows are here already."""

    simulated = True

    async def poll(self) -> list[Sample]:
        return []

    async def close(self) -> None:
        """There is nothing to give back."""
