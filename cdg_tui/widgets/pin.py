"""A PIN as it is typed: never shown, never handed out but once, when it is submitted."""

import unicodedata
from typing import Final

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

LONGEST: Final = 12


class Pin(Widget, can_focus=True):
    """Digits only; those of a Chinese input method count as well."""

    DEFAULT_CSS = """
    Pin { height: 1; width: 1fr; }
    """

    class Submitted(Message):
        """Enter was pressed; the digits are taken by `take`."""

    class Changed(Message):
        """A digit came or went."""

    def __init__(self, label: str):
        super().__init__()
        self._label, self._digits = label, ""

    def take(self) -> str:
        """The digits; gone from here afterwards."""
        digits, self._digits = self._digits, ""
        self.refresh()
        return digits

    def on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            self.post_message(self.Submitted())
            return
        if event.key == "backspace":
            self._digits = self._digits[:-1]
        elif event.character is not None and event.character.isdecimal():
            self._digits = (self._digits + str(unicodedata.decimal(event.character)))[:LONGEST]
        else:
            return
        event.stop()
        self.post_message(self.Changed())
        self.refresh()

    def render(self) -> Content:
        return Content.assemble(
            (f"> {self._label}", "bold") if self.has_focus else (f"  {self._label}", "dim"),
            "  ",
            "*" * len(self._digits),
            ("_", "bold"),
        )
