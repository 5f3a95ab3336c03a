"""What the app answers, over ASGI and, where the wire matters, over a real socket."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from core.clock import SystemClock
from core.manage_api.app import build_app
from core.manage_api.auth import Authenticator
from core.manage_api.table import Scope
from core.settings import Access
from tests.core.manage_api.sample_routes import ROUTES, a_client, a_token, an_app, bearer, code_of, forget

pytestmark = pytest.mark.anyio

ITEMS, ORDER = "/api/manage/items", {"by": "Li"}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(an_app(tmp_path)) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/api/manage/nothing", f"{ITEMS}/", f"{ITEMS}/a/b", "/healthz/"])
async def test_an_unknown_path_is_404(client: httpx.AsyncClient, path: str) -> None:
    assert code_of(await client.get(path)) == (404, "not_found")


async def test_a_path_variable_may_hold_an_encoded_slash(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{ITEMS}/a%2Fb")
    assert answer.json()["path"] == {"id": "a/b"}


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", ITEMS, "GET, HEAD, POST"),
        ("PUT", f"{ITEMS}/x", "GET, HEAD"),
        ("OPTIONS", "/docs", "GET, HEAD"),
        ("GET", f"{ITEMS}/drain", "POST"),
    ],
)
async def test_a_wrong_method_is_405_with_allow(client: httpx.AsyncClient, method: str, path: str, allow: str) -> None:
    """A literal path is never taken for a variable."""
    answer = await client.request(method, path)
    assert code_of(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == allow


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", f"{ITEMS}/gone", (404, "item_not_found")),
        ("POST", f"{ITEMS}/drain", (409, "drain_in_progress")),
    ],
)
async def test_a_refusal_keeps_its_status_and_code(
    client: httpx.AsyncClient, method: str, path: str, expected: tuple[int, str]
) -> None:
    assert code_of(await client.request(method, path)) == expected


async def test_a_refusal_because_of_a_running_drain_names_it(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"{ITEMS}/drain")).json()["drain_id"] == "drn_1"


async def test_a_handler_reads_the_headers_that_its_route_declares(client: httpx.AsyncClient) -> None:
    """However they are written; several lines of one name are one value."""
    headers = [("ORDER-KEY", "abc"), ("if-none-match", '"1"'), ("If-None-Match", '"2"'), ("x-other", "1")]
    given = (await client.post("/api/manage/known", headers=headers)).json()["given"]
    assert given == {"if_none_match": '"1", "2"', "order_key": "abc"}


@pytest.mark.parametrize("key", ["", "ABC", "longlonglong", "ü"])
async def test_a_header_that_does_not_fit_is_refused_with_its_name(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.post("/api/manage/known", headers=[(b"order-key", key.encode("latin-1"))])
    assert code_of(answer) == (422, "invalid_parameter")
    assert [one["pointer"] for one in answer.json()["errors"]] == ["header:order-key"]


async def test_what_the_caller_knows_already_is_not_sent_again(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/manage/known", headers={"if-none-match": '"7"'})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"7"')
    assert "content-type" not in answer.headers


async def test_a_route_may_answer_text(client: httpx.AsyncClient) -> None:
    answer = await client.get("/figures")
    assert (answer.text, answer.headers["content-type"]) == ("grün 1\n", "text/plain; version=0.0.4; charset=utf-8")


async def test_a_failure_of_ours_is_a_bare_500_and_a_traceback_in_the_log(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = await client.get("/api/manage/broken")
    assert code_of(answer) == (500, "internal_error")
    assert "hunter2" not in answer.text
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("path", [ITEMS, "/openapi.json", "/docs", "/nothing"])
async def test_without_a_login_nothing_but_health_is_open(tmp_path: Path, path: str) -> None:
    """Not even which paths exist is told."""
    async with a_client(an_app(tmp_path), uid=None) as client:
        answer = await client.get(path)
        health = await client.get("/healthz")
    assert code_of(answer) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert health.status_code == 200


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        (Scope.READ, "GET", ITEMS, 200),
        (Scope.READ, "POST", ITEMS, 403),
        (Scope.READ, "PATCH", "/api/manage/config", 403),
        (Scope.OPERATE, "POST", ITEMS, 202),
        (Scope.OPERATE, "PATCH", "/api/manage/config", 403),
        (Scope.ADMIN, "PATCH", "/api/manage/config", 200),
    ],
)
async def test_the_scope_of_a_token_decides(tmp_path: Path, scope: Scope, method: str, path: str, status: int) -> None:
    headers = bearer(a_token(tmp_path, scope=scope))
    async with a_client(an_app(tmp_path), uid=None) as client:
        answer = await client.request(method, path, headers=headers, json=None if method == "GET" else ORDER)
    assert answer.status_code == status
    if status == 403:
        assert code_of(answer) == (403, "insufficient_scope")
    else:
        assert answer.json()["actor"] == "token:hq"


async def test_a_stranger_on_the_socket_is_403(tmp_path: Path) -> None:
    """A good token doesn't help: on the socket the uid is the identity."""
    async with a_client(an_app(tmp_path), uid=4711) as client:
        answer = await client.get(ITEMS, headers=bearer(a_token(tmp_path)))
    assert code_of(answer) == (403, "insufficient_scope")


async def test_the_docs_are_one_plain_page(client: httpx.AsyncClient) -> None:
    """It names every route, and loads nothing."""
    page = await client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert all(route.path in page.text for route in ROUTES)
    assert not any(word in page.text for word in ("<script", "src=", "<link", "http:", "https:"))


async def test_the_same_route_twice_fails_at_build_time(tmp_path: Path) -> None:
    authenticator = Authenticator(Access(), tmp_path / "tokens.toml", SystemClock())
    with pytest.raises(ValueError, match="two routes for GET /healthz"):
        build_app((*ROUTES, ROUTES[0]), authenticator, forget, version="1")
