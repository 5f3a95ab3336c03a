"""A core with little to do, and what the kernel says that a process costs."""

import os
from pathlib import Path

HEAD = """
[device]
id = "box"
site = "site"

[monitor]
interval_s = {interval_s}
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


def a_shop(sensors: int, interval_s: float = 10) -> str:
    """A configuration with so many simulated sensors."""
    return HEAD.format(interval_s=interval_s) + "".join(ONE.format(n=n) for n in range(sensors))
