"""A small route table of its own kind, and a server over it, for the tests of the manage API's HTTP side."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import httpx
from msgspec import Meta, Struct
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from core.audit import Deed
from core.clock import Clock, SystemClock
from core.errors import RefusalError
from core.manage_api.app import build_app
from core.manage_api.auth import Authenticator
from core.manage_api.peers import PEER, Peer
from core.manage_api.server import ManageServer
from core.manage_api.table import Audited, Call, MergePatch, Reply, Route, Scope
from core.manage_api.tokens import add_token
from core.settings import Access


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Search(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=250)] = 50
    status: tuple[Literal["pending", "dead_letter"], ...] = ()
    colour: Colour | None = None
    due: bool | None = None
    above: float | None = None
    since: Annotated[datetime, Meta(tz=True)] | None = None
    q: str | None = None


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    by: Annotated[str, Meta(min_length=1, max_length=100)]
    limit: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    ids: Annotated[tuple[str, ...], Meta(max_length=20)] = ()
    budget_s: Annotated[float, Meta(ge=0, le=600)] = 30.0
    colour: Colour = Colour.RED


class Conditions(Struct, frozen=True, kw_only=True, rename="kebab"):
    """Headers."""

    if_none_match: str | None = None
    order_key: Annotated[str, Meta(min_length=1, max_length=8, pattern="^[a-z]*$")] | None = None


class Seen(Struct, frozen=True, kw_only=True):
    """What the handler was given."""

    actor: str
    path: dict[str, str]
    given: dict[str, Any]


def _seen(call: Call) -> Seen:
    parts = (call.query, call.body, call.headers)
    given = {name: getattr(part, name) for part in parts for name in part.__struct_fields__}
    return Seen(actor=call.actor.name, path=call.path, given=given)


async def echo(call: Call) -> Struct:
    return _seen(call)


async def later(call: Call) -> Reply:
    return Reply(status=202, content=_seen(call))


async def unless_known(call: Call) -> Struct | Reply:
    assert isinstance(call.headers, Conditions)
    known = call.headers.if_none_match == '"7"'
    return Reply(status=304, content=None, headers={"etag": '"7"'}) if known else _seen(call)


async def text(_: Call) -> str:
    return "grün 1\n"


async def one_item(call: Call) -> Struct:
    if call.path["id"] == "gone":
        raise RefusalError(404, "item_not_found", "There is no such item.")
    return _seen(call)


async def busy(_: Call) -> Struct:
    raise RefusalError(409, "drain_in_progress", "Another drain runs.", drain_id="drn_1")


async def broken(_: Call) -> Struct:
    raise ZeroDivisionError("hunter2")


async def slow(call: Call) -> Struct:
    await asyncio.sleep(60)
    return _seen(call)


def _route(method: Literal["GET", "POST", "PATCH"], path: str, handler: Any, scope: Scope, **more: Any) -> Route:
    kept = None if method == "GET" else Audited(what=f"sample.{method.lower()}")
    given = {"answer": Seen, "audited": kept, **more}
    return Route(method=method, path=path, scope=scope, handler=handler, summary=path, **given)


async def in_pieces(call: Call) -> Reply:
    """Breaks off after the first, or goes on without an end."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a piece"
        if call.path["end"] == "broken":
            raise ZeroDivisionError("hunter2")
        await asyncio.sleep(60)

    return Reply(content=cast("Any", pieces()))


ROUTES = (
    _route("GET", "/healthz", echo, Scope.OPEN),
    _route("GET", "/api/manage/items", echo, Scope.READ, query=Search),
    _route("POST", "/api/manage/items", later, Scope.OPERATE, body=Order, statuses=(202,)),
    _route("GET", "/api/manage/items/{id}", one_item, Scope.READ, refusals={404: ("item_not_found",)}),
    _route("GET", "/api/manage/known", unless_known, Scope.READ, headers=Conditions, statuses=(200, 304)),
    _route("POST", "/api/manage/known", echo, Scope.OPERATE, headers=Conditions),
    _route("GET", "/figures", text, Scope.READ, answer=str, media_type="text/plain; version=0.0.4; charset=utf-8"),
    _route("POST", "/api/manage/items/drain", busy, Scope.OPERATE, refusals={409: ("drain_in_progress",)}),
    _route("POST", "/api/manage/find", echo, Scope.READ, body=Search, body_optional=True),
    _route("PATCH", "/api/manage/config", echo, Scope.ADMIN, merge_patch=True, body=MergePatch),
)
FAILING = (
    _route("GET", "/api/manage/broken", broken, Scope.READ),
    _route("GET", "/api/manage/slow", slow, Scope.READ),
    _route("GET", "/api/manage/pieces/{end}", in_pieces, Scope.READ, answer=str, media_type="text/plain"),
)


def an_app(
    directory: Path, listen: str | None = None, access: Access | None = None, hosts: tuple[str, ...] = ()
) -> ASGIApp:
    authenticator = Authenticator(access or Access(), directory / "tokens.toml", SystemClock())
    return build_app(
        (*ROUTES, *FAILING), authenticator, forget, version="1.2.3", listen=listen, hosts=hosts, hostname="Shopbox"
    )


async def forget(_: Deed) -> None:
    """Where no test asks for the audit."""


def a_token(directory: Path, name: str = "hq", scope: Scope = Scope.ADMIN) -> str:
    return add_token(directory / "tokens.toml", name, scope, SystemClock())


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def serving(
    directory: Path,
    listen: str | None = None,
    group: str = "",
    clock: Clock | None = None,
    app: ASGIApp | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[ManageServer]:
    """A running server, its socket in `directory`."""
    server = ManageServer(
        app or an_app(directory, listen), directory / "manage.sock", listen, group, clock or SystemClock(), tls
    )
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(server.run())
        try:
            await server.ready.wait()
            if listen is not None:
                await until(lambda: server.tcp_address is not None or server.tcp_problem is not None)
            yield server
        finally:
            server.stop()


async def until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def a_client(app: ASGIApp, uid: int | None = 0) -> httpx.AsyncClient:
    """A caller on the socket with this uid, or on TCP (None). Every refusal must be one that the app's document names."""

    async def check(response: httpx.Response) -> None:
        if response.headers.get("content-type") == "application/problem+json":
            await response.aread()
            async with httpx.AsyncClient(transport=_transport(app, 0), base_url="http://localhost") as reader:
                check_declared(response, (await reader.get("/openapi.json")).json())

    hooks = {"response": [check]}
    return httpx.AsyncClient(transport=_transport(app, uid), base_url="http://localhost", event_hooks=hooks)


def _transport(app: ASGIApp, uid: int | None) -> httpx.ASGITransport:
    async def door(scope: AsgiScope, receive: Receive, send: Send) -> None:
        state = {} if uid is None else {PEER: Peer(uid=uid, gid=uid, groups=frozenset())}
        await app({**scope, "state": state}, receive, send)

    return httpx.ASGITransport(door)


def check_declared(response: httpx.Response, document: dict[str, Any]) -> None:
    """Raises AssertionError for a status or a code that the document doesn't give to this route."""
    request = response.request
    method, path = request.method.lower().replace("head", "get"), request.url.raw_path.decode().partition("?")[0]
    paths = document["paths"]
    forms = {one: re.sub(r"\\{\w+\\}", "[^/]+", re.escape(one)) for one in paths}
    template = path if path in paths else next((one for one, form in forms.items() if re.fullmatch(form, path)), None)
    if template is not None and method in paths[template]:
        declared = paths[template][method]["responses"].get(str(response.status_code), {}).get("description", "")
        codes = re.findall(r"\w+", declared.partition(": ")[2])
        assert response.json()["code"] in codes, f"{method} {template}: {response.text} is declared nowhere"


def by_socket(path: Path) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://localhost")


def by_tcp(server: ManageServer, token: str | None = None) -> httpx.AsyncClient:
    assert server.tcp_address is not None
    host, port = server.tcp_address
    headers = bearer(token) if token is not None else {}
    return httpx.AsyncClient(base_url=f"http://{host}:{port}", headers=headers, trust_env=False)


def code_of(response: httpx.Response) -> tuple[int, str]:
    """The status and the stable code of an error, which must be whole and problem+json."""
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    problem = response.json()
    assert problem["type"] == "about:blank"
    assert problem["status"] == response.status_code
    assert problem["title"]
    assert problem["detail"]
    return response.status_code, problem["code"]
