"""An endpoint that is ill takes no time from one that is well: as many deliveries to each, beside runs without the ill one.

The 1,000 that count: `pytest -m torture -s tests/benchmarks/test_fairness.py`.
"""

import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.benchmarks.racing import apart
from tests.benchmarks.receiving import Receiving
from tests.e2e.conftest import free_port

COUNT: Final = 1_000
MOST_TIMES: Final = 1.5
SHORT: Final = 300
MOST_TIMES_SHORT: Final = 2.0  # other work on this machine weighs more in a short run
PATIENT_S: Final = 10.0  # the healthy one is done long before
HASTY_S: Final = 0.1  # many an attempt ends meanwhile


def quick(what: str, timeout_s: float) -> object:
    return pytest.param(what, timeout_s, SHORT, 3, MOST_TIMES_SHORT, id=f"{what}, {timeout_s:g} s, quick")


def full(what: str, timeout_s: float) -> object:
    name = f"{what}, {timeout_s:g} s, full"
    return pytest.param(what, timeout_s, COUNT, 9, MOST_TIMES, id=name, marks=pytest.mark.torture)


@pytest.mark.parametrize(
    ("what", "timeout_s", "count", "rounds", "most"),
    [
        quick("silence", HASTY_S),
        quick("refusal", PATIENT_S),
        full("silence", PATIENT_S),
        full("silence", HASTY_S),
        full("drip", HASTY_S),
        full("refusal", PATIENT_S),
    ],
)
def test_an_ill_endpoint_leaves_its_neighbour_its_time(
    receiver: Receiving, fresh: Callable[[], Path], what: str, timeout_s: float, count: int, rounds: int, most: float
) -> None:
    """It says nothing, drips, or refuses: the neighbour takes at most half as long again as it does alone."""
    ill = f"http://127.0.0.1:{free_port()}/" if what == "refusal" else receiver.url(f"/{what}")

    def taken_s(*beside: object) -> float:
        told = json.loads(apart("neighbours", receiver.url(), fresh(), count, *beside))
        return float(told["wall_s"])

    alone_s, beside_s = [], []
    for number in range(rounds):
        for with_it in (number % 2 == 0, number % 2 == 1):
            if with_it:
                beside_s.append(taken_s(ill, timeout_s))
            else:
                alone_s.append(taken_s())
    times = statistics.median(beside / alone for beside, alone in zip(beside_s, alone_s, strict=True))
    print(
        f"\n{count:,} deliveries alone {statistics.median(alone_s):.2f} s,"
        f" beside {what} (timeout {timeout_s:g} s) {statistics.median(beside_s):.2f} s: {times:.2f} times"
    )
    assert times <= most
