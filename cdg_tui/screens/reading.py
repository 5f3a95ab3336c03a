"""What there is only to read: the help, and everything about one row. Pure."""

from textual.content import Content

from cdg_tui.actions import ACTIONS, PAGES
from cdg_tui.i18n import Words
from cdg_tui.screens.page import MARKS, STYLES, Detail, View
from cdg_tui.screens.page_screen import detail_text
from cdg_tui.text import fit
from core import wire


def help_text(words: Words, page: str) -> Content:
    """Keys with what they do, those of this page first; then the marks."""
    lines = [Content(words("help.rule")), Content("")]
    here = [action for action in ACTIONS if page in action.pages]
    elsewhere = [action for action in ACTIONS if page not in action.pages]
    for action in (*here, *elsewhere):
        where = "" if set(action.pages) == set(PAGES) else f" ({', '.join(words(f'page.{p}') for p in action.pages)})"
        key = fit(action.shown, 9)
        lines.append(Content.assemble((key, "bold"), words(f"help.{action.id}"), (where, "dim")))
    lines += [Content.assemble((fit(keys, 20), "bold"), words(key)) for keys, key in MOVES]
    lines.append(Content(""))
    for state, mark in MARKS.items():
        group = "severity" if state == "info" else "state"
        lines.append(
            Content.assemble((fit(f"{mark} {words.of(group, state)}", 14), STYLES[state]), words(f"meaning.{state}"))
        )
    return Content("\n").join(lines)


MOVES = (
    ("j k g G PgUp PgDn", "help.move"),
    ("Esc", "help.escape"),
)


def details(view: View, detail: Detail, attempts: tuple[wire.AttemptItem, ...]) -> Content:
    """All that is known of a row; of a delivery every attempt, the newest first."""
    lines = [detail_text(detail)]
    if attempts:
        lines += [Content(""), Content.styled(view.words("detail.history"), "bold")]
    for one in reversed(attempts):
        what = view.words.of("error", one.error_class) if one.error_class else view.words("result.delivered")
        status = f"HTTP {one.http_status} " if one.http_status is not None else ""
        by = view.words.of("trigger", one.trigger) + (f" {one.actor}" if one.actor else "")
        lines.append(
            Content(
                f"{one.number:>3}  {view.clock(one.started_at)}  {fit(by, 14)}  {one.duration_ms:>6} ms  {status}{what}"
            )
        )
    return Content("\n").join(lines)
