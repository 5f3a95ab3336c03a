"""A core whose data directory can't be written from its very first second still guards, sends and says so."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import ROOT, Core, Process, free_port, json_lines, wait_until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CONFIG = """
[device]
id = "box"
site = "site"

[monitor]
interval_s = 0.2
heartbeat_s = 0

[[sources]]
id = "sim"
driver = "simulated"

[[cabinets]]
id = "01"
limits = {{ low = 0.0, high = 1.0 }}
alarm_delay_s = 0

[[sensors]]
id = "01.air"
cabinet = "01"
source = "sim"
point = "chiller"

[[webhooks.endpoints]]
id = "hq"
url = "http://127.0.0.1:{receiver}/hooks"
secret = "{secret}"

[manage_api]
listen = "127.0.0.1:{api}"
tokens_file = "tokens.toml"
"""


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A disk that was mounted read-only, with nothing on it."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(place)], check=False)
    if mounted.returncode != 0:
        pytest.skip("a tmpfs can't be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def a_token(core: Core) -> str:
    command = [sys.executable, "-m", "core", "token", "add", "hq", "--scope", "operate", "--config", str(core.config)]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.split()[-1]


def test_an_alarm_is_raised_and_sent_without_any_disk(
    core: Callable[..., Core], peer: Callable[..., Process], read_only: Path, tmp_path: Path
) -> None:
    """Memory-only on both journals, no socket, and each of it named; a second core is still refused the directory."""
    receiver, api = free_port(), free_port()
    peer("receiver", receiver, SECRET, tmp_path / "got.jsonl")
    box = core(CONFIG.format(receiver=receiver, secret=SECRET, api=api))
    token = a_token(box)
    box.data.symlink_to(read_only)
    Process.start(box)

    def status() -> Any:
        try:
            asked = httpx.get(
                f"http://127.0.0.1:{api}/api/manage/status", headers={"Authorization": f"Bearer {token}"}, timeout=5
            )
        except httpx.TransportError:
            assert box.alive, box.said
            return None
        return asked.json()

    def opened() -> bool:
        return "case.opened" in {got["event"]["type"] for got in json_lines(tmp_path / "got.jsonl")}

    wait_until(status, "the API answers on TCP")
    wait_until(opened, "the alarm reaches headquarters")
    told = status()
    assert told["durability"]["state"] == "memory_only"
    assert {one["code"] for one in told["problems"]} >= {
        "cases_not_durable",
        "retries_not_durable",
        "socket_unavailable",
    }
    assert "Read-only" in told["durability"]["journals"]["cases"]["reason"]
    second = subprocess.run(
        [sys.executable, "-m", "core", "serve", "--config", str(box.config), "--data-dir", str(box.data)],
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
        cwd=ROOT,
    )
    assert second.returncode == 75
    subprocess.run(["mount", "-o", "remount,rw", str(read_only)], check=True)
    wait_until(lambda: status()["durability"]["state"] == "durable", "the journals are made", seconds=70)
    wait_until(lambda: (box.data / "manage.sock").exists(), "the socket is made")
    assert box.jq('select(.k=="put") | .d.event_type') != []
