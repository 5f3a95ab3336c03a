"""Whatever happens to a box, in whatever order: nothing is lost, nothing overtakes, nobody is pestered, all goes out in the
end. Walks at random (walks.py) over the real queue and dispatcher, each step checked against an oracle (oracle.py).
"""

import os
from pathlib import Path

import pytest

from tests.core.webhooks.walks import walk

IN_CI = 80
TORTURE_WALKS = int(os.environ.get("CDG_WALKS", "5000"))


@pytest.mark.parametrize("part", range(4))
def test_a_walk_at_random_ends_with_everything_delivered(tmp_path: Path, part: int) -> None:
    """The same walks each time."""
    for seed in range(part, IN_CI, 4):
        (directory := tmp_path / str(seed)).mkdir()
        walk(directory, seed, steps=60)


@pytest.mark.torture
def test_thousands_of_long_walks_do_too(tmp_path: Path) -> None:
    """CDG_WALKS says how many; a failure names its seed."""
    for seed in range(10_000, 10_000 + TORTURE_WALKS):
        (directory := tmp_path / str(seed)).mkdir()
        walk(directory, seed, steps=150)
