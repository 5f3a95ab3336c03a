"""What a route is: the values that the server, the permissions and the OpenAPI document are all made from."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

from msgspec import Struct

from core.wire_audit import Change


class Scope(IntEnum):
    """What a caller may do; each includes those before it. OPEN is for everybody, without a login: the health checks."""

    OPEN = 0
    READ = 1
    OPERATE = 2
    ADMIN = 3


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who calls, from the login and never from the body: `uid:0` on the socket, `token:NAME` on TCP, `operator:NAME` after a
    PIN, then `via` the user of the console.
    """

    name: str
    scope: Scope
    via: str | None = None


class Nothing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No query, no headers, or no body."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One decoded and permitted request. `path` holds the path's variables, as text; `origin` is `socket` or the address that
    it came from. `holds` says whether the login is still good, for an answer that goes on and on.
    """

    actor: Actor
    origin: str = "socket"
    request_id: str = ""
    path: dict[str, str]
    query: Struct
    body: Struct
    headers: Struct = field(default_factory=Nothing)
    holds: Callable[[], bool] = lambda: True

    def says(self, by: str | None) -> str:
        """A person's name where one was given, and beside it who was logged in."""
        return self.actor.name if by is None else f"{by} ({self.actor.name})"


class MergePatch(Struct, frozen=True, kw_only=True):
    """The body of a `merge_patch` route: the caller's JSON object as it came (RFC 7396); the handler checks it."""

    changes: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer with a status, headers or a media type of its own; a plain Struct or text is a 200. 304 has no content.

    Content that comes piece by piece is closed (`aclose`) where the caller leaves.
    """

    status: int = 200
    content: Struct | str | AsyncGenerator[bytes] | None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str | None = None


Handler = Callable[[Call], Awaitable[Struct | Reply | str]]


@dataclass(frozen=True, kw_only=True)
class Audited:
    """What the audit keeps of a route that changes something. `before` gives the thing as the answer will show it afterwards;
    `changes` compares the two. `asked` is False where the body holds what nobody may read there.
    """

    what: str
    before: Callable[[Call], Struct | None] = lambda _: None
    changes: Callable[[Struct | None, Struct], tuple[Change, ...]] = lambda _, __: ()
    asked: bool = True


@dataclass(frozen=True, kw_only=True)
class Route:
    """One row of the table. `refusals` maps a status to its stable codes. Whatever is no GET is `audited`.

    `headers` is a struct of the request headers that the handler reads, named as HTTP names them (`rename="kebab"`).
    An `answer` that is text has its own `media_type`, and may come as one of `other_media_types` too. `merge_patch` hands the handler a MergePatch and leaves `body` unused.
    """

    method: Literal["GET", "POST", "PATCH"]
    path: str
    scope: Scope
    handler: Handler
    summary: str
    answer: type[Struct] | type[str]
    media_type: str = "application/json"
    other_media_types: tuple[str, ...] = ()
    query: type[Struct] = Nothing
    headers: type[Struct] = Nothing
    body: type[Struct] = Nothing
    body_optional: bool = False
    statuses: tuple[int, ...] = (200,)
    refusals: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    merge_patch: bool = False
    audited: Audited | None = None
