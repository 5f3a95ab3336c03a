"""The tokens file: who gets in by token or by PIN. Holds only hashes; reads it, and rewrites it keeping every comment."""

import asyncio
import fcntl
import hashlib
import os
import stat
import tomllib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import tomlkit
from msgspec import Meta, Struct
from tomlkit.exceptions import TOMLKitError

from core.errors import ConfigError
from core.journal.files import DIRECTORY_MODE, FILE_MODE, create_new, sync_directory, write_all
from core.manage_api.table import Scope
from core.wire import Moment
from core.wire_access import OperatorScope, TokenScope

_Hex = Annotated[str, Meta(pattern=r"^(?:[0-9a-f]{2}){16,64}$")]
_Stamp = tuple[int, int, int, int]

_MOST_READINGS: Final = 100
_LARGEST: Final = 1024 * 1024
_SEEN: Final = 12  # letters of a fingerprint


class _Entry(Struct, frozen=True, kw_only=True):
    scope: TokenScope
    created: datetime
    created_by: str | None = None

    def permission(self) -> Scope:
        return Scope[self.scope.upper()]


class TokenEntry(_Entry, frozen=True, kw_only=True):
    """One `[tokens.NAME]`. `created_by` and `revoked_by` are the users of the command line; without `expires` it is good
    until it is revoked, and a revoked one stays, so that it can be told what became of it.
    """

    hash: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    expires: Moment | None = None
    revoked: Moment | None = None
    revoked_by: str | None = None


class OperatorEntry(_Entry, frozen=True, kw_only=True):
    """One `[operators.NAME]`: the scrypt hash of a PIN with its salt, and what it costs to try one (`n`, `r`, `p`)."""

    scope: OperatorScope
    hash: _Hex
    salt: _Hex
    n: Annotated[int, Meta(ge=2**10, le=2**16)]
    r: Annotated[int, Meta(ge=1, le=8)]
    p: Annotated[int, Meta(ge=1, le=4)]

    def __post_init__(self) -> None:
        if self.n & (self.n - 1):
            raise ValueError("n must be a power of two")


class Entries(Struct, frozen=True, kw_only=True):
    """All of the file, by name."""

    tokens: dict[str, TokenEntry] = {}
    operators: dict[str, OperatorEntry] = {}


NOBODY: Final = Entries()


def read_entries(path: Path) -> Entries:
    """Nobody where there is no file yet. Raises ConfigError for a file that can't be used."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # opening a pipe would hold up everything
            raise ConfigError("is not a file", path=path)
        if found.st_size > _LARGEST:
            raise ConfigError("is larger than 1 MiB", path=path)
        return _parsed(path.read_bytes())
    except FileNotFoundError:
        return NOBODY
    except OSError as error:
        raise ConfigError(f"can't be read ({error.strerror})", path=path) from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, not our keys; msgspec's are ValueErrors too
        raise ConfigError("is not a valid tokens file", path=path) from error


def _parsed(content: bytes) -> Entries:
    return msgspec.convert(tomllib.loads(content.decode()), Entries)


class AccessFile:
    """The file as last looked at, which is first when this is made: a request asks only what is in memory. `problem` says
    why nobody gets in by it, or is None. `readings` holds what was read, until somebody takes it out: all by whom anybody
    may have got in.
    """

    def __init__(self, path: Path):
        self.problem: str | None = None
        self.readings: deque[Entries] = deque(maxlen=_MOST_READINGS)
        self._path = path
        self._last_good: Entries | None = None
        self._stamp: _Stamp | None = None
        self._looking = asyncio.Lock()
        self._take(*_seen(path))

    def entries(self) -> Entries:
        return self._entries

    @property
    def looking(self) -> bool:
        """Whether a look is under way; where the disk hangs, for as long as it does."""
        return self._looking.locked()

    async def look(self) -> None:
        """Read it again once it differs, so that a change works on a running core. In a thread: a disk that hangs delays
        only who awaits this.
        """
        async with self._looking:
            if (stamp := await asyncio.to_thread(_stamp_of, self._path)) is None or stamp != self._stamp:
                self._take(*await asyncio.to_thread(_seen, self._path))

    def _take(self, stamp: _Stamp | None, seen: Entries | ConfigError) -> None:
        self._stamp = stamp
        if isinstance(seen, ConfigError):
            self._entries, self.problem = NOBODY, str(seen)
            return
        self._entries, self.problem = seen, None
        if seen != self._last_good:
            self.readings.append(seen)
            self._last_good = seen


def _seen(path: Path) -> tuple[_Stamp | None, Entries | ConfigError]:
    """The stamp is older than what was read: a change in between shows at the next look."""
    stamp = _stamp_of(path)
    try:
        return stamp, read_entries(path)
    except ConfigError as error:
        return stamp, error


def _stamp_of(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def on_record(kind: dict[str, TokenEntry] | dict[str, OperatorEntry]) -> dict[str, Any]:
    """What the audit may keep of these, flat. A fingerprint tells that a hash was replaced, and nothing of the hash."""
    found: dict[str, Any] = {}
    for name, entry in kind.items():
        plain = msgspec.to_builtins(entry, str_keys=True)
        secret = "".join(str(plain.pop(key, "")) for key in ("hash", "salt", "n", "r", "p"))
        plain["fingerprint"] = hashlib.sha256(f"fingerprint {secret}".encode()).hexdigest()[:_SEEN]
        found |= {f"{name}.{key}": value for key, value in plain.items() if value is not None}
    return found


def add_entry(document: tomlkit.TOMLDocument, kind: str, name: str, values: dict[str, Any]) -> None:
    """Put `[kind.name]` into the document; what stood there under this name is replaced. Null values are left out."""
    entry = tomlkit.table()
    for key, value in values.items():
        if value is not None:
            entry[key] = value
    section_of(document, kind)[name] = entry


def section_of(document: tomlkit.TOMLDocument, kind: str) -> Any:
    return document.setdefault(kind, tomlkit.table(is_super_table=True))


@contextmanager
def rewriting(path: Path) -> Iterator[tuple[Entries, tomlkit.TOMLDocument]]:
    """What stands there, and the document to change; written when the block ends well. Two commands at once wait for each
    other. Raises ConfigError.
    """
    target = path.resolve()
    try:
        target.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"can't be written ({error.strerror})", path=path) from error
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        entries = read_entries(target)
        document = tomlkit.parse(target.read_text(encoding="utf-8") if target.exists() else "")
        yield entries, document
        content = tomlkit.dumps(document).encode()
        _parsed(content)  # nothing that locks everybody out is ever written
        _replace(target, content)
    except (TOMLKitError, ValueError) as error:
        problem = "can't be changed as it is written; give each entry a table of its own, as [tokens.NAME]"
        raise ConfigError(problem, path=path) from error
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
