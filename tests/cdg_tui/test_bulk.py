"""Many at once: marks, groups, and what the keys then do; told before, refused where it is not sure, counted afterwards."""

import asyncio

import httpx
import pytest

from cdg_tui.screens.palette import Palette
from cdg_tui.widgets.row_table import RowTable
from tests.cdg_tui.consoles import Console, a_console
from tests.cdg_tui.factories import a_dead_letter, a_retry
from tests.cdg_tui.fake_core import FakeCore
from tests.cdg_tui.shops import a_shop

pytestmark = pytest.mark.anyio


def many(pending: int = 0, dead: int = 0) -> FakeCore:
    core = FakeCore()
    core.changed(*(a_retry(n, next_attempt_in_s=float(n)) for n in range(1, pending + 1)))
    core.changed(
        *(a_dead_letter(n, dead_letter_reason="max_age" if n % 3 else "permanent") for n in range(101, 101 + dead))
    )
    return core


def marked(console: Console) -> list[str]:
    return list(console.app.page_screen.table.marked)


def ids(*numbers: int) -> list[str]:
    return [a_retry(n).delivery_id for n in numbers]


@pytest.mark.requirement(6)
async def test_a_mark_stays_on_its_row_when_the_list_is_sorted_and_changes() -> None:
    async with a_console(many(pending=30)) as console:
        await console.press("3", "space", "j", "space")
        assert marked(console) == ids(1, 3)
        await console.press("s", "o")
        console.core.changed(a_retry(0, next_attempt_in_s=0.5), a_retry(3, attempts=9, next_attempt_in_s=900.0))
        await console.news()
        assert marked(console) == ids(1, 3)
        await console.shows("标记 2")
        assert all(line.startswith("*") for line in console.text.splitlines() if " 9 " in line)


async def test_a_second_press_takes_the_mark_away_and_esc_takes_all() -> None:
    async with a_console(many(pending=3)) as console:
        await console.press("3", "space", "k", "space")
        assert marked(console) == []
        await console.press("a")
        await console.until(lambda: marked(console) == ids(1, 2, 3))
        await console.press("escape")
        assert marked(console) == []


async def test_all_that_fit_the_filter_are_marked_also_those_that_are_not_here() -> None:
    async with a_console(many(pending=700)) as console:
        await console.press("3", "a")
        await console.until(lambda: len(marked(console)) == 700)
        await console.press("a")
        await console.until(lambda: not marked(console))


@pytest.mark.requirement(9)
async def test_marked_retries_are_drained_after_a_preview_and_no_others() -> None:
    async with a_console(many(pending=5)) as console:
        await console.press("3", "space", "j", "space", "R")
        await console.shows("将立刻发送 2 条")
        console.core.changed(a_retry(9))
        await console.press("Y")
        await console.shows("完成")
        assert [body["delivery_ids"] for _, body in console.sent] == [ids(1, 3)]


@pytest.mark.requirement(10)
async def test_dead_letters_stand_in_groups_of_which_one_is_opened_and_left_again() -> None:
    async with a_console(many(dead=6)) as console:
        await console.press("4", "z")
        await console.shows("按条数")
        rows = [line.split() for line in console.text.splitlines()]
        groups = [row[:3] for row in rows if row[1:2] == ["总部"] and len(row) > 2]
        assert groups == [["等待太久", "总部", "4"], ["对方一直拒绝", "总部", "2"]]
        await console.press("enter")
        await console.shows("死信 1/4")
        await console.press("escape")
        await console.shows("按条数")
        await console.press("z")
        await console.shows("死信 1/6")


@pytest.mark.requirement(10)
async def test_a_whole_group_is_queued_again_by_its_row() -> None:
    async with a_console(many(dead=6)) as console:
        await console.press("4", "z")
        await console.shows("按条数")
        await console.press("R")
        await console.shows("死信重新入队（多条）", "共 4 条")
        console.core.changed(a_dead_letter(150, dead_letter_reason="max_age"))
        await console.press("Y")
        await console.shows("4 条死信已重新入队")
        [(path, body)] = console.sent
        assert path == "webhooks/retries/recover"
        assert sorted(body["delivery_ids"]) == sorted(a_dead_letter(n).delivery_id for n in (101, 103, 104, 106))


@pytest.mark.requirement(10)
async def test_one_is_dropped_for_a_reason_from_a_list() -> None:
    async with a_console(many(dead=1)) as console:
        await console.press("4", "X")
        await console.shows("作废投递", "先选原因")
        await console.press("Y")
        assert console.sent == []
        await console.press("2", "Y")
        await console.shows("已作废")
        [(path, body)] = console.sent
        assert path == "webhooks/retries/discard"
        assert (body["delivery_ids"], body["reason"]) == ([a_dead_letter(101).delivery_id], "已经过时")


@pytest.mark.requirement(10)
async def test_many_are_dropped_only_by_who_says_how_many() -> None:
    async with a_console(many(dead=6)) as console:
        await console.press("4", "a", "X", "1")
        await console.shows("再填条数 6")
        await console.press("Y")
        assert console.sent == []
        await console.press("tab", "tab")
        await console.type("5")
        await console.press("enter", "Y")
        assert console.sent == []
        await console.press("tab", "tab", "backspace")
        await console.type("6")
        await console.press("enter", "Y")
        await console.shows("已作废")
        [(_, body)] = console.sent
        assert len(body["delivery_ids"]) == 6


async def test_what_has_left_meanwhile_is_told_of_a_drop() -> None:
    async with a_console(many(dead=2)) as console:
        await console.press("4", "a", "X", "1", "tab", "tab")
        await console.type("2")
        await console.press("enter")
        console.core.changed(a_dead_letter(101, status="pending", dead_letter_reason=None))  # queued again meanwhile
        await console.press("Y")
        await console.shows("已作废 1 条，共 2 条")


@pytest.mark.requirement(11, 23)
async def test_the_palette_finds_an_action_in_either_tongue_and_it_still_asks() -> None:
    async with a_console(many(pending=2)) as console:
        await console.press("3", "colon")
        await console.shows("输入名称的一部分")
        await console.type(*"drain")
        await console.press("enter")
        await console.shows("将立刻发送 2 条")
        await console.press("escape", "colon")
        await console.type("down", "enter")
        await console.hides("输入名称的一部分")
        assert console.sent == []


@pytest.mark.requirement(6)
async def test_where_no_command_fits_the_palette_says_so_and_enter_does_nothing() -> None:
    async with a_console(a_shop()) as console:
        await console.press("colon")
        await console.hides("没有符合的命令")
        await console.press(*"zzz")
        await console.shows("没有符合的命令")
        await console.hides("0/0")
        await console.press("backspace", "backspace", "backspace")
        await console.hides("没有符合的命令")
        await console.press(*"zzz", "enter")
        assert console.app.asks_nothing


async def test_a_list_that_stands_still_moves_again_when_it_is_let_go() -> None:
    async with a_console(many(pending=2)) as console:
        await console.press("3", "p")
        await console.shows("定住")
        console.core.changed(a_retry(7, next_attempt_in_s=0.1))
        await console.news()
        await console.shows("重试 3]", "重试 1/2")
        await console.press("p")
        await console.shows("重试 1/3")


async def test_the_id_of_a_row_goes_to_the_clipboard_and_is_shown() -> None:
    async with a_console(many(pending=1)) as console:
        await console.press("3", "y")
        await console.shows(a_retry(1).delivery_id)
        assert console.app.clipboard == a_retry(1).delivery_id


@pytest.mark.parametrize(
    ("keys", "copied"), [("5 G y", "kiosk"), ("5 g y", "旧系统"), ("4 z y", "总部"), ("1 y", "03"), ("4 y", None)]
)
async def test_what_is_copied_is_what_people_and_the_core_call_it(keys: str, copied: str | None) -> None:
    """Of the box the device's id, of a group of dead letters its endpoint's; never a name that only the console knows."""
    async with a_console(a_shop()) as console:
        await console.press(keys[0])
        await console.until(lambda: console.app.cursor_key is not None)
        await console.press(*keys.split()[1:])
        expected = a_dead_letter().delivery_id if copied is None else copied
        await console.until(lambda: console.app.clipboard == expected)
        await console.shows(f"编号 {expected}（已送往剪贴板）")


@pytest.mark.requirement(20)
async def test_the_cursor_goes_to_the_end_of_a_long_list_and_stays_on_its_row() -> None:
    async with a_console(many(pending=5000)) as console:
        await console.press("3", "G")
        await console.shows("重试 5000/5000")
        await console.until(lambda: console.app.cursor_key == a_retry(5000).delivery_id)
        console.core.changed(a_retry(2, status="delivered"))
        await console.news()
        await console.shows("重试 4999/4999")
        assert console.app.cursor_key == a_retry(5000).delivery_id
        await console.press(*["pageup"] * 20)
        await console.until(lambda: console.app.cursor_key is not None)
        await console.press("g")
        await console.until(lambda: console.app.cursor_key == a_retry(1).delivery_id)


@pytest.mark.requirement(24)
async def test_somebody_else_s_drain_is_shown_on_every_page_while_it_runs() -> None:
    async with a_console(many(pending=3)) as console:
        console.core.others_drain = console.core.runs_a_drain("drn_7")
        await console.news()
        for page in "12345":
            await console.press(page)
            await console.shows("重发中")
        await console.press("D")
        await console.shows("发起的立即重发", "3/3")


async def test_a_filter_and_a_list_that_is_not_told_take_no_mark_away() -> None:
    core = FakeCore()
    core.retries = [a_retry(number) for number in range(1, 6)]
    async with a_console(core) as console:
        await console.press("3")
        await console.news()
        await console.press("space", "space", "slash", *"0005", "enter")
        await console.shows("1/1")
        assert marked(console) == ids(1, 2)
        await console.press("escape")
        await console.shows("/5")
        core.refuse = {"window": (503, "busy")}
        await console.news()
        await console.shows("读不到列表")
        assert marked(console) == ids(1, 2)
        assert "光标在相邻" not in console.text
        core.refuse = {}
        core.retries = core.retries[1:]
        core.seq += 1
        await console.until(lambda: marked(console) == ids(2))


async def test_groups_that_are_not_told_are_not_called_none() -> None:
    core = FakeCore()
    core.retries = [a_dead_letter()]
    core.refuse = {"groups": (503, "busy")}
    async with a_console(core) as console:
        await console.press("4", "z")
        await console.shows("读不到列表")
        assert "没有死信" not in console.text


class Slow(FakeCore):
    """Names all ids only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.retries = [a_dead_letter(101), a_dead_letter(102)]
        self.asked_ids = 0
        self.free = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/ids"):
            self.asked_ids += 1
            await self.free.wait()
        return await super().handle_async_request(request)


async def test_a_key_held_on_a_group_asks_once_however_slow_the_link_is() -> None:
    core = Slow()
    async with a_console(core) as console:
        await console.press("4", "z")
        await console.shows("总部")
        await console.press("down", "R", "R", "X")
        await console.until(lambda: core.asked_ids == 3)
        core.free.set()
        await console.until(lambda: not console.app.asks_nothing)
        await console.pilot.pause(0.05)
        assert len(console.app.screen_stack) == 3


async def test_marks_that_come_late_are_not_put_on_another_list() -> None:
    core = Slow()
    async with a_console(core) as console:
        await console.press("4")
        await console.news()
        await console.press("a", "slash", "1", "enter")
        await console.until(lambda: core.asked_ids == 1)
        core.free.set()
        await console.news()
        assert marked(console) == []


async def test_enter_twice_in_one_go_does_the_palette_no_harm() -> None:
    async with a_console() as console:
        await console.press("colon")
        await console.type("enter", "enter", "enter")
        await console.news()
        assert console.app.crash is None


@pytest.mark.parametrize("turns", range(4))
async def test_an_arrow_that_comes_right_behind_the_palette_does_it_no_harm(turns: int) -> None:
    """However far the box is put together by then; the arrows go through its list."""
    async with a_console() as console:
        await console.type("colon")
        for _ in range(turns):
            await asyncio.sleep(0)
        await console.type("down", "up", "down")
        await console.until(lambda: isinstance(console.app.screen, Palette) and console.app.screen.is_mounted)
        await console.press("down")
        table = console.app.screen.query_one(RowTable)
        await console.until(lambda: table.cursor_place[0] > 1)
        assert console.app.crash is None
