"""What the record for inspection costs: 400 days of 8 cabinets, beside the plain dump of the same minutes.

`pytest -m torture -s` prints the figures of the promise; the quick row holds ten days.
"""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from core.clock import SystemClock
from core.monitoring.in_force import InForce
from core.monitoring.labels import MINUTE_MS, ms
from core.monitoring.minute_file import NAME, Alive, MinuteFile, Row
from tests.benchmarks.journals import Table
from tests.core.monitoring.factories import START
from tests.core.monitoring.histories import BOX, some_terms

ROOT: Final = Path(__file__).parents[2]
SENSORS: Final = [f"{number:02}.air" for number in range(8)]
MOST_S: Final = 30.0  # for 400 days
MOST_KIB: Final = 150 * 1024

table = Table()


@pytest.fixture(scope="module", autouse=True)
def printed() -> Iterator[None]:
    yield
    print(f"\n\n{table}")


def course(chance: random.Random, day: int) -> Iterator[Row]:
    """A thermostat's cycle; of one cabinet some minutes of each day are missing and others too warm."""
    for local in range(1440 * day, 1440 * (day + 1)):
        for number, sensor in enumerate(SENSORS):
            at_ms = ms(START) + local * MINUTE_MS + chance.randrange(10_000)
            if number == 0 and local % 300 == 0:
                yield Row(sensor, local, at_ms, None, None, None, 0, 6, 2)
                continue
            mean = -2100 + 15 * ((local + number) % 24) + (400 if number == 0 and local % 1440 < 30 else 0)
            yield Row(sensor, local, at_ms, mean - 20, mean, mean + 20, 6, 0, 0)


def fill(directory: Path, days: int) -> None:
    sensors = {sensor: some_terms(cabinet=sensor[:2], low=-25.0, high=-15.0) for sensor in SENSORS}
    file, chance = MinuteFile(directory / NAME, SystemClock(), InForce(device=BOX, sensors=sensors)), random.Random(1)
    for day in range(days):
        file.write(list(course(chance, day)), Alive(boot_id="boot", steady_s=0.0, at=START))
    file.close()


def exported(directory: Path, *arguments: str) -> tuple[float, int, Path]:
    """Seconds, the most memory in KiB, and the file; as people do it, with the start of the program."""
    output = directory / "out"
    command = ["-m", "core", "export", "--data-dir", str(directory), "--output", str(output), *arguments]
    program = "import resource, subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]], check=True); "
    program += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    began_s = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program, *command], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return time.perf_counter() - began_s, int(done.stdout), output


@pytest.mark.parametrize("days", [10, pytest.param(400, marks=pytest.mark.torture)])
def test_the_record_of_all_cabinets_streams_within_the_promise(tmp_path: Path, days: int) -> None:
    fill(tmp_path, days)
    plain_s, _, _ = exported(tmp_path)
    for kind in ("csv", "json"):
        took_s, memory_kib, output = exported(tmp_path, "--all", "--format", kind)
        size_mb = output.stat().st_size / 1e6
        table.add(
            f"record of 8 cabinets, {days} days, {kind} of {size_mb:.0f} MB",
            f"{took_s:.1f} s, {memory_kib / 1024:.0f} MiB",
            f"plain dump of the same minutes {plain_s:.1f} s",
            took_s / plain_s,
            f"at most {MOST_S:g} s for 400 days",
        )
        assert took_s < MOST_S
        assert memory_kib < MOST_KIB
