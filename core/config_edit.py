"""The configuration as the manage API shows it, compares it and changes it: secrets masked; saved with its comments and order."""

import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import tomlkit
from msgspec import Struct, structs
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from core.config_lines import KeyPath, printable
from core.config_read import parse
from core.errors import ConfigError, RefusalError
from core.journal.files import sync_directory
from core.settings import LoadedSettings, Secret, Settings
from core.wire import FieldError
from core.wire_audit import Change

_MASK: Final = "***"
_MASKED_PATH: Final = "/…"
# Of one change: tomlkit takes time by the square of what it is given, and a text goes into events and the audit.
_MOST_VALUES: Final = 2000
_DEEPEST: Final = 16
_LONGEST_TEXT: Final = 4000
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


def refusal_of(error: ConfigError, document: Mapping[str, Any], detail: str | None = None) -> RefusalError:
    """409 for what is wrong in this document, with the key as `flat` has it. Without `detail` that says the same in words."""
    key = _key(error.at, document)
    if not key:
        return RefusalError(409, "config_invalid", detail or error.problem)
    return _refused(key, error.problem, detail)


def _refused(key: str, problem: str, detail: str | None = None) -> RefusalError:
    errors = (FieldError(pointer=key, detail=problem),)
    return RefusalError(409, "config_invalid", detail or f"{key}: {problem}", errors=errors)


def _key(at: KeyPath, document: Mapping[str, Any]) -> str:
    """An element without an id goes by its number."""
    steps: list[str] = []
    part: Any = document
    for step in at:
        try:
            part = part[step]
        except (LookupError, TypeError):
            part = None
        named = part.get("id") if isinstance(step, int) and isinstance(part, Mapping) else None
        steps.append(printable(_step(named if isinstance(named, str) else str(step))))
    return ".".join(steps)


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
    _check_size(changes)
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
        raise refusal_of(error, document) from error
    except (TOMLKitError, ValueError, RecursionError) as error:
        raise RefusalError(409, "config_invalid", "a value that TOML can't hold") from error
    if after.settings.webhooks.escalate_command != before.settings.webhooks.escalate_command:
        raise _refused("webhooks.escalate_command", "changed in the file only, as it is run")
    return Draft(before=before, after=after, text=Secret(changed))


def _check_size(changes: Mapping[str, object]) -> None:
    level, count = list[object]([changes]), 0
    for _ in range(_DEEPEST + 1):
        inner = [part for one in level for part in _parts(one)]
        count += len(inner)
        if count > _MOST_VALUES:
            raise RefusalError(409, "config_invalid", f"more than {_MOST_VALUES} values in one change")
        names = [name for one in level if isinstance(one, Mapping) for name in one]
        if any(isinstance(one, str) and len(one) > _LONGEST_TEXT for one in (*names, *inner)):
            raise RefusalError(409, "config_invalid", f"a text of more than {_LONGEST_TEXT} characters")
        level = inner
    if level:
        raise RefusalError(409, "config_invalid", f"tables or lists more than {_DEEPEST} deep")


def _parts(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()


def _merge(table: Any, changes: Mapping[str, object], at: str) -> None:
    for key, value in changes.items():
        here = f"{at}.{_step(key)}" if at else _step(key)
        if value is None:
            table.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(table.get(key), list):
            _merge_by_id(table[key], value, here)
        elif isinstance(value, Mapping):
            _merge(_table_in(table, key), value, here)
        elif _is_masked(value):
            raise _refused(here, "the masked form that the API shows is no value")
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
            raise _refused(at, f"there is no {item_id!r}")
        _merge(by_id[item_id], change, f"{at}.{_step(item_id)}")


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
