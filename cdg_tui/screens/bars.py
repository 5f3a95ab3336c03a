"""The lines round a page: who and how it stands, the tabs, the banner of trouble, the heading, the keys. Pure."""

from typing import Final

from rich.cells import cell_len
from textual.content import Content

from cdg_tui.actions import PAGES, Action
from cdg_tui.i18n import Words
from cdg_tui.screens.page import LEAST, MARKS, Page, View
from cdg_tui.store import LinkState
from cdg_tui.text import fit, named
from core import wire

UPLINK_TROUBLES: Final = ("offline", "captive_portal", "clock_bad")

_LINK_STYLES = {LinkState.LIVE: "ansi_green", LinkState.SLOW: "ansi_yellow", LinkState.CONNECTING: ""}


def status_line(view: View, width: int) -> Content:
    """Site, alarms, queue, durability on the left; link and age of all this on the right."""
    status, words = view.store.status, view.words
    right = _link(view)
    if status is None:
        return _both_ends([Content(words("program.name"))], right, width)
    durable = status.durability.state
    parts = [
        Content.styled(words("word.simulated") if status.simulated else "", "bold ansi_cyan"),
        *_alarms(words, status.cases),
        _count(words("word.pending"), status.webhooks.pending, "", "ansi_yellow"),
        _count(words("word.dead"), status.webhooks.dead_letter, "", "bold ansi_red"),
        Content.styled(words.of("durability", durable), "" if durable == "durable" else "bold reverse ansi_red"),
        Content.styled(words("word.degraded") if status.durability.degraded else "", "bold reverse ansi_yellow"),
    ]
    taken = sum(part.cell_length + 1 for part in parts if part.plain) + right.cell_length + 1
    room = min(max(12, width // 5), width - taken)  # a long name makes way for what there is to know
    site = named(status.device.site, status.device.site_name)
    left = [Content(fit(site, room).rstrip()), *parts]
    # What was so when somebody last answered must not shine as if it were so now.
    return _both_ends(left if view.live else [part.stylize("dim") for part in left], right, width)


def enlarge(view: View) -> Content:
    """All that a terminal too small for a page is told: alarms, link, and what to do about it."""
    status, words = view.store.status, view.words
    alarms = [] if status is None else _alarms(words, status.cases)
    told = alarms if view.live else [alarm.stylize("dim") for alarm in alarms]
    return Content("\n").join(
        [Content(" ").join([*told, _link(view)]), Content(words("small.enlarge", width=LEAST[0], height=LEAST[1]))]
    )


def _alarms(words: Words, cases: wire.CaseCounts) -> list[Content]:
    return [
        _count(words("severity.critical"), cases.critical, MARKS["critical"], "bold ansi_red"),
        _count(words("severity.warning"), cases.warning, MARKS["warning"], "ansi_yellow"),
    ]


def _count(word: str, count: int, mark: str, style: str) -> Content:
    return Content.styled(f"{mark}{word}{count}" if count else f"{word}0", style if count else "dim")


def _link(view: View) -> Content:
    state = view.store.state(view.now_s)
    age_s = view.store.age_s(view.now_s)
    word = view.words(f"link.{state}")
    heard = "" if age_s is None else f" {view.clock(view.now)} {view.words.lasting(age_s)}"
    if not view.live and age_s is not None:
        heard = f" {view.words('word.data_age', age=view.words.lasting(age_s))}"
    return Content.styled(word + heard, _LINK_STYLES.get(state, "bold reverse ansi_red"))


def tabs(view: View, page: str, width: int) -> Content:
    """`[1 总览]  2 报警 3` with how many stand on each page; what the box itself complains of on the right."""
    status = view.store.status
    counts: dict[str, int] = {}
    if status is not None:
        counts = {
            "cases": status.cases.open,
            "retries": status.webhooks.pending,
            "dead": status.webhooks.dead_letter,
        }
    parts = []
    for number, name in enumerate(PAGES, start=1):
        count = f" {counts[name]}" if counts.get(name) else ""
        text = f"{number} {view.words(f'page.{name}')}{count}"
        parts.append(Content.styled(f"[{text}]", "bold reverse") if name == page else Content(f" {text} "))
    told = (_drain(view), _uplink(view), _problems(view), _access(view))
    right = Content(" ").join(part for part in told if part.plain)
    return _both_ends(parts, right, width)


def _drain(view: View) -> Content:
    """The drain that runs, whoever has begun it."""
    drain = view.store.drain
    if drain is None or not view.live:
        return Content("")
    done, all_of_them = drain.counts.attempted + drain.counts.skipped, drain.counts.matched
    return Content.styled(view.words("drain.elsewhere", n=done, all=all_of_them), "bold reverse ansi_cyan")


def _uplink(view: View) -> Content:
    """That the box itself has no way out; how its core can be reached is another matter, and said above."""
    status = view.store.status
    if status is None or not view.live or status.network not in UPLINK_TROUBLES:
        return Content("")
    return Content.styled(view.words.of("uplink", status.network), "bold reverse ansi_yellow")


def _problems(view: View) -> Content:
    count = len(view.store.status.problems) if view.store.status is not None else 0
    return Content.styled(view.words("word.problems", n=count) if count else "", "ansi_yellow")


def _access(view: View) -> Content:
    """That nothing can be written here, and what helps; or who unlocked it and for how long."""
    access, words = view.access, view.words
    operator = access.operator_at(view.now_s)
    if operator is not None:
        minutes, seconds = divmod(int(access.until_s - view.now_s), 60)
        return Content.styled(words("access.who", who=operator, left=f"{minutes}:{seconds:02}"), "bold ansi_green")
    if not access.reads_only:
        return Content("")
    return Content.styled(words("access.pin" if access.takes_pin else "access.read"), "bold")


def banner(view: View) -> Content:
    """What is wrong with the link, or else with the box, and with the user's settings; nothing where all is well."""
    lines = (_trouble(view), Content.styled(view.unsettled and f"! {view.unsettled}", "ansi_yellow"))
    return Content("\n").join([line for line in lines if line.plain])


def _trouble(view: View) -> Content:
    store, words = view.store, view.words
    state = store.state(view.now_s)
    if state in {LinkState.LIVE, LinkState.SLOW}:
        problems = store.status.problems if store.status is not None else ()
        texts = [words.of("problem", problem.code) for problem in problems]
        return Content.styled(f"! {'; '.join(texts)}", "ansi_yellow") if texts else Content("")
    if state is LinkState.CONNECTING:
        return Content.styled(words("banner.connecting"), "ansi_cyan")
    age_s = store.age_s(view.now_s)
    text = words(
        "banner.lost" if age_s is not None else "banner.never",
        state=words(f"link.{state}"),
        age=words.lasting(age_s or 0.0),
        cause=words.cause(store.link.cause or "silence", store.link.detail),
        tries=store.link.tries,
    )
    return Content.styled(f"!! {text}", "bold reverse ansi_red")


def heading(view: View, page: Page, place: tuple[int, int], said: tuple[str, ...], width: int) -> Content:
    """The list's name, where the cursor is, what else is said of it and how it is sorted; what it is worth while nobody
    answers.
    """
    words = view.words
    left = f"{words(f'page.{page.id}')} {place[0]}/{place[1]}"
    middle = "  ".join((*said, page.order(view)))
    if not view.live and view.store.status is not None:
        middle = words("word.as_of", at=view.clock(view.store.status.now))
    middle = fit(middle, max(0, width - cell_len(left) - 10)).rstrip()
    rule = "─" * max(2, width - cell_len(left) - cell_len(middle) - 8)
    return Content.styled(f"── {left} {rule} {middle} ──", "dim" if view.live else "bold")


def key_bar(words: Words, actions: tuple[Action, ...]) -> Content:
    """Every key that does something here."""
    return Content("  ").join(
        [
            Content.assemble((action.shown.split()[0], "bold reverse"), " ", words(f"action.{action.id}"))
            for action in actions
            if action.in_footer
        ]
    )


def _both_ends(left: list[Content], right: Content, width: int) -> Content:
    """The right end is never pushed out: it says whether the rest is true."""
    joined = Content(" ").join([part for part in left if part.plain])
    room = max(0, width - right.cell_length - 1)
    if joined.cell_length > room:
        joined = joined.truncate(room)
    return Content.assemble(joined, " " * (width - joined.cell_length - right.cell_length), right)
