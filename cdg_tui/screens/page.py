"""What a page of rows is: columns, rows, and what stands below them about the row under the cursor. Pure: a View in, values
out; the widgets draw them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from typing import Any, Final, Protocol

from textual.content import Content

from cdg_tui.access import Access
from cdg_tui.actions import ACTIONS, Action
from cdg_tui.course import COLUMNS, Stretch
from cdg_tui.i18n import Words
from cdg_tui.store import Listed, Question, Store
from cdg_tui.text import NOTHING, clock, named, zone
from cdg_tui.widgets.rows import Column, Field, Row, columns_that_fit
from core import wire

LEAST: Final = (80, 24)  # columns and lines that every page and dialog fits into
WIDE: Final = 140  # columns from which the details stand beside the list

# Colour is never the only word: each state has a mark and a name too. The eight base colours are on every terminal.
STYLES: Final = {
    "critical": "bold red",
    "warning": "yellow",
    "fault": "magenta",
    "suspect": "magenta",
    "stale": "magenta",
    "pending": "yellow",
    "info": "cyan",
}
MARKS: Final = {
    "critical": "!!",
    "warning": "!",
    "fault": "?",
    "suspect": "?",
    "stale": "?",
    "pending": "!",
    "info": "i",
    "out_of_service": "-",
}

Detail = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What somebody wants to see of a list: only rows that hold a text, in which of the page's orders, turned round or not;
    of dead letters only one group (endpoint and reason), or all groups as rows of their own.
    """

    text: str = ""
    order: int = 0
    turned: bool = False
    group: tuple[str, str | None] | None = None
    folded: bool = False

    @property
    def needle(self) -> tuple[str, bool]:
        """The text itself, and whether rows must do without it: `!` before it says so, and alone says nothing."""
        text = self.text.removeprefix("!")
        return text, bool(text) and text != self.text


@dataclass(frozen=True, kw_only=True)
class View:
    """What pages are made from: what is known, the language, and what time it is here in steady seconds; `wide`
    where there is room beside the list, `room` how many cells its columns have, `columns` how many steps of a course can be
    drawn; `notice` what is to be said just now, `asked` what is wanted of the list; `actions` the keys as this user has them,
    `unsettled` what is wrong with the user's settings; `access` who may write, `alarms` the new critical cases that nobody
    has seen.
    """

    store: Store
    words: Words
    now_s: float
    wide: bool = False
    room: int = LEAST[0]
    columns: int = COLUMNS
    notice: Content = field(default_factory=lambda: Content(""))
    asked: Asked = field(default_factory=Asked)
    actions: tuple[Action, ...] = ACTIONS
    unsettled: str = ""
    access: Access = field(default_factory=Access)
    alarms: tuple[wire.CaseItem, ...] = ()

    @cached_property
    def zone(self) -> tzinfo:
        status = self.store.status
        return UTC if status is None else zone(status.device.timezone)

    @cached_property
    def now(self) -> datetime:
        """The core's wall clock, run on by our own steady one."""
        status = self.store.status
        if status is None:
            return datetime(1970, 1, 1, tzinfo=UTC)
        try:
            return status.now + timedelta(seconds=self.lag_s)
        except OverflowError:
            return status.now

    @cached_property
    def live(self) -> bool:
        return self.store.live(self.now_s)

    @cached_property
    def lag_s(self) -> float:
        """How much older everything is than when the core said it."""
        return self.store.age_s(self.now_s) or 0.0

    @cached_property
    def told_s(self) -> float:
        """The moment that the rows speak of: now, or while nobody answers the last one that is known."""
        return self.now_s if self.live or self.store.heard_s is None else self.store.heard_s

    def clock(self, moment: datetime | None) -> str:
        return clock(moment, self.zone, self.now)

    def news_of(self, case: wire.CaseItem) -> str:
        """How the case's events stand on their way out: what still waits, what was given up."""
        if not case.news_pending and not case.news_dead:
            return self.words("news.none_waits")
        return self.words("news.waits", pending=case.news_pending, dead=case.news_dead)

    def mark(self, code: str, group: str = "state", word: str | None = None) -> str:
        """Mark and word of a state or severity, as `!!严重`; `word` says it more closely than its own."""
        return f"{MARKS.get(code, ''):<2}{word or self.words.of(group, code)}"

    def left(self, seconds: float) -> str:
        """What is still left of a time that was running when the core said it; only while somebody answers it is known to run."""
        return self.words.lasting(seconds - self.lag_s)

    def cabinet(self, cabinet_id: str | None) -> str:
        """Id and name."""
        if cabinet_id is None:
            return NOTHING
        known = self.store.cabinet(cabinet_id)
        return named(cabinet_id, known.name if known is not None else "")


class Listing:
    """What most pages have alike: all their rows at hand, none of them to be marked, and no course that belongs to one."""

    orders: tuple[str, ...] = ("worst",)
    marking = False
    handled = False

    def fields(self, view: View) -> Sequence[Field[Any]]:
        """All that could stand about an item, room or not."""
        raise NotImplementedError

    def columns(self, view: View) -> Sequence[Field[Any]]:
        return columns_that_fit(self.fields(view), view.room)

    def question(self, asked: Asked) -> Question | None:  # noqa: ARG002 - a page's
        return None

    def windowed(self, asked: Asked) -> bool:  # noqa: ARG002 - a page's
        return False

    def window(self, view: View) -> Listed | None:  # noqa: ARG002 - a page's
        return None

    def queue(self, view: View, width: int) -> Content:  # noqa: ARG002 - a page's
        return Content("")

    def stretch(self, view: View, key: str) -> Stretch | None:  # noqa: ARG002 - a page's
        return None

    def order(self, view: View) -> str:
        order = view.words(f"order.{self.orders[view.asked.order]}")
        return view.words("order.turned", order=order) if view.asked.turned else order


class Page(Protocol):
    """One of the console's lists."""

    id: str
    looks_at: frozenset[str]
    """The lists that the core is asked for in every round while this page is shown."""
    marking: bool
    """Whether its rows can be marked."""
    handled: bool
    """Whether people write down what they do about its rows."""

    @property
    def orders(self) -> tuple[str, ...]:
        """What the rows can be sorted by, as keys of the words; the first is what it starts with."""

    def columns(self, view: View) -> Sequence[Column]:
        """They fit into the view's room, which is 80 cells at least, or 78 beside marks."""

    def question(self, asked: Asked) -> Question | None:
        """The deliveries that the page shows; None where it shows none."""

    def windowed(self, asked: Asked) -> bool:
        """Whether its rows are only some of very many."""

    def window(self, view: View) -> Listed | None:
        """Which ones; None where they are all, or the core has not been heard about them yet."""

    def rows(self, view: View) -> Sequence[Row]:
        """In the order that was asked for; of a window only its own."""

    def order(self, view: View) -> str:
        """What the rows are sorted by, in words."""

    def empty(self, view: View) -> str:
        """What it means that there is no row."""

    def queue(self, view: View, width: int) -> Content:
        """What waits to be sent, where that stands beside the list; else nothing."""

    def detail(self, view: View, key: str) -> Detail:
        """Label and text about one row; empty where it is gone."""

    def stretch(self, view: View, key: str) -> Stretch | None:
        """The course that belongs to the row; None where there is none, or the row is gone."""


def untold(words: Words, cause: str) -> str:
    """That the core would not name a list, and why."""
    return words("list.untold", why=words.of("cause", cause))


def outcome(words: Words, http_status: int | None, error_class: str | None, otherwise: str) -> str:
    """What became of an attempt: why it failed, with the HTTP status where there was an answer."""
    what = words.of("error", error_class) if error_class is not None else otherwise
    return what if http_status is None else f"HTTP {http_status} {what}"
