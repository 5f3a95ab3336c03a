"""A picture of lines that fills its widget. Of a line that differs nothing is sent again behind the last cell that does."""

from collections.abc import Iterator
from itertools import zip_longest

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual
from textual.widget import Widget


class Picture(Widget):
    """Shows Contents, one below the other. Never reads markup."""

    DEFAULT_CSS = """
    Picture { height: 1fr; width: 1fr; }
    """

    def __init__(self, *, classes: str | None = None):
        super().__init__(classes=classes)
        self._lines: list[Content] = []

    def show(self, lines: list[Content]) -> None:
        """Show these."""
        before, self._lines = self._lines, lines
        for y, (old, new) in enumerate(zip_longest(before, lines, fillvalue=Content(""))):
            if end := end_of_change(old, new):
                self.refresh(Region(0, y, end, 1))  # Textual sends a widget's line from its first cell on anyway

    def render_line(self, y: int) -> Strip:
        width, style = self.size.width, self.visual_style
        line = self._lines[y] if y < len(self._lines) else Content("")
        strips = Visual.to_strips(self, line.truncate(width), width, 1, style)
        return Strip.join(strips).adjust_cell_length(width, style.rich_style)


def end_of_change(old: Content, new: Content) -> int:
    """How many cells there are up to the last that looks another way now; 0 where none does."""
    if new.is_same(old):
        return 0
    pairs = enumerate(zip_longest(_cells(old), _cells(new)), start=1)
    return max((x for x, (one, other) in pairs if one != other), default=0)


def _cells(line: Content) -> Iterator[tuple[str, Style]]:
    for text, style in line.render(end=""):
        for character in text:
            yield from [(character, style)] * cell_len(character)
