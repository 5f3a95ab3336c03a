"""Page 3: the deliveries that wait, the nearest to its next attempt first; and what all lists of deliveries share."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from cdg_tui.screens.endpoint import WITHHELD, about, current, hint, holdup
from cdg_tui.screens.page import Asked, Detail, Listing, View, outcome
from cdg_tui.store import Listed, Question, Retry
from cdg_tui.text import NOTHING
from cdg_tui.widgets.rows import Field, Row, Unmade, row_of
from core import wire
from core.wire_windows import Order

STYLES: Final = {"sending": "bold cyan", "due": "yellow"}


class Retries(Listing):
    id = "retries"
    looks_at = frozenset({"endpoints"})
    orders: tuple[Order, ...] = ("next", "created", "changed")
    marking = True

    def fields(self, view: View) -> Sequence[Field[Retry]]:
        words = view.words
        return (
            Field(
                title=words("column.state"),
                width=8,
                coloured=True,
                text=lambda one: words(f"delivery.{_state(view, one)}"),
            ),
            *whose(view),
            Field(title=words("column.next"), width=11, right=True, text=partial(_next, view)),
            *last_tried(view, width=16),
        )

    def question(self, asked: Asked) -> Question:
        text, without = asked.needle
        sort = self.orders[asked.order]
        return Question(status="pending", sort=sort, descending=asked.turned, text=text, without=without)

    def windowed(self, asked: Asked) -> bool:  # noqa: ARG002 - always
        return True

    def window(self, view: View) -> Listed | None:
        return window_of(view, self.question(view.asked))

    def rows(self, view: View) -> Sequence[Row]:
        listed = self.window(view)
        return [] if listed is None else self.some(view, listed.items)

    def some(self, view: View, deliveries: Sequence[Retry]) -> Sequence[Row]:
        """A row for each of these."""
        columns = self.columns(view)
        return Unmade(deliveries, lambda one: _row(view, columns, one))

    def empty(self, view: View) -> str:
        return view.words("empty.retries")

    def detail(self, view: View, key: str) -> Detail:
        one = view.store.retry(key)
        if one is None or one.item.status != "pending":
            return []
        return [(view.words("column.next"), _why_not_yet(view, one)), *account(view, one.item)]


def window_of(view: View, question: Question) -> Listed | None:
    """What is known of this list; None while the core has not been heard about it."""
    listed = view.store.listed
    return listed if listed is not None and listed.question.whole == question.whole else None


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
        lines += hint(view, last.error_class, disabled=item.endpoint.state == "disabled")
        if last.response_excerpt:
            lines.append((words("column.answer"), last.response_excerpt))
    return [*lines, (words("column.event_id"), item.event_id)]


def whose(view: View) -> Sequence[Field[Retry]]:
    """What a delivery is about, where it goes and how often it was tried."""
    words = view.words
    return (
        Field(title=words("column.event"), width=12, text=lambda one: words.of("event", one.item.event_type)),
        Field(title=words("column.cabinet"), width=12, grow=1, text=lambda one: view.cabinet(one.item.cabinet)),
        Field(title=words("column.endpoint"), width=8, grow=1, text=lambda one: one.item.endpoint.id),
        Field(
            title=words("column.made"),
            width=11,
            right=True,
            spare=1,
            text=lambda one: view.clock(one.item.created_at),
        ),
        Field(title=words("column.attempts"), width=5, right=True, text=lambda one: str(one.item.attempts)),
    )


def last_tried(view: View, *, width: int) -> Sequence[Field[Retry]]:
    """How the last attempt went: why it failed in so many cells, before that how long it took and why it was made."""
    words = view.words
    return (
        Field(title=words("column.took"), width=9, right=True, spare=2, text=_took),
        Field(title=words("column.trigger"), width=8, spare=3, text=partial(_trigger, view)),
        Field(title=words("column.error"), width=width, grow=3, text=lambda one: shortly(view, one.item)),
    )


def _row(view: View, columns: Sequence[Field[Retry]], one: Retry) -> Row:
    return row_of(one.item.delivery_id, columns, one, STYLES.get(_state(view, one), ""))


def _next(view: View, one: Retry) -> str:
    return view.clock(one.item.next_attempt_at) if _state(view, one) in {"waiting", "due"} else NOTHING


def _why_not_yet(view: View, one: Retry) -> str:
    """When it goes; of one that should have gone, what still holds it."""
    words, at = view.words, view.clock(one.item.next_attempt_at)
    endpoint = current(view, one.item.endpoint.id)
    why = "" if endpoint is None else holdup(view, endpoint)
    match _state(view, one):
        case "sending":
            return words("delivery.sending").removeprefix(">").strip()
        case "behind":
            return words("detail.waits_for", earlier=one.item.waits_for or NOTHING)
        case "stuck":
            return words.of("cause", "endpoint_missing")
        case "held":
            return words("detail.held", why=why)
        case "due":
            return words("detail.due_held", at=at, why=why) if why else words("detail.due_now", at=at)
    if not view.live:
        return at
    return words("detail.due", at=at, wait=words.lasting(one.wait_s(view.now_s) or 0.0))


def _took(one: Retry) -> str:
    last = one.item.last_attempt
    return NOTHING if last is None else f"{last.duration_ms} ms"


def _trigger(view: View, one: Retry) -> str:
    last = one.item.last_attempt
    return NOTHING if last is None else view.words.of("trigger", last.trigger)


def error(view: View, item: wire.RetryItem) -> str:
    """Why the last attempt failed: with the HTTP status where there was an answer."""
    last = item.last_attempt
    if last is None or last.outcome == "delivered":
        return NOTHING
    return outcome(view.words, last.http_status, last.error_class, NOTHING)


def shortly(view: View, item: wire.RetryItem) -> str:
    """The same for a narrow column, which itself says that it is an answer."""
    return error(view, item).removeprefix("HTTP ")


def _state(view: View, one: Retry) -> str:
    if view.store.is_sending(one.item.delivery_id):
        return "sending"
    endpoint = current(view, one.item.endpoint.id)
    if endpoint is not None and endpoint.hold in WITHHELD:
        return "held"
    wait_s = one.wait_s(view.told_s)
    if wait_s is None:
        return "behind" if one.item.waits_for is not None else "stuck"
    return "due" if wait_s == 0 else "waiting"
