"""The console's memory over an hour of rounds, as fast as they go, with somebody at the keys all the time."""

import subprocess
import sys

import pytest

from tests.e2e.conftest import ROOT

MOST_GROWTH_MB = 3.0  # after the first quarter


@pytest.mark.requirement(19)
@pytest.mark.parametrize(
    "rounds", [pytest.param(800, id="quick"), pytest.param(7200, id="full", marks=pytest.mark.torture)]
)
def test_the_memory_of_an_hour_does_not_grow(rounds: int) -> None:
    """Pages turned, boxes and dialogs opened and closed, every value another one each time."""
    command = [sys.executable, "-m", "tests.benchmarks.an_hour", str(rounds)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, timeout=1200)
    quarters = [float(line.split()[1]) for line in done.stdout.splitlines()]
    print(f"\n{rounds} rounds: {quarters} MB RSS after each quarter")
    assert quarters[-1] - quarters[0] < MOST_GROWTH_MB
