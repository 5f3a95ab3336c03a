"""Page 5: the endpoints of the box's webhooks, worst first, and then the box itself. What holds one is said as it is, never as
`ok`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from cdg_tui.actions import on_page
from cdg_tui.screens.box import BOX, box_detail, facts
from cdg_tui.screens.endpoint import MARKS, STYLES, endpoint_detail, holdup, marked
from cdg_tui.screens.page import Detail, Listing, View
from cdg_tui.text import NOTHING, count
from cdg_tui.widgets.rows import Field, Row, row_of
from core.wire_endpoints import EndpointItem

_STATES = (*MARKS, "active")
PENDING: Final = 5  # cells of a count
DEAD: Final = 4
FAILED: Final = 4  # and as many of what was delivered
_BOX_STYLES: Final = {"!!": "bold red", "!": "yellow", "?": "magenta"}


class Device(Listing):
    id = "device"
    looks_at = frozenset({"endpoints"})
    orders = ("endpoints",)

    def fields(self, view: View) -> Sequence[Field[EndpointItem]]:
        """All of them always: the box's own row has the same."""
        words = view.words
        return (
            Field(title=words("column.state"), width=10, coloured=True, text=lambda one: marked(view, one.state)),
            Field(title=words("column.endpoint"), width=8, grow=1, text=lambda one: one.id),
            Field(title=words("column.host"), width=9, grow=3, text=lambda one: one.host or NOTHING),
            Field(title=words("column.holdup"), width=14, grow=1, coloured=True, text=partial(holdup, view)),
            Field(
                title=words("column.pending"), width=PENDING, right=True, text=lambda one: count(one.pending, PENDING)
            ),
            Field(title=words("column.dead"), width=DEAD, right=True, text=lambda one: count(one.dead_letter, DEAD)),
            Field(title=words("column.failed"), width=2 * FAILED + 1, right=True, text=_failed),
            Field(title=words("column.error"), width=14, grow=3, text=partial(_last_error, view)),
        )

    def order(self, view: View) -> str:
        """And the keys that look further into the box: below there is no room for them."""
        words = view.words
        own = [action for action in on_page(self.id, view.actions) if action.pages == (self.id,) and not action.writes]
        return "  ".join([*(f"{action.shown} {words(f'action.{action.id}')}" for action in own), super().order(view)])

    def rows(self, view: View) -> list[Row]:
        known = view.store.endpoints.items if view.store.endpoints is not None else ()
        endpoints = sorted(known, key=_trouble, reverse=view.asked.turned)
        columns = self.columns(view)
        return [*(_row(columns, endpoint) for endpoint in endpoints), *_box(view)]

    def empty(self, view: View) -> str:
        """Before the first answer: then the box itself is a row."""
        return view.words("box.looking")

    def detail(self, view: View, key: str) -> Detail:
        if key == BOX:
            return box_detail(view)
        endpoint = view.store.endpoint(key)
        return [] if endpoint is None else endpoint_detail(view, endpoint)


def _row(columns: Sequence[Field[EndpointItem]], endpoint: EndpointItem) -> Row:
    style = STYLES.get(endpoint.state, "yellow" if endpoint.hold else "")
    return row_of(endpoint.id, columns, endpoint, style)


def _failed(endpoint: EndpointItem) -> str:
    return f"{count(sum(endpoint.failed.values()), FAILED)}/{count(endpoint.delivered, FAILED)}"


def _last_error(view: View, endpoint: EndpointItem) -> str:
    last = endpoint.last_error_class
    return NOTHING if last is None else view.words.of("error", last)


def _box(view: View) -> list[Row]:
    """The box's own row, with the worst of what is to be said about it: the last, where no key that writes finds it first."""
    status, words = view.store.status, view.words
    if status is None:
        return []
    worst = facts(view)[0]
    style = _BOX_STYLES.get(worst.mark, "")
    word = words("box.troubled" if worst.mark else "box.well")
    queue = status.webhooks
    return [
        Row(
            key=BOX,
            cells=(
                f"{worst.mark:<2}{word}",
                words("box.name"),
                status.device.id,
                "",
                count(queue.pending, PENDING),
                count(queue.dead_letter, DEAD),
                "",
                (worst.short or worst.text) if worst.mark else NOTHING,
            ),
            styles=((0, style),) if style else (),
        )
    ]


def _trouble(endpoint: EndpointItem) -> tuple[int, bool, bool, str]:
    """The worst first; a state of a later version before all."""
    state = _STATES.index(endpoint.state) if endpoint.state in _STATES else -1
    return state, endpoint.hold is None, endpoint.failures == 0, endpoint.id
