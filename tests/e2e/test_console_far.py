"""A console at headquarters: the same one, by TCP under TLS. What its token may do, whom it trusts, and what it says of each."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.webhooks.certificates import Authority
from tests.e2e.conftest import ROOT, free_port, listens, wait_until
from tests.e2e.shops import MEASURED, Shop, a_shop
from tests.e2e.terminals import CDG, Window

PORT = free_port()
DOOR = f"""
[manage_api]
listen = "0.0.0.0:{PORT}"
tls_cert = "box.pem"
tls_key = "box.key"
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """With an alarm, a token of each kind, and a certificate of its own for 127.0.0.1."""
    directory = tmp_path_factory.mktemp("far")
    Authority(directory).self_signed("box")
    with a_shop(directory, MEASURED + DOOR) as shop:
        shop.measure(12.0)
        for scope in ("read", "operate"):
            token = tokens(shop, "add", scope, "--scope", scope).split()[-1]
            (directory / scope).write_text(f"{token}\n")
        shop.core.start()
        wait_until(lambda: listens(socket.AF_INET, ("127.0.0.1", PORT)), "the door is open")
        wait_until(lambda: shop.core.get("status")["cases"]["critical"], "the alarm is there")
        yield shop


def tokens(shop: Shop, *words: str) -> str:
    command = [sys.executable, "-m", "core", "token", *words, "--config", str(shop.core.config)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True).stdout


def far(shop: Shop, scope: str, *, host: str = "127.0.0.1", trusting: Path | None = None) -> tuple[str, ...]:
    trust = ("--ca-file", str(trusting or shop.directory / "box.pem"))
    there = ("--url", f"https://{host}:{PORT}", "--token-file", str(shop.directory / scope))
    return (*CDG, *there, *trust, "--lang", "zh")


def acknowledge(console: Window) -> None:
    console.shows("已连接", "鲜奶柜")
    console.keys("2")
    console.shows("高温报警", "持续中")
    console.keys("A")
    console.shows("确认报警", "确认请按大写 Y")
    console.keys("Y")


@pytest.mark.requirement(7)
def test_a_token_may_do_what_it_was_made_for_and_no_more(shop: Shop) -> None:
    """Who may only read is told so in words and changes nothing; each sees what the other does; one that is revoked sees no
    more, and why.
    """
    reader, operator = shop.window(*far(shop, "read")), shop.window(*far(shop, "operate"))
    reader.shows("已连接", "鲜奶柜", "只读")
    reader.keys("2")
    reader.shows("高温报警", "待处理")
    reader.keys("A")
    reader.shows("这个令牌只能查看")
    acknowledge(operator)
    operator.shows("(token:operate)", "已确认")
    reader.shows("(token:operate)", "已确认")
    tokens(shop, "revoke", "read")
    reader.shows("无权限", "令牌已作废")
    reader.keys("A")
    reader.shows("现在没有连接")
    operator.shows("已连接")


def test_a_certificate_of_another_or_for_another_name_is_refused(shop: Shop) -> None:
    """And of a shop without a certificate that anybody vouches for nothing is shown."""
    (shop.directory / "other").mkdir()
    other = Authority(shop.directory / "other").own.cert
    for command, why in (
        (far(shop, "operate", host="127.0.0.2"), "IP address mismatch"),
        (far(shop, "operate", trusting=other), "self-signed certificate"),
    ):
        screen = shop.window(*command).shows("断开", "证书或加密错误", why)
        assert "鲜奶柜" not in screen


def test_without_a_file_the_systems_authorities_decide(shop: Shop) -> None:
    """As they do for webhooks."""
    there = ("--url", f"https://127.0.0.1:{PORT}", "--token-file", str(shop.directory / "operate"), "--lang", "en")
    told = [
        subprocess.run(
            [*CDG, "status", *there], cwd=ROOT, capture_output=True, timeout=20, env={**shop.environment, **known}
        )
        for known in ({}, {"SSL_CERT_FILE": str(shop.directory / "box.pem")})
    ]
    assert b"certificate or encryption error" in told[0].stderr
    assert told[1].stdout.startswith(b"NEEDS ATTENTION")


@pytest.mark.requirement(7)
def test_a_core_that_stops_and_comes_back(shop: Shop) -> None:
    """And goes on when its console far away leaves, without a question."""
    console = shop.on_pty(*far(shop, "operate"))
    console.shows("已连接", "鲜奶柜")
    assert shop.core.stop() == 0
    console.shows("断开", "监控已停止（连接被拒）", "截至")
    before = console.written.count("已连接".encode())
    shop.core.start()
    wait_until(lambda: console.written.count("已连接".encode()) > before, "it is back")
    console.keys("q")
    assert console.ends() == 0
    assert shop.core.alive
