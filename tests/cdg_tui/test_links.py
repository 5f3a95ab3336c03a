"""Whatever becomes of the core, the console says it within seconds, shows nothing old as new, answers keys, and comes back alone."""

import httpx
import pytest
from msgspec import structs

from cdg_tui.i18n import LANGUAGES, Language, Words
from core import wire
from tests.cdg_tui.consoles import Console, a_console
from tests.cdg_tui.factories import a_case, a_reading
from tests.cdg_tui.fake_core import Behaviour, FakeCore, FarCore, a_problem, broken_off, no_socket, refused
from tests.cdg_tui.shops import a_shop

pytestmark = pytest.mark.anyio

WITHIN_S = 5.0  # from the loss to its being said


def unauthorized(request: httpx.Request) -> httpx.Response:
    return a_problem(401, "unauthorized")


def forbidden(request: httpx.Request) -> httpx.Response:
    return a_problem(403, "insufficient_scope")


def failing(request: httpx.Request) -> httpx.Response:
    return a_problem(500, "internal_error")


def a_proxy_failing(request: httpx.Request) -> httpx.Response:
    return httpx.Response(502, text="<html>Bad gateway</html>")


def another_version(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"version": "9.0"})


def no_json(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, text="<html>Welcome to your router</html>")


TROUBLES: tuple[tuple[Behaviour, str, str], ...] = (
    (no_socket, "lost", "cause.no_socket"),
    (refused, "lost", "cause.refused"),
    (broken_off, "lost", "cause.broken_off"),
    (failing, "lost", "cause.internal_error"),
    (a_proxy_failing, "lost", "cause.http_error"),
    (unauthorized, "denied", "cause.denied"),
    (forbidden, "denied", "cause.insufficient_scope"),
    (another_version, "alien", "cause.alien"),
    (no_json, "alien", "cause.alien"),
)
NUMBERS = ("9.4", "7.0", "8.3", "4.2")  # of the shop's thermometers


def banner_of(console: Console) -> str:
    return next((line for line in console.text.splitlines() if line.startswith("!! ")), "")


@pytest.mark.requirement(7)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("trouble", "state", "cause"), TROUBLES)
async def test_each_trouble_is_said_with_its_cause_and_is_gone_once_it_is_over(
    trouble: Behaviour, state: str, cause: str, language: Language
) -> None:
    words = Words(language)
    async with a_console(a_shop(), language=language) as console:
        console.meets(trouble)
        await console.shows(words(f"link.{state}"), words(cause), seconds=WITHIN_S)
        assert words.lasting(3).lstrip("3") in banner_of(console)  # an age, in seconds
        assert words("link.live") not in console.text
        console.meets(None)
        await console.hides(words(f"link.{state}"), words(cause))
        await console.shows(words("link.live"), *NUMBERS)
        assert banner_of(console) == ""


@pytest.mark.requirement(7)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_core_that_hangs_is_said_to_and_keys_still_answer(language: Language) -> None:
    words = Words(language)
    async with a_console(a_shop(), language=language, deadline_s=0.3) as console:
        console.core.hang = True
        await console.shows(words("link.lost"), words("cause.timeout"), seconds=WITHIN_S)
        for key, page in (("2", "cases"), ("3", "retries"), ("4", "dead"), ("5", "device"), ("1", "overview")):
            await console.press(key)
            await console.shows(words("link.lost"))
            assert f"[{key} {words(f'page.{page}')}" in console.text
        await console.press("question_mark")
        await console.shows(words("help.help"))
        await console.press("escape")
        console.core.hang = False
        await console.hides(words("link.lost"))


@pytest.mark.requirement(21)
async def test_while_connecting_there_is_nothing_but_that() -> None:
    core = a_shop()
    core.hang = True
    async with a_console(core, heard=False) as console:
        await console.shows("冷柜卫士", "连接中", "正在等监控答复")
        core.hang = False
        await console.shows("已连接", *NUMBERS)
        await console.hides("连接中", "正在等监控答复")


async def test_a_core_that_never_answered_is_said_without_inventing_an_age() -> None:
    core = a_shop()
    core.fail = no_socket
    async with a_console(core, heard=False) as console:
        await console.shows("断开", "监控没有运行（无套接字）")
        assert "数据" not in console.text


async def test_answers_that_take_long_are_called_slow() -> None:
    hour = [1000.0]

    class SlowCore(FakeCore):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            hour[0] += 1.5 if request.url.path.endswith("/status") else 0.0
            return await super().handle_async_request(request)

    async with a_console(SlowCore(), now=lambda: hour[0]) as console:
        await console.shows("响应慢")
        assert banner_of(console) == ""


async def test_over_a_line_that_takes_a_second_and_a_half_an_answer_one_can_still_write() -> None:
    core = FarCore(1.5)
    core.cases = [a_case(1)]
    async with a_console(core, now=lambda: core.hour_s) as console:
        await console.shows("响应慢")
        await console.press("2", "A")
        await console.shows("确认报警")
        await console.press("Y")
        await console.until(lambda: console.sent)


@pytest.mark.requirement(8)
async def test_data_that_grow_old_are_called_so_before_any_question_failed() -> None:
    """A link that claims to live is not believed when its data are older than five seconds."""
    hour = [1000.0]
    async with a_console(a_shop(), now=lambda: hour[0], deadline_s=60.0) as console:
        console.core.hang = True
        await console.shows("已连接")
        hour[0] += 6.0
        await console.shows("过期", "数据 6秒前", "没有新数据")
        assert not any(value in console.text for value in NUMBERS[1:])  # the first one's row is explained below
        console.core.hang = False
        await console.hides("过期")
        await console.shows("已连接", *NUMBERS)


@pytest.mark.requirement(8)
@pytest.mark.parametrize("trouble", [no_socket, unauthorized, another_version])
async def test_no_value_of_a_cabinet_is_shown_as_present_while_nobody_answers(trouble: Behaviour) -> None:
    core = a_shop()
    core.retries, core.cases = [], []  # they would take the lines in which the sensor under the cursor stands
    async with a_console(core) as console:
        await console.shows(*NUMBERS)
        console.meets(trouble)
        await console.hides(*NUMBERS[1:])
        # What stands under the cursor is called what it is: the last that was known.
        assert console.text.count("9.4") == 1
        assert "最近值 9.4" in console.text
        assert "截至 12:00:03" in console.text
        assert "正常" not in console.text


async def test_what_is_open_is_kept_true_too() -> None:
    """Details that somebody reads follow the cabinet, and lose its number when nobody answers."""
    core = a_shop()
    async with a_console(core) as console:
        await console.press("enter")
        await console.shows("详情", "温度 9.4C")
        warmer = (a_reading("03.air", 9.9, state="critical"),)
        core.cabinets[0] = structs.replace(core.cabinets[0], sensors=warmer)
        console.app.poke()
        await console.shows("温度 9.9C")
        await console.hides("9.4C")
        console.meets(no_socket)
        await console.shows("最近值 9.9")
        await console.hides("温度 9.9C")


async def test_under_a_dialog_the_page_and_the_link_are_kept_true() -> None:
    core = a_shop()
    async with a_console(core) as console:
        await console.press("2", "A")
        await console.shows("确认报警", "已连接")
        console.meets(no_socket)
        await console.shows("确认报警", "断开", "监控没有运行")
        core.status_changes = {"cases": wire.CaseCounts(open=3, critical=7, warning=1)}
        console.meets(None)
        await console.shows("严重7", "已连接")
        await console.hides("断开")


async def test_the_details_of_a_row_that_is_gone_say_so() -> None:
    core = a_shop()
    async with a_console(core) as console:
        await console.press("3", "enter")
        await console.shows("dlv_000000000000000000000001")
        core.changed(structs.replace(core.retries[0], status="delivered"))
        console.app.poke()
        await console.shows("这一行已不在列表里", "dlv_000000000000000000000001")


async def test_a_banner_as_long_as_its_cause_is_shown_whole() -> None:
    core = a_shop()
    core.fail = lambda request: httpx.Response(200, json={"version": 9, "x" * 60: 1})
    async with a_console(core, heard=False) as console:
        await console.shows("版本不符", "F5 立即")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_the_box_complains_of_is_told(language: Language) -> None:
    core, words = a_shop(), Words(language)
    since = core.cases[0].opened_at
    core.status_changes = {"problems": (wire.Problem(code="retries_not_durable", since=since, text="x"),)}
    async with a_console(core, language=language) as console:
        await console.shows(words("problem.retries_not_durable"), words("word.problems", n=1))
        core.status_changes = {}
        console.app.poke()
        await console.hides(words("problem.retries_not_durable"))


async def test_a_core_that_comes_and_goes_is_followed_every_time() -> None:
    async with a_console(a_shop(), deadline_s=0.3) as console:
        for trouble in (no_socket, broken_off, another_version, unauthorized):
            console.core.fail = trouble
            await console.hides("已连接")
            console.core.fail = None
            await console.shows("已连接", *NUMBERS)
        assert console.app.is_running
