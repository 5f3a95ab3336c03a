"""Text in a place that may be too small for it."""

from textual.content import Content

from cdg_tui.widgets.line import Line


class Pane(Line):
    """Shows as many lines as there is room for; where that is not all of them, the last one says so."""

    def become(self, height: int | None) -> bool:
        """So high, None for as high as it can be; True where it was not so already."""
        before = self.styles.height
        self.styles.height = "1fr" if height is None else height
        return self.styles.height != before

    def lines(self, content: Content) -> list[Content]:
        """As they are broken here; one before there is a width."""
        width = self.content_size.width
        return content.wrap(width) if width > 0 and content else [content]

    def fill(self, lines: list[Content], height: int, more: Content) -> None:
        """Show these in a height of so many, or, short of that, as many as fit and `more`."""
        shown = lines if len(lines) <= height or height <= 0 else [*lines[: height - 1], more]
        self.show(Content("\n").join(shown))
