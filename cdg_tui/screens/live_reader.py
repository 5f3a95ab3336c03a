"""Boxes to read in what the core says while they are open: its log, its configuration, who changed what, what a delivery holds.

Where it can't be had, they say why, and how old what still stands there is.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, Final, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from cdg_tui.screens.dialog import Scroller, say_on
from cdg_tui.screens.documents import audit_text, log_text
from cdg_tui.screens.page import View
from cdg_tui.screens.reader import Reader
from cdg_tui.widgets.line import Line
from core.wire_audit import AuditItem, AuditPage
from core.wire_stream import Log, LogItem

KEPT: Final = 300  # records of the log; and while somebody reads further up
KEPT_ABOVE: Final = 1000
LEVELS: Final = ("info", "warning", "error")
BROADER: Final = 160  # as other boxes' BROAD; its lines are longer
KINDS: Final = ("", "case.*", "retry.*", "retries.*", "endpoint.*", "cabinet.*", "config.*", "operator.*", "core.*")

Value = TypeVar("Value")


class LiveReader(Reader):
    """Its first line stays in sight: what is shown, and whether that is of now."""

    def __init__(self, view: Callable[[], View], title: str):
        super().__init__(view().words, title, lambda _: self.body())
        self.HORIZONTAL_BREAKPOINTS = [(BROADER, "-wide")]
        self._view = view
        self._heard_s: float | None = None
        self._why: str | None = None

    def head(self) -> ComposeResult:
        yield Line(classes="head")

    def show(self) -> None:
        say_on(self, ".head", self._head())
        super().show()

    def heard(self) -> None:
        """The core has answered."""
        self._heard_s, self._why = self._view().now_s, None
        self.show()

    def not_heard(self, why: str) -> None:
        """It has not, or refuses; what it said before stays, with its age."""
        self._why = why
        self.show()

    def about(self) -> str:
        """What is shown, where all is well."""
        raise NotImplementedError

    def body(self) -> Content:
        """What has been heard; nothing before that."""
        raise NotImplementedError

    def _head(self) -> Content:
        view, words = self._view(), self.words
        if self._why is not None and self._heard_s is not None:
            age = words.lasting(view.now_s - self._heard_s)
            return Content.styled(f"!! {words('live.old', why=self._why, age=age)}", "bold")
        if self._why is not None:
            return Content.styled(f"!! {words('live.unread', why=self._why)}", "bold")
        if self._heard_s is None:
            return Content.styled(words("live.reading"), "dim")
        return Content.styled(self.about(), "dim")


class DocumentReader(LiveReader, Generic[Value]):
    """One answer of the core as text."""

    def __init__(
        self,
        view: Callable[[], View],
        title: str,
        text: Callable[[View, Value], Content],
        about: Callable[[View, Value], str],
    ):
        super().__init__(view, title)
        self._written, self._about = text, about
        self._value: Value | None = None

    def take(self, value: Value) -> None:
        """This is what the core answered."""
        self._value = value
        self.heard()

    def about(self) -> str:
        return "" if self._value is None else self._about(self._view(), self._value)

    def body(self) -> Content:
        return Content("") if self._value is None else self._written(self._view(), self._value)


class LogReader(LiveReader):
    """The newest records at the bottom, where it stays unless somebody reads further up. `after` is the last one that is known,
    None where all are to be asked for anew.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "least('info')", show=False),
        Binding("w", "least('warning')", show=False),
        Binding("e", "least('error')", show=False),
    ]

    def __init__(self, view: Callable[[], View], title: str, changed: Callable[["LogReader"], None]):
        super().__init__(view, title)
        self.level = LEVELS[0]
        self.after: int | None = None
        self._changed = changed
        self._run = ""
        self._items: list[LogItem] = []

    def take(self, log: Log, level: str) -> None:
        """What was asked for with this level; of another level or another run of the core nothing is mixed in."""
        if level != self.level:
            return
        if log.run != self._run:
            whole = self.after is None
            self._run, self._items, self.after = log.run, [], None
            if not whole:  # the numbers begin again: what has come before this one is asked for at the next turn
                self.heard()
                return
        self._items = [*self._items, *log.items][-(KEPT if self._follows else KEPT_ABOVE) :]
        self.after = self._items[-1].n if self._items else 0
        self.heard()

    def on_mount(self) -> None:
        self.query_one(Scroller).anchor()  # at its end, whatever comes, until somebody scrolls away from it

    def about(self) -> str:
        key = "log.follows" if self._follows else "log.stands"
        return self.words("log.head", level=self.words.of("level", self.level), n=len(self._items), how=self.words(key))

    def body(self) -> Content:
        return log_text(self._view(), self._items)

    def answers(self) -> Content:
        return self.close_or(self.words("log.keys"))

    def action_least(self, level: str) -> None:
        self.level, self.after, self._items, self._run = level, None, [], ""
        self.show()
        self._changed(self)

    @property
    def _follows(self) -> bool:
        return all(box.scroll_offset.y >= box.max_scroll_y for box in self.query(Scroller))


class AuditReader(LiveReader):
    """The newest at the top; what lies further back is asked for when somebody comes near its end. `kind` is what of, all for
    none, and `cursor` where the next page begins, None where there is none.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab,f", "kind", show=False)]

    def __init__(self, view: Callable[[], View], title: str, changed: Callable[["AuditReader"], None]):
        super().__init__(view, title)
        self.kind = KINDS[0]
        self.cursor: str | None = None
        self.whole = False  # there is nothing further back
        self._changed = changed
        self._items: Sequence[AuditItem] = ()

    def take(self, page: AuditPage, kind: str) -> None:
        """The page that was asked for, of this kind."""
        if kind != self.kind:
            return
        self._items, self.cursor, self.whole = (*self._items, *page.items), page.next, page.next is None
        self.heard()

    @property
    def wants_more(self) -> bool:
        """Somebody has come near the end of what is here."""
        near = all(box.scroll_offset.y + 2 * box.size.height >= box.max_scroll_y for box in self.query(Scroller))
        return not self.whole and near

    def about(self) -> str:
        words = self.words
        kind = words.of("did", self.kind) if self.kind else words("audit.all")
        end = words("audit.end" if self.whole else "audit.more")
        return words("audit.head", kind=kind, n=len(self._items), end=end)

    def body(self) -> Content:
        return audit_text(self._view(), self._items)

    def answers(self) -> Content:
        return self.close_or(self.words("audit.keys"))

    def action_kind(self) -> None:
        self.kind = KINDS[(KINDS.index(self.kind) + 1) % len(KINDS)]
        self.cursor, self.whole, self._items = None, False, ()
        self.show()
        self._changed(self)
