"""A dialog acts on what stood under the cursor when it opened, whatever becomes of the rows meanwhile."""

import random
from collections.abc import Callable
from functools import partial

import pytest
from msgspec import structs

from cdg_tui.screens.cabinet import urgency
from core.wire import STATES
from tests.cdg_tui.consoles import Console, a_console
from tests.cdg_tui.factories import a_cabinet, a_case, an_endpoint
from tests.cdg_tui.fake_core import FakeCore
from tests.cdg_tui.shops import a_shop

pytestmark = pytest.mark.anyio


def its_worst_case(console: Console) -> str | None:
    """Of the cabinet under the cursor, none of whose cases anybody has touched."""
    its = [case for case in console.core.cases if case.cabinet == console.app.cursor_key]
    return min(its, key=urgency).case_id if its else None


def has_sent(console: Console, count: int) -> bool:
    return len(console.sent) >= count


def under_the_cursor(console: Console) -> str | None:
    return console.app.cursor_key


# page, key, what is answered, which id has to be named, and the path that names it
WRITES: tuple[tuple[str, str, str, Callable[[Console], str | None], str], ...] = (
    ("1", "A", "Y", its_worst_case, "cases/{}/acknowledge"),
    ("1", "H", "31Y", its_worst_case, "cases/{}/handle"),
    ("1", "M", "11Y", under_the_cursor, "cabinets/{}/maintenance"),
    ("1", "O", "11Y", under_the_cursor, "cabinets/{}/out_of_service"),
    ("2", "A", "Y", under_the_cursor, "cases/{}/acknowledge"),
    ("2", "H", "31Y", under_the_cursor, "cases/{}/handle"),
    ("2", "N", "1Y", under_the_cursor, "cases/{}/note"),
    ("2", "S", "11Y", under_the_cursor, "cases/{}/shelve"),
    ("5", "P", "1Y", under_the_cursor, "webhooks/endpoints/{}/pause"),
    ("5", "U", "Y", under_the_cursor, "webhooks/endpoints/{}/resume"),
    ("5", "T", "Y", under_the_cursor, "webhooks/endpoints/{}/test"),
)


def a_plain_shop() -> FakeCore:
    """Where every one of these keys asks the same question of every row."""
    core = a_shop()
    core.cabinets = [a_cabinet(f"{n:02}", "柜", state=state) for n, state in enumerate(STATES[1:], start=1)]
    core.cases = [a_case(n, cabinet=f"{n % 7 + 1:02}", severity="warning") for n in range(1, 15)]
    return core


def stirred(core: FakeCore, chance: random.Random, gone: str | None) -> None:
    """Rows are sorted anew, some of them go, this one before all, and others come."""
    core.cabinets = [
        structs.replace(cabinet, state=chance.choice(STATES[1:]))
        for cabinet in [*core.cabinets, a_cabinet(f"{chance.randrange(20, 40)}", "新柜")]
        if chance.random() < 0.7 and cabinet.id != gone
    ]
    core.cases = [
        structs.replace(case, severity=chance.choice(["warning", "info"]))
        for case in [*core.cases, a_case(chance.randrange(50, 90), severity="warning")]
        if chance.random() < 0.7 and case.case_id != gone
    ]
    core.endpoints = [
        structs.replace(endpoint, state=chance.choice(["active", "open", "paused", "disabled"]))
        for endpoint in [*core.endpoints, an_endpoint(f"新{chance.randrange(100)}")]
        if chance.random() < 0.7 and endpoint.id != gone
    ]
    for rows in (core.cabinets, core.cases, core.endpoints):
        chance.shuffle(rows)


@pytest.mark.requirement(5)
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.torture) for seed in range(2, 40))])
async def test_every_write_names_what_stood_under_the_cursor_when_its_dialog_opened(seed: int) -> None:
    """Of two seeds that follow each other the first takes one half of the keys, the second the other."""
    chance = random.Random(seed)
    async with a_console(a_plain_shop()) as console:
        for page, key, answer, named, path in WRITES[seed % 2 :: 2]:
            fresh = a_plain_shop()
            console.core.cabinets, console.core.cases, console.core.endpoints = (
                fresh.cabinets,
                fresh.cases,
                fresh.endpoints,
            )
            await console.press(page, "g", *chance.choices("jjk", k=3))
            await console.news()
            target = named(console)
            await console.press(key)
            assert console.app.asks_nothing is (target is None), (page, key)
            for gone in (None, under_the_cursor(console)):
                stirred(console.core, chance, gone)
                await console.news()
            before = len(console.sent)
            await console.press(*answer)
            if target is not None:
                await console.until(partial(has_sent, console, before + 1))
            assert [sent for sent, _ in console.sent[before:]] == [path.format(target)][: target is not None]


@pytest.mark.parametrize("keys", ["R4", "X5", "a4", "4R3", "3R5", "3R4X", "D2", "/xR4"])
async def test_keys_of_another_page_in_the_same_go_change_nothing_and_harm_nothing(keys: str) -> None:
    """The key means the page it was pressed on, also where that has been turned before its question could be asked."""
    async with a_console(a_shop()) as console:
        await console.press("3")
        await console.type(*("slash" if key == "/" else key for key in keys), "Y")
        await console.pilot.pause(0.1)
        assert console.sent == []
        await console.press("escape", "escape", "1")
        await console.shows("[1 总览]")


async def test_a_key_that_moves_the_palette_before_it_is_there_does_no_harm() -> None:
    async with a_console(a_shop()) as console:
        for keys in (("colon", "down", "pagedown"), ("escape", "colon", "escape", "colon", "up")):
            await console.type(*keys)
        await console.press("escape")
        await console.shows("[1 总览]")
