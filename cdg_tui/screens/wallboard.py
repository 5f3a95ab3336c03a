"""The wallboard: nothing to press, all to see, from across the room. Any key leaves it."""

from collections.abc import Callable

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen

from cdg_tui.screens.alarm_line import alarm_line
from cdg_tui.screens.bars import status_line
from cdg_tui.screens.page import View
from cdg_tui.screens.tiles import board, turn
from cdg_tui.widgets.line import Line
from cdg_tui.widgets.picture import Picture


class Wallboard(ModalScreen[None]):
    """Only what says something else is drawn again."""

    def __init__(self, view: Callable[[], View]):
        super().__init__()
        self._view = view

    def compose(self) -> ComposeResult:
        yield Line(classes="bar status")
        yield Line(classes="alarm")
        yield Picture(classes="board")
        yield Line(classes="bar foot")

    def on_mount(self) -> None:
        self.show()

    def on_resize(self) -> None:
        self.show()

    def show(self) -> None:
        """Bring it up to date."""
        if not self.is_mounted:
            return
        view, (width, height) = self._view(), self.size
        room = max(0, height - 3)
        self.query_one(Picture).show(board(view, width, room))
        page, pages = turn(view, width, room)
        counted = view.words("wallboard.page", n=page + 1, all=pages) if pages > 1 else ""
        self.query_one(".status", Line).show(status_line(view, width))
        self.query_one(".alarm", Line).show(alarm_line(view, width))
        self.query_one(".foot", Line).show(Content(f"{view.words('wallboard.leave')}  {counted}".rstrip()))

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if self.is_active:  # of two keys in one go the first has left it
            self.dismiss(None)
