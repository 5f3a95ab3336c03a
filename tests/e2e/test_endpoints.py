"""An endpoint that says it is gone, one that is paused: the running core says so, and goes on when a person resumes it."""

import socket
from collections.abc import Callable
from pathlib import Path

from tests.e2e.conftest import Core, Process, free_port, listens, wait_until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

CONFIG = """
[device]
id = "sh-0412-kiosk"
site = "sh-0412"

[monitor]
heartbeat_s = 0.5

[[sources]]
id = "sim"
driver = "simulated"

[[cabinets]]
id = "03"
preset = "cn_chilled_2018"

[[sensors]]
id = "03.air"
cabinet = "03"
source = "sim"
point = "chiller"

[webhooks.retry]
first_delay_s = 0.5
max_delay_s = 1.0

[[webhooks.endpoints]]
id = "hq"
url = "http://127.0.0.1:{hq}/hooks"
secret = "{secret}"
"""


def problems(core: Core) -> set[str]:
    return {one["code"] for one in core.get("status")["problems"]}


def state(core: Core) -> str:
    [item] = core.get("webhooks/endpoints")["items"]
    return str(item["state"])


def test_a_gone_and_a_paused_endpoint_are_said_and_resumed(
    tmp_path: Path, peer: Callable[..., Process], core: Callable[..., Core]
) -> None:
    """Over a restart too."""
    hq = free_port()
    receiver = peer("receiver", hq, SECRET, tmp_path / "got.jsonl", 410)
    wait_until(lambda: listens(socket.AF_INET, ("127.0.0.1", hq)), "the receiver is open")
    box = core(CONFIG.format(hq=hq, secret=SECRET))
    box.start()
    wait_until(lambda: state(box) == "disabled", "410 has disabled it")
    assert "endpoint_disabled" in problems(box)
    box.stop()
    box.start()
    assert (state(box), "endpoint_disabled" in problems(box)) == ("disabled", True)
    box.post("webhooks/endpoints/hq/resume", {"by": "li"})
    wait_until(lambda: state(box) == "disabled", "it is gone still")
    receiver.stop()  # else it would be gone again before anybody can pause it
    box.post("webhooks/endpoints/hq/resume", {"by": "li"})
    box.post("webhooks/endpoints/hq/pause", {"by": "li", "reason": "moving house"})
    assert (state(box), "endpoint_paused" in problems(box)) == ("paused", True)
    assert box.get("webhooks/retries")["summary"]["pending"] >= 1
