"""TOML file <-> Settings: strict reading with file, line and key in every error; saving that keeps the comments.

Owns the file's form. What a key means is said in settings.py.
"""

import base64
import binascii
import itertools
import math
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import tomlkit
from msgspec import structs
from tomlkit.exceptions import ParseError, TOMLKitError

from core.config_lines import KeyPath, line_of
from core.errors import ConfigError, RefusalError
from core.journal.files import sync_directory
from core.monitoring.presets import PRESETS, terms_of
from core.settings import (
    POINT_TYPES,
    Cabinet,
    Endpoint,
    Limits,
    LoadedSettings,
    ReplaySource,
    Secret,
    Settings,
)

SEARCH: Final = (
    "$CDG_CONFIG",
    "${XDG_CONFIG_HOME}/cold-display-guard/config.toml",
    "~/.config/cold-display-guard/config.toml",
    "/etc/cold-display-guard/config.toml",
)
_MASK: Final = "***"
_AT: Final = re.compile(r"^(?P<problem>.*?)(?: - at `(?:key in )?\$(?P<path>[^`]*)`)?$", re.DOTALL)
_FIELD: Final = re.compile(r"(?P<kind>unknown|required) field `(?P<name>[^`]+)`")
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


def find(given: Path | None) -> Path:
    """The configuration file to use: the given one, else the first of SEARCH. Raises ConfigError when there is none."""
    if given is not None:
        return given
    for place in SEARCH:
        path = os.path.expandvars(place)
        if "$" not in path and path and (found := Path(path).expanduser()).is_file():
            return found
    raise ConfigError(
        "no configuration found: give --config FILE or set CDG_CONFIG; config/example.toml explains every key"
    )


def load(path: Path) -> LoadedSettings:
    """Read and check the whole file, its secret files too. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"can't be read ({error.strerror})", path=path) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError("is not UTF-8", path=path, line=line) from error
    return parse(text, path)


def parse(text: str, path: Path) -> LoadedSettings:
    """Check a configuration text as if it stood in `path`."""
    try:
        document = tomlkit.parse(text).unwrap()
    except ParseError as error:
        raise ConfigError(str(error).split(" at line")[0], path=path, line=error.line) from error
    except TOMLKitError as error:
        raise ConfigError(str(error), path=path) from error
    return _Checker(text, path).check(document)


class _Checker:
    """Turns one document into Settings, and knows how to say where a mistake stands."""

    def __init__(self, text: str, path: Path):
        self._text, self._path = text, path

    def check(self, document: dict[str, Any]) -> LoadedSettings:
        settings = self._convert(document, Settings, ())
        self._check_ids(settings)
        self._check_sensors(settings)
        for index, cabinet in enumerate(settings.cabinets):
            self._check_cabinet(cabinet, ("cabinets", index))
        retry = settings.webhooks.retry
        if retry.max_delay_s < retry.first_delay_s:
            raise self._error("is below first_delay_s", ("webhooks", "retry", "max_delay_s"))
        if Path(retry.log).name != retry.log or retry.log in {".", "..", "cases.jsonl", "lock", "manage.sock"}:
            raise self._error("must be a file name of its own in the data directory", ("webhooks", "retry", "log"))
        endpoints = tuple(
            self._with_secrets(endpoint, ("webhooks", "endpoints", index))
            for index, endpoint in enumerate(settings.webhooks.endpoints)
        )
        return LoadedSettings(
            settings=structs.replace(
                settings,
                sources=tuple(self._with_path(source) for source in settings.sources),
                webhooks=structs.replace(settings.webhooks, endpoints=endpoints),
            ),
            path=self._path,
            hints=tuple(self._hints(settings)),
        )

    def _error(self, problem: str, at: KeyPath) -> ConfigError:
        key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at).lstrip(".")
        return ConfigError(problem, path=self._path, line=line_of(self._text, at), key=key or None)

    def _convert(self, value: object, wanted: Any, at: KeyPath) -> Any:
        try:
            return msgspec.convert(value, wanted, dec_hook=_secret)
        except msgspec.ValidationError as error:
            raise self._located(str(error), at) from error

    def _located(self, message: str, at: KeyPath) -> ConfigError:
        found = _AT.match(message)
        assert found is not None
        steps = [name or int(index) for name, index in _STEP.findall(found["path"] or "")]
        where: KeyPath = (*at, *steps)
        problem = found["problem"]
        if (field := _FIELD.search(problem)) is not None:
            where = (*where, field["name"])
            problem = "unknown key" if field["kind"] == "unknown" else "is required"
        return self._error(problem, where)

    def _check_ids(self, settings: Settings) -> None:
        groups: tuple[tuple[KeyPath, Iterable[str]], ...] = (
            (("sources",), (one.id for one in settings.sources)),
            (("cabinets",), (one.id for one in settings.cabinets)),
            (("sensors",), (one.id for one in settings.sensors)),
            (("webhooks", "endpoints"), (one.id for one in settings.webhooks.endpoints)),
        )
        for at, ids in groups:
            seen: set[str] = set()
            for index, item_id in enumerate(ids):
                if item_id in seen:
                    raise self._error(f"{item_id!r} is used twice", (*at, index, "id"))
                seen.add(item_id)

    def _check_sensors(self, settings: Settings) -> None:
        sources = {source.id: source for source in settings.sources}
        cabinets = {cabinet.id for cabinet in settings.cabinets}
        for index, sensor in enumerate(settings.sensors):
            at: KeyPath = ("sensors", index)
            if sensor.cabinet not in cabinets:
                raise self._error(f"there is no cabinet {sensor.cabinet!r}", (*at, "cabinet"))
            if sensor.source not in sources:
                raise self._error(f"there is no source {sensor.source!r}", (*at, "source"))
            self._convert(sensor.point, POINT_TYPES[type(sources[sensor.source])], (*at, "point"))

    def _check_cabinet(self, cabinet: Cabinet, at: KeyPath) -> None:
        if cabinet.preset is not None and cabinet.preset not in PRESETS:
            raise self._error(f"unknown preset; known are {', '.join(PRESETS)}", (*at, "preset"))
        self._check_limits(terms_of(cabinet).limits, (*at, "limits"))

    def _check_limits(self, limits: Limits, at: KeyPath) -> None:
        given = [
            (name, value)
            for name in ("low", "warn_low", "warn_high", "high")
            if (value := getattr(limits, name)) is not None
        ]
        for (name, value), (upper_name, upper) in itertools.pairwise(given):
            if not value < upper:
                raise self._error(f"is not above {name} ({upper:g} <= {value:g})", (*at, upper_name))
        for name, value in given:
            if not math.isfinite(value):
                raise self._error("must be a finite temperature in °C", (*at, name))

    def _with_path(self, source: Any) -> Any:
        """Paths in the file are relative to the file."""
        if isinstance(source, ReplaySource):
            return structs.replace(source, path=str(self._path.parent / Path(source.path).expanduser()))
        return source

    def _with_secrets(self, endpoint: Endpoint, at: KeyPath) -> Endpoint:
        return structs.replace(
            endpoint,
            secret=self._secret_of(endpoint.secret, endpoint.secret_file, "secret", at),
            secret_previous=self._secret_of(
                endpoint.secret_previous, endpoint.secret_previous_file, "secret_previous", at
            ),
        )

    def _secret_of(self, inline: Secret | None, file: str | None, name: str, at: KeyPath) -> Secret | None:
        if inline is not None and file is not None:
            raise self._error(f"give {name} or {name}_file, not both", (*at, name))
        if file is None:
            return self._signing_key(inline, (*at, name))
        where = (*at, f"{name}_file")
        path = self._path.parent / Path(file).expanduser()
        try:
            text = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise self._error(f"{path} can't be read ({error.strerror})", where) from error
        except UnicodeDecodeError as error:
            raise self._error(f"{path} is not text", where) from error
        return self._signing_key(Secret(text), where)

    def _signing_key(self, secret: Secret | None, at: KeyPath) -> Secret | None:
        if secret is None:
            return None
        try:
            key = base64.b64decode(secret.reveal().removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError) as error:
            raise self._error("is not whsec_ and base64", at) from error
        if not key:
            raise self._error("is empty", at)
        return secret

    def _hints(self, settings: Settings) -> Iterable[str]:
        for cabinet in settings.cabinets:
            if cabinet.preset is None and cabinet.limits is None:
                yield f"cabinet {cabinet.id!r} has neither preset nor limits: its values are shown, never judged"
        for endpoint in settings.webhooks.endpoints:
            if endpoint.secret is None:
                yield f"endpoint {endpoint.id!r} has no secret: its webhooks go out unsigned"
        if not settings.webhooks.endpoints:
            yield "no webhook endpoint: alarms stay on this box"


def _secret(wanted: type, value: object) -> object:
    if wanted is Secret and isinstance(value, str):
        return Secret(value)
    raise TypeError("Expected `str`")


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
    return f"{parts.scheme}://{host}/{'…' if parts.path.strip('/') or parts.query else ''}"


def save(path: Path, changes: Mapping[str, object]) -> LoadedSettings:
    """Lay `changes` over the file as it stands now (a JSON merge patch) and replace it in one step.

    A list of tables with ids takes an object keyed by id: `{"cabinets": {"03": {"limits": {"high": 7}}}}`; null removes a
    key. Comments and order stay; the retry settings are written out in full, so that the file shows what is in force.
    Returns what the file now says. Raises RefusalError (409) when the result would not be valid; the file is untouched.
    """
    before = load(path)
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    _merge(document, changes, "")
    webhooks = document.setdefault("webhooks", tomlkit.table())
    retry = webhooks.setdefault("retry", tomlkit.table())
    for name, value in structs.asdict(before.settings.webhooks.retry).items():
        retry.setdefault(name, value)
    text = tomlkit.dumps(document)
    try:
        after = parse(text, path)
    except ConfigError as error:
        raise RefusalError(409, "config_invalid", f"{error.key}: {error.problem}") from error
    _replace(path, text)
    return after


def _merge(table: Any, changes: Mapping[str, object], at: str) -> None:
    for key, value in changes.items():
        here = f"{at}.{key}".lstrip(".")
        if value is None:
            table.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(table.get(key), list):
            _merge_by_id(table[key], value, here)
        elif isinstance(value, Mapping):
            if not isinstance(table.get(key), Mapping):
                table[key] = tomlkit.table()
            _merge(table[key], value, here)
        else:
            table[key] = value


def _merge_by_id(items: list[Any], changes: Mapping[str, object], at: str) -> None:
    by_id = {item.get("id"): item for item in items}
    for item_id, change in changes.items():
        if item_id not in by_id or not isinstance(change, Mapping):
            raise RefusalError(409, "config_invalid", f"{at}: there is no {item_id!r}")
        _merge(by_id[item_id], change, f"{at}.{item_id}")


def _replace(path: Path, text: str) -> None:
    """Write beside, sync, rename, sync the directory; keep the file's mode and owner."""
    old = path.stat()
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
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
