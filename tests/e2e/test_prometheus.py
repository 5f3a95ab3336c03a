"""Prometheus itself, where it is installed, scrapes the running core over TCP; promtool finds nothing to say."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import ROOT, Core, Process, free_port, wait_until

pytestmark = pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed")

HOSTILE = 'say "hi"\\ {a="b"} 1\n# TYPE cdg_up gauge\ncdg_up 1\r\x00\x1b[2J\u2028\u202e鲜奶柜🧊'
CONFIG = """
[device]
id = "box"
site = "SH-0412"

[monitor]
interval_s = 0.2

[[sources]]
id = "sim"
driver = "simulated"

[[cabinets]]
id = {name}
name = {name}
limits = {{ low = 0.0, high = 8.0 }}

[[sensors]]
id = "03.air"
cabinet = {name}
source = "sim"
point = "chiller"

[[webhooks.endpoints]]
id = "hq"
url = "http://127.0.0.1:{dead}/"

[manage_api]
listen = "127.0.0.1:{port}"
"""
SCRAPE = """
global: {{ scrape_interval: 1s }}
scrape_configs:
  - job_name: cold_display_guard
    authorization: {{ credentials_file: {token} }}
    static_configs: [ {{ targets: ["127.0.0.1:{port}"] }} ]
"""


@pytest.fixture
def box(core: Callable[..., Core]) -> tuple[Core, int]:
    """A running core with a cabinet of a hostile name, and its TCP port."""
    port = free_port()
    made = core(CONFIG.format(name=json.dumps(HOSTILE, ensure_ascii=False), dead=free_port(), port=port))
    made.start()
    wait_until(lambda: made.get("readings")["items"][0]["value"] is not None, "the sensor is read")
    return made, port


def a_token(box: Core) -> str:
    command = [sys.executable, "-m", "core", "token", "add", "prom", "--scope", "read", "--config", str(box.config)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()[-1]


def test_prometheus_scrapes_and_promtool_agrees(
    box: tuple[Core, int], tmp_path: Path, processes: list[Process]
) -> None:
    """The target is up, and a cabinet's name comes through whatever it holds."""
    running, port = box
    page = running.request("GET", "/metrics").text
    checked = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    ask = a_prometheus(tmp_path, port, a_token(running), processes)
    found = wait_until(lambda: ask("cdg_sensor_value"), "a sample is there")
    assert found[0]["metric"]["cabinet"] == HOSTILE
    assert found[0]["metric"]["quantity"] == "temperature"
    assert ask("up")[0]["value"][1] == "1"
    assert ask("cdg_up") == []


def a_prometheus(
    directory: Path, port: int, token: str, processes: list[Process]
) -> Callable[[str], list[dict[str, Any]]]:
    """Runs one that scrapes this port; what it hands back asks it."""
    (directory / "token").write_text(token)
    (directory / "prometheus.yml").write_text(SCRAPE.format(token=directory / "token", port=port))
    own = free_port()
    command = ["prometheus", f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/tsdb"]
    made = Process([*command, f"--web.listen-address=127.0.0.1:{own}"], directory / "prometheus.log")
    processes.append(made)
    made.start()

    def ask(query: str) -> list[dict[str, Any]]:
        assert made.alive, made.said
        try:
            answer = httpx.get(f"http://127.0.0.1:{own}/api/v1/query", params={"query": query}, trust_env=False)
        except httpx.TransportError:  # it is not up yet
            return []
        return list(answer.json()["data"]["result"]) if answer.status_code == 200 else []

    return ask
