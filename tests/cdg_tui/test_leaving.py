"""Leaving a core that this console started: it goes on unless somebody says a capital Y; and what is said of a core that ends."""

import asyncio

import pytest

from cdg_tui.app import ConsoleApp
from cdg_tui.i18n import LANGUAGES, Language, Words
from cdg_tui.screens.dialog import Leaving
from cdg_tui.store import Link, LinkState
from core.errors import EXIT_HELD
from tests.cdg_tui.consoles import Console, SeamSession, StartedCore, a_console
from tests.cdg_tui.fake_core import FakeCore, no_socket
from tests.cdg_tui.shops import a_shop

pytestmark = pytest.mark.anyio


def owner_of(console: Console) -> StartedCore:
    """Make this console the one that started its core."""
    worker = console.app.session.worker = StartedCore()
    return worker


@pytest.mark.parametrize(("key", "said"), [("enter", Leaving.KEEP), ("q", Leaving.KEEP), ("Y", Leaving.STOP)])
async def test_the_core_is_stopped_by_a_capital_y_only(key: str, said: Leaving) -> None:
    async with a_console() as console:
        owner_of(console)
        await console.press("q")
        await console.shows("监控继续运行吗", "> [继续监控 Enter]", "大写 Y")
        await console.press(key)
        assert console.app.return_value is said


@pytest.mark.parametrize("key", ["escape", "n"])
async def test_one_may_also_stay(key: str) -> None:
    async with a_console() as console:
        owner_of(console)
        await console.press("q", key)
        await console.hides("监控继续运行吗")
        assert console.app.is_running
        assert console.app.return_value is None


async def test_leaving_is_asked_once_however_often_it_is_wanted() -> None:
    async with a_console() as console:
        owner_of(console)
        await console.press("f10", "ctrl+q", "ctrl+c", "ctrl+q")
        await console.shows("监控继续运行吗")
        await console.press("escape")
        await console.hides("监控继续运行吗")
        assert console.app.return_value is None


async def test_nobody_falls_out_of_the_console_through_a_dialog() -> None:
    """A key that leaves closes what is open, no more."""
    async with a_console(a_shop()) as console:
        for opening in ("question_mark", "enter", "D", "A", "H"):
            for leaving in ("f10", "ctrl+q", "q"):
                await console.press("escape", "2", opening, leaving)
                assert console.app.return_value is None, opening


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_core_that_could_not_start_ends_the_console_with_its_last_words(language: Language) -> None:
    """There is nothing to look at, and what is wrong stands in one line."""
    core = FakeCore()
    core.fail = no_socket
    worker = StartedCore()
    worker.code = 2
    app = ConsoleApp(SeamSession(transport=core, worker=worker), Words(language))
    async with app.run_test() as pilot:
        console = Console(app, pilot, core)
        await console.until(lambda: app.last_words)
    assert (app.return_code, app.last_words) == (2, worker.last_words)


async def test_a_core_that_ends_later_is_said_and_the_console_stays() -> None:
    async with a_console() as console:
        owner_of(console).starts_again = True
        console.meets(no_socket)
        await console.shows("监控意外结束", "site is missing")
        console.meets(None)
        await console.hides("断开")


async def test_where_another_core_was_faster_that_one_is_looked_at_and_leaving_asks_nothing() -> None:
    async with a_console() as console:
        owner_of(console).code = EXIT_HELD
        await console.until(lambda: console.app.session.worker is None)
        await console.press("q")
        assert console.app.return_value is Leaving.KEEP


async def test_a_core_that_is_just_starting_is_waited_for_and_not_called_lost() -> None:
    core = FakeCore()
    core.fail = no_socket
    app = ConsoleApp(SeamSession(transport=core, worker=StartedCore()), Words("zh"))
    async with app.run_test() as pilot:
        console = Console(app, pilot, core)
        await console.until(lambda: len(core.asked) > 2)
        await console.shows("正在等监控答复", "连接中")
        assert "断开" not in console.text
        core.fail = None
        await console.shows("已连接")


async def test_news_that_come_while_the_console_is_taken_apart_harm_nobody() -> None:
    """The feed may still be told something when the screens are gone already."""
    async with a_console() as console:
        pass
    console.app._take(Link(state=LinkState.LOST, cause="no_socket"))


async def test_what_fails_because_it_is_leaving_changes_nothing_of_how_it_leaves() -> None:
    """A page that is turned to meanwhile is left without its parts."""
    async with a_console() as console:
        console.app.exit(Leaving.KEEP, 143)
        await console.app.action_act("retries")
        await asyncio.sleep(0.1)
    assert (console.app.return_code, console.app.crash) == (143, None)
