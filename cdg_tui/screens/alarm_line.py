"""The line that names a new critical case, wherever somebody looks. Pure."""

from rich.cells import cell_len
from textual.content import Content

from cdg_tui.screens.page import View
from cdg_tui.text import NOTHING, fit, named, number


def alarm_line(view: View, width: int) -> Content:
    """The newest one, and how many more; nothing where there is none."""
    if not view.alarms:
        return Content("")
    case, words = view.alarms[0], view.words
    current = view.live and case.condition == "active" and case.value is not None
    value = number(case.value) if current else NOTHING
    if case.condition == "cleared":
        value = words("condition.cleared")
    more = words("alarm.more", n=len(view.alarms) - 1) if len(view.alarms) > 1 else ""
    said = words(
        "alarm.line",
        cabinet=named(case.cabinet, case.cabinet_name),
        kind=words.of("kind", case.kind),
        value=value,
        at=view.clock(case.opened_at),
    )
    return Content.styled(fit(f"!!{said}", width - cell_len(more)) + more, "bold reverse ansi_red")
