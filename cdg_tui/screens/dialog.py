"""The dialogs: each says what it is about, asks, and answers with what was said. Their targets are fixed when they open.

Where something would be changed, Enter and Esc leave it as it is; only a capital Y goes on.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar, Final, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen

from cdg_tui.i18n import Words
from cdg_tui.widgets.line import Line

Said = TypeVar("Said")

YES: Final = "Y,\uff39"  # also as a Chinese input method sends it


class Dialog(ModalScreen[Said], Generic[Said]):
    """A box: title, parts, and the line that says what the keys do."""

    def __init__(self, words: Words, title: str):
        super().__init__()
        self.words, self._title = words, title

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Line(classes="title")
            yield from self.parts()
            yield Line(classes="answers")

    def parts(self) -> ComposeResult:
        """What stands between title and keys."""
        raise NotImplementedError

    def answers(self) -> Content:
        """What the keys do."""
        raise NotImplementedError

    # Textual calls the handler of each class, from the most special one up: none calls its base's.
    def on_mount(self) -> None:
        self.query_one(".title", Line).show(Content.styled(self._title, "bold"))
        self.show_answers()

    def show_answers(self) -> None:
        self.query_one(".answers", Line).show(self.answers())

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
