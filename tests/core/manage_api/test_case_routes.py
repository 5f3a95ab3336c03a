"""What people do to cases and cabinets through the API: each verb, each refusal, and who it was."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from msgspec import structs

from core.events import Severity
from core.manage_api.table import Scope
from core.monitoring import cases
from core.monitoring.cases import Kind
from core.webhooks.deliveries import delivery_id
from tests.core.manage_api.case_shop import BODIES, CABINETS, CASES, FORCED, LI, SERVICE, Shop
from tests.core.manage_api.sample_routes import a_client, a_token, bearer, code_of
from tests.core.monitoring.factories import (
    AIR,
    START,
    ListPublisher,
    a_case,
    publishing,
    until,
)
from tests.core.webhooks.factories import a_case_event

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("verb", "shown"),
    [
        ("acknowledge", {"handling": "acknowledged"}),
        ("action", {"handling": "actioned", "action": "fan mended"}),
        ("handle", {"handling": "actioned", "action": "fan mended", "closed_because": None}),
        ("note", {"handling": "new", "note": "ice on the coil"}),
        ("shelve", {"handling": "new", "shelved_s": 600.0, "note": "loading"}),
    ],
)
async def test_a_verb_answers_the_case_as_it_is_now_and_says_who_did_it(
    shop: Shop, verb: str, shown: dict[str, Any]
) -> None:
    shop.case()
    answer = await shop.act(verb)
    assert answer.status_code == 200
    found = answer.json()
    assert {name: found[name] for name in shown} == shown
    assert (found["actor"], found["seq"]) == (LI, 2)


async def test_a_token_is_named_beside_the_person(shop: Shop, tmp_path: Path) -> None:
    shop.case()
    token = a_token(tmp_path, "hq", Scope.OPERATE)
    async with a_client(shop.app, uid=None) as client:
        answer = await client.post(f"{CASES}/case_1/note", json=BODIES["note"], headers=bearer(token))
    assert answer.json()["actor"] == "li (token:hq)"


@pytest.mark.parametrize(
    "path", [*(f"{CASES}/case_1/{verb}" for verb in BODIES), *(f"{CABINETS}/03/{v}" for v in SERVICE)]
)
async def test_who_may_only_read_does_nothing(shop: Shop, tmp_path: Path, path: str) -> None:
    before = shop.case()
    token = a_token(tmp_path, "screen", Scope.READ)
    async with a_client(shop.app, uid=None) as client:
        refused = await client.post(path, json={}, headers=bearer(token))
        nobody = await client.post(path, json={})
    assert (refused.status_code, nobody.status_code) == (403, 401)
    assert shop.book.get("case_1") is before
    assert not shop.book.service("03").by


async def test_a_shelved_case_comes_off_the_shelf_by_hand(shop: Shop) -> None:
    shop.case()
    await shop.act("shelve")
    answer = await shop.act("unshelve")
    assert (answer.json()["shelved_s"], answer.json()["actor"]) == (None, LI)


async def test_handling_what_is_over_closes_it(shop: Shop) -> None:
    shop.case(cleared=True)
    found = (await shop.act("handle")).json()
    assert (found["handling"], found["closed_because"], found["disposition"]) == ("closed", "handled", None)


async def test_what_is_over_and_acted_on_is_signed_off(shop: Shop) -> None:
    shop.case(cleared=True)
    await shop.act("action")
    found = (await shop.act("close", {"by": "li", "reason": "maintenance"})).json()
    assert (found["handling"], found["closed_because"], found["actor"]) == ("closed", "maintenance", LI)


async def test_force_and_a_note_close_what_goes_on_and_it_is_judged_anew(shop: Shop) -> None:
    shop.case()
    found = (await shop.act("close", FORCED)).json()
    assert (found["closed_because"], found["note"]) == ("forced: false_alarm", "probe lay outside")
    assert shop.book.watch((AIR, found["kind"])).severity is None


async def test_one_case_says_who_did_what_about_it_and_the_list_stays_short(shop: Shop) -> None:
    shop.case()
    for verb, body in (
        ("acknowledge", {"by": "li", "note": "on my way"}),
        ("action", {"by": "li", "action": "@移走", "disposition": "-2 箱报废"}),
        ("handle", {"by": "wang", "action": "修", "disposition": "报废"}),
    ):
        assert "steps" not in (await shop.act(verb, body)).json()
    async with a_client(shop.app) as client:
        found = (await client.get(f"{CASES}/case_1")).json()
        (listed,) = (await client.get(CASES)).json()["items"]
    names = ("what", "actor", "action", "disposition", "note", "reason")
    assert [tuple(step[name] for name in names) for step in found["steps"]] == [
        ("acknowledged", LI, None, None, "on my way", None),
        ("action", LI, "@移走", "-2 箱报废", None, None),
        ("action", "wang (uid:0)", "修", "报废", None, None),
    ]
    assert found["steps"][0]["at"].endswith("Z")
    assert listed == {name: value for name, value in found.items() if name != "steps"}


Refused = Callable[[Shop], object]


def closed(shop: Shop) -> None:
    shop.book.put(cases.closed(shop.case(), START))


@pytest.mark.parametrize(
    ("stands", "verb", "body", "code"),
    [
        *((closed, verb, None, "illegal_transition") for verb in BODIES if verb != "unshelve"),
        (closed, "unshelve", None, "not_shelved"),
        (lambda shop: shop.case(), "unshelve", None, "not_shelved"),
        (lambda shop: shop.case(severity=Severity.CRITICAL), "shelve", None, "critical_not_shelved"),
        (lambda shop: shop.case(), "close", None, "close_needs_force"),
        (lambda shop: shop.case(cleared=True), "close", None, "close_needs_force"),
        (lambda shop: shop.case(), "close", {**FORCED, "note": ""}, "close_needs_force"),
        (lambda shop: shop.case(), "close", {**FORCED, "force": False}, "close_needs_force"),
    ],
)
async def test_what_is_not_possible_is_409_with_its_code_and_changes_nothing(
    shop: Shop, stands: Refused, verb: str, body: object | None, code: str
) -> None:
    stands(shop)
    before = shop.book.get("case_1")
    assert code_of(await shop.act(verb, body)) == (409, code)
    assert shop.book.get("case_1") is before


async def test_an_action_or_an_acknowledgement_after_the_action_is_refused(shop: Shop) -> None:
    shop.case()
    await shop.act("action")
    assert code_of(await shop.act("acknowledge")) == (409, "illegal_transition")


@pytest.mark.parametrize("verb", BODIES)
async def test_an_unknown_case_is_404(shop: Shop, verb: str) -> None:
    assert code_of(await shop.act(verb)) == (404, "case_not_found")


@pytest.mark.parametrize("verb", SERVICE)
async def test_an_unknown_cabinet_is_404(shop: Shop, verb: str) -> None:
    assert code_of(await shop.post(f"{CABINETS}/99/{verb}", SERVICE[verb])) == (404, "cabinet_not_found")


@pytest.mark.parametrize(("verb", "body"), [*BODIES.items(), *SERVICE.items()])
async def test_an_unknown_member_is_refused_and_nothing_is_done(shop: Shop, verb: str, body: dict[str, Any]) -> None:
    before = shop.case()
    send = shop.serve if verb in SERVICE else shop.act
    answer = await send(verb, {**body, "severity": "info"})
    assert code_of(answer)[0] == 422
    assert shop.book.get("case_1") is before
    assert not shop.book.service("03").by


@pytest.mark.parametrize(
    ("verb", "wrong"),
    [
        ("shelve", {"for_s": 59}),
        ("shelve", {"for_s": 28_801}),
        ("shelve", {"note": ""}),
        ("note", {"note": ""}),
        ("close", {"reason": "tired of it"}),
        ("action", {"action": ""}),
        ("acknowledge", {"by": "  "}),
        ("maintenance", {"for_s": -1}),
        ("maintenance", {"for_s": 28_801}),
        ("maintenance", {"reason": ""}),
        ("out_of_service", {"reason": ""}),
        ("out_of_service", {"due_back": "2026-11-24T08:00:00"}),
        ("out_of_service", {"by": ""}),
    ],
)
async def test_a_body_outside_the_schema_is_422_and_names_the_member(
    shop: Shop, verb: str, wrong: dict[str, Any]
) -> None:
    shop.case()
    send, bodies = (shop.serve, SERVICE) if verb in SERVICE else (shop.act, BODIES)
    answer = await send(verb, {**bodies[verb], **wrong})
    assert code_of(answer)[0] == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"#/{next(iter(wrong))}"]


async def test_each_verb_is_one_event_that_names_the_actor(shop: Shop) -> None:
    publisher = ListPublisher()
    shop.case()
    async with publishing(shop.book, publisher):
        for verb in ("acknowledge", "note", "shelve", "unshelve", "action"):
            await shop.act(verb)
        await shop.serve("out_of_service")
        await shop.serve("in_service")
        await until(lambda: len(publisher.calls) >= 9)
    assert sorted(str(event.type) for event in publisher.calls) == [
        "cabinet.in_service",
        "cabinet.out_of_service",
        "case.acknowledged",
        "case.action_recorded",
        "case.closed",
        "case.note_added",
        "case.opened",
        "case.shelved",
        "case.unshelved",
    ]
    assert all(LI.encode() in bytes(event.data) for event in publisher.calls if event.type != "case.opened")


OPENED = "2026-11-23T08:00:00Z"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "new old"),
        ("open=true", "new"),
        ("open=false", "old"),
        ("handling=closed", "old"),
        ("cabinet=03", "old"),
        ("cabinet=04", "new"),
        ("condition=cleared", "old"),
        ("severity=warning", "old"),
        ("severity=warning&severity=critical", "new old"),
        ("severity=info", ""),
        ("kind=door_open", "new"),
        ("kind=door_open&kind=temp_high", "new old"),
        ("sensor=04.door", "new"),
        (f"opened_after={OPENED}", "new old"),
        ("opened_after=2026-11-23T08:00:00.000001Z", "new"),
        (f"opened_before={OPENED}", ""),
        ("opened_before=2026-11-23T08:00:00.000001Z", "old"),
        ("opened_after=2026-11-23T16:00:00.000001%2B08:00", "new"),
        ("q=CASE_N", "new"),
        ("q=04.DOOR", "new"),
        ("q=%E5%86%BB%E5%93%81", "old"),
        ("q=fan%20m", "new"),
        ("q=nowhere", ""),
        ("q=case&severity=critical&open=true", "new"),
    ],
)
async def test_the_list_is_filtered(shop: Shop, query: str, found: str) -> None:
    """Each filter takes from what the others leave; what may be given several times is any of them."""
    old = structs.replace(a_case(case_id="case_old", severity=Severity.WARNING), cabinet_name="冻品柜")
    new = structs.replace(
        a_case(case_id="case_new", sensor="04.door", severity=Severity.CRITICAL),
        cabinet="04",
        kind=Kind.DOOR_OPEN,
        opened_at=START + timedelta(minutes=1),
        action="fan mended",
    )
    shop.book.put(cases.closed(cases.cleared(cases.opened(old), START), START))
    shop.book.put(cases.opened(new))
    async with a_client(shop.app) as client:
        items = (await client.get(f"{CASES}?{query}")).json()["items"]
    assert " ".join(item["case_id"].removeprefix("case_") for item in items) == found


async def paged(shop: Shop, query: str, between: Callable[[int], object] = lambda _: None) -> list[str]:
    """The ids on all pages of two, with something done after each."""
    ids: list[str] = []
    cursor, pages = "", 0
    async with a_client(shop.app) as client:
        while True:
            answer = (await client.get(f"{CASES}?limit=2&{query}{cursor}")).json()
            assert answer["items"] or not ids
            ids += [item["case_id"] for item in answer["items"]]
            if answer["next"] is None:
                return ids
            cursor, pages = f"&cursor={quote(answer['next'])}", pages + 1
            between(pages)


def several(shop: Shop, number: int) -> list[str]:
    """So many open cases, named in the order in which they are listed."""
    for at in range(number):
        shop.book.put(cases.opened(a_case(case_id=f"case_{at}", sensor=f"{at}")))
    return [f"case_{at}" for at in reversed(range(number))]


@pytest.mark.parametrize("number", [0, 1, 2, 3, 5, 6])
async def test_the_pages_are_the_whole_list(shop: Shop, number: int) -> None:
    ids = several(shop, number)
    assert await paged(shop, "open=true") == ids


async def test_a_page_goes_on_although_the_case_before_it_no_longer_fits(shop: Shop) -> None:
    """Each case whose page was read is closed, and so leaves the list: no other one is lost or doubled."""
    ids = several(shop, 7)

    def close(pages: int) -> None:
        for name in ids[2 * pages - 2 : 2 * pages]:
            shop.book.put(cases.closed(shop.book.get(name), START))

    assert await paged(shop, "open=true", close) == ids


async def test_cases_that_open_between_two_pages_belong_to_the_next_list(shop: Shop) -> None:
    """Also where the wall clock went back meanwhile."""
    ids = several(shop, 5)

    def another(pages: int) -> None:
        shop.clock.wall -= timedelta(days=1)
        case = structs.replace(a_case(case_id=f"case_late_{pages}", sensor=f"late {pages}"), opened_at=shop.clock.wall)
        shop.book.put(cases.opened(case))

    assert await paged(shop, "", another) == ids


@pytest.mark.parametrize("cursor", ["case_none", "0", "1.2", "1.2.", "x.2.case_1", "1.99999999999999999.case_1", ""])
async def test_an_unknown_cursor_is_404(shop: Shop, cursor: str) -> None:
    shop.case()
    async with a_client(shop.app) as client:
        assert code_of(await client.get(f"{CASES}?cursor={cursor}")) == (404, "unknown_cursor")


async def test_a_case_tells_how_much_of_its_news_is_on_the_way_and_how_much_was_given_up(shop: Shop) -> None:
    """Not that of another case."""
    shop.case()
    await shop.box.accept(*(a_case_event(case, seq) for case, seq in [("case_1", 1), ("case_1", 2), ("case_2", 1)]))
    await shop.box.accept(a_case_event("case_1", 1), endpoint="store")
    shop.box.queue.evict(shop.box.queue.get(delivery_id("evt_case_1_1", "store")))
    async with a_client(shop.app) as client:
        found = (await client.get(CASES)).json()["items"][0]
    assert (found["news_pending"], found["news_dead"]) == (2, 1)
