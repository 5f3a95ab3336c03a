"""处置: what was done and what became of the goods are chosen, never assumed; a note is text and commands nothing."""

import pytest

from tests.cdg_tui.consoles import Console, a_console
from tests.cdg_tui.factories import a_case
from tests.cdg_tui.fake_core import no_socket
from tests.cdg_tui.shops import a_shop

pytestmark = pytest.mark.anyio

OPENING = ("2", "H")
PATH = f"cases/{a_case(1).case_id}/handle"


async def asked(console: Console) -> None:
    await console.press(*OPENING)
    await console.shows("处置报警", "做了什么", "货品", "备注")


async def test_nothing_is_chosen_beforehand_and_a_yes_is_no_answer_until_both_are() -> None:
    async with a_console(a_shop()) as console:
        await asked(console)
        assert "(*)" not in console.text
        for keys in ((), ("2",)):
            await console.press(*keys, "Y")
            await console.shows("先选做了什么和货品")
        await console.press("3")
        await console.shows("(*) 2 已关好柜门", "(*) 3 已报废", "确认请按大写 Y")
        assert console.sent == []
        await console.press("Y")
        await console.shows("处置已记录")
        [(path, body)] = console.sent
        assert (path, body["action"], body["disposition"], body["note"]) == (PATH, "已关好柜门", "已报废", "")


async def test_the_goods_alone_are_no_answer_either() -> None:
    async with a_console(a_shop()) as console:
        await asked(console)
        await console.press("tab", "1", "Y")
        await console.shows("处置报警", "先选做了什么和货品")
        assert console.sent == []


async def test_a_note_does_not_stand_for_the_goods() -> None:
    async with a_console(a_shop()) as console:
        await asked(console)
        await console.press("1", "tab", "o", "k", "enter", "Y")
        await console.shows("先选做了什么和货品")
        assert console.sent == []


async def test_arrows_choose_too() -> None:
    async with a_console(a_shop()) as console:
        await asked(console)
        await console.press("down", "down", "tab", "up")
        await console.shows("(*) 2 已关好柜门", "(*) 6 柜内无货")


async def test_a_note_with_capitals_is_text_and_is_sent_as_typed() -> None:
    """Also the Y, which the dialog says while somebody writes."""
    async with a_console(a_shop()) as console:
        await asked(console)
        await console.press("1", "1", "tab", *"YES D R A 1")
        await console.shows("YES D R A 1", "备注里 Y 只是字")
        assert console.sent == []
        await console.press("enter")
        await console.shows("确认请按大写 Y")
        await console.press("Y")
        await console.until(lambda: console.sent)
        assert console.sent[0][1]["note"] == "YES D R A 1"


async def test_enter_goes_round_and_sends_nothing() -> None:
    async with a_console(a_shop()) as console:
        await asked(console)
        await console.press("1", "1", *["enter"] * 7)
        await console.shows("处置报警")
        assert console.sent == []


@pytest.mark.parametrize("from_where", [(), ("tab",), ("tab", "tab")])
async def test_esc_leaves_from_everywhere_and_sends_nothing(from_where: tuple[str, ...]) -> None:
    async with a_console(a_shop()) as console:
        await asked(console)
        await console.press("1", *from_where, "escape")
        await console.hides("处置报警")
        assert console.sent == []


async def test_an_answer_after_the_link_was_lost_is_not_sent_also_not_later() -> None:
    async with a_console(a_shop()) as console:
        await asked(console)
        await console.press("1", "1")
        console.meets(no_socket)
        await console.shows("断开")
        await console.press("Y")
        await console.shows("现在没有连接")
        console.meets(None)
        await console.hides("断开")
        await console.news()
        assert console.sent == []


async def test_a_case_that_is_gone_meanwhile_is_refused_in_words() -> None:
    core = a_shop()
    async with a_console(core) as console:
        await asked(console)
        core.cases = []
        core.refuse = {"handle": (404, "case_not_found")}
        await console.news()
        await console.press("1", "1", "Y")
        await console.shows("没有做成：这个报警事件已不存在")
        assert [path for path, _ in console.sent] == [PATH]
