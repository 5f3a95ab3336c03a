"""The same processes as in the end-to-end tests; a receiver and directories for what is measured."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.benchmarks.journals import on_a_real_disk
from tests.benchmarks.receiving import Receiving, a_receiver_apart
from tests.e2e.conftest import core, processes

__all__ = ["core", "processes"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before what is not asked for is sorted out."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.benchmark)


@pytest.fixture
def receiver() -> Iterator[Receiving]:
    """One in a process and on a core of its own."""
    with a_receiver_apart() as running:
        yield running


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """A new empty directory on a real disk, each time."""
    numbers = itertools.count()
    with on_a_real_disk(tmp_path) as disk:

        def make() -> Path:
            made = disk / f"run{next(numbers)}"
            made.mkdir()
            return made

        yield make
