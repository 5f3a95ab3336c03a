"""How a dialog stands on its page: what is round the list stays in sight, and so do its own title and keys."""

import re

import pytest
from msgspec import structs
from textual.content import Content

from cdg_tui.i18n import LANGUAGES, Language, Words
from cdg_tui.screens.hanging import hanging
from cdg_tui.screens.help import HOLDS, help_text
from core import wire
from tests.cdg_tui.consoles import WIDE, Console, StartedCore, a_console
from tests.cdg_tui.core_codes import ENUMS
from tests.cdg_tui.factories import a_dead_letter, at
from tests.cdg_tui.fake_core import FakeCore
from tests.cdg_tui.shops import a_shop

pytestmark = pytest.mark.anyio

LONG = "鲜奶与酸奶组合立柜(东侧靠近收银台第二台) behind the bakery, north wall, unit 12"
BOXES = {
    "1": ("A", "H", "M", "D", "enter", "question_mark", "f2", "colon", "q"),
    "3": ("X", "R"),
    "4": ("X", "B"),
    "5": ("l", "c", "v", "P"),
}


def a_troubled_shop() -> FakeCore:
    """A new critical case, three lines of what is wrong, and a cabinet with a long name."""
    core = a_shop()
    core.cabinets = [structs.replace(cabinet, name=LONG) for cabinet in core.cabinets]
    core.cases = [structs.replace(case, cabinet_name=LONG) for case in core.cases]
    core.retries = [*core.retries, *(a_dead_letter(n) for n in range(110, 120))]
    codes = ("retries_not_durable", "cases_not_durable", "tcp_unavailable")
    core.status_changes["problems"] = tuple(wire.Problem(code=code, since=at(-9), text="x") for code in codes)
    return core


def frame(console: Console) -> list[str]:
    """The lines of the box that is open, its borders with them."""
    lines = console.text.split("\n")
    first, last = (next((n for n, line in enumerate(lines) if c in line), -1) for c in "┌└")
    assert 0 <= first < last, console.text
    left = lines[first].index("┌")
    return [line[left:] for line in lines[first : last + 1]]


@pytest.mark.requirement(12, 25)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_box_covers_the_alarms_the_banner_the_notice_and_the_keys(language: Language) -> None:
    """And of each the title and what its keys do are in sight."""
    async with a_console(a_troubled_shop(), language=language, now=lambda: 1000.0) as console:
        words, app = console.app.words, console.app
        app.session.worker = StartedCore()
        await console.shows(words("word.problems", n=3), words.of("problem", "tcp_unavailable")[:9])
        for page, keys in BOXES.items():
            await console.press(page)
            await console.press(*("a" if page == "4" else ""))
            lines = console.text.split("\n")
            told = 3 + app.page_screen.query_one("#banner").size.height
            assert LONG[:9] in lines[2]
            for key in keys:
                await console.press(key)
                await console.until(lambda: not app.asks_nothing)
                box, now = frame(console), console.text.split("\n")
                assert (now[:told], now[-2:]) == (lines[:told], lines[-2:]), console.text
                assert "Esc" in box[-2], console.text
                await console.press("escape")


@pytest.mark.requirement(12)
async def test_a_question_longer_than_its_room_is_scrolled_above_its_keys() -> None:
    """Whoever goes to the note sees it, and what ends it; where one is stands beside."""
    async with a_console(a_troubled_shop(), language="en") as console:
        await console.press("1", "H", "1", "2")
        await console.shows("> [Cancel Esc]  capital Y confirms", "Handle this case", "false alarm")
        assert re.search(r" \d+-\d+/\d+ │$", frame(console)[-2])
        await console.press("tab", "o", "k")
        await console.shows("ok", "Enter ends the note")


async def test_blank_lines_give_way_before_anything_is_out_of_sight() -> None:
    async with a_console(a_shop()) as console:
        await console.press("2", "H")
        await console.shows("备注（可不填）", "未受影响")
        assert "1-" not in frame(console)[-2]
        assert frame(console)[2].strip("│ ")
        await console.press("escape", "A")
        await console.shows("确认报警")
        assert not frame(console)[2].strip("│ ")


async def test_whoever_reads_is_told_which_lines_of_how_many_and_the_keys_to_the_rest() -> None:
    async with a_console(a_shop(), language="en") as console:
        await console.press("2", "question_mark")
        found = re.search(r"j k scroll  1-(\d+)/(\d+) │$", frame(console)[-2])
        assert found is not None
        lines, all_of_them = map(int, found.groups())
        assert lines == len(frame(console)) - 4
        await console.press("j")
        await console.shows(f"  2-{lines + 1}/{all_of_them} │")
        await console.press("G")
        await console.shows(f"-{all_of_them}/{all_of_them} │")


async def test_where_all_is_in_sight_no_key_to_scroll_is_named() -> None:
    async with a_console(a_shop(), language="en", size=WIDE) as console:
        await console.press("5", "c")
        await console.shows("limits", "Esc back")
        assert not re.search(r"scroll|\d/\d", frame(console)[-2])


async def test_what_comes_up_on_the_page_while_a_box_is_open_is_not_covered() -> None:
    async with a_console(a_shop()) as console:
        await console.press("2", "question_mark")
        before = len(frame(console))
        console.core.status_changes["problems"] = a_troubled_shop().status_changes["problems"]
        await console.shows(Words("zh").of("problem", "retries_not_durable"))
        await console.until(lambda: "┌" in console.text.split("\n")[4])
        assert len(frame(console)) == before - 2


@pytest.mark.parametrize(
    ("size", "question", "log"),
    [((80, 24), 80, 80), ((119, 30), 119, 119), ((139, 40), 110, 139), (WIDE, 110, 150)],
    ids=str,
)
async def test_a_box_is_as_wide_as_the_terminal_or_leaves_enough_of_its_page_in_sight(
    size: tuple[int, int], question: int, log: int
) -> None:
    async with a_console(a_shop(), size=size) as console:
        for keys, width in ((("2", "A"), question), (("5", "l"), log)):
            await console.press(*keys)
            top = next(line for line in console.text.split("\n") if "┌" in line)
            assert top[top.index("┌") :].index("┐") == width - 1
            await console.press("escape")


@pytest.mark.parametrize("keys", [("4", "a", "X", "1"), ("3", "D"), ("5", "U")], ids=str)
async def test_a_box_is_as_high_as_what_it_holds(keys: tuple[str, ...]) -> None:
    async with a_console(a_shop(), size=WIDE) as console:
        await console.press(*keys)
        await console.shows("Esc]")
        empty = [
            "" if not line.strip("│ ") else "x"
            for line in (line.partition("│")[2].partition("│")[0] for line in frame(console)[1:-1])
        ]
        assert "  " not in "".join(one or " " for one in empty)


async def test_a_reader_has_as_many_lines_as_there_is_room_for() -> None:
    async with a_console(a_shop(), size=(120, 40)) as console:
        await console.press("2", "question_mark")
        await console.shows("j k 滚动")
        assert "┌" in console.text.split("\n")[2]
        assert "└" in console.text.split("\n")[-3]


async def test_the_palette_keeps_its_size_while_somebody_types() -> None:
    async with a_console(a_shop(), size=WIDE) as console:
        await console.press("3", "colon")
        before = len(frame(console))
        await console.press("d", "r", "a", "i", "n")
        await console.hides("refresh")
        assert len(frame(console)) == before


# -- the help ----------------------------------------------------------------------------------------------------------


async def test_the_help_goes_on_below_its_text_and_not_below_its_keys() -> None:
    async with a_console(a_shop(), language="en") as console:
        await console.press("2", "question_mark")
        await console.until(lambda: "\n          Cases)" not in console.text and "│          Cases)" in console.text)


def test_text_hangs_beside_its_label_as_wide_as_it_may() -> None:
    label, text = Content("A F4  "), Content("确认：说明 somebody has seen it")
    lines = hanging(label, text, 18).plain.split("\n")
    assert lines[0].startswith("A F4  确认")
    assert all(line.startswith("      ") and line.strip() for line in lines[1:])
    assert "".join(line[6:] for line in lines).replace(" ", "") == text.plain.replace(" ", "")
    assert max(Content(line).cell_length for line in lines) <= 18
    assert hanging(label, text, None).plain == label.plain + text.plain


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_a_cabinet_s_state_is_in_the_help(language: Language) -> None:
    """The marks, why an alarm waits, and what stands beside a name."""
    words = Words(language)
    told = help_text(words, "overview").plain.split("\n")
    assert set(HOLDS) == ENUMS["hold"]
    for hold in HOLDS:
        assert [
            line for line in told if line.startswith(f"! {words(f'held.{hold}')} ") and words(f"hold.{hold}") in line
        ]
    for word in (words("held.defrost"), words("word.maintained"), words("word.simulated")):
        assert [line for line in told if line.startswith(f"  {word} ") and len(line.split()) > 1]


# -- which list takes the digits, and what was chosen already ------------------------------------------------------------


async def test_the_list_that_takes_the_digits_is_marked_by_a_character() -> None:
    async with a_console(a_shop()) as console:
        await console.press("2", "H")
        await console.shows("> 做了什么", "  货品")
        await console.press("1")
        await console.shows("  做了什么", "> 货品")
        await console.press("tab")
        await console.hides("> 货品", "> 做了什么")


async def test_of_more_options_than_lines_the_chosen_one_is_in_sight() -> None:
    core = a_shop()
    core.pins = {f"员工{n}": "402817" for n in range(1, 26)}
    async with a_console(core, kiosk=True) as console:
        await console.press("u")
        await console.shows("员工14")
        await console.press(*["down"] * 25)
        await console.shows("(*) 25 员工25")
        await console.press(*["up"] * 24)
        await console.shows("(*) 1 员工1")


@pytest.mark.parametrize("refused", [False, True])
async def test_whoever_has_chosen_a_time_is_not_told_to_choose_first(refused: bool) -> None:
    """With nothing to count in it, and where it could not be counted."""
    core = FakeCore()
    core.changed(a_dead_letter(101, settled_at=at(-1_209_600)))
    if refused:
        core.refuse["recover"] = (404, "not_found")
    async with a_console(core) as console:
        await console.press("4", "B")
        await console.shows("先选一段时间")
        await console.press("1")
        await console.shows("没有做成" if refused else "这段时间没有死信", "可以换一段时间")
        assert "先选一段时间" not in console.text
