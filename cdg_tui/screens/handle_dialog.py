"""What was done about a case and what became of the goods, from lists: nobody has to type Chinese at a kiosk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input

from cdg_tui.i18n import Words
from cdg_tui.screens.dialog import YES, Dialog
from cdg_tui.widgets.choice import Choice
from cdg_tui.widgets.line import Line

ACTIONS_TAKEN = ("checked", "door_closed", "defrosted", "restarted", "set_point", "technician", "repaired", "moved")
DISPOSITIONS = ("unharmed", "moved_away", "discarded", "to_check")


@dataclass(frozen=True, kw_only=True)
class Handled:
    """What the technician says."""

    action: str
    disposition: str
    note: str


class HandleDialog(Dialog[Handled | None]):
    """None where it was left without an answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding(YES, "confirm", show=False),
        Binding("enter", "app.focus_next", show=False),
    ]

    def __init__(self, words: Words, lines: Sequence[str]):
        super().__init__(words, words("handle.title"))
        self._lines = lines

    def parts(self) -> ComposeResult:
        yield Line(classes="said")
        with Horizontal(classes="choices"):
            yield Choice(self.words("handle.action"), [self.words(f"taken.{name}") for name in ACTIONS_TAKEN])
            yield Choice(self.words("handle.goods"), [self.words(f"goods.{name}") for name in DISPOSITIONS])
        yield Input(placeholder=self.words("handle.note"), max_length=400, compact=True)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(".said", Line).show(Content("\n".join(self._lines)))
        self.query(Choice).first().focus()

    def answers(self) -> Content:
        if self._said() is None:
            return Content.assemble(
                (f"> [{self.words('dialog.cancel')}]", "bold reverse"), "  ", self.words("handle.choose")
            )
        if self.query_one(Input).has_focus:
            return Content(self.words("handle.noting"))
        return self.cancel_or_yes()

    def on_descendant_focus(self) -> None:
        self.show_answers()

    def on_choice_chosen(self) -> None:
        self.show_answers()

    def on_input_submitted(self) -> None:
        self.query(Choice).first().focus()

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_confirm(self) -> None:
        if (said := self._said()) is not None:
            self.dismiss(said)

    def _said(self) -> Handled | None:
        action, goods = (choice.value for choice in self.query(Choice))
        if action is None or goods is None:
            return None
        return Handled(action=action, disposition=goods, note=self.query_one(Input).value.strip())
