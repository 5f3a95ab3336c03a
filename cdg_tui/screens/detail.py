"""All that is known of a row, as text. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from cdg_tui.screens.hanging import hanging
from cdg_tui.screens.page import Detail, View, outcome
from cdg_tui.text import NOTHING, fit
from core import wire
from core.wire_cases import CaseDetail

GAP: Final = 2
INDENT: Final = 5  # of what is said about an attempt, and of lines that go on
LABEL: Final = 16  # a longer label makes its own line longer, not all of them


def detail_text(detail: Detail, room: int | None) -> Content:
    """Labels and texts, the texts in one column unless a label is very long."""
    column = max((cell_len(label) for label, _ in detail if cell_len(label) <= LABEL), default=0)
    lines = []
    for label, text in detail:
        head = Content.styled(fit(label, max(column, cell_len(label))), "dim") + " " * GAP
        lines.append(hanging(head, Content(text), room))
    return Content("\n").join(lines)


def attempts_text(view: View, attempts: Sequence[wire.AttemptItem], room: int | None) -> Content:
    """Each attempt, the newest first: when, by whom, how long it took and what came of it; of the newest the answer in full."""
    lines = [Content.styled(view.words("detail.history"), "bold")]
    for one in reversed(attempts):
        what = outcome(view.words, one.http_status, one.error_class, view.words("result.delivered"))
        by = view.words.of("trigger", one.trigger) + (f" {one.actor}" if one.actor else "")
        asked = (
            "" if one.retry_after_s is None else view.words("detail.asked", wait=view.words.lasting(one.retry_after_s))
        )
        tail = "  ".join(part for part in (what, asked, *_closer(one)) if part)
        told = f"{view.clock(one.started_at)}  {_at_least(by, 8)}  {one.duration_ms:>6} ms  {tail}"
        lines.append(hanging(Content(f"{one.number:>3}  "), Content(told), room))
        if one.response_excerpt:
            more = view.words("detail.cut") if one.response_truncated else ""
            answer = Content.styled(f"{one.response_excerpt}{more}", "dim")
            lines.append(hanging(Content(" " * INDENT), answer, room))
    return Content("\n").join(lines)


def _closer(one: wire.AttemptItem) -> Iterator[str]:
    """What the sender said of the error, where that is more than the status."""
    if one.error and one.error != f"HTTP {one.http_status}":
        yield one.error


def _at_least(text: str, width: int) -> str:
    return text if cell_len(text) > width else fit(text, width)


def steps_text(view: View, case: CaseDetail, room: int | None) -> Content:
    """What people did about it, the oldest first."""
    words = view.words
    lines = [Content.styled(words("step.title"), "bold")]
    for one in case.steps:
        reason = "" if one.reason is None else words.of("because", one.reason)
        said = "  ".join(part for part in (one.action, one.disposition, one.note, reason) if part)
        who = one.actor or words("step.nobody")
        told = f"{words.of('step', one.what)}  {who}  {said}".rstrip()
        lines.append(hanging(Content(f"{view.clock(one.at)}  "), Content(told), room, INDENT))
    return Content("\n").join(lines if case.steps else [*lines, Content(words("step.none"))])


def news_text(view: View, deliveries: Sequence[wire.RetryItem], room: int | None) -> Content:
    """Its deliveries that are still here: where to, how it stands with them, and why they have not arrived."""
    words = view.words
    lines = [Content.styled(words("news.title"), "bold")]
    for one in deliveries:
        last = one.last_attempt
        why = NOTHING if last is None else outcome(words, last.http_status, last.error_class, words("result.delivered"))
        what = f"{words.of('event', one.event_type)}  {words.of('standing', one.status)}"
        told = f"{what}  {words('news.attempts', n=one.attempts)}  {why}  {_when(view, one)}".rstrip()
        lines.append(hanging(Content(f"{one.endpoint.id}  "), Content(told), room, INDENT))
    return Content("\n").join(lines if deliveries else [*lines, Content(words("news.all_told"))])


def _when(view: View, one: wire.RetryItem) -> str:
    """Of one that waits, when it is tried next; of others nothing."""
    if one.status != "pending":
        return ""
    if one.waits_for is not None:
        return view.words("news.behind")
    at = view.clock(one.next_attempt_at)
    return view.words("news.due" if one.due else "news.next", at=at)
