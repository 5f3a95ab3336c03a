"""What there is to say about one endpoint: how it stands, what holds it, what a technician can do. Pure."""

from collections.abc import Iterator
from typing import Final

from cdg_tui.i18n import Words
from cdg_tui.screens.page import Detail, View, outcome
from cdg_tui.text import NOTHING
from core import wire
from core.wire_endpoints import EndpointItem

MARKS: Final = {"disabled": "!!", "missing": "?", "open": "!", "paused": "-"}  # from worst to harmless
STYLES: Final = {"disabled": "bold red", "missing": "magenta", "open": "yellow", "paused": "cyan"}
WITHHELD: Final = {"paused", "disabled"}  # nothing goes there until a person says so


def fresh(view: View) -> bool:
    """Whether what is known of the endpoints is as new as all the rest: they are not asked for on every page."""
    return view.live and view.store.endpoints_s == view.store.heard_s


def current(view: View, endpoint_id: str) -> EndpointItem | None:
    """What is known of it just now."""
    return view.store.endpoint(endpoint_id) if fresh(view) else None


def marked(view: View, state: str) -> str:
    """Mark and word, so that no state is told by its colour alone."""
    return f"{MARKS.get(state, ''):<2}{view.words.of('endpoint', state)}"


def holdup(view: View, endpoint: EndpointItem) -> str:
    """Why nothing goes there by itself now, and for how long still where that is known."""
    if endpoint.hold is None:
        return ""
    word = view.words.of("holdup", endpoint.hold)
    if endpoint.held_s is None or not fresh(view):
        return word
    return f"{word} {view.words.lasting(endpoint.held_s - view.lag_s)}"


def held(view: View, endpoint_id: str) -> str:
    """The same where only the id is known, and without for how long: for what is said once and not counted down."""
    endpoint = current(view, endpoint_id)
    return "" if endpoint is None or endpoint.hold is None else view.words.of("holdup", endpoint.hold)


def about(view: View, info: wire.EndpointInfo) -> str:
    """The endpoint of a delivery: where it is, and what holds it."""
    words, endpoint = view.words, current(view, info.id)
    parts = [info.id, info.host or words("detail.endpoint_missing")]
    if endpoint is not None:
        parts += _state(view, endpoint) if endpoint.hold in WITHHELD else [holdup(view, endpoint)]
    elif info.state not in {"active", "missing"}:
        parts.append(words.of("endpoint", info.state))
    return "  ".join(part for part in parts if part)


def hint(view: View, error_class: str | None, *, disabled: bool = False) -> Iterator[tuple[str, str]]:
    """What somebody who stands before the box can do about an error; where the receiver has said that it wants nothing any
    more, that counts before any error.
    """
    words = view.words
    if disabled:
        key = next(action.shown.partition(" ")[0] for action in view.actions if action.id == "resume")
        yield words("column.hint"), words("detail.disabled", resume=key)
    elif error_class is not None and (text := words.of("hint", error_class)) != error_class:
        yield words("column.hint"), text


def network(view: View) -> str:
    """The box's own way out, and since when."""
    store, words = view.store, view.words
    state = store.status.network if store.status is not None else "unknown"
    told = store.endpoints
    known = told is not None and told.network == state
    since = told.network_since if told is not None and known and state != "unknown" else None
    text = words.of("network", state)
    return text if since is None else words("box.since", what=text, since=view.clock(since))


def endpoint_detail(view: View, endpoint: EndpointItem) -> Detail:
    """The most urgent first: below a list there is room for a few lines only."""
    words = view.words
    return [
        (words("column.state"), "  ".join(_state(view, endpoint))),
        *_what_holds_it(view, endpoint),
        *_trouble(view, endpoint),
        (words("column.queue"), words.queue(endpoint)),
        (words("column.counts"), _counts(view, endpoint)),
        (words("column.network"), network(view)),
        *_terms(view, endpoint),
        (words("column.endpoint"), f"{endpoint.id}  {endpoint.kind}  {endpoint.host or NOTHING}"),
    ]


def _state(view: View, endpoint: EndpointItem) -> list[str]:
    words = view.words
    state = words.of("endpoint", endpoint.state)
    since = state if endpoint.since is None else words("box.since", what=state, since=view.clock(endpoint.since))
    return [part for part in (since, endpoint.actor, endpoint.reason) if part]


def _what_holds_it(view: View, endpoint: EndpointItem) -> Iterator[tuple[str, str]]:
    if endpoint.hold is None:
        return
    known = endpoint.held_s is not None and fresh(view)
    left = view.words("detail.left", left=view.left(endpoint.held_s or 0.0)) if known else ""
    yield view.words("column.holdup"), f"{view.words.of('meaning', endpoint.hold)}  {left}".rstrip()


def _trouble(view: View, endpoint: EndpointItem) -> Iterator[tuple[str, str]]:
    words, last = view.words, endpoint.last_error_class
    if last is not None:
        row = words("box.failures", n=endpoint.failures) if endpoint.failures else ""
        parts = (outcome(words, None, last, NOTHING), endpoint.last_error, row)
        yield words("column.error"), "  ".join(part for part in parts if part)
    yield from hint(view, last, disabled=endpoint.state == "disabled")


def _counts(view: View, endpoint: EndpointItem) -> str:
    words = view.words
    failed = sorted(endpoint.failed.items(), key=lambda one: (-one[1], one[0]))
    total = words("box.counts", delivered=endpoint.delivered, failed=sum(endpoint.failed.values()))
    parts = ", ".join(f"{words.of('error', error_class)} {count}" for error_class, count in failed if count)
    return f"{total}: {parts}" if parts else total


def _terms(view: View, endpoint: EndpointItem) -> Iterator[tuple[str, str]]:
    words = view.words
    if endpoint.rate_per_min is not None:
        yield words("column.rate"), words("box.rate", n=endpoint.rate_per_min)
    if endpoint.fallback_for:
        yield words("column.fallback"), ", ".join(endpoint.fallback_for)
    if endpoint.skew_s is not None:
        yield words("column.skew"), _skew(words, endpoint.skew_s)


def _skew(words: Words, seconds: float) -> str:
    """In whole seconds, which is all that is known: the receiver's clock comes from the date of its answer."""
    if abs(seconds) < 1.0:
        return words("box.same")
    return words("box.ahead" if seconds > 0 else "box.behind", by=words.lasting(abs(seconds)))
