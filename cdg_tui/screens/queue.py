"""What waits to be sent, in a few lines below another list: why it has not arrived, and when it is tried next. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from cdg_tui.screens.page import View
from cdg_tui.screens.retries import Retries
from cdg_tui.store import Question
from cdg_tui.text import fit
from cdg_tui.widgets.rows import GAP, Column, widths

ROWS: Final = 3
MARGIN: Final = 2
UNTITLED: Final = 4  # columns that say themselves what they are: state, event, cabinet, endpoint
QUESTION: Final = Question(status="pending", limit=ROWS)


def queue_text(view: View, width: int) -> Content:
    """A rule with the counts and the next ones to go; nothing where nothing waits."""
    status, listed, words = view.store.status, view.store.listed, view.words
    if status is None or not status.webhooks.pending or listed is None or listed.question.whole != QUESTION.whole:
        return Content("")
    waiting = status.webhooks
    said = words("queue.heading", n=waiting.pending, due=waiting.due, sending=waiting.in_flight)
    seen = replace(view, room=width - MARGIN)
    columns = Retries().columns(seen)
    cells = widths(columns, seen.room)
    lines = [Content.styled(_rule(said, columns, cells, width), "dim" if view.live else "bold")]
    texts = [_line(row.cells, columns, cells) for row in Retries().some(seen, listed.items[:ROWS])]
    lines += [Content.styled(f"{' ' * MARGIN}{text}", "" if view.live else "dim") for text in texts]
    return Content("\n").join(lines)


def _line(texts: Sequence[str], columns: Sequence[Column], cells: Sequence[int]) -> str:
    fitted = [fit(text, n, right=column.right) for text, column, n in zip(texts, columns, cells, strict=True)]
    return (" " * GAP).join(fitted).rstrip()


def _rule(said: str, columns: Sequence[Column], cells: Sequence[int], width: int) -> str:
    """With what the last columns are called, above them."""
    before = MARGIN + sum(n + GAP for n in cells[:UNTITLED])
    last = columns[UNTITLED:]
    titles = _line([column.title for column in last], last, cells[UNTITLED:])
    rule = f"── {said} {'─' * max(0, before - cell_len(said) - 5)} {titles} "
    return f"{rule}{'─' * max(0, width - cell_len(rule))}"
