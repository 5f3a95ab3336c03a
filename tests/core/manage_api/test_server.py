"""The two doors, over real sockets."""

import asyncio
import grp
import os
import pwd
import socket
import stat
import statistics
import time
from pathlib import Path

import httpx
import pytest

from core.clock import SystemClock
from core.errors import ConfigError
from core.manage_api.app import build_app
from core.manage_api.auth import Authenticator
from core.manage_api.server import ManageServer
from core.manage_api.tokens import revoke_token
from core.settings import Access
from tests.core.manage_api.sample_routes import (
    ROUTES,
    a_token,
    an_app,
    by_socket,
    by_tcp,
    code_of,
    forget,
    serving,
    until,
)
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

ITEMS, ANY_PORT = "/api/manage/items", "127.0.0.1:0"
HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: local"


async def close(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


async def test_on_the_socket_the_peers_uid_is_the_identity(tmp_path: Path) -> None:
    async with serving(tmp_path), by_socket(tmp_path / "manage.sock") as client:
        answer = await client.get(ITEMS)
    assert answer.json()["actor"] == f"uid:{os.geteuid()}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file's mode lets somebody connect, the kernel's word on who it is still refuses."""
    async with serving(tmp_path):
        (tmp_path / "manage.sock").chmod(0o666)
        tmp_path.chmod(0o755)
        monkeypatch.chdir(tmp_path)
        connection = socket.socket(socket.AF_UNIX)
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
        try:
            connection.connect("manage.sock")
        finally:
            os.seteuid(0)
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        writer.write(f"GET {ITEMS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        await close(writer)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"insufficient_scope" in answer


async def test_on_tcp_no_answer_waits_for_the_callers_acknowledgement(tmp_path: Path) -> None:
    """A body right behind its head: held back until the head is acknowledged, each answer would take 40 ms."""
    async with serving(tmp_path, ANY_PORT) as server, by_tcp(server, a_token(tmp_path)) as client:
        took_s = []
        for _ in range(21):
            began = time.perf_counter()
            await client.get(ITEMS)
            took_s.append(time.perf_counter() - began)
    assert statistics.median(took_s) < 0.02


async def test_on_tcp_a_token_is_the_identity(tmp_path: Path) -> None:
    """A wrong one is 401 and doesn't lock out the good one; a revoked one stops without a restart."""
    token = a_token(tmp_path)
    authenticator = Authenticator(Access(), tmp_path / "tokens.toml", SystemClock())
    app = build_app(ROUTES, authenticator, forget, listen=ANY_PORT)
    served = serving(tmp_path, ANY_PORT, app=app)
    async with served as server, by_tcp(server) as stranger, by_tcp(server, token) as client:
        strange = [await stranger.get(ITEMS, headers={"authorization": "Bearer no"}) for _ in range(20)]
        good = await client.get(ITEMS)
        revoke_token(tmp_path / "tokens.toml", "hq", SystemClock())
        await authenticator.file.look()
        revoked = await client.get(ITEMS)
    assert {code_of(answer) for answer in strange} == {(401, "unauthorized")}
    assert good.json()["actor"] == "token:hq"
    assert code_of(revoked) == (401, "token_revoked")


async def test_headers_of_a_proxy_change_nothing(tmp_path: Path) -> None:
    """No header makes a TCP caller one of the socket."""
    async with serving(tmp_path, ANY_PORT) as server, by_tcp(server) as client:
        answer = await client.get(ITEMS, headers={"x-forwarded-for": "unix", "peer": "0", "x-peer": "0"})
        assert answer.status_code == 401
        assert "server" not in answer.headers


async def test_the_head_of_an_answer_comes_without_its_body(tmp_path: Path) -> None:
    async with serving(tmp_path), by_socket(tmp_path / "manage.sock") as client:
        answer = await client.head(ITEMS)
    assert answer.status_code == 200
    assert answer.content == b""


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
async def test_the_socket_is_0660_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        async with serving(tmp_path):
            found = (tmp_path / "manage.sock").stat()
    finally:
        os.umask(before)
    assert stat.S_ISSOCK(found.st_mode)
    assert found.st_mode & 0o777 == 0o660


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to any group")
async def test_the_socket_belongs_to_the_group(tmp_path: Path) -> None:
    group = grp.getgrgid(pwd.getpwnam("nobody").pw_gid)
    async with serving(tmp_path, group=group.gr_name):
        assert (tmp_path / "manage.sock").stat().st_gid == group.gr_gid


async def test_an_unknown_group_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    server = ManageServer(an_app(tmp_path), tmp_path / "manage.sock", None, "no such group", SystemClock())
    with pytest.raises(ConfigError, match=r"access\.group: there is no group"):
        await server.run()
    assert not (tmp_path / "manage.sock").exists()


async def test_a_path_longer_than_a_socket_address_works(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 100) / ("e" * 100)
    directory.mkdir(parents=True)
    async with serving(directory):
        fd = os.open(directory, os.O_RDONLY)
        async with by_socket(Path(f"/proc/self/fd/{fd}/manage.sock")) as client:
            answer = await client.get("/healthz")
        os.close(fd)
    assert answer.status_code == 200


async def test_a_stale_socket_is_replaced_and_gone_after_the_stop(tmp_path: Path) -> None:
    """A killed core leaves its file behind."""
    path = tmp_path / "manage.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    async with serving(tmp_path), by_socket(path) as client:
        assert (await client.get("/healthz")).status_code == 200
    assert not path.exists()


async def test_a_file_of_another_kind_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "manage.sock"
    path.write_text("precious")
    with pytest.raises(OSError, match="Address already in use"):
        await ManageServer(an_app(tmp_path), path, None, "", SystemClock()).run()
    assert path.read_text() == "precious"


async def test_a_port_in_use_stops_nothing_and_is_tried_again(tmp_path: Path) -> None:
    clock = FakeClock()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        async with serving(tmp_path, listen, clock=clock) as server, by_socket(tmp_path / "manage.sock") as client:
            assert server.tcp_problem == f"{listen} can't be used (Address already in use)"
            assert server.tcp_address is None
            assert (await client.get("/healthz")).status_code == 200
            other.close()
            clock.advance(10)
            await until(lambda: server.tcp_address is not None)
            assert server.tcp_problem is None
            async with by_tcp(server) as remote:
                assert (await remote.get("/healthz")).status_code == 200


@pytest.mark.parametrize("listen", ["127.0.0.1:99999", "no.such.host.invalid:80", "a..b:80", "[fe80::zz]:80"])
async def test_an_address_that_can_never_be_is_told(tmp_path: Path, listen: str) -> None:
    async with serving(tmp_path, listen, clock=FakeClock()) as server:
        assert server.tcp_problem is not None
        assert server.tcp_problem.startswith(f"{listen} can't be used (")
        assert "None" not in server.tcp_problem


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="no IPv6 here")
async def test_an_ipv6_address_in_brackets_works(tmp_path: Path) -> None:
    async with serving(tmp_path, "[::1]:0") as server:
        assert server.tcp_address is not None
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://[::1]:{server.tcp_address[1]}/healthz")
    assert answer.status_code == 200
