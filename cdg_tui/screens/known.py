"""What the core told of one row when it was asked: a delivery's attempts, what people did about a case, a sensor's course.

It is the same in a box of its own and beside the list.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from textual.content import Content

from cdg_tui.course import COLUMNS, Course, Stretch
from cdg_tui.screens.course_text import columns_in, course_text
from cdg_tui.screens.detail import attempts_text, news_text, steps_text
from cdg_tui.screens.page import Page, View
from core import wire
from core.wire_cases import CaseDetail


class Known:
    """About the row `key` of a page, as it looks in `view`. `changed` is told of all news, `room` tells how many
    cells there are for a line, None or 0 while nobody knows. What was read once stays until there is newer.
    """

    def __init__(
        self,
        page: Page,
        key: str,
        view: Callable[[], View],
        changed: Callable[[], None],
        room: Callable[[], int | None],
    ):
        self.page, self.key = page, key
        self.delivery: wire.RetryDetail | None = None
        self.view, self._changed, self._room = view, changed, room
        self._case: CaseDetail | None = None
        self._news: tuple[wire.RetryItem, ...] = ()
        self._course: Course | None = None
        self._trouble: str | None = None  # why the course could not be had, or not again
        self._turn = 0  # which of the sensors

    def take_delivery(self, delivery: wire.RetryDetail) -> None:
        """With its attempts."""
        self.delivery = delivery
        self._changed()

    def take_case(self, case: CaseDetail, news: tuple[wire.RetryItem, ...]) -> None:
        """With what people did; and its deliveries."""
        self._case, self._news = case, news
        self._changed()

    def take_course(self, course: Course) -> None:
        """The one that was read for `stretch`."""
        self._course, self._trouble = course, None
        self._changed()

    def no_course(self, why: str) -> None:
        """It could not be read; what was read before stays, with its time."""
        self._trouble = why
        self._changed()

    def turn(self, by: int) -> bool:
        """To another of the sensors; False where there is only one."""
        if self.stretch is None or not self.stretch.others:
            return False
        self._turn += by
        self._course = self._trouble = None
        self._changed()
        return True

    @property
    def columns(self) -> int | None:
        """How many steps of a course can be drawn; None while nobody knows."""
        room = self._room()
        return columns_in(room) if room else None

    @property
    def told(self) -> bool:
        """Whether there is a course to see, not only that there is none yet."""
        return self._course is not None and not self._course.empty

    @property
    def stretch(self) -> Stretch | None:
        """The course that belongs to the row as it stands now."""
        try:
            found = self.page.stretch(replace(self.view(), columns=self.columns or COLUMNS), self.key)
        except OverflowError:  # at a time that no calendar knows
            return None
        return None if found is None else found.of_another(self._turn)

    def texts(self, room: int | None) -> Iterator[Content]:
        """All of it, drawn into so many columns; of a course that is still to come, that it is."""
        view = self.view()
        if self.delivery is not None and self.delivery.attempts:
            yield attempts_text(view, self.delivery.attempts, room)
        if self._case is not None:
            yield steps_text(view, self._case, room)
            yield news_text(view, self._news, room)
        if self._trouble is not None:
            yield Content.styled(view.words("course.unread", why=self._trouble), "bold")
        elif self._course is None and self.stretch is not None:
            yield Content.styled(view.words("course.reading"), "dim")
        if self._course is not None:
            yield course_text(view, self._course, room or 0)
