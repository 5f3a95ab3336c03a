"""The settings of a user: read strictly, kept in a file with everything else that stands there, and changed while it runs."""

import os
import stat
import tomllib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from cdg_tui.actions import ACTIONS, PAGES
from cdg_tui.colours import FEW, LIGHT, READABLE_ON_LIGHT
from cdg_tui.i18n import LANGUAGES, Words, texts
from cdg_tui.screens.page import STYLES
from cdg_tui.settings import CHOICES, Complaint, Settings, Wrong, checked, told_shortly
from cdg_tui.settings_file import SettingsFile
from core.places import user_settings
from tests.cdg_tui.consoles import NARROW, WIDE, Console, a_console
from tests.cdg_tui.fake_core import FakeCore
from tests.cdg_tui.shops import a_shop

pytestmark = pytest.mark.anyio

ZH, EN = texts("zh"), texts("en")
WORDS = [Words(language) for language in LANGUAGES]
FULL = """# 李工's own
language = "en"   # for the trainee
theme="light"

# what I press
[keys]
drain = [ "F11", "Z" ]  # not D
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cold-display-guard" / "console.toml"


def written(path: Path, text: str | bytes) -> SettingsFile:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return SettingsFile(path)


def wrongs(file: SettingsFile) -> list[tuple[int | None, str, Wrong]]:
    return [(complaint.line, complaint.key, complaint.wrong) for complaint in file.read().complaints]


# -- reading -----------------------------------------------------------------------------------------------------------


def test_where_the_file_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert user_settings() == tmp_path / "cold-display-guard" / "console.toml"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "li"))
    assert user_settings() == tmp_path / "li/.config/cold-display-guard/console.toml"


def test_a_file_that_is_not_there_says_nothing(path: Path) -> None:
    for file in (SettingsFile(path), SettingsFile(None), SettingsFile(Path("/dev/null/console.toml"))):
        read = file.read()
        assert (read.settings, read.actions, read.complaints) == (Settings(), ACTIONS, ())


def test_what_stands_there_counts(path: Path) -> None:
    read = written(path, 'language = "zh"\nglyphs = "plain"\ntheme = "ansi"\nbell = false\n').read()
    assert read.settings == Settings(language="zh", glyphs="plain", theme="ansi", bell=False)
    assert read.complaints == ()


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ('langauge = "zh"', [(1, "langauge", Wrong.UNKNOWN)]),
        ('\nlanguage = "zh_CN"', [(2, "language", Wrong.VALUE)]),
        ("language = 1", [(1, "language", Wrong.VALUE)]),
        ("glyphs = []", [(1, "glyphs", Wrong.VALUE)]),
        ('theme = "nord"', [(1, "theme", Wrong.VALUE)]),
        ('bell = "on"', [(1, "bell", Wrong.VALUE)]),
        ("bell = 1", [(1, "bell", Wrong.VALUE)]),
        ('keys = "F8"', [(1, "keys", Wrong.NO_TABLE)]),
        ("\n[colours]\nred = 1", [(2, "colours", Wrong.UNKNOWN)]),
        ('[keys]\n# x\ndrain = ["d"]\n', [(3, "keys.drain", Wrong.WRITES)]),
        ('keys = { drain = ["d"] }', [(None, "keys.drain", Wrong.WRITES)]),
        ('bell = true\nlanguage = "zh', [(2, "", Wrong.NOT_TOML)]),
        ("bell = true\nbell = true", [(2, "", Wrong.NOT_TOML)]),
        (b"language = \xff", [(None, "", Wrong.UNREADABLE)]),
        ("a=" + "[" * 5000, [(None, "", Wrong.UNREADABLE)]),
        ("# x\n" * 20_000, [(None, "", Wrong.UNREADABLE)]),
        ("[keys]\ndrain = [0x" + "f" * 6000 + "]", [(2, "keys.drain", Wrong.NO_KEY)]),
        ('bel = 1\nlanguage = "fr"\n[keys]\nx = 1\n', [
            (1, "bel", Wrong.UNKNOWN), (2, "language", Wrong.VALUE), (4, "keys.x", Wrong.NO_ACTION)
        ]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_complained_of_with_its_line(
    text: str | bytes, complaints: list[tuple[int | None, str, Wrong]], path: Path
) -> None:
    file = written(path, text)
    assert wrongs(file) == complaints
    assert file.read().settings == Settings(keys=file.read().settings.keys)


def test_what_is_right_beside_it_counts(path: Path) -> None:
    read = written(path, 'language = "zh"\ntheme = "pink"\n[keys]\ndrain = ["F11"]\nhelp = []\n').read()
    assert read.settings.language == "zh"
    assert next(action.keys for action in read.actions if action.id == "drain") == ("f11",)
    assert len(read.complaints) == 2


def test_what_is_no_file_is_not_waited_for(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    assert wrongs(SettingsFile(path)) == [(None, "", Wrong.UNREADABLE)]
    path.unlink()
    path.mkdir()
    assert wrongs(SettingsFile(path)) == [(None, "", Wrong.UNREADABLE)]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(CHOICES["glyphs"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*CHOICES, "bell", "keys"]) | st.text(max_size=9), values, max_size=5))
def test_whatever_stands_there_every_value_counts_or_is_complained_of(document: dict[str, Any]) -> None:
    settings, complaints = checked(document)
    blamed = {complaint.key for complaint in complaints}
    for name, value in document.items():
        assert (name in blamed) != (getattr(settings, name, None) == value and hasattr(settings, name))
    for complaint, words in product(complaints, WORDS):
        assert complaint.told(words, "console.toml").startswith("console.toml: ")


def test_a_complaint_is_one_harmless_line_however_long_the_name_is(path: Path) -> None:
    file = written(path, '"a\\u001b]0;x\\u0007\\n' + "b" * 9000 + '" = 1')
    (complaint,) = file.read().complaints
    told = complaint.told(Words("zh"), "console.toml")
    assert told.isprintable()
    assert len(told) < 300


def test_many_complaints_make_a_short_line() -> None:
    one = Complaint(wrong=Wrong.NO_LIST, key="keys.drain", line=4)
    assert told_shortly((), Words("zh"), "f") == ""
    assert told_shortly((one,), Words("en"), "f") == 'f:4: keys.drain: must be a list of keys, as ["F8", "D"]'
    assert told_shortly((one, one, one), Words("en"), "f").endswith('["F8", "D"] (and 2 more)')


# -- writing -----------------------------------------------------------------------------------------------------------


def test_a_value_is_put_in_and_everything_else_stays(path: Path) -> None:
    file = written(path, FULL)
    assert file.write({"language": "zh", "bell": False})
    assert path.read_text(encoding="utf-8") == "bell = false\n" + FULL.replace('"en"', '"zh"')
    assert file.read().settings.language == "zh"


def test_what_is_wrong_stays_too_unless_it_is_what_was_changed(path: Path) -> None:
    bad = 'colour = 1\nlanguage = "fr"\n[keys]\ndrain = ["d"]\n'
    file = written(path, bad)
    assert file.write({"language": "zh"})
    assert path.read_text(encoding="utf-8") == bad.replace("fr", "zh")


def test_a_new_file_is_the_user_s_alone(path: Path) -> None:
    assert SettingsFile(path).write({"theme": "dark"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["console.toml"]
    assert path.read_text(encoding="utf-8").startswith("# ")
    assert SettingsFile(path).read().settings == Settings(theme="dark")


def test_a_file_behind_a_link_is_replaced_where_it_is(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles.toml"
    target.write_text('theme = "dark"\n', encoding="utf-8")
    path.parent.mkdir()
    path.symlink_to(target)
    assert SettingsFile(path).write({"theme": "light"})
    assert path.is_symlink()
    assert target.read_text(encoding="utf-8") == 'theme = "light"\n'


@pytest.mark.parametrize("text", ['language = "zh', "language = 1\nlanguage = 2", b"\xff"])
def test_a_file_that_cannot_be_read_is_not_overwritten(text: str | bytes, path: Path) -> None:
    file = written(path, text)
    before = path.read_bytes()
    assert not file.write({"theme": "dark"})
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 1


def test_a_home_that_cannot_be_written_is_no_error(path: Path) -> None:
    assert not SettingsFile(None).write({"theme": "dark"})
    assert not SettingsFile(Path("/proc/nowhere/console.toml")).write({"theme": "dark"})
    path.parent.write_text("in the way", encoding="utf-8")
    assert not SettingsFile(path).write({"theme": "dark"})


documents = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys([*CHOICES, "bell"], st.sampled_from(["auto", "zh", 1, True])),
        "other": st.sampled_from([1, "x", {"a": {"b": 1}}]),
        "keys": st.just({"drain": ["F8"]}),
    },
)


@given(
    documents, st.dictionaries(st.sampled_from([*CHOICES, "bell"]), st.sampled_from(["auto", "zh", True]), max_size=3)
)
def test_what_is_written_is_what_was_there_with_the_changes(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any], changes: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "many.toml"
    path.write_text("# head\n" + tomlkit.dumps(document) + "# tail\n", encoding="utf-8")
    assert SettingsFile(path).write(changes)
    text = path.read_text(encoding="utf-8")
    assert tomllib.loads(text) == document | changes
    assert "# head" in text
    assert "# tail" in text


# -- on the screen -----------------------------------------------------------------------------------------------------


def of(language: str, *keys: str) -> list[str]:
    known = ZH if language == "zh" else EN
    return [known[key] for key in keys]


BOX = ("settings.title", "settings.language", "settings.glyphs", "settings.bell", "option.auto", "settings.keys")


@pytest.mark.requirement(18)
@pytest.mark.parametrize("page", PAGES)
async def test_a_language_that_is_chosen_is_on_the_whole_screen_at_once(page: str, path: Path) -> None:
    """Status, tabs, heading, columns, footer and the dialog that is open; nothing of the other one is left."""
    async with a_console(a_shop(), file=SettingsFile(path)) as console:
        await console.press(str(PAGES.index(page) + 1), "f2")
        for language, digit, other in (("en", "3", "zh"), ("zh", "2", "en")):
            await console.press(digit)
            await console.shows(*of(language, *BOX, f"page.{page}", "link.live", "action.filter", "action.leave"))
            assert not any(text in console.text for text in of(other, *BOX, "action.filter", "severity.critical"))
        await console.press("3", "enter")
        await console.hides(*of("en", "settings.title"))
        await console.shows(*of("en", "action.leave", f"page.{page}"))
        assert not re_han_words(console.text)
        await console.press("question_mark")
        await console.shows(*of("en", "help.title", "help.help"))


def re_han_words(text: str) -> list[str]:
    """Texts of the Chinese table, two signs or more, that stand there; names of cabinets and people are not in it."""
    shown = [word for key, word in ZH.items() if not key.startswith(("demo.", "works.")) and cell_len(word) >= 4]
    return [word for word in shown if not word.isascii() and word in text]


@pytest.mark.requirement(18)
async def test_what_is_empty_and_what_is_asked_for_changes_language_too(path: Path) -> None:
    async with a_console(FakeCore(), file=SettingsFile(path)) as console:
        await console.press("2", "slash", "f2")
        await console.press("3", "enter")
        await console.shows(*of("en", "empty.cases", "filter.placeholder"))
        await console.press("f2", "2", "enter", "escape", "3")
        await console.shows(*of("zh", "empty.retries"))


@pytest.mark.requirement(18)
@pytest.mark.parametrize("key", ["ctrl+c", "ctrl+q", "ctrl+p", "ctrl+backslash", "ctrl+z"])
async def test_no_text_of_the_library_shows(key: str) -> None:
    """What Textual itself would say to these, or open, in English."""
    async with a_console(a_shop(), size=WIDE) as console:
        await console.press(key)
        assert not any(word in console.text for word in ("Press", "quit", "Search", "Quit", "Theme"))


async def test_choices_show_at_once_and_enter_keeps_them(path: Path) -> None:
    file = written(path, FULL)
    async with a_console(a_shop(), language="en", file=file) as console:
        app = console.app
        assert app.theme == "textual-light"
        before = path.read_bytes()
        await console.press("f2", "right", "4", "right", "2", "tab", "2")
        assert (app.glyphs, app.theme, app.settings.bell) == ("ascii", "textual-dark", False)
        assert path.read_bytes() == before
        await console.press("enter")
        await console.shows("settings kept", "console.toml")
        after = file.read().settings
        assert (after.language, after.glyphs, after.theme, after.bell) == ("en", "ascii", "dark", False)
        assert after == app.settings
        assert "# not D" in path.read_text(encoding="utf-8")
        assert console.core.written == []


async def test_esc_puts_everything_back_as_it_was(path: Path) -> None:
    file = written(path, FULL)
    async with a_console(a_shop(), language="en", file=file) as console:
        before = console.app.settings
        await console.press("f2", "2", "right", "3", "right", "4", "right", "2")
        await console.shows(*of("zh", *BOX))
        assert console.app.theme == FEW
        await console.press("escape")
        await console.hides(*of("zh", "settings.title"))
        await console.shows(*of("en", "action.filter"))
        assert (console.app.settings, console.app.theme) == (before, "textual-light")
        assert path.read_text(encoding="utf-8") == FULL


async def test_enter_without_a_change_writes_nothing(path: Path) -> None:
    async with a_console(a_shop(), file=SettingsFile(path)) as console:
        await console.press("f2", "enter")
        await console.hides("设置（")
        assert not path.exists()


async def test_keys_that_are_quicker_than_the_box_do_no_harm(path: Path) -> None:
    async with a_console(a_shop(), file=SettingsFile(path)) as console:
        for keys in (("f2", "2", "enter"), ("f2", "left", "1", "escape"), ("f2", "f2", "tab", "enter")):
            await console.type(*keys)
            await console.hides("设置（")
        await console.press("f2")
        await console.shows("设置（")


async def test_a_language_for_this_run_only_is_not_kept_and_does_not_come_back(path: Path) -> None:
    """`--lang zh` beside a file that says en: the list shows what is so; another choice beside it leaves both alone."""
    file = written(path, 'language = "en"\n')
    async with a_console(a_shop(), language="zh", file=file) as console:
        await console.press("f2")
        await console.shows("(*) 2 zh 中文")
        await console.press("right", "right", "2", "enter")
        await console.shows("设置已保存")
        assert path.read_text(encoding="utf-8") == 'theme = "dark"\nlanguage = "en"\n'


async def test_where_nothing_can_be_written_it_counts_for_this_run_and_that_is_said() -> None:
    async with a_console(a_shop(), file=SettingsFile(Path("/proc/li/console.toml"))) as console:
        await console.press("f2", "3", "enter")
        await console.shows("settings count for this run only: console.toml can't be")
        assert console.app.settings.language == "en"


async def test_what_is_wrong_is_told_until_it_is_settled(path: Path) -> None:
    """On every page, in full in the dialog; what was wrong is not chosen, and goes when something is."""
    file = written(path, 'language = "zh"\ntheme = "pink"\n')
    hour = [1000.0]
    async with a_console(a_shop(), file=file, now=lambda: hour[0]) as console:
        said = "console.toml:2: theme: 值不对，请改为 auto, dark, light, ansi 之一"
        for page in "12345":
            await console.press(page)
            await console.shows(said)
        hour[0] += 3600.0
        await console.press("f2")
        await console.shows(said, "( ) 1 自动         (*) 1 开", str(path)[:40])
        await console.press("enter")
        await console.shows(said)
        assert "pink" in path.read_text(encoding="utf-8")
        await console.press("f2", "right", "right", "1", "enter")
        await console.hides(said)
        assert path.read_text(encoding="utf-8") == 'language = "zh"\ntheme = "auto"\n'


async def test_the_box_shows_its_lists_however_much_is_wrong(path: Path) -> None:
    """In the smallest terminal too."""
    file = written(path, "".join(f'"{"x" * 400}{number}" = 1\n' for number in range(9)))
    for language in LANGUAGES:
        async with a_console(a_shop(), language=language, size=NARROW, file=file) as console:
            await console.press("f2")
            await console.shows(*of(language, *BOX, "option.off", "option.ansi", "option.ascii", "action.leave"))


# -- colours -----------------------------------------------------------------------------------------------------------


def luminance(colour: tuple[int, int, int]) -> float:
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_every_state_can_be_read_on_a_light_background() -> None:
    """4.5 to 1, as WCAG asks of text."""
    css = BUILTIN_THEMES[LIGHT].to_color_system().generate()
    names = {"red": 1, "green": 2, "yellow": 3, "magenta": 5, "cyan": 6}
    assert {style.split()[-1] for style in STYLES.values()} <= set(names)
    for place in ("background", "surface", "panel"):
        behind = Color.parse(css[place])
        for name, number in names.items():
            red, green, blue = READABLE_ON_LIGHT.ansi_colors[number]
            assert contrast((red, green, blue), (behind.r, behind.g, behind.b)) >= 4.5, (place, name)


def backgrounds(console: Console) -> Iterator[str]:
    for strip in console.app.screen._compositor.render_strips():
        yield from (str(one.style.bgcolor.name) for one in strip if one.style is not None and one.style.bgcolor)


async def test_a_theme_colours_the_whole_screen_at_once() -> None:
    """The table too, which draws itself."""
    async with a_console(a_shop()) as console:
        await console.press("f2", "right", "right", "3")
        await console.until(lambda: not any(name.startswith(("#1", "#2")) for name in backgrounds(console)))
        await console.press("4")
        await console.until(lambda: not any(name.startswith("#") for name in backgrounds(console)))
