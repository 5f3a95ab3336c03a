"""The help: keys with what they do, and what the marks mean. Pure."""

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from cdg_tui.actions import ACTIONS, PAGES, Action
from cdg_tui.i18n import Words
from cdg_tui.screens.page import MARKS, STYLES
from cdg_tui.text import fit

MOVES: Final = (
    ("j k g G PgUp PgDn", "help.move"),
    ("Esc", "help.escape"),
)


def help_text(words: Words, page: str, actions: Sequence[Action] = ACTIONS) -> Content:
    """Keys with what they do, those of this page first; then the marks."""
    lines = [Content(words("help.rule")), Content("")]
    here = [action for action in actions if page in action.pages]
    elsewhere = [action for action in actions if page not in action.pages]
    column = max(9, *(len(action.shown) + 1 for action in actions))
    for action in (*here, *elsewhere):
        where = "" if set(action.pages) == set(PAGES) else f" ({', '.join(words(f'page.{p}') for p in action.pages)})"
        key = fit(action.shown, column)
        lines.append(Content.assemble((key, "bold"), words(f"help.{action.id}"), (where, "dim")))
    lines += [Content.assemble((fit(keys, 20), "bold"), words(key)) for keys, key in MOVES]
    lines.append(Content(""))
    for state, mark in MARKS.items():
        group = "severity" if state == "info" else "state"
        lines.append(
            Content.assemble(
                (fit(f"{mark} {words.of(group, state)}", 14), STYLES.get(state, "")), words(f"meaning.{state}")
            )
        )
    return Content("\n").join(lines)
