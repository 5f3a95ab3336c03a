"""A picture of lines that fills its widget. Of a line that differs only those cells are sent again that do. Never reads markup."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual
from textual.widget import Widget

_NEAR: Final = 6  # to go over so many cells costs as much as to draw them

_Cell = tuple[str, int, Style]  # a character, which of its columns, how it looks


class Picture(Widget):
    """Shows Contents, one below the other."""

    DEFAULT_CSS = """
    Picture { height: 1fr; width: 1fr; }
    """

    def __init__(self, *, classes: str | None = None):
        super().__init__(classes=classes)
        self._lines: list[Content] = []
        self._runs: dict[int, list[tuple[int, int]]] = {}  # by line: what differed when it was drawn last

    @property
    def lines(self) -> Sequence[Content]:
        return tuple(self._lines)

    def show(self, lines: list[Content]) -> None:
        """Show these."""
        before, self._lines = self._lines, lines
        for y, (old, new) in enumerate(zip_longest(before, lines, fillvalue=Content(""))):
            if not new.is_same(old):
                self._runs[y] = list(_runs(old, new))
                self.refresh(*(Region(start, y, end - start, 1) for start, end in self._runs[y]))

    def render_line(self, y: int) -> Strip:
        width, style = self.size.width, self.visual_style
        line = self._lines[y] if y < len(self._lines) else Content("")
        strips = Visual.to_strips(self, line.truncate(width), width, 1, style)
        strip = Strip.join(strips).adjust_cell_length(width, style.rich_style)
        # What looks the same is one piece otherwise, and is sent whole.
        ends = {end for run in self._runs.get(y, ()) for end in run if 0 < end < width}
        return Strip.join(strip.divide([*sorted(ends), width]))


def _runs(old: Content, new: Content) -> Iterator[tuple[int, int]]:
    """From where to where two lines differ, in cells; what lies near together is one."""
    start = end = -1
    for x, (one, other) in enumerate(zip_longest(_cells(old), _cells(new))):
        if one == other:
            continue
        if start >= 0 and x - end > _NEAR:
            yield start, end
            start = -1
        start, end = start if start >= 0 else x, x + 1
    if start >= 0:
        yield start, end


def _cells(line: Content) -> Iterator[_Cell]:
    for text, style in line.render(end=""):
        for character in text:
            for column in range(cell_len(character)):
                yield character, column, style
