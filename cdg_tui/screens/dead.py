"""Page 4: the dead letters, why each was given up, and how many were for the same reason at the same endpoint."""

from collections.abc import Sequence
from typing import Any, Final

from cdg_tui.screens.page import Asked, Detail, Listing, View, untold
from cdg_tui.screens.retries import account, last_tried, whose, window_of
from cdg_tui.store import Listed, Question, Retry, Store
from cdg_tui.text import NOTHING
from cdg_tui.widgets.rows import Field, Row, Unmade, row_of
from core.wire_windows import Order, RetryGroup

_SORTS: Final[dict[str, Order]] = {"given_up": "changed", "created": "created"}


class Dead(Listing):
    id = "dead"
    looks_at = frozenset({"endpoints", "groups"})
    orders = tuple(_SORTS)
    marking = True

    def fields(self, view: View) -> Sequence[Field[Retry]] | Sequence[Field[RetryGroup]]:
        return _of_groups(view) if view.asked.folded else _of_letters(view)

    def question(self, asked: Asked) -> Question:
        """Of a group too, however it is folded."""
        text, without = asked.needle
        endpoint, reason = asked.group or (None, None)
        return Question(
            status="dead_letter",
            sort=_SORTS[self.orders[asked.order]],
            descending=not asked.turned,
            text=text,
            without=without,
            endpoint=endpoint,
            reason=reason,
        )

    def windowed(self, asked: Asked) -> bool:
        return not asked.folded

    def window(self, view: View) -> Listed | None:
        return None if view.asked.folded else window_of(view, self.question(view.asked))

    def rows(self, view: View) -> Sequence[Row]:
        columns = self.columns(view)
        if view.asked.folded:
            return [_row(columns, group_key(group), group) for group in view.store.groups]
        listed = self.window(view)
        return Unmade([] if listed is None else listed.items, lambda one: _row(columns, one.item.delivery_id, one))

    def order(self, view: View) -> str:
        return view.words("order.groups") if view.asked.folded else super().order(view)

    def empty(self, view: View) -> str:
        why = view.store.groups_untold
        if view.asked.folded and why is not None:
            return untold(view.words, why)
        return view.words("empty.dead")

    def detail(self, view: View, key: str) -> Detail:
        one = view.store.retry(key)
        if view.asked.folded or one is None or one.item.status != "dead_letter":
            return _group_detail(view, key)
        given_up = f"{_reason(view, one.item.dead_letter_reason)}  {view.clock(one.item.settled_at)}"
        return [
            (view.words("column.reason"), given_up),
            *account(view, one.item),
            *_alike(view, one.item.endpoint.id, one.item.dead_letter_reason),
        ]


def _of_letters(view: View) -> Sequence[Field[Retry]]:
    words = view.words
    return (
        Field(
            title=words("column.reason"),
            width=12,
            coloured=True,
            text=lambda one: _reason(view, one.item.dead_letter_reason),
        ),
        *whose(view),
        Field(title=words("column.given_up"), width=11, right=True, text=lambda one: view.clock(one.item.settled_at)),
        *last_tried(view, width=12),
    )


def _of_groups(view: View) -> Sequence[Field[RetryGroup]]:
    words = view.words
    return (
        Field(title=words("column.reason"), width=12, coloured=True, text=lambda group: _reason(view, group.reason)),
        Field(title=words("column.endpoint"), width=20, grow=1, text=lambda group: group.endpoint),
        Field(title=words("column.count"), width=8, right=True, text=lambda group: str(group.count)),
        Field(title=words("column.given_up"), width=11, right=True, text=lambda group: view.clock(group.newest_at)),
    )


def _row(columns: Sequence[Field[Any]], key: str, about: Retry | RetryGroup) -> Row:
    return row_of(key, columns, about, "red")


def group_key(group: RetryGroup) -> str:
    """Its name among the rows: no delivery's id holds a blank."""
    return f"{group.reason or NOTHING} {group.endpoint}"


def group_of(store: Store, key: str | None) -> RetryGroup | None:
    """The group of this name."""
    return next((group for group in store.groups if group_key(group) == key), None)


def _reason(view: View, reason: str | None) -> str:
    return NOTHING if reason is None else view.words.of("reason", reason)


def _alike(view: View, endpoint: str, reason: str | None) -> Detail:
    """How many there are of its group."""
    same = sum(group.count for group in view.store.groups if (group.endpoint, group.reason) == (endpoint, reason))
    return [(view.words("column.alike"), view.words("dead.alike", n=same))] if same > 1 else []


def _group_detail(view: View, key: str) -> Detail:
    group = group_of(view.store, key)
    if group is None:
        return []
    return [
        (view.words("column.reason"), _reason(view, group.reason)),
        (view.words("column.endpoint"), group.endpoint),
        (view.words("column.count"), view.words("dead.group", n=group.count)),
    ]
