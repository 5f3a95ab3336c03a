"""Page 5's keys as a person goes through them: pause with a reason, resume, test; and many dead letters queued again at once."""

from datetime import datetime

import httpx
import pytest

from cdg_tui.i18n import LANGUAGES, Language, Words
from tests.cdg_tui.consoles import Console, a_console
from tests.cdg_tui.factories import NOW, a_dead_letter, an_endpoint, at
from tests.cdg_tui.fake_core import FakeCore, a_problem, no_socket
from tests.cdg_tui.shops import a_shop

pytestmark = pytest.mark.anyio


async def on_device(console: Console) -> None:
    await console.press("5")
    await console.shows("[5 设备]", "启用")


# -- pause -------------------------------------------------------------------------------------------------------------


async def asked_to_pause(console: Console) -> None:
    await on_device(console)
    await console.press("j", "P")
    await console.shows("暂停这个推送地址", "总部  hq.example.com  ! 受阻", "先选原因")


async def test_a_pause_needs_a_reason_and_is_sent_with_it_and_with_the_note() -> None:
    async with a_console(a_shop()) as console:
        await asked_to_pause(console)
        await console.press("Y")
        await console.shows("先选原因")
        assert console.sent == []
        await console.press("1", "tab", *"until 8", "enter")
        await console.shows("(*) 1 对方系统维护", "确认请按大写 Y")
        await console.press("Y")
        await console.shows("已暂停（", "- 已暂停   总部")
        [(path, body)] = console.sent
        assert (path, body["reason"]) == ("webhooks/endpoints/总部/pause", "对方系统维护 until 8")


@pytest.mark.parametrize(
    "keys", [("escape",), ("1", "escape"), ("1", "enter", "enter", "escape"), ("1", "y", "escape")]
)
async def test_a_pause_that_is_not_said_yes_to_is_not_sent(keys: tuple[str, ...]) -> None:
    async with a_console(a_shop()) as console:
        await asked_to_pause(console)
        await console.press(*keys)
        await console.hides("暂停这个推送地址")
        assert console.sent == []


async def test_a_pause_after_the_link_was_lost_is_not_sent_also_not_later() -> None:
    async with a_console(a_shop()) as console:
        await asked_to_pause(console)
        await console.press("1")
        console.meets(no_socket)
        await console.shows("断开")
        await console.press("Y")
        await console.shows("现在没有连接")
        console.meets(None)
        await console.hides("断开")
        assert console.sent == []


async def test_a_resumed_endpoint_is_shown_as_what_the_core_then_says() -> None:
    async with a_console(a_shop()) as console:
        await on_device(console)
        await console.press("j", "j", "U")
        await console.shows("恢复这个推送地址", "大区  region.example.com  - 已暂停")
        await console.press("Y")
        await console.shows("已恢复")
        await console.hides("- 已暂停")
        assert [path for path, _ in console.sent] == ["webhooks/endpoints/大区/resume"]


# -- test --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_test_that_fails_says_why(language: Language) -> None:
    core, words = a_shop(), Words(language)
    core.test_fails = True
    async with a_console(core, language=language) as console:
        await console.press("5")
        await console.shows("旧系统")
        await console.press("T", "Y")
        await console.shows(words("test.failed", to="旧系统", why=f"HTTP 401 {words('error.http_4xx')}"))


async def test_while_a_test_is_under_way_that_is_said_and_the_keys_answer() -> None:
    class Slow(FakeCore):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/test"):
                await console.until(lambda: not self.hang_test)
            return await super().handle_async_request(request)

        hang_test = True

    core = Slow()
    core.endpoints = [an_endpoint()]
    async with a_console(core) as console:
        await console.press("5")
        await console.shows("hq.examp")
        await console.press("T", "Y")
        await console.shows("正在发送测试")
        await console.press("enter")
        await console.shows("详情")
        core.hang_test = False
        await console.until(lambda: "测试已送达" in console.app.notice.plain)


# -- whatever an endpoint is called ------------------------------------------------------------------------------------

NAMES = ("a/b", "..", "?x=1#y", "50%", "%2F", "总部 1", "\x1b[2J", "☑️", "a\tb")


@pytest.mark.parametrize("name", NAMES, ids=[ascii(name) for name in NAMES])
async def test_an_endpoint_is_found_by_its_key_whatever_it_is_called(name: str) -> None:
    core = FakeCore()
    core.endpoints = [an_endpoint("other"), an_endpoint(name, state="paused", hold="paused")]
    async with a_console(core) as console:
        await console.press("5")
        await console.shows("已暂停")
        await console.press("U", "Y")
        await console.shows("已恢复")
        assert {endpoint.id: endpoint.state for endpoint in core.endpoints} == {"other": "active", name: "active"}


# -- a core that does not know them ------------------------------------------------------------------------------------


class Old(FakeCore):
    """Of a version that knew no endpoints."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if "endpoints" in request.url.path:
            return self.answer
        return await super().handle_async_request(request)

    answer = a_problem(404, "not_found")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (a_problem(404, "not_found"), "没有这个接口，可能版本不同"),
        (a_problem(500, "internal_error"), "监控内部出错"),
        (httpx.Response(200, json={"items": 5}), "答复看不懂，可能版本不同"),
    ],
    ids=["unknown", "failing", "alien"],
)
async def test_a_core_that_tells_of_no_endpoints_breaks_no_page(answer: httpx.Response, why: str) -> None:
    core = Old()
    core.answer = answer
    core.changed(a_dead_letter())
    async with a_console(core) as console:
        await console.press("5")
        await console.shows("读不到推送地址", why, "已连接")
        for page, shown in (("4", "次数用完"), ("3", "没有等待中的推送"), ("1", "4.2")):
            await console.press(page)
            await console.shows(shown, "已连接")
        await console.press("4", "R", "Y")
        await console.shows("已重新入队")


# -- the network -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("network", ["offline", "captive_portal", "clock_bad"])
async def test_a_box_without_a_way_out_says_so_on_every_page_and_that_its_data_are_live(
    network: str, language: Language
) -> None:
    core, words = a_shop(), Words(language)
    core.status_changes = {"network": network}
    async with a_console(core, language=language) as console:
        for page in "12345":
            await console.press(page)
            await console.shows(words(f"uplink.{network}"), words("link.live"))
        await console.shows(words(f"network.{network}"))
        console.meets(no_socket)
        await console.shows(words("link.lost"))
        assert words(f"uplink.{network}") not in console.text.splitlines()[1]
        core.status_changes = {"network": "online"}
        console.meets(None)
        await console.hides(words(f"uplink.{network}"), words("link.lost"))


# -- many dead letters at once -----------------------------------------------------------------------------------------


def with_dead_letters() -> FakeCore:
    """Of half an hour, of half a day, of three days, of two weeks, and of a clock that ran ahead."""
    core = FakeCore()
    ages = enumerate((1800, 43_200, 259_200, 1_209_600, -86_400), start=101)
    core.changed(*(a_dead_letter(number, settled_at=at(-age)) for number, age in ages))
    return core


async def asked_to_recover(console: Console) -> None:
    await console.press("4", "B")
    await console.shows("死信批量重新入队", "先选一段时间")


@pytest.mark.parametrize(("digit", "count"), [("1", 1), ("2", 2), ("3", 3), ("4", 5)])
async def test_the_preview_counts_what_a_yes_then_queues(digit: str, count: int) -> None:
    async with a_console(with_dead_letters()) as console:
        await asked_to_recover(console)
        await console.press(digit)
        await console.shows(f"{count} 条死信将重新入队", "确认请按大写 Y")
        assert console.sent == []
        await console.press("Y")
        await console.shows(f"{count} 条死信已重新入队")
        await console.until(lambda: console.core.summary().pending == count)
        assert len(console.sent) == 1


async def test_a_yes_before_a_choice_or_before_its_count_sends_nothing() -> None:
    core = with_dead_letters()
    async with a_console(core) as console:
        await asked_to_recover(console)
        await console.press("Y")
        await console.shows("先选一段时间")
        core.hang = True
        await console.press("1", "Y")
        await console.shows("正在数有几条")
        core.hang = False
        await console.shows("1 条死信将重新入队")
        assert console.sent == []


async def test_a_yes_is_about_the_choice_that_is_marked() -> None:
    """Not about one that was counted before it."""
    core = with_dead_letters()
    async with a_console(core) as console:
        await asked_to_recover(console)
        await console.press("4")
        await console.shows("5 条死信将重新入队")
        core.hang = True
        await console.press("1", "Y")
        core.hang = False
        await console.shows("1 条死信将重新入队")
        assert console.sent == []
        await console.press("Y")
        await console.shows("1 条死信已重新入队")


async def test_what_is_given_up_after_the_dialog_opened_is_not_queued() -> None:
    core = with_dead_letters()
    async with a_console(core) as console:
        await asked_to_recover(console)
        await console.press("1")
        await console.shows("1 条死信将重新入队")
        core.changed(a_dead_letter(200, settled_at=at(5)))
        await console.press("Y")
        await console.shows("1 条死信已重新入队")
        [(_, body)] = console.sent
        assert abs((datetime.fromisoformat(body["until"]) - NOW).total_seconds()) < 3


async def test_where_there_are_none_there_is_nothing_to_say_yes_to() -> None:
    async with a_console() as console:
        await asked_to_recover(console)
        await console.press("4")
        await console.shows("这段时间没有死信")
        assert "大写 Y" not in console.text
        await console.press("Y")
        assert console.sent == []


async def test_a_preview_that_is_refused_says_why() -> None:
    core = with_dead_letters()
    core.refuse = {"recover": (409, "shutting_down")}
    async with a_console(core) as console:
        await asked_to_recover(console)
        await console.press("2")
        await console.shows("没有做成：监控正在停止", "可以换一段时间")


@pytest.mark.parametrize("key", ["escape", "enter", "q", "y", "n"])
async def test_nothing_but_a_capital_y_queues_them(key: str) -> None:
    async with a_console(with_dead_letters()) as console:
        await asked_to_recover(console)
        await console.press("2")
        await console.shows("2 条死信将重新入队")
        await console.press(key, "escape")
        await console.hides("死信批量重新入队")
        assert console.sent == []


async def test_a_yes_after_the_link_was_lost_queues_nothing_also_not_later() -> None:
    async with a_console(with_dead_letters()) as console:
        await asked_to_recover(console)
        await console.press("2")
        await console.shows("2 条死信将重新入队")
        console.meets(no_socket)
        await console.shows("断开")
        await console.press("Y")
        await console.shows("现在没有连接")
        console.meets(None)
        await console.hides("断开")
        assert console.sent == []


async def test_a_clock_at_the_beginning_of_time_is_asked_about_all_the_same() -> None:
    """As a box has it that was never set."""
    core = with_dead_letters()
    core.status_changes = {"now": datetime.fromisoformat("1970-01-01T00:00:01Z")}
    async with a_console(core) as console:
        await asked_to_recover(console)
        await console.press("3")
        await console.shows("这段时间没有死信")
        assert console.core.written[-1][1]["since"].startswith("1970-01-01")
