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


@pytest.mark.parametrize("host", ["shop.example.com:8765", "SHOP.example.com.", "xn--fct92gb1o.example"])
async def test_the_names_that_the_configuration_gives_are_served(tmp_path: Path, host: str) -> None:
    """Upper case or not; a Chinese one comes as DNS has it."""
    app = an_app(tmp_path, hosts=("Shop.example.com", "徐家汇.example"))
    async with a_client(app, uid=None) as client:
        assert (await client.get("/healthz", headers={"host": host})).status_code == 200
        foreign = await client.get("/healthz", headers={"host": f"evil.{host}"})
        assert code_of(foreign) == (421, "foreign_host")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil", "a b", "x@localhost", ""])
@pytest.mark.parametrize("path", ["/healthz", ITEMS, "/nothing"])
async def test_a_foreign_host_is_refused_on_tcp(tmp_path: Path, host: str, path: str) -> None:
    async with a_client(an_app(tmp_path), uid=None) as client:
        assert code_of(await client.get(path, headers={"host": host})) == (421, "foreign_host")


async def test_a_foreign_host_is_refused_on_the_socket_but_an_empty_one_is_not(client: httpx.AsyncClient) -> None:
    assert code_of(await client.get("/healthz", headers={"host": "evil.example"})) == (421, "foreign_host")
    assert (await client.get("/healthz", headers={"host": ""})).status_code == 200


@pytest.mark.parametrize("uid", [None, 0], ids=["TCP", "socket"])
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://[::1", "", "http://localhost", "http://localhost:8765"]
)
async def test_any_origin_is_403(tmp_path: Path, origin: str, uid: int | None) -> None:
    """The own host's too: there is no page of ours that asks, and a strange one may stand on another port."""
    async with a_client(an_app(tmp_path), uid) as client:
        for method, path in (("POST", "/api/manage/find"), ("GET", ITEMS), ("GET", "/healthz")):
            headers = {"origin": origin, "host": "localhost:8765"}
            assert code_of(await client.request(method, path, headers=headers)) == (403, "foreign_origin")
