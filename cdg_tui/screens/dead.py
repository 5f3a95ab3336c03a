"""Page 4: the dead letters, the newest first, and why each was given up."""

from cdg_tui.screens.page import Detail, View
from cdg_tui.screens.retries import account, error
from cdg_tui.store import Retry
from cdg_tui.widgets.rows import Column, Row


class Dead:
    id = "dead"
    looks_at = frozenset({"retries", "endpoints"})

    def columns(self, view: View) -> tuple[Column, ...]:
        words = view.words
        return (
            Column(title=words("column.reason"), width=12),
            Column(title=words("column.event"), width=12),
            Column(title=words("column.cabinet"), width=12, grow=1),
            Column(title=words("column.endpoint"), width=8, grow=1),
            Column(title=words("column.attempts"), width=5, right=True),
            Column(title=words("column.given_up"), width=11, right=True),
            Column(title=words("column.error"), width=14, grow=3),
        )

    def order(self, view: View) -> str:
        return view.words("order.newest")

    def rows(self, view: View) -> list[Row]:
        dead = sorted(view.store.of_status("dead_letter"), key=_newest)
        return [self._row(view, one) for one in dead]

    def _row(self, view: View, one: Retry) -> Row:
        item = one.item
        return Row(
            key=item.delivery_id,
            cells=(
                view.words.of("reason", item.dead_letter_reason or ""),
                view.words.of("event", item.event_type),
                view.cabinet(item.cabinet),
                item.endpoint.id,
                str(item.attempts),
                view.clock(item.settled_at),
                error(view, item),
            ),
            styles=((0, "red"),),
        )

    def empty(self, view: View) -> str:
        return view.words("empty.dead")

    def detail(self, view: View, key: str) -> Detail:
        one = view.store.retries.get(key)
        if one is None or one.item.status != "dead_letter":
            return []
        reason = view.words.of("reason", one.item.dead_letter_reason or "")
        given_up = f"{reason}  {view.clock(one.item.settled_at)}"
        return [(view.words("column.reason"), given_up), *account(view, one.item)]

    def stretch(self, view: View, key: str) -> None:  # noqa: ARG002 - a delivery has none
        return None


def _newest(one: Retry) -> tuple[float, str]:
    settled = one.item.settled_at
    return (-settled.timestamp() if settled is not None else 0.0), one.item.delivery_id
