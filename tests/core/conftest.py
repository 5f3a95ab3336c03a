"""What the tests of the core share."""

from collections.abc import Iterator

import pytest

from tests.core.monitoring.histories import close_histories


@pytest.fixture(autouse=True)
def _no_history_stays_open() -> Iterator[None]:
    yield
    close_histories()
