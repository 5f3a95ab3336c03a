"""Each key does what the help says of it, on a running app over a fake core; and nothing else does anything."""

import random
import string
from functools import partial

import pytest
from textual._xterm_parser import XTermParser

from cdg_tui.actions import ACTIONS, PAGES, on_page
from cdg_tui.commands.asking import who
from cdg_tui.screens.dialog import Leaving
from cdg_tui.screens.page import Asked
from tests.cdg_tui.consoles import Console, a_console
from tests.cdg_tui.factories import a_case, a_dead_letter, a_retry
from tests.cdg_tui.fake_core import FakeCore
from tests.cdg_tui.shops import a_shop

pytestmark = pytest.mark.anyio

SHOWN = {
    "help": "小写字母、数字和回车只查看",
    "filter": "筛选：输入文字",
    "details": "Esc 返回",
    "overview": "[1 总览]",
    "cases": "[2 报警 4]",
    "retries": "[3 重试 2]",
    "dead": "[4 死信 2]",
    "acknowledge": "确认报警",
    "handle": "处置报警",
    "retry": "重发这一条",
    "requeue": "死信重新入队",
    "drain": "将立刻发送 2 条",
    "device": "[5 设备]",
    "cancel": "作废投递",
    "palette": "输入名称的一部分",
    "mark": "标记 1",
    "mark_all": "标记 2",
    "fold": "按条数",
    "sort": "按",
    "reverse": "倒序",
    "freeze": "定住",
    "copy": "编号",
    "recover": "死信批量重新入队",
    "pause": "暂停这个推送地址",
    "resume": "恢复这个推送地址",
    "test": "发一条测试事件",
    "damage": "没有需要确认的损坏",
    "log": "信息及以上",
    "configuration": "有 1 处改动重启后才生效",
    "audit": "9 条，新的在前",
    "shelve": "严重的报警不能暂缓",
    "note": "给报警加备注",
    "maintenance": "结束检修模式",
    "service": "停用这台冷柜",
    "settings": "设置（只管这个用户的控制台）",
    "wallboard": "任意键返回",
    "mute": "已消音：到下一个新的严重报警为止",
    "unlock": "这里不用解锁",
}
LEAVING = next(action.keys for action in ACTIONS if action.id == "leave")
WRITING = {key for action in ACTIONS if action.writes for key in action.keys}
HARMLESS = {
    *string.ascii_lowercase,
    *string.digits,
    *("enter", "space", "tab", "shift+tab", "backspace", "delete", "insert"),
    *("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "G"),
    *("slash", "question_mark", "comma", "full_stop", "exclamation_mark", "minus", "ctrl+a", "ctrl+d", "ctrl+y"),
    *(f"f{number}" for number in range(1, 13)),
} - {*LEAVING, *WRITING}


async def turned_to(console: Console, page: str) -> None:
    await console.press("escape", str(PAGES.index(page) + 1))
    await console.shows(SHOWN[page])


def as_at_first(console: Console) -> None:
    """The list as nobody has sorted, marked or stopped it."""
    screen = console.app.page_screen
    screen.table.mark_these(())
    screen.want(Asked())


def test_every_action_is_pressed_here() -> None:
    assert {action.id for action in ACTIONS} == {*SHOWN, "refresh", "redraw", "leave"}


@pytest.mark.parametrize("page", PAGES)
async def test_every_key_of_an_action_shows_what_it_is_for(page: str) -> None:
    """The letter, the function key and what an input method sends instead all do the same; none sends anything by itself."""
    async with a_console(a_shop()) as console:
        words = console.app.words
        for action in on_page(page):
            for key in action.keys if action.id in SHOWN else ():
                await console.type("escape", str(PAGES.index(page) + 1))
                await console.hides("正在读取")
                await console.type(key)
                orders = console.app.page.orders
                await console.shows(words(f"order.{orders[1]}") if action.id == "sort" else SHOWN[action.id])
                await console.type("escape")
                as_at_first(console)
        assert console.sent == []


async def test_what_a_chinese_input_method_sends_from_the_keyboard_is_understood() -> None:
    """As the terminal delivers it: full-width signs and digits."""
    sent = {
        "２": SHOWN["cases"],
        "？": SHOWN["help"],
        "３": SHOWN["retries"],
        "５": SHOWN["device"],
        "／": SHOWN["filter"],
        "、": SHOWN["filter"],
    }
    async with a_console(a_shop()) as console:
        for character, shown in sent.items():
            await console.press("escape")
            for event in XTermParser().feed(character):
                console.app.post_message(event)
            await console.shows(shown)


@pytest.mark.parametrize("page", PAGES)
async def test_keys_of_other_pages_do_nothing_here(page: str) -> None:
    elsewhere = {key for action in ACTIONS for key in action.keys} - {
        key for action in on_page(page) for key in action.keys
    }
    async with a_console(a_shop(), now=lambda: 1000.0) as console:
        await turned_to(console, page)
        before = console.text
        for key in elsewhere:
            await console.type(key)
            assert console.text == before, key


@pytest.mark.requirement(11)
@pytest.mark.parametrize("page", PAGES)
async def test_lower_case_digits_and_enter_never_ask_the_core_to_change_anything(page: str) -> None:
    async with a_console(a_shop()) as console:
        for key in sorted(HARMLESS):
            await console.type("escape", "escape", str(PAGES.index(page) + 1), key, "enter")
        assert console.core.written == []
        await turned_to(console, page)  # it is still there, and was there all the time


WRITES = sorted({(page, key) for page in PAGES for action in on_page(page) if action.writes for key in action.keys[:1]})


@pytest.mark.requirement(11)
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.torture) for seed in range(1, 40))])
async def test_no_sequence_of_harmless_keys_sends_anything_on_any_page_or_in_any_dialog(seed: int) -> None:
    chance = random.Random(seed)
    keys = sorted(HARMLESS | {"escape"})
    async with a_console(a_shop()) as console:
        for page, key in chance.sample(WRITES, len(WRITES)):
            await console.type("escape", "escape", "escape", str(PAGES.index(page) + 1), chance.choice("gjjjG"), key)
            await console.pilot.pause()
            await console.type(*chance.choices(keys, k=8))
        await console.pilot.pause()
        assert console.sent == []


@pytest.mark.requirement(11)
@pytest.mark.parametrize("page", PAGES)
async def test_a_writing_key_asks_and_enter_is_no_yes(page: str) -> None:
    """In a list Enter only goes round, also when all is chosen."""
    async with a_console(a_shop()) as console:
        for key in (key for where, key in WRITES if where == page and key != "K"):  # K: nothing is damaged here
            await turned_to(console, page)
            await console.press(*"gj" if key == "S" else "g", key)
            await console.shows("取消 Esc")
            await console.type("enter", "1", "1", *["enter"] * 4, "escape")
        await console.pilot.pause()
        assert console.sent == []


async def test_f5_asks_at_once() -> None:
    async with a_console(a_shop(), now=lambda: 1000.0) as console:
        await console.press("f5")
        asked = console.core.rounds
        for _ in range(5):
            await console.press("f5")
            asked += 1
            await console.until(partial(_has_asked, console, asked), seconds=0.8)  # sooner than the next round


def _has_asked(console: Console, rounds: int) -> bool:
    return console.core.rounds >= rounds


@pytest.mark.parametrize("key", LEAVING)
async def test_a_console_that_only_attached_leaves_without_asking(key: str) -> None:
    async with a_console(a_shop()) as console:
        await console.press(key)
        assert console.app.return_value is Leaving.KEEP
        assert console.sent == []


async def test_a_key_that_is_held_down_opens_one_dialog() -> None:
    """Two would need two answers, and the second yes would send it again."""
    async with a_console(a_shop()) as console:
        await turned_to(console, "retries")
        await console.type(*"RRDRD")
        await console.shows("重发这一条")
        await console.press("Y", "Y")
        await console.shows("已送达")
        assert [path for path, _ in console.sent] == [f"webhooks/retries/{a_retry(1).delivery_id}/retry"]


@pytest.mark.parametrize(("page", "key", "path", "done"), [
    ("cases", "A", f"cases/{a_case(1).case_id}/acknowledge", f"已确认：{who()} (uid:0)"),
    ("overview", "A", f"cases/{a_case(1).case_id}/acknowledge", f"已确认：{who()} (uid:0)"),
    ("retries", "R", f"webhooks/retries/{a_retry(1).delivery_id}/retry", "已送达"),
    ("dead", "R", f"webhooks/retries/{a_dead_letter().delivery_id}/requeue", "已重新入队"),
    ("device", "U", "webhooks/endpoints/旧系统/resume", "已恢复"),
    ("device", "T", "webhooks/endpoints/旧系统/test", "旧系统：测试已送达（42 毫秒）"),
])  # fmt: skip
async def test_a_yes_is_sent_once_and_told(page: str, key: str, path: str, done: str) -> None:
    async with a_console(a_shop()) as console:
        await turned_to(console, page)
        await console.press(key, "Y")
        await console.until(lambda: console.app.notice.plain == done)
        assert [sent for sent, _ in console.sent] == [path]


async def test_a_writing_key_on_an_empty_page_says_so() -> None:
    async with a_console(FakeCore()) as console:
        empty = (
            ("2", "A"),
            ("2", "H"),
            ("2", "S"),
            ("2", "N"),
            ("3", "R"),
            ("3", "X"),
            ("4", "R"),
            ("5", "P"),
            ("5", "U"),
            ("5", "T"),
        )
        for page, key in empty:
            await console.press(page, key)
            await console.shows("这里没有可操作的行")
            await console.press("1")
        assert console.core.written == []


async def test_the_cursor_says_which_row_a_key_is_about() -> None:
    async with a_console(a_shop()) as console:
        await console.press("2", "j", "A")
        await console.shows("确认报警", "04 熟食柜")
        await console.press("Y")
        await console.until(lambda: console.sent)
        assert console.sent[0][0] == f"cases/{a_case(2).case_id}/acknowledge"


async def test_where_the_row_under_the_cursor_is_gone_its_neighbour_has_the_cursor_and_that_is_said() -> None:
    """A key would be about something else than a moment ago. Of other rows that go nothing is said."""
    core = FakeCore()
    first, second, third, _ = core.cases = [a_case(number) for number in range(1, 5)]
    async with a_console(core) as console:
        await console.press("2", "j")
        assert console.app.cursor_key == second.case_id
        core.cases = [first, second, third]
        await console.news()
        await console.shows("报警 2/3")
        assert "已不在列表里" not in console.text
        core.cases = [first, third]
        await console.news()
        await console.shows("报警 2/2", "所选的一条已不在列表里")
        assert console.app.cursor_key == third.case_id


async def test_a_notice_belongs_to_its_page_and_to_its_time() -> None:
    """It goes with the page it was said on, and after a while."""
    hour = [1000.0]
    async with a_console(FakeCore(), now=lambda: hour[0]) as console:
        await console.press("2", "A")
        await console.shows("这里没有可操作的行")
        await console.press("3")
        await console.hides("这里没有可操作的行")
        await console.press("R")
        await console.shows("这里没有可操作的行")
        hour[0] += 60.0
        await console.hides("这里没有可操作的行")
