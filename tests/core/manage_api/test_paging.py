"""What cursors are made of."""

from datetime import UTC, datetime

import pytest

from core.manage_api.paging import micros_of, moment_of


@pytest.mark.parametrize(
    "at",
    [
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 11, 23, 8, 0, 0, 123_457, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
)
def test_a_time_comes_out_of_a_cursor_to_the_microsecond(at: datetime) -> None:
    assert moment_of(micros_of(at)) == at
