"""What waits to be sent, in a few lines below another list: why it has not arrived, and when it is tried next. Pure."""

from typing import Final

from rich.cells import cell_len
from textual.content import Content

from cdg_tui.screens.page import View
from cdg_tui.screens.retries import Retries
from cdg_tui.store import Question
from cdg_tui.text import fit
from cdg_tui.widgets.rows import Column

ROWS: Final = 3
TITLED: Final = 3  # columns that don't say themselves what they are
QUESTION: Final = Question(status="pending", limit=ROWS)


def queue_text(view: View, width: int) -> Content:
    """A rule with the counts and the next ones to go; nothing where nothing waits."""
    status, listed, words = view.store.status, view.store.listed, view.words
    if status is None or not status.webhooks.pending or listed is None or listed.question.whole != QUESTION.whole:
        return Content("")
    waiting = status.webhooks
    said = words("queue.heading", n=waiting.pending, due=waiting.due, sending=waiting.in_flight)
    columns = Retries().columns(view)
    lines = [Content.styled(_rule(said, columns, width), "dim" if view.live else "bold")]
    for row in Retries().some(view, listed.items[:ROWS]):
        cells = [fit(cell, column.width, right=column.right) for cell, column in zip(row.cells, columns, strict=True)]
        cells[-1] = row.cells[-1]
        lines.append(Content.styled(fit(f"  {' '.join(cells)}", width).rstrip(), "" if view.live else "dim"))
    return Content("\n").join(lines)


def _rule(said: str, columns: tuple[Column, ...], width: int) -> str:
    """With what the last columns are called, above them."""
    before = 2 + sum(column.width + 1 for column in columns[:-TITLED])
    titles = " ".join(fit(column.title, column.width, right=column.right) for column in columns[-TITLED:]).rstrip()
    rule = f"── {said} {'─' * max(0, before - cell_len(said) - 5)} {titles} "
    return f"{rule}{'─' * max(0, width - cell_len(rule))}"
