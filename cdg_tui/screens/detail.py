"""All that is known of a row, as text. Pure."""

from typing import Final

from rich.cells import cell_len
from textual.content import Content

from cdg_tui.screens.page import Detail, View, outcome
from cdg_tui.text import fit
from core import wire

LABEL: Final = 16  # a longer label makes its own line longer, not all of them


def detail_text(detail: Detail) -> Content:
    """Labels and texts, a line each, the texts in one column unless a label is very long."""
    column = max((cell_len(label) for label, _ in detail if cell_len(label) <= LABEL), default=0)
    lines = [
        Content.assemble((f"{label}{' ' * (column - cell_len(label))}", "dim"), "  ", text) for label, text in detail
    ]
    return Content("\n").join(lines)


def details(view: View, detail: Detail, attempts: tuple[wire.AttemptItem, ...]) -> Content:
    """All that is known of a row; of a delivery every attempt, the newest first."""
    lines = [detail_text(detail)]
    if attempts:
        lines += [Content(""), Content.styled(view.words("detail.history"), "bold")]
    for one in reversed(attempts):
        what = outcome(view.words, one.http_status, one.error_class, view.words("result.delivered"))
        by = view.words.of("trigger", one.trigger) + (f" {one.actor}" if one.actor else "")
        lines.append(
            Content(f"{one.number:>3}  {view.clock(one.started_at)}  {fit(by, 14)}  {one.duration_ms:>6} ms  {what}")
        )
    return Content("\n").join(lines)
