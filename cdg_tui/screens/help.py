"""The help: keys with what they do, and what the marks and the words beside them mean. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from textual.content import Content

from cdg_tui.actions import ACTIONS, Action
from cdg_tui.i18n import Words
from cdg_tui.screens.hanging import hanging
from cdg_tui.screens.page import MARKS, STYLES
from cdg_tui.text import fit

MOVES: Final = (
    ("j k g G PgUp PgDn", "help.move"),
    ("Esc", "help.escape"),
)
HOLDS: Final = ("defrost", "heating", "returning", "startup", "door", "maintenance")
LEGEND: Final = 14  # cells of a mark with its word


def help_text(words: Words, page: str, actions: Sequence[Action] = ACTIONS, room: int | None = None) -> Content:
    """Keys with what they do, those of this page first; then the marks. In so many columns, where that is known."""
    lines = [(Content(""), Content(words("help.rule"))), *_keys(words, page, actions), *_legend(words)]
    return Content("\n").join([hanging(label, text, room) for label, text in lines])


def _keys(words: Words, page: str, actions: Sequence[Action]) -> Iterator[tuple[Content, Content]]:
    yield Content(""), Content("")
    here = [action for action in actions if page in action.pages]
    elsewhere = [action for action in actions if page not in action.pages]
    column = max(9, *(len(action.shown) + 1 for action in actions))
    for action in (*here, *elsewhere):
        where = "" if action.everywhere else f" ({', '.join(words(f'page.{p}') for p in action.pages)})"
        text = Content.assemble(words(f"help.{action.id}"), (where, "dim"))
        yield Content.styled(fit(action.shown, column), "bold"), text
    for keys, key in MOVES:
        yield Content.styled(fit(keys, 20), "bold"), Content(words(key))


def _legend(words: Words) -> Iterator[tuple[Content, Content]]:
    """What stands in the lists' first column, and beside a cabinet's name."""
    yield Content(""), Content("")
    for state, mark in MARKS.items():
        group = "severity" if state == "info" else "state"
        yield _marked(mark, words.of(group, state), STYLES.get(state, "")), Content(words(f"meaning.{state}"))
    for hold in HOLDS:
        why = words("help.held", why=words.of("hold", hold))
        yield _marked(MARKS["pending"], words.of("held", hold), STYLES["pending"]), Content(why)
    yield _marked("", words.of("held", "defrost"), ""), Content(words("help.defrosting"))
    yield _marked("", words("word.maintained"), ""), Content(words("help.maintained"))
    yield _marked("", words("word.simulated"), ""), Content(words("help.simulated"))


def _marked(mark: str, word: str, style: str) -> Content:
    return Content.styled(fit(f"{mark:<2}{word}", LEGEND), style)
