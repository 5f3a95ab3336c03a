"""What people do to cases and cabinets through the API: each verb, each refusal, and who it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from core.events import Severity
from core.manage_api.table import Scope
from core.monitoring import cases
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


@pytest.mark.parametrize(
    "query", ["open=true", "open=false", "handling=closed", "cabinet=03", "cabinet=04", "condition=cleared"]
)
async def test_the_list_is_filtered(shop: Shop, query: str) -> None:
    shop.book.put(cases.closed(cases.cleared(cases.opened(a_case(case_id="case_old")), START), START))
    shop.book.put(cases.opened(structs.replace(a_case(case_id="case_new"), cabinet="04")))
    async with a_client(shop.app) as client:
        items = (await client.get(f"{CASES}?{query}")).json()["items"]
    old = query in {"open=false", "handling=closed", "cabinet=03", "condition=cleared"}
    assert [item["case_id"] for item in items] == ["case_old" if old else "case_new"]


async def test_the_list_is_given_page_by_page_and_an_unknown_cursor_is_404(shop: Shop) -> None:
    for number in range(5):
        shop.book.put(cases.opened(a_case(case_id=f"case_{number}", sensor=f"{number}")))
    pages: list[list[str]] = []
    cursor: str | None = ""
    async with a_client(shop.app) as client:
        while cursor is not None:
            answer = (await client.get(f"{CASES}?limit=2{cursor}")).json()
            pages.append([item["case_id"] for item in answer["items"]])
            cursor = None if answer["next"] is None else f"&cursor={answer['next']}"
        assert code_of(await client.get(f"{CASES}?cursor=case_none")) == (404, "unknown_cursor")
    assert pages == [["case_4", "case_3"], ["case_2", "case_1"], ["case_0"]]
