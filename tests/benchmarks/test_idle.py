"""What a core costs that only watches: 16 sensors at 10 s, 64 at 1 s. Memory and CPU time as the kernel accounts them."""

import time
from collections.abc import Callable

from tests.benchmarks.idling import a_shop, cpu_s, rss_mb
from tests.e2e.conftest import Core, wait_until

SENSORS = 16
WATCHED_S = 12.0
MOST_RSS_MB = 60.0
MOST_CPU_SHARE = 0.02


def test_an_idle_core_stays_small_and_quiet(core: Callable[..., Core]) -> None:
    """Under 60 MB resident and 2 % of a core, drivers, both doors and a sender loaded."""
    box = core(a_shop(SENSORS))
    box.start()
    wait_until(lambda: all(item["value"] is not None for item in box.get("readings")["items"]), "all sensors are read")
    before = cpu_s(box.pid)
    time.sleep(WATCHED_S)
    share, memory = (cpu_s(box.pid) - before) / WATCHED_S, rss_mb(box.pid)
    print(f"\nidle, {SENSORS} sensors at 10 s: {memory:.1f} MB RSS, {share:.2%} of a core over {WATCHED_S:g} s")
    assert memory < MOST_RSS_MB
    assert share < MOST_CPU_SHARE


MANY = 64
MOST_CPU_SHARE_OF_MANY = 0.05


def test_64_sensors_at_a_second_cost_a_twentieth_of_a_core(core: Callable[..., Core]) -> None:
    """Simulated ones, each in a cabinet of its own: read, judged, recorded, and the physics of 64 cabinets."""
    box = core(a_shop(MANY, interval_s=1))
    box.start()
    wait_until(lambda: all(item["value"] is not None for item in box.get("readings")["items"]), "all sensors are read")
    before = cpu_s(box.pid)
    time.sleep(WATCHED_S)
    share, memory = (cpu_s(box.pid) - before) / WATCHED_S, rss_mb(box.pid)
    print(f"\n{MANY} sensors at 1 s: {memory:.1f} MB RSS, {share:.2%} of a core over {WATCHED_S:g} s")
    assert share < MOST_CPU_SHARE_OF_MANY
