"""What the record reads of the history: spans and the terms they stand under, digests of days, and minutes as finished lines.

SQLite adds up and writes the lines itself: 400 days of 8 sensors are millions of minutes, and none of them becomes an object of
ours. A span stands under one set of terms, so that all that is the same in its lines is handed in as text.
"""

import sqlite3
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import msgspec

from core.monitoring.in_force import SensorTerms
from core.monitoring.labels import MINUTE_MS
from core.monitoring.minutes import QUALITY, SCALE, VALUES, at_of, utc_of
from core.record.tally import Run

DAY_MS: Final = 1440 * MINUTE_MS
_NO_LIMIT: Final = 2**40  # in hundredths

_AT: Final = at_of(":at")
_OF_PIECE: Final = f"FROM minutes AS m WHERE m.span = :span AND {_AT} >= :since AND {_AT} < :until"
_DAYS: Final = f"""
SELECT ({_AT} + :offset) / {DAY_MS} AS day, min(m.minute), max(m.minute), min({_AT}), max({_AT}), count(*), sum(m.mean),
    min(m.low), max(m.high), sum(m.mean BETWEEN :low AND :high), sum(m.mean > :high)
{_OF_PIECE} AND m.mean IS NOT NULL GROUP BY day ORDER BY min(m.minute)"""
_ONE_BY_ONE: Final = f"""
SELECT m.minute, {_AT}, m.mean > :high {_OF_PIECE} AND m.mean IS NOT NULL AND m.minute BETWEEN :first AND :last
ORDER BY m.minute"""
_UTC: Final = utc_of(_AT)
_LOCAL: Final = f"({_AT} + :offset) / 1000, 'unixepoch')"
_LINES: Final = {
    "csv": f"""
SELECT group_concat(line, '') FROM (
    SELECT :before || strftime('%Y-%m-%d %H:%M:%S', {_LOCAL} || ',' || {_UTC}
        || CASE WHEN m.mean IS NULL THEN ',,,' ELSE printf(',%.2f,%.2f,%.2f', {VALUES}) END
        || printf(',%d,%s', m.good + m.missed, {QUALITY}) || :after AS line
    {_OF_PIECE} ORDER BY m.minute)""",  # noqa: S608 - constants of ours
    "json": f"""
SELECT group_concat(line, ',' || char(10)) FROM (
    SELECT '{{"at":"' || {_UTC} || '","local":"' || strftime('%Y-%m-%dT%H:%M:%S', {_LOCAL} || :before
        || CASE WHEN m.mean IS NULL THEN '"min":null,"mean":null,"max":null'
            ELSE printf('"min":%.2f,"mean":%.2f,"max":%.2f', {VALUES}) END
        || printf(',"samples":%d,"quality":"%s"', m.good + m.missed, {QUALITY}) || :after AS line
    {_OF_PIECE} ORDER BY m.minute)""",  # noqa: S608 - constants of ours
}


class Span(NamedTuple):
    """A stretch of one sensor under one set of terms; `terms` None where nobody knows them."""

    id: int
    tick: int
    at_ms: int
    last_at_ms: int
    terms: int | None


class Piece(NamedTuple):
    """The minutes of a span whose labels are from .. to before, at one offset of the site's clocks."""

    span: Span
    since_ms: int
    until_ms: int
    offset_ms: int

    def asked(self, **more: object) -> dict[str, object]:
        return {
            "span": self.span.id,
            "at": self.span.at_ms,
            "since": self.since_ms,
            "until": self.until_ms,
            "offset": self.offset_ms,
            **more,
        }


class Day(NamedTuple):
    """The known minutes of one local day within a piece; values are hundredths. `day` counts from 1970."""

    day: int
    first: int
    last: int
    first_at_ms: int
    last_at_ms: int
    known: int
    sum: int
    low: int
    high: int
    inside: int
    above: int


def is_judged(terms: SensorTerms | None) -> bool:
    return terms is not None and (terms.low, terms.high) != (None, None)


def version(db: sqlite3.Connection) -> int:
    found: int = db.execute("PRAGMA user_version").fetchone()[0]
    return found


def device(db: sqlite3.Connection) -> tuple[str, str, str, str] | None:
    """Id, site, the site's name and its time zone; None where an earlier version wrote the file."""
    if version(db) < 2:
        return None
    found: tuple[str, str, str, str] | None = db.execute("SELECT id, site, site_name, timezone FROM device").fetchone()
    return found


def terms(db: sqlite3.Connection) -> dict[int, tuple[str, SensorTerms]]:
    """Every set of terms that ever held, by its number, with its sensor."""
    if version(db) < 2:
        return {}
    names = SensorTerms.__struct_fields__
    columns = ", ".join(f'"{name}"' for name in names)
    found = db.execute(f"SELECT id, sensor, {columns} FROM terms ORDER BY id")  # noqa: S608 - names of ours
    return {
        number: (sensor, msgspec.convert(dict(zip(names, row, strict=True)), SensorTerms, strict=False))
        for number, sensor, *row in found
    }


def newest(db: sqlite3.Connection) -> dict[str, int]:
    """Under which terms each sensor stood last, of those that did under any."""
    if version(db) < 2:
        return {}
    found = db.execute("SELECT sensor, terms, max(tick) FROM spans WHERE terms IS NOT NULL GROUP BY sensor")
    return {sensor: number for sensor, number, _ in found}


def spans(db: sqlite3.Connection, sensor: str, since_ms: int, until_ms: int) -> list[Span]:
    """In the order they were recorded in."""
    held = "terms" if version(db) >= 2 else "NULL"
    asked = f"""SELECT id, tick, at, last_at, {held} FROM spans
WHERE sensor = ? AND last_at >= ? AND at < ? ORDER BY tick"""  # noqa: S608 - a name of ours
    return [Span(*row) for row in db.execute(asked, (sensor, since_ms, until_ms))]


def days(db: sqlite3.Connection, piece: Piece, held: SensorTerms | None) -> Iterator[Day]:
    return map(Day._make, db.execute(_DAYS, piece.asked(**_limits(held))).fetchall())


def runs(db: sqlite3.Connection, piece: Piece, day: Day, held: SensorTerms | None) -> Iterator[Run]:
    """The day's known minutes, as few runs as are at hand: one where nothing is missing and nothing special."""
    tick = piece.span.tick
    if day.known == day.last - day.first + 1 and day.above in {0, day.known}:
        yield Run(tick + day.first, tick + day.last, day.first_at_ms, day.last_at_ms, day.above > 0)
        return
    asked = piece.asked(first=day.first, last=day.last, **_limits(held))
    for minute, at_ms, above in db.execute(_ONE_BY_ONE, asked):
        yield Run(tick + minute, tick + minute, at_ms, at_ms, bool(above))


def _limits(held: SensorTerms | None) -> dict[str, float]:
    """In hundredths; without limits nothing is judged, and so neither inside nor above."""
    if held is None or not is_judged(held):
        return {"low": _NO_LIMIT, "high": _NO_LIMIT}
    low = -_NO_LIMIT if held.low is None else round(held.low * SCALE, 6)
    return {"low": low, "high": _NO_LIMIT if held.high is None else round(held.high * SCALE, 6)}


def lines(db: sqlite3.Connection, piece: Piece, kind: Literal["csv", "json"], before: str, after: str) -> str:
    """The piece's minutes, each a finished line of a CSV, or JSON objects with commas between them; empty where there are none.

    `before` and `after` are what all of them have in common: of a CSV what stands left of the times and right of the quality,
    of JSON what stands between the local time and the values, and after the quality.
    """
    found: str | None = db.execute(_LINES[kind], piece.asked(before=before, after=after)).fetchone()[0]
    return found or ""
