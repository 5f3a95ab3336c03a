"""What there is to say about the box itself: whether it writes, measures, reaches anybody and knows the time. Pure.

The worst comes first, and has a mark and a word, so that neither its place nor its colour is all that tells it.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len
from textual.content import Content

from cdg_tui.screens.endpoint import network
from cdg_tui.screens.page import Detail, View
from cdg_tui.text import named, number, size
from core import wire

BOX: Final = "\0box"  # its row's key; no id from outside holds a NUL
LINES: Final = 4  # above the list
LEAST_FREE: Final = 0.05  # of the disk; from there on the core makes a case of it
LATE_MS: Final = 1000.0  # as long as one turn of the judging takes

BAD, WRONG, UNKNOWN, NO_MARK = "!!", "!", "?", ""
_OF_ARCHIVE: Final = frozenset({"archive_degraded"})
_OF_ACCOUNTS: Final = frozenset({"deliveries_unaccounted"})
_OF_NETWORK: Final = frozenset({"network_offline", "network_captive_portal", "network_clock_bad"})
_OF_ENDPOINTS: Final = {"endpoint_paused": "paused", "endpoint_disabled": "disabled", "endpoint_failing": "open"}
_RANKS: Final = (BAD, WRONG, UNKNOWN, NO_MARK)
_STYLES: Final = {BAD: "bold ansi_red", WRONG: "ansi_yellow", UNKNOWN: "ansi_magenta"}


class Fact(NamedTuple):
    """`short` stands above the list, nothing of it where that is empty; `label` and `text` in the details. `codes` are those of
    the problems that are told here, if there are any, and nowhere else.
    """

    mark: str
    short: str
    label: str
    text: str
    codes: frozenset[str] = frozenset()


def facts(view: View) -> list[Fact]:
    """All that is known of the box, the worst first."""
    status = view.store.status
    if status is None:
        return []
    found = [
        *_durability(view, status),
        *_endpoints(view),
        _network(view, status),
        _clock(view, status),
        *_sources(view, status),
        _lateness(view, status),
        _disk(view, status),
        _accounts(view, status),
        *_identity(view, status),
    ]
    found = [*_problems(view, status, found), *found]
    return sorted(found, key=lambda fact: _RANKS.index(fact.mark))


def worst(view: View) -> str:
    """The mark of the worst that is known."""
    return next((fact.mark for fact in facts(view)), UNKNOWN)


def box_block(view: View, width: int) -> Content:
    """As many as there is room for in LINES lines, none cut through; what is left out stands in the details."""
    lines: list[list[Fact]] = [[]]
    for fact in (fact for fact in facts(view) if fact.short):
        if lines[-1] and sum(cell_len(_said(one)) + 2 for one in lines[-1]) + cell_len(_said(fact)) > width:
            lines.append([])
        lines[-1].append(fact)
    styled = [
        Content("  ").join([Content.styled(_said(one), _STYLES.get(one.mark, "")) for one in line]) for line in lines
    ]
    block = Content("\n").join(styled[:LINES])
    # What was so when somebody last answered must not shine as if it were so now.
    return block if view.live else Content.styled(block.plain, "dim")


def box_detail(view: View) -> Detail:
    """All of it, a line each."""
    return [(f"{fact.mark:<2}{fact.label}", fact.text) for fact in facts(view) if fact.text]


def _said(fact: Fact) -> str:
    return f"{fact.mark}{fact.short}"


def _problems(view: View, status: wire.Status, others: Sequence[Fact]) -> Iterator[Fact]:
    """Those that no other line tells, in full; above the list how many there are, since the banner over it names them."""
    words, elsewhere = view.words, frozenset[str]().union(*(fact.codes for fact in others))
    for i, problem in enumerate(one for one in status.problems if one.code not in elsewhere):
        short = words("word.problems", n=len(status.problems)) if i == 0 else ""
        text = "  ".join(part for part in (_worded(view, problem), _beyond(view, problem)) if part)
        yield Fact(WRONG, short, words("column.problem"), text)


def _worded(view: View, problem: wire.Problem) -> str:
    return view.words("box.since", what=view.words.of("problem", problem.code), since=view.clock(problem.since))


def _sentences(view: View, status: wire.Status, codes: frozenset[str]) -> str:
    """What is to be said of these problems in the line of what they are about; empty where there are none of them."""
    return "  ".join(_worded(view, problem) for problem in status.problems if problem.code in codes)


def _beyond(view: View, problem: wire.Problem) -> str:
    """Which endpoints; of any other problem the core's own words, called so: nothing else tells that."""
    state, told = _OF_ENDPOINTS.get(problem.code), view.store.endpoints
    names = [one.id for one in told.items if one.state == state] if told is not None and state is not None else []
    return ", ".join(names) or _core_says(view, problem.text)


def _core_says(view: View, text: str | None) -> str:
    return view.words("word.core_says", text=text) if text else ""


def _durability(view: View, status: wire.Status) -> Iterator[Fact]:
    words, found = view.words, status.durability
    for name, health in sorted(found.journals.items()):
        durable = health.state == "durable"
        mark = BAD if not durable else WRONG if health.degraded else NO_MARK
        state = words.of("durability", health.state)
        label = words.of("journal", name)
        figures = words(
            "box.journal",
            last=number(health.last_sync_ms),
            worst=number(health.worst_sync_ms),
            size=size(health.size),
            n=health.quarantined_files,
            bytes=size(health.quarantined_bytes),
        )
        since = state if health.since is None else words("box.since", what=state, since=view.clock(health.since))
        damaged = words("word.degraded") if health.degraded else ""
        codes = frozenset({f"{name}_not_durable", f"{name}_degraded"})
        said = _sentences(view, status, codes) or f"{since}  {damaged}".rstrip()
        text = "  ".join(part for part in (said, _core_says(view, health.reason), figures) if part)
        short = (
            f"{label} {state} {damaged}".rstrip()
            if mark
            else f"{label} {words('box.sync', last=number(health.last_sync_ms))}"
        )
        yield Fact(mark, short, label, text, codes)
    if found.archive_unacknowledged:
        text = words("damage.archive", n=found.archive_unacknowledged)
        said = _sentences(view, status, _OF_ARCHIVE)
        pieces = words("box.accidents", n=found.archive_unacknowledged)
        yield Fact(WRONG, text, words("column.damage"), f"{said}  {pieces}" if said else text, _OF_ARCHIVE)


def _endpoints(view: View) -> Iterator[Fact]:
    """Only where there is none to see in the list."""
    words, store = view.words, view.store
    if store.untold is not None:
        text = words("box.untold", why=words.of("cause", store.untold))
    elif store.endpoints is not None and not store.endpoints.items:
        text = words("empty.device")
    else:
        return
    yield Fact(WRONG, text, words("column.endpoint"), text)


def _network(view: View, status: wire.Status) -> Fact:
    marks = {"online": NO_MARK, "unknown": NO_MARK}
    text, said = network(view), _sentences(view, status, _OF_NETWORK)
    mark = marks.get(status.network, WRONG)
    return Fact(mark, view.words("box.network", state=text), view.words("column.network"), said or text, _OF_NETWORK)


def _clock(view: View, status: wire.Status) -> Fact:
    text = view.words("box.synchronised" if status.clock_synced else "box.unsynchronised")
    return Fact(NO_MARK if status.clock_synced else WRONG, text, view.words("column.clock"), text)


def _sources(view: View, status: wire.Status) -> Iterator[Fact]:
    """Each of them; above the list those that are not well by name, the others as a number."""
    words, well = view.words, 0
    for one in status.monitoring.sources:
        mark = {"ok": NO_MARK, "waiting": UNKNOWN}.get(one.state, WRONG)
        state = words.of("source", one.state)
        well += mark == NO_MARK
        error = "" if one.error is None else words.of("fault", one.error)
        heard = "" if one.age_s is None else words("detail.heard", age=words.lasting(one.age_s + view.lag_s))
        simulated = words("word.simulated") if one.simulated else ""
        short = f"{one.id} {state} {error}".rstrip() if mark else ""
        text = "  ".join(part for part in (f"{one.id} {one.driver}", state, error, heard, simulated) if part)
        yield Fact(mark, short, words("column.source"), text)
    if well:
        yield Fact(NO_MARK, words("box.sources", n=well), "", "")


def _lateness(view: View, status: wire.Status) -> Fact:
    found = status.monitoring
    text = view.words("box.late", late=round(found.late_ms), worst=round(found.worst_late_ms))
    late = found.late_ms >= LATE_MS
    return Fact(WRONG if late else NO_MARK, text if late else "", view.words("column.judging"), text)


def _disk(view: View, status: wire.Status) -> Fact:
    words, free, whole = view.words, status.durability.free_bytes, status.durability.disk_bytes
    if free is None or not whole:
        text = words("box.disk_unknown")
        return Fact(NO_MARK, text, words("column.disk"), text)
    share = free / whole
    text = words("box.disk", free=size(free), whole=size(whole), percent=f"{share:.0%}")
    return Fact(WRONG if share < LEAST_FREE else NO_MARK, text, words("column.disk"), text)


def _accounts(view: View, status: wire.Status) -> Fact:
    words, found = view.words, status.webhooks.accounts
    text = words(
        "box.accounts",
        accepted=found.accepted,
        delivered=found.delivered,
        pending=found.pending,
        dead=found.dead_letter,
        cancelled=found.cancelled,
        lost=found.unaccounted,
    )
    short = (
        words("box.unaccounted", n=found.unaccounted) if found.unaccounted else words("box.accepted", n=found.accepted)
    )
    said = _sentences(view, status, _OF_ACCOUNTS)
    mark = BAD if found.unaccounted else NO_MARK
    return Fact(mark, short, words("column.accounts"), f"{said}  {text}" if said else text, _OF_ACCOUNTS)


def _identity(view: View, status: wire.Status) -> Iterator[Fact]:
    words, device = view.words, status.device
    # What nobody answers for does not go on counting.
    up = words("box.uptime", lasted=words.lasting(status.uptime_s + view.lag_s)) if view.live else ""
    simulated = words("word.simulated") if status.simulated else ""
    said = [part for part in (status.version, up, simulated) if part]
    yield Fact(NO_MARK, " ".join(said), words("column.version"), "  ".join(said))
    site = named(device.site, device.site_name)
    yield Fact(NO_MARK, "", words("column.device"), f"{device.id}  {site}  {device.timezone}")
