"""Who may ask what: every route of the core, asked by everybody who could ask, against one table that stands here."""

import grp
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import pytest
from msgspec import Struct
from starlette.types import ASGIApp

from core.manage_api.app import build_app
from core.manage_api.auth import Authenticator
from core.manage_api.operators import add_operator, remove_operator
from core.manage_api.peers import PEER, Peer
from core.manage_api.routes import routes
from core.manage_api.table import Audited, Call, Nothing, Route, Scope
from core.manage_api.tokens import add_token, revoke_token
from core.settings import Access
from tests.core.manage_api.sample_routes import ROUTES, bearer, forget
from tests.e2e.ill_shops import Invented, an_ill_shop
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

# -- the table -------------------------------------------------------------------------------------------------------
# To look needs read, to change something operate; these are the exceptions.
NEEDS: Final[dict[str, Scope]] = {
    "GET /healthz": Scope.OPEN,
    "GET /readyz": Scope.OPEN,
    "PATCH /api/manage/config": Scope.ADMIN,
    "GET /api/manage/webhooks/retries/delivery_id/payload": Scope.OPERATE,
    "GET /api/manage/audit": Scope.OPERATE,  # names of people, and where they called from
    "POST /api/manage/operator/unlock": Scope.READ,  # what the PIN is for
    "POST /api/manage/operator/lock": Scope.READ,
}
Refusal = tuple[int, str]
UNAUTHORIZED: Final[Refusal] = (401, "unauthorized")
STRANGER: Final[Refusal] = (403, "insufficient_scope")
# What each may do; or what he is refused with, whatever he asks. From those marked `door` even health is kept.
MAY: Final[dict[str, Scope | Refusal]] = {
    "tcp, no token": UNAUTHORIZED,
    "tcp, a wrong token": UNAUTHORIZED,
    "tcp, read": Scope.READ,
    "tcp, operate": Scope.OPERATE,
    "tcp, admin": Scope.ADMIN,
    "tcp, revoked": (401, "token_revoked"),
    "tcp, expired": (401, "token_expired"),
    "tcp, operator's token": UNAUTHORIZED,
    "tcp, wrong host": (421, "foreign_host"),
    "tcp, browser": (403, "foreign_origin"),
    "tcp, browser on a page of its own host": (403, "foreign_origin"),
    "socket, root": Scope.ADMIN,
    "socket, the core's user": Scope.ADMIN,
    "socket, group": Scope.OPERATE,
    "socket, kiosk": Scope.READ,
    "socket, kiosk unlocked to operate": Scope.OPERATE,
    "socket, kiosk unlocked to admin": Scope.ADMIN,
    "socket, kiosk with another's unlock": (401, "operator_locked"),
    "socket, kiosk of a removed operator": (401, "operator_locked"),
    "socket, root with a token": (401, "operator_locked"),
    "socket, browser": (403, "foreign_origin"),
    "socket, other": STRANGER,
    "socket, other with a token": STRANGER,
}
DOOR: Final = frozenset(
    {"tcp, wrong host", "tcp, browser", "tcp, browser on a page of its own host", "socket, browser"}
)


def expected(who: str, route: str) -> Refusal | None:
    """What he is refused with; None where the route is his to ask, whatever it then makes of the request."""
    needs = NEEDS.get(route, Scope.READ if route.startswith("GET ") else Scope.OPERATE)
    may = MAY[who]
    if needs is Scope.OPEN and who not in DOOR:
        return None
    if isinstance(may, Scope):
        return None if may >= needs else (403, "insufficient_scope")
    return may


# -- who asks --------------------------------------------------------------------------------------------------------
CORE, MEMBER, KIOSK, OTHER = 990, 1000, 1001, 1002
GROUP: Final = os.getgid()
PIN: Final = "402817"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """At the socket with `uid`, or on TCP (None)."""

    uid: int | None = None
    groups: frozenset[int] = frozenset()
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, app: ASGIApp, method: str, path: str) -> Refusal | None:
        """The refusal, or None."""
        state = {} if self.uid is None else {PEER: Peer(uid=self.uid, gid=5000, groups=self.groups)}
        headers = {"host": "localhost", **self.headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("192.0.2.7", 4711),
            "state": state,
        }
        told: list[Any] = []

        async def send(message: Any) -> None:
            told.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        await app(scope, receive, send)
        status: int = told[0]["status"]
        return (status, msgspec.json.decode(told[1]["body"])["code"]) if status in {401, 403, 421} else None


@dataclass(frozen=True, kw_only=True)
class Box:
    app: ASGIApp
    routes: tuple[tuple[str, str], ...]
    callers: dict[str, Caller]


@pytest.fixture(scope="module")
async def box(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Box]:
    """The routes of a whole core, and everybody. What a route then does is left out: who gets that far may ask it."""
    directory = tmp_path_factory.mktemp("box")
    async with an_ill_shop(Invented("stuck"), directory) as shop:
        access, path = Access(group=group_name(), kiosk_users=(KIOSK,)), directory / "tokens.toml"
        authenticator = Authenticator(access, path, shop.clock, own_uid=CORE)
        table = [
            idle(route) for route in routes(replace(shop.parts, authenticator=authenticator), shop.board, shop.stream)
        ]
        asked = [(route.method, route.path.replace("{", "").replace("}", "")) for route in table]
        yield Box(
            app=build_app(table, authenticator, forget, hostname="shopbox"),
            routes=(*asked, ("GET", "/openapi.json"), ("GET", "/docs")),
            callers=await everybody(path, authenticator, shop.clock),
        )


def idle(route: Route) -> Route:
    return replace(route, handler=nothing, audited=None if route.audited is None else Audited(what="nothing"))


async def nothing(_: Call) -> Struct:
    return Nothing()


async def everybody(path: Path, authenticator: Authenticator, clock: FakeClock) -> dict[str, Caller]:
    expired = add_token(path, "expired", Scope.ADMIN, clock, days=1)
    clock.advance(86_400)
    read, operate, admin, revoked = (
        add_token(path, name, scope, clock, days=1)
        for name, scope in (("r", Scope.READ), ("o", Scope.OPERATE), ("a", Scope.ADMIN), ("revoked", Scope.ADMIN))
    )
    revoke_token(path, "revoked", clock)
    for name, scope in (("operate", Scope.OPERATE), ("admin", Scope.ADMIN), ("gone", Scope.ADMIN)):
        add_operator(path, name, scope, PIN, clock)
    await authenticator.file.look()

    async def unlocked(name: str, uid: int = KIOSK) -> dict[str, str]:
        return bearer((await authenticator.unlocks.unlock(f"uid:{uid}", name, PIN, forget))[0])

    li, wang, gone, root = [await unlocked(name) for name in ("operate", "admin", "gone")] + [
        await unlocked("admin", 0)
    ]
    remove_operator(path, "gone")
    await authenticator.file.look()
    return {
        "tcp, no token": Caller(),
        "tcp, a wrong token": Caller(headers=bearer(admin + "x")),
        "tcp, read": Caller(headers=bearer(read)),
        "tcp, operate": Caller(headers=bearer(operate)),
        "tcp, admin": Caller(headers=bearer(admin)),
        "tcp, revoked": Caller(headers=bearer(revoked)),
        "tcp, expired": Caller(headers=bearer(expired)),
        "tcp, operator's token": Caller(headers=wang),
        "tcp, wrong host": Caller(headers={**bearer(admin), "host": "elsewhere.example"}),
        "tcp, browser": Caller(headers={**bearer(admin), "origin": "http://elsewhere.example"}),
        "tcp, browser on a page of its own host": Caller(headers={**bearer(admin), "origin": "http://localhost"}),
        "socket, root": Caller(uid=0),
        "socket, the core's user": Caller(uid=CORE),
        "socket, group": Caller(uid=MEMBER, groups=frozenset({GROUP})),
        "socket, kiosk": Caller(uid=KIOSK, groups=frozenset({GROUP})),
        "socket, kiosk unlocked to operate": Caller(uid=KIOSK, headers=li),
        "socket, kiosk unlocked to admin": Caller(uid=KIOSK, headers=wang),
        "socket, kiosk with another's unlock": Caller(uid=KIOSK, headers=root),
        "socket, kiosk of a removed operator": Caller(uid=KIOSK, headers=gone),
        "socket, root with a token": Caller(uid=0, headers=bearer(admin)),
        "socket, browser": Caller(uid=0, headers={"origin": "http://localhost"}),
        "socket, other": Caller(uid=OTHER),
        "socket, other with a token": Caller(uid=OTHER, headers=bearer(admin)),
    }


def group_name() -> str:
    return grp.getgrgid(GROUP).gr_name


@pytest.mark.parametrize("who", MAY)
async def test_everybody_may_what_the_table_says_and_nothing_else(box: Box, who: str) -> None:
    found = {f"{method} {path}": await box.callers[who].ask(box.app, method, path) for method, path in box.routes}
    assert found == {route: expected(who, route) for route in found}


@pytest.mark.parametrize("who", ["tcp, no token", "tcp, revoked", "tcp, expired", "socket, other"])
async def test_who_is_nobody_does_not_learn_which_routes_there_are(box: Box, who: str) -> None:
    asked = [("GET", "/api/manage/nothing"), ("DELETE", "/api/manage/status"), ("POST", "/docs")]
    assert {await box.callers[who].ask(box.app, *one) for one in asked} == {MAY[who]}


async def test_the_table_names_only_what_is_there(box: Box) -> None:
    assert NEEDS.keys() <= {f"{method} {path}" for method, path in box.routes}
    assert len(box.routes) > 40


# -- what can't start ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", [None, "read", 4])
async def test_a_core_with_a_route_that_says_not_who_may_ask_can_not_start(tmp_path: Path, scope: Any) -> None:
    undeclared = replace(a_route("GET"), scope=scope)
    with pytest.raises(ValueError, match="GET /api/manage/new declares no permission"):
        start(tmp_path, undeclared)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_a_core_with_a_change_that_leaves_no_trace_can_not_start(
    tmp_path: Path, method: Literal["POST", "PATCH"]
) -> None:
    start(tmp_path, replace(a_route(method), audited=Audited(what="new")))
    with pytest.raises(ValueError, match=f"{method} /api/manage/new doesn't say what the audit keeps of it"):
        start(tmp_path, a_route(method))


def a_route(method: Literal["GET", "POST", "PATCH"]) -> Route:
    return replace(ROUTES[1], method=method, path="/api/manage/new", audited=None)


def start(directory: Path, route: Route) -> None:
    build_app((*ROUTES, route), Authenticator(Access(), directory / "tokens.toml", FakeClock()), forget)
