"""作废: why deliveries are given up for good; of more than one somebody has to say how many they are."""

from collections.abc import Sequence
from typing import Final

from textual.app import ComposeResult
from textual.widgets import Input

from cdg_tui.i18n import Words
from cdg_tui.screens.form import Filled, Form

WHY: Final = ("told_otherwise", "too_old", "test_data", "wrong_address", "double")


class DiscardForm(Form):
    """`count` is how many they are."""

    def __init__(self, words: Words, lines: Sequence[str], count: int):
        reasons = ((words("cancel.reason"), [words(f"why.{name}") for name in WHY]),)
        unchosen = words("cancel.choose" if count == 1 else "cancel.choose_many", n=count)
        super().__init__(words, words("cancel.title"), lines, reasons, unchosen)
        self._count = count

    def parts(self) -> ComposeResult:
        yield from super().parts()
        yield Input(placeholder=self.words("cancel.count", n=self._count), id="count", max_length=6, compact=True)

    def on_mount(self) -> None:
        self.query_one("#count").display = self._count > 1

    def _said(self) -> Filled | None:
        typed = self.query_one("#count", Input).value.strip()
        sure = self._count == 1 or (typed.isdecimal() and int(typed) == self._count)
        return super()._said() if sure else None
