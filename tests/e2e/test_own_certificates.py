"""A whole core with an authority and a certificate of its own, before a receiver that lets in nobody else."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.core.webhooks.certificates import Authority
from tests.e2e.conftest import Core, free_port
from tests.receivers import a_receiver

pytestmark = pytest.mark.anyio

CONFIG = """
[device]
id = "box"
site = "s-1"

[[sources]]
id = "sim"
driver = "simulated"

[[cabinets]]
id = "03"

[[sensors]]
id = "03.air"
cabinet = "03"
source = "sim"
point = "chiller"

[[webhooks.endpoints]]
id = "hq"
url = "{url}"
ca_file = "ca.pem"
client_cert = "box.pem"
client_key = "box.key"
"""


async def test_a_core_trusts_and_shows_what_its_configuration_names(tmp_path: Path, core: Callable[..., Core]) -> None:
    """By names of files beside it."""
    pki = tmp_path / "pki"
    pki.mkdir()
    authority = Authority(pki)
    ours = authority.issue("box")
    tls = authority.issue("hq").server(client_ca=authority.own.cert)
    async with a_receiver(tls=tls) as receiver:
        box = core(CONFIG.format(url=receiver.url))
        for name, file in (("ca.pem", authority.own.cert), ("box.pem", ours.cert), ("box.key", ours.key)):
            (box.directory / name).write_bytes(file.read_bytes())
        await asyncio.to_thread(box.start)
        await receiver.got(1, within_s=20.0)
        assert receiver.received[0].document["type"] == "device.started"
        await asyncio.to_thread(box.stop)


def test_a_core_shows_headquarters_its_own_certificate(tmp_path: Path, core: Callable[..., Core]) -> None:
    """On TCP, under the names of files beside its configuration; without TLS nothing is said there."""
    pki = tmp_path / "pki"
    pki.mkdir()
    ours, port = Authority(pki).self_signed("box"), free_port()
    door = f'\n[manage_api]\nlisten = "127.0.0.1:{port}"\ntls_cert = "box.pem"\ntls_key = "box.key"\n'
    box = core(CONFIG.partition("[[webhooks")[0] + door)
    for name, file in (("box.pem", ours.cert), ("box.key", ours.key)):
        (box.directory / name).write_bytes(file.read_bytes())
    box.start()
    with httpx.Client(verify=ssl.create_default_context(cafile=str(ours.cert)), trust_env=False) as client:
        assert client.get(f"https://127.0.0.1:{port}/healthz").status_code == 200
        with pytest.raises(httpx.TransportError):
            client.get(f"http://127.0.0.1:{port}/healthz")
    assert box.stop() == 0
