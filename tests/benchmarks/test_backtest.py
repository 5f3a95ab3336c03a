"""What a backtest over a year of minutes takes: as a process, a quiet year and one that swings round its limit."""

import json
import math
import time
from pathlib import Path

import pytest

from tests.core.config_texts import a_config
from tests.core.test_backtest import FROZEN, a_csv, process

YEAR_MIN = 365 * 24 * 60
SWINGING = ("--set", "limits.warn_high=-19.5", "--set", "alarm_delay_s=0", "--set", "clear_delay_s=0")


@pytest.mark.parametrize("options", [(), SWINGING], ids=["quiet", "swinging"])
def test_a_year_of_minutes(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Rows per second are printed; every row is judged."""
    file = a_csv(tmp_path, ((minute, round(-20 + 2 * math.sin(minute / 7), 1)) for minute in range(YEAR_MIN)))
    began_s = time.perf_counter()
    found = json.loads(process(a_config(tmp_path, FROZEN), file, *options).stdout)
    took_s = time.perf_counter() - began_s
    print(
        f"\nbacktest: {YEAR_MIN} rows in {took_s:.1f} s, {YEAR_MIN / took_s:,.0f} rows/s, {len(found['cases'])} cases"
    )
    assert found["rows"] == YEAR_MIN
    assert bool(found["cases"]) == bool(options)
