"""The palette: all that can be done here, found by typing a part of its name, in the screen's language or in ASCII."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input

from cdg_tui.actions import Action
from cdg_tui.i18n import Words
from cdg_tui.screens.dialog import Dialog
from cdg_tui.widgets.row_table import RowTable
from cdg_tui.widgets.rows import Column, Row


class Palette(Dialog[str | None]):
    """Answers with the action that was chosen; what changes something still asks first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
    ]

    def __init__(self, words: Words, actions: Sequence[Action]):
        super().__init__(words, words("palette.title"))
        self._actions = actions

    def head(self) -> ComposeResult:
        yield Input(placeholder=self.words("palette.placeholder"), compact=True)

    def middle(self) -> ComposeResult:
        yield RowTable()

    def on_mount(self) -> None:
        table = self.query_one(RowTable)
        table.can_focus = False
        table.styles.height = len(self._actions) + 1  # it stays as it is while somebody types
        self.query_one(Input).focus()
        self._show("")

    def answers(self) -> Content:
        fits = self.query_one(RowTable).cursor_key is not None
        return Content(self.words("palette.keys" if fits else "palette.none"))

    def on_input_changed(self, changed: Input.Changed) -> None:
        self._show(changed.value)

    def _show(self, text: str) -> None:
        words, wanted = self.words, text.strip().casefold()
        columns = (
            Column(title=words("palette.key"), width=8),
            Column(title=words("palette.action"), width=10),
            Column(title=words("palette.about"), width=30, grow=1),
            Column(title="", width=12),
        )
        rows = [self._row(action) for action in self._actions]
        self.query_one(RowTable).show(columns, [row for row in rows if wanted in " ".join(row.cells).casefold()])

    def _row(self, action: Action) -> Row:
        words = self.words
        cells = (action.shown, words(f"action.{action.id}"), words(f"help.{action.id}"), action.id)
        return Row(key=action.id, cells=cells)

    def on_input_submitted(self) -> None:
        if self.is_active:  # of two keys in one go the first has left it
            self.dismiss(self.query_one(RowTable).cursor_key)

    def action_move(self, by: int) -> None:
        self.query_one(RowTable).action_move(by)

    def action_page(self, by: int) -> None:
        self.query_one(RowTable).action_page(by)

    def action_leave(self) -> None:
        self.dismiss(None)
