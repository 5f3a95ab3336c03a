"""A table over any number of rows, of which only some need to be here, that draws only what is in sight.

Its cursor stays on its row's key once somebody has chosen one: a row that moves takes the cursor along; where it vanishes
the cursor goes to its neighbour and `Moved.vanished` says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cdg_tui.text import fit
from cdg_tui.widgets.rows import GAP, Column, Row, widths

MARKS: Final = 2  # cells of the column before all

# The keys that go through anything longer than its screen, whoever owns the actions.
MOVING: Final[list[BindingType]] = [
    Binding("up,k", "move(-1)", show=False),
    Binding("down,j", "move(1)", show=False),
    Binding("pageup", "page(-1)", show=False),
    Binding("pagedown", "page(1)", show=False),
    Binding("home,g", "edge(-1)", show=False),
    Binding("end,G", "edge(1)", show=False),
]


class RowTable(ScrollView, can_focus=True):
    """The first line holds the columns' titles and stays. `marking`: whether rows can be marked, in a column before all."""

    DEFAULT_CSS = """
    RowTable { height: 1fr; scrollbar-size: 0 0; }
    """

    BINDINGS: ClassVar[list[BindingType]] = MOVING

    @dataclass
    class Moved(Message):
        """The cursor stands on another row now, or on none."""

        key: str | None
        vanished: bool = False

    @dataclass
    class Wanted(Message):
        """The cursor has come to a place whose row, or a row near it, is not here."""

        place: int

    def __init__(self, *, marking: bool = False) -> None:
        super().__init__()
        self.marking = marking
        self.marked: dict[str, None] = {}  # in the order in which they were marked
        self._columns: Sequence[Column] = ()
        self._rows: Sequence[Row] = ()
        self._offset, self._total = 0, 0  # the place of the first of these rows, and how many there are in all
        self._cursor = 0
        self._key: str | None = None
        self._dim = False
        self._chosen = False  # whether somebody has put the cursor where it is

    # -- what is shown ---------------------------------------------------------------------------------------------

    @property
    def cursor_key(self) -> str | None:
        """The row under the cursor; None as long as it is not here."""
        return self._key

    @property
    def cursor_place(self) -> tuple[int, int]:
        """Which row of how many, counted from 1; (0, 0) without rows."""
        return (self._cursor + 1 if self._total else 0), self._total

    @property
    def chosen_key(self) -> str | None:
        """The row that the cursor is to stay on, None while nobody has chosen one."""
        return self._key if self._chosen else None

    def show(
        self,
        columns: Sequence[Column],
        rows: Sequence[Row],
        *,
        offset: int = 0,
        total: int | None = None,
        whole: bool = True,
        gone: str | None = None,
        dim: bool = False,
    ) -> None:
        """Show these rows; what did not change is not drawn again. They are all, or those from place `offset` on of `total`;
        then `gone` is the row that is known to be none of them any more. A mark on a row that is missing in the `whole` list is dropped.
        """
        before, key = (self._rows, self._offset), self._key
        redraw = columns != self._columns or dim != self._dim
        self._columns, self._dim = columns, dim
        self._rows, self._offset = rows, offset
        self._total = len(rows) if total is None else total
        shift = self._settle(gone, whole=whole)
        self.virtual_size = Size(0, self._total + 1)
        if shift:
            self._scroll_by(shift)
            redraw = True
        if redraw:
            self.refresh()
        else:
            self._refresh_changed(*before)
        self._keep_in_sight()
        if self._key != key:
            self.post_message(self.Moved(self._key, vanished=key is not None and self._chosen))

    def fade(self) -> None:
        """What is here may not be so any more."""
        if not self._dim:
            self._dim = True
            self.refresh()

    def _settle(self, gone: str | None, *, whole: bool) -> int:
        """Put the cursor on the same row, or next to where it was; nobody's cursor stays at the top. By how much its row
        moved.
        """
        old, last = self._cursor, max(0, self._total - 1)
        if whole and self._all_here and self.marked:
            here = {row.key for row in self._rows}
            self.marked = {key: None for key in self.marked if key in here}
        if not self._chosen:
            self._go(0)
            return 0
        found = self._find(self._key, old)
        if found is not None:
            self._cursor = found
            # The first rows of all stay at the top of the list; a row that somebody went to keeps its place on the screen.
            return found - old if old > 0 else 0
        if self._key is None or self._key == gone or self._all_here or not self._total:
            self._go(min(old, last))
        return 0

    def _go(self, place: int) -> None:
        row = self._row(place)
        self._cursor, self._key = place, None if row is None else row.key

    @property
    def _all_here(self) -> bool:
        return self._offset == 0 and len(self._rows) == self._total

    def _row(self, place: int) -> Row | None:
        index = place - self._offset
        return self._rows[index] if 0 <= index < len(self._rows) else None

    def _find(self, key: str | None, near: int) -> int | None:
        row = self._row(near)
        if row is not None and row.key == key:
            return near
        return next((self._offset + i for i, row in enumerate(self._rows) if row.key == key), None)

    def _scroll_by(self, lines: int) -> None:
        # By force: a list that has only now outgrown its screen may not be scrolled before the next layout.
        self.scroll_to(y=max(0, self.scroll_offset.y + lines), animate=False, force=True)

    def _refresh_changed(self, before: Sequence[Row], offset: int) -> None:
        """Only the lines in sight, and of them only those that differ."""
        top = self.scroll_offset.y
        for place in range(top, top + self.size.height - 1):
            index = place - offset
            old = before[index] if 0 <= index < len(before) else None
            if old != self._row(place):
                self._refresh_row(place)

    def _refresh_row(self, place: int) -> None:
        self.refresh(Region(0, place + 1 - self.scroll_offset.y, self.size.width, 1))

    # -- marks -----------------------------------------------------------------------------------------------------

    def mark(self) -> None:
        """Mark the row under the cursor, or take its mark away, and go on to the next one."""
        key = self._key
        if key is None:
            return
        if key in self.marked:
            del self.marked[key]
        else:
            self.marked[key] = None
        self._refresh_row(self._cursor)
        self.go_to(self._cursor + 1)

    def mark_these(self, keys: Iterable[str]) -> None:
        """These and no others."""
        self.marked = dict.fromkeys(keys)
        self.refresh()

    # -- moving ----------------------------------------------------------------------------------------------------

    def go_to(self, place: int) -> None:
        """Put the cursor on this row, or the nearest there is."""
        before, self._chosen = self._cursor, True
        self._go(max(0, min(place, self._total - 1)))
        if self._cursor != before:
            self._refresh_row(before)
            self._refresh_row(self._cursor)
            self._keep_in_sight()
            self.post_message(self.Moved(self._key))
            if self._lacks_neighbours:
                self.post_message(self.Wanted(self._cursor))

    @property
    def _lacks_neighbours(self) -> bool:
        """Whether a row that can soon be in sight is not here."""
        page = max(1, self.size.height)
        first, last = max(0, self._cursor - page), min(self._total - 1, self._cursor + page)
        return self._row(first) is None or self._row(last) is None

    def action_move(self, by: int) -> None:
        self.go_to(self._cursor + by)

    def action_page(self, by: int) -> None:
        self.go_to(self._cursor + by * max(1, self.size.height - 2))

    def action_edge(self, way: int) -> None:
        self.go_to(0 if way < 0 else self._total - 1)

    def on_click(self, event: events.Click) -> None:
        if event.y > 0 and self.scroll_offset.y + event.y <= self._total:
            self.go_to(self.scroll_offset.y + event.y - 1)

    def on_resize(self) -> None:
        self._keep_in_sight()

    def _keep_in_sight(self) -> None:
        top, lines = self.scroll_offset.y, self.size.height - 1
        if lines <= 0:
            return
        if self._cursor < top:
            self._scroll_by(self._cursor - top)
        elif self._cursor > top + lines - 1:
            self._scroll_by(self._cursor - (top + lines - 1))

    # -- drawing ---------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        width = self.size.width
        if y == 0:
            titles = [fit(c.title, w, right=c.right) for c, w in zip(self._columns, self._widths(), strict=True)]
            title = " " * self._margin + (" " * GAP).join(titles)
            return _strip([Segment(title, base + Style(bold=True, dim=self._dim))], width, base)
        place = self.scroll_offset.y + y - 1
        row = self._row(place)
        if row is None:
            # Of a row that is on its way here there is nothing to say yet.
            return _strip([Segment(" ..." if place < self._total else "", base + Style(dim=True))], width, base)
        style = base + Style.parse(row.style) + Style(dim=self._dim)
        if place == self._cursor and row.key == self._key:
            # Reverse video can be read on every palette; a colour of our own could not.
            style += Style(reverse=True, bold=self.has_focus)
        return _strip(self._cells(row, style), width, style)

    def _cells(self, row: Row, style: Style) -> list[Segment]:
        coloured = dict(row.styles)
        segments = [Segment(fit("*" if row.key in self.marked else "", self._margin), style + Style(bold=True))]
        for i, (column, width) in enumerate(zip(self._columns, self._widths(), strict=True)):
            text = fit(row.cells[i], width, right=column.right)
            segments.append(Segment(text, style + Style.parse(coloured[i]) if i in coloured else style))
            segments.append(Segment(" " * GAP, style))
        return segments[:-1]

    @property
    def _margin(self) -> int:
        return MARKS if self.marking else 0

    @property
    def room(self) -> int:
        """Cells that the columns have."""
        return max(0, self.size.width - self._margin)

    def _widths(self) -> list[int]:
        return widths(self._columns, self.room)


def _strip(segments: list[Segment], width: int, style: Style) -> Strip:
    strip = Strip(segments, sum(cell_len(segment.text) for segment in segments))
    return strip.adjust_cell_length(width, style).simplify()
