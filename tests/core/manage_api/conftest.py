"""What the tests of this room are handed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.core.manage_api.case_shop import Shop
from tests.core.monitoring.factories import (
    a_book,
)
from tests.core.webhooks.factories import a_box
from tests.fakes import FakeClock


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    clock = FakeClock()
    with a_book(tmp_path, clock) as book, a_box(tmp_path, clock=clock) as box:
        yield Shop(tmp_path, book, clock, box)
