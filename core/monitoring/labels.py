"""What a minute of the history is labelled with: UTC in milliseconds since 1970. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Final

MINUTE_MS: Final = 60_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_EVER: Final = (-(2**62), 2**62)


def ms(at: datetime) -> int:
    return (at - _EPOCH) // _MS


def moment(at_ms: int) -> datetime:
    return _EPOCH + at_ms * _MS


def bounds(since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """From .. to before; without one of them it is as far as time goes."""
    return _EVER[0] if since is None else ms(since), _EVER[1] if until is None else ms(until)
