"""How an endpoint stands where a person or its receiver has said so, and every reason why nothing goes to one. Values."""

from enum import StrEnum

from msgspec import Struct

from core.wire import Moment


class Hold(StrEnum):
    """Why nothing goes out by itself."""

    PAUSED = "paused"
    DISABLED = "disabled"
    OPEN = "open"
    OFFLINE = "offline"
    RETRY_AFTER = "retry_after"
    RATE_LIMIT = "rate_limit"


class Standing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What outlives a restart: paused by a person or disabled by a 410, since when, why, and by whom."""

    hold: Hold | None = None
    since: Moment | None = None
    reason: str | None = None
    actor: str | None = None
