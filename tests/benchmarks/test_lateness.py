"""A backlog that goes out makes nobody late who watches the cabinets: the whole core, its lateness beside an idle run's.

The 10,000 that count: `pytest -m torture -s tests/benchmarks/test_lateness.py`.
"""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.benchmarks.backlogs import fill
from tests.benchmarks.receiving import Receiving, two_cores
from tests.core.journal.rigs import ROOT
from tests.e2e.conftest import wait_until

SENSORS: Final = 16
HUNG: Final = 500
SHARE: Final = 0.999
SHARE_OF_FEW: Final = 0.99  # of some hundred turns one in a thousand would be the very latest
MOST_LATER_MS: Final = 20.0
TRIES: Final = 3  # other work on this machine makes a run late, at times the one, at times the other
SHORTEST_S: Final = 2.0
LONGEST_S: Final = 120.0

HEAD = """
[device]
id = "box"
site = "site"

[monitor]
interval_s = 0.5
heartbeat_s = 0

[webhooks]
timeout_s = 1
retry.max_items = 100000
"""

ENDPOINT = """
[[webhooks.endpoints]]
id = "{name}"
url = "{url}"
events = ["device.clock_changed"]
"""

SENSOR = """
[[sources]]
id = "{n}"
driver = "simulated"

[[cabinets]]
id = "{n}"
preset = "cn_chilled_2018"

[[sensors]]
id = "{n}.air"
cabinet = "{n}"
source = "{n}"
point = "chiller"
"""


@dataclass
class Turns:
    """How late each turn was, of all runs of a kind."""

    late_ms: list[float] = field(default_factory=list)
    took_s: list[float] = field(default_factory=list)

    def latest_ms(self, share: float) -> float:
        """This share of the turns was no later."""
        late = sorted(self.late_ms)
        return late[min(len(late) - 1, int(len(late) * share))]

    def __str__(self) -> str:
        seconds = ", ".join(f"{one:.1f}" for one in self.took_s)
        late = f"p99 {self.latest_ms(0.99):.1f}, p99.9 {self.latest_ms(SHARE):.1f} ms late"
        return f"{late}, worst {max(self.late_ms):.1f} ms, {len(self.late_ms):,} turns in {seconds} s"


class Shop:
    """A core that watches sixteen sensors, each of a source of its own, with what is pending in its directory."""

    def __init__(self, directory: Path, receiver: Receiving, backlog: dict[str, int]):
        self._directory, self._receiver = directory, receiver
        self._data = directory / "data"
        self._data.mkdir()
        asyncio.run(fill(self._data, backlog))
        self._wanted = backlog.get("ok", 0)
        endpoints = [ENDPOINT.format(name=name, url=receiver.url(f"/{name}")) for name in backlog]
        sensors = [SENSOR.format(n=n) for n in range(SENSORS)]
        (directory / "config.toml").write_text("".join([HEAD, *endpoints, *sensors]))

    def run(self, turns: Turns, at_least_s: float) -> None:
        """So long, and until all that is meant to arrive has arrived."""
        core, _ = two_cores()
        before, started_s = self._receiver.count, time.monotonic()
        program = (sys.executable, "-m", "tests.benchmarks.punctual", self._directory / "config.toml", self._data)
        with subprocess.Popen(
            ("taskset", "-c", str(core), *map(str, program)), cwd=ROOT, stdout=subprocess.PIPE
        ) as running:
            try:
                wait_until(lambda: self._receiver.count - before >= self._wanted, "the backlog is out", LONGEST_S)
                time.sleep(max(0.0, started_s + at_least_s - time.monotonic()))
                turns.took_s.append(time.monotonic() - started_s)
                running.send_signal(signal.SIGTERM)
                told, _ = running.communicate(timeout=20)
            finally:
                running.kill()
        assert running.returncode == 0
        turns.late_ms += json.loads(told)


@pytest.mark.parametrize(
    ("backlog", "rounds", "share"),
    [
        pytest.param({"ok": 1_000}, 1, SHARE_OF_FEW, id="quick"),
        pytest.param({"ok": 10_000}, 5, SHARE, id="10,000", marks=pytest.mark.torture),
        pytest.param(
            {"ok": 10_000, "silence": HUNG}, 5, SHARE, id="10,000 beside one that hangs", marks=pytest.mark.torture
        ),
    ],
)
def test_a_drain_makes_the_monitoring_hardly_later_than_it_is_with_nothing_to_send(
    receiver: Receiving, fresh: Callable[[], Path], backlog: dict[str, int], rounds: int, share: float
) -> None:
    """p99.9 of the lateness, over all runs, is at most 20 ms above that of idle runs between them."""
    later_ms = []
    for _ in range(TRIES):
        idle, busy = Turns(), Turns()
        for _ in range(rounds):
            Shop(fresh(), receiver, backlog).run(busy, SHORTEST_S)
            Shop(fresh(), receiver, dict.fromkeys(backlog, 0)).run(idle, busy.took_s[-1])
        print(f"\nidle: {idle}\n{backlog}: {busy}")
        later_ms.append(busy.latest_ms(share) - idle.latest_ms(share))
        if later_ms[-1] <= MOST_LATER_MS:
            return
    pytest.fail(f"later by {later_ms} ms")
