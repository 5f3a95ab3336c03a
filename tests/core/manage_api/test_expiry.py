"""The time by which tokens expire."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.manage_api.expiry import Today
from tests.fakes import FakeClock

NOW = FakeClock().now()
DAY = timedelta(days=1)
BOOT = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "wall", "in_sync", "today"),
    [
        ([], BOOT, False, BOOT),
        ([NOW], BOOT, False, NOW),
        ([NOW - DAY, NOW, BOOT], BOOT, False, NOW),
        ([NOW], NOW + DAY, False, NOW + DAY),
        ([NOW + DAY], NOW, True, NOW),
    ],
    ids=["nothing known", "a file", "the newest file", "a later clock", "a disciplined clock"],
)
def test_it_is_as_late_as_is_known_where_the_clock_is_not_disciplined(
    tmp_path: Path, written: list[datetime], wall: datetime, in_sync: bool, today: datetime
) -> None:
    files = [tmp_path / str(number) for number in range(len(written))]
    for file, at in zip(files, written, strict=True):
        file.touch()
        os.utime(file, (at.timestamp(), at.timestamp()))
    clock = FakeClock(wall)
    clock.in_sync = in_sync
    assert Today(clock, (*files, tmp_path / "gone")).now() == today
