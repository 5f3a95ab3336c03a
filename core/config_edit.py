"""The configuration as the manage API shows it, compares it and changes it: secrets masked; saved with its comments and order."""

import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import tomlkit
from msgspec import Struct, structs
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from core.config_read import parse
from core.errors import ConfigError, RefusalError
from core.journal.files import sync_directory
from core.settings import LoadedSettings, Secret, Settings
from core.wire_audit import Change

_MASK: Final = "***"
_MASKED_PATH: Final = "/…"
_BARE: Final = re.compile(r"[^\s.\"]+")  # a step of a dotted key that needs no quotes


def redacted(settings: Settings) -> dict[str, Any]:
    """The settings as the API shows them: no secret, of a URL only scheme, host and port."""
    shown = _plain(settings, lambda _: _MASK)
    for item in (*shown["webhooks"]["endpoints"], *shown["sources"]):
        if "url" in item:
            item["url"] = _shown_url(item["url"])
    return shown


def flat(settings: Settings) -> dict[str, Any]:
    """What `redacted` shows, each value at its dotted key: `cabinets.03.limits.high`. An id with a dot stands in quotes; what
    has no value is left out.
    """
    return dict(_values(redacted(settings), ""))


def differences(before: Settings, after: Settings) -> tuple[Change, ...]:
    """What differs, in the order of the keys. A secret that does is masked on both sides."""
    was, now = (dict(_values(_plain(one, Secret.reveal), "")) for one in (before, after))
    shown_was, shown_now = flat(before), flat(after)
    return tuple(
        Change(key=key, old=shown_was.get(key), new=shown_now.get(key))
        for key in sorted({*was, *now})
        if was.get(key) != now.get(key)
    )


def _plain(settings: Settings, secret: Callable[[Secret], str]) -> dict[str, Any]:
    """As JSON has it."""

    def text(value: object) -> str:
        if isinstance(value, Secret):
            return secret(value)
        raise NotImplementedError(type(value))

    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(settings, enc_hook=text))
    return plain


def _values(part: Any, at: str) -> Iterator[tuple[str, Any]]:
    match part:
        case dict():
            for name, value in part.items():
                yield from _values(value, f"{at}.{_step(name)}" if at else _step(name))
        case [{"id": _}, *_]:
            yield from _values({one["id"]: one for one in part}, at)
        case None:
            pass
        case value:
            yield at, value


def _step(name: str) -> str:
    return name if _BARE.fullmatch(name) else msgspec.json.encode(name).decode()


def _shown_url(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{_MASKED_PATH if parts.path.strip('/') or parts.query else '/'}"


class Draft(Struct, frozen=True, kw_only=True):
    """A change before it is written: what the file says, what it would say, and the text that says so."""

    before: LoadedSettings
    after: LoadedSettings
    text: Secret

    def write(self) -> None:
        """Replace the file in one step. Raises OSError when it can't be written; it is then untouched."""
        _replace(self.after.path.resolve(), self.text.reveal().encode())


def draft(text: str, path: Path, changes: Mapping[str, object]) -> Draft:
    """`changes` (a JSON merge patch) laid over the text that stands in the file at `path`. Nothing is written.

    A list of tables with ids takes an object keyed by id: `{"cabinets": {"03": {"limits": {"high": 7}}}}`; null removes a
    key. Comments and order stay; the retry settings are written out in full, so that the file shows what is in force.
    Raises ConfigError when the text is not valid as it stands, RefusalError (409) when the result would not be.
    """
    before = parse(text, path)
    document = tomlkit.parse(text)
    try:
        _merge(document, changes, "")
        in_force = parse(tomlkit.dumps(document), path).settings.webhooks.retry
        retry = _table_in(_table_in(document, "webhooks"), "retry")
        for name, value in structs.asdict(in_force).items():
            retry.setdefault(name, value)
        changed = tomlkit.dumps(document)
        if tomllib.loads(changed) != document.unwrap():
            raise RefusalError(409, "config_invalid", "the change can't be written into this layout of tables")
        after = parse(changed.encode().decode(), path)  # half a surrogate is in no file
    except ConfigError as error:
        raise RefusalError(409, "config_invalid", f"{error.key}: {error.problem}") from error
    except (TOMLKitError, ValueError) as error:
        raise RefusalError(409, "config_invalid", "a value that TOML can't hold") from error
    if after.settings.webhooks.escalate_command != before.settings.webhooks.escalate_command:
        raise RefusalError(409, "config_invalid", "webhooks.escalate_command: changed in the file only, as it is run")
    return Draft(before=before, after=after, text=Secret(changed))


def _merge(table: Any, changes: Mapping[str, object], at: str) -> None:
    for key, value in changes.items():
        here = f"{at}.{key}".lstrip(".")
        if value is None:
            table.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(table.get(key), list):
            _merge_by_id(table[key], value, here)
        elif isinstance(value, Mapping):
            _merge(_table_in(table, key), value, here)
        elif _is_masked(value):
            raise RefusalError(409, "config_invalid", f"{here}: the masked form that the API shows is no value")
        else:
            table[key] = value


def _table_in(outer: Any, key: str) -> Any:
    """The table at `key`, made in the manner of the one around it where there is none."""
    if not isinstance(outer.get(key), Mapping):
        outer[key] = tomlkit.inline_table() if isinstance(outer, InlineTable) else tomlkit.table()
    return outer[key]


def _is_masked(value: object) -> bool:
    return isinstance(value, str) and (value == _MASK or ("://" in value and value.endswith(_MASKED_PATH)))


def _merge_by_id(items: list[Any], changes: Mapping[str, object], at: str) -> None:
    by_id = {item.get("id"): item for item in items if isinstance(item, Mapping)}
    for item_id, change in changes.items():
        if item_id not in by_id or not isinstance(change, Mapping):
            raise RefusalError(409, "config_invalid", f"{at}: there is no {item_id!r}")
        _merge(by_id[item_id], change, f"{at}.{item_id}")


def _replace(path: Path, data: bytes) -> None:
    """Write beside, sync, rename, sync the directory; keep the file's mode and owner."""
    old = path.stat()
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), old.st_mode & 0o777)
            if os.geteuid() == 0:
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
