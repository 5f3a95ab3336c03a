"""立即重发 as a person goes through it: preview, yes, progress, and what became of each; or away from it, which stops nothing."""

from typing import Any

import pytest
from msgspec import structs

from cdg_tui.commands import drains
from cdg_tui.commands.asking import who
from cdg_tui.i18n import LANGUAGES, Language, Words
from core import wire
from tests.cdg_tui.consoles import Console, a_console
from tests.cdg_tui.factories import a_retry, an_endpoint
from tests.cdg_tui.fake_core import FakeCore, no_socket

pytestmark = pytest.mark.anyio

REGION = wire.EndpointInfo(id="大区", kind="standard", host="region.example.com", state="active")


class SlowDrain(FakeCore):
    """Its drain settles what the test says, when the test says it."""

    def __init__(self) -> None:
        super().__init__()
        self.changed(a_retry(1), a_retry(2), a_retry(3, endpoint=REGION))
        self.settled = 0
        self.results = ("delivered", "failed", "skipped")

    def _drained(self, drain_id: str) -> wire.DrainResult:
        whole = self._drains[drain_id]
        items = tuple(
            structs.replace(
                item,
                result=result,
                http_status={"delivered": 204, "failed": 503}.get(result),
                error_class="http_5xx" if result == "failed" else None,
                skip_reason="in_flight" if result == "skipped" else None,
            )
            for item, result in zip(whole.items, self.results, strict=True)
        )[: self.settled]
        found = [item.result for item in items]
        counts = structs.replace(
            whole.counts,
            attempted=self.settled - found.count("skipped"),
            delivered=found.count("delivered"),
            failed=found.count("failed"),
            skipped=found.count("skipped"),
        )
        running = self.settled < len(self.results) and whole.stop_reason is None
        return structs.replace(whole, items=items, counts=counts, running=running)


async def begun(console: Console) -> None:
    await console.press("3", "D")
    await console.shows("将立刻发送 3 条")
    await console.press("Y")
    await console.shows("0/3")


@pytest.mark.requirement(9)
async def test_the_preview_counts_by_endpoint_and_names_each() -> None:
    async with a_console(SlowDrain()) as console:
        await console.press("3", "D")
        await console.shows("将立刻发送 3 条：总部 2, 大区 1", "不占自动次数")
        assert console.text.count("将发送") == 3


class Held(SlowDrain):
    """Leaves out of its preview what goes to the endpoints that are held."""

    held = frozenset({"大区"})

    def _drain(self, body: dict[str, Any]) -> wire.DrainResult:
        whole = super()._drain(body)
        items = tuple(
            structs.replace(item, result="skipped", skip_reason="endpoint_paused")
            if item.endpoint in self.held
            else item
            for item in whole.items
        )
        return structs.replace(whole, items=items)


async def test_the_preview_promises_nothing_of_what_would_be_left_out() -> None:
    async with a_console(Held()) as console:
        await console.press("3", "D")
        await console.shows("将立刻发送 2 条：总部 2。", "跳过", "推送地址已暂停")
        await console.press("Y")
        await console.until(lambda: console.sent)
        assert console.sent[0][1]["delivery_ids"] == [a_retry(1).delivery_id, a_retry(2).delivery_id]


@pytest.mark.requirement(9)
async def test_the_preview_says_of_an_endpoint_that_is_only_probed_that_it_is() -> None:
    """Its deliveries are tried, yet most of them are left out once the first has failed."""
    core = SlowDrain()
    core.endpoints = [an_endpoint(state="open", hold="open", held_s=42.0), an_endpoint("大区")]
    async with a_console(core) as console:
        await console.press("3")
        await console.until(lambda: console.app.store.endpoints is not None)
        await console.press("D")
        await console.shows("将立刻发送 3 条：总部 2（只发探测）, 大区 1。")


async def test_where_all_would_be_left_out_there_is_nothing_to_say_yes_to() -> None:
    core = Held()
    core.held = frozenset({"大区", "总部"})
    async with a_console(core) as console:
        await console.press("3", "D")
        await console.shows("现在都发不了", "推送地址已暂停", "Esc 返回")
        await console.press("Y")
        assert console.sent == []


async def test_with_nothing_pending_there_is_nothing_to_say_yes_to() -> None:
    async with a_console() as console:
        await console.press("D")
        await console.shows("没有等待中的推送", "Esc 返回")
        assert "大写 Y" not in console.text
        assert "0/0" not in console.text.partition("没有等待中的推送")[2]
        await console.press("Y")
        assert console.sent == []


@pytest.mark.requirement(9)
async def test_progress_is_shown_round_after_round_and_then_what_became_of_each() -> None:
    async with a_console(SlowDrain()) as console:
        await begun(console)
        for settled, told in ((1, "1/3  已送达 1  失败 0  跳过 0"), (2, "2/3  已送达 1  失败 1  跳过 0")):
            console.core.settled = settled  # type: ignore[attr-defined]
            await console.shows(told, "Esc 转后台")
        console.core.settled = 3  # type: ignore[attr-defined]
        await console.shows("完成 3/3  已送达 1  失败 1  跳过 1", "HTTP 204", "HTTP 503 对方出错", "正在发送")
        await console.shows("立即重发完成：已送达 1，失败 1，跳过 1")


@pytest.mark.requirement(9)
async def test_what_waits_no_longer_when_the_answer_comes_is_counted() -> None:
    core = FakeCore()
    core.changed(a_retry(1), a_retry(2), a_retry(3))
    async with a_console(core) as console:
        await console.press("3", "D")
        await console.shows("将立刻发送 3 条")
        core.changed(a_retry(1, status="delivered"), a_retry(2, status="dead_letter"))
        await console.press("Y")
        await console.shows("完成 1/1", "另有 2 条在确认之前已送出或不再等待")


@pytest.mark.requirement(9)
async def test_esc_lets_it_go_on_and_the_end_is_told() -> None:
    async with a_console(SlowDrain()) as console:
        await begun(console)
        await console.press("escape", "1")
        await console.hides("0/3")
        console.core.settled = 3  # type: ignore[attr-defined]
        await console.shows("[1 总览]", "立即重发完成：已送达 1，失败 1，跳过 1")
        assert len(console.sent) == 1


async def test_esc_before_the_preview_came_sends_nothing() -> None:
    async with a_console(SlowDrain()) as console:
        await console.press("3")
        console.core.hang = True
        await console.press("D")
        await console.shows("正在查看有哪些")
        await console.press("escape", "Y")
        console.core.hang = False
        await console.news()
        assert console.sent == []


async def test_a_yes_before_the_preview_came_sends_nothing() -> None:
    """Nobody says yes to what can't be seen yet."""
    async with a_console(SlowDrain()) as console:
        await console.press("3")
        console.core.hang = True
        await console.press("D")
        await console.shows("正在查看有哪些")
        await console.press("Y")
        console.core.hang = False
        await console.shows("将立刻发送 3 条")
        assert console.sent == []


# -- stopping it -------------------------------------------------------------------------------------------------------

STOPPED = ("webhooks/drains/drn_1/stop", {"by": who()})


async def test_a_capital_s_asks_and_a_capital_y_stops_the_rest() -> None:
    async with a_console(SlowDrain()) as console:
        await begun(console)
        await console.press("S")
        await console.shows("停止其余的？", "> [取消 Esc]  确认请按大写 Y")
        assert STOPPED not in console.sent
        await console.press("Y")
        await console.shows("完成 0/3", "li (uid:0) 停止了其余的")
        assert console.sent.count(STOPPED) == 1


@pytest.mark.parametrize("no", ["escape", "enter", "q"])
async def test_whatever_else_is_said_lets_it_go_on_and_is_shown_on(no: str) -> None:
    async with a_console(SlowDrain()) as console:
        await begun(console)
        await console.press("S")
        await console.shows("停止其余的？")
        await console.press(no)
        await console.hides("停止其余的？")
        console.core.settled = 2  # type: ignore[attr-defined]
        await console.shows("2/3", "大写 S 停止")
        await console.press("Y", "s")
        console.core.settled = 3  # type: ignore[attr-defined]
        await console.shows("完成 3/3")
        assert STOPPED not in console.sent


async def test_a_question_that_its_drain_outran_is_gone_and_stops_nothing() -> None:
    async with a_console(SlowDrain()) as console:
        await begun(console)
        await console.press("S")
        console.core.settled = 3  # type: ignore[attr-defined]
        await console.shows("完成 3/3", "Esc 返回")
        await console.press("Y", "S", "Y")
        assert STOPPED not in console.sent


@pytest.mark.parametrize("moment", ["looking", "asked"])
async def test_before_anything_runs_there_is_nothing_to_stop(moment: str) -> None:
    async with a_console(SlowDrain()) as console:
        await console.press("3")
        console.core.hang = moment == "looking"
        await console.press("D")
        await console.shows("正在查看有哪些" if moment == "looking" else "将立刻发送 3 条")
        await console.press("S")
        assert "停止其余的" not in console.text
        console.core.hang = False


async def test_a_stop_while_the_link_is_lost_is_refused_and_not_sent_later() -> None:
    async with a_console(SlowDrain()) as console:
        await begun(console)
        await console.press("S")
        console.meets(no_socket)
        await console.shows("断开")
        await console.press("Y")
        await console.shows("现在没有连接")
        console.core.settled = 3  # type: ignore[attr-defined]
        console.meets(None)
        await console.shows("完成 3/3")
        assert STOPPED not in console.sent


async def test_a_stop_that_is_refused_is_told_and_the_drain_followed_on() -> None:
    async with a_console(SlowDrain()) as console:
        await begun(console)
        console.core.refuse = {"stop": (404, "drain_not_found")}
        await console.press("S", "Y")
        await console.shows("没有做成：这次立即重发已查不到", "0/3")
        console.core.settled = 3  # type: ignore[attr-defined]
        await console.shows("完成 3/3")


# -- somebody else's ---------------------------------------------------------------------------------------------------


def a_busy_core() -> SlowDrain:
    """Headquarters drains already."""
    core = SlowDrain()
    core.drain_result = "failed"
    core._drain({"dry_run": False})
    core._drains["drn_1"] = structs.replace(core._drains["drn_1"], actor="token:hq")
    core.others_drain = "drn_1"
    return core


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_drain_of_somebody_else_is_shown_and_whose_it_is(language: Language) -> None:
    core, words = a_busy_core(), Words(language)
    async with a_console(core, language=language) as console:
        await console.press("3", "D")
        await console.shows(words("dialog.yes"))
        await console.press("Y")
        await console.shows(words("drain.whose", who="token:hq"), "0/3", words("drain.keys"))
        core.settled = 2
        await console.shows("2/3", words("drain.whose", who="token:hq"))
        core.settled = 3
        await console.shows("3/3", words("drain.whose", who="token:hq"), words("dialog.close"))


async def test_a_drain_of_somebody_else_can_be_stopped_too() -> None:
    core = a_busy_core()
    async with a_console(core) as console:
        await console.press("3", "D")
        await console.shows("确认请按大写 Y")
        await console.press("Y")
        await console.shows("token:hq")
        await console.press("S", "Y")
        await console.shows("li (uid:0) 停止了其余的", "token:hq")


async def test_a_core_that_refuses_the_preview_for_it_shows_it_as_well() -> None:
    core = a_busy_core()
    core.refuse = {"drain": (409, "drain_in_progress")}
    async with a_console(core) as console:
        await console.press("3", "D")
        await console.shows("token:hq", "0/3")


async def test_where_it_is_no_longer_known_that_is_told() -> None:
    core = a_busy_core()
    core.refuse = {"drains/drn_1": (404, "drain_not_found")}
    async with a_console(core) as console:
        await console.press("3", "D")
        await console.shows("确认请按大写 Y")
        await console.press("Y")
        await console.shows("没有做成：这次立即重发已查不到", "Esc 返回")


@pytest.mark.requirement(9)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_another_drain_that_runs_is_told_in_words(language: Language) -> None:
    core, words = SlowDrain(), Words(language)
    async with a_console(core, language=language) as console:
        await console.press("3", "D")
        await console.shows(words("dialog.yes"))
        core.refuse = {"drain": (409, "drain_in_progress")}
        await console.press("Y")
        await console.shows(words("cause.drain_in_progress"))
        assert words("dialog.yes") not in console.text


async def test_a_core_that_goes_in_the_middle_is_shown_and_its_drain_followed_on_when_it_is_back() -> None:
    async with a_console(SlowDrain()) as console:
        await begun(console)
        console.meets(no_socket)
        await console.shows("断开", "0/3")
        console.core.settled = 3  # type: ignore[attr-defined]
        console.meets(None)
        await console.shows("完成 3/3")
        await console.hides("断开")


async def test_a_drain_that_nobody_knows_any_more_is_no_success() -> None:
    """As after a restart of the core."""
    async with a_console(SlowDrain()) as console:
        await begun(console)
        console.core.refuse = {"drains/drn_1": (404, "drain_not_found")}
        await console.shows("不知道做成没有")
        assert "完成" not in console.text


async def test_a_core_that_stays_away_is_asked_a_while_and_then_nobody_knows_what_became_of_the_drain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    question = "GET webhooks/drains/drn_1"
    async with a_console(SlowDrain()) as console:
        await begun(console)
        monkeypatch.setattr(drains, "PROGRESS_EVERY_S", 0.01)
        console.core.fail = no_socket
        console.core.asked.clear()
        await console.shows("不知道做成没有", seconds=10.0)
        assert "完成" not in console.text
        console.meets(None)
        await console.hides("断开")
        assert console.core.asked.count(question) == drains.PATIENCE


async def test_a_long_list_can_be_walked_through() -> None:
    core = FakeCore()
    core.changed(*(a_retry(number) for number in range(1, 60)))
    core.retries[-1] = structs.replace(core.retries[-1], endpoint=REGION)
    async with a_console(core) as console:
        await console.press("3", "D")
        await console.shows("将立刻发送 59 条")
        assert "大区   " not in console.text
        await console.press("G")
        await console.shows("大区   ")
        assert console.sent == []
