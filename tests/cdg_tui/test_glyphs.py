"""What a terminal is sent in each mode: only characters it can draw, and every line as wide as before."""

import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from cdg_tui.app import ConsoleApp
from cdg_tui.filters import GlyphFilter
from cdg_tui.glyphs import HOUSE, GlyphMode, drawn, speakable
from cdg_tui.i18n import Words
from cdg_tui.screens.course_text import SIGNS
from cdg_tui.settings_file import SettingsFile
from cdg_tui.text import LEVELS, safe
from tests.cdg_tui.consoles import SeamSession, a_console
from tests.cdg_tui.fake_core import FakeCore
from tests.cdg_tui.shops import a_shop
from tests.cdg_tui.test_golden import settled
from tests.cdg_tui.test_text import ANY_TEXT

MODES = (GlyphMode.PLAIN, GlyphMode.ASCII)
ANY_LINE = st.one_of(ANY_TEXT, st.text(st.sampled_from([*HOUSE, *"中，é·°ü한ﾊ👍⚠①☎ア゛\u0301\u0e49\ufe0f\u200d#1x"])))


@settings(deadline=None)
@given(ANY_LINE, st.sampled_from(MODES))
def test_a_line_is_as_wide_in_every_mode(text: str, mode: GlyphMode) -> None:
    shown = safe(text)
    assert cell_len(drawn(shown, mode)) == cell_len(shown)


@pytest.mark.requirement(14)
@settings(deadline=None)
@given(ANY_LINE)
def test_ascii_is_ascii_whatever_comes(text: str) -> None:
    assert drawn(text, GlyphMode.ASCII).isascii()


@pytest.mark.requirement(16)
@settings(deadline=None)
@given(ANY_LINE)
def test_plain_has_nothing_whose_width_is_in_doubt(text: str) -> None:
    assert "A" not in {unicodedata.east_asian_width(c) for c in drawn(safe(text), GlyphMode.PLAIN)}


@pytest.mark.parametrize(
    ("text", "plain", "in_ascii"),
    [
        ("── 报警 ┄", "-- 报警 -", "-- ???? -"),
        ("│中│，（２）", "|中|，（２）", "|??|????????"),
        ("█░▇", "#-%", "#-%"),
        ("5°C ±2 é Ω", "5?C ?2 ? ?", "5?C ?2 ? ?"),
        ("e\u0301x", "ex", "ex"),
        ("한ไทย", "한ไทย", "?????"),
        ("⚠①", "??", "??"),
        ("plain ~ text", "plain ~ text", "plain ~ text"),
    ],
)
def test_what_can_not_be_drawn_is_said_otherwise(text: str, plain: str, in_ascii: str) -> None:
    assert drawn(text, GlyphMode.UNICODE) == text
    assert drawn(text, GlyphMode.PLAIN) == plain
    assert drawn(text, GlyphMode.ASCII) == in_ascii


def test_every_glyph_of_the_house_is_one_cell_and_so_is_what_stands_for_it() -> None:
    assert {cell_len(text) for pair in HOUSE.items() for text in pair} == {1}
    assert all(text.isascii() for text in HOUSE.values())


@pytest.mark.requirement(13)
def test_levels_and_signs_stay_apart_in_ascii() -> None:
    for glyphs in (LEVELS, SIGNS.values()):
        assert len({drawn(glyph, GlyphMode.ASCII) for glyph in glyphs}) == len(glyphs)


def test_a_style_stays_on_its_piece() -> None:
    red = Style(color="red")
    pieces = [Segment("│", red), Segment("中")]
    assert GlyphFilter(GlyphMode.ASCII).apply(pieces, Color(0, 0, 0)) == [Segment("|", red), Segment("??")]


def test_chinese_is_not_spoken_in_ascii() -> None:
    assert [speakable("zh", mode) for mode in GlyphMode] == ["zh", "zh", "en"]
    assert {speakable("en", mode) for mode in GlyphMode} == {"en"}


@pytest.mark.anyio
@pytest.mark.requirement(14)
async def test_it_changes_while_the_console_runs_on_every_page_and_in_a_dialog() -> None:
    """Also on pages that are not in sight, and back again; what it looks like then is what its picture says."""
    async with a_console(a_shop(), language="en", now=lambda: 1000.0) as console:
        await console.press("2", "1", "enter")
        await console.shows("03.air from")
        await settled(console)
        before = console.text
        for mode in (GlyphMode.ASCII, GlyphMode.UNICODE):
            expected = console.drawn(mode) if mode is GlyphMode.ASCII else before
            console.app.glyphs = mode
            await console.pilot.pause()
            assert console.text == expected
        console.app.glyphs = GlyphMode.ASCII
        await console.press("escape", "2")
        assert console.text.isascii()
        assert "-- Cases" in console.text


@pytest.mark.anyio
async def test_what_is_drawn_again_each_second_is_not_translated_again() -> None:
    """The filter is the same one as long as the mode is, so that Textual keeps what went through it."""
    async with a_console(FakeCore()) as console:
        console.app.glyphs = GlyphMode.PLAIN
        assert [*console.app.get_line_filters()] == [*console.app.get_line_filters()]
        console.app.glyphs = GlyphMode.UNICODE
        assert not [one for one in console.app.get_line_filters() if isinstance(one, GlyphFilter)]


@pytest.mark.requirement(15)
@pytest.mark.parametrize(
    ("file", "own", "wanted", "drawn_in"),
    [
        ("", GlyphMode.PLAIN, None, GlyphMode.PLAIN),
        ('glyphs = "auto"', GlyphMode.ASCII, None, GlyphMode.ASCII),
        ('glyphs = "unicode"', GlyphMode.ASCII, None, GlyphMode.UNICODE),
        ('glyphs = "unicode"', GlyphMode.UNICODE, GlyphMode.ASCII, GlyphMode.ASCII),
    ],
)
def test_a_flag_comes_before_the_settings_and_those_before_the_terminal(
    tmp_path: Path, file: str, own: GlyphMode, wanted: GlyphMode | None, drawn_in: GlyphMode
) -> None:
    """What the settings leave open later is the terminal's own again, and so is the language."""
    (tmp_path / "console.toml").write_text(file, encoding="utf-8")
    kept = SettingsFile(tmp_path / "console.toml")
    app = ConsoleApp(SeamSession(transport=FakeCore()), Words("zh"), file=kept, own=own, wanted=wanted)
    assert app.glyphs is drawn_in
    assert app.words.language == speakable("zh", drawn_in)
    app.use(replace(app.settings, glyphs="auto"))
    assert app.glyphs is own
    assert app.words.language == speakable("zh", own)
