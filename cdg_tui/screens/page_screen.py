"""One page on the screen: status, tabs, the rows, what there is to say about the one under the cursor, and the keys."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input

from cdg_tui.actions import on_page
from cdg_tui.screens.bars import banner, heading, key_bar, status_line, tabs
from cdg_tui.screens.detail import detail_text
from cdg_tui.screens.page import WIDE, Page, View
from cdg_tui.widgets.line import Line
from cdg_tui.widgets.row_table import RowTable
from cdg_tui.widgets.rows import Row


class PageScreen(Screen[None]):
    """Shows a Page. Holds its filter; everything else that it shows comes from the view it is given."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "clear_filter", show=False)]

    def __init__(self, page: Page, view: Callable[[], View]):
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(WIDE, "-wide")]
        self.page, self._view = page, view
        self._filter = ""
        self._unfiltered = 0  # how many rows there are, filter or not

    def compose(self) -> ComposeResult:
        yield Line(id="status")
        yield Line(id="tabs")
        yield Line(id="banner")
        with Container(id="body"):
            with Container(id="list"):
                yield Line(id="heading")
                yield RowTable()
            yield Line(id="detail")
        yield Input(id="filter", compact=True)
        yield Line(id="notice")
        yield Line(id="keys")

    def on_mount(self) -> None:
        self.query_one("#filter").display = False
        self.table.focus()
        self.show()

    def on_screen_resume(self) -> None:
        self.show()

    def on_resize(self) -> None:
        self.call_after_refresh(self.show)

    @property
    def table(self) -> RowTable:
        return self.query_one(RowTable)

    # -- showing ---------------------------------------------------------------------------------------------------

    def show(self) -> None:
        """Bring everything up to date; what is the same is not drawn again."""
        if not self.is_mounted:
            return
        view = self._view()
        rows = self.page.rows(view)
        self._unfiltered = len(rows)
        kept = [row for row in rows if _matches(row, self._filter)]
        self.table.show(self.page.columns(view), kept, dim=not view.live)
        width = self.size.width
        self._line("status", status_line(view, width))
        self._line("tabs", tabs(view, self.page.id, width))
        self._line("keys", key_bar(view.words, on_page(self.page.id)))
        self._line("notice", view.notice)
        self.show_banner(view)
        self.show_row(view)

    def show_banner(self, view: View) -> None:
        text = banner(view)
        line = self.query_one("#banner", Line)
        line.display = bool(text)
        line.show(text)

    def show_row(self, view: View) -> None:
        """What follows the cursor."""
        counted = view.words("filter.count", filter=self._filter, all=self._unfiltered) if self._filter else ""
        self._line("heading", heading(view, self.page, self.table.cursor_place, counted, self.table.size.width))
        key = self.table.cursor_key
        detail = self.page.detail(view, key) if key is not None else []
        empty = view.words("filter.none") if self._filter and self._unfiltered else self.page.empty(view)
        self._line("detail", detail_text(detail) if detail else Content(empty if view.live else ""))

    def _line(self, name: str, content: Content) -> None:
        self.query_one(f"#{name}", Line).show(content)

    def on_row_table_moved(self) -> None:
        self.show_row(self._view())

    # -- the filter ------------------------------------------------------------------------------------------------

    def ask_filter(self) -> None:
        """Let somebody type what the rows must hold."""
        box = self.query_one("#filter", Input)
        box.placeholder = self._view().words("filter.placeholder")
        box.display = True
        box.focus()

    def on_input_changed(self, changed: Input.Changed) -> None:
        self._filter = changed.value
        with self.prevent(RowTable.Moved):  # a row that somebody filters out has not vanished
            self.show()

    def on_input_submitted(self, _: Input.Submitted) -> None:
        self.query_one("#filter").display = bool(self._filter)
        self.table.focus()

    def action_clear_filter(self) -> None:
        for box in self.query("#filter").results(Input):  # none where the key comes while the screen is taken down
            box.value, box.display = "", False
            self.table.focus()


def _matches(row: Row, wanted: str) -> bool:
    """Any cell holds the text, whatever its case; `!` before it turns that round."""
    inverted, text = wanted.startswith("!"), wanted.removeprefix("!").casefold()
    return not text or (text in " ".join(row.cells).casefold()) is not inverted
