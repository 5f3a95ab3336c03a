"""Page 2: the open cases, worst first."""

from cdg_tui.screens.page import STYLES, Detail, View
from cdg_tui.text import NOTHING, bound, named, number
from cdg_tui.widgets.rows import Column, Row
from core import wire

_SEVERITIES = ("critical", "warning", "info")
_CONDITIONS = ("active", "unknown", "cleared")


class Cases:
    id = "cases"
    looks_at = frozenset({"cases"})

    def columns(self, view: View) -> tuple[Column, ...]:
        words = view.words
        return (
            Column(title=words("column.severity"), width=8),
            Column(title=words("column.cabinet"), width=16, grow=3),
            Column(title=words("column.kind"), width=12, grow=1),
            Column(title=words("column.condition"), width=8),
            Column(title=words("column.handling"), width=7),
            Column(title=words("column.peak"), width=6, right=True),
            Column(title=words("column.opened"), width=11, right=True),
        )

    def order(self, view: View) -> str:
        return view.words("order.worst")

    def rows(self, view: View) -> list[Row]:
        return [self._row(view, case) for case in sorted(view.store.cases, key=_urgency)]

    def _row(self, view: View, case: wire.CaseItem) -> Row:
        style = STYLES.get(case.severity, "") if case.condition != "cleared" else ""
        words = view.words
        return Row(
            key=case.case_id,
            cells=(
                view.mark(case.severity, "severity"),
                named(case.cabinet, case.cabinet_name),
                words.of("kind", case.kind),
                words.of("condition", case.condition),
                words.of("handling", case.handling),
                number(case.peak),
                view.clock(case.opened_at),
            ),
            styles=((0, style), (2, style)) if style else (),
        )

    def detail(self, view: View, key: str) -> Detail:
        case = view.store.case(key)
        if case is None:
            return []
        words = view.words
        figures = words(
            "detail.figures",
            value=number(case.value if view.live and case.condition == "active" else None),
            peak=number(case.peak),
            limit=bound(case.limit) or NOTHING,
            lasted=words.lasting(case.duration_s),
        )
        lines = [
            (words("column.case"), f"{case.case_id}  {words('detail.sensor', sensor=case.sensor)}"),
            (words("column.course"), figures),
            (
                words("column.times"),
                words("detail.times", opened=view.clock(case.opened_at), cleared=view.clock(case.cleared_at)),
            ),
        ]
        lines.append((words("column.news"), view.news_of(case.case_id)))
        if case.fault:
            lines.append((words("column.fault"), words.of("fault", case.fault)))
        if case.actor:
            done = "  ".join(part for part in (case.action, case.disposition, case.note) if part)
            lines.append((words("column.by"), f"{case.actor}  {done}"))
        return lines


def _urgency(case: wire.CaseItem) -> tuple[bool, int, int, float]:
    """What goes on before what is over, then the worst, then the newest."""
    severity = _SEVERITIES.index(case.severity) if case.severity in _SEVERITIES else 0
    condition = _CONDITIONS.index(case.condition) if case.condition in _CONDITIONS else 0
    return condition == len(_CONDITIONS) - 1, severity, condition, -case.opened_at.timestamp()
