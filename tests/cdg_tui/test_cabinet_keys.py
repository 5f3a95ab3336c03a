"""What the keys do to a whole cabinet: maintenance and service, begun and ended, from lists."""

import pytest

from cdg_tui.commands.cabinets import BACK, OUT, WORKED, WORKS
from cdg_tui.commands.spans import LONG, SHORT, SPANS
from tests.cdg_tui.consoles import a_console
from tests.cdg_tui.fake_core import FakeCore
from tests.cdg_tui.shops import a_shop
from tests.cdg_tui.test_case_keys import sent_by

pytestmark = pytest.mark.anyio

DOWN = ("g", "j")  # to the second worst, on which nobody works


@pytest.mark.requirement(17)
async def test_somebody_works_on_it_until_a_time_that_the_question_says() -> None:
    async with a_console(a_shop(), now=lambda: 1000.0) as console:
        await console.press(*DOWN, "M")
        await console.shows("检修模式", "04 熟食柜", "( ) 3 1 小时（到 13:00）")
        path, body = await sent_by(console, *"31Y")
        assert path == "cabinets/04/maintenance"
        assert (body["for_s"], body["reason"]) == (3600.0, "清洗")
        await console.shows("检修模式，到 13:00")


async def test_the_same_key_ends_it() -> None:
    async with a_console(a_shop()) as console:
        await console.press("g", "M")
        await console.shows("结束检修模式", "03 鲜奶柜")
        path, body = await sent_by(console, *"1Y")
        assert path == "cabinets/03/maintenance"
        assert (body["for_s"], body["reason"]) == (0.0, "已修好")
        await console.shows("检修模式已结束")


async def test_who_ends_it_is_not_asked_as_if_the_cabinet_had_been_out_of_service() -> None:
    async with a_console(a_shop()) as console:
        await console.press("g", "M")
        await console.shows("结束检修模式", "没修好，等配件", "误开检修，撤回")
        assert "重新使用" not in console.text
        assert "误操作，撤回" not in console.text


async def test_a_row_says_in_words_that_somebody_works_on_its_cabinet() -> None:
    """Also where its state is worse than that."""
    async with a_console(a_shop()) as console:
        rows = console.text.splitlines()
        assert [row for row in rows if "检修" in row and "!!严重" in row and "鲜奶柜" in row]


@pytest.mark.requirement(17)
async def test_a_cabinet_goes_out_of_service_and_the_question_says_what_closes_with_it() -> None:
    async with a_console(a_shop(), now=lambda: 1000.0) as console:
        await console.press("g", "O")
        await console.shows("停用这台冷柜", "未关闭的报警 2 个随之关闭", "( ) 1 4 小时（到 16:00）", "11-26 12:00")
        path, body = await sent_by(console, *"21Y")
        assert path == "cabinets/03/out_of_service"
        assert (body["reason"], body["due_back"]) == ("坏了，等维修", "2026-11-26T04:00:03Z")
        await console.shows("已停用，应于 11-26 12:00 恢复")


async def test_nobody_has_to_know_when_it_will_be_back() -> None:
    async with a_console(a_shop()) as console:
        await console.press("g", "O")
        await console.shows("还不知道")
        assert "还不知道（" not in console.text
        _, body = await sent_by(console, *"52Y")
        assert body["due_back"] is None
        await console.shows("已停用，应于 -- 恢复")


async def test_a_cabinet_that_is_out_is_put_back_and_is_not_maintained() -> None:
    core = a_shop()
    core.cabinets = [cabinet for cabinet in core.cabinets if cabinet.out_since is not None]
    async with a_console(core) as console:
        await console.press("g", "M")
        await console.shows("这台冷柜已停用，不需要检修模式")
        await console.press("O")
        await console.shows("恢复使用这台冷柜", "10 蛋糕柜")
        path, body = await sent_by(console, *"1Y")
        assert (path, body["reason"]) == ("cabinets/10/in_service", "已修好")
        await console.shows("已恢复使用")


@pytest.mark.parametrize(
    ("keys", "code", "told"),
    [
        ("O11Y", "already_out_of_service", "这台冷柜已经停用"),
        ("O11Y", "due_back_in_the_past", "恢复时间已经过去"),
        ("O11Y", "cabinet_not_found", "没有这台冷柜"),
        ("M1Y", "out_of_service", "这台冷柜已停用"),
    ],
)
async def test_what_somebody_else_did_meanwhile_is_refused_in_words(keys: str, code: str, told: str) -> None:
    core = a_shop()
    core.refuse = dict.fromkeys(("out_of_service", "maintenance"), (409, code))
    async with a_console(core) as console:
        await console.press("g", *keys)
        await console.shows(f"没有做成：{told}")


async def test_without_a_cabinet_there_is_nothing_to_ask() -> None:
    core = FakeCore()
    core.cabinets = []
    async with a_console(core) as console:
        for key in "MOAH":
            await console.press(key)
            await console.shows("这里没有可操作的行")
            await console.press("2", "1")
        assert core.written == []


@pytest.mark.parametrize("names", [WORKS, WORKED, OUT, BACK, SHORT, LONG])
def test_a_list_has_a_digit_for_each_option(names: tuple[str, ...]) -> None:
    assert 1 <= len(names) <= 9


def test_no_shelf_and_no_maintenance_is_offered_that_the_core_would_refuse_as_too_long() -> None:
    assert all(60 <= (SPANS[name] or 0) <= 28_800 for name in SHORT)
