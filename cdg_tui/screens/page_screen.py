"""One page on the screen: status, tabs, the rows, what there is to say about the one under the cursor, and the keys."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input

from cdg_tui.actions import on_page
from cdg_tui.screens.alarm_line import alarm_line
from cdg_tui.screens.bars import banner, enlarge, heading, key_bar, of_use, status_line, tabs
from cdg_tui.screens.detail import detail_text
from cdg_tui.screens.known import Known
from cdg_tui.screens.page import LEAST, WIDE, Asked, Page, View, untold
from cdg_tui.store import Question
from cdg_tui.widgets.filter_box import FilterBox
from cdg_tui.widgets.line import Line
from cdg_tui.widgets.pane import Pane
from cdg_tui.widgets.row_table import MARKS, RowTable
from cdg_tui.widgets.rows import Row

WINDOW: Final = 200  # rows that are asked for at a time
ENLARGED: Final = 3  # lines that ask for a larger terminal
HEAD: Final = 2  # lines above the rows: the heading and the titles
LEAST_DETAIL: Final = 7  # lines below the rows
LEAST_BESIDE_QUEUE: Final = 4  # and where the queue stands below them too


class PageScreen(Screen[None]):
    """Shows a Page. Holds what is wanted of its list; everything else that it shows comes from the view it is given. `ask` is
    told which deliveries are to be shown, and whether at once.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", show=False)]

    def __init__(self, page: Page, view: Callable[[], View], ask: Callable[[Question | None, bool], None]):
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (LEAST[0], "-enough"), (WIDE, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-low"), (LEAST[1], "-high")]
        self.page, self._view, self._ask = page, view, ask
        self.asked = Asked()
        self.frozen_s: float | None = None  # since when the list stands still
        self._unfiltered = 0  # how many rows there are, filter or not
        self.known: Known | None = None  # about the row on which the cursor came to rest
        self._asked_anew = False

    def compose(self) -> ComposeResult:
        yield Line(id="status")
        yield Line(id="tabs")
        yield Line(id="alarm")
        yield Line(id="banner")
        with Container(id="body"):
            with Container(id="list"):
                yield Line(id="heading")
                yield RowTable(marking=self.page.marking)
            yield Pane(id="detail")
        yield Line(id="queue")
        yield FilterBox(self._filtered)
        yield Line(id="notice")
        yield Line(id="keys")
        yield Line(id="enlarge")

    def on_mount(self) -> None:
        self.query_one("#filter").display = False
        self.table.focus()
        self.show()

    def on_screen_resume(self) -> None:
        self.show()

    def on_resize(self) -> None:
        self.call_after_refresh(self.show)

    def view(self) -> View:
        """What this page is made from, as of now."""
        room = max(LEAST[0] - MARKS, self.table.room)  # before there is a layout it has none
        return replace(self._view(), asked=self.asked, room=room)

    @property
    def edges(self) -> tuple[int, int]:
        """How many lines above its list and below it stay in sight whatever lies over the page: alarms, link and banner; notice
        and keys.
        """
        if self.query_one("#enlarge").display:  # instead of a page that would not fit
            return ENLARGED, 0
        return self.query_one("#body").region.y, self.size.height - self.query_one("#notice").region.y

    @property
    def table(self) -> RowTable:
        return self.query_one(RowTable)

    # -- showing ---------------------------------------------------------------------------------------------------

    def show(self) -> None:
        """Bring everything up to date; what is the same is not drawn again."""
        if not self.is_mounted:
            return
        view = self.view()
        if self.frozen_s is None:
            self._show_rows(view)
        width = self.size.width
        self._line("status", status_line(view, width))
        self._line("tabs", tabs(view, self.page.id, width))
        self._line("keys", key_bar(view.words, of_use(view, on_page(self.page.id, view.actions)), width))
        self._line("notice", view.notice)
        self._optional("alarm", alarm_line(view, width))
        self._optional("banner", banner(view, width))
        queue = self.page.queue(view, width)
        self._optional("queue", queue)
        self.set_class(bool(queue), "-queue")
        self.query_one(FilterBox).placeholder = view.words("filter.placeholder")
        self._line("enlarge", enlarge(view))
        self.show_row(view)
        self._ask(self._question(), False)

    def _show_rows(self, view: View) -> None:
        columns, rows, listed = self.page.columns(view), self.page.rows(view), self.page.window(view)
        if listed is not None and listed.untold is None:
            self._unfiltered = listed.all
            gone = listed.question.anchor if listed.gone else None
            with self._quietly():
                self.table.show(
                    columns,
                    rows,
                    offset=listed.offset,
                    total=listed.total,
                    whole=listed.total == listed.all,
                    gone=gone,
                    dim=not view.live,
                )
        elif self.page.windowed(self.asked):
            self.table.fade()  # what is there answers another question, or an earlier one
        else:
            self._unfiltered = len(rows)
            text, without = self.asked.needle
            kept = [row for row in rows if _holds(row, text) is not without] if text else rows
            with self._quietly():
                self.table.show(columns, kept, dim=not view.live)

    def _optional(self, name: str, text: Content) -> None:
        line = self.query_one(f"#{name}", Line)
        line.display = bool(text)
        line.show(text)

    def show_row(self, view: View) -> None:
        """What follows the cursor."""
        self._line(
            "heading", heading(view, self.page, self.table.cursor_place, self._said(view), self.table.size.width)
        )
        key = self.table.cursor_key
        pane = self.query_one(Pane)
        detail = self.page.detail(view, key) if key is not None else []
        text = detail_text(detail, pane.content_size.width) if detail else Content(self._nothing(view))
        lines = pane.lines(Content("\n\n").join([text, *self._beside(view, key)]))
        height = self.query_one("#body").size.height
        below = None if view.wide else self._below(height, len(lines))
        pane.fill(lines, below or height, Content.styled(view.words("detail.more"), "dim"))
        if pane.become(below):
            self.call_after_refresh(self.show)  # once there is the room

    def _below(self, height: int, lines: int) -> int:
        """Of so many lines of list and details together, those of the details: what the rows leave, as far as it is needed,
        and a few in any case.
        """
        least = LEAST_BESIDE_QUEUE if self.has_class("-queue") else LEAST_DETAIL
        return max(least, min(lines, height - HEAD - self.table.cursor_place[1]))

    def look_at(self, key: str) -> Known:
        """All that is read about this row stands below its details, where they are beside the list and the cursor is on it."""
        self.known = Known(self.page, key, self._view, self._show_beside, self._beside_room)
        return self.known

    def _beside_room(self) -> int | None:
        """Cells of a line of the details; None also while the screen is put together or taken apart."""
        return next((pane.content_size.width for pane in self.query(Pane)), None)

    def _show_beside(self) -> None:
        if self.cursor_key is not None:
            self.show_row(self.view())

    @property
    def cursor_key(self) -> str | None:
        """The row under the cursor; None also while the screen is put together or taken apart."""
        return next((table.cursor_key for table in self.query(RowTable)), None)

    @property
    def marked(self) -> tuple[str, ...]:
        """The marked rows, as `cursor_key`."""
        return next((tuple(table.marked) for table in self.query(RowTable)), ())

    def _beside(self, view: View, key: str | None) -> Iterator[Content]:
        if view.wide and self.known is not None and self.known.key == key:
            yield from self.known.texts(self._beside_room())

    def _said(self, view: View) -> tuple[str, ...]:
        """What is to be known about the list beside its order."""
        words, asked = view.words, self.asked
        said = []
        listed = self.page.window(view)
        if listed is not None and listed.untold is not None:
            said.append(untold(words, listed.untold))
        if self.frozen_s is not None:
            said.append(words("list.frozen", age=words.lasting(view.now_s - self.frozen_s)))
        if asked.text:
            said.append(words("filter.count", filter=asked.text, all=self._unfiltered))
        if asked.group is not None:
            endpoint, reason = asked.group
            said.append(f"{words.of('reason', reason or '')} {endpoint}".strip())
        if self.table.marked:
            said.append(words("list.marked", n=len(self.table.marked)))
        return tuple(said)

    def _nothing(self, view: View) -> str:
        if not view.live:
            return ""
        if self.page.windowed(self.asked):
            listed = self.page.window(view)
            if listed is None:
                return view.words("list.reading")
            if listed.untold is not None:
                return untold(view.words, listed.untold)
        return view.words("filter.none") if self.asked.text and self._unfiltered else self.page.empty(view)

    def _line(self, name: str, content: Content) -> None:
        self.query_one(f"#{name}", Line).show(content)

    def on_row_table_moved(self) -> None:
        self.show_row(self.view())

    # -- what is wanted of the list --------------------------------------------------------------------------------

    def want(self, asked: Asked) -> None:
        """Show the list so from now on."""
        self.asked, self.frozen_s, self._asked_anew = asked, None, True
        self.show()
        self._ask(self._question(), True)

    def _quietly(self) -> AbstractContextManager[None]:
        """A row that somebody filters out has not vanished."""
        anew, self._asked_anew = self._asked_anew, False
        return self.prevent(RowTable.Moved) if anew else nullcontext()

    def _question(self) -> Question | None:
        """The rows round the cursor: round its own row where that is known, else round its place."""
        question = self.page.question(self.asked)
        if question is None or not self.page.windowed(self.asked):
            return question
        anchor, place = self.table.chosen_key, self.table.cursor_place[0]
        return replace(question, anchor=anchor, offset=max(0, place - WINDOW // 2), limit=WINDOW)

    def on_row_table_wanted(self) -> None:
        self.frozen_s = None
        self._ask(self._question(), True)

    def ask_filter(self) -> None:
        """Let somebody type what the rows must hold."""
        box = self.query_one(FilterBox)
        box.display = True
        self.set_focus(box)  # at once: the next key may be here already, and is typed into it

    def on_input_changed(self, changed: Input.Changed) -> None:
        self.want(replace(self.asked, text=changed.value))

    def _filtered(self) -> None:
        box = self.query_one(FilterBox)
        box.display = bool(box.value)
        self.set_focus(self.table)

    def action_back(self) -> None:
        """One step: out of the filter, else out of the group, else out of the marks."""
        for box in self.query(FilterBox):  # none where the key comes while the screen is taken down
            shown = box.display
            with self.prevent(Input.Changed):
                box.value, box.display = "", False
            self.table.focus()
            if self.asked.text or shown:
                self.want(replace(self.asked, text=""))
            elif self.asked.group is not None:
                self.want(replace(self.asked, group=None, folded=True))
            elif self.table.marked:
                self.table.mark_these(())
                self.show()


def _holds(row: Row, text: str) -> bool:
    return text.casefold() in " ".join(row.cells).casefold()
