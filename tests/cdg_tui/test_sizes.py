"""Any size of a terminal, and any change of it, is survived; from 80x24 on, everything fits."""

import pytest

from tests.cdg_tui.consoles import GOLDEN, a_console
from tests.cdg_tui.fake_core import no_socket
from tests.cdg_tui.shops import a_shop
from tests.cdg_tui.walks import sound, walk_through

pytestmark = pytest.mark.anyio

SMALL = ((1, 1), (2, 2), (5, 3), (20, 5), (40, 10), (79, 23), (80, 4), (12, 60))


@pytest.mark.parametrize("size", [*SMALL, (139, 24), (140, 24), (400, 100)], ids=lambda size: "x".join(map(str, size)))
async def test_everything_is_gone_through_at_any_size(size: tuple[int, int]) -> None:
    async with a_console(a_shop(), size=size) as console:
        await walk_through(console)
        console.meets(no_socket)
        await console.until(lambda: console.app.store.link.tries)
        await console.pilot.pause(0.01)
        sound(console)


async def test_a_terminal_that_changes_its_size_is_filled_again() -> None:
    async with a_console(a_shop(), now=lambda: 1000.0) as console:
        for keys in (
            (),
            ("question_mark",),
            ("escape", "D"),
            ("escape", "2", "H"),
            ("escape", "1", "enter"),
            ("escape",),
        ):
            await console.press(*keys)
            for size in ((200, 50), (1, 1), (30, 8), (80, 24)):
                await console.pilot.resize_terminal(*size)
                await console.pilot.pause(0.05)
                sound(console)
        await console.shows("[1 总览]")
        assert f"{console.text}\n" == (GOLDEN / "overview-zh-80x24.txt").read_text(encoding="utf-8")


async def test_without_colours_it_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with a_console(a_shop(), now=lambda: 1000.0) as console:
        await console.press("1")
        sound(console)
        assert f"{console.text}\n" == (GOLDEN / "overview-zh-80x24.txt").read_text(encoding="utf-8")
