"""The user's keys: which names a file may use, what is refused and why, and that everything shows and obeys what is left."""

import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual._xterm_parser import XTermParser
from textual.events import Key

from cdg_tui.actions import ACTIONS, PAGES, on_page
from cdg_tui.i18n import LANGUAGES, Language, Words
from cdg_tui.keymap import RESERVED, effective, key_of, label, name_of
from cdg_tui.screens.bars import key_bar
from cdg_tui.screens.help import help_text
from cdg_tui.settings import Wrong
from cdg_tui.settings_file import SettingsFile
from cdg_tui.widgets.row_table import MOVING
from tests.cdg_tui.consoles import a_console
from tests.cdg_tui.shops import a_shop

pytestmark = [pytest.mark.anyio, pytest.mark.requirement(23)]

IDS = sorted({action.id for action in ACTIONS})
LOOK, WRITE = "settings", "drain"  # both are on every page


def keys_of(wished: dict[str, object], name: str) -> tuple[str, ...]:
    return next(action.keys for action in effective(ACTIONS, wished)[0] if action.id == name)


def wrongs(wished: dict[str, object]) -> list[tuple[str, Wrong]]:
    return [(complaint.key, complaint.wrong) for complaint in effective(ACTIONS, wished)[1]]


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("character", string.printable[:-5])
def test_a_character_s_key_is_called_as_textual_calls_it(character: str) -> None:
    (event,) = [event for event in XTermParser().feed(character) if isinstance(event, Key)]
    assert key_of(character) == event.key
    assert key_of(label(event.key)) == event.key


@pytest.mark.parametrize("character", "？／：、。１＂～")
def test_what_an_input_method_sends_is_called_as_textual_calls_it(character: str) -> None:
    (event,) = [event for event in XTermParser().feed(character) if isinstance(event, Key)]
    assert name_of(character) == event.key


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("F8", "f8"),
        ("f11", "f11"),
        ("F13", None),
        ("f0", None),
        ("Ctrl+X", "ctrl+x"),
        ("ctrl+l", "ctrl+l"),
        ("ctrl+i", None),  # Tab
        ("ctrl+m", None),  # Enter
        ("ctrl+1", None),
        ("alt+x", None),
        ("question_mark", "question_mark"),
        ("Slash", "slash"),
        ("Space", "space"),
        ("PageUp", "pageup"),
        ("Insert", "insert"),
        ("", None),
        ("DD", None),
        ("é", None),
        ("中", None),
        ("\x1b", None),
        (",", "comma"),
        ("q,w", None),
    ],
)
def test_how_a_key_may_be_written(said: str, key: str | None) -> None:
    assert key_of(said) == key


def test_what_moves_in_lists_is_nobody_s_key() -> None:
    moving = {key for binding in MOVING if not isinstance(binding, tuple) for key in binding.key.split(",")}
    assert moving <= RESERVED


# -- what is taken, and what is refused --------------------------------------------------------------------------------


def test_an_action_has_the_keys_that_were_wished_and_what_input_methods_send_instead() -> None:
    actions, complaints = effective(ACTIONS, {WRITE: ["F11", "Z"], LOOK: [";", "Ctrl+T"], "filter": ["/"]})
    assert complaints == ()
    assert [(one.keys, one.shown) for one in actions if one.id in {WRITE, LOOK, "filter"}] == [
        (("slash", "fullwidth_solidus", "ideographic_comma"), "/"),
        (("f11", "Z"), "F11 Z"),
        (("semicolon", "ctrl+t", "fullwidth_semicolon"), "; Ctrl+T"),
    ]


def test_nothing_wished_changes_nothing() -> None:
    assert effective(ACTIONS, {}) == (ACTIONS, ())


@pytest.mark.parametrize(
    ("name", "said", "wrong"),
    [
        ("drian", ["F11"], Wrong.NO_ACTION),
        (WRITE, "F11", Wrong.NO_LIST),
        (WRITE, [], Wrong.NO_LIST),
        (WRITE, {"F11": 1}, Wrong.NO_LIST),
        (WRITE, [8], Wrong.NO_KEY),
        (WRITE, ["F99"], Wrong.NO_KEY),
        (WRITE, ["F11", "hyper+x"], Wrong.NO_KEY),
        *[(name, [key], Wrong.RESERVED) for name in (WRITE, LOOK) for key in ("j", "G", "Y", "Enter", "Escape")],
        *[(name, [key], Wrong.RESERVED) for name in (WRITE, LOOK) for key in ("up", "Tab", "space", "End")],
        *[(WRITE, [key], Wrong.WRITES) for key in ("x", "0", "?", "ctrl+x", "delete")],
        (LOOK, ["X"], Wrong.LOOKS),
        (WRITE, ["F7"], Wrong.TAKEN),  # of other actions on some pages
        (LOOK, ["q"], Wrong.TAKEN),
        (LOOK, ["1"], Wrong.TAKEN),
    ],
)
def test_what_is_no_good_is_told_and_the_action_keeps_its_own(name: str, said: object, wrong: Wrong) -> None:
    actions, complaints = effective(ACTIONS, {name: said})
    assert actions == ACTIONS
    assert [(one.key, one.wrong) for one in complaints] == [(f"keys.{name}", wrong)]


def test_enter_stays_with_the_details_and_may_be_said_again() -> None:
    assert keys_of({"details": ["Enter", "t"]}, "details") == ("enter", "t")


def test_keys_may_change_places() -> None:
    assert (
        wrongs(
            {
                "drain": ["F7"],
                "retry": ["F8"],
                "requeue": ["F8"],
                "test": ["F8"],
                "shelve": ["F8"],
                "maintenance": ["F8"],
            }
        )
        == []
    )


def test_of_two_that_want_one_key_the_later_gives_way() -> None:
    wished: dict[str, object] = {LOOK: ["t"], "refresh": ["t"]}
    (complaint,) = effective(ACTIONS, wished)[1]
    assert (complaint.key, complaint.wrong) == ("keys.refresh", Wrong.TAKEN)
    assert complaint.values == {"pressed": "t", "other": LOOK}
    assert keys_of(wished, LOOK)[0] == "t"
    assert keys_of(wished, "refresh") == ("f5",)


def test_where_one_gives_way_the_one_that_took_its_key_gives_way_too() -> None:
    """`help` keeps F1 because `t` is taken, so nobody else can have it."""
    wished: dict[str, object] = {LOOK: ["F1"], "refresh": ["t"], "help": ["t"]}
    assert wrongs(wished) == [("keys.help", Wrong.TAKEN), (f"keys.{LOOK}", Wrong.TAKEN)]


def test_one_key_may_do_different_things_on_different_pages() -> None:
    assert wrongs({"retry": ["F11"], "requeue": ["F11"]}) == []


some_keys = st.sampled_from(
    [
        *string.ascii_letters,
        *string.digits,
        *"?/:;",
        *(f"F{number}" for number in range(14)),
        "Ctrl+T",
        "Enter",
        "up",
        "",
    ]
)
keymaps = st.dictionaries(st.sampled_from([*IDS, "nothing"]), st.lists(some_keys, max_size=3), max_size=6)


@given(keymaps)
def test_whatever_is_wished_no_key_does_two_things_and_no_slip_of_the_finger_writes(wished: dict[str, object]) -> None:
    """Each action has what was wished for it, or is complained of and has its own."""
    actions, complaints = effective(ACTIONS, wished)
    blamed = {complaint.key.removeprefix("keys.") for complaint in complaints}
    assert len(blamed) == len(complaints)
    for page in PAGES:
        pressed = [key for action in on_page(page, actions) for key in action.keys]
        assert len(pressed) == len(set(pressed))
    for before, after in zip(ACTIONS, actions, strict=True):
        assert (after == before) or (after.id in wished and after.id not in blamed)
        assert not after.writes or all(re.fullmatch(r"[A-Z]|f\d+", key) for key in after.keys)
        assert after.writes or not any(re.fullmatch("[A-Z]", key) for key in after.keys)
    assert blamed <= set(wished)


# -- shown and obeyed --------------------------------------------------------------------------------------------------

MINE = '[keys]\ndrain = ["F11", "Z"]\nhelp = ["h"]\nleave = ["x"]\nfilter = ["f"]\n'


@pytest.fixture
def file(tmp_path: Path) -> SettingsFile:
    path = tmp_path / "console.toml"
    path.write_text(MINE, encoding="utf-8")
    return SettingsFile(path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_footer_and_help_show_the_changed_keys(language: Language, file: SettingsFile) -> None:
    words, actions = Words(language), file.read().actions
    assert f"F11 {words('action.drain')}" in key_bar(words, on_page("retries", actions), 80).plain
    assert f"F11 Z    {words('help.drain')}" in help_text(words, "retries", actions).plain
    assert words("help.drain") not in "".join(
        line for line in help_text(words, "retries", actions).plain.splitlines() if line.startswith("D F8")
    )


async def test_the_changed_keys_work_and_the_old_ones_do_not(file: SettingsFile) -> None:
    async with a_console(a_shop(), file=file) as console:
        await console.shows("F11 立即重发", "h 帮助", "x 退出")
        for key in ("D", "f8", "question_mark", "f1", "q"):
            await console.press(key)
            assert len(console.app.screen_stack) == 2, key
        for key in ("f11", "Z"):
            await console.press(key)
            await console.shows("将立刻发送 2 条")
            await console.press("escape")
        await console.press("h")
        await console.shows("小写字母、数字和回车只查看")
        assert "F11 Z" in console.read
        await console.press("escape", "x")
        assert not console.app.is_running
        assert console.sent == []


async def test_palette_and_heading_show_the_changed_keys(tmp_path: Path) -> None:
    path = tmp_path / "console.toml"
    path.write_text('[keys]\nlog = ["i"]\ndrain = ["F11"]\n', encoding="utf-8")
    async with a_console(a_shop(), file=SettingsFile(path)) as console:
        await console.press("5")
        await console.shows("i 日志", "c 配置")
        await console.press("colon")
        await console.shows("输入名称的一部分")
        await console.press(*"drain")
        await console.shows("F11")
        assert "D F8" not in console.text


async def test_a_changed_key_is_a_letter_like_any_other_while_something_is_typed(file: SettingsFile) -> None:
    async with a_console(a_shop(), file=file) as console:
        await console.press("f", "h", "x", "Z", "f")
        assert console.app.page_screen.query_one("#filter").has_focus
        assert "hxZf" in console.text
        assert len(console.app.screen_stack) == 2


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_bad_key_is_told_by_file_line_and_key_on_every_page_and_the_rest_counts(
    language: Language, tmp_path: Path
) -> None:
    path = tmp_path / "console.toml"
    path.write_text('[keys]\nhelp = ["h"]\ndrain = ["d"]\n', encoding="utf-8")
    async with a_console(a_shop(), language=language, file=SettingsFile(path)) as console:
        said = Words(language)("complaint.writes", pressed="d").split(" ")[0]
        for page in "12345":
            await console.press(page)
            await console.shows(f"console.toml:3: keys.drain: {said}")
        await console.press("h")
        await console.shows(Words(language)("help.title"))
