"""Every key of the console, in one table: footer, help, bindings and the README's key table are made from it. A user may
give an action other keys; what is made then is made from that table.

Lower-case keys, digits and Enter only look. What changes something is a capital letter, and always asks first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

PAGES: Final = ("overview", "cases", "retries", "dead", "device")
LISTS: Final = ("retries", "dead")


@dataclass(frozen=True, kw_only=True)
class Action:
    """`id` names its words (`action.…` in the footer, `help.…` in the help) and its method. `keys` as Textual calls them:
    the first is shown, the others are function keys and what a Chinese input method sends instead. Those `in_footer` are what
    somebody in a hurry needs, and all stand there from 80 columns on; the others where there is room.
    """

    id: str
    keys: tuple[str, ...]
    shown: str
    pages: tuple[str, ...] = PAGES
    writes: bool = False
    in_footer: bool = True

    @property
    def everywhere(self) -> bool:
        """Whether it can be done on every page."""
        return set(self.pages) == set(PAGES)


ACTIONS: Final = (
    Action(id="help", keys=("question_mark", "f1", "fullwidth_question_mark"), shown="? F1"),
    Action(id="filter", keys=("slash", "f3", "fullwidth_solidus", "ideographic_comma"), shown="/ F3"),
    Action(id="details", keys=("enter", "d"), shown="Enter"),
    Action(id="overview", keys=("1", "１"), shown="1", in_footer=False),
    Action(id="cases", keys=("2", "２"), shown="2", in_footer=False),
    Action(id="retries", keys=("3", "３"), shown="3", in_footer=False),
    Action(id="dead", keys=("4", "４"), shown="4", in_footer=False),
    Action(id="device", keys=("5", "５"), shown="5", in_footer=False),
    Action(id="acknowledge", keys=("A", "f4"), shown="A F4", pages=("overview", "cases"), writes=True),
    Action(id="handle", keys=("H", "f6"), shown="H F6", pages=("overview", "cases"), writes=True),
    Action(id="shelve", keys=("S", "f7"), shown="S F7", pages=("cases",), writes=True),
    Action(id="note", keys=("N", "f9"), shown="N F9", pages=("cases",), writes=True, in_footer=False),
    Action(id="maintenance", keys=("M", "f7"), shown="M F7", pages=("overview",), writes=True),
    Action(id="service", keys=("O", "f9"), shown="O F9", pages=("overview",), writes=True, in_footer=False),
    Action(id="retry", keys=("R", "f7"), shown="R F7", pages=("retries",), writes=True),
    Action(id="requeue", keys=("R", "f7"), shown="R F7", pages=("dead",), writes=True),
    Action(id="cancel", keys=("X", "f9"), shown="X F9", pages=LISTS, writes=True),
    Action(id="recover", keys=("B", "f6"), shown="B F6", pages=("dead",), writes=True, in_footer=False),
    Action(id="pause", keys=("P", "f4"), shown="P F4", pages=("device",), writes=True),
    Action(id="resume", keys=("U", "f6"), shown="U F6", pages=("device",), writes=True),
    Action(id="test", keys=("T", "f7"), shown="T F7", pages=("device",), writes=True),
    Action(id="damage", keys=("K", "f12"), shown="K F12", writes=True, in_footer=False),
    Action(id="drain", keys=("D", "f8"), shown="D F8", writes=True),
    Action(id="mark", keys=("space",), shown="Space", pages=LISTS, in_footer=False),
    Action(id="mark_all", keys=("a",), shown="a", pages=LISTS, in_footer=False),
    Action(id="fold", keys=("z",), shown="z", pages=("dead",)),
    Action(id="sort", keys=("s",), shown="s", pages=("overview", "cases", *LISTS), in_footer=False),
    Action(id="reverse", keys=("o",), shown="o", in_footer=False),
    Action(id="freeze", keys=("p",), shown="p", in_footer=False),
    Action(id="copy", keys=("y",), shown="y", in_footer=False),
    Action(id="log", keys=("l",), shown="l", pages=("device",), in_footer=False),
    Action(id="configuration", keys=("c",), shown="c", pages=("device",), in_footer=False),
    Action(id="audit", keys=("v",), shown="v", pages=("device",), in_footer=False),
    Action(id="palette", keys=("colon", "ctrl+p", "fullwidth_colon"), shown=":", in_footer=False),
    Action(id="settings", keys=("f2",), shown="F2", in_footer=False),
    Action(id="redraw", keys=("ctrl+l",), shown="Ctrl+L", in_footer=False),
    Action(id="wallboard", keys=("w", "\uff57"), shown="w", in_footer=False),
    Action(id="mute", keys=("b", "\uff42"), shown="b", in_footer=False),
    Action(id="unlock", keys=("u", "\uff55"), shown="u", in_footer=False),
    Action(id="refresh", keys=("f5",), shown="F5", in_footer=False),
    Action(id="leave", keys=("q", "f10", "ctrl+q", "ctrl+c"), shown="q F10"),
)


def on_page(page: str, actions: Sequence[Action] = ACTIONS) -> tuple[Action, ...]:
    """What can be done there, in the order of the table."""
    return tuple(action for action in actions if page in action.pages)
