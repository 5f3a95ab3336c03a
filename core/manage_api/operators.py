"""The operators of a kiosk and their PINs: made, listed, removed, checked. A PIN is never stored, only its scrypt hash."""

import hashlib
import hmac
import re
import secrets
from pathlib import Path
from typing import Any, Final

from core.clock import Clock
from core.errors import ConfigError
from core.manage_api.access_file import OperatorEntry, add_entry, read_entries, rewriting, section_of
from core.manage_api.table import Scope
from core.wire_access import PIN_DIGITS, PIN_PATTERN

_RUNS: Final = ("0123456789012345678901", "9876543210987654321098")
_NAME: Final = re.compile(r"\w[\w.-]{0,63}")
_COST: Final[dict[str, int]] = {"n": 2**14, "r": 8, "p": 1}  # 16 MiB for each try
_SALT_BYTES: Final = 16


def list_operators(path: Path) -> dict[str, OperatorEntry]:
    """In the order of the file. Raises ConfigError."""
    return read_entries(path).operators


def add_operator(path: Path, name: str, scope: Scope, pin: str, clock: Clock, *, by: str | None = None) -> None:
    """Raises ConfigError for a name that is taken or a PIN that anybody would try first."""
    if not _NAME.fullmatch(name):
        raise ConfigError("an operator's name is 1 to 64 letters, digits, dots, dashes or underscores", path=path)
    _check_pin(pin)
    salt = secrets.token_bytes(_SALT_BYTES)
    values: dict[str, Any] = {
        "scope": scope.name.lower(),
        "hash": _scrypt(pin, salt, **_COST).hex(),
        "salt": salt.hex(),
        **_COST,
        "created": clock.now().replace(microsecond=0),
        "created_by": by,
    }
    with rewriting(path) as (entries, document):
        if name in entries.operators:
            raise ConfigError(
                f"there is an operator named {name} already; remove him to give him another PIN", path=path
            )
        add_entry(document, "operators", name, values)


def remove_operator(path: Path, name: str) -> None:
    """What he unlocked is locked, as soon as a running core looks. Raises ConfigError for a name that isn't there."""
    with rewriting(path) as (entries, document):
        if name not in entries.operators:
            raise ConfigError("there is no operator of this name", path=path, key=name)
        del section_of(document, "operators")[name]


def is_pin_of(entry: OperatorEntry | None, pin: str) -> bool:
    """Takes its time, and as long for nobody (None, never his PIN) as for somebody. Blocks; any thread."""
    if entry is None:
        _scrypt(pin, bytes(_SALT_BYTES), **_COST)
        return False
    found = _scrypt(pin, bytes.fromhex(entry.salt), n=entry.n, r=entry.r, p=entry.p)
    return hmac.compare_digest(found, bytes.fromhex(entry.hash))


def _check_pin(pin: str) -> None:
    if not re.fullmatch(PIN_PATTERN, pin):
        raise ConfigError(f"a PIN is {PIN_DIGITS}")
    if len(set(pin)) == 1 or any(pin in run for run in _RUNS):
        raise ConfigError("a PIN is not one digit again and again, nor digits in a row: that is what is tried first")


def _scrypt(pin: str, salt: bytes, *, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=n, r=r, p=p, maxmem=2 * 128 * n * r + 2**20, dklen=32)
