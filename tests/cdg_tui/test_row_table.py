"""The table: its cursor stays on its row whatever happens to the rows, and only what is in sight and differs is drawn."""

import contextlib
import random
from collections.abc import AsyncIterator, Iterable, Sequence

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.strip import Strip

from cdg_tui.widgets.row_table import RowTable
from cdg_tui.widgets.rows import Column, Row

pytestmark = pytest.mark.anyio

COLUMNS = (Column(title="名称", width=8, grow=1), Column(title="n", width=4, right=True))
WIDTH, HEIGHT = 30, 11  # a header and ten rows


class WatchedTable(RowTable):
    """Notes which lines are drawn and what is said of the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[int] = []
        self.told: list[RowTable.Moved] = []

    def render_line(self, y: int) -> Strip:
        self.drawn.append(y)
        return super().render_line(y)

    def on_row_table_moved(self, moved: RowTable.Moved) -> None:
        self.told.append(moved)


class TableApp(App[None]):
    def compose(self) -> ComposeResult:
        yield WatchedTable()


class Shown:
    """A table on a screen."""

    def __init__(self, pilot: Pilot[None]):
        self.pilot = pilot
        self.table = pilot.app.query_one(WatchedTable)

    async def show(self, rows: Sequence[Row], columns: tuple[Column, ...] = COLUMNS) -> None:
        self.table.show(columns, rows)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    @property
    def strips(self) -> list[Strip]:
        """As they stand on the screen."""
        return self.pilot.app.screen._compositor.render_strips()

    @property
    def lines(self) -> list[str]:
        return [strip.text.rstrip() for strip in self.strips]

    @property
    def cursor_line(self) -> int | None:
        """The line in reverse video."""
        marked = [y for y, strip in enumerate(self.strips) if any(s.style and s.style.reverse for s in strip)]
        assert len(marked) <= 1
        return marked[0] if marked else None

    def check(self) -> None:
        """What stands on the screen is what would be drawn now, with the cursor in sight."""
        fresh = [RowTable.render_line(self.table, y) for y in range(HEIGHT)]
        assert [(s.text, _reversed(s)) for s in self.strips] == [(s.text, _reversed(s)) for s in fresh]
        assert (self.cursor_line is None) == (self.table.cursor_key is None)
        if self.cursor_line is not None:
            assert self.cursor_line >= 1
            assert self.lines[self.cursor_line].startswith(str(self.table.cursor_key))


def _reversed(strip: Strip) -> bool:
    return any(segment.style is not None and segment.style.reverse for segment in strip)


@contextlib.asynccontextmanager
async def a_table(rows: Sequence[Row] = ()) -> AsyncIterator[Shown]:
    async with TableApp().run_test(size=(WIDTH, HEIGHT)) as pilot:
        shown = Shown(pilot)
        shown.table.focus()
        await shown.show(rows)
        shown.table.told.clear()
        yield shown


def rows_of(keys: Iterable[object], number: int = 0) -> list[Row]:
    return [Row(key=f"k{key}", cells=(f"k{key}", str(number))) for key in keys]


# -- the cursor --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement(6)
@pytest.mark.parametrize("seed", range(3))
async def test_the_cursor_stays_on_its_row_through_everything(seed: int) -> None:
    """Random rows come, go, change and are sorted while somebody moves; where its row vanishes the cursor stays near."""
    rng = random.Random(seed)
    async with a_table() as shown:
        table, keys = shown.table, list(range(rng.choice([3, 15, 60])))
        for step in range(40):
            table.go_to(rng.choice([table.cursor_place[0] + rng.randrange(-4, 4), rng.randrange(70)]))
            await shown.pilot.pause()
            key, place = table.cursor_key, table.cursor_place[0]
            gone = {one for one in keys if rng.random() < 0.1}
            keys = [one for one in keys if one not in gone] + [1000 * step + n for n in range(rng.randrange(4))]
            if rng.random() < 0.5:
                rng.shuffle(keys)
            table.told.clear()
            await shown.show(rows_of(keys, number=rng.randrange(3)))
            shown.check()
            if key is not None and f"{key[1:]}" in {str(one) for one in keys}:
                assert table.cursor_key == key
                assert table.told == []
            elif key is not None:
                assert table.cursor_place[0] == min(place, len(keys))
                assert [(told.key, told.vanished) for told in table.told] == [(table.cursor_key, True)]


@pytest.mark.requirement(6)
async def test_a_row_that_vanishes_leaves_the_cursor_on_its_neighbour_in_sight() -> None:
    """Also the last one, where nothing else changes on the screen."""
    async with a_table(rows_of("abc")) as shown:
        await shown.press("end")
        await shown.show(rows_of("ab"))
        assert (shown.table.cursor_key, shown.cursor_line) == ("kb", 2)
        await shown.show([])
        assert (shown.table.cursor_key, shown.table.cursor_place, shown.cursor_line) == (None, (0, 0), None)
        await shown.show(rows_of("x"))
        assert [(one.key, one.vanished) for one in shown.table.told] == [
            ("kc", False),
            ("kb", True),
            (None, True),
            ("kx", False),
        ]


async def test_a_row_keeps_its_place_on_the_screen_when_others_come_in_above() -> None:
    async with a_table(rows_of(range(50))) as shown:
        for _ in range(25):
            await shown.press("down")
        line = shown.cursor_line
        await shown.show(rows_of([*range(100, 107), *range(50)]))
        assert (shown.table.cursor_key, shown.cursor_line) == ("k25", line)
        await shown.show(rows_of([*range(100, 102), *range(50)]))
        assert (shown.table.cursor_key, shown.cursor_line) == ("k25", line)


async def test_the_list_stays_at_its_top_for_who_never_left_it() -> None:
    """New and worse rows are seen, and the cursor that nobody moved is on the first of them."""
    async with a_table(rows_of(range(15))) as shown:
        await shown.show(rows_of([100, 101, *range(15)]))
        assert shown.lines[1].startswith("k100")
        assert (shown.table.cursor_key, shown.cursor_line) == ("k100", 1)


async def test_a_list_that_outgrows_the_screen_takes_its_cursor_along() -> None:
    async with a_table(rows_of(range(8))) as shown:
        await shown.press("end")
        await shown.show(rows_of(range(-9, 8)))
        assert (shown.table.cursor_key, shown.cursor_line) == ("k7", HEIGHT - 1)


async def test_a_long_list_that_shrinks_is_not_left_scrolled_out_of_sight() -> None:
    async with a_table(rows_of(range(100))) as shown:
        await shown.press("end")
        assert shown.lines[-1].startswith("k99")
        await shown.show(rows_of([*range(3), 99]))
        assert [line.partition(" ")[0] for line in shown.lines[1:5]] == ["k0", "k1", "k2", "k99"]
        assert shown.cursor_line == 4


@pytest.mark.parametrize("size", [(WIDTH, 5), (WIDTH, 2), (12, 30)])
async def test_the_cursor_stays_in_sight_when_the_terminal_changes(size: tuple[int, int]) -> None:
    async with a_table(rows_of(range(40))) as shown:
        await shown.press("pagedown", "down", "down")
        await shown.pilot.resize_terminal(*size)
        await shown.pilot.pause()
        assert shown.table.cursor_key == "k11"
        assert shown.cursor_line is not None
        assert shown.lines[shown.cursor_line].startswith("k11")


async def test_a_click_takes_the_row_under_it_and_the_header_is_none() -> None:
    async with a_table(rows_of(range(30))) as shown:
        await shown.press("end")
        await shown.pilot.click(WatchedTable, offset=(3, 2))
        assert shown.table.cursor_key == "k21"
        await shown.pilot.click(WatchedTable, offset=(3, 0))
        assert shown.table.cursor_key == "k21"
        await shown.show(rows_of(range(3)))
        await shown.pilot.click(WatchedTable, offset=(3, 8))
        assert shown.table.cursor_place == (3, 3)


async def test_rows_with_one_key_are_all_shown() -> None:
    twins = [Row(key="k", cells=("k", str(n))) for n in range(3)]
    async with a_table(twins) as shown:
        assert [line.split()[-1] for line in shown.lines[1:4]] == ["0", "1", "2"]
        await shown.press("end")
        await shown.show(twins)
        assert shown.cursor_line == 3


# -- drawing -----------------------------------------------------------------------------------------------------------


async def test_only_the_lines_that_differ_are_drawn_again() -> None:
    rows = rows_of(range(30))
    async with a_table(rows) as shown:
        shown.table.drawn.clear()
        await shown.show(rows)
        assert shown.table.drawn == []
        await shown.show([*rows[:4], *rows_of([4], number=9), *rows[5:20], *rows_of(range(20, 30), number=9)])
        assert set(shown.table.drawn) == {5}


@pytest.mark.requirement(20)
async def test_a_hundred_thousand_rows_cost_no_more_lines_than_are_in_sight() -> None:
    rows = rows_of(range(100_000))
    async with a_table() as shown:
        shown.table.drawn.clear()
        await shown.show(rows)
        assert 0 < len(shown.table.drawn) <= 2 * HEIGHT
        for key in ("end", "home", "pagedown", "down"):
            shown.table.drawn.clear()
            await shown.press(key)
            assert 0 < len(shown.table.drawn) <= 3 * HEIGHT
        await shown.press("end")
        assert shown.table.cursor_place == (100_000, 100_000)
        assert shown.lines[-1].startswith("k99999")


async def test_the_header_stays_while_the_rows_scroll() -> None:
    async with a_table(rows_of(range(30))) as shown:
        await shown.press("end")
        assert shown.lines[0].split() == ["名称", "n"]


async def test_wide_characters_are_cut_at_their_columns_edge() -> None:
    columns = (Column(title="一二三四五", width=5), Column(title="b", width=3))
    async with a_table() as shown:
        await shown.show([Row(key="k", cells=("鲜奶柜在左边", "甲乙丙"))], columns)
        assert shown.lines[:2] == ["一二~ b", "鲜奶~ 甲~"]
        assert {cell_len(strip.text) for strip in shown.strips} == {WIDTH}


async def test_columns_share_what_is_left_and_a_narrow_screen_cuts_the_last() -> None:
    columns = (Column(title="a", width=4, grow=1), Column(title="b", width=4, grow=3), Column(title="c", width=4))
    async with a_table() as shown:
        await shown.show([Row(key="k", cells=("a", "b", "c"))], columns)
        assert [shown.lines[0].index(title) for title in "abc"] == [0, 9, 26]
        await shown.pilot.resize_terminal(9, HEIGHT)
        await shown.pilot.pause()
        assert shown.lines[0] == "a    b"


async def test_a_table_that_is_dimmed_is_drawn_again_whole() -> None:
    rows = rows_of(range(3))
    async with a_table(rows) as shown:
        before = [list(strip) for strip in shown.strips[:4]]
        shown.table.show(COLUMNS, rows, dim=True)
        await shown.pilot.pause()
        after = [list(strip) for strip in shown.strips[:4]]
        assert all(old != new for old, new in zip(before, after, strict=True))
