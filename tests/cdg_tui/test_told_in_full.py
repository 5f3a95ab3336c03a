"""Details that the core is asked for while they are open: every attempt of a delivery and what it holds, what was done about a
case and whether headquarters knows, the course of another sensor; and the course beside the list of a wide terminal.
"""

import asyncio

import httpx
import pytest
from msgspec import structs

from cdg_tui import lookups
from core import wire
from tests.cdg_tui.consoles import WIDE, Console, a_console
from tests.cdg_tui.factories import a_cabinet, a_case, a_dead_letter, a_reading, a_retry, an_attempt, at
from tests.cdg_tui.fake_core import FakeCore, broken_off
from tests.cdg_tui.shops import a_shop
from tests.cdg_tui.walks import sound

pytestmark = pytest.mark.anyio

HISTORY = "GET readings/history"


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REST_S", "LOOK_S", "AGAIN_S"):
        monkeypatch.setattr(lookups, name, 0.03)
    monkeypatch.setattr(lookups, "NEWS_EVERY_S", 0.1)


# -- a delivery --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement(10, 1)
@pytest.mark.parametrize(("page", "item"), [("3", a_retry(1)), ("4", a_dead_letter(101))])
async def test_every_attempt_is_told_with_who_how_long_and_what_the_receiver_answered(
    page: str, item: wire.RetryItem
) -> None:
    core = a_shop()
    delivery_id = item.delivery_id
    by_hand = an_attempt(
        19, trigger="manual", actor="li (uid:1000)", error_class="dns", http_status=None, error="no host"
    )
    newest = an_attempt(20, response_excerpt="<html>\x1b[2J busy", response_truncated=True, retry_after_s=60.0)
    core.attempts[delivery_id] = (*(an_attempt(n, response_excerpt="") for n in range(1, 19)), by_hand, newest)
    async with a_console(core) as console:
        await console.press(page, "enter")
        await console.until(lambda: " 20  " in console.read)
        told = console.read[console.read.index("各次尝试") :].split("\n")[1:]
        assert [line.split()[0] for line in told if not line.startswith("     ")] == [str(n) for n in range(20, 0, -1)]
        assert "对方要等 60秒" in told[0]
        assert told[1] == "     <html>\\x1b[2J busy ...（只保留开头）"
        assert "手动 li (uid:1000)" in told[2]
        assert told[2].endswith("域名解析失败  no host")
        await console.press("G")
        sound(console)


async def test_an_attempt_that_is_made_while_they_are_open_joins_them() -> None:
    async with a_console(a_shop()) as console:
        await console.press("3", "enter")
        await console.until(lambda: "  2  11:59" in console.read)
        item = a_retry(1).delivery_id
        console.core.attempts[item] = (*console.core.attempts[item], an_attempt(3))
        await console.until(lambda: "  3  11:59" in console.read)


async def test_v_shows_what_a_delivery_holds_with_its_size_and_fingerprint() -> None:
    async with a_console(a_shop()) as console:
        await console.press("3", "enter", "v")
        await console.shows('"value": 9.4', "字节", "sha256")
        assert '      "name": "鲜奶柜"' in console.read
        await console.press("escape")
        await console.shows("详情")
        assert console.core.written == []


async def test_whoever_may_not_see_what_it_holds_is_told_so() -> None:
    core = a_shop()
    core.refuse["payload"] = (403, "insufficient_scope")
    async with a_console(core) as console:
        await console.press("3", "enter", "v")
        await console.shows("没有读到", "权限")


# -- a case ------------------------------------------------------------------------------------------------------------


async def test_a_case_tells_who_did_what_and_whether_headquarters_knows() -> None:
    core = a_shop()
    core.changed(structs.replace(a_retry(3), case_id=a_case(2).case_id, last_attempt=an_attempt(2, error_class="dns")))
    async with a_console(core) as console:
        await console.press("2", "j", "enter")
        await console.until(lambda: "处理经过" in console.read)
        for told in ("11:56:43  备注  li (uid:1000)  已叫维修", "总部  报警产生  等待  2 次", "域名解析失败"):
            assert told in console.read
        core.retries = [one for one in core.retries if one.case_id != a_case(2).case_id]
        await console.until(lambda: "都已送达" in console.read)


async def test_a_case_that_nobody_touched_says_so() -> None:
    async with a_console(a_shop()) as console:
        await console.press("2", "enter")
        await console.until(lambda: "还没有人处理" in console.read)


# -- a cabinet ---------------------------------------------------------------------------------------------------------


async def test_tab_shows_the_course_of_the_cabinets_next_sensor_and_never_another_ones() -> None:
    core = a_shop()
    humid = a_reading("03.rh", 70.0, quantity="humidity", unit="%")
    core.cabinets = [a_cabinet("03", "鲜奶柜", a_reading("03.air"), humid)]
    core.minutes["03.rh"] = core.minutes["03.air"]
    async with a_console(core) as console:
        await console.press("enter")
        await console.until(lambda: "03.air 从" in console.read)
        assert "Tab 换探头" in console.text
        await console.press("tab")
        await console.until(lambda: "03.rh 从" in console.read)
        assert "03.air 从" not in console.read
        await console.press("tab")
        await console.until(lambda: "03.air 从" in console.read)


# -- beside the list ---------------------------------------------------------------------------------------------------


class SlowHistory(FakeCore):
    """Answers of one sensor only when told to."""

    slow = "03.air"
    gate = asyncio.Event()

    def __init__(self) -> None:
        super().__init__()
        self.courses: list[str] = []  # of which sensors one was asked for

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        sensor = request.url.params.get("sensor")
        if sensor is not None and request.url.params.get("step_s") != "60":
            self.courses.append(sensor)
            if sensor == self.slow:
                await self.gate.wait()
        return await super().handle_async_request(request)


@pytest.mark.requirement(12)
async def test_beside_the_list_stands_the_course_of_the_row_under_the_cursor() -> None:
    async with a_console(a_shop(), size=WIDE) as console:
        await console.shows("03.air 从", "平均", "化霜或开门")
        await console.press("j")
        await console.shows("04.air 从")
        assert "03.air 从" not in console.text


@pytest.mark.parametrize("slow", ["03.air", "04.air"])
async def test_the_course_of_another_row_is_never_shown(slow: str) -> None:
    """Neither the last one while the next is still to come, nor one that comes when the cursor has gone on."""
    core = SlowHistory()
    vars(core).update(vars(a_shop()))
    core.slow, core.gate = slow, asyncio.Event()
    async with a_console(core, size=WIDE) as console:
        if slow == "04.air":
            await console.shows("03.air 从")
        else:
            await console.until(lambda: "03.air" in core.courses)
        await console.press("j")
        await console.until(lambda: "04.air" in core.courses)
        assert "03.air 从" not in console.text
        assert f"{slow} 从" not in console.text
        core.gate.set()
        await console.news()  # meanwhile whatever waited at the gate has come
        await console.shows("04.air 从")
        assert "03.air 从" not in console.text


@pytest.mark.requirement(12)
async def test_beside_a_delivery_stand_its_attempts_and_beside_a_case_its_steps_and_news() -> None:
    async with a_console(a_shop(), size=WIDE) as console:
        for keys, told in (
            (("3",), ("各次尝试", "  2  11:59")),
            (("2",), ("还没有人处理", "总部  报警产生")),
            (("j",), ("已叫维修",)),
        ):
            await console.press(*keys)
            await console.shows(*told)
        assert "还没有人处理" not in console.text
        assert console.core.written == []


async def test_what_is_new_about_it_comes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "NEWS_EVERY_S", 0.05)
    async with a_console(a_shop(), size=WIDE) as console:
        await console.press("3")
        await console.shows("  2  11:59")
        item = a_retry(1).delivery_id
        console.core.attempts[item] = (*console.core.attempts[item], an_attempt(3))
        await console.shows("  3  11:59")


async def test_of_a_row_that_the_cursor_has_left_nothing_more_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "NEWS_EVERY_S", 0.02)
    async with a_console(a_shop(), size=WIDE) as console:
        await console.press("3")
        await console.shows("  2  11:59")
        asked = console.core.asked
        left, entered = (f"GET webhooks/retries/{a_retry(n).delivery_id}" for n in (1, 2))
        assert left in asked
        await console.press("j")
        await console.until(lambda: entered in asked)
        before = asked.count(left)
        await console.until(lambda: asked.count(entered) >= 3)
        assert asked.count(left) == before


# -- below the list ----------------------------------------------------------------------------------------------------


async def test_where_the_list_leaves_room_all_of_the_details_stand_below_it() -> None:
    core = a_shop()
    core.cases = [a_case(n, note="第一句，第二句，第三句，" * 9) for n in range(1, 3)]
    async with a_console(core) as console:
        await console.press("2")
        await console.shows("第三句，")
        assert "".join(console.text.split()).count("第一句，第二句，第三句，") == 9
        core.cases = [a_case(n, note="第一句，第二句，第三句，" * 9) for n in range(1, 30)]
        await console.shows("报警 1/29", "…… 其余按 Enter")
        await console.press("enter")
        await console.until(lambda: "".join(console.read.split()).count("第一句，第二句，第三句，") == 9)


async def test_of_many_cases_of_a_cabinet_the_worst_are_told_and_how_many_there_are() -> None:
    core = a_shop()
    core.cases = [a_case(n, severity="warning", opened_at=at(-n)) for n in range(1, 39)]
    core.cases += [a_case(39, opened_at=at(-5000)), a_case(40, condition="cleared", opened_at=at(-1))]
    async with a_console(core, size=WIDE) as console:
        await console.shows("另有 38 个（2 查看）", "03.air      温度 9.4C")
        assert console.text.count("!!严重      高温报警") == 1
        assert console.text.count("! 警告      高温报警") == 1


async def test_in_a_narrow_terminal_no_course_is_asked_for_by_itself() -> None:
    async with a_console(a_shop()) as console:
        await console.until(lambda: console.core.asked.count(HISTORY) == 9)  # the trends
        for _ in range(3):  # in a wide one it had been by then
            await console.news()
        assert console.core.asked.count(HISTORY) == 9


async def test_while_the_history_can_not_be_had_the_list_and_its_keys_go_on() -> None:
    core = a_shop()
    core.refuse["readings/history"] = (404, "not_found")
    async with a_console(core, size=WIDE) as console:
        await console.pilot.pause(0.2)
        await console.press("j", "j", "enter")
        await console.shows("没有这个接口")
        console.core.fail = broken_off
        await console.shows("断开")


# -- the trends --------------------------------------------------------------------------------------------------------


def _points(console: Console, sensor: str) -> list[float | None]:
    return list(console.app.store.trends[sensor].points)


async def test_the_trends_begin_with_the_last_hour_of_the_history() -> None:
    async with a_console(a_shop()) as console:
        await console.until(lambda: any(_points(console, "03.air")))
        known = [value for value in _points(console, "03.air") if value is not None]
        assert len(known) == 48
        assert known[-1] > known[0]  # it failed within the hour
        assert {trend.step_s for trend in console.app.store.trends.values()} == {80.0}
        await console.news()
        assert len(console.app.store.trends["03.air"].shown) == 48


@pytest.mark.parametrize("cabinets", [41, 0])
async def test_very_many_cabinets_or_a_core_without_a_history_change_nothing(cabinets: int) -> None:
    core = a_shop()
    core.refuse["readings/history"] = (404, "not_found")
    core.cabinets = [a_cabinet(f"{n}", "x") for n in range(cabinets)] or core.cabinets
    async with a_console(core) as console:
        await console.pilot.pause(0.2)
        assert {trend.step_s for trend in console.app.store.trends.values()} == {5.0}
        assert core.asked.count(HISTORY) == (0 if cabinets else 1)
