"""Boxes there is only to read in: the help, and all about one row. Kept true while they are open."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from cdg_tui.i18n import Words
from cdg_tui.screens.detail import detail_text
from cdg_tui.screens.dialog import Dialog, Scroller, say_on
from cdg_tui.screens.known import Known
from cdg_tui.screens.page import Detail, Page, View
from cdg_tui.screens.retries import account
from cdg_tui.widgets.line import Line
from cdg_tui.widgets.row_table import MOVING


class Reader(Dialog[None]):
    """Something to read, as long as it may be. `text` is given the columns there are, None while nobody knows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,question_mark,f1", "close", show=False),
        Binding("space", "page(1)", show=False),
        *MOVING,
    ]

    def __init__(self, words: Words, title: str, text: Callable[[int | None], Content]):
        super().__init__(words, title)
        self._text = text

    def parts(self) -> ComposeResult:
        yield Line(classes="text")

    def on_mount(self) -> None:
        self.show()

    def on_resize(self) -> None:
        self.call_after_refresh(self.show)

    def show(self) -> None:
        """Bring it up to date."""
        say_on(self, ".text", self._text(self.room))

    @property
    def room(self) -> int | None:
        """Columns of its text; None while it is put together."""
        return next((box.size.width for box in self.query(Scroller) if box.size), None)

    def answers(self) -> Content:
        return Content(self.words("dialog.close"))

    def place(self) -> str:
        """With the keys that go to the rest."""
        place = super().place()
        return f"{self.words('dialog.scroll')}  {place}" if place else ""

    def close_or(self, otherwise: str) -> Content:
        """The way back, and what there is besides."""
        return Content(f"{self.words('dialog.close')}   {otherwise}")

    def action_close(self) -> None:
        self.dismiss(None)


class RowReader(Reader):
    """All that is known of one row of a page; what was known last once it is gone, and that it is gone. `on_payload` is asked to
    show what a delivery holds, `on_sensor` to read the course of the sensor that was chosen.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "payload", show=False),
        Binding("tab", "sensor(1)", show=False),
        Binding("shift+tab", "sensor(-1)", show=False),
    ]

    def __init__(self, page: Page, key: str, view: Callable[[], View]):
        words = view().words
        super().__init__(words, words("detail.title"), self._details)
        self.known = Known(page, key, view, self.show, lambda: self.room)
        self._row = ""
        self._last: Detail = []
        self.on_payload: Callable[[str], None] | None = None
        self.on_sensor: Callable[[], None] | None = None

    def answers(self) -> Content:
        keys = [self.words("dialog.close")]
        if self.on_payload is not None:
            keys.append(self.words("payload.key"))
        if (stretch := self.known.stretch) is not None and stretch.others:
            keys.append(self.words("course.key"))
        return Content("   ".join(keys))

    def action_payload(self) -> None:
        if self.on_payload is not None:
            self.on_payload(self.known.key)

    def action_sensor(self, by: int) -> None:
        if self.on_sensor is not None and self.known.turn(by):
            self.on_sensor()

    def _details(self, room: int | None) -> Content:
        known, view = self.known, self.known.view()
        said = known.page.detail(view, known.key)
        if not said and known.delivery is not None:
            said = account(view, known.delivery.item)
        self._last = said or self._last
        row = next((row for row in known.page.rows(view) if row.key == known.key), None)
        self._row = self._row if row is None else "  ".join(filter(None, map(str.strip, row.cells)))
        gone = [] if row is not None else [Content.styled(view.words("detail.gone"), "bold")]
        about = Content("\n").join([*gone, Content.styled(self._row, "bold"), detail_text(self._last, room)])
        return Content("\n\n").join([about, *known.texts(room)])
