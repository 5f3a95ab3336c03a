"""Reading the configuration: every mistake becomes a ConfigError with file, line and key, and never a secret's text."""

import base64
import binascii
import grp
import math
import re
import shutil
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import structs

from core.certificates import door_context
from core.config_checks import hints, wrongs
from core.config_lines import KeyPath, dotted, key_on, line_of, not_utf8, printable
from core.errors import ConfigError
from core.journal.append import OF_A_TIME
from core.settings import (
    POINT_TYPES,
    Endpoint,
    HttpJsonSource,
    LoadedSettings,
    ModbusSource,
    ReplaySource,
    Secret,
    Settings,
)
from core.webhooks.tls import own_context

_AT: Final = re.compile(r"^(?P<problem>.*?)(?: - at `(?:key in )?\$(?P<path>[^`]*)`)?$", re.DOTALL)
_FIELD: Final = re.compile(r"(?P<kind>unknown|required) field `(?P<name>.*)`$", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_SYNTAX: Final = re.compile(r"^(?P<problem>.*) \(at (?:line (?P<line>\d+), column \d+|end of document)\)$", re.DOTALL)
_TLS_FILES: Final = ("ca_file", "client_cert", "client_key")
_DOOR_FILES: Final = ("tls_cert", "tls_key")
# Keys whose text the system is handed, which ends it at a NUL or refuses it.
_NO_NUL: Final = frozenset(
    {
        "url",
        "path",
        "group",
        "kiosk_users",
        "listen",
        "tokens_file",
        "data_dir",
        "escalate_command",
        *_TLS_FILES,
        *_DOOR_FILES,
    }
)
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")  # HTTP takes blanks at the ends away
# Journals that the data directory already has; also the names made from them (`cases.jsonl.prev`).
_TAKEN: Final = ("cases.jsonl", "audit.jsonl")
_LONGEST_NAME: Final = 200  # bytes; leaves room for what the journal adds behind it

_T = TypeVar("_T", bound=msgspec.Struct)


def load(path: Path) -> LoadedSettings:
    """Read and check the whole file, its secret files too. Raises ConfigError."""
    return parse(read_text(path), path)


def read_text(path: Path) -> str:
    """The file's text with its line ends as they are. Raises ConfigError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"can't be read ({error.strerror})", path=path) from error
    if (bad := not_utf8(data)) is not None:
        raise ConfigError("is not UTF-8", path=path, line=data.count(b"\n", 0, bad) + 1)
    if data.startswith(b"\xef\xbb\xbf"):
        raise ConfigError("begins with a byte order mark; save it as UTF-8 without one", path=path, line=1)
    return data.decode()


def parse(text: str, path: Path) -> LoadedSettings:
    """Check a configuration text as if it stood in `path`. Raises ConfigError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(str(error), text, path) from error
    return _Checker(text, path).check(document)


def _syntax_error(message: str, text: str, path: Path) -> ConfigError:
    found = _SYNTAX.match(message)
    problem, line = message, text.count("\n") + 1
    if found is not None:
        problem, line = found["problem"], int(found["line"] or line)
    # What else stands on a line that is not TOML may be a secret that slipped there: no key is named from it.
    twice = problem.startswith(("Cannot", "Duplicate"))
    return ConfigError(problem, path=path, line=line, key=dotted(key_on(text, line) or ()) if twice else None)


class _Checker:
    """Turns one document into Settings, and knows how to say where a mistake stands."""

    def __init__(self, text: str, path: Path):
        self._text, self._path = text, path

    def check(self, document: dict[str, Any]) -> LoadedSettings:
        self._check_values(document, ())
        settings = self._convert(document, Settings, ())
        self._check_ids(settings)
        self._check_sensors(settings)
        for problem, at in wrongs(settings):
            raise self._error(problem, at)
        self._check_retry(settings)
        self._check_group(settings)
        self._check_command(settings.webhooks.escalate_command)
        sources = tuple(self._source(one, ("sources", index)) for index, one in enumerate(settings.sources))
        endpoints = tuple(
            self._endpoint(one, ("webhooks", "endpoints", index))
            for index, one in enumerate(settings.webhooks.endpoints)
        )
        webhooks = structs.replace(settings.webhooks, endpoints=endpoints)
        door = self._with_files(settings.manage_api, _DOOR_FILES, door_context, ("manage_api",))
        return LoadedSettings(
            settings=structs.replace(settings, sources=sources, webhooks=webhooks, manage_api=door),
            path=self._path,
            tokens_file=self._beside(settings.manage_api.tokens_file, ("manage_api", "tokens_file")),
            data_dir=self._beside(given, ("device", "data_dir")) if (given := settings.device.data_dir) else None,
            hints=tuple(hints(settings)),
        )

    def _error(self, problem: str, at: KeyPath) -> ConfigError:
        return ConfigError(printable(problem), path=self._path, line=line_of(self._text, at), key=dotted(at), at=at)

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

    def _check_values(self, value: object, at: KeyPath) -> None:
        """TOML knows nan and inf, which no key here does, and NUL, which the keys that the system is handed don't."""
        if isinstance(value, float) and not math.isfinite(value):
            raise self._error("must be a finite number", at)
        if isinstance(value, str) and "\0" in value and not _NO_NUL.isdisjoint(at):
            raise self._error("must not hold a NUL", at)
        parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for step, part in parts:
            self._check_values(part, (*at, step))

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

    def _check_retry(self, settings: Settings) -> None:
        retry, at = settings.webhooks.retry, ("webhooks", "retry")
        if retry.max_delay_s < retry.first_delay_s:
            raise self._error("is below first_delay_s", (*at, "max_delay_s"))
        name = retry.log
        own = Path(name).name == name and name.endswith(".jsonl") and "\0" not in name and not OF_A_TIME.search(name)
        taken = any(name == other or name.startswith(f"{other}.") for other in _TAKEN)
        if not own or taken or len(name.encode()) > _LONGEST_NAME:
            raise self._error("must be a file name of its own in the data directory, ending in .jsonl", (*at, "log"))

    def _check_group(self, settings: Settings) -> None:
        group = settings.access.group
        try:
            group and grp.getgrnam(group)
        except (KeyError, ValueError) as error:
            raise self._error(f"there is no group {group!r} on this machine", ("access", "group")) from error

    def _with_files(self, table: _T, keys: Iterable[str], context: Callable[[_T], object], at: KeyPath) -> _T:
        """With paths as seen from the file, which must hold what a TLS context can be made of."""
        given = {name: getattr(table, name) for name in keys}
        files = {name: str(self._beside(file, (*at, name))) for name, file in given.items() if file is not None}
        whole = structs.replace(table, **files)
        try:
            context(whole)
        except ConfigError as error:
            raise self._error(error.problem, (*at, *((error.key,) if error.key else ()))) from error
        return whole

    def _check_command(self, argv: tuple[str, ...]) -> None:
        at = ("webhooks", "escalate_command")
        if argv and "/" in argv[0] and not argv[0].startswith("/"):
            raise self._error("must be a program in PATH, or a path that begins with /", at)
        if argv and shutil.which(argv[0]) is None:
            raise self._error(f"there is no program {argv[0]!r} that can be run", at)

    def _check_url(self, url: str, at: KeyPath) -> None:
        try:
            parts = urlsplit(url)
            usable = bool(parts.hostname) and parts.port != 0
            # What the driver or the sender would say of it when the core starts.
            (parts.hostname or "").encode("idna") if parts.scheme == "tcp" else httpx.URL(url)
        except (ValueError, httpx.InvalidURL):
            usable = False
        if not usable:
            raise self._error("has no usable host and port", at)

    def _source(self, source: Any, at: KeyPath) -> Any:
        if isinstance(source, HttpJsonSource | ModbusSource):
            self._check_url(source.url, (*at, "url"))
        if isinstance(source, ReplaySource):
            return structs.replace(source, path=str(self._beside(source.path, (*at, "path"))))
        return source

    def _beside(self, file: str, at: KeyPath) -> Path:
        """The path as seen from where the configuration stands."""
        try:
            return self._path.parent / Path(file).expanduser()
        except RuntimeError as error:
            raise self._error("names a home directory that doesn't exist", at) from error

    def _endpoint(self, endpoint: Endpoint, at: KeyPath) -> Endpoint:
        self._check_url(endpoint.url, (*at, "url"))
        for name, value in endpoint.headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value.reveal()):
                raise self._error("is not a header of printable ASCII", (*at, "headers", name))
        if endpoint.proxy is not None and not endpoint.proxy.reveal().startswith(("http://", "https://")):
            raise self._error("is not http:// or https://", (*at, "proxy"))
        if endpoint.proxy is not None:
            self._check_url(endpoint.proxy.reveal(), (*at, "proxy"))
        whole = self._with_files(endpoint, _TLS_FILES, own_context, at)
        return structs.replace(
            whole,
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
        path = self._beside(file, where)
        try:
            data = path.read_bytes()
        except (OSError, ValueError) as error:
            raise self._error(f"{path} can't be read ({getattr(error, 'strerror', error)})", where) from error
        if not_utf8(data) is not None:
            raise self._error(f"{path} is not text", where)
        return self._signing_key(Secret(data.decode().strip()), where)

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


def _secret(wanted: type, value: object) -> object:
    if wanted is Secret and isinstance(value, str):
        return Secret(value)
    raise TypeError("Expected `str`")
