"""The tokens file: names, scopes and SHA-256 hashes of the bearer tokens. A token itself is shown once, never stored."""

import fcntl
import hashlib
import os
import re
import secrets
import stat
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import tomlkit
from msgspec import Meta, Struct
from tomlkit.exceptions import TOMLKitError

from core.clock import Clock
from core.errors import ConfigError
from core.journal.files import DIRECTORY_MODE, FILE_MODE, create_new, sync_directory, write_all
from core.manage_api.table import Scope

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TOKEN_BYTES: Final = 32


class TokenEntry(Struct, frozen=True, kw_only=True):
    """One `[tokens.NAME]` of the file."""

    scope: Literal["read", "operate", "admin"]
    hash: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    created: datetime

    def permission(self) -> Scope:
        return Scope[self.scope.upper()]


class TokenInfo(Struct, frozen=True, kw_only=True):
    """What may be shown of a token."""

    name: str
    scope: Scope
    created: datetime


class _Tokens(Struct, frozen=True, kw_only=True):
    tokens: dict[str, TokenEntry] = {}


def read_tokens(path: Path) -> dict[str, TokenEntry]:
    """The entries by name; none where there is no file yet. Raises ConfigError for a file that can't be used."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would hold up everything
            raise ConfigError("is not a file", path=path)
        return msgspec.convert(tomllib.loads(path.read_bytes().decode()), _Tokens).tokens
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"can't be read ({error.strerror})", path=path) from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, not our keys; msgspec's are ValueErrors too
        raise ConfigError("is not a valid tokens file", path=path) from error


def list_tokens(path: Path) -> tuple[TokenInfo, ...]:
    """In the order of the file. Raises ConfigError."""
    return tuple(
        TokenInfo(name=name, scope=entry.permission(), created=entry.created)
        for name, entry in read_tokens(path).items()
    )


def add_token(path: Path, name: str, scope: Scope, clock: Clock) -> str:
    """Make a token and keep its hash; the answer is the only time its text is seen. Raises ConfigError."""
    if not _NAME.fullmatch(name):
        raise ConfigError("a token's name is 1 to 64 letters, digits, dots, dashes or underscores", path=path)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with _rewriting(path) as document:
        if name in read_tokens(path):
            raise ConfigError(f"there is a token named {name} already", path=path)
        entry = tomlkit.table()
        entry["scope"] = scope.name.lower()
        entry["hash"] = hashlib.sha256(token.encode()).hexdigest()
        entry["created"] = clock.now().replace(microsecond=0)
        tokens: Any = document.setdefault("tokens", tomlkit.table(is_super_table=True))
        tokens[name] = entry
    return token


def revoke_token(path: Path, name: str) -> None:
    """The token stops working at once, on a running core too. Raises ConfigError for a name that isn't there."""
    with _rewriting(path) as document:
        if name not in read_tokens(path):
            raise ConfigError("there is no token of this name", path=path, key=name)
        tokens: Any = document["tokens"]
        del tokens[name]


@contextmanager
def _rewriting(path: Path) -> Iterator[tomlkit.TOMLDocument]:
    """The document to change; written when the block ends well. Two commands at once wait for each other."""
    target = path.resolve()
    try:
        target.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"can't be written ({error.strerror})", path=path) from error
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        read_tokens(target)
        document = tomlkit.parse(target.read_text(encoding="utf-8") if target.exists() else "")
        yield document
        _replace(target, tomlkit.dumps(document).encode())
    except TOMLKitError as error:
        raise ConfigError("is not a valid tokens file", path=path) from error
    except OSError as error:
        raise ConfigError(f"can't be written ({error.strerror})", path=path) from error
    finally:
        os.close(directory)


def _replace(target: Path, content: bytes) -> None:
    new = target.with_name(target.name + ".new")
    fd = create_new(new)
    try:
        os.fchmod(fd, FILE_MODE)
        _keep_owner(fd, target)
        write_all(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)
    new.replace(target)
    sync_directory(target.parent)


def _keep_owner(fd: int, target: Path) -> None:
    """Root's hand on a core that runs as another user must not leave it a file which it can't read."""
    if os.geteuid() == 0:
        owner = (target if target.exists() else target.parent).stat()
        os.fchown(fd, owner.st_uid, owner.st_gid)
