"""The line that names a new critical case, wherever somebody looks. Pure."""

from textual.content import Content

from cdg_tui.screens.page import View
from cdg_tui.screens.parts import Worth, both_ends, brief, whole
from cdg_tui.text import NOTHING, named, number


def alarm_line(view: View, width: int) -> Content:
    """The first one, and how many more; nothing where there is none. One that is over is told as what it was."""
    if not view.alarms:
        return Content("")
    case, words = view.alarms[0], view.words
    over = case.condition == "cleared"
    current = view.live and case.condition == "active"
    opened = view.clock(case.opened_at)
    parts = [
        [(Worth.VITAL, whole(words("alarm.over" if over else "alarm.new")))],
        brief(Worth.URGENT, named(case.cabinet, case.cabinet_name)),
        [(Worth.UNDER_WAY, whole(words.of("kind", case.kind)))],
        [(Worth.URGENT, whole("" if over else number(case.value) if current else NOTHING))],
        [(Worth.BEARINGS, whole(opened)), (Worth.HINT, whole(f"{opened}{words('alarm.look')}"))],
    ]
    more = words("alarm.more", n=len(view.alarms) - 1) if len(view.alarms) > 1 else ""
    return both_ends(parts, [[(Worth.BEARINGS, whole(more))]], width).stylize(
        "bold ansi_yellow" if over else "bold reverse ansi_red"
    )
