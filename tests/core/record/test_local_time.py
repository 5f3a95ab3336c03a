"""Local time beside UTC, to the millisecond at which the clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.monitoring.labels import ms
from core.record.local_time import local, stretches, suffix, utc

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("zone", "change", "before_h", "after_h"),
    [
        ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC), 2, 1),
        ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC), 1, 2),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC), 11, 10.5),
    ],
)
def test_a_change_of_the_clocks_parts_the_time(zone: str, change: datetime, before_h: float, after_h: float) -> None:
    since, until = ms(change - timedelta(hours=5)), ms(change + timedelta(hours=7))
    assert list(stretches(ZoneInfo(zone), since, until)) == [
        (since, ms(change), before_h * HOUR_MS),
        (ms(change), until, after_h * HOUR_MS),
    ]


def test_without_a_change_it_is_one() -> None:
    assert list(stretches(ZoneInfo("Asia/Shanghai"), 0, 5)) == [(0, 5, 8 * HOUR_MS)]


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/Los_Angeles"])
def test_the_ends_of_time_are_no_mistake(zone: str) -> None:
    for at in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)):
        assert local(ZoneInfo(zone), ms(at))[:2] == utc(ms(at))[:2]


def test_an_offset_is_written_as_iso_has_it() -> None:
    assert [suffix(round(hours * HOUR_MS)) for hours in (8, 0, -3.5)] == ["+08:00", "+00:00", "-03:30"]
