"""The lines round a page: who and how it stands, the tabs, the banner of trouble, the heading, the keys. Pure."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from cdg_tui.actions import PAGES, Action
from cdg_tui.i18n import Words
from cdg_tui.screens.page import LEAST, MARKS, Page, View
from cdg_tui.screens.parts import BRIEF, Part, Shape, Worth, both_ends, brief, dim, forms_that_fit, joined, whole
from cdg_tui.store import LinkState
from cdg_tui.text import named, shortened
from core import wire

BANNER_LINES: Final = 3
SAID: Final = 12  # cells of what is said above a list that tell what it is about
UPLINK_TROUBLES: Final = ("offline", "captive_portal", "clock_bad")

_LINK_STYLES = {LinkState.LIVE: "ansi_green", LinkState.SLOW: "ansi_yellow", LinkState.CONNECTING: ""}


def status_line(view: View, width: int) -> Content:
    """Site, alarms, queue, durability on the left; link and age of all this on the right."""
    status, words = view.store.status, view.words
    if status is None:
        return both_ends([[(Worth.USEFUL, whole(words("program.name")))]], [_link(view)], width)
    durable, site = status.durability.state, named(status.device.site, status.device.site_name)
    critical, warning = _alarms(words, status.cases)
    pending, dead = status.webhooks.pending, status.webhooks.dead_letter
    degraded = words("word.degraded") if status.durability.degraded else ""
    parts = [
        brief(Worth.USEFUL, site),
        [(Worth.USEFUL, whole(words("word.simulated") if status.simulated else "", "bold ansi_cyan"))],
        [(Worth.VITAL, critical)],
        [(Worth.URGENT, warning)],
        [(Worth.UNDER_WAY, _count(words("word.pending"), pending, "", "ansi_yellow"))],
        [(Worth.UNDER_WAY, _count(words("word.dead"), dead, "", "bold ansi_red"))],
        [(Worth.CALM, whole(words.of("durability", durable)))]
        if durable == "durable"
        else [(Worth.URGENT, whole(words.of("durability", durable), "bold reverse ansi_red"))],
        [(Worth.UNDER_WAY, whole(degraded, "bold reverse ansi_yellow"))],
    ]
    # What was so when somebody last answered must not shine as if it were so now.
    return both_ends(parts if view.live else [dim(part) for part in parts], [_link(view)], width)


def enlarge(view: View) -> Content:
    """All that a terminal too small for a page is told: alarms, link, and what to do about it."""
    status, words = view.store.status, view.words
    alarms = [] if status is None else [[(Worth.VITAL, alarm)] for alarm in _alarms(words, status.cases)]
    told = alarms if view.live else [dim(alarm) for alarm in alarms]
    return Content("\n").join(
        [
            joined(forms_that_fit([*told, _link(view)], LEAST[0])),
            Content(words("small.enlarge", width=LEAST[0], height=LEAST[1])),
        ]
    )


def _alarms(words: Words, cases: wire.CaseCounts) -> tuple[Shape, Shape]:
    return (
        _count(words("severity.critical"), cases.critical, MARKS["critical"], "bold ansi_red"),
        _count(words("severity.warning"), cases.warning, MARKS["warning"], "ansi_yellow"),
    )


def _count(word: str, count: int, mark: str, style: str) -> Shape:
    return whole(f"{mark}{word}{count}" if count else f"{word}0", style if count else "dim")


def _link(view: View) -> Part:
    state = view.store.state(view.now_s)
    age_s, style = view.store.age_s(view.now_s), _LINK_STYLES.get(state, "bold reverse ansi_red")
    forms = [(Worth.VITAL, "")]
    if age_s is not None:
        age, at = view.words.lasting(age_s), view.clock(view.now)
        if view.live:
            forms += [(Worth.ASIDE, at.rpartition(":")[0]), (Worth.ASIDE, at), (Worth.HINT, f"{at} {age}")]
        else:
            forms += [(Worth.BEARINGS, view.words("word.data_age", age=age))]
    word = view.words(f"link.{state}")
    return [(worth, whole(f"{word} {heard}".rstrip(), style)) for worth, heard in forms]


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
    parts = [_tab(view, number, one, counts.get(one, 0), one == page) for number, one in enumerate(PAGES, start=1)]
    return both_ends(parts, [_drain(view), _uplink(view), _problems(view), _access(view)], width)


def _tab(view: View, number: int, page: str, count: int, here: bool) -> Part:
    """Its key and its count always; its name where there is room."""
    counted = f" {count}" if count else ""
    named_worth = Worth.BEARINGS if here else Worth.SPARE
    forms = [(Worth.VITAL, f"{number}{counted}"), (named_worth, f"{number} {view.words(f'page.{page}')}{counted}")]
    if here:
        return [(worth, whole(f"[{text}]", "bold reverse")) for worth, text in forms]
    return [(worth, whole(f" {text} ")) for worth, text in forms]


def _drain(view: View) -> Part:
    """The drain that runs, whoever has begun it."""
    drain = view.store.drain
    if drain is None or not view.live:
        return ()
    done, all_of_them = drain.counts.attempted + drain.counts.skipped, drain.counts.matched
    told = view.words("drain.elsewhere", n=done, all=all_of_them)
    return [(Worth.UNDER_WAY, whole(told, "bold reverse ansi_cyan"))]


def _uplink(view: View) -> Part:
    """That the box itself has no way out; how its core can be reached is another matter, and said above."""
    status = view.store.status
    if status is None or not view.live or status.network not in UPLINK_TROUBLES:
        return ()
    return [(Worth.USEFUL, whole(view.words.of("uplink", status.network), "bold reverse ansi_yellow"))]


def _problems(view: View) -> Part:
    count = len(view.store.status.problems) if view.store.status is not None else 0
    return [(Worth.ASIDE, whole(view.words("word.problems", n=count) if count else "", "ansi_yellow"))]


def _access(view: View) -> Part:
    """That nothing can be written here, and what helps; or who unlocked it and for how long."""
    access, words = view.access, view.words
    operator = access.operator_at(view.now_s)
    if operator is not None:
        minutes, seconds = divmod(int(access.until_s - view.now_s), 60)
        told = partial(words, "access.who", left=f"{minutes}:{seconds:02}")
        who = whole(told(who=shortened(operator, BRIEF)), "bold ansi_green")
        return [(Worth.URGENT, who), (Worth.SPARE, whole(told(who=operator), "bold ansi_green"))]
    if not access.reads_only:
        return ()
    hint = [(Worth.HINT, whole(words("access.pin"), "bold"))] if access.takes_pin else []
    return [(Worth.URGENT, whole(words("access.read"), "bold")), *hint]


def banner(view: View, width: int) -> Content:
    """What is wrong with the link, or else with the box, and with the user's settings; nothing where all is well. As many
    lines as there is room for, and nothing that would need more.
    """
    unsettled = shortened(f"! {view.unsettled}", width) if view.unsettled else ""
    trouble = _trouble(view, max(1, width), BANNER_LINES - bool(unsettled))
    return Content("\n").join([line for line in (trouble, Content.styled(unsettled, "ansi_yellow")) if line.plain])


def _trouble(view: View, width: int, lines: int) -> Content:
    store, words = view.store, view.words
    state = store.state(view.now_s)
    if state in {LinkState.LIVE, LinkState.SLOW}:
        problems = store.status.problems if store.status is not None else ()
        texts = [words.of("problem", problem.code) for problem in problems]
        return Content.styled(_as_many(words, texts, width, lines), "ansi_yellow")
    if state is LinkState.CONNECTING:
        return Content.styled(words("banner.connecting"), "ansi_cyan")
    return Content.styled(_lost(view, width, lines), "bold reverse ansi_red")


def _as_many(words: Words, texts: Sequence[str], width: int, lines: int) -> str:
    """Whole ones only, and how many more there are."""
    for shown in range(len(texts), 0, -1):
        more = [words("banner.more", n=len(texts) - shown)] if shown < len(texts) else []
        if _lines(text := f"! {'; '.join([*texts[:shown], *more])}", width) <= lines:
            return text
    return f"! {words('word.problems', n=len(texts))}" if texts else ""


def _lost(view: View, width: int, lines: int) -> str:
    """The cause may be of any length; what stands round it says how things are."""
    words, store = view.words, view.store
    age_s = store.age_s(view.now_s)
    cause = words.cause(store.link.cause or "silence", store.link.detail)

    def telling(cause: str) -> str:
        return "!! " + words(
            "banner.lost" if age_s is not None else "banner.never",
            state=words(f"link.{store.state(view.now_s)}"),
            age=words.lasting(age_s or 0.0),
            cause=cause,
            tries=store.link.tries,
        )

    room = lines * width - cell_len(telling(""))
    while room > 0 and _lines(telling(shortened(cause, room)), width) > lines:
        room -= 1
    return telling(shortened(cause, room))


def _lines(text: str, width: int) -> int:
    return len(Content(text).wrap(width))


def heading(view: View, page: Page, place: tuple[int, int], said: tuple[str, ...], width: int) -> Content:
    """The list's name, where the cursor is, what else is said of it and how it is sorted; what it is worth while nobody
    answers.
    """
    words = view.words
    left = f"{words(f'page.{page.id}')} {place[0]}/{place[1]}"
    room = max(0, width - cell_len(left) - 10)
    parts = [
        *(brief(Worth.USEFUL, text, most=SAID, full=Worth.ASIDE) for text in said),
        brief(Worth.HINT, page.order(view)),
    ]
    if not view.live and view.store.status is not None:
        parts = [[(Worth.VITAL, whole(words("word.as_of", at=view.clock(view.store.status.now))))]]
    middle = joined(forms_that_fit(parts, room, gap=2), gap=2).plain
    rule = "─" * max(2, width - cell_len(left) - cell_len(middle) - 8)
    return Content.styled(f"── {left} {rule} {middle} ──", "dim" if view.live else "bold")


def key_bar(words: Words, actions: Sequence[Action], width: int) -> Content:
    """As many keys as there is room for, in the order of the table: those that are urgent before the page's others, and these
    before what can be done anywhere. The tabs have theirs themselves.
    """
    shown = [action for action in actions if action.id not in PAGES]
    parts = [[(_worth(action), _key(words, action))] for action in shown]
    return joined(forms_that_fit(parts, width, gap=2), gap=2)


def of_use(view: View, actions: Sequence[Action]) -> list[Action]:
    """Without those that are for nothing just now: nothing to unlock, no damage that nobody has acknowledged."""
    status = view.store.status
    idle = {
        "unlock": not view.access.takes_pin,
        "damage": status is None or not status.durability.degraded,
    }
    return [action for action in actions if not idle.get(action.id)]


def _worth(action: Action) -> Worth:
    if action.id in {"help", "leave"}:
        return Worth.VITAL
    return Worth.URGENT if action.in_footer else Worth.SPARE if action.everywhere else Worth.HINT


def _key(words: Words, action: Action) -> Shape:
    return whole(Content.assemble((action.shown.split()[0], "bold reverse"), " ", words(f"action.{action.id}")))
