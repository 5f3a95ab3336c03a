"""What waits to be sent, in a few lines below another list: why it has not arrived, and when it is tried next. Pure."""

from typing import Final

from rich.cells import cell_len
from textual.content import Content

from cdg_tui.screens.page import View
from cdg_tui.screens.retries import Retries
from cdg_tui.store import Question
from cdg_tui.text import fit

ROWS: Final = 3
QUESTION: Final = Question(status="pending", limit=ROWS)


def queue_text(view: View, width: int) -> Content:
    """A rule with the counts and the next ones to go; nothing where nothing waits."""
    status, listed, words = view.store.status, view.store.listed, view.words
    if status is None or not status.webhooks.pending or listed is None or listed.question.whole != QUESTION.whole:
        return Content("")
    waiting = status.webhooks
    said = words("queue.heading", n=waiting.pending, due=waiting.due, sending=waiting.in_flight)
    rule = f"── {said} {'─' * max(0, width - cell_len(said) - 4)}"
    columns, lines = Retries().columns(view), [Content.styled(rule, "dim" if view.live else "bold")]
    for row in Retries().some(view, listed.items[:ROWS]):
        cells = [fit(cell, column.width, right=column.right) for cell, column in zip(row.cells, columns, strict=True)]
        cells[-1] = row.cells[-1]
        lines.append(Content.styled(fit(f"  {' '.join(cells)}", width).rstrip(), "" if view.live else "dim"))
    return Content("\n").join(lines)
