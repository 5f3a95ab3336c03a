"""Page 5: the box's way out and the endpoints of its webhooks, worst first. What holds one is said as it is, never as `ok`."""

from cdg_tui.screens.endpoint import MARKS, STYLES, endpoint_detail, holdup, marked, network
from cdg_tui.screens.page import Detail, Listing, View
from cdg_tui.text import NOTHING
from cdg_tui.widgets.rows import Column, Row
from core.wire_endpoints import EndpointItem

_STATES = (*MARKS, "active")


class Device(Listing):
    id = "device"
    looks_at = frozenset({"endpoints"})

    def columns(self, view: View) -> tuple[Column, ...]:
        words = view.words
        return (
            Column(title=words("column.state"), width=10),
            Column(title=words("column.endpoint"), width=8, grow=1),
            Column(title=words("column.host"), width=9, grow=3),
            Column(title=words("column.holdup"), width=14, grow=1),
            Column(title=words("column.pending"), width=5, right=True),
            Column(title=words("column.dead"), width=4, right=True),
            Column(title=words("column.failed"), width=9, right=True),
            Column(title=words("column.error"), width=14, grow=3),
        )

    def order(self, view: View) -> str:
        return view.words("box.network", state=network(view))

    def rows(self, view: View) -> list[Row]:
        known = view.store.endpoints.items if view.store.endpoints is not None else ()
        return [self._row(view, endpoint) for endpoint in sorted(known, key=_trouble, reverse=view.asked.turned)]

    def _row(self, view: View, endpoint: EndpointItem) -> Row:
        style = STYLES.get(endpoint.state, "yellow" if endpoint.hold else "")
        last = endpoint.last_error_class
        return Row(
            key=endpoint.id,
            cells=(
                marked(view, endpoint.state),
                endpoint.id,
                endpoint.host or NOTHING,
                holdup(view, endpoint),
                str(endpoint.pending),
                str(endpoint.dead_letter),
                f"{sum(endpoint.failed.values())}/{endpoint.delivered}",
                NOTHING if last is None else view.words.of("error", last),
            ),
            styles=((0, style), (3, style)) if style else (),
        )

    def empty(self, view: View) -> str:
        if view.store.untold is not None:
            return view.words("box.untold", why=view.words.of("cause", view.store.untold))
        return view.words("empty.device" if view.store.endpoints is not None else "box.looking")

    def detail(self, view: View, key: str) -> Detail:
        endpoint = view.store.endpoint(key)
        return [] if endpoint is None else endpoint_detail(view, endpoint)

    def stretch(self, view: View, key: str) -> None:  # noqa: ARG002 - an endpoint has none
        return None


def _trouble(endpoint: EndpointItem) -> tuple[int, bool, bool, str]:
    """The worst first; a state of a later version before all."""
    state = _STATES.index(endpoint.state) if endpoint.state in _STATES else -1
    return state, endpoint.hold is None, endpoint.failures == 0, endpoint.id
