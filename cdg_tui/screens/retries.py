"""Page 3: the deliveries that wait, the nearest to its next attempt first; and what all lists of deliveries share."""

from cdg_tui.screens.endpoint import about, hint, withheld
from cdg_tui.screens.page import Detail, View, outcome
from cdg_tui.store import Retry
from cdg_tui.text import NOTHING
from cdg_tui.widgets.rows import Column, Row
from core import wire


class Retries:
    id = "retries"
    looks_at = frozenset({"retries", "endpoints"})

    def columns(self, view: View) -> tuple[Column, ...]:
        words = view.words
        return (
            Column(title=words("column.state"), width=8),
            Column(title=words("column.event"), width=12),
            Column(title=words("column.cabinet"), width=12, grow=1),
            Column(title=words("column.endpoint"), width=8, grow=1),
            Column(title=words("column.attempts"), width=5, right=True),
            Column(title=words("column.next"), width=11, right=True),
            Column(title=words("column.error"), width=18, grow=3),
        )

    def order(self, view: View) -> str:
        return view.words("order.next")

    def rows(self, view: View) -> list[Row]:
        waiting = sorted(view.store.of_status("pending"), key=lambda one: _nearness(view, one))
        return [self._row(view, one) for one in waiting]

    def _row(self, view: View, one: Retry) -> Row:
        item = one.item
        state = _state(view, one)
        styles = {"sending": "bold cyan", "due": "yellow"}
        style = styles.get(state, "")
        return Row(
            key=item.delivery_id,
            cells=(
                view.words(f"delivery.{state}"),
                view.words.of("event", item.event_type),
                view.cabinet(item.cabinet),
                item.endpoint.id,
                str(item.attempts),
                view.clock(item.next_attempt_at) if state == "waiting" else NOTHING,
                error(view, item),
            ),
            styles=((0, style),) if style else (),
        )

    def empty(self, view: View) -> str:
        return view.words("empty.retries")

    def detail(self, view: View, key: str) -> Detail:
        one = view.store.retries.get(key)
        if one is None or one.item.status != "pending":
            return []
        words, wait_s = view.words, view.store.wait_s(one, view.told_s)
        if one.item.delivery_id in view.store.sending:
            due = words("delivery.sending")
        elif wait_s is None:
            due = words("detail.waits_for", earlier=one.item.waits_for or NOTHING)
        else:
            due = words("detail.due", at=view.clock(one.item.next_attempt_at), wait=words.lasting(wait_s))
        return [(words("column.next"), due), *account(view, one.item)]

    def stretch(self, view: View, key: str) -> None:  # noqa: ARG002 - a delivery has none
        return None


def account(view: View, item: wire.RetryItem) -> Detail:
    """What there is to say about any delivery."""
    words, last = view.words, item.last_attempt
    lines = [
        (words("column.delivery"), f"{item.delivery_id}  {item.event_type}"),
        (words("column.endpoint"), about(view, item.endpoint)),
        (
            words("column.attempts"),
            words("detail.attempts", all=item.attempts, auto=item.auto_attempts, created=view.clock(item.created_at)),
        ),
    ]
    if last is not None:
        lines.append(
            (words("column.last"), f"{view.clock(last.started_at)}  {last.duration_ms} ms  {error(view, item)}")
        )
        lines += hint(view, last.error_class)
        if last.response_excerpt:
            lines.append((words("column.answer"), last.response_excerpt))
    return [*lines, (words("column.event_id"), item.event_id)]


def error(view: View, item: wire.RetryItem) -> str:
    """Why the last attempt failed: with the HTTP status where there was an answer."""
    last = item.last_attempt
    if last is None or last.outcome == "delivered":
        return NOTHING
    return outcome(view.words, last.http_status, last.error_class, NOTHING)


def _state(view: View, one: Retry) -> str:
    if one.item.delivery_id in view.store.sending:
        return "sending"
    if withheld(view, one.item.endpoint):
        return "held"
    wait_s = view.store.wait_s(one, view.told_s)
    if wait_s is None:
        return "behind" if one.item.waits_for is not None else "stuck"
    return "due" if wait_s == 0 else "waiting"


def _nearness(view: View, one: Retry) -> tuple[bool, float, str]:
    """By the due time itself, so that rows change places only when something happened."""
    waits = one.due_s is None and view.store.wait_s(one, view.told_s) is None
    return waits, one.due_s or 0.0, one.item.delivery_id
