"""What a minute of the history is labelled with: UTC in milliseconds since 1970. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Final

MINUTE_MS: Final = 60_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_EVER: Final = (-(2**62), 2**62)
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


def ms(at: datetime) -> int:
    """An offset can put a time before the year 1 or after 9999 in UTC, which no datetime can show: it is then the nearest."""
    return (min(max(at, _FIRST), _LAST) - _EPOCH) // _MS


def moment(at_ms: int) -> datetime:
    return _EPOCH + at_ms * _MS


def bounds(since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """From .. to before; without one of them it is as far as time goes."""
    return _EVER[0] if since is None else ms(since), _EVER[1] if until is None else ms(until)
