"""A whole core with an authority and a certificate of its own, before a receiver that lets in nobody else."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.core.webhooks.certificates import Authority
from tests.e2e.conftest import Core
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
