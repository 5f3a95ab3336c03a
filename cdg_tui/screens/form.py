"""Questions that are answered from lists, with a note beside: nobody has to type Chinese at a kiosk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input

from cdg_tui.i18n import Words
from cdg_tui.screens.dialog import YES, Dialog
from cdg_tui.widgets.choice import Choice, Choices
from cdg_tui.widgets.line import Line


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What somebody says: of each list the option that was chosen, and the note, which may stand for the last of them."""

    chosen: tuple[str, ...]
    note: str

    def text(self, *, behind: int = 0) -> str:
        """In one sentence what was chosen behind so many lists, and the note."""
        return " ".join(part for part in (*self.chosen[behind:], self.note) if part)


class Form(Dialog[Filled | None]):
    """`choices` are the lists by their labels, `unchosen` says what is still to be chosen; where `or_noted` a note will do
    instead of the last list. None where it was left without an answer.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding(YES, "confirm", show=False),
        Binding("enter", "app.focus_next", show=False),
    ]

    def __init__(
        self,
        words: Words,
        title: str,
        lines: Sequence[str],
        choices: Sequence[tuple[str, Sequence[str]]],
        unchosen: str,
        *,
        or_noted: bool = False,
    ):
        super().__init__(words, title)
        self._lines, self._choices, self._unchosen, self._or_noted = lines, choices, unchosen, or_noted

    def parts(self) -> ComposeResult:
        yield Line(classes="said")
        yield Choices(*(Choice(label, options) for label, options in self._choices))
        note = self.words("form.or_note" if self._or_noted else "form.note")
        yield Input(placeholder=note, id="note", max_length=400, compact=True)

    def on_mount(self) -> None:
        self.query_one(".said", Line).show(Content("\n".join(self._lines)))
        self.begin_with(self.query(Choice).first())

    def answers(self) -> Content:
        if self._said() is None:
            return self.cancel_or(self._unchosen)
        if self.query_one("#note").has_focus:
            return Content(self.words("form.noting"))
        return self.cancel_or_yes()

    def on_descendant_focus(self) -> None:
        self.show_answers()

    def on_choice_chosen(self) -> None:
        self.show_answers()

    def on_input_changed(self) -> None:
        self.show_answers()

    def on_input_submitted(self) -> None:
        self.query(Choice).first().focus()

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_confirm(self) -> None:
        if (said := self._said()) is not None:
            self.dismiss(said)

    def _said(self) -> Filled | None:
        *others, last = (choice.value for choice in self.query(Choice))
        note = self.query_one("#note", Input).value.strip()
        if None in others or (last is None and not (self._or_noted and note)):
            return None
        return Filled(chosen=tuple(value for value in (*others, last) if value is not None), note=note)
