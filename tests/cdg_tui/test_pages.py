"""What the pages make of what is known: in which order, in which words, and never a number that is not of now."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from msgspec import structs
from rich.cells import cell_len

from cdg_tui.i18n import LANGUAGES, Language, Words, texts
from cdg_tui.screens.cases import Cases
from cdg_tui.screens.dead import Dead
from cdg_tui.screens.device import Device
from cdg_tui.screens.overview import Overview
from cdg_tui.screens.page import LEAST, Page, View
from cdg_tui.screens.retries import Retries
from cdg_tui.store import STALE_S, TREND_LONGEST_S, TREND_POINTS, Link, LinkState, Snapshot, Store
from cdg_tui.widgets.rows import BREATH, left_over
from core import wire
from core.wire_endpoints import Endpoints
from tests.cdg_tui import core_codes
from tests.cdg_tui.factories import a_cabinet, a_case, a_dead_letter, a_reading, a_retry, an_attempt, at
from tests.cdg_tui.fake_core import FakeCore, a_status
from tests.cdg_tui.listings import listed_by
from tests.cdg_tui.shops import a_shop

ASKED_S = 1000.0
PAGES: tuple[Page, ...] = (Overview(), Cases(), Retries(), Dead(), Device())


def a_view(
    core: FakeCore,
    *,
    language: Language = "zh",
    later_s: float = 0.0,
    room: int = LEAST[0],
    link: Link | None = None,
    page: Page | None = None,
) -> View:
    """As it looks `later_s` after the core was asked."""
    store = Store()
    cabinets = wire.Cabinets(items=tuple(core.cabinets))
    store.apply(
        Snapshot(
            asked_s=ASKED_S,
            took_s=0.0,
            status=a_status(core),
            cabinets=cabinets,
            cases=tuple(core.cases),
            listed=listed_by(core, page or Retries(), ASKED_S),
            endpoints=Endpoints(items=tuple(core.endpoints), network="unknown", network_since=None),
        )
    )
    if link is not None:
        store.link = link
    return View(store=store, words=Words(language), now_s=ASKED_S + later_s, room=room)


def a_core(**lists: Any) -> FakeCore:
    core = FakeCore()
    for name, items in lists.items():
        setattr(core, name, list(items))
    return core


def keys(page: Page, view: View) -> list[str]:
    return [row.key for row in page.rows(view)]


def ids(*items: wire.RetryItem) -> list[str]:
    return [item.delivery_id for item in items]


# -- the order ---------------------------------------------------------------------------------------------------------


def test_cabinets_stand_worst_first_and_an_unknown_state_at_the_top() -> None:
    states = ["ok", "pending", "stale", "fault", "warning", "critical", "on_fire"]
    core = a_core(cabinets=[a_cabinet(state, "", state=state) for state in states])
    assert set(keys(Overview(), a_view(core))[:2]) == {"critical", "on_fire"}
    assert keys(Overview(), a_view(core))[2:] == ["warning", "fault", "stale", "pending", "ok"]


def test_cases_that_go_on_stand_before_those_that_are_over_then_the_worst_then_the_newest() -> None:
    cases = [
        a_case(1, severity="critical", condition="cleared"),
        a_case(2, severity="warning"),
        a_case(3, severity="critical", opened_at=at(-900)),
        a_case(4, severity="critical", opened_at=at(-100)),
        a_case(5, severity="critical", condition="unknown"),
        a_case(6, severity="info"),
    ]
    assert [key[-1] for key in keys(Cases(), a_view(a_core(cases=cases)))] == ["4", "3", "5", "2", "6", "1"]


def test_deliveries_stand_by_their_next_attempt_and_those_without_one_last() -> None:
    late, soon = a_retry(1, next_attempt_in_s=500.0), a_retry(2, next_attempt_in_s=5.0)
    behind = a_retry(3, next_attempt_in_s=None, waits_for=late.delivery_id)
    view = a_view(a_core(retries=[behind, late, soon, a_dead_letter(4)]))
    assert keys(Retries(), view) == ids(soon, late, behind)
    assert [row.cells[0].strip("*> ") for row in Retries().rows(view)] == ["等待", "等待", "排队"]


def test_rows_do_not_change_places_while_only_time_goes_by() -> None:
    core = a_core(retries=[a_retry(n, next_attempt_in_s=float(n)) for n in range(9)])
    assert keys(Retries(), a_view(core)) == keys(Retries(), a_view(core, later_s=4.5))


def test_dead_letters_stand_newest_first() -> None:
    old, new = a_dead_letter(1, settled_at=at(-9000)), a_dead_letter(2, settled_at=at(-9))
    assert keys(Dead(), a_view(a_core(retries=[old, new, a_retry(3)]), page=Dead())) == ids(new, old)


# -- numbers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "mark"),
    [
        ({"quality": "stale", "stale": True, "state": "stale", "age_s": 400.0}, "? 无数据"),
        ({"quality": "fault", "fault": "timeout", "state": "fault"}, "? 故障"),
    ],
)
def test_a_sensor_without_a_good_value_shows_its_trouble_and_no_number(changes: dict[str, Any], mark: str) -> None:
    """The last value stands in the details only, called so and dated."""
    reading = a_reading("03.air", None, last_value=4.2, **changes)
    view = a_view(a_core(cabinets=[a_cabinet("03", "鲜奶柜", reading, state=changes["state"])]))
    [row] = Overview().rows(view)
    assert (row.cells[0], row.cells[3]) == (mark, "--")
    [(_, text)] = Overview().detail(view, "03")[1:]
    assert "最近值 4.2C（12:00:02）" in text


@pytest.mark.parametrize(
    ("later_s", "link"),
    [(STALE_S + 1, None), (1.0, Link(state=LinkState.LOST)), (1.0, Link(state=LinkState.DENIED))],
)
def test_nothing_is_a_number_of_now_while_the_link_is_not_live(later_s: float, link: Link | None) -> None:
    core = a_core(cabinets=[a_cabinet(state="critical")], cases=[a_case(1, value=9.4)])
    view = a_view(core, later_s=later_s, link=link)
    [row] = Overview().rows(view)
    assert (row.cells[0], row.cells[3]) == ("? 无数据", "--")
    assert "最近值 4.2" in dict(Overview().detail(view, "03"))["03.air"]
    assert "现值 --" in dict(Cases().detail(view, a_case(1).case_id))["读数"]
    live = a_view(core)
    assert [row.cells[3] for row in Overview().rows(live)] == ["4.2"]
    assert "现值 9.4" in dict(Cases().detail(live, a_case(1).case_id))["读数"]


@pytest.mark.parametrize("condition", ["unknown", "cleared"])
def test_a_case_that_nobody_can_see_go_on_has_no_value_of_now(condition: str) -> None:
    """Its probe has failed, or it is over: what was measured then is not measured now."""
    view = a_view(a_core(cases=[a_case(1, value=9.4, peak=9.8, condition=condition)]))
    assert "现值 --  峰值 9.8" in dict(Cases().detail(view, a_case(1).case_id))["读数"]


def test_the_worst_thermometer_stands_for_its_cabinet() -> None:
    """Not its hygrometer, however bad that is."""
    sensors = (
        a_reading("03.humidity", 99.0, quantity="humidity", state="critical"),
        a_reading("03.air", 4.0),
        a_reading("03.food", 9.9, state="warning"),
    )
    [row] = Overview().rows(a_view(a_core(cabinets=[a_cabinet("03", "x", *sensors)])))
    assert row.cells[3] == "9.9"


def test_a_cabinet_without_sensors_has_no_number() -> None:
    bare = structs.replace(a_cabinet(), sensors=(), state="stale")
    [row] = Overview().rows(a_view(a_core(cabinets=[bare])))
    assert row.cells[3] == "--"


@pytest.mark.parametrize(
    ("low", "high", "value", "level"),
    [
        (0.0, 8.0, 8.0, "█"),
        (None, 0.0, 0.0, "█"),
        (None, 0.0, -8.0, "▁"),
        (-20.0, None, -20.0, "▁"),
        (None, None, 4.0, "█"),
    ],
)
def test_a_trend_ends_at_the_limits_edge_also_where_the_limit_is_zero(
    low: float | None, high: float | None, value: float, level: str
) -> None:
    reading = a_reading("03.air", value)
    [row] = Overview().rows(a_view(a_core(cabinets=[a_cabinet("03", "x", reading, low=low, high=high)])))
    assert row.cells[5].strip() == level


def test_how_long_ago_was_heard_of_a_sensor_grows_while_nobody_answers() -> None:
    core = a_core(cabinets=[a_cabinet("03", "x", a_reading("03.air", age_s=2.0))])
    ages = [Overview().rows(a_view(core, later_s=later_s))[0].cells[6] for later_s in (0.0, 40.0)]
    assert ages == ["2秒", "42秒"]


# -- deliveries --------------------------------------------------------------------------------------------------------


def test_the_last_error_has_the_http_status_where_there_was_an_answer() -> None:
    answered, silent, fresh = a_retry(1), a_retry(2), a_retry(3, last_attempt=None, attempts=0)
    silent = structs.replace(silent, last_attempt=an_attempt(1, http_status=None, error_class="timeout"))
    view = a_view(a_core(retries=[answered, silent, fresh]))
    assert [row.cells[-1] for row in Retries().rows(view)] == ["503 对方出错", "超时", "--"]
    dead = a_view(a_core(retries=[a_dead_letter(1)]), page=Dead())
    assert [row.cells[-1] for row in Dead().rows(dead)] == ["503 对方出错"]


def test_a_delivery_says_how_it_waits() -> None:
    ready, waiting, sent = (a_retry(n, next_attempt_in_s=s) for n, s in ((1, 0.0), (2, 60.0), (3, 0.0)))
    lost = a_retry(4, next_attempt_in_s=None, endpoint=wire.EndpointInfo(id="x", kind=None, host=None, state="missing"))
    view = a_view(a_core(retries=[ready, waiting, sent, lost], sending=(sent.delivery_id,)))
    states = {row.key: row.cells[0].strip() for row in Retries().rows(view)}
    assert [states[key] for key in ids(ready, waiting, sent, lost)] == ["* 到期", "等待", "> 发送中", "? 无地址"]


def test_of_cabinets_in_the_same_state_those_with_more_open_cases_come_first() -> None:
    cabinets = [a_cabinet("01", "甲"), a_cabinet("02", "乙", open_cases=3), a_cabinet("03", "丙", open_cases=1)]
    assert [row.key for row in Overview().rows(a_view(a_core(cabinets=cabinets)))] == ["02", "03", "01"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.id)
def test_a_pair_of_numbers_has_room_for_both(page: Page) -> None:
    titles = {column.title: column.width for column in page.columns(a_view(FakeCore()))}
    assert titles.get("限值", 11) >= len("-22.5/-18.5")
    assert titles.get("峰值/限值", 11) >= len("-12.3/-18.5")


def test_a_case_tells_whether_headquarters_has_heard_of_it() -> None:
    core = a_core(cases=[a_case(1, news_pending=1, news_dead=2)])
    lines = dict(Cases().detail(a_view(core), a_case(1).case_id))
    assert lines["推送"] == "待发 1，死信 2"
    core.cases = [a_case(1)]
    assert dict(Cases().detail(a_view(core), a_case(1).case_id))["推送"] == "无待发"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"beyond_s": 725.0}, "计时 12/30 分"),
        ({"beyond_s": 2000.0, "hold": "returning"}, "计时 33/30 分 正在回落（推断）"),
        ({"beyond_s": 0.0, "hold": "defrost"}, "计时 0/30 分 化霜中或刚化霜"),
    ],
)
def test_a_timer_that_runs_is_shown_with_the_reason_why_it_waits(more: dict[str, Any], told: str) -> None:
    core = FakeCore()
    core.cabinets = [a_cabinet("03", "鲜奶柜", a_reading("03.air", 9.0, state="pending", **more), state="pending")]
    assert told in dict(Overview().detail(a_view(core), "03"))["03.air"]


def a_pending(
    *, language: Language = "zh", room: int = LEAST[0], link: Link | None = None, **more: Any
) -> tuple[str, ...]:
    """The row of a cabinet that is beyond its limit."""
    reading = a_reading("03.air", 9.0, state="pending", **more)
    core = a_core(cabinets=[a_cabinet("03", "鲜奶柜", reading, state="pending")])
    [row] = Overview().rows(a_view(core, language=language, room=room, link=link))
    return row.cells


def test_a_row_says_how_far_the_timer_is_and_in_the_place_of_its_state_why_it_is_held() -> None:
    cells = a_pending(beyond_s=725.0)
    assert (cells[0], cells[5]) == ("! 计时中", "计时 12/30 分")
    cells = a_pending(beyond_s=2000.0, hold="defrost", room=120)
    assert cells[0] == "! 化霜中"
    assert cells[5].startswith("计时 33/30 分 ")
    assert cells[5].endswith("█")  # and the trend, where there is room
    assert a_pending(beyond_s=2000.0, hold="heating")[0] == "! 化霜?"


def test_a_cabinet_that_defrosts_while_all_is_well_says_so() -> None:
    for value, word in ((1.0, "  化霜中"), (0.0, "  正常")):
        defrost = a_reading("03.defrost", value, quantity="defrost")
        [row] = Overview().rows(a_view(a_core(cabinets=[a_cabinet("03", "x", a_reading(), defrost)])))
        assert row.cells[0] == word


def test_a_timer_of_which_nobody_tells_any_more_is_not_shown_as_running() -> None:
    cells = a_pending(beyond_s=725.0, hold="door", link=Link(state=LinkState.LOST))
    assert cells[0] == "? 无数据"
    assert "计时" not in cells[5]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("hold", sorted(core_codes.ENUMS["hold"]))
def test_a_held_timer_and_its_reason_fit_into_a_narrow_row(language: Language, hold: str) -> None:
    cells = a_pending(beyond_s=86_000.0 * 0.06, hold=hold, language=language)
    columns = Overview().columns(a_view(FakeCore(), language=language))
    assert [cell_len(cells[i]) <= columns[i].width for i in (0, 5)] == [True, True]


def test_what_is_inferred_is_told_from_what_is_known() -> None:
    for words, sign in ((texts("zh"), "（推断）"), (texts("en"), "(inferred)")):
        inferred = {code for code in core_codes.ENUMS["hold"] if words[f"hold.{code}"].endswith(sign)}
        assert inferred == {code for code in core_codes.ENUMS["hold"] if words[f"held.{code}"].endswith("?")}
        assert inferred == {"heating", "returning"}


def details_of(cabinet: wire.CabinetItem, **more: Any) -> list[str]:
    return [
        f"{label} {text}" for label, text in Overview().detail(a_view(a_core(cabinets=[cabinet]), **more), cabinet.id)
    ]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"out_since": at(-7200), "due_back": at(7200)}, "停用 10:00:03 起，应于 14:00:03 恢复"),
        ({"out_since": at(-7200), "service_by": "王", "service_reason": "修"}, "应于 -- 恢复  王  修"),
        ({"maintenance_s": 1500.0, "service_by": "李"}, "检修 到 12:25，还有 25分  李"),
        ({"budget_s": 14_400.0, "budget_used_s": 2130.0}, "累计超温 35/240 分"),
        ({"preset_basis": "Food Code", "preset_edition": "2022"}, "限值依据 Food Code（2022）"),
        ({"preset_medium": "product"}, "限值对象 货品；探头量的是空气"),
        ({"preset_medium": "air"}, "限值对象 空气"),
    ],
)
def test_the_details_of_a_cabinet_say_what_it_is_judged_by_and_who_works_on_it(more: dict[str, Any], told: str) -> None:
    assert any(told in line for line in details_of(a_cabinet(**more)))
    assert not any(told[:4] in line for line in details_of(a_cabinet()))


def test_what_is_not_known_is_left_out_of_a_line_that_tells_something_else() -> None:
    lost = Link(state=LinkState.LOST)
    assert "检修 到 12:25" in details_of(a_cabinet(maintenance_s=1500.0), link=lost)
    case = a_case(1, shelved_s=1500.0)
    assert dict(Cases().detail(a_view(a_core(cases=[case]), link=lost), case.case_id))["暂缓"] == "到 12:25"
    assert not [line for line in details_of(a_cabinet()) if "预设" in line]
    assert [line for line in details_of(a_cabinet(preset="frozen")) if line.endswith("，预设 frozen")]


@pytest.mark.parametrize(
    "more", [{"maintenance_s": 1500.0}, {"budget_s": 14_400.0, "budget_used_s": 2130.0}, {"offset": 0.3, "raw": 9.1}]
)
def test_no_time_that_runs_is_told_while_nobody_answers(more: dict[str, Any]) -> None:
    air = a_reading(**({key: more[key] for key in ("offset", "raw")} if "raw" in more else {}))
    cabinet = a_cabinet("03", "x", air, **({} if "raw" in more else more))
    lost = "\n".join(details_of(cabinet, link=Link(state=LinkState.LOST)))
    assert not [figure for figure in ("25分", "35/", "9.1") if figure in lost]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"offset": -0.5, "raw": 4.7}, "03.air 原值 4.7 修正 -0.5"),
        ({"calibrated_on": date(2026, 3, 1), "calibrated_by": "李"}, "03.air  2026-03-01 李"),
        ({"calibrated_on": date(2026, 3, 1), "calibration_due": date(2026, 11, 25)}, "下次 2026-11-25"),
        ({"calibrated_on": date(2025, 3, 1), "calibration_due": date(2026, 11, 24)}, "2026-11-24 已到期!"),
    ],
)
def test_a_sensor_says_how_it_was_calibrated(more: dict[str, Any], told: str) -> None:
    assert any(told in line for line in details_of(a_cabinet("03", "x", a_reading("03.air", **more))))


@pytest.mark.parametrize(
    ("sensor", "told"),
    [
        (a_reading("03.door", 1.0, quantity="door", unit=""), "柜门 开  "),
        (a_reading("03.defrost", 0.0, quantity="defrost", unit=""), "化霜 未进行  "),
        (a_reading("03.air", None, quality="suspect", fault="jump", state="suspect"), "可疑 读数突跳，最近值 --"),
        (a_reading("03.air", None, quality="suspect", fault="jump", raw=85.0), "可疑 读数突跳，最近值"),
        (a_reading("03.air", None, quality="fault", fault="timeout", last_value=2.0), "故障 超时，最近值 2.0C"),
        (a_reading("03.air", None, quality="stale", stale=True, fault="timeout"), "温度 无数据，最近值"),
    ],
)
def test_a_sensor_says_in_words_what_it_has_instead_of_a_number(sensor: wire.ReadingItem, told: str) -> None:
    assert any(told in line for line in details_of(a_cabinet("03", "x", sensor)))


def test_a_case_that_is_shelved_or_was_escalated_shows_it_in_its_row() -> None:
    core = a_core(cases=[a_case(1, escalations=3), a_case(2, shelved_s=600.0, handling="acknowledged")])
    rows = Cases().rows(a_view(core))
    assert [(row.cells[0], row.cells[4]) for row in rows] == [("!!严重 x3", "待处理"), ("!!严重", "暂缓至12:10")]


@pytest.mark.parametrize("later_s", [0.0, 3.0, 600.0])
def test_the_end_of_a_shelf_stays_where_it_is_while_time_goes_by(later_s: float) -> None:
    """Also while nobody answers."""
    [row] = Cases().rows(a_view(a_core(cases=[a_case(1, shelved_s=630.0)]), later_s=later_s))
    assert row.cells[4] == "暂缓至12:10"


def test_the_details_of_a_case_say_what_happened_to_it() -> None:
    case = a_case(1, gap_s=7300.0, escalations=2, shelved_s=1500.0, reopened=3, untold=5)
    lines = dict(Cases().detail(a_view(a_core(cases=[case])), case.case_id))
    assert lines["暂缓"] == "到 12:25，还有 25分"
    assert lines["经过"] == "升级 2 次  再次触发 3 次"
    assert "5 次没有推送" in lines["反复"]
    assert lines["断档"] == "此前 2时没有读数"
    plain = dict(Cases().detail(a_view(a_core(cases=[a_case(1)])), case.case_id))
    assert plain.keys() == {"事件号", "读数", "时间", "推送"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.id)
def test_a_row_that_is_gone_has_no_details(page: Page) -> None:
    assert page.detail(a_view(a_core(retries=[a_retry(1), a_dead_letter(2)])), "gone") == []


# -- widths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.id)
def test_columns_fit_into_80_cells_and_their_titles_into_them(page: Page, language: Language) -> None:
    view = a_view(a_shop(), language=language)
    for room in (*range(78 if page.marking else 80, 130), 200, 400):
        columns = page.columns(replace(view, room=room))
        assert left_over(columns, room) >= 0
        assert [column.title for column in columns if cell_len(column.title) > column.width] == []


def test_where_there_is_room_there_are_more_columns_and_long_names_still_have_some() -> None:
    view = a_view(a_shop())
    fewest = {page.id: len(page.columns(view)) for page in PAGES}
    for room in range(80, 241):
        for page in PAGES:
            columns = page.columns(replace(view, room=room))
            assert len(columns) >= fewest[page.id]
            if len(columns) > fewest[page.id]:
                assert left_over(columns, room) >= BREATH
    most = {page.id: len(page.columns(replace(view, room=240))) - fewest[page.id] for page in PAGES}
    assert most == {
        "overview": 1,
        "cases": 3,
        "retries": 3,
        "dead": 3,
        "device": 0,
    }  # one cabinet has a door, none a hygrometer


@pytest.mark.parametrize("room", [80, 84, 100, 120, 160, 240])
def test_the_trend_ends_with_what_is_now_and_its_title_says_how_long_it_is(room: int) -> None:
    core = a_core(cabinets=[a_cabinet("01", "饮料柜", a_reading("01.air", 4.2))])
    view = a_view(core, room=room)
    view.store.trends["01.air"].begin_with([-9.0] * TREND_POINTS)  # and 4.2 just now
    [column] = [column for column in Overview().columns(view) if column.title.startswith("趋势")]
    [row] = Overview().rows(view)
    drawn = row.cells[Overview().columns(view).index(column)]
    assert drawn == "▁" * (column.width - 1) + "▅"
    assert column.title == f"趋势 {view.words.lasting(TREND_LONGEST_S * column.width)}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("page", "column", "group"),
    [
        (Cases(), 2, "kind"),
        (Cases(), 3, "condition"),
        (Cases(), 4, "handling"),
        (Retries(), 0, "delivery"),
        (Retries(), 1, "event"),
        (Dead(), 0, "reason"),
        (Device(), 0, "endpoint"),
        (Device(), 3, "holdup"),
    ],
)
def test_the_words_of_a_column_fit_into_it(page: Page, column: int, group: str, language: Language) -> None:
    room = page.columns(a_view(FakeCore(), language=language))[column].width
    words = {key: text for key, text in texts(language).items() if re.match(rf"{group}\.", key)}
    assert words
    assert {key: text for key, text in words.items() if cell_len(text) > room} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_marks_and_states_fit_into_the_first_column(language: Language) -> None:
    view = a_view(FakeCore(), language=language)
    for page, group, codes in (
        (Overview(), "state", core_codes.ENUMS["state"]),
        (Cases(), "severity", core_codes.ENUMS["severity"]),
    ):
        room = page.columns(view)[0].width
        assert [code for code in codes if cell_len(view.mark(code, group)) > room] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_state_is_told_apart_without_colour(language: Language) -> None:
    view = a_view(FakeCore(), language=language)
    for group, codes in (("state", core_codes.ENUMS["state"]), ("severity", core_codes.ENUMS["severity"])):
        assert len({view.mark(code, group) for code in codes}) == len(codes)
    assert len({texts(language)[f"held.{code}"] for code in core_codes.ENUMS["hold"]}) == len(core_codes.ENUMS["hold"])
