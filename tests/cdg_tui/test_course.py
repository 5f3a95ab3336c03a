"""The course in the details: asked for only while they are open, dated, cut to what there is room for, and never in the way."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from rich.cells import cell_len

from cdg_tui import lookups
from cdg_tui.chart import BEYOND
from cdg_tui.course import COLUMNS, Course, Steps, Stretch, known_part, whole_steps
from cdg_tui.i18n import LANGUAGES, Language
from cdg_tui.screens.cases import Cases
from cdg_tui.screens.course_text import AXIS, CLEARED, ON, OPENED, course_text
from cdg_tui.screens.overview import Overview
from cdg_tui.widgets.line import Line
from tests.cdg_tui.consoles import NARROW, WIDE, Console, a_console
from tests.cdg_tui.factories import NOW, a_cabinet, a_case, a_reading, at
from tests.cdg_tui.fake_core import FakeCore, a_problem, broken_off
from tests.cdg_tui.histories import a_day, answer
from tests.cdg_tui.shops import a_shop
from tests.cdg_tui.test_pages import a_core, a_view

HISTORY = "GET readings/history"


TRENDS = 9  # the shop's cabinets, of each of which the last hour is asked for once


def asked(core: FakeCore) -> int:
    """How often for a course."""
    return core.asked.count(HISTORY) - TRENDS


async def prefilled(console: Console) -> None:
    await console.until(lambda: asked(console.core) == 0)


def a_course(stretch: Stretch) -> Course:
    day = a_day()
    return Course(
        stretch=stretch,
        asked_at=NOW,
        history=answer(day, stretch.sensor, *stretch.steps),
        contacts=tuple(answer(day, sensor, *stretch.steps) for sensor, _ in stretch.contacts),
    )


def shown(stretch: Stretch, *, room: int = 74, language: Language = "zh") -> list[str]:
    return course_text(a_view(a_shop(), language=language), a_course(stretch), room).plain.split("\n")


def the_cabinets() -> Stretch:
    stretch = Overview().stretch(a_view(a_shop()), "03")
    assert stretch is not None
    return stretch


def the_cases(**more: Any) -> Stretch | None:
    core = a_shop()
    core.cases = [a_case(1, **more)]
    return Cases().stretch(a_view(core), a_case(1).case_id)


# -- which stretch -----------------------------------------------------------------------------------------------------


def test_of_a_cabinet_the_last_day_is_shown_with_its_defrosts_and_doors() -> None:
    stretch = the_cabinets()
    assert (stretch.sensor, stretch.contacts) == ("03.air", (("03.defrost", "defrost"), ("03.door", "door")))
    assert stretch.steps == Steps(at(-86400 - 3), at(1800 - 3), 1800)
    wide = Overview().stretch(replace(a_view(a_shop()), columns=98), "03")
    assert wide is not None
    assert wide.steps.step_s == 900


def test_a_case_is_shown_from_before_its_breach_to_after_its_end() -> None:
    open_one, over = the_cases(opened_at=at(-7200)), the_cases(opened_at=at(-36_000), cleared_at=at(-20_000))
    assert open_one is not None
    assert over is not None
    lead_s = 1800 + 1800  # half an hour before the alarm delay began
    for stretch, since, until in ((open_one, at(-7200 - lead_s), at(0)), (over, at(-36_000 - lead_s), at(-18_200))):
        step = timedelta(seconds=stretch.steps.step_s)
        assert stretch.steps.since <= since < stretch.steps.since + step
        assert stretch.steps.until - step <= until < stretch.steps.until
    assert [mark for _, mark in over.marks] == [OPENED, CLEARED]


def test_a_case_that_is_in_the_future_since_the_clock_was_set_back_is_shown_up_to_its_beginning() -> None:
    stretch = the_cases(opened_at=at(86_400))
    assert stretch is not None
    assert stretch.steps.since < at(86_400) < stretch.steps.until


@pytest.mark.parametrize(
    ("more", "limits"),
    [
        ({"kind": "temp_high", "limit": 6.0}, (None, 6.0)),
        ({"kind": "temp_low", "limit": -1.0}, (-1.0, None)),
        ({"kind": "rate_of_rise", "limit": 5.0}, (None, None)),
        ({"kind": "door_open", "limit": None, "sensor": "03.door"}, (None, None)),
    ],
)
def test_a_case_has_the_limit_that_it_is_about_and_a_door_the_air_behind_it(
    more: dict[str, Any], limits: tuple[float | None, float | None]
) -> None:
    stretch = the_cases(**more)
    assert stretch is not None
    assert stretch.sensor == "03.air"
    assert (stretch.low, stretch.high) == limits


def test_where_nothing_is_measured_there_is_no_course() -> None:
    assert the_cases(cabinet="99") is None
    assert the_cases(cabinet="", sensor="") is None
    bare = structs.replace(a_cabinet(), sensors=())
    door = a_cabinet("04", "x", a_reading("04.door", 1.0, quantity="door"))
    view = a_view(a_core(cabinets=[bare, door]))
    assert [Overview().stretch(view, key) for key in ("03", "04", "gone")] == [None, None, None]


@given(
    st.timedeltas(timedelta(minutes=1), timedelta(days=60)), st.sampled_from([62, 66, 98, 140]), st.integers(0, 86400)
)
def test_there_is_room_for_all_steps(length: timedelta, columns: int, shift_s: int) -> None:
    until = at(shift_s)
    steps = whole_steps(until - length, until, columns)
    step = timedelta(seconds=steps.step_s)
    count = (steps.until - steps.since) // step
    assert 1 <= count <= columns
    assert steps.since <= until - length < steps.since + step
    assert steps.until - step <= until < steps.until


def test_a_young_box_shows_what_it_has_in_shorter_steps_and_an_old_one_all_of_its_day() -> None:
    stretch = the_cabinets()
    young = {"03.air": [minute for minute in a_day()["03.air"] if minute.at_ms >= at(-3000).timestamp() * 1000]}
    known = known_part(stretch, answer(young, "03.air", *stretch.steps), NOW, COLUMNS)
    assert known.steps == Steps(at(-3600 - 3), at(60 - 3), 60)
    assert answer(young, "03.air", *known.steps).points[-1].at <= NOW
    for recorded in ({}, a_day()):
        assert known_part(stretch, answer(recorded, "03.air", *stretch.steps), NOW, COLUMNS) == stretch
    nonsense = answer(a_day(), "03.air", *stretch.steps)
    for moment in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        points = (structs.replace(nonsense.points[0], at=moment),)
        assert known_part(stretch, structs.replace(nonsense, points=points), NOW, COLUMNS) == stretch


# -- how it looks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("room", [0, 1, 7, 8, 10, 20, 40, 74])
def test_the_chart_never_has_more_columns_than_there_is_room_for(room: int, language: Language) -> None:
    rows = [line for line in shown(the_cabinets(), room=room, language=language) if "│" in line]
    assert all(cell_len(row) <= room for row in rows)
    assert bool(rows) is (room > AXIS + 1)


def test_where_there_is_little_room_the_newest_is_shown() -> None:
    whole, part = (
        [line.partition("│")[2] for line in shown(the_cabinets(), room=room) if "│" in line] for room in (74, 30)
    )
    assert [row[-22:] for row in whole[-2:]] == part[-2:]  # the lanes


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_title_names_the_first_step_that_is_drawn_and_what_is_cut_off_is_told(language: Language) -> None:
    """Of the statistics too, which count it."""
    words = a_view(a_shop(), language=language).words
    whole, part = ("".join(shown(the_cabinets(), room=room, language=language)).replace(" ", "") for room in (74, 30))
    cut = [words(key, since="11-24 12:00").replace(" ", "") for key in ("course.cut", "course.whole")]
    for told, since, text in ((False, "11-24 12:00", whole), (True, "01:30:00", part)):  # 22 columns of half an hour
        title = words("course.title", sensor="03.air", since=since, until="12:00:03", step=30)
        assert text.startswith(title.replace(" ", ""))
        assert [said in text for said in cut] == [told, told]


def test_what_is_cut_off_is_not_said_to_be_unrecorded() -> None:
    assert "这段时间没有记录" not in "".join(shown(the_cabinets(), room=8))


def test_a_gap_is_empty_in_every_lane_and_an_excursion_is_marked() -> None:
    rows = [line.partition("│")[2].ljust(49) for line in shown(the_cabinets()) if "│" in line]
    chart, lanes = rows[:8], rows[-2:]
    for column in (22, 23):  # 780 minutes after the start of a day that begins 120 minutes before the chart
        assert {row[column] for row in chart + lanes} == {" "}
    assert any(BEYOND in row[45:] for row in chart)
    assert [lane.count(ON) for lane in lanes] == [3, 5]


def test_times_stand_under_their_columns_in_the_sites_time_and_midnight_is_a_date() -> None:
    [ticks] = [line for line in shown(the_cabinets()) if "18:00" in line]
    axis = ticks.partition("│")[2]
    assert [axis.index(text) for text in ("12:00", "18:00", "11-25", "06:00")] == [0, 12, 24, 36]


def test_what_it_amounts_to_is_said_in_words() -> None:
    text = "\n".join(shown(the_cabinets()))
    for words in ("限内 9", "超上限 4 次", "最长", "度分", "平均动力学温度", "无数据 70分", "到 12.4，平均"):
        assert words in text


def test_of_a_time_without_records_that_is_said() -> None:
    unknown = Stretch(sensor="99.air", contacts=(), steps=whole_steps(at(-86400), at(0), COLUMNS), statistics=True)
    assert shown(unknown)[-1] == "这段时间没有记录"
    young = replace(a_course(unknown), young=True)
    assert "还没有记满一分钟" in course_text(a_view(a_shop()), young, 74).plain


# -- when it is asked for ----------------------------------------------------------------------------------------------


async def opened(console: Console, *keys: str) -> None:
    await console.press(*keys)
    await console.until(lambda: "正在读历史" not in console.read)


@pytest.mark.anyio
async def test_the_history_is_asked_for_once_when_details_open_and_not_in_the_rounds() -> None:
    async with a_console(a_shop()) as console:
        await prefilled(console)
        await console.news()
        assert asked(console.core) == 0
        await opened(console, "enter")
        assert "03.air 从" in console.read
        assert asked(console.core) == 3  # the air, the defrost, the door
        await console.news()
        await console.news()
        assert asked(console.core) == 3


@pytest.mark.anyio
async def test_it_is_asked_for_again_while_they_are_open_and_no_more_when_they_are_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookups, "COURSE_EVERY_S", 0.05)
    async with a_console(a_shop()) as console:
        await opened(console, "enter")
        await console.until(lambda: asked(console.core) >= 9)
        await console.press("escape")
        await console.pilot.pause(0.1)
        after = asked(console.core)
        await console.pilot.pause(0.3)
        assert asked(console.core) == after


def _told(console: Console, selector: str) -> str:
    return console.app.screen.query_one(selector, Line).shown.plain


@pytest.mark.anyio
@pytest.mark.parametrize("columns", [140, 160])
async def test_beside_the_list_all_of_the_stretch_is_drawn(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "REST_S", 0.03)
    core = a_shop()
    async with a_console(core, size=(columns, 50)) as console:
        await console.until(lambda: "03.air 从" in _told(console, "#detail"))
        assert "03.air 从 11-24 12:00 到" in _told(console, "#detail")
        assert "没有画全" not in _told(console, "#detail")
        await console.press("2")
        await console.until(lambda: " 从 " in _told(console, "#detail"))
        assert "没有画全" not in _told(console, "#detail")


@pytest.mark.anyio
async def test_when_the_room_changes_the_course_is_read_again_for_what_there_is() -> None:
    """Until then it says what is cut off."""
    async with a_console(a_shop(), size=WIDE) as console:
        await opened(console, "enter")
        assert "每格 15 分" in console.read
        console.core.refuse["readings/history"] = (409, "history_unreadable")
        await console.pilot.resize_terminal(*NARROW)
        await console.until(lambda: "没有画全" in console.read and "历史没有读到" in console.read)
        console.core.refuse.clear()
        await console.pilot.resize_terminal(NARROW[0] + 1, NARROW[1])
        await console.until(lambda: "每格 30 分" in console.read)
        assert "没有画全" not in console.read


@pytest.mark.anyio
async def test_of_a_core_that_has_just_started_it_is_said_that_there_is_no_whole_minute_yet_and_asked_again_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookups, "COURSE_SOON_S", 0.05)
    core = a_shop()
    day, core.minutes = core.minutes, {}
    core.status_changes = {"uptime_s": 40.0}
    async with a_console(core) as console:
        await opened(console, "enter")
        assert "还没有记满一分钟" in console.read
        core.status_changes = {"uptime_s": 4000.0}
        await console.news()
        await console.until(lambda: "这段时间没有记录" in console.read)
        core.minutes = day
        await console.until(lambda: "03.air 从 11-24 12:00" in console.read and "限内" in console.read)
        await console.pilot.pause(0.1)
        after = asked(core)
        await console.pilot.pause(0.3)
        assert asked(core) == after


@pytest.mark.anyio
async def test_of_a_young_box_it_is_asked_for_again_in_shorter_steps() -> None:
    core = a_shop()
    core.minutes["03.air"] = core.minutes["03.air"][-50:]
    async with a_console(core) as console:
        await prefilled(console)
        await opened(console, "enter")
        assert "每格 1 分" in console.read
        assert asked(core) == 4


@pytest.mark.anyio
async def test_of_a_delivery_nothing_is_asked_of_the_history() -> None:
    async with a_console(a_shop()) as console:
        await prefilled(console)
        await console.press("3", "enter")
        await console.shows("各次尝试")
        assert asked(console.core) == 0


@pytest.mark.anyio
@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_a_case_has_its_own_course(size: tuple[int, int]) -> None:
    async with a_console(a_shop(), size=size) as console:
        await opened(console, "2", "enter")
        assert "事件│" in console.read


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("refusal", "words"), [((404, "sensor_not_found"), "没有这个探头"), ((409, "history_unreadable"), "读不了")]
)
async def test_a_refusal_is_said_and_everything_else_goes_on(refusal: tuple[int, str], words: str) -> None:
    core = a_shop()
    core.refuse["readings/history"] = refusal
    async with a_console(core) as console:
        await opened(console, "enter")
        assert "历史没有读到" in console.read
        assert words in console.read
        core.cabinets = [structs.replace(core.cabinets[0], sensors=(a_reading("03.air", 9.9),)), *core.cabinets[1:]]
        await console.news()
        assert "9.9C" in console.read
        await console.press("escape", "2")
        await console.shows("[2 报警")


@pytest.mark.anyio
async def test_a_history_that_never_comes_holds_nothing_up() -> None:
    core = a_shop()
    silent = SilentHistory()
    vars(silent).update(vars(core))
    async with a_console(silent, deadline_s=0.3) as console:
        await console.press("enter")
        assert "正在读历史" in console.read
        await console.news()
        await console.until(lambda: "没有答复" in console.read)
        assert console.app.view().live


class SilentHistory(FakeCore):
    """Answers everything but this."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("history"):
            await asyncio.sleep(60)
        return await super().handle_async_request(request)


@pytest.mark.anyio
async def test_what_was_read_stays_with_its_time_when_it_can_not_be_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "COURSE_EVERY_S", 0.05)
    async with a_console(a_shop()) as console:
        await opened(console, "enter")
        console.core.fail = broken_off
        await console.until(lambda: "历史没有读到" in console.read)
        assert "到 12:00:0" in console.read
        console.core.fail = None
        await console.until(lambda: "历史没有读到" not in console.read)


@pytest.mark.anyio
async def test_a_core_of_before_the_history_is_no_trouble() -> None:
    core = a_shop()
    core.fail = lambda request: (
        a_problem(404, "not_found") if request.url.path.endswith("history") else _as_ever(core, request)
    )
    async with a_console(core) as console:
        await opened(console, "enter")
        assert "没有这个接口" in console.read


def _as_ever(core: FakeCore, request: httpx.Request) -> httpx.Response:
    return core._answer(request, request.url.path.removeprefix("/api/manage/"))


@pytest.mark.anyio
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
async def test_no_time_is_too_far_away(moment: str) -> None:
    core = a_shop()
    core.status_changes = {"now": moment}
    async with a_console(core) as console:
        for keys in (("enter",), ("escape", "2", "enter")):
            await console.press(*keys)
            await console.pilot.pause(0.1)
        assert console.app.crash is None
        assert console.app.is_running
