"""Who unlocks, and the PIN. Enter submits; it is the one lower-case key that the core is asked to act on."""

from collections.abc import Awaitable, Callable
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from cdg_tui.i18n import Words
from cdg_tui.screens.dialog import Dialog
from cdg_tui.widgets.choice import Choice, Choices
from cdg_tui.widgets.line import Line
from cdg_tui.widgets.pin import LONGEST, Pin

SHORTEST: Final = 6  # shorter ones are none, and must not be tried


class UnlockDialog(Dialog[None]):
    """`attempt` is given the operator and the PIN and says why it did not unlock, None where it did."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("enter", "app.focus_next", show=False),
    ]

    def __init__(self, words: Words, operators: tuple[str, ...], attempt: Callable[[str, str], Awaitable[str | None]]):
        super().__init__(words, words("unlock.title"))
        self._operators, self._attempt = operators, attempt
        self._trying = False

    def parts(self) -> ComposeResult:
        yield Choices(Choice(self.words("unlock.who"), self._operators))
        yield Line(classes="said")
        yield Pin(self.words("unlock.pin", least=SHORTEST, most=LONGEST))

    def on_mount(self) -> None:
        if len(self._operators) == 1:
            self.query_one(Choice).index = 0
            self.query_one(Pin).focus()
        else:
            self.query_one(Choice).focus()

    def answers(self) -> Content:
        return Content(self.words("unlock.keys" if self.query_one(Choice).index is not None else "unlock.choose"))

    def on_choice_chosen(self) -> None:
        self.show_answers()

    def on_pin_changed(self) -> None:
        if not self._trying:
            self._say("")

    def on_pin_submitted(self) -> None:
        operator, pin = self.query_one(Choice).value, self.query_one(Pin).take()
        if operator is None:
            self.query_one(Choice).focus()
        elif len(pin) < SHORTEST:
            self._say(self.words("unlock.short", least=SHORTEST, most=LONGEST))
        elif not self._trying:
            self._trying = True
            self._say(self.words("unlock.trying"))
            # No worker of this box: what the core unlocks must be known also where somebody has left it meanwhile.
            self.app.run_worker(self._try(operator, pin), group="unlock")

    async def _try(self, operator: str, pin: str) -> None:
        why = await self._attempt(operator, pin)
        self._trying = False
        if self.is_active and why is None:
            self.dismiss(None)
        elif self.is_attached and why is not None:
            self._say(why)

    def _say(self, text: str) -> None:
        self.query_one(".said", Line).show(Content.styled(text, "bold"))

    def action_leave(self) -> None:
        self.query_one(Pin).take()
        self.dismiss(None)
