"""Cabinets through the API: out of service and back, maintenance, and what is shown meanwhile."""

import pytest

from tests.core.manage_api.case_shop import CABINETS, LI, SERVICE, Shop
from tests.core.manage_api.sample_routes import a_client, code_of
from tests.core.monitoring.factories import (
    a_sample,
)

pytestmark = pytest.mark.anyio


async def test_a_cabinet_goes_out_of_service_and_comes_back(shop: Shop) -> None:
    shop.case()
    out = await shop.serve("out_of_service", {**SERVICE["out_of_service"], "due_back": "2026-11-25T08:00:00Z"})
    found = out.json()
    assert (found["state"], found["out_since"], found["due_back"]) == (
        "out_of_service",
        "2026-11-23T08:00:00Z",
        "2026-11-25T08:00:00Z",
    )
    assert (found["service_by"], found["service_reason"], found["open_cases"]) == (LI, "new fan", 0)
    case = shop.book.get("case_1")
    assert (case.closed_because, case.actor) == ("out_of_service", LI)
    back = (await shop.serve("in_service")).json()
    assert (back["out_since"], back["due_back"], back["service_by"]) == (None, None, LI)


async def test_out_of_service_everything_is_still_shown(shop: Shop) -> None:
    await shop.serve("out_of_service")
    shop.monitor.take(a_sample(30.0, at=shop.clock.now(), steady_s=1.0))
    async with a_client(shop.app) as client:
        (found,) = (await client.get(CABINETS)).json()["items"]
    (sensor,) = found["sensors"]
    assert (found["state"], sensor["state"], sensor["value"]) == ("out_of_service", "out_of_service", 30.0)


async def test_maintenance_is_shown_with_who_and_why_and_0_ends_it(shop: Shop) -> None:
    found = (await shop.serve("maintenance")).json()
    assert (found["maintenance_s"], found["service_by"], found["service_reason"]) == (600.0, LI, "fan")
    found = (await shop.serve("maintenance", {**SERVICE["maintenance"], "for_s": 0})).json()
    assert found["maintenance_s"] is None


@pytest.mark.parametrize(
    ("before", "verb", "body", "code"),
    [
        (["out_of_service"], "out_of_service", None, "already_out_of_service"),
        (["out_of_service"], "maintenance", None, "out_of_service"),
        ([], "in_service", None, "not_out_of_service"),
        ([], "out_of_service", {"by": "li", "reason": "x", "due_back": "2026-11-23T08:00:00Z"}, "due_back_in_the_past"),
    ],
)
async def test_a_word_that_does_not_fit_the_cabinet_is_409_with_its_code(
    shop: Shop, before: list[str], verb: str, body: object | None, code: str
) -> None:
    for earlier in before:
        await shop.serve(earlier)
    said = shop.book.service("03")
    assert code_of(await shop.serve(verb, body)) == (409, code)
    assert shop.book.service("03") is said
