"""The configuration as the manage API shows it and changes it: secrets masked; saved with its comments and order."""

import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import tomlkit
from msgspec import structs
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from core.config_read import parse, read_text
from core.errors import ConfigError, RefusalError
from core.journal.files import sync_directory
from core.settings import LoadedSettings, Secret, Settings

_MASK: Final = "***"
_MASKED_PATH: Final = "/…"


def redacted(settings: Settings) -> dict[str, Any]:
    """The settings as the API shows them: no secret, of a URL only scheme, host and port."""

    def mask(value: object) -> object:
        if isinstance(value, Secret):
            return _MASK
        raise NotImplementedError(type(value))

    shown: dict[str, Any] = msgspec.to_builtins(settings, enc_hook=mask)
    for item in (*shown["webhooks"]["endpoints"], *shown["sources"]):
        if "url" in item:
            item["url"] = _shown_url(item["url"])
    return shown


def _shown_url(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{_MASKED_PATH if parts.path.strip('/') or parts.query else '/'}"


def save(path: Path, changes: Mapping[str, object]) -> LoadedSettings:
    """Lay `changes` over the file as it stands now (a JSON merge patch) and replace it in one step.

    A list of tables with ids takes an object keyed by id: `{"cabinets": {"03": {"limits": {"high": 7}}}}`; null removes a
    key. Comments and order stay; the retry settings are written out in full, so that the file shows what is in force.
    Returns what the file now says. Raises ConfigError when the file is not valid as it stands, RefusalError (409) when
    the result would not be, OSError when it can't be written; the file is then untouched.
    """
    after, data = _laid_over(path, changes)
    _replace(path.resolve(), data)
    return after


def preview(path: Path, changes: Mapping[str, object]) -> LoadedSettings:
    """What the file would say after `save`, which raises the same; nothing is written."""
    return _laid_over(path, changes)[0]


def _laid_over(path: Path, changes: Mapping[str, object]) -> tuple[LoadedSettings, bytes]:
    before = read_text(path)
    command = parse(before, path).settings.webhooks.escalate_command
    document = tomlkit.parse(before)
    try:
        _merge(document, changes, "")
        in_force = parse(tomlkit.dumps(document), path).settings.webhooks.retry
        retry = _table_in(_table_in(document, "webhooks"), "retry")
        for name, value in structs.asdict(in_force).items():
            retry.setdefault(name, value)
        text = tomlkit.dumps(document)
        if tomllib.loads(text) != document.unwrap():
            raise RefusalError(409, "config_invalid", "the change can't be written into this layout of tables")
        after = parse(text, path)
        if after.settings.webhooks.escalate_command != command:
            raise RefusalError(
                409, "config_invalid", "webhooks.escalate_command: changed in the file only, as it is run"
            )
        return after, text.encode()
    except ConfigError as error:
        raise RefusalError(409, "config_invalid", f"{error.key}: {error.problem}") from error
    except (TOMLKitError, ValueError) as error:
        raise RefusalError(409, "config_invalid", "a value that TOML can't hold") from error


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
