"""The site's wall-clock time beside UTC: which offset holds from when to when. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Final

from core.monitoring.labels import moment, ms

_FIRST_MS: Final = ms(datetime(1, 1, 3, tzinfo=UTC))  # earlier and later ones overflow in some zone or other
_LAST_MS: Final = ms(datetime(9999, 12, 30, tzinfo=UTC))


def offset_ms(zone: tzinfo, at_ms: int) -> int:
    """How far the zone's clocks are ahead of UTC at that moment."""
    ahead = moment(_within(at_ms)).astimezone(zone).utcoffset()
    assert ahead is not None
    return round(ahead.total_seconds() * 1000)


def stretches(zone: tzinfo, since_ms: int, until_ms: int) -> Iterator[tuple[int, int, int]]:
    """From .. to before, with the offset that holds all along; for a day or so, in which clocks change once at most."""
    first, last = offset_ms(zone, since_ms), offset_ms(zone, until_ms)
    if first == last:
        yield since_ms, until_ms, first
        return
    before, change = since_ms, until_ms
    while change - before > 1:
        middle = (before + change) // 2
        before, change = (middle, change) if offset_ms(zone, middle) == first else (before, middle)
    yield since_ms, change, first
    yield change, until_ms, last


def local(zone: tzinfo, at_ms: int) -> str:
    """As a spreadsheet reads it."""
    at_ms = _within(at_ms)
    return moment(at_ms + offset_ms(zone, at_ms)).replace(tzinfo=None).isoformat(" ", "seconds")


def utc(at_ms: int) -> str:
    return moment(at_ms).replace(tzinfo=None).isoformat("T", "seconds") + "Z"


def suffix(offset: int) -> str:
    """As ISO 8601 ends a time: +08:00."""
    minutes = abs(offset) // 60_000
    return f"{'-' if offset < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


def _within(at_ms: int) -> int:
    return min(max(at_ms, _FIRST_MS), _LAST_MS)
