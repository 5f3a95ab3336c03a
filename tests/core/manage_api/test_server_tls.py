"""The TCP door under TLS."""

import asyncio
import ssl
from functools import partial
from pathlib import Path

import httpx
import pytest

from core.certificates import door_context
from core.manage_api.protocols import CONNECTIONS
from core.manage_api.server import ManageServer
from core.settings import ManageApi
from tests.core.manage_api.sample_routes import a_token, bearer, by_socket, serving, until
from tests.core.webhooks.certificates import Authority, Certificate

pytestmark = pytest.mark.anyio

ITEMS, ANY_PORT = "/api/manage/items", "127.0.0.1:0"


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Authority(tmp_path_factory.mktemp("door")).self_signed("box")


@pytest.fixture
def tls(box: Certificate) -> ssl.SSLContext:
    context = door_context(ManageApi(tls_cert=str(box.cert), tls_key=str(box.key)))
    assert context is not None
    return context


def trusting(box: Certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(box.cert))


def by_tls(server: ManageServer, box: Certificate, token: str) -> httpx.AsyncClient:
    assert server.tcp_address is not None
    url = f"https://127.0.0.1:{server.tcp_address[1]}"
    return httpx.AsyncClient(base_url=url, verify=trusting(box), headers=bearer(token), trust_env=False)


async def test_a_token_gets_in_under_tls(tmp_path: Path, box: Certificate, tls: ssl.SSLContext) -> None:
    """The socket stays without."""
    token = a_token(tmp_path)
    async with serving(tmp_path, ANY_PORT, tls=tls) as server, by_socket(tmp_path / "manage.sock") as local:
        async with by_tls(server, box, token) as client:
            assert (await client.get(ITEMS)).json()["actor"] == "token:hq"
            assert (await client.post(ITEMS, json={"by": "Li"})).status_code == 202
        assert (await local.get(ITEMS)).status_code == 200


async def test_plain_http_and_old_tls_get_nothing(tmp_path: Path, box: Certificate, tls: ssl.SSLContext) -> None:
    async with serving(tmp_path, ANY_PORT, tls=tls) as server:
        assert server.tcp_address is not None
        host, port = server.tcp_address
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.TransportError):
                await client.get(f"http://{host}:{port}/healthz")
        assert tls.minimum_version == ssl.TLSVersion.TLSv1_2


async def test_whoever_never_shakes_hands_is_cut(tmp_path: Path, tls: ssl.SSLContext) -> None:
    """Neither silence nor half a greeting keeps a place."""
    async with serving(tmp_path, ANY_PORT, tls=tls) as server:
        assert server.tcp_address is not None
        config = server._tcp_door.config
        config.http_protocol_class = partial(config.http_protocol_class, handshake_s=1)  # type: ignore[assignment,call-arg]
        for data in (b"", b"\x16\x03\x01"):
            reader, writer = await asyncio.open_connection(*server.tcp_address)
            writer.write(data)
            async with asyncio.timeout(4):
                assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
        await until(lambda: not server._tcp_door._crowd._callers)


async def test_handshakes_that_never_come_shut_nobody_out(
    tmp_path: Path, box: Certificate, tls: ssl.SSLContext
) -> None:
    """They count in the cap, and make room."""
    token = a_token(tmp_path)
    async with serving(tmp_path, ANY_PORT, tls=tls) as server:
        assert server.tcp_address is not None
        crowd = [await asyncio.open_connection(*server.tcp_address) for _ in range(CONNECTIONS + 20)]
        assert len(server._tcp_door._crowd._callers) <= CONNECTIONS
        async with by_tls(server, box, token) as client:
            assert (await client.get(ITEMS)).status_code == 200
        async with asyncio.timeout(5):
            assert await crowd[0][0].read() == b""
        began = asyncio.get_running_loop().time()
        server.stop()
        await until(lambda: not (tmp_path / "manage.sock").exists())
        assert asyncio.get_running_loop().time() - began < 1.5
        for _, writer in crowd:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in crowd), return_exceptions=True)
