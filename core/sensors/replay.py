"""A recording played as if it were live: a CSV file with a header and a time column, read row by row.

The first row plays at the first poll that can open the file. Where rows go back in time, they are skipped.
"""

import asyncio
import csv
import math
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import msgspec
from msgspec import Struct

from core.clock import Clock
from core.errors import SensorError
from core.samples import Sample
from core.settings import POINT_TYPES, Sensor
from core.settings import ReplaySource as ReplaySettings

if TYPE_CHECKING:
    from _csv import Reader

# What one poll hands over at most, so that a fast replay of years stays within memory; the rest follows at the next.
MAX_ROWS: Final = 20_000

Row = tuple[datetime, list[str]]


class ReplaySource:
    """One file; a column of it is a sensor."""

    simulated = True

    def __init__(self, settings: ReplaySettings, sensors: tuple[Sensor, ...], clock: Clock):
        self._settings, self._clock = settings, clock
        self._recording = Recording(Path(settings.path), settings.time_column, loop=settings.loop)
        self._columns = [(sensor.id, column_of(sensor)) for sensor in sensors]
        self._start_s: float | None = None

    async def poll(self) -> list[Sample]:
        # In a thread: a file on a slow card, or the many rows of a fast replay, would hold up everybody else.
        return await asyncio.to_thread(self._due, self._clock.steady())

    async def close(self) -> None:
        self._recording.close()

    def _due(self, now_s: float) -> list[Sample]:
        with self._recording.lock:
            places = self._recording.open([column for _, column in self._columns])
            if self._start_s is None:
                self._start_s = now_s
            elapsed_s = (now_s - self._start_s) * self._settings.speed
            samples = []
            for steady_s, (at, cells) in self._recording.until(elapsed_s):
                for (sensor, _), place in zip(self._columns, places, strict=True):
                    value, fault = number(cells, place)
                    samples.append(Sample(sensor=sensor, at=at, steady_s=steady_s, value=value, fault=fault))
            return samples


class Skipped(Struct):
    """How many rows were left out for one reason, and in which line of the file the first one ends."""

    count: int = 0
    first_line: int = 0

    def note(self, line: int) -> None:
        self.first_line = self.first_line or line
        self.count += 1


class Recording:
    """The rows of the file in time, over loops and over a file that was lost for a while.

    `header` names the columns once it was opened; `unreadable` are the rows whose time can't be read, `backwards` those that
    go back in time.
    """

    def __init__(self, path: Path, time_column: str, *, loop: bool):
        # A poll that was given up goes on in its thread while the next one begins.
        self.lock = threading.Lock()
        self._path, self._time_column, self._loop = path, time_column, loop
        self._file: TextIO | None = None
        self.header: list[str] = []
        self.unreadable, self.backwards = Skipped(), Skipped()
        self._rows: Iterator[tuple[float, Row]] = iter(())
        self._next: tuple[float, Row] | None = None
        self._last_at: datetime | None = None
        self._steady_s = 0.0
        self._gap_s = 1.0

    def open(self, columns: list[str]) -> list[int]:
        """Where in a row the `columns` stand. Opens the file unless it is open."""
        try:
            if self._file is None:
                self._file = self._path.open(encoding="utf-8-sig", errors="replace", newline="")
                reader = csv.reader(self._file)
                self.header = [name.strip() for name in next(reader, [])]
                places = self._places([self._time_column, *columns])
                self._rows = self._timed(self._file, reader, places[0])
            return self._places(columns)
        except FileNotFoundError as exc:
            raise SensorError("no_such_file", str(self._path)) from exc
        except (OSError, csv.Error) as exc:
            self.close()
            raise SensorError("unreadable", f"{self._path}: {type(exc).__name__}") from exc

    def until(self, elapsed_s: float) -> Iterator[tuple[float, Row]]:
        """The next rows that are due at `elapsed_s`."""
        try:
            for _ in range(MAX_ROWS):
                self._next = self._next or next(self._rows, None)
                if self._next is None or self._next[0] > elapsed_s:
                    return
                yield self._next
                self._next = None
        except OSError as exc:
            self.close()
            raise SensorError("unreadable", f"{self._path}: {type(exc).__name__}") from exc

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _places(self, columns: list[str]) -> list[int]:
        for column in columns:
            if column not in self.header:
                self.close()
                raise SensorError("no_such_column", column)
        return [self.header.index(column) for column in columns]

    def _timed(self, file: TextIO, reader: "Reader", place: int) -> Iterator[tuple[float, Row]]:
        resumed_at = self._last_at  # a file that was lost for a while goes on after what was played
        while True:
            played = resumed_at is not None
            for at, cells in _rows(reader, place, self.unreadable):
                if resumed_at is not None and at <= resumed_at:
                    continue
                if self._last_at is not None:
                    if at < self._last_at:
                        self.backwards.note(reader.line_num)
                        continue
                    self._gap_s = (at - self._last_at).total_seconds() or self._gap_s
                    self._steady_s += (at - self._last_at).total_seconds()
                self._last_at, played = at, True
                yield self._steady_s, (at, cells)
            if not (self._loop and played):
                return
            # The next round begins one row's time after the last row, so that a round is never empty of time.
            self._steady_s += self._gap_s
            self._last_at = resumed_at = None
            file.seek(0)
            reader = csv.reader(file)
            next(reader, None)


def _rows(reader: "Reader", place: int, unreadable: Skipped) -> Iterator[Row]:
    """Rows whose time can be read; an empty line is none."""
    while True:
        try:
            cells = next(reader)
            if not cells:
                continue
            at = datetime.fromisoformat(cells[place].strip())
            at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        except StopIteration:
            return
        except (csv.Error, ValueError, OverflowError, IndexError):
            unreadable.note(reader.line_num)
        else:
            yield at, cells


def column_of(sensor: Sensor) -> str:
    """The column that a sensor of a replay is."""
    column: str = msgspec.convert(sensor.point, POINT_TYPES[ReplaySettings])
    return column


def number(cells: list[str], place: int) -> tuple[float | None, str | None]:
    """Value and fault; exactly one of them is set."""
    text = cells[place].strip() if place < len(cells) else ""
    if not text:
        return None, "missing_field"
    with suppress(ValueError):
        if "_" not in text and math.isfinite(value := float(text)):
            return value, None
    return None, "not_a_number"
