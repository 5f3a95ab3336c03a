"""What the lists have in common: how much a page holds, the text that is looked for, and its times."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from msgspec import Meta

from core.errors import RefusalError

Limit = Annotated[int, Meta(ge=1, le=250)]
Text = Annotated[str, Meta(min_length=1, max_length=200)]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO: Final = timedelta(microseconds=1)


def micros_of(at: datetime) -> int:
    """Whole microseconds since 1970: what a float of seconds would round, and so lose or double an item."""
    return (at - _EPOCH) // _MICRO


def moment_of(micros: int) -> datetime:
    return _EPOCH + micros * _MICRO


def check_range(since: datetime | None, until: datetime | None) -> None:
    """Raises RefusalError 409: an empty answer would look as if nothing had happened in that time."""
    if since is not None and until is not None and since > until:
        raise RefusalError(409, "since_after_until", "this time ends before it begins")


def unknown_cursor() -> RefusalError:
    return RefusalError(404, "unknown_cursor", "this cursor is not of this list; start without one")
