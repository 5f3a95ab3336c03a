"""Boxes there is only to read in: the help, and all about one row. Kept true while they are open."""

from collections.abc import Callable, Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content

from cdg_tui.course import Course, Stretch
from cdg_tui.i18n import Words
from cdg_tui.screens.course_text import course_text
from cdg_tui.screens.detail import attempts_text, detail_text, news_text, steps_text
from cdg_tui.screens.dialog import Dialog, say_on
from cdg_tui.screens.page import WIDE, Detail, Page, View
from cdg_tui.screens.retries import account
from cdg_tui.widgets.line import Line
from cdg_tui.widgets.row_table import MOVING
from core import wire
from core.wire_cases import CaseDetail


class Reader(Dialog[None]):
    """Something to read, as long as it may be."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,question_mark,f1", "close", show=False),
        Binding("space", "page(1)", show=False),
        *MOVING,
    ]

    def __init__(self, words: Words, title: str, text: Callable[[], Content]):
        super().__init__(words, title)
        self._text = text

    def parts(self) -> ComposeResult:
        with VerticalScroll():
            yield Line(classes="text")

    def on_mount(self) -> None:
        self.show()

    def show(self) -> None:
        """Bring it up to date."""
        say_on(self, ".text", self._text())

    def answers(self) -> Content:
        return Content(self.words("dialog.close"))

    def action_close(self) -> None:
        self.dismiss(None)

    def action_move(self, by: int) -> None:
        self._scroller.scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        self.action_move(by * max(1, self._scroller.size.height - 1))

    def action_edge(self, way: int) -> None:
        self._scroller.scroll_to(y=0 if way < 0 else self._scroller.max_scroll_y, animate=False)

    @property
    def _scroller(self) -> VerticalScroll:
        return self.query_one(VerticalScroll)


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
        self.HORIZONTAL_BREAKPOINTS = [(WIDE, "-wide")]
        self._page, self._key, self._view = page, key, view
        self._row = ""
        self._last: Detail = []
        self._delivery: wire.RetryDetail | None = None
        self._case: CaseDetail | None = None
        self._news: tuple[wire.RetryItem, ...] = ()
        self._course: Course | None = None
        self._trouble: str | None = None  # why the course could not be had, or not again
        self._turn = 0  # which of the sensors
        self.on_payload: Callable[[str], None] | None = None
        self.on_sensor: Callable[[], None] | None = None

    def show_delivery(self, delivery: wire.RetryDetail) -> None:
        """What the core knows of a delivery, with its attempts."""
        self._delivery = delivery
        self.show()

    def show_case(self, case: CaseDetail, news: tuple[wire.RetryItem, ...]) -> None:
        """What the core knows of a case, with what people did; and its deliveries."""
        self._case, self._news = case, news
        self.show()

    @property
    def stretch(self) -> Stretch | None:
        """The course that belongs to the row as it stands now."""
        try:
            found = self._page.stretch(self._view(), self._key)
        except OverflowError:  # at a time that no calendar knows
            return None
        return None if found is None else found.of_another(self._turn)

    def show_course(self, course: Course) -> None:
        """The one that was read for it."""
        self._course, self._trouble = course, None
        self.show()

    def show_no_course(self, why: str) -> None:
        """It could not be read; what was read before stays, with its time."""
        self._trouble = why
        self.show()

    def on_resize(self) -> None:
        self.call_after_refresh(self.show)

    def answers(self) -> Content:
        keys = [self.words("dialog.close")]
        if self.on_payload is not None:
            keys.append(self.words("payload.key"))
        if (stretch := self.stretch) is not None and stretch.others:
            keys.append(self.words("course.key"))
        return Content("   ".join(keys))

    def action_payload(self) -> None:
        if self.on_payload is not None:
            self.on_payload(self._key)

    def action_sensor(self, by: int) -> None:
        if self.on_sensor is not None and self.stretch is not None and self.stretch.others:
            self._turn += by
            self._course = self._trouble = None
            self.show()
            self.on_sensor()

    def _details(self) -> Content:
        view = self._view()
        known = self._page.detail(view, self._key)
        if not known and self._delivery is not None:
            known = account(view, self._delivery.item)
        self._last = known or self._last
        row = next((row for row in self._page.rows(view) if row.key == self._key), None)
        self._row = self._row if row is None else "  ".join(filter(None, map(str.strip, row.cells)))
        lines = [] if row is not None else [Content.styled(view.words("detail.gone"), "bold")]
        lines += [Content.styled(self._row, "bold"), detail_text(self._last), *self._told(view), *self._drawn(view)]
        return Content("\n").join(lines)

    def _told(self, view: View) -> Iterator[Content]:
        if self._delivery is not None and self._delivery.attempts:
            yield Content("\n").join([Content(""), attempts_text(view, self._delivery.attempts)])
        if self._case is not None:
            for text in (steps_text(view, self._case), news_text(view, self._news)):
                yield Content("\n").join([Content(""), text])

    def _drawn(self, view: View) -> Iterator[Content]:
        if self._trouble is not None:
            yield Content.styled(f"\n{view.words('course.unread', why=self._trouble)}", "bold")
        elif self._course is None and self.stretch is not None:
            yield Content.styled(f"\n{view.words('course.reading')}", "dim")
        if self._course is not None:
            # Nothing is put together yet where the core was quicker than this box.
            room = max((box.size.width for box in self.query(VerticalScroll)), default=0)
            yield Content("\n").join([Content(""), course_text(view, self._course, room)])
