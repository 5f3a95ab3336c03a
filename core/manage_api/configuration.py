"""The routes of the configuration: show the file without its secrets, and change it so that nobody overwrites another's change."""

import asyncio
import hashlib
import secrets
import tomllib
from typing import Final

from msgspec import Struct

from core import config
from core.config import Draft
from core.errors import ConfigError, RefusalError
from core.events import EventType, Severity
from core.manage_api.parts import Parts
from core.manage_api.table import Audited, Call, MergePatch, Reply, Route, Scope
from core.settings import LoadedSettings
from core.wire_audit import Change
from core.wire_config import Config

_MOST_TOLD: Final = 100  # keys in one event: it must stay small enough for any receiver


class ConfigQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`dry_run` checks a change and shows what it would do, and does nothing."""

    dry_run: bool = False


class ConfigConditions(Struct, frozen=True, kw_only=True, rename="kebab"):
    """`if-match` is the ETag of the configuration that the change was made for: where the file is another one by now, nothing
    is changed, and 409 says so as for any change that the present state refuses.
    """

    if_match: str | None = None


class ConfigHandlers:
    """What the rows below call."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._saving = asyncio.Lock()
        self._key = secrets.token_bytes(32)  # an ETag without it would let a weak secret in the file be guessed

    async def show(self, _: Call) -> Reply:
        text = await self._text()
        return self._answer(text, await asyncio.to_thread(_parsed, text, self._parts.loaded))

    async def patch(self, call: Call) -> Reply:
        query, conditions, body = call.query, call.headers, call.body
        assert isinstance(query, ConfigQuery)
        assert isinstance(conditions, ConfigConditions)
        assert isinstance(body, MergePatch)
        async with self._saving:  # two at once would each write over the other's change
            text = await self._text()
            if conditions.if_match is not None and not _names(conditions.if_match, self._tag(text)):
                raise RefusalError(
                    409, "config_changed", "the file is another one than when you read it; read it again"
                )
            draft = await asyncio.to_thread(_drafted, text, self._parts.loaded, body)
            changes = config.differences(draft.before.settings, draft.after.settings)
            if query.dry_run:
                return self._answer(text, draft.after, changes)
            await asyncio.to_thread(_write, draft)
        if changes:
            self._tell(call, changes, restart=bool(self._pending(draft.after)))
        return self._answer(draft.text.reveal(), draft.after, changes)

    async def _text(self) -> str:
        try:
            return await asyncio.to_thread(config.read_text, self._parts.loaded.path)
        except ConfigError as error:
            raise _invalid(error) from error

    def _tag(self, text: str) -> str:
        return f'"{hashlib.blake2b(text.encode(), key=self._key, digest_size=16).hexdigest()}"'

    def _answer(self, text: str, loaded: LoadedSettings, changes: tuple[Change, ...] = ()) -> Reply:
        pending = self._pending(loaded)
        shown = Config(
            path=str(loaded.path),
            settings=config.redacted(loaded.settings),
            restart_required=bool(pending),
            hints=loaded.hints,
            changes=changes,
            pending=pending,
        )
        return Reply(content=shown, headers={"etag": self._tag(text)})

    def _pending(self, loaded: LoadedSettings) -> tuple[str, ...]:
        return tuple(one.key for one in config.differences(self._parts.loaded.settings, loaded.settings))

    def _tell(self, call: Call, changes: tuple[Change, ...], *, restart: bool) -> None:
        """Which keys, and not their values: whoever may know them asks for them."""
        said: dict[str, object] = {
            "actor": call.actor.name,
            "via": call.actor.via,
            "changed": len(changes),
            "keys": [change.key for change in changes[:_MOST_TOLD]],
            "restart_required": restart,
        }
        self._parts.book.tell(EventType.CONFIG_CHANGED, Severity.INFO, said)


def _names(if_match: str, tag: str) -> bool:
    """Whether the caller's list of tags has this one; `*` is any."""
    return bool({one.strip() for one in if_match.split(",")} & {"*", tag})


def _parsed(text: str, running: LoadedSettings) -> LoadedSettings:
    try:
        return config.parse(text, running.path)
    except ConfigError as error:
        raise _invalid(error, text) from error


def _drafted(text: str, running: LoadedSettings, body: MergePatch) -> Draft:
    try:
        return config.draft(text, running.path, body.changes)
    except ConfigError as error:
        raise _invalid(error, text) from error


def _write(draft: Draft) -> None:
    try:
        draft.write()
    except OSError as error:
        raise RefusalError(409, "config_not_writable", f"the file can't be replaced ({error.strerror})") from error


def _invalid(error: ConfigError, text: str = "") -> RefusalError:
    """The file is not valid as it stands: a person looks for the line, a program for the key."""
    return config.refusal_of(error, tomllib.loads(text) if error.at else {}, str(error))


def _changes(_: Struct | None, after: Struct) -> tuple[Change, ...]:
    assert isinstance(after, Config)
    return after.changes


def config_routes(on: ConfigHandlers) -> tuple[Route, ...]:
    return (
        Route(
            method="GET",
            path="/api/manage/config",
            scope=Scope.READ,
            handler=on.show,
            summary="The configuration file, secrets masked",
            answer=Config,
            refusals={409: ("config_invalid",)},
        ),
        Route(
            method="PATCH",
            path="/api/manage/config",
            scope=Scope.ADMIN,
            handler=on.patch,
            summary="Change the configuration file (JSON merge patch; lists of tables are objects keyed by id)",
            answer=Config,
            query=ConfigQuery,
            headers=ConfigConditions,
            merge_patch=True,
            audited=Audited(what="config.patch", changes=_changes, asked=False),
            refusals={409: ("config_invalid", "config_not_writable", "config_changed")},
        ),
    )
