"""A table over any number of rows that draws only what is in sight, and whose cursor stays on its row's key.

A row that moves takes the cursor along; where it vanishes the cursor goes to its neighbour and `Moved.vanished` says so.
"""

from collections.abc import Sequence
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
from cdg_tui.widgets.rows import Column, Row

GAP: Final = 1


# The keys that go through anything longer than its screen, whoever owns the actions.
MOVING: Final[list[BindingType]] = [
    Binding("up,k", "move(-1)", show=False),
    Binding("down,j", "move(1)", show=False),
    Binding("pageup", "page(-1)", show=False),
    Binding("pagedown,space", "page(1)", show=False),
    Binding("home,g", "edge(-1)", show=False),
    Binding("end,G", "edge(1)", show=False),
]


class RowTable(ScrollView, can_focus=True):
    """The first line holds the columns' titles and stays."""

    DEFAULT_CSS = """
    RowTable { height: 1fr; scrollbar-size: 0 0; }
    """

    BINDINGS: ClassVar[list[BindingType]] = MOVING

    @dataclass
    class Moved(Message):
        """The cursor stands on another row now, or on none."""

        key: str | None
        vanished: bool = False

    def __init__(self) -> None:
        super().__init__()
        self._columns: tuple[Column, ...] = ()
        self._rows: tuple[Row, ...] = ()
        self._cursor = 0
        self._dim = False
        self._touched = False

    # -- what is shown ---------------------------------------------------------------------------------------------

    @property
    def cursor_key(self) -> str | None:
        """The row under the cursor."""
        return self._rows[self._cursor].key if self._rows else None

    @property
    def cursor_place(self) -> tuple[int, int]:
        """Which row of how many, counted from 1; (0, 0) without rows."""
        return (self._cursor + 1 if self._rows else 0), len(self._rows)

    def show(self, columns: tuple[Column, ...], rows: Sequence[Row], *, dim: bool = False) -> None:
        """Show these rows; what did not change is not drawn again."""
        before, key = self._rows, self.cursor_key
        redraw = columns != self._columns or dim != self._dim
        shift = self._settle(key, rows)
        self._columns, self._dim = columns, dim
        self.virtual_size = Size(0, len(rows) + 1)
        if shift:
            self._scroll_by(shift)
            redraw = True
        if redraw:
            self.refresh()
        else:
            self._refresh_changed(before)
        self._keep_in_sight()
        if self.cursor_key != key:
            self.post_message(self.Moved(self.cursor_key, vanished=key is not None))

    def _settle(self, key: str | None, rows: Sequence[Row]) -> int:
        """Take the rows; put the cursor on the same key, or next to where it was. By how much its row moved."""
        old = self._cursor
        self._rows = tuple(rows)
        found = self._find(key, old)
        if not self._touched and found is not None and found >= self.size.height - 1:
            found = 0  # nobody chose it: it doesn't take the list along to its end
        self._cursor = found if found is not None else max(0, min(old, len(self._rows) - 1))
        # The first rows of all stay at the top of the list; a row that somebody went to keeps its place on the screen.
        return self._cursor - old if found is not None and old > 0 and self._touched else 0

    def _find(self, key: str | None, near: int) -> int | None:
        if near < len(self._rows) and self._rows[near].key == key:
            return near
        return next((i for i, row in enumerate(self._rows) if row.key == key), None)

    def _scroll_by(self, lines: int) -> None:
        # By force: a list that has only now outgrown its screen may not be scrolled before the next layout.
        self.scroll_to(y=max(0, self.scroll_offset.y + lines), animate=False, force=True)

    def _refresh_changed(self, before: tuple[Row, ...]) -> None:
        """Only the lines in sight, and of them only those that differ."""
        top = self.scroll_offset.y
        for y in range(1, self.size.height):
            index = top + y - 1
            old = before[index] if index < len(before) else None
            new = self._rows[index] if index < len(self._rows) else None
            if old != new:
                self._refresh_row(index)

    def _refresh_row(self, index: int) -> None:
        self.refresh(Region(0, index + 1 - self.scroll_offset.y, self.size.width, 1))

    # -- moving ----------------------------------------------------------------------------------------------------

    def go_to(self, index: int) -> None:
        """Put the cursor on this row, or the nearest there is."""
        before, self._touched = self._cursor, True
        self._cursor = max(0, min(index, len(self._rows) - 1))
        if self._cursor != before:
            self._refresh_row(before)
            self._refresh_row(self._cursor)
            self._keep_in_sight()
            self.post_message(self.Moved(self.cursor_key))

    def action_move(self, by: int) -> None:
        self.go_to(self._cursor + by)

    def action_page(self, by: int) -> None:
        self.go_to(self._cursor + by * max(1, self.size.height - 2))

    def action_edge(self, way: int) -> None:
        self.go_to(0 if way < 0 else len(self._rows) - 1)

    def on_click(self, event: events.Click) -> None:
        if event.y > 0 and self.scroll_offset.y + event.y <= len(self._rows):
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
            return _strip([Segment((" " * GAP).join(titles), base + Style(bold=True, dim=self._dim))], width, base)
        index = self.scroll_offset.y + y - 1
        if index >= len(self._rows):
            return Strip.blank(width, base)
        row = self._rows[index]
        style = base + Style.parse(row.style) + Style(dim=self._dim)
        if index == self._cursor:
            # Reverse video can be read on every palette; a colour of our own could not.
            style += Style(reverse=True, bold=self.has_focus)
        return _strip(self._cells(row, style), width, style)

    def _cells(self, row: Row, style: Style) -> list[Segment]:
        coloured = dict(row.styles)
        segments = []
        for i, (column, width) in enumerate(zip(self._columns, self._widths(), strict=True)):
            text = fit(row.cells[i], width, right=column.right)
            segments.append(Segment(text, style + Style.parse(coloured[i]) if i in coloured else style))
            segments.append(Segment(" " * GAP, style))
        return segments[:-1]

    def _widths(self) -> list[int]:
        left = self.size.width - sum(column.width + GAP for column in self._columns) + GAP
        shares = sum(column.grow for column in self._columns)
        return [c.width + (max(0, left) * c.grow // shares if shares else 0) for c in self._columns]


def _strip(segments: list[Segment], width: int, style: Style) -> Strip:
    strip = Strip(segments, sum(cell_len(segment.text) for segment in segments))
    return strip.adjust_cell_length(width, style).simplify()
