"""Short lists to choose one from with arrows or digits. Nothing is chosen before somebody chose it, unless told otherwise."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget


class Choice(Widget, can_focus=True):
    """`value` is the chosen option and `index` its place, None until then."""

    DEFAULT_CSS = """
    Choice { height: auto; width: 1fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
    ]

    class Chosen(Message):
        """Something is chosen now, or something else."""

    def __init__(self, label: str, options: Sequence[str], *, index: int | None = None):
        super().__init__()
        self._label, self._options = label, tuple(options)
        self.index = index

    def reword(self, label: str, options: Sequence[str]) -> None:
        """Say the same in another language."""
        self._label, self._options = label, tuple(options)
        self.refresh(layout=True)

    @property
    def value(self) -> str | None:
        return None if self.index is None else self._options[self.index]

    def action_move(self, by: int) -> None:
        last = len(self._options) - 1
        self._choose((0 if by > 0 else last) if self.index is None else max(0, min(self.index + by, last)))

    def type(self, character: str | None) -> bool:
        """Choose by a digit, a full-width one of an input method too; False where there is no such option."""
        index = int(character) - 1 if character is not None and character.isdecimal() else -1
        known = 0 <= index < len(self._options)
        if known:
            self._choose(index)
        return known

    def _choose(self, index: int) -> None:
        self.index = index
        self.refresh()
        self._bring_into_sight(index)
        # Its own, also where the widget around it made it choose: a sender's own message goes no further than to itself.
        self.post_message(self.Chosen().set_sender(self))

    def _bring_into_sight(self, index: int) -> None:
        """Where there are more options than room: nobody must confirm one that he doesn't see."""
        line = index + 1
        for widget in self.ancestors_with_self:
            if isinstance(widget, VerticalScroll):
                widget.scroll_to_region(Region(0, line, 1, 1), animate=False)
                return
            if isinstance(widget, Widget):
                line += widget.virtual_region.y

    def render(self) -> Content:
        label = (f"> {self._label}", "bold") if self.has_focus else (f"  {self._label}", "dim")
        lines = [Content.styled(*label)]
        for i, option in enumerate(self._options):
            mark = "(*)" if i == self.index else "( )"
            lines.append(Content.styled(f"{mark} {i + 1} {option}", "reverse" if i == self.index else ""))
        return Content("\n").join(lines)


class Choices(Horizontal):
    """Lists beside each other. `onward`: after a digit the focus goes on to the next list."""

    DEFAULT_CSS = """
    Choices { height: auto; }
    """

    def __init__(self, *children: Widget, onward: bool = True):
        super().__init__(*children)
        self._onward = onward

    def on_key(self, event: events.Key) -> None:
        # Here and not in the lists: of two digits that come at once the second was sent to the first list as well.
        lists, focused = list(self.query(Choice)), self.screen.focused
        if isinstance(focused, Choice) and focused in lists and focused.type(event.character):
            event.stop()
            if self._onward:
                self.screen.set_focus(lists[min(lists.index(focused) + 1, len(lists) - 1)])
