"""What the console's tests share: a garbage collector that lets them work."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def rare_collections() -> Iterator[None]:
    """A screen is drawn from thousands of small objects that are kept, and each collection walks through everything that was
    imported besides: half of the time of these tests would go there.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    yield
    gc.set_threshold(*before)
    gc.unfreeze()
