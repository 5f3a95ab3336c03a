"""`cdg-core export`: the record for inspection, or the plain minutes of sensors. Streamed from the data directory; changes
nothing, also beside a running core.

Of the plain minutes there is a row a minute; what is missing is a gap, and a minute without a good value has none. Times are UTC.
"""

import io
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, Literal, TextIO

import msgspec

from core.clock import Clock
from core.errors import ConfigError, CoreError, RefusalError
from core.monitoring import minutes
from core.monitoring.labels import bounds
from core.monitoring.minute_file import NAME
from core.record import making
from core.record.cells import BOM, line
from core.record.gathering import Asked

Format = Literal["csv", "json"]
COLUMNS: Final = ("sensor", "time UTC", "min", "mean", "max", "samples", "quality")


def moment(text: str) -> datetime:
    """A date or a time after ISO 8601; without a zone it is UTC. Raises ConfigError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{text!r} is no time such as 2026-11-23 or 2026-11-23T08:00:00Z") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def span(since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """In UTC milliseconds; without an end it is as far as time goes. Raises ConfigError for `since` after `until`."""
    since_ms, until_ms = bounds(since, until)
    if since_ms > until_ms:
        raise ConfigError("--since is after --until")
    return since_ms, until_ms


def history_of(directory: Path) -> Path:
    """Raises ConfigError where there is none."""
    path = directory / NAME
    if not path.is_file():
        raise ConfigError("there is no history; is it the data directory of a guard?", path=path)
    return path


def export(
    directory: Path,
    sensors: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    kind: Format = "csv",
    output: Path | None = None,
) -> None:
    """Write the minutes of `sensors`, or of all, to `output` or standard output; a file is there whole or not at all.

    Raises ConfigError for a sensor nobody recorded, or `since` after `until`; CoreError where the file can't be read.
    """
    since_ms, until_ms = span(since, until)
    path = history_of(directory)
    try:
        with minutes.reading(path) as db:
            recorded = minutes.sensors(db)
            for sensor in sensors:
                if sensor not in recorded:
                    raise ConfigError(f"nothing was recorded of a sensor {sensor!r}", path=path)
            write = _write_csv if kind == "csv" else _write_json
            with _writing(output) as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
                write(text, db, sensors or recorded, since_ms, until_ms)
    except sqlite3.Error as error:
        raise CoreError(f"{path}: {error}") from error


def export_record(
    directory: Path, asked: Asked, kind: making.Format, clock: Clock, output: Path | None, font: Path | None
) -> None:
    """Write the record for inspection; a file is there whole or not at all.

    Raises ConfigError for a cabinet nobody recorded, `since` after `until`, or a PDF that can't be made; CoreError where the
    data can't be read.
    """
    span(asked.since, asked.until)
    path = history_of(directory)
    pieces = making.record(path, asked, kind, clock.now(), clock_synchronised=clock.synchronised(), font=font)
    try:
        with closing(pieces), _writing(output) as file:
            file.writelines(pieces)
    except RefusalError as error:
        raise ConfigError(error.detail, key=" ".join(asked.cabinets) if error.status == 404 else None) from error
    except sqlite3.Error as error:
        raise CoreError(f"{path}: {error}") from error


@contextmanager
def _writing(output: Path | None) -> Iterator[BinaryIO]:
    if output is None:
        with open(sys.stdout.fileno(), "wb", closefd=False) as file:
            yield file
        return
    output = output.resolve()
    if output.exists() and not output.is_file():  # a device or a pipe is written to, never replaced
        with output.open("wb") as file:
            yield file
        return
    part = output.with_name(output.name + ".part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


def _write_csv(file: TextIO, db: sqlite3.Connection, sensors: Sequence[str], since_ms: int, until_ms: int) -> None:
    file.write(BOM + line(COLUMNS))
    for sensor in sensors:
        named = line((sensor,)).removesuffix("\r\n")
        file.writelines(named + rest for rest in minutes.lines(db, sensor, since_ms, until_ms, "csv"))


def _write_json(file: TextIO, db: sqlite3.Connection, sensors: Sequence[str], since_ms: int, until_ms: int) -> None:
    """An array, with one object a line."""
    between = "["
    for sensor in sensors:
        named = '{"sensor":' + msgspec.json.encode(sensor).decode()
        for rest in minutes.lines(db, sensor, since_ms, until_ms, "json"):
            file.write(f"{between}\n{named}{rest}")
            between = ","
    file.write("\n]\n" if between == "," else "[]\n")
