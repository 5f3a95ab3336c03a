"""What the keys do to cases: acknowledged, handled, noted, shelved; also from the page of the cabinets, and all from lists."""

from typing import Any

import pytest
from msgspec import structs

from cdg_tui.commands.cases import GOODS, REMARKS, SHELVING, TAKEN
from cdg_tui.i18n import LANGUAGES, Language, Words
from cdg_tui.screens.cabinet import until
from cdg_tui.text import NOTHING
from tests.cdg_tui.consoles import Console, a_console
from tests.cdg_tui.factories import a_cabinet, a_case, at
from tests.cdg_tui.fake_core import FakeCore
from tests.cdg_tui.shops import a_shop

pytestmark = pytest.mark.anyio

WORST, WARNING, CLEARED, SHELVED = (a_case(number).case_id for number in range(1, 5))


async def sent_by(console: Console, *keys: str) -> tuple[str, Any]:
    """The one thing that these keys had the core do."""
    await console.press(*keys)
    await console.until(lambda: console.sent)
    [sent] = console.sent
    return sent


# -- from the overview -------------------------------------------------------------------------------------------------


@pytest.mark.requirement(17)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_alarm_is_acknowledged_and_handled_in_six_keys_from_the_overview(language: Language) -> None:
    words = Words(language)
    async with a_console(a_shop(), language=language) as console:
        await console.press(*"AY")
        await console.shows(words("acknowledge.done", who=f"{console.sent[0][1]['by']} (uid:0)"))
        await console.press(*"H31Y")
        await console.shows(words("handle.done"))
        [(acknowledged, _), (handled, body)] = console.sent
        assert (acknowledged, handled) == (f"cases/{WORST}/acknowledge", f"cases/{WORST}/handle")
        assert (body["action"], body["disposition"]) == (words("taken.defrosted"), words("goods.unharmed"))


async def test_the_question_names_the_case_that_is_meant() -> None:
    async with a_console(a_shop()) as console:
        await console.press("g", "A")
        await console.shows("严重  高温报警  03 鲜奶柜  持续中", "报警时间 11:50:02  待处理")


async def test_of_a_cabinet_the_worst_is_meant_that_nobody_has_seen_or_handled_yet() -> None:
    core = FakeCore()
    core.cabinets = [a_cabinet(state="critical", open_cases=3)]
    core.cases = [
        a_case(1, severity="warning", kind="door_open"),
        a_case(2, condition="cleared", cleared_at=at(-30)),
        a_case(3, handling="actioned"),
        a_case(4, severity="info", handling="acknowledged"),
    ]
    async with a_console(core) as console:
        for _ in range(3):
            await console.press(*"AY")
            await console.news()
        assert [path.split("/")[1] for path, _ in console.sent] == [a_case(n).case_id for n in (1, 2, 3)]


async def test_a_cabinet_without_a_case_says_so() -> None:
    core = a_shop()
    core.cases = [case for case in core.cases if case.cabinet != "03"]
    async with a_console(core) as console:
        for key in "AH":
            await console.press("g", key)
            await console.shows("这台冷柜没有未关闭的报警")
            assert console.app.asks_nothing
            await console.press("2", "1")
        assert console.sent == []


# -- handling ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "asked", "became"),
    [
        (("2",), "还没有恢复：记录以后不关闭", "处置已记录，恢复以后关闭"),
        (("2", "G"), "已恢复：记录以后随之关闭", "处置已记录，报警已关闭"),
    ],
)
async def test_the_question_and_the_answer_say_whether_it_closes(
    keys: tuple[str, ...], asked: str, became: str
) -> None:
    async with a_console(a_shop()) as console:
        await console.press(*keys, "H")
        await console.shows(asked)
        await console.press(*"31Y")
        await console.shows(became)


async def test_what_became_of_it_is_told_by_the_answer_and_not_by_what_was_expected() -> None:
    """It clears while somebody still fills in what was done."""
    async with a_console(a_shop()) as console:
        await console.press(*"2H31")
        await console.shows("还没有恢复")
        console.core.cases = [structs.replace(case, condition="cleared") for case in console.core.cases]
        await console.press("Y")
        await console.shows("报警已关闭")


async def test_who_acknowledged_it_is_who_the_core_says_did() -> None:
    """Of two that say so at once it was the first."""
    core = a_shop()
    async with a_console(core) as console:
        await console.press(*"2A")
        await console.shows("确认报警")
        core.acknowledged_by = "王工 (uid:7)"
        await console.press("Y")
        await console.shows("已确认：王工 (uid:7)")


@pytest.mark.requirement(24)
async def test_what_somebody_else_does_to_a_case_is_seen_with_the_next_news() -> None:
    async with a_console(a_shop()) as console:
        await console.press("2")
        await console.shows("待处理")
        console.core.cases = [structs.replace(console.core.cases[0], handling="actioned", actor="王工 (uid:7)")]
        await console.news()
        await console.shows("已处置 王工")


@pytest.mark.requirement(17)
@pytest.mark.parametrize("names", [TAKEN, GOODS, REMARKS, SHELVING])
def test_a_list_has_a_digit_for_each_option(names: tuple[str, ...]) -> None:
    assert 1 <= len(names) <= 9


# -- notes and shelves -------------------------------------------------------------------------------------------------


@pytest.mark.requirement(17)
@pytest.mark.parametrize(
    ("keys", "note"),
    [
        (("2",), "温度正在回落"),
        (("tab", "o", "k", "enter"), "ok"),
        (("2", "tab", "o", "k", "enter"), "温度正在回落 ok"),
    ],
)
async def test_a_note_is_a_usual_one_or_in_own_words_or_both(keys: tuple[str, ...], note: str) -> None:
    async with a_console(a_shop()) as console:
        path, body = await sent_by(console, "2", "N", *keys, "Y")
        assert (path, body["note"]) == (f"cases/{WORST}/note", note)
        await console.shows("备注已记录")


async def test_an_empty_note_is_none() -> None:
    async with a_console(a_shop()) as console:
        await console.press("2", "N", "Y", "tab", "space", "enter", "Y")
        await console.shows("先选，或写备注")
        assert console.sent == []


@pytest.mark.requirement(17)
async def test_a_case_is_shelved_for_a_time_whose_end_the_question_says_on_the_site_s_clock() -> None:
    async with a_console(a_shop(), now=lambda: 1000.0) as console:
        await console.press("2", "j", "S")
        await console.shows("( ) 1 15 分钟（到 12:15）", "( ) 6 8 小时（到 20:00）")
        path, body = await sent_by(console, "2", "1", "Y")
        assert path == f"cases/{WARNING}/shelve"
        assert (body["for_s"], body["note"]) == (1800.0, "正在上货")
        await console.shows("已暂缓，到 12:30")
        await console.shows("暂缓至12:30")  # in its row


async def test_a_shelf_needs_a_time_and_a_reason() -> None:
    async with a_console(a_shop()) as console:
        await console.press("2", "j", "S", "Y", "1", "Y", "shift+tab")
        await console.shows("先选，或写备注")
        assert console.sent == []


async def test_what_is_shelved_is_taken_off_by_the_same_key() -> None:
    async with a_console(a_shop()) as console:
        await console.press("2", "j", "j", "S")
        await console.shows("结束暂缓", "断电后高温")
        path, _ = await sent_by(console, "Y")
        assert path == f"cases/{SHELVED}/unshelve"
        await console.shows("暂缓已结束")


async def test_what_is_critical_is_not_shelved_and_that_is_said() -> None:
    """Also where it has become so while the question was open."""
    core = a_shop()
    async with a_console(core) as console:
        await console.press("2", "S")
        await console.shows("严重的报警不能暂缓")
        assert console.app.asks_nothing
        core.refuse = {"shelve": (409, "critical_not_shelved")}
        await console.press("1", "2", "j", "S", "1", "1", "Y")
        await console.shows("没有做成：严重的报警不能暂缓")


async def test_until_when_it_is_shelved_stands_in_the_details_with_what_is_left() -> None:
    async with a_console(a_shop(), now=lambda: 1000.0) as console:
        await console.press("2", "j", "j")
        await console.shows("到 12:25，还有 25分", "暂缓至12:25")


@pytest.mark.requirement(12)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_longest_question_fits_with_the_alarms_above_and_the_keys_below(language: Language) -> None:
    words = Words(language)
    async with a_console(a_shop(), language=language) as console:
        await console.press(*"2H")
        await console.shows(
            words("handle.title"), words("taken.false_alarm"), words("form.note"), words("handle.choose")
        )
        lines = console.text.splitlines()
        assert len(lines) == 24
        assert words("severity.critical") in lines[0]
        assert words("action.leave") in lines[-1]


@pytest.mark.parametrize("seconds", [1e300, float("nan"), float("-inf")])
async def test_an_end_that_no_clock_knows_is_not_said(seconds: float) -> None:
    core = FakeCore()
    core.cases = [a_case(1, severity="warning")]
    async with a_console(core) as console:
        assert until(console.app.view(), seconds) == NOTHING
