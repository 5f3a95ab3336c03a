"""A recording of a real freezer through the running core."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import ROOT, Core, wait_until

RECORDING = ROOT.parent / "shared" / "data" / "freezer-week1.csv"

CONFIG = """
[device]
id = "box"
site = "site"

[monitor]
interval_s = 0.25
heartbeat_s = 0

[[sources]]
id = "record"
driver = "replay"
path = "{path}"
speed = 40000.0

[[cabinets]]
id = "freezer"
limits = {{ high = -15.0 }}
alarm_delay_s = 1200

[[sensors]]
id = "freezer.air"
cabinet = "freezer"
source = "record"
point = "temperature_c"

[[sensors]]
id = "freezer.humidity"
cabinet = "freezer"
source = "record"
point = "humidity_pct"
quantity = "humidity"
"""


@pytest.mark.skipif(not RECORDING.exists(), reason="the recording is not part of the product")
def test_a_week_of_a_real_freezer_raises_and_clears_cases(core: Callable[..., Core]) -> None:
    """A plain limit sees the defrosts: cases open at the recording's own times, and each is over when the week is."""
    box = core(CONFIG.format(path=RECORDING))
    box.start()
    _last_hour(box)
    cases = box.get("cases")["items"]
    assert len(cases) >= 2
    for case in cases:
        assert case["kind"] == "temp_high"
        assert case["condition"] == "cleared"
        assert "2022-07-07" <= case["opened_at"][:10] <= "2022-07-14"
        assert case["opened_at"] < case["cleared_at"]
        assert case["peak"] > -15.0
        assert case["duration_s"] >= 1200
        assert case["simulated"] is True


@pytest.mark.skipif(not RECORDING.exists(), reason="the recording is not part of the product")
def test_a_killed_core_keeps_the_cases_of_its_replay(core: Callable[..., Core]) -> None:
    box = core(CONFIG.format(path=RECORDING))
    box.start()
    wait_until(lambda: box.get("cases")["items"], "a first case", seconds=60)
    before = {case["case_id"] for case in box.get("cases")["items"]}
    box.kill()
    box.start()
    assert before <= {case["case_id"] for case in box.get("cases")["items"]}


def _last_hour(box: Core) -> None:
    def at_the_end() -> bool:
        readings: list[dict[str, Any]] = box.get("readings")["items"]
        return all((item["at"] or "") >= "2022-07-14T11:59" for item in readings)

    wait_until(at_the_end, "the recording is played to its end", seconds=60)
