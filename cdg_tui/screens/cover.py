"""What covers everything else: how the shop stands above, something large in the middle, and any key leaves it but the one that asks the
core at once: while nobody answers, the banner names it.
"""

from collections.abc import Callable
from typing import Generic

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget

from cdg_tui.screens.alarm_line import alarm_line
from cdg_tui.screens.bars import status_line
from cdg_tui.screens.dialog import Said
from cdg_tui.screens.page import View
from cdg_tui.widgets.line import Line


class Cover(ModalScreen[Said], Generic[Said]):
    """Only what says something else is drawn again."""

    BESIDE = 3  # lines that are not the middle's

    def __init__(self, view: Callable[[], View], ask: Callable[[], None]):
        super().__init__()
        self._view, self._ask = view, ask

    def compose(self) -> ComposeResult:
        yield Line(classes="bar status")
        yield Line(classes="alarm")
        yield self.middle()
        yield Line(classes="bar foot")

    def middle(self) -> Widget:
        """What is large."""
        raise NotImplementedError

    def show_middle(self, view: View, width: int, height: int) -> str:
        """Bring it up to date; what the foot says."""
        raise NotImplementedError

    def left_by(self, key: str) -> Said:
        """What it means that somebody has pressed this."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self.show()

    def on_resize(self) -> None:
        self.show()

    def show(self) -> None:
        """Bring it up to date."""
        if not self.is_mounted:
            return
        view, (width, height) = self._view(), self.size
        self.query_one(".status", Line).show(status_line(view, width))
        self.query_one(".alarm", Line).show(alarm_line(view, width))
        said = self.show_middle(view, width, max(0, height - self.BESIDE))
        self.query_one(".foot", Line).show(Content(said))

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if any(event.key in action.keys for action in self._view().actions if action.id == "refresh"):
            self._ask()
        elif self.is_active:  # of two keys in one go the first has left it
            self.dismiss(self.left_by(event.key))
