"""What the history costs: a year of 16 sensors, asked for a day, exported by the month, each beside the least it could cost.

`pytest -m torture -s` prints the figures of the promise; the quick row holds a month.
"""

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from core.clock import SystemClock
from core.monitoring.labels import MINUTE_MS, ms
from core.monitoring.minute_file import NAME, Alive, MinuteFile, Row
from tests.benchmarks.journals import Table
from tests.core.monitoring.factories import START
from tests.core.monitoring.histories import a_history
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

ROOT: Final = Path(__file__).parents[2]
SENSORS: Final = [f"{number:02}.air" for number in range(16)]
MONTH_MIN: Final = 30 * 1440
YEAR_MIN: Final = 365 * 1440
AT_ONCE_MIN: Final = 1440
ROUNDS: Final = 20
MOST_DAY_MS: Final = 50.0
MOST_MONTH_S: Final = 5.0
MOST_MB_A_YEAR: Final = 20.0

table = Table()


@pytest.fixture(scope="module", autouse=True)
def printed() -> Iterator[None]:
    yield
    print(f"\n\n{table}")


def course(chance: random.Random, first: int, count: int) -> Iterator[Row]:
    """A thermostat's cycle with noise, each sample some seconds into its minute, a fault now and then."""
    start_ms = ms(START)
    for local in range(first, first + count):
        for number, sensor in enumerate(SENSORS):
            late_ms, noise = chance.randrange(10_000), chance.randrange(40)
            at_ms = start_ms + local * MINUTE_MS + late_ms
            if noise == 0 and late_ms < 400:
                yield Row(sensor, local, at_ms, None, None, None, 0, 6, 2)
                continue
            mean = -2100 + 15 * ((local + number) % 24) + noise
            yield Row(sensor, local, at_ms, mean - noise, mean, mean + 2 * noise, 6, 0, 0)


def fill(directory: Path, minutes: int) -> None:
    file, chance = MinuteFile(directory / NAME, SystemClock()), random.Random(1)
    alive = Alive(boot_id="boot", steady_s=0.0, at=START)
    for first in range(0, minutes, AT_ONCE_MIN):
        file.write(list(course(chance, first, AT_ONCE_MIN)), alive)
    file.close()


def best_s(measured: Callable[[], object], rounds: int = ROUNDS) -> float:
    taken = []
    for _ in range(rounds):
        started_s = time.perf_counter()
        measured()
        taken.append(time.perf_counter() - started_s)
    return sorted(taken)[len(taken) // 2]


@pytest.mark.parametrize(
    "minutes",
    [pytest.param(MONTH_MIN, id="quick"), pytest.param(YEAR_MIN, id="full", marks=pytest.mark.torture)],
)
async def test_a_year_answers_a_day_at_once_and_exports_a_month_in_seconds(tmp_path: Path, minutes: int) -> None:
    fill(tmp_path, minutes)
    days = minutes // 1440
    asks_a_day_at_once(tmp_path, days)
    exports_a_month_in_seconds(tmp_path, days)
    size_mb = (tmp_path / NAME).stat().st_size / 1e6
    a_year_mb = size_mb / len(SENSORS) / days * 365
    rows = len(SENSORS) * minutes
    table.add(
        f"size of {rows:,} minutes",
        f"{a_year_mb:.1f} MB a sensor and year",
        f"{size_mb:.0f} MB in all, {1e6 * size_mb / rows:.1f} bytes a minute",
        a_year_mb / MOST_MB_A_YEAR,
        f"at most {MOST_MB_A_YEAR:g} MB",
    )
    assert a_year_mb <= MOST_MB_A_YEAR


def asks_a_day_at_once(directory: Path, days: int) -> None:
    """Over the whole way of a question: its own connection, its own thread's work, steps and statistics."""
    history = a_history(directory, FakeClock())
    since = START + timedelta(days=days // 2)

    def ask(hours: float, step_s: float) -> float:
        return best_s(lambda: history._query(SENSORS[3], since, since + timedelta(hours=hours), step_s, -25.0, -15.0))

    with sqlite3.connect(directory / NAME) as db:
        (span,) = db.execute("SELECT id FROM spans WHERE sensor = ? AND at >= ?", (SENSORS[3], ms(since))).fetchone()
        bare_s = best_s(lambda: db.execute("SELECT * FROM minutes WHERE span = ?", (span,)).fetchall())
    db.close()
    ours_s = ask(24, 300)
    assert history._query(SENSORS[3], since, since + timedelta(days=1), 300, None, None).statistics.known_min > 1400
    table.add(
        f"24 h in steps of 5 min, out of {days} days",
        f"{1000 * ours_s:.1f} ms",
        f"the same rows from SQLite alone {1000 * bare_s:.1f} ms",
        ours_s / bare_s,
        f"at most {MOST_DAY_MS:g} ms",
    )
    assert 1000 * ours_s < MOST_DAY_MS


def exports_a_month_in_seconds(directory: Path, days: int) -> None:
    """As people do it, with the start of the program; beside it a scan of the same rows, and a read of the bytes written."""
    since = START + timedelta(days=max(0, days // 2 - 15))
    output = directory / "month.csv"
    command = [sys.executable, "-m", "core", "export", "--data-dir", str(directory), "--output", str(output)]
    command += ["--since", since.isoformat(), "--until", (since + timedelta(days=30)).isoformat()]
    ours_s = best_s(lambda: subprocess.run(command, cwd=ROOT, check=True), rounds=3)
    rows = output.read_bytes().count(b"\n") - 1
    assert abs(rows - len(SENSORS) * MONTH_MIN) <= 2 * len(SENSORS)  # the first minute's label may lie before `since`
    between = (ms(since), ms(since + timedelta(days=30)))
    with sqlite3.connect(directory / NAME) as db:
        scan = "SELECT m.* FROM spans AS s CROSS JOIN minutes AS m ON m.span = s.id WHERE s.at >= ? AND s.at < ?"
        scanned_s = best_s(lambda: sum(1 for _ in db.execute(scan, between)), rounds=3)
    db.close()
    read_s = best_s(output.read_bytes, rounds=3)
    table.add(
        f"a month of {len(SENSORS)} sensors as CSV, {rows:,} rows",
        f"{ours_s:.2f} s",
        f"scan of the rows in Python {scanned_s:.2f} s",
        ours_s / scanned_s,
        f"at most {MOST_MONTH_S:g} s",
    )
    table.add(
        f"its {output.stat().st_size / 1e6:.0f} MB",
        f"{ours_s:.2f} s",
        f"read of them {read_s:.3f} s",
        ours_s / read_s,
        "",
    )
    assert ours_s < MOST_MONTH_S


async def test_a_minutes_commit_costs_milliseconds(tmp_path: Path) -> None:
    """Of 64 sensors, on whatever disk the tests run; it happens once a minute, in a thread."""
    file, chance, alive = (
        MinuteFile(tmp_path / NAME, SystemClock()),
        random.Random(1),
        Alive(boot_id="boot", steady_s=0.0, at=START),
    )
    rows = [
        [row._replace(sensor=f"{row.sensor}/{more}") for more in range(4) for row in course(chance, minute, 1)]
        for minute in range(ROUNDS)
    ]
    file.write([], alive)
    left = iter(rows)
    ours_s = best_s(lambda: file.write(next(left), alive))
    file.close()
    bare = sqlite3.connect(tmp_path / "bare.sqlite3", isolation_level=None)
    bare.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE bare (value)")
    bare_s = best_s(lambda: bare.execute("INSERT INTO bare VALUES (1)"))
    bare.close()
    table.add(
        "commit of a minute of 64 sensors",
        f"{1000 * ours_s:.2f} ms",
        f"commit of one row {1000 * bare_s:.2f} ms",
        ours_s / bare_s,
        "at most 100 ms",
    )
    assert ours_s < 0.1
