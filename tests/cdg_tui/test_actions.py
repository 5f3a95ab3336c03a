"""The one table of keys: what it promises of itself, and that footer, help and README are made from it."""

import re
from collections import Counter
from pathlib import Path

import pytest
from msgspec import structs
from rich.cells import cell_len

from cdg_tui.access import Access
from cdg_tui.actions import ACTIONS, PAGES, Action, on_page
from cdg_tui.app import ConsoleApp
from cdg_tui.commands import Commands
from cdg_tui.i18n import LANGUAGES, Language, Words
from cdg_tui.looks import Looks
from cdg_tui.screens.bars import key_bar, of_use
from cdg_tui.screens.cases import Cases
from cdg_tui.screens.dead import Dead
from cdg_tui.screens.device import Device
from cdg_tui.screens.help import help_text
from cdg_tui.screens.overview import Overview
from cdg_tui.screens.page import View
from cdg_tui.screens.retries import Retries
from cdg_tui.session import Session
from cdg_tui.store import Store
from tests.cdg_tui.consoles import a_console
from tests.cdg_tui.fake_core import FakeCore, a_status

pytestmark = pytest.mark.anyio

README = Path(__file__).parents[2] / "README_zh.md"


def ids(action: Action) -> str:
    return f"{action.id}-{'-'.join(action.pages)}"


@pytest.mark.parametrize("action", ACTIONS, ids=ids)
def test_what_changes_something_is_a_capital_letter_and_a_function_key(action: Action) -> None:
    """And what only looks is none, so that nobody changes anything with a slip of the finger."""
    capitals = [key for key in action.keys if re.fullmatch(r"[A-Z]", key)]
    functions = [key for key in action.keys if re.fullmatch(r"f\d+", key)]
    if action.writes:
        assert (len(capitals), len(functions), len(action.keys)) == (1, 1, 2)
    else:
        assert capitals == []


@pytest.mark.requirement(17)
@pytest.mark.parametrize("action", ACTIONS, ids=ids)
def test_every_action_has_a_key_that_a_chinese_input_method_lets_through(action: Action) -> None:
    """A function key or Enter, or what such a method makes of the key; what only looks is in the palette too, which has one."""
    let_through = any(re.fullmatch(r"f\d+|enter|[^\x00-\x7f]|fullwidth_\w+", key) for key in action.keys)
    assert let_through or not action.writes
    assert "fullwidth_colon" in next(one for one in ACTIONS if one.id == "palette").keys
    for key, made in {"question_mark": "fullwidth_question_mark", "slash": "fullwidth_solidus"}.items():
        assert (key in action.keys) is (made in action.keys)
    for digit in set(action.keys) & set("0123456789"):
        assert chr(ord(digit) + 0xFEE0) in action.keys


@pytest.mark.parametrize("action", ACTIONS, ids=ids)
def test_the_keys_that_are_shown_are_those_that_work(action: Action) -> None:
    """The first key, and the function key where there is one, as Textual names them."""
    names = {"?": "question_mark", "/": "slash", ":": "colon"}
    shown = [names.get(key, key.lower() if len(key) > 1 else key) for key in action.shown.split()]
    assert shown[0] == action.keys[0]
    assert set(shown) <= set(action.keys)
    assert [key for key in action.keys if re.fullmatch(r"f\d+", key) and key not in shown] == []


@pytest.mark.parametrize("page", PAGES)
def test_no_two_actions_of_a_page_share_a_key(page: str) -> None:
    counts = Counter(key for action in on_page(page) for key in action.keys)
    assert [key for key, count in counts.items() if count > 1] == []


def test_every_page_can_be_turned_to_from_every_page() -> None:
    for page in PAGES:
        assert set(PAGES) <= {action.id for action in on_page(page)}


def methods(owner: type) -> set[str]:
    return {name for name in dir(owner) if not name.startswith("_")}


def test_every_action_can_be_done() -> None:
    """Those that write by a method of Commands, pages by turning to them, all others by a method of Looks."""
    assert {action.id for action in ACTIONS if action.writes} == methods(Commands)
    assert {action.id for action in ACTIONS if not action.writes} == methods(Looks) | set(PAGES)
    app = ConsoleApp(Session(), Words("en"))
    ours = [binding for bindings in app._bindings.key_to_bindings.values() for binding in bindings]
    bound = {(binding.key, binding.action) for binding in ours if binding.action.startswith("act(")}
    assert bound == {(key, f"act('{action.id}')") for action in ACTIONS for key in action.keys}


def in_the_footer(words: Words, page: str, width: int) -> list[Action]:
    """Those that stand there, each whole; and nothing else does."""
    bar = key_bar(words, on_page(page), width).plain
    assert cell_len(bar) <= width
    told = {f"{action.shown.split()[0]} {words(f'action.{action.id}')}": action for action in on_page(page)}
    return [told[one] for one in re.split(" {2}", bar)]


@pytest.mark.requirement(23)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_the_footer_shows_in_80_columns_what_is_urgent_and_with_more_of_them_more(
    page: str, language: Language
) -> None:
    """In the order of the table, the page's own before what can be done everywhere; in 250 columns all. The tabs have their
    own keys themselves.
    """
    words, actions = Words(language), [action for action in on_page(page) if action.id not in PAGES]
    assert {action for action in actions if action.in_footer} <= set(in_the_footer(words, page, 80))
    before: list[Action] = []
    for width in range(80, 251, 10):
        shown = in_the_footer(words, page, width)
        assert shown == [action for action in actions if action in shown]
        assert len(shown) >= len(before)
        before = shown
    assert before == actions


def test_in_the_footer_a_pages_own_keys_come_before_what_can_be_done_everywhere() -> None:
    shown = {action.id for action in in_the_footer(Words("zh"), "device", 80)}
    assert "log" in shown
    assert "damage" not in shown


@pytest.mark.parametrize(
    ("access", "degraded", "missing"),
    [
        (Access(), False, {"unlock", "damage"}),
        (Access(kiosk=True), False, {"damage"}),
        (Access(kiosk=True, by_token=True), False, {"unlock", "damage"}),
        (Access(kiosk=True, operator="li", until_s=9.0), True, set()),
        (Access(), True, {"unlock"}),
    ],
)
def test_the_footer_has_no_key_that_is_for_nothing_just_now(access: Access, degraded: bool, missing: set[str]) -> None:
    """Nothing to unlock where no PIN opens anything, nothing to acknowledge without damage."""
    store = Store()
    store.status = a_status(FakeCore())
    store.status = structs.replace(store.status, durability=structs.replace(store.status.durability, degraded=degraded))
    shown = of_use(View(store=store, words=Words("zh"), now_s=0.0, access=access), ACTIONS)
    assert {action.id for action in ACTIONS} - {action.id for action in shown} == missing


async def test_a_page_shows_no_key_that_is_for_nothing_just_now() -> None:
    async with a_console(size=(250, 24)) as console:
        await console.shows("w 看板", "Ctrl+L 重画")
        await console.hides("u 解锁", "K 已知损坏")


@pytest.mark.parametrize("width", [20, 40, 60])
def test_however_narrow_the_footer_says_where_help_is_and_how_to_leave(width: int) -> None:
    shown = in_the_footer(Words("en"), "cases", width)
    assert {"help", "leave"} <= {action.id for action in shown}


def test_a_list_is_sorted_by_something_else_only_where_there_is_something_else() -> None:
    for page in (Overview(), Cases(), Retries(), Dead(), Device()):
        assert (len(page.orders) > 1) == any(action.id == "sort" for action in on_page(page.id))


@pytest.mark.requirement(23)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_the_help_of_a_page_explains_every_key_and_its_own_first(page: str, language: Language) -> None:
    words = Words(language)
    lines = help_text(words, page).plain.splitlines()
    places = {}
    for action in ACTIONS:
        told = [
            i for i, line in enumerate(lines) if line.startswith(action.shown) and words(f"help.{action.id}") in line
        ]
        assert len(told) == 1, action.id
        places[ids(action)] = told[0]
    here = [places[ids(action)] for action in ACTIONS if page in action.pages]
    elsewhere = [places[ids(action)] for action in ACTIONS if page not in action.pages]
    assert max(here) < min(elsewhere, default=max(here) + 1)


def key_table() -> list[str]:
    words = Words("zh")
    rows = [
        f"| `{action.shown}` | {words(f'action.{action.id}')} | {words(f'help.{action.id}')} |" for action in ACTIONS
    ]
    return list(dict.fromkeys(rows))


@pytest.mark.requirement(23)
def test_the_readme_shows_the_same_table() -> None:
    marked = re.search(r"<!-- keys -->(.*)<!-- /keys -->", README.read_text(encoding="utf-8"), re.DOTALL)
    assert marked is not None
    assert [line for line in marked[1].splitlines() if line.startswith("| `")] == key_table()
