"""Which Host and Origin get in."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.core.manage_api.sample_routes import a_client, an_app, code_of

pytestmark = pytest.mark.anyio

ITEMS, ORDER = "/api/manage/items", {"by": "Li"}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(an_app(tmp_path)) as client:
        yield client


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8765", "127.0.0.1", "192.168.1.20:8765", "[::1]:8765", "shopbox", "shopbox.local.",
             "guard.example"]
)  # fmt: skip
async def test_own_hosts_are_served_on_tcp(tmp_path: Path, host: str) -> None:
    app = an_app(tmp_path, listen="guard.example:8765")
    async with a_client(app, uid=None) as client:
        assert (await client.get("/healthz", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil", "a b", "x@localhost", ""])
@pytest.mark.parametrize("path", ["/healthz", ITEMS, "/nothing"])
async def test_a_foreign_host_is_refused_on_tcp(tmp_path: Path, host: str, path: str) -> None:
    async with a_client(an_app(tmp_path), uid=None) as client:
        assert code_of(await client.get(path, headers={"host": host})) == (421, "foreign_host")


async def test_a_foreign_host_is_refused_on_the_socket_but_an_empty_one_is_not(client: httpx.AsyncClient) -> None:
    assert code_of(await client.get("/healthz", headers={"host": "evil.example"})) == (421, "foreign_host")
    assert (await client.get("/healthz", headers={"host": ""})).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://localhost.evil.example", "http://[::1", ""])
async def test_a_foreign_origin_is_403(client: httpx.AsyncClient, origin: str) -> None:
    answer = await client.post("/api/manage/find", headers={"origin": origin})
    assert code_of(answer) == (403, "foreign_origin")


async def test_the_own_origin_is_served(client: httpx.AsyncClient) -> None:
    answer = await client.get(ITEMS, headers={"origin": "http://localhost:8765", "host": "localhost:8765"})
    assert answer.status_code == 200
