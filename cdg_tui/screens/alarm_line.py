"""The line that names a new critical case, wherever somebody looks. Pure."""

from textual.content import Content

from cdg_tui.screens.page import View
from cdg_tui.screens.parts import both_ends, name, whole
from cdg_tui.text import NOTHING, named, number


def alarm_line(view: View, width: int) -> Content:
    """The first one, and how many more; nothing where there is none. One that is over is told as what it was."""
    if not view.alarms:
        return Content("")
    case, words = view.alarms[0], view.words
    over = case.condition == "cleared"
    current = view.live and case.condition == "active"
    opened = view.clock(case.opened_at)
    cabinet = named(case.cabinet, case.cabinet_name)
    parts = [
        [(9, whole(words("alarm.over" if over else "alarm.new")))],
        [(8, name(cabinet, most=8)), (1, name(cabinet))],
        [(7, whole(words.of("kind", case.kind)))],
        [(8, whole("" if over else number(case.value) if current else NOTHING))],
        [(6, whole(opened)), (3, whole(f"{opened}{words('alarm.look')}"))],
    ]
    more = words("alarm.more", n=len(view.alarms) - 1) if len(view.alarms) > 1 else ""
    return both_ends(parts, [[(6, whole(more))]], width).stylize(
        "bold ansi_yellow" if over else "bold reverse ansi_red"
    )
