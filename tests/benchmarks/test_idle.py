"""What an idle core costs: 16 sensors at 10 s. Memory and CPU time of the process as the kernel accounts them."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.conftest import Core, wait_until

SENSORS = 16
WATCHED_S = 20.0
MOST_RSS_MB = 60.0
MOST_CPU_SHARE = 0.02

HEAD = """
[device]
id = "box"
site = "site"

[monitor]
interval_s = 10
heartbeat_s = 0

[[sources]]
id = "sim"
driver = "simulated"

[manage_api]
listen = "127.0.0.1:0"

[[webhooks.endpoints]]
id = "hq"
url = "http://127.0.0.1:9/"
"""

ONE = """
[[cabinets]]
id = "{n}"
preset = "cn_chilled_2018"

[[sensors]]
id = "{n}.air"
cabinet = "{n}"
source = "sim"
point = "chiller"
"""


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def test_an_idle_core_stays_small_and_quiet(core: Callable[..., Core]) -> None:
    """Under 60 MB resident and 2 % of a core, drivers, both doors and a sender loaded."""
    box = core(HEAD + "".join(ONE.format(n=n) for n in range(SENSORS)))
    box.start()
    wait_until(lambda: all(item["value"] is not None for item in box.get("readings")["items"]), "all sensors are read")
    before = cpu_s(box.pid)
    time.sleep(WATCHED_S)
    share, memory = (cpu_s(box.pid) - before) / WATCHED_S, rss_mb(box.pid)
    print(f"\nidle, {SENSORS} sensors at 10 s: {memory:.1f} MB RSS, {share:.2%} of a core over {WATCHED_S:g} s")
    assert memory < MOST_RSS_MB
    assert share < MOST_CPU_SHARE
