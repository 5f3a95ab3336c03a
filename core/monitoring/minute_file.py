"""The SQLite file of the minutes: `history.sqlite3`. Its calls block, and raise sqlite3.Error or OSError.

A row stands in a span: at most a day of one sensor, in which the label never goes back. A row's number (its tick) and its
label are counted from the span's, which keeps rows small; a wall clock that goes back begins a new span, so that labels
may repeat and nothing is written over; so do other limits, since each span names the terms that held in it (none where an
earlier version wrote it: then nobody knows them). Write-ahead logging with a sync for each commit: what was committed survives a loss of
power, and readers never hold up the writer.
"""

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import Struct

from core.clock import Clock, utc_text
from core.journal import files
from core.journal.quarantine import Quarantine, Report
from core.monitoring import minute_schema
from core.monitoring.in_force import InForce
from core.monitoring.labels import MINUTE_MS, moment, ms

NAME: Final = "history.sqlite3"
SPAN_MINUTES: Final = 1440
_PATIENCE_S: Final = 2.0
_LOG: Final = "-wal"
_MOST_LOG_BYTES: Final = 4 * 1024 * 1024
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

# Beside a bare max() SQLite gives the columns of the row that holds it.
_HEADS: Final = "SELECT sensor, id, max(tick), at, last, last_at, terms FROM spans GROUP BY sensor"


class Alive(Struct, frozen=True, kw_only=True):
    """When the guard was last known to run: of which boot, at what steady time of the box, and in UTC."""

    boot_id: str
    steady_s: float
    at: datetime


class Row(NamedTuple):
    """A minute on its way to the file. `local` numbers this run's minutes of the sensor; values are hundredths."""

    sensor: str
    local: int
    at_ms: int
    low: int | None
    mean: int | None
    high: int | None
    good: int
    missed: int
    quality: int


class _Head(NamedTuple):
    """A sensor's newest span."""

    id: int
    tick: int
    at: int
    last: int
    last_at: int
    terms: int | None


class MinuteFile:
    """The writer's side; one at a time. After any error the file is opened anew, and a damaged one is put aside first.

    What is `now` in force is written down before the first rows; without it nobody will know by which limits they were judged.
    """

    def __init__(self, path: Path, clock: Clock, now: InForce | None = None):
        self._path, self._clock, self._now = path, clock, now
        self._terms: dict[str, int] | None = None
        self._db: sqlite3.Connection | None = None
        self._inode = 0
        self._heads: dict[str, _Head] = {}
        self._bases: dict[str, int] = {}  # tick = base + local
        self._quarantines = {
            ending: Quarantine(path.parent / "quarantine", path.name + ending) for ending in ("", _LOG)
        }

    def write(self, rows: Sequence[Row], alive: Alive) -> None:
        """All of them and the sign of life, in one transaction that is on disk when this returns."""
        try:
            self._write(rows, alive)
        except (sqlite3.Error, OSError) as error:
            self.close()
            if not is_damage(error):
                raise
            self._put_aside()
            self._write(rows, alive)

    def begin(self) -> None:
        """Write down what is in force, so that it is known before the first minute is over."""
        db = self._opened()
        with _transaction(db):
            self._terms = minute_schema.written_down(db, self._now)

    def last_alive(self) -> Alive | None:
        try:
            found = self._opened().execute("SELECT boot_id, steady_s, at FROM alive").fetchone()
        except (sqlite3.Error, OSError) as error:
            self.close()
            if not is_damage(error):
                raise
            self._put_aside()
            return None
        return None if found is None else Alive(boot_id=found[0], steady_s=found[1], at=moment(found[2]))

    def prune(self, before_ms: int) -> bool:
        """Drop one span that ended before then; whether there was one. Small steps, so that nothing waits long."""
        db = self._opened()
        found = db.execute("SELECT id, sensor FROM spans WHERE last_at < ? LIMIT 1", (before_ms,)).fetchone()
        if found is None:
            return False
        with _transaction(db):
            db.execute("DELETE FROM minutes WHERE span = ?", found[:1])
            db.execute("DELETE FROM spans WHERE id = ?", found[:1])
        if (head := self._heads.get(found[1])) is not None and head.id == found[0]:
            del self._heads[found[1]]
        return True

    def unacknowledged(self) -> int:
        """How many damaged pieces no person has seen yet."""
        return sum(kept.unacknowledged() for kept in self._quarantines.values())

    def acknowledge(self, by: str) -> None:
        """A person has seen them. Raises OSError where that can't be written down."""
        for kept in self._quarantines.values():
            kept.acknowledge(by, utc_text(self._clock.now()))

    def close(self) -> None:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
        self._db = self._terms = None
        self._heads.clear()

    # -- opening ---------------------------------------------------------------------------------------------------

    def _opened(self) -> sqlite3.Connection:
        if self._db is not None and self._is_still_there():
            return self._db
        self.close()
        self._make()
        self._db = db = sqlite3.connect(self._path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA synchronous = FULL")
        missing = minute_schema.missing(db)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA journal_size_limit = {_MOST_LOG_BYTES}")  # a slow reader may have made it grow
        db.executescript(missing)
        self._heads = {sensor: _Head(*head) for sensor, *head in db.execute(_HEADS)}
        return db

    def _is_still_there(self) -> bool:
        """Somebody may have removed or replaced it: then rows would go to a file that nobody sees."""
        try:
            return self._path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False

    def _make(self) -> None:
        """An empty file of our mode, its name on disk; what is no file in its place is put aside. SQLite gives its own
        files beside it the same mode.
        """
        try:
            mode = self._path.lstat().st_mode
        except FileNotFoundError:
            self._create()
        else:
            if not stat.S_ISREG(mode):
                self._quarantines[""].keep(Report(reason="not_a_file"), self._path, utc_text(self._clock.now()))
                self._create()
            elif stat.S_IMODE(mode) != files.FILE_MODE:
                with contextlib.suppress(OSError):  # a file system without modes, or a disk that can't be written
                    self._path.chmod(files.FILE_MODE)
        self._inode = self._path.stat().st_ino

    def _create(self) -> None:
        os.close(files.create_new(self._path))
        files.sync_directory(self._path.parent)

    def _put_aside(self) -> None:
        """The damaged file and its log as they are, to the quarantine; then the place is free."""
        self.close()
        now = utc_text(self._clock.now())
        for ending, kept in self._quarantines.items():
            path = self._beside(ending)
            if path.exists() and (size := path.stat().st_size):
                kept.keep(Report(reason="damaged", bytes=size), path, now)
        self._path.unlink(missing_ok=True)
        for ending in (_LOG, "-shm"):
            self._beside(ending).unlink(missing_ok=True)

    def _beside(self, ending: str) -> Path:
        return self._path.with_name(self._path.name + ending)

    # -- writing ---------------------------------------------------------------------------------------------------

    def _write(self, rows: Sequence[Row], alive: Alive) -> None:
        db = self._opened()
        heads = dict(self._heads)
        with _transaction(db):
            terms = self._terms = minute_schema.written_down(db, self._now) if self._terms is None else self._terms
            placed = self._placed(db, heads, rows, terms)
            db.executemany("INSERT INTO minutes VALUES (?,?,?,?,?,?,?,?,?)", placed)
            for sensor in {row.sensor for row in rows}:
                _keep(db, heads[sensor])
            db.execute("REPLACE INTO alive VALUES (1, ?, ?, ?)", (alive.boot_id, alive.steady_s, ms(alive.at)))
        self._heads = heads

    def _placed(
        self, db: sqlite3.Connection, heads: dict[str, _Head], rows: Iterable[Row], terms: Mapping[str, int]
    ) -> Iterator[tuple[object, ...]]:
        for row in rows:
            tick, head, now = self._tick(row, heads.get(row.sensor)), heads.get(row.sensor), terms.get(row.sensor)
            if head is None or tick - head.tick >= SPAN_MINUTES or row.at_ms < head.last_at or head.terms != now:
                if head is not None:
                    _keep(db, head)
                made = db.execute(
                    "INSERT INTO spans (sensor, tick, at, last, last_at, terms) VALUES (?, ?, ?, 0, ?, ?)",
                    (row.sensor, tick, row.at_ms, row.at_ms, now),
                )
                head = _Head(made.lastrowid or 0, tick, row.at_ms, 0, row.at_ms, now)
            minute = tick - head.tick
            heads[row.sensor] = head._replace(last=minute, last_at=row.at_ms)
            yield (head.id, minute, row.at_ms - head.at - minute * MINUTE_MS, *row[3:])

    def _tick(self, row: Row, head: _Head | None) -> int:
        """Within a run the steady time numbers the minutes. What lay between two runs only the wall clock can tell."""
        newest = -1 if head is None else head.tick + head.last
        base = self._bases.get(row.sensor)
        if base is None or base + row.local <= newest:
            away = 1 if head is None else max(1, round((row.at_ms - head.last_at) / MINUTE_MS))
            base = self._bases[row.sensor] = newest + away - row.local
        return base + row.local


def _keep(db: sqlite3.Connection, head: _Head) -> None:
    db.execute("UPDATE spans SET last = ?, last_at = ? WHERE id = ?", (head.last, head.last_at, head.id))


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # a sick disk has ended it already
            db.execute("ROLLBACK")
        raise


def is_damage(error: Exception) -> bool:
    """Whether the file itself is no database any more, rather than the disk unwilling."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED
