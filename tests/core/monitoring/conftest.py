"""A monitor over a real journal and a clock turned by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.monitoring.case_book import CaseBook
from tests.core.monitoring.factories import Bench, a_book
from tests.fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def book(tmp_path: Path, clock: FakeClock) -> Iterator[CaseBook]:
    with a_book(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def bench(book: CaseBook, clock: FakeClock) -> Bench:
    return Bench(book, clock)
