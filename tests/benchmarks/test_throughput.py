"""How fast a backlog goes out, every end on disk, beside a bare socket, httpx alone, and task queues that do the same work.

All figures that count: `pip install -e '.[bench]'`, then `pytest -m torture -s tests/benchmarks/test_throughput.py`.
BullMQ joins where redis-server and node are, and `bullmq` and `ioredis` where node finds them (NODE_PATH); else the table
says that it did not.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.benchmarks.racing import Race
from tests.benchmarks.receiving import Receiving

BACKLOG: Final = 10_000
SHORT: Final = 1_000
ROUNDS: Final = 5
HTTPX: Final = [
    "httpx async",
    "httpx async prebuilt",
    "httpx one prebuilt",
    "httpx threads",
    "httpx threads prebuilt",
]
PYTHON_QUEUES: Final = ["huey 1", "huey 4", "huey 8", "persist-queue 1", "persist-queue 4", "persist-queue 8"]
AT_LEAST_OF_HTTPX: Final = 0.8
AT_LEAST_OF_HTTPX_SHORT: Final = 0.4  # little work on a machine that does other things as well
RECEIVER_AT_LEAST: Final = 3.0  # times the product's rate, or it is the receiver that is measured


def test_a_short_backlog_goes_out_at_nearly_the_rate_of_httpx_alone(
    receiver: Receiving, fresh: Callable[[], Path]
) -> None:
    """A thousand deliveries, durable before and after, beside httpx that keeps nothing."""
    race = Race(SHORT)
    race.run(["product", "httpx async", "bare socket"], 2, receiver, fresh)
    print(f"\n{SHORT:,} deliveries\n{race.table('product')}")
    assert race.ratio("product", "httpx async") >= AT_LEAST_OF_HTTPX_SHORT


@pytest.mark.torture
def test_a_backlog_goes_out_faster_than_by_any_python_queue(receiver: Receiving, fresh: Callable[[], Path]) -> None:
    """Ten thousand deliveries: at least 0.8 of what httpx does at its best, and more than each durable queue at its best."""
    for name in ("huey", "persistqueue"):
        pytest.importorskip(name)
    race = Race(BACKLOG)
    queues = PYTHON_QUEUES + (["bullmq 8"] if has_bullmq() else [])
    race.run(["product", "pipelined", "bare socket", *HTTPX, *queues], ROUNDS, receiver, fresh)
    without = "" if has_bullmq() else "\nwithout BullMQ: it needs redis-server, node, bullmq and ioredis"
    load, *_ = os.getloadavg()
    print(f"\n{BACKLOG:,} deliveries, medians of {ROUNDS}, load {load:.1f}\n{race.table('product')}{without}")
    assert race.rate("pipelined") >= RECEIVER_AT_LEAST * race.rate("product")
    assert race.ratio("product", race.best("httpx")) >= AT_LEAST_OF_HTTPX
    for peer in ("huey", "persist-queue"):
        assert race.ratio("product", race.best(peer)) > 1


def has_bullmq() -> bool:
    if not all(map(shutil.which, ("redis-server", "node"))):
        return False
    asked = subprocess.run(("node", "-e", "require('bullmq'), require('ioredis')"), capture_output=True, check=False)
    return asked.returncode == 0
