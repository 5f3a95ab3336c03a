"""The wallboard: every cabinet in large figures, worst first, and never an old value for a present one."""

import asyncio
import re

import pytest
from rich.cells import cell_len
from textual.content import Content
from textual.strip import Strip

from cdg_tui.i18n import Words
from cdg_tui.screens.big import TALL, big, largest, wide
from cdg_tui.screens.cover import Cover
from cdg_tui.screens.page import View
from cdg_tui.screens.tiles import TURN_S, board, turn
from cdg_tui.store import Link, LinkState, Store
from cdg_tui.widgets.picture import Picture, end_of_change
from tests.cdg_tui.consoles import Console, a_console
from tests.cdg_tui.factories import a_cabinet, a_reading
from tests.cdg_tui.fake_core import FakeCore, no_socket
from tests.cdg_tui.shops import a_shop
from tests.cdg_tui.walks import sound

pytestmark = pytest.mark.anyio


def drawn(console: Console, text: str, scale: int = 1) -> bool:
    """Whether this stands there in large letters, one line of them under the other."""
    lines = console.text.splitlines()
    rows = [row.rstrip() for row in big(text, scale)]
    width = wide(text, scale)
    return any(
        all(lines[y + i][x : x + width].rstrip() == row for i, row in enumerate(rows))
        for y in range(len(lines) - len(rows))
        for x in range(80)
    )


async def test_any_key_leaves_it_and_does_nothing_else() -> None:
    async with a_console(a_shop()) as console:
        await console.press("3")
        for key in ("w", "q", "1", "D", "Y", "enter", "escape", "tab", "space", "f10", "up"):
            await console.press("w")
            await console.shows("任意键返回")
            await console.press(key)
            await console.shows("[3 重试 2]")
            assert console.app.asks_nothing
        assert console.sent == []


async def asked_with_f5(console: Console) -> None:
    before = console.core.rounds
    await console.press("f5")
    await console.until(lambda: console.core.rounds > before)


@pytest.mark.parametrize("keys", [("w",), ("w", "x", "q")])
async def test_the_key_that_the_banner_names_asks_at_once_and_leaves_nothing(keys: tuple[str, ...]) -> None:
    """On the wallboard as on the lock screen; by itself it would ask five times in five seconds."""
    async with a_console(a_shop(), kiosk=True) as console:
        await console.press(*keys)
        cover = console.app.screen
        assert isinstance(cover, Cover)
        async with asyncio.timeout(2.5):
            for _ in range(5):
                await asked_with_f5(console)
        assert console.app.screen is cover


async def test_two_keys_in_one_go_leave_it_once() -> None:
    async with a_console(a_shop()) as console:
        await console.press("w")
        await console.type("x", "y", "z")
        await console.shows("[1 总览]")


async def test_it_shows_each_value_in_large_figures_and_is_kept_true() -> None:
    core = FakeCore()
    async with a_console(core) as console:
        await console.press("w")
        scale = largest("4.2", 80 - 3, 21 - 2)
        await console.until(lambda: any(drawn(console, "4.2", n) for n in range(1, scale + 1)))
        core.cabinets = [a_cabinet("03", "鲜奶柜", a_reading(value=-18.5))]
        await console.news()
        await console.until(lambda: any(drawn(console, "-18.5", n) for n in range(1, scale + 1)))


async def test_alarms_what_is_undelivered_and_the_time_stand_on_it() -> None:
    async with a_console(a_shop(), now=lambda: 1000.0) as console:
        await console.press("w")
        await console.shows("严重1", "警告2", "待发2", "死信2", "12:00:03")


@pytest.mark.requirement(8)
async def test_a_cabinet_without_a_present_value_says_no_signal() -> None:
    async with a_console(a_shop()) as console:
        await console.press("w")
        await console.until(lambda: drawn(console, "9.4"))
        assert console.text.count("无 信 号") == 3  # broken, silent, suspect
        assert not drawn(console, "-18.2")


@pytest.mark.requirement(8)
async def test_without_a_link_it_says_no_signal_in_large_letters_and_why() -> None:
    async with a_console(a_shop()) as console:
        await console.press("w")
        await console.until(lambda: drawn(console, "9.4"))
        console.meets(no_socket)
        await console.until(lambda: drawn(console, "NO SIGNAL", 2))
        await console.shows("无 信 号", "监控没有运行")
        assert not drawn(console, "9.4")
        console.meets(None)
        await console.until(lambda: drawn(console, "9.4"))


async def test_only_the_lines_of_a_figure_that_changed_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second later the clock is another and no figure; then one figure is."""
    drawn_again: list[int] = []
    draw = Picture.render_line

    def seen(picture: Picture, y: int) -> Strip:
        drawn_again.append(y)
        return draw(picture, y)

    monkeypatch.setattr(Picture, "render_line", seen)
    hour = [1000.0]
    core = a_shop()
    async with a_console(core, now=lambda: hour[0]) as console:
        await console.press("w")
        await console.until(lambda: drawn(console, "9.4"))
        drawn_again.clear()
        hour[0] += 1.0
        await console.news()
        await console.shows("12:00:0")
        assert not drawn_again
        warmer = a_reading("04.air", 7.8, state="warning")
        core.cabinets[1] = a_cabinet("04", "熟食柜", warmer, state="warning", open_cases=1)
        await console.news()
        await console.until(lambda: drawn(console, "7.8"))
        assert 0 < len(drawn_again) < TALL


@pytest.mark.parametrize(
    ("old", "new", "end"),
    [("a", "a", 0), ("abcd", "aXcd", 2), ("鲜奶", "鲜肉", 4), ("鲜奶 1", "鲜肉 1", 4), ("ab", "a", 2), ("", "鲜", 2)],
)
def test_a_line_is_sent_up_to_the_last_cell_that_changed_and_never_half_a_character(
    old: str, new: str, end: int
) -> None:
    assert end_of_change(Content(old), Content(new)) == end
    assert end_of_change(Content(old), Content.styled(old, "bold")) == cell_len(old)


async def test_any_size_is_survived_and_every_change_of_it() -> None:
    async with a_console(a_shop(), kiosk=True) as console:
        for keys, shown in (("w", "任意键返回"), ("x q", "已锁定")):
            await console.press(*keys.split())
            for size in ((1, 1), (5, 3), (40, 10), (80, 4), (200, 50), (80, 24)):
                await console.pilot.resize_terminal(*size)
                await console.pilot.pause(0.02)
                sound(console)
            await console.shows(shown)


def a_view(count: int, now_s: float = 0.0, troubled: int = 1) -> View:
    """Of so many cabinets, the last of them the worst."""
    store = Store()
    store.heard_s, store.link = now_s, Link(state=LinkState.LIVE)
    states = ["ok", "out_of_service"] * count
    states = [*states[: count - troubled], *["warning"] * (troubled - 1), *["critical"] * bool(troubled)]
    store.cabinets = tuple(a_cabinet(f"k{n:02}", "", state=state) for n, state in enumerate(states))
    return View(store=store, words=Words("zh"), now_s=now_s)


def turns(count: int, width: int, height: int, troubled: int = 1) -> list[list[str]]:
    """The cabinets that each turn of the board shows, in their order; the board is full, and not more."""
    _, pages = turn(a_view(count, 0.0, troubled), width, height)
    boards = [board(a_view(count, page * TURN_S, troubled), width, height) for page in range(pages)]
    assert all(len(lines) == height for lines in boards)
    assert all(line.cell_length <= max(width, 6) for lines in boards for line in lines)
    return [re.findall(r"k\d\d", "\n".join(line.plain for line in lines)) for lines in boards]


SIZES = [(80, 21), (200, 47), (60, 9), (20, 7), (7, 2)]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize(("count", "troubled"), [(1, 1), (2, 0), (5, 1), (12, 3), (30, 11), (30, 30)])
def test_every_cabinet_has_its_turn_and_the_worst_is_first(count: int, troubled: int, width: int, height: int) -> None:
    """Where trouble fills the board, every one that has trouble."""
    shown = turns(count, width, height, troubled)
    first = 0 if troubled < len(shown[0]) else count - troubled
    assert {one for page in shown for one in page} == {f"k{n:02}" for n in range(first, count)}
    assert all(len(set(page)) == len(page) for page in shown)
    assert shown[0][0] == f"k{count - 1:02}" or not troubled


@pytest.mark.requirement(25)
@pytest.mark.parametrize("troubled", [1, 3, 11])
def test_what_is_wrong_stays_while_the_others_have_their_turns(troubled: int) -> None:
    """Nobody waits for an alarm that is on another board just now; and all who are well have one turn."""
    shown = turns(30, 80, 21, troubled)
    staying = {f"k{n:02}" for n in range(30 - troubled, 30)}
    assert len(shown) > 1
    assert all(staying <= set(page) for page in shown)
    assert sum(len(set(page) - staying) for page in shown) == 30 - troubled


@pytest.mark.parametrize(
    ("state", "stays"), [("ok", False), ("out_of_service", False), ("pending", True), ("new", True)]
)
def test_an_alarm_that_only_waits_stays_in_sight_too_and_so_does_a_state_of_a_later_version(
    state: str, stays: bool
) -> None:
    views = [a_view(30, now_s=page * TURN_S, troubled=0) for page in range(3)]
    for view in views:
        view.store.cabinets = (*view.store.cabinets, a_cabinet("k30", "", state=state))
    assert {turn(view, 80, 21) for view in views} == {(0, 3), (1, 3), (2, 3)}
    shown = ["\n".join(line.plain for line in board(view, 80, 21)) for view in views]
    assert all("k30" in text for text in shown) is stays
    assert any("k30" in text for text in shown)


def test_where_more_is_wrong_than_fits_the_worst_stay_and_only_the_least_of_it_has_its_turns() -> None:
    """Whoever is well has no place then: the board comes round in seconds, not in minutes."""
    shown = turns(60, 80, 21, 15)
    assert all(page[:9] == shown[0][:9] and "k59" in page for page in shown)
    assert {one for page in shown for one in page} == {f"k{n:02}" for n in range(45, 60)}
    assert len(shown) == 2


@pytest.mark.parametrize(
    ("troubled", "told"), [(60, "另有 48 台有问题"), (15, "另有 3 台有问题"), (12, "另有 0 台有问题"), (11, "")]
)
async def test_where_trouble_fills_the_board_the_foot_says_how_much_more_there_is(troubled: int, told: str) -> None:
    core = FakeCore()
    core.cabinets = [a_cabinet(f"{n:02}", "", state="warning" if n <= troubled else "ok") for n in range(1, 61)]
    async with a_console(core, now=lambda: 1000.0) as console:
        await console.press("w")
        await console.shows("任意键返回", told)
        assert ("有问题" in console.text) is bool(told)


async def test_the_foot_says_which_turn_it_is() -> None:
    core, hour = FakeCore(), [1000.0]
    core.cabinets = [a_cabinet(f"{n:02}", "") for n in range(1, 25)]
    async with a_console(core, now=lambda: hour[0]) as console:
        await console.press("w")
        first = int(1000.0 // TURN_S) % 2
        await console.shows(f"第 {first + 1}/2 屏")
        hour[0] += TURN_S
        await console.news()
        await console.shows(f"第 {2 - first}/2 屏")


def test_twelve_cabinets_stand_on_one_screen_of_either_size() -> None:
    assert [turn(a_view(12), *size)[1] for size in ((80, 21), (200, 47))] == [1, 1]
