"""What a route is: the values that the server, the permissions and the OpenAPI document are all made from."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

from msgspec import Struct


class Scope(IntEnum):
    """What a caller may do; each includes those before it."""

    READ = 1
    OPERATE = 2
    ADMIN = 3


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who calls, from the login and never from the body: `uid:0` on the socket, `token:NAME` on TCP."""

    name: str
    scope: Scope


class Nothing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No query, no headers, or no body."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One decoded and permitted request. `path` holds the path's variables, as text."""

    actor: Actor
    path: dict[str, str]
    query: Struct
    body: Struct
    headers: Struct = field(default_factory=Nothing)

    def says(self, by: str) -> str:
        """A person's name, and beside it who was logged in."""
        return f"{by} ({self.actor.name})"


class MergePatch(Struct, frozen=True, kw_only=True):
    """The body of a `merge_patch` route: the caller's JSON object as it came (RFC 7396); the handler checks it."""

    changes: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer with a status or headers of its own; a plain Struct or text is a 200. 304 has no content."""

    status: int = 200
    content: Struct | str | None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Awaitable[Struct | Reply | str]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One row of the table. `scope` None is open to everybody (health). `refusals` maps a status to its stable codes.

    `headers` is a struct of the request headers that the handler reads, named as HTTP names them (`rename="kebab"`).
    An `answer` that is text has its own `media_type`. `merge_patch` hands the handler a MergePatch and leaves `body` unused.
    """

    method: Literal["GET", "POST", "PATCH"]
    path: str
    scope: Scope | None
    handler: Handler
    summary: str
    answer: type[Struct] | type[str]
    media_type: str = "application/json"
    query: type[Struct] = Nothing
    headers: type[Struct] = Nothing
    body: type[Struct] = Nothing
    body_optional: bool = False
    statuses: tuple[int, ...] = (200,)
    refusals: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    merge_patch: bool = False
