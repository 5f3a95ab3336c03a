"""One or more lines of text that are drawn again only when they differ. Never reads markup."""

from textual.content import Content
from textual.widgets import Static


class Line(Static):
    """Shows a Content."""

    DEFAULT_CSS = """
    Line { height: 1; width: 1fr; }
    """

    def __init__(self, *, classes: str | None = None, id: str | None = None):  # noqa: A002 - Textual's own name
        super().__init__("", markup=False, classes=classes, id=id)
        self._shown = Content("")

    @property
    def shown(self) -> Content:
        return self._shown

    def show(self, content: Content) -> None:
        """Show this."""
        if not content.is_same(self._shown):
            self._shown = content
            self.update(content, layout=self.styles.height is not None and self.styles.height.is_auto)
