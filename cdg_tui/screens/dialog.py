"""The dialogs: each says what it is about, asks, and answers with what was said. Their targets are fixed when they open.

All are laid out alike: the title, what may be more than there is room for, and the keys, which are always in sight.

Where something would be changed, Enter and Esc leave it as it is; only a capital Y goes on.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar, Final, Generic, TypeVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widget import Widget

from cdg_tui.i18n import Words
from cdg_tui.screens.page_screen import PageScreen
from cdg_tui.widgets.line import Line
from cdg_tui.widgets.row_table import MOVING, RowTable

Said = TypeVar("Said")

YES: Final = "Y,\uff39"  # also as a Chinese input method sends it
# Columns from which a box leaves some of its page in sight on both sides; less of it would look like a part of the box.
BROAD: Final = 120
GAP: Final = 2


class Scroller(VerticalScroll, can_focus=False):
    """As much as there is room for of something longer; the keys that move it are the dialog's."""


class Dialog(ModalScreen[Said], Generic[Said]):
    """A box: title, parts, and the line that says what the keys do. It covers no line of its page but those of the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
    ]

    def __init__(self, words: Words, title: str):
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(BROAD, "-wide")]
        self.words, self._title = words, title
        self._room = 0  # lines that it may take

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            with Vertical(classes="top"):
                yield Line(classes="title")
                yield from self.head()
            yield from self.middle()
            yield Line(classes="answers")

    def head(self) -> ComposeResult:
        """What stays in sight below the title."""
        return ()

    def middle(self) -> ComposeResult:
        """What stands between head and keys."""
        with Scroller():
            yield from self.parts()

    def parts(self) -> ComposeResult:
        """What is scrolled where there is not room for it."""
        raise NotImplementedError

    def answers(self) -> Content:
        """What the keys do."""
        raise NotImplementedError

    # Textual calls the handler of each class, from the most special one up: none calls its base's.
    def on_mount(self) -> None:
        self.query_one(".title", Line).show(Content.styled(self._title, "bold"))
        self._make_room()
        if (page := self._page) is not None:
            page.screen_layout_refresh_signal.subscribe(self, lambda _: self._make_room())
        self.screen_layout_refresh_signal.subscribe(self, lambda _: self.laid_out())
        self.show_answers()

    def begin_with(self, widget: Widget) -> None:
        """The keys go there, and it is in sight: focus alone may look for its place before there is one."""
        widget.focus()
        self.call_after_refresh(self._bring_into_sight, widget)

    def _bring_into_sight(self, widget: Widget) -> None:
        if not self.can_view_entire(widget):
            self.scroll_to_center(widget, animate=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - any of them
        """A key that is quicker than the box has nothing to act on, not even to leave: it is not put together yet."""
        return self.is_mounted

    def laid_out(self) -> None:
        """Now that everything has its place and size, take the blank lines away before anything is out of sight; not while
        the box can still grow.
        """
        if self.place() and self.query_one(".dialog").outer_size.height >= self._room:
            self.add_class("-tight")
        self.show_answers()

    def show_answers(self) -> None:
        """With the place on the right, where not all is in sight."""
        said, place = self.answers(), self.place()
        for line in self.query(".answers").results(Line):
            gap = max(GAP, line.size.width - said.cell_length - cell_len(place))
            line.show(Content.assemble(said, " " * gap, place) if place else said)

    def place(self) -> str:
        """Which row of its table, or which lines, of how many; nothing where all is in sight."""
        for table in self.query(RowTable):
            if table.max_scroll_y and table.cursor_key is not None:
                return "/".join(map(str, table.cursor_place))
        for box in self.query(Scroller):
            if box.max_scroll_y:
                top = box.scroll_offset.y
                return f"{top + 1}-{top + box.size.height}/{box.virtual_size.height}"
        return ""

    def on_row_table_moved(self) -> None:
        self.show_answers()

    @property
    def _page(self) -> PageScreen | None:
        """The one that this lies over."""
        return next((screen for screen in self.app.screen_stack if isinstance(screen, PageScreen)), None)

    def _make_room(self) -> None:
        """What stands round the page's list stays bright and readable: alarms, link and banner above, notice and keys below."""
        if (page := self._page) is None or not page.is_mounted:
            return
        above, below = page.edges
        self.query_one(".dialog").styles.margin = (above, 0, below, 0)
        room, self._room = self._room, self.app.size.height - above - below
        if room != self._room:
            self.remove_class("-tight")  # not before: what fits without blank lines may not fit with them

    # -- what moves it -----------------------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        for box in self.query(Scroller):
            box.scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        for box in self.query(Scroller):
            box.scroll_relative(y=by * max(1, box.size.height - 1), animate=False)

    def action_edge(self, way: int) -> None:
        for box in self.query(Scroller):
            box.scroll_to(y=0 if way < 0 else box.max_scroll_y, animate=False)

    def cancel_or_yes(self) -> Content:
        return self.cancel_or(self.words("dialog.yes"))

    def cancel_or(self, otherwise: str) -> Content:
        """What Enter does, and what there is besides."""
        return Content.assemble((f"> [{self.words('dialog.cancel')}]", "bold reverse"), "  ", otherwise)


class Confirm(Dialog[bool]):
    """Shows what is about to happen; True only after a capital Y."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,n,q", "say(False)", show=False),
        Binding(YES, "say(True)", show=False),
        *MOVING,
    ]

    def __init__(self, words: Words, title: str, lines: Sequence[str]):
        super().__init__(words, title)
        self._lines = lines

    def parts(self) -> ComposeResult:
        yield Line(classes="said")

    def on_mount(self) -> None:
        self.query_one(".said", Line).show(Content("\n".join(self._lines)))

    def answers(self) -> Content:
        return self.cancel_or_yes()

    def action_say(self, said: bool) -> None:
        self.dismiss(said)


class Leaving(StrEnum):
    """What becomes of a core that this console started."""

    STAY = "stay"
    KEEP = "keep"
    STOP = "stop"


class Leave(Dialog[Leaving]):
    """Leave and let the monitoring go on, which is the default; or stop it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q", "say('keep')", show=False),
        Binding("escape,n", "say('stay')", show=False),
        Binding(YES, "say('stop')", show=False),
    ]

    def parts(self) -> ComposeResult:
        yield Line(classes="said")

    def on_mount(self) -> None:
        self.query_one(".said", Line).show(Content(self.words("leave.question")))

    def answers(self) -> Content:
        return Content.assemble((f"> [{self.words('leave.keep')}]", "bold reverse"), "  ", self.words("leave.stop"))

    def action_say(self, said: str) -> None:
        self.dismiss(Leaving(said))


def say_on(screen: Screen[Said], selector: str, text: Content) -> None:
    """Show it there, in as many lines as it takes; nowhere while the screen is not put together yet."""
    for line in screen.query(selector).results(Line):
        line.show(text)
