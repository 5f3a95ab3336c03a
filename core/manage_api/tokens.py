"""The bearer tokens: made, listed, revoked. A token itself is shown once, never stored."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from core.clock import Clock
from core.errors import ConfigError
from core.manage_api.access_file import TokenEntry, add_entry, read_entries, rewriting, section_of
from core.manage_api.table import Scope

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TOKEN_BYTES: Final = 32
_SOON: Final = timedelta(days=14)
_UNSET: Final = datetime(2024, 1, 1, tzinfo=UTC)  # a clock before this was never set since the box got power

State = Literal["active", "expired", "revoked"]


class TokenInfo(Struct, frozen=True, kw_only=True):
    """What may be shown of a token."""

    name: str
    scope: Scope
    created: datetime
    expires: datetime | None
    state: State


def new_token() -> str:
    return secrets.token_urlsafe(_TOKEN_BYTES)


def hash_of(token: str) -> str:
    """What is kept of it. Its text is chance enough to need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def state_of(entry: TokenEntry, now: datetime) -> State:
    if entry.revoked is not None:
        return "revoked"
    return "expired" if entry.expires is not None and entry.expires <= now else "active"


def expiring(tokens: Mapping[str, TokenEntry], now: datetime) -> str | None:
    """Which tokens end soon, or have ended without being revoked; None where there are none."""
    ends = [
        f"{name} ({entry.expires:%Y-%m-%d})"
        for name, entry in tokens.items()
        if entry.expires is not None and entry.revoked is None and entry.expires <= now + _SOON
    ]
    return f"make new ones, or revoke them: {', '.join(ends)}" if ends else None


def list_tokens(path: Path, now: datetime) -> tuple[TokenInfo, ...]:
    """In the order of the file, as they stand `now`, which Today tells. Raises ConfigError."""
    return tuple(
        TokenInfo(
            name=name,
            scope=entry.permission(),
            created=entry.created,
            expires=entry.expires,
            state=state_of(entry, now),
        )
        for name, entry in read_entries(path).tokens.items()
    )


def add_token(
    path: Path, name: str, scope: Scope, clock: Clock, *, days: int | None = None, by: str | None = None
) -> str:
    """Make a token and keep its hash; the answer is the only time its text is seen. It ends after `days`, if any. Raises
    ConfigError, also for days counted by a clock that was never set: such a token would be over before it is used.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError("a token's name is 1 to 64 letters, digits, dots, dashes or underscores", path=path)
    now = clock.now().replace(microsecond=0)
    if days is not None and now < _UNSET:
        raise ConfigError(f"this box believes it is {now:%Y}: set its clock first, or make a token without an end")
    token = new_token()
    with rewriting(path) as (entries, document):
        if name in entries.tokens:  # a revoked one too: its holder must go on to be told so
            raise ConfigError(f"there is a token named {name} already, or was: take another name", path=path)
        values = {
            "scope": scope.name.lower(),
            "hash": hash_of(token),
            "created": now,
            "created_by": by,
            "expires": None if days is None else now + timedelta(days=days),
        }
        add_entry(document, "tokens", name, values)
    return token


def revoke_token(path: Path, name: str, clock: Clock, *, by: str | None = None) -> None:
    """The token stops working, on a running core as soon as that looks; its entry stays, and says so. Raises ConfigError for a name
    that isn't there or is revoked already.
    """
    with rewriting(path) as (entries, document):
        if name not in entries.tokens:
            raise ConfigError("there is no token of this name", path=path, key=name)
        if entries.tokens[name].revoked is not None:
            raise ConfigError("is revoked already", path=path, key=name)
        entry = section_of(document, "tokens")[name]
        entry["revoked"] = clock.now().replace(microsecond=0)
        if by is not None:
            entry["revoked_by"] = by
