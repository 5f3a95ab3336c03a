"""Any size of a terminal, and any change of it, is survived; from 80x24 on, everything fits."""

import pytest
from rich.color import Color, ColorType

from cdg_tui.i18n import Language
from cdg_tui.store import TREND_LONGEST_S
from tests.cdg_tui.consoles import GOLDEN, Console, a_console
from tests.cdg_tui.fake_core import no_socket
from tests.cdg_tui.shops import a_shop
from tests.cdg_tui.walks import sound, walk_through

pytestmark = pytest.mark.anyio

WALKED = ((1, 1), (5, 3), (79, 23), (12, 60), (140, 24), (400, 100))
MORE = ((2, 2), (20, 5), (40, 10), (80, 4), (139, 24))


@pytest.mark.requirement(12)
@pytest.mark.parametrize(
    ("language", "size"), [("zh", (79, 24)), ("en", (80, 23)), ("zh", (33, 60)), ("en", (40, 5))], ids=str
)
async def test_a_screen_that_is_too_small_says_the_alarms_the_link_and_what_to_do(
    language: Language, size: tuple[int, int]
) -> None:
    """Instead of a page that is cut off; on every page, with a dialog open too, and when the link is lost."""
    async with a_console(a_shop(), language=language, size=size) as console:
        words = console.app.words
        told = (f"!!{words('severity.critical')}1", f"!{words('severity.warning')}2", "80x24")
        for keys in (("1",), ("2",), ("3",), ("4",), ("5",), ("D",)):
            await console.press(*keys)
            await console.shows(*told, words("link.live"))
            assert all(text in "".join(console.text.split("\n")[:3]) for text in told)
            assert words("column.state") not in console.text
        await console.press("escape", "slash", "x", "enter")
        await console.shows(*told)
        console.meets(no_socket)
        await console.shows(*told, words("link.lost"))


async def test_from_80x24_on_it_is_a_page_again() -> None:
    async with a_console(a_shop(), size=(79, 24)) as console:
        await console.shows("80x24")
        await console.pilot.resize_terminal(80, 24)
        await console.hides("80x24")
        await console.shows("[1 总览]")


@pytest.mark.parametrize(
    "size",
    [*WALKED, *(pytest.param(size, marks=pytest.mark.torture) for size in MORE)],
    ids=lambda size: "x".join(map(str, size)),
)
async def test_everything_is_gone_through_at_any_size(size: tuple[int, int]) -> None:
    async with a_console(a_shop(), size=size) as console:
        await walk_through(console)
        console.meets(no_socket)
        await console.until(lambda: console.app.store.link.tries)
        await console.pilot.pause(0.01)
        sound(console)


async def test_a_terminal_that_changes_its_size_is_filled_again() -> None:
    async with a_console(a_shop(), now=lambda: 1000.0) as console:
        await console.press("2", "1")  # whoever has seen the cases has seen the new one
        await console.until(lambda: console.app.store.trends["03.air"].step_s == TREND_LONGEST_S)
        await console.news()
        before = console.text
        for keys in (
            (),
            ("question_mark",),
            ("escape", "D"),
            ("escape", "2", "H"),
            ("escape", "1", "enter"),
            ("escape",),
        ):
            await console.press(*keys)
            for size in ((200, 50), (1, 1), (30, 8), (80, 24)):
                await console.pilot.resize_terminal(*size)
                await console.pilot.pause(0.05)
                sound(console)
        await console.shows("[1 总览]")
        assert console.text == before


@pytest.mark.requirement(13)
async def test_without_colours_it_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not one piece of it has a colour, greys included."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with a_console(a_shop(), now=lambda: 1000.0) as console:
        await console.press("1")
        await console.until(lambda: console.app.store.trends["03.air"].step_s == TREND_LONGEST_S)
        await console.news()
        sound(console)
        assert all(colour.is_default for colour in _colours(console))
        assert f"{console.text}\n" == (GOLDEN / "overview-zh-80x24.txt").read_text(encoding="utf-8")


@pytest.mark.requirement(15)
async def test_with_sixteen_colours_only_the_eight_that_every_terminal_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    monkeypatch.delenv("COLORTERM", raising=False)
    async with a_console(a_shop()) as console:
        for keys in ("1", "2", "H", "escape", "3", "slash", "x", "escape", "D", "escape", "question_mark"):
            await console.press(keys)
            assert all(colour.is_default or (colour.number or 0) < 8 for colour in _colours(console))
            assert not [colour for colour in _colours(console) if colour.type is ColorType.TRUECOLOR]


async def test_with_many_colours_they_are_told_apart_by_those_who_see_red_and_green_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    async with a_console(a_shop()) as console:
        await console.shows("!!严重")
        shown = _colours(console)
        assert {"#d55e00", "#f0e442", "#cc79a7"} <= {colour.name for colour in shown}
        assert {colour.type for colour in shown} == {ColorType.TRUECOLOR}


def _colours(console: Console) -> set[Color]:
    """Of every piece on the screen, before and behind."""
    styles = [style for strip in console.app.screen._compositor.render_strips() for _, style, _ in strip if style]
    return {colour for style in styles for colour in (style.color, style.bgcolor) if colour is not None}
