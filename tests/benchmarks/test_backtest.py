"""What a backtest over a year of minutes takes (a quarter where no torture is asked for): of a file, as a process, a quiet year and one that swings round its limit; and of
a history with a door and a defrost contact.
"""

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import backtest_history
from core.clock import SystemClock
from core.monitoring.labels import MINUTE_MS, ms
from core.monitoring.minute_file import NAME, Alive, MinuteFile, Row
from tests.core.config_texts import a_config
from tests.core.monitoring.factories import START
from tests.core.test_backtest import DEFROST, DOOR, FROZEN, a_csv, process

QUARTER_MIN, YEAR_MIN = 91 * 24 * 60, 365 * 24 * 60
TIMES = pytest.mark.parametrize("minutes", [QUARTER_MIN, pytest.param(YEAR_MIN, marks=pytest.mark.torture)])
SWINGING = ("--set", "limits.warn_high=-19.5", "--set", "alarm_delay_s=0", "--set", "clear_delay_s=0")


@TIMES
@pytest.mark.parametrize("options", [(), SWINGING], ids=["quiet", "swinging"])
def test_minutes_of_a_file(tmp_path: Path, options: tuple[str, ...], minutes: int) -> None:
    """Rows per second are printed; every row is judged."""
    file = a_csv(tmp_path, ((minute, round(-20 + 2 * math.sin(minute / 7), 1)) for minute in range(minutes)))
    began_s = time.perf_counter()
    found = json.loads(process(a_config(tmp_path, FROZEN), file, *options).stdout)
    took_s = time.perf_counter() - began_s
    print(f"\nbacktest: {minutes} rows in {took_s:.1f} s, {minutes / took_s:,.0f} rows/s, {len(found['cases'])} cases")
    assert found["rows"] == minutes
    assert bool(found["cases"]) == bool(options)


def recorded(first: int, count: int) -> Iterator[Row]:
    for minute in range(first, first + count):
        at_ms, air = ms(START) + minute * MINUTE_MS, round(-2000 + 200 * math.sin(minute / 7))
        for sensor, mean in (("air", air), ("door", 0), ("defrost", 100 * (minute % 360 < 20))):
            yield Row(f"03.{sensor}", minute, at_ms, mean, mean, mean, 6, 0, 0)


@TIMES
def test_minutes_of_the_box_own_history(tmp_path: Path, minutes: int) -> None:
    """Three sensors, without the start of a process."""
    file = MinuteFile(tmp_path / NAME, SystemClock())
    for first in range(0, minutes, 1440):
        file.write(list(recorded(first, 1440)), Alive(boot_id="boot", steady_s=0.0, at=START))
    file.close()
    config = a_config(tmp_path, FROZEN + DOOR + DEFROST)
    began_s = time.perf_counter()
    found = backtest_history.backtest(config, "03", tmp_path).verdict
    took_s = time.perf_counter() - began_s
    print(
        f"\nbacktest: {found.rows} minutes of 3 sensors in {took_s:.1f} s, {found.rows / took_s:,.0f} minutes/s, "
        f"{len(found.cases)} cases"
    )
    assert found.rows == minutes
