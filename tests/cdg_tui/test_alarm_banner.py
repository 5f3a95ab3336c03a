"""A new critical case is named on every screen until somebody has seen it, and rings."""

from dataclasses import replace

import pytest
from msgspec import structs

from cdg_tui.widgets.line import Line
from tests.cdg_tui.consoles import Console, a_console
from tests.cdg_tui.factories import a_case, at
from tests.cdg_tui.fake_core import FakeCore, no_socket
from tests.cdg_tui.shops import a_shop

pytestmark = [pytest.mark.anyio, pytest.mark.requirement(25)]

BANNER = "!!新严重报警 03 鲜奶柜 高温报警 9.4"


async def opens(console: Console, *numbers: int) -> None:
    console.core.cases = [*console.core.cases, *(a_case(number) for number in numbers)]
    await console.news()


async def test_it_stands_on_every_screen() -> None:
    """Also under a dialog, on the wallboard, while the list stands still, and where a filter hides its row."""
    core = a_shop()
    before = core.cases = core.cases[1:2]
    async with a_console(core) as console:
        for keys in ("1", "2", "3", "4", "5", "w", "1 enter", "2 A", "3 D", "question_mark", "1 slash x", "3 p"):
            await console.press(*keys.split())
            await opens(console, 7)
            await console.shows(BANNER)
            core.cases = before
            await console.news()
            await console.hides(BANNER)
            await console.press("escape")


async def test_one_that_opens_while_another_closes_is_not_missed_on_any_page() -> None:
    """As many are open as before: the core's sequence of cases tells."""
    core = FakeCore()
    core.cases = [a_case(1, handling="acknowledged")]
    async with a_console(core) as console:
        for key in ("3", "4", "5"):
            await console.press(key)
            await console.news()
            core.cases, core.cases_seq = [a_case(int(key))], int(key)
            await console.news()
            await console.shows(BANNER)
            core.cases, core.cases_seq = [a_case(1, handling="acknowledged")], 10 + int(key)
            await console.news()
            await console.hides(BANNER)


async def test_it_goes_when_the_case_is_acknowledged_and_when_somebody_looks_at_the_cases() -> None:
    core = FakeCore()
    async with a_console(core) as console:
        await opens(console, 1)
        await console.shows(BANNER)
        core.cases = [structs.replace(core.cases[0], handling="acknowledged")]
        await console.news()
        await console.hides(BANNER)
        await opens(console, 2, 3)
        await console.shows(BANNER, "另有1个")
        await console.press("2")
        await console.hides(BANNER)
        await console.press("1")
        await console.news()
        assert BANNER not in console.text


async def test_an_old_value_is_never_its_present_one() -> None:
    async with a_console(FakeCore()) as console:
        await opens(console, 1)
        await console.shows(BANNER)
        console.meets(no_socket)
        await console.shows("!!新严重报警 03 鲜奶柜 高温报警 --")


async def test_it_rings_once_for_each_and_no_more_than_every_half_minute() -> None:
    """The second bell comes when its time has come; `b` takes it back; a bell that is switched off is silent."""
    core, hour, rung = FakeCore(), [1000.0], list[float]()
    async with a_console(core, now=lambda: hour[0]) as console:
        console.app.sentry.ring = lambda: rung.append(hour[0])
        await opens(console, 1)
        await opens(console)
        assert rung == [1000.0]
        await opens(console, 2)
        assert rung == [1000.0]
        hour[0] += 30.0
        await console.news()
        assert rung == [1000.0, 1030.0]
        await opens(console, 3)
        await console.press("b")
        hour[0] += 30.0
        await console.news()
        assert rung == [1000.0, 1030.0]
        await console.shows("已消音", BANNER)
        console.app.use(replace(console.app.settings, bell=False))
        await opens(console, 4)
        assert rung == [1000.0, 1030.0]


async def test_what_was_there_before_the_console_rings_once_unless_it_is_acknowledged() -> None:
    core, rung = FakeCore(), list[str]()
    core.cases = [a_case(1), a_case(2), a_case(3, handling="acknowledged")]
    core.hang = True
    async with a_console(core, heard=False) as console:
        console.app.sentry.ring = lambda: rung.append("bell")
        core.hang = False
        await console.shows(BANNER, "另有1个")
        assert rung == ["bell"]


async def test_one_that_is_over_is_told_as_what_it_was_and_not_like_one_that_goes_on() -> None:
    """Nobody has seen it yet; and beside one that goes on it is only counted."""
    async with a_console(FakeCore()) as console:
        await opens(console, 1)
        await console.shows(BANNER)
        console.core.cases = [structs.replace(console.core.cases[0], condition="cleared", cleared_at=at(-1))]
        await console.news()
        await console.shows("! 曾严重、已恢复、未看 03 鲜奶柜 高温报警")
        assert "新严重报警" not in console.text
        styles = str([span.style for span in console.app.screen.query_one("#alarm", Line).shown.spans])
        assert "reverse" not in styles
        assert "red" not in styles
        await opens(console, 2)
        await console.shows(BANNER, "另有1个")
        assert "曾严重" not in console.text
