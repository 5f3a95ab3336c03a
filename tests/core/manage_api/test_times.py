"""The times that a caller asks for: whatever HTTP can carry is answered, and one that ends before it begins is refused."""

from pathlib import Path

import pytest

from core.audit import Deed
from tests.core.manage_api.sample_routes import code_of
from tests.core.manage_api.whole_shop import a_whole_shop

pytestmark = pytest.mark.anyio

ENDS = [
    ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-12:00"),
    ("0001-01-01T00:00:00+14:00", "0001-01-01T00:01:00+14:00"),
    ("9999-12-31T23:58:00-12:00", "9999-12-31T23:59:59-12:00"),
    ("0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z"),
    ("9999-12-30T00:00:00Z", "9999-12-31T23:59:59.999999Z"),
]
ASKED = [
    ("export", "since", "until"),
    ("export?format=json", "since", "until"),
    ("readings/history?sensor=01.air", "since", "until"),
    ("audit", "since", "until"),
    ("cases", "opened_after", "opened_before"),
    ("webhooks/retries", "created_after", "created_before"),
]


@pytest.mark.parametrize(("since", "until"), ENDS)
async def test_the_ends_of_time_are_no_failure(tmp_path: Path, since: str, until: str) -> None:
    async with a_whole_shop(tmp_path) as shop:
        shop.parts.history.commit()
        await shop.parts.audit.record(Deed(actor="core", origin="core", what="core.started"))
        for path, first, last in ASKED:
            url = shop.client.base_url.join(f"/api/manage/{path}").copy_merge_params({first: since, last: until})
            answer = await shop.client.get(url)
            assert answer.status_code == 200 or code_of(answer) == (409, "too_many_points"), (path, answer.text)
        recover = {"endpoint": "hq", "since": since, "until": until}
        answer = await shop.client.post("/api/manage/webhooks/retries/recover", json=recover)
        assert answer.status_code == 200, answer.text


async def test_a_time_that_ends_before_it_begins_is_refused_everywhere(tmp_path: Path) -> None:
    """An empty answer would look as if nothing had happened in it."""
    async with a_whole_shop(tmp_path) as shop:
        for path, first, last in ASKED:
            times = {first: "2026-11-23T08:00:01Z", last: "2026-11-23T08:00:00Z"}
            answer = await shop.client.get(shop.client.base_url.join(f"/api/manage/{path}").copy_merge_params(times))
            assert code_of(answer) == (409, "since_after_until"), path
