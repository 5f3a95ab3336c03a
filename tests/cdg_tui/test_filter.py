"""The filter: live while it is typed, turned round by `!`, gone with Esc, and never a way to act on what can't be seen."""

import pytest

from cdg_tui.screens.page import Asked
from tests.cdg_tui.consoles import a_console
from tests.cdg_tui.factories import a_cabinet, a_case
from tests.cdg_tui.shops import a_shop

pytestmark = pytest.mark.anyio

OTHERS = ("04 熟食柜", "05 冷冻柜", "01 饮料柜")


async def test_rows_follow_every_letter() -> None:
    async with a_console(a_shop()) as console:
        await console.press("slash")
        await console.shows("筛选：输入文字")
        await console.press("0")
        await console.shows("03 鲜奶柜", *OTHERS, "总览 1/9", "筛选 0（共 9）")
        await console.press("3")
        await console.shows("03 鲜奶柜", "总览 1/1", "筛选 03（共 9）")
        await console.hides(*OTHERS)
        await console.press("backspace")
        await console.shows(*OTHERS)


async def test_a_word_for_a_state_finds_its_rows() -> None:
    """People filter by what they read: the words of their language."""
    async with a_console(a_shop()) as console:
        await console.press("slash", *"无数据", "enter")
        await console.shows("05 冷冻柜", "总览 1/1")


async def test_an_exclamation_mark_turns_it_round() -> None:
    core = a_shop()
    core.retries, core.cases = [], []  # what waits and what rings is told beside the list, whatever is asked of it
    async with a_console(core) as console:
        await console.press("slash", "!", *"03")
        await console.shows("总览 1/8", *OTHERS)
        await console.hides("03 鲜奶柜")


async def test_case_does_not_matter() -> None:
    core = a_shop()
    core.cabinets.append(a_cabinet("A7", "Dairy"))
    async with a_console(core) as console:
        await console.press("slash", *"dAIRY")
        await console.shows("A7 Dairy", "总览 1/1")


async def test_enter_keeps_it_and_esc_ends_it() -> None:
    async with a_console(a_shop()) as console:
        await console.press("slash", *"03", "enter", "j", "k")
        await console.shows("总览 1/1", "筛选 03")
        await console.press("escape")
        await console.shows(*OTHERS, "总览 1/9")
        await console.hides("筛选 03")


async def test_an_empty_filter_is_none() -> None:
    async with a_console(a_shop()) as console:
        await console.press("slash", "enter")
        await console.hides("筛选：输入文字")
        await console.shows("总览 1/9")


async def test_an_exclamation_mark_alone_is_none_either() -> None:
    """Also on a page whose rows the core filters: it knows of no other list, so nothing fades."""
    assert Asked(text="!").needle == Asked().needle
    async with a_console(a_shop()) as console:
        await console.press("3")
        await console.shows("重试 1/2")
        await console.press("slash", "!")
        page = console.app.page_screen
        assert page.asked.text == "!"
        assert page.page.window(page.view()) is not None
        await console.shows("重试 1/2")


async def test_letters_in_the_filter_are_text_and_command_nothing() -> None:
    async with a_console(a_shop()) as console:
        await console.press("2", "slash", *"qDARH1")
        await console.shows("[2 报警", "qDARH1")
        assert console.app.asks_nothing
        assert console.sent == []


async def test_where_nothing_fits_that_is_said_and_nothing_can_be_acted_on() -> None:
    async with a_console(a_shop()) as console:
        await console.press("2", "slash", *"xyz", "enter")
        await console.shows("没有符合筛选的行", "报警 0/0")
        await console.press("A")
        await console.shows("这里没有可操作的行")


async def test_the_cursor_stays_on_its_row_while_others_go() -> None:
    async with a_console(a_shop()) as console:
        await console.press("j", "j")
        key = console.app.cursor_key
        await console.press("slash", *"!鲜")
        await console.shows("总览 2/8")
        assert console.app.cursor_key == key
        await console.press("escape")
        assert console.app.cursor_key == key


async def test_a_row_that_is_filtered_out_is_not_called_gone() -> None:
    async with a_console(a_shop()) as console:
        await console.press("slash", *"熟食")
        await console.shows("总览 1/1", "04.air")
        assert "已不在列表里" not in console.text


async def test_a_key_acts_on_what_the_filter_left() -> None:
    async with a_console(a_shop()) as console:
        await console.press("2", "slash", *"熟食", "enter", "A", "Y")
        await console.until(lambda: console.sent)
        assert [path for path, _ in console.sent] == [f"cases/{a_case(2).case_id}/acknowledge"]


async def test_news_are_filtered_too_and_each_page_has_its_own() -> None:
    core = a_shop()
    async with a_console(core) as console:
        await console.press("slash", *"03", "enter")
        core.cabinets = [*core.cabinets, a_cabinet("11", "新柜"), a_cabinet("030", "长柜")]
        console.app.poke()
        await console.shows("030 长柜", "总览 1/2")
        assert "11 新柜" not in console.text
        await console.press("2")
        await console.shows("报警 1/4")
        await console.press("1")
        await console.shows("总览 1/2", "筛选 03（共 11）")


async def test_a_filter_that_comes_in_one_go_is_typed_into_its_box_and_what_follows_goes_to_the_list() -> None:
    """As over a slow line, where several keys arrive at once: none of them acts on the page."""
    async with a_console(a_shop()) as console:
        await console.press("3")
        await console.type("slash", "总", "enter", "p")
        await console.shows("筛选 总（共 2）", "定住 ")
        screen = console.app.page_screen
        assert screen.asked.text == "总"
        await console.press("p", "escape")
        await console.type("slash", "e", "p", "j", "x")
        await console.until(lambda: screen.asked.text == "epjx")
        assert (screen.frozen_s, console.sent) == (None, [])
