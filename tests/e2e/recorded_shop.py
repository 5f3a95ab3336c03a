"""A shop whose manage API is open on TCP, with something of everything: cases, and deliveries in each state."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.conftest import PEERS, ROOT, Core, Process, free_port, listens, wait_until

PIN = "204816"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

CABINETS = """
[device]
id = "sh-0412-kiosk"
site = "SH-0412"
site_name = "徐家汇店"

[monitor]
interval_s = 0.2
heartbeat_s = 0

[[sources]]
id = "sim"
driver = "simulated"

[[cabinets]]
id = "01"
name = "鲜奶柜"
preset = "cn_chilled_2018"

[[cabinets]]
id = "02"
name = "速冻柜"
limits = {{ low = -40.0, high = -30.0 }}
alarm_delay_s = 0

[[cabinets]]
id = "03"
name = "熟食柜"
limits = {{ low = -40.0, high = 40.0, warn_high = -30.0 }}
alarm_delay_s = 0

[[sensors]]
id = "01.air"
cabinet = "01"
source = "sim"
point = "chiller"

[[sensors]]
id = "02.air"
cabinet = "02"
source = "sim"
point = "chiller"

[[sensors]]
id = "03.air"
cabinet = "03"
source = "sim"
point = "chiller"
"""
# It refuses what it gets, and one attempt is all it gets: dead letters.
ERP = """
[[webhooks.endpoints]]
id = "erp"
url = "http://localhost:{erp}/hooks"
secret = "{secret}"
events = ["case.opened"]
"""
IMPATIENT = CABINETS + ERP + "[webhooks.retry]\nmax_attempts = 1\n"
# `hq` takes everything, nobody is at `backup`, and `sms` takes connections but never answers.
CONFIG = (
    CABINETS
    + ERP
    + """
[[webhooks.endpoints]]
id = "hq"
url = "http://localhost:{hq}/hooks"
secret = "{secret}"

[[webhooks.endpoints]]
id = "backup"
url = "http://localhost:{backup}/hooks"

[[webhooks.endpoints]]
id = "sms"
url = "http://localhost:{sms}/hooks"
timeout_s = 2

[webhooks.retry]
first_delay_s = 60.0

[manage_api]
listen = "127.0.0.1:{listen}"
"""
)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The running core, and headquarters' way to it."""

    core: Core
    url: str
    token: str
    ports: tuple[int, ...]

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False)

    def kiosk(self) -> httpx.Client:
        """At the box's own socket."""
        transport = httpx.HTTPTransport(uds=str(self.core.data / "manage.sock"))
        return httpx.Client(transport=transport, base_url="http://localhost", timeout=20)

    def document(self) -> dict[str, Any]:
        with self.client() as client:
            found: dict[str, Any] = client.get("/openapi.json").json()
        return found


@contextmanager
def a_shop(directory: Path) -> Iterator[Shop]:
    """Open as soon as two deliveries are dead letters, and each endpoint that fails has had its first chance."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent, ExitStack() as ending:
        ports = {name: free_port() for name in ("hq", "erp", "backup", "listen")} | {"sms": silent.getsockname()[1]}
        for receiver in (_receiver(directory, "hq", ports["hq"]), _receiver(directory, "erp", ports["erp"], 400)):
            ending.callback(receiver.end)
            receiver.start()
        for name in ("hq", "erp"):
            wait_until(partial(listens, socket.AF_INET, ("127.0.0.1", ports[name])), f"{name} is open")
        box = Core(directory, IMPATIENT.format(secret=SECRET, **ports))
        ending.callback(box.end)
        token = a_token(box)
        _say(box, "operator", "add", "王芳", typed=f"{PIN}\n")
        box.start()
        wait_until(lambda: box.get("status")["webhooks"]["dead_letter"] == 2, "two deliveries are given up")
        box.stop()
        box.config.write_text(CONFIG.format(secret=SECRET, **ports), encoding="utf-8")
        box.start()
        wait_until(lambda: waiting(box) >= {"backup", "sms"}, "both have failed once")
        yield Shop(core=box, url=f"http://127.0.0.1:{ports['listen']}", token=token, ports=tuple(ports.values()))


def _receiver(directory: Path, name: str, port: int, *status: int) -> Process:
    arguments = (PEERS / "receiver.py", port, SECRET, directory / f"{name}.jsonl", *status)
    return Process([sys.executable, *map(str, arguments)], directory / f"{name}.log")


def waiting(box: Core) -> set[str]:
    """The endpoints that failed to take a delivery."""
    items = box.get("webhooks/retries", status="pending", limit=250)["items"]
    return {one["endpoint"]["id"] for one in items if one["attempts"] and not one["in_flight"]}


def a_token(box: Core) -> str:
    return _say(box, "token", "add", "hq", "--scope", "admin").split()[-1]


def _say(box: Core, *command: str, typed: str = "") -> str:
    whole = [sys.executable, "-m", "core", *command, "--config", str(box.config)]
    return subprocess.run(whole, cwd=ROOT, input=typed, capture_output=True, text=True, check=True).stdout
