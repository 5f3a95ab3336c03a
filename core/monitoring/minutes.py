"""Reading the minutes: what the file of `minute_file` holds, in the order it was judged in. Blocks; any process, any thread.

A row's tick and label are counted from those of its span.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from core.monitoring.labels import MINUTE_MS
from core.monitoring.statistics import Minute

SCALE: Final = 100  # rows hold hundredths of the sensor's unit
QUALITIES: Final = ("good", "suspect", "fault", "stale")  # by their number in the file; the worst of a minute counts
_PATIENCE_S: Final = 2.0


def at_of(span: str) -> str:
    """As SQL, the label of the row `m` of a span that begins at `span`."""
    return f"{span} + m.minute * {MINUTE_MS} + m.late"


def utc_of(at: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%SZ', ({at}) / 1000, 'unixepoch')"


QUALITY: Final = "CASE m.quality " + " ".join(f"WHEN {n} THEN '{one}'" for n, one in enumerate(QUALITIES)) + " END"
VALUES: Final = ", ".join(f"m.{name} / {SCALE}.0" for name in ("low", "mean", "high"))

_AT: Final = at_of("s.at")
_TICK: Final = "s.tick + m.minute"
# CROSS JOIN: spans first, whatever the planner thinks.
_OF_SENSOR: Final = "FROM spans AS s CROSS JOIN minutes AS m ON m.span = s.id WHERE s.sensor = :sensor"
_LABELLED: Final = f"AND s.last_at >= :since AND s.at < :until AND {_AT} >= :since AND {_AT} < :until"
_ORDER: Final = "ORDER BY s.tick, m.minute"
_ROWS: Final = f"{_OF_SENSOR} {_LABELLED} {_ORDER}"
_COLUMNS: Final = f"{_TICK}, {_AT}, {VALUES}, m.good, m.good + m.missed, m.quality"
_MINUTES: Final = f"SELECT {_COLUMNS} {_ROWS}"
_ENDS: Final = f"SELECT min({_TICK}), max({_TICK}) {_OF_SENSOR} {_LABELLED}"
_BETWEEN: Final = f"""SELECT {_COLUMNS} {_OF_SENSOR}
AND s.tick + s.last >= :first AND s.tick <= :last AND {_TICK} BETWEEN :first AND :last {_ORDER}"""
# SQLite itself writes the lines: a month of 16 sensors has 700,000, and none of them becomes an object of ours.
_LINES: Final = {
    kind: f"""
SELECT printf('{before}%s', {utc_of(_AT)})
    || CASE WHEN m.mean IS NULL THEN '{unknown}' ELSE printf('{known}', {VALUES}) END
    || printf('{after}', m.good + m.missed, {QUALITY})
{_ROWS}"""
    for kind, before, unknown, known, after in (
        ("csv", ",", ",,,", ",%.2f,%.2f,%.2f", ",%d,%s\r\n"),
        (
            "json",
            ',"at":"',
            '","min":null,"mean":null,"max":null',
            '","min":%.2f,"mean":%.2f,"max":%.2f',
            ',"samples":%d,"quality":"%s"}',
        ),
    )
}


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that can change nothing, also beside a running core and on a disk that can't be written. A thread may hand
    it on to another.
    """
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, timeout=_PATIENCE_S, uri=True, check_same_thread=False)) as db:
        try:
            db.execute("SELECT 1 FROM spans LIMIT 1")
        except sqlite3.OperationalError:
            if _has_log(path):
                raise
        else:
            yield db
            return
    # Without a log nobody writes; only then may SQLite do without the files that coordinate it.
    with contextlib.closing(sqlite3.connect(f"{address}&immutable=1", uri=True, check_same_thread=False)) as db:
        yield db


def _has_log(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def sensors(db: sqlite3.Connection) -> list[str]:
    """Of which sensors there is anything, in the order of their names."""
    return [name for (name,) in db.execute("SELECT DISTINCT sensor FROM spans ORDER BY sensor")]


def minutes(db: sqlite3.Connection, sensor: str, since_ms: int, until_ms: int) -> Iterator[Minute]:
    """In the order they were judged in; labels from `since_ms` to before `until_ms`."""
    found = db.execute(_MINUTES, {"sensor": sensor, "since": since_ms, "until": until_ms})
    return map(Minute._make, found)


def ticks(db: sqlite3.Connection, sensor: str, since_ms: int, until_ms: int) -> tuple[int, int] | None:
    """Of the first and the last minute whose labels are from `since_ms` to before `until_ms`; None where there is none."""
    first, last = db.execute(_ENDS, {"sensor": sensor, "since": since_ms, "until": until_ms}).fetchone()
    return None if first is None else (first, last)


def between(db: sqlite3.Connection, sensor: str, first: int, last: int) -> Iterator[Minute]:
    """The minutes from one tick to the other, both included, whatever a wall clock that jumped called them."""
    return map(Minute._make, db.execute(_BETWEEN, {"sensor": sensor, "first": first, "last": last}))


def lines(db: sqlite3.Connection, sensor: str, since_ms: int, until_ms: int, kind: str) -> Iterator[str]:
    """The same as text for an export, without the sensor: `kind` csv, from the comma after its cell on, or json, from the
    comma after its member on.
    """
    found = db.execute(_LINES[kind], {"sensor": sensor, "since": since_ms, "until": until_ms})
    return (line for (line,) in found)
