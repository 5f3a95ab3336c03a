"""The manage API as an ASGI app, driven only by the route table. Who may call is a column; what isn't there is refused.

Never answers with an exception's text, and never repeats what a caller sent.
"""

import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from core import __version__
from core.errors import RefusalError
from core.manage_api import docs_page, openapi
from core.manage_api.auditing import Record, recorded
from core.manage_api.auth import Authenticator
from core.manage_api.decoding import HeaderReader, QueryReader, read_body
from core.manage_api.examples import Example
from core.manage_api.hosts import HostGuard
from core.manage_api.paths import PathTable
from core.manage_api.peers import PEER, Peer
from core.manage_api.problems import REQUEST_ID, RequestError, new_request_id, problem_answer
from core.manage_api.table import Actor, Call, Handler, Nothing, Reply, Route
from core.manage_api.table import Scope as Permission
from core.manage_api.throttle import NO_LOGIN

_log = logging.getLogger(__name__)

BODY_LIMIT: Final = 1024 * 1024
_DRAIN_LIMIT: Final = 8 * BODY_LIMIT
_NOBODY: Final = Actor(name="nobody", scope=Permission.OPEN)
_NO_STORE: Final = {"cache-control": "no-store"}


@dataclass(frozen=True, kw_only=True)
class _Request:
    """A permitted request before its query and body are read."""

    scope: Scope
    receive: Receive
    headers: Headers
    actor: Actor
    path: dict[str, str]
    request_id: str
    holds: Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class _Entry:
    permission: Permission
    respond: Callable[[_Request], Awaitable[Response]]


def build_app(
    routes: Sequence[Route],
    authenticator: Authenticator,
    record: Record,
    *,
    version: str = __version__,
    listen: str | None = None,
    hosts: Sequence[str] = (),
    hostname: str | None = None,
    examples: Mapping[str, Example] | None = None,
) -> ASGIApp:
    """The app over `routes` plus /openapi.json and /docs, which show `examples`; what a route changes goes to `record`.

    Raises ValueError for a route that stands there twice, or that doesn't say who may call it or what the audit keeps of it.
    """
    table: PathTable[_Entry] = PathTable()
    for route in routes:
        _check(route)
        respond = _route_responder(route, recorded(route, record))
        table.add(route.method, route.path, _Entry(permission=route.scope, respond=respond))
    document = openapi.document(routes, version, examples)
    json, page = msgspec.json.encode(document), docs_page.render(document).encode()
    table.add("GET", openapi.DOCUMENT_PATH, _page(json, "application/json"))
    table.add("GET", openapi.DOCS_PATH, _page(page, "text/html", {"content-security-policy": docs_page.POLICY}))
    return _ManageApp(table, authenticator, HostGuard(listen, hostname or socket.gethostname(), hosts))


class _ManageApp:
    def __init__(self, table: PathTable[_Entry], authenticator: Authenticator, hosts: HostGuard):
        self._table, self._authenticator, self._hosts = table, authenticator, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError("only HTTP is served here")
        request_id = new_request_id()
        try:
            response = await self._respond(scope, receive, request_id)
        except ClientDisconnect:
            return
        except RefusalError as refusal:
            response = problem_answer(refusal, request_id)
        except Exception:  # noqa: BLE001 - the edge: nothing of a failure may reach the caller, all of it the log
            _log.exception("a %s request to the manage API failed, request_id %s", scope["method"], request_id)
            failed = RefusalError(500, "internal_error", "The core failed; its log says why.")
            response = problem_answer(failed, request_id)
        response.headers[REQUEST_ID] = request_id
        try:
            await response(scope, receive, send)
        except ClientDisconnect:
            return
        except Exception:  # noqa: BLE001 - too late for another answer; an unfinished one makes uvicorn close the connection
            _log.exception("an answer of the manage API broke off, request_id %s", request_id)

    async def _respond(self, scope: Scope, receive: Receive, request_id: str) -> Response:
        headers = Headers(scope=scope)
        self._hosts.check(headers, on_socket=_peer_of(scope) is not None)
        found = self._table.find(_raw_path(scope))
        entry = found[0].entry(scope["method"]) if found else None
        # A stranger doesn't learn which paths exist: the login comes before 404 and 405.
        actor = await self._login(scope, headers, entry)
        if found is None:
            raise RequestError(404, "not_found", "There is nothing at this path.")
        if entry is None:
            allow = found[0].allow()
            raise RequestError(405, "method_not_allowed", f"Allowed here: {allow}.", headers={"allow": allow})
        request = _Request(
            scope=scope,
            receive=receive,
            headers=headers,
            actor=actor,
            path=found[1],
            request_id=request_id,
            holds=lambda: self._holds(scope, headers, actor),
        )
        return await entry.respond(request)

    def _holds(self, scope: Scope, headers: Headers, actor: Actor) -> bool:
        try:
            return self._authenticator.authenticate(_peer_of(scope), headers.get("authorization")) == actor
        except RequestError:
            return False

    async def _login(self, scope: Scope, headers: Headers, entry: _Entry | None) -> Actor:
        if entry is not None and entry.permission is Permission.OPEN:
            scope[NO_LOGIN] = True
            return _NOBODY
        actor = await self._authenticator.login(_peer_of(scope), headers.get("authorization"))
        if entry is not None and actor.scope < entry.permission:
            raise RequestError(403, "insufficient_scope", f"This needs the scope {entry.permission.name.lower()}.")
        return actor


def _peer_of(scope: Scope) -> Peer | None:
    peer: Peer | None = scope.get("state", {}).get(PEER)
    return peer


def _raw_path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    return quote(scope["path"]) if raw is None else raw.decode("ascii", "replace")


def _page(content: bytes, media_type: str, headers: dict[str, str] | None = None) -> _Entry:
    read_query = QueryReader(Nothing)

    async def respond(request: _Request) -> Response:
        read_query.read(request.scope["query_string"])
        return Response(content, headers={**_NO_STORE, **(headers or {})}, media_type=media_type)

    return _Entry(permission=Permission.READ, respond=respond)


def _check(route: Route) -> None:
    if route.scope not in tuple(Permission):
        raise ValueError(f"{route.method} {route.path} declares no permission")
    if route.method != "GET" and route.audited is None:
        raise ValueError(f"{route.method} {route.path} doesn't say what the audit keeps of it")


def _origin_of(scope: Scope) -> str:
    """The host that a TCP caller's connection comes from."""
    client = scope.get("client")
    return "socket" if _peer_of(scope) is not None or not client else str(client[0])


def _route_responder(route: Route, handler: Handler) -> Callable[[_Request], Awaitable[Response]]:
    query, headers = QueryReader(route.query), HeaderReader(route.headers)

    async def respond(request: _Request) -> Response:
        # What a GET carries as a body means nothing in HTTP, so it isn't read.
        body = b"" if route.method == "GET" else await _read(request)
        call = Call(
            actor=request.actor,
            origin=_origin_of(request.scope),
            request_id=request.request_id,
            path=request.path,
            query=query.read(request.scope["query_string"]),
            body=read_body(route, body, request.headers.get("content-type", "")),
            headers=headers.read(request.headers),
            holds=request.holds,
        )
        answer = await handler(call)
        reply = answer if isinstance(answer, Reply) else Reply(content=answer)
        return _response(reply, route.media_type)

    return respond


class _Pieces(StreamingResponse):
    """Content that comes piece by piece. Whatever ends it, its source is closed; a HEAD asks for none of it."""

    def __init__(self, source: AsyncGenerator[bytes], *how: Any, **more: Any):
        super().__init__(source, *how, **more)
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._source):
            if scope["method"] != "HEAD":
                await super().__call__(scope, receive, send)
            else:
                # Without a length, which nobody knows yet.
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                await send({"type": "http.response.body"})


def _response(reply: Reply, media_type: str) -> Response:
    headers, media_type = {**_NO_STORE, **reply.headers}, reply.media_type or media_type
    match reply.content:
        case None:
            return Response(status_code=reply.status, headers=headers)
        case str() as text:
            return Response(text, reply.status, headers, media_type=media_type)
        case Struct() as struct:
            return Response(msgspec.json.encode(struct), reply.status, headers, media_type=media_type)
        case pieces:
            return _Pieces(pieces, reply.status, headers, media_type=media_type)


async def _read(request: _Request) -> bytes:
    """The body, up to the limit. Some more is read and dropped, so that the caller gets to see the refusal."""
    body, size, more = bytearray(), 0, True
    while more and size <= _DRAIN_LIMIT:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size <= BODY_LIMIT:
            body += chunk
    if size > BODY_LIMIT:
        detail = f"The body is larger than {BODY_LIMIT} bytes."
        raise RequestError(413, "body_too_large", detail, headers={"connection": "close"})
    return bytes(body)
