"""Page 2: the open cases, worst first."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

from cdg_tui.course import CONTACTS, Stretch, contacts_of, whole_steps
from cdg_tui.screens.cabinet import handled, lasting_until, shown_sensor, urgency
from cdg_tui.screens.course_text import CLEARED, OPENED
from cdg_tui.screens.page import STYLES, Detail, Listing, View
from cdg_tui.text import NOTHING, bound, named, number
from cdg_tui.widgets.rows import Field, Row, row_of
from core import wire

LEAD: Final = timedelta(minutes=30)  # shown before the breach and after the end


class Cases(Listing):
    id = "cases"
    looks_at = frozenset({"cases"})
    orders = ("worst", "newest", "cabinet")
    handled = True

    def fields(self, view: View) -> Sequence[Field[wire.CaseItem]]:
        words = view.words
        return (
            Field(title=words("column.severity"), width=10, coloured=True, text=partial(_severity, view)),
            Field(title=words("column.cabinet"), width=11, grow=3, text=lambda c: named(c.cabinet, c.cabinet_name)),
            Field(
                title=words("column.kind"),
                width=12,
                grow=1,
                coloured=True,
                text=lambda case: words.of("kind", case.kind),
            ),
            Field(title=words("column.condition"), width=7, text=lambda case: words.of("condition", case.condition)),
            Field(title=words("column.handling"), width=12, grow=2, text=partial(handled, view)),
            Field(title=words("column.present"), width=6, right=True, spare=1, text=partial(_present, view)),
            Field(title=words("column.peak"), width=11, right=True, text=_peak),
            Field(title=words("column.opened"), width=11, right=True, text=lambda case: view.clock(case.opened_at)),
            Field(title=words("column.lasted"), width=8, right=True, spare=2, text=partial(_lasted, view)),
            Field(title=words("column.news"), width=17, spare=3, text=view.news_of),
        )

    def rows(self, view: View) -> list[Row]:
        key, columns = _KEYS[self.orders[view.asked.order]], self.columns(view)
        return [_row(columns, case) for case in sorted(view.store.cases, key=key, reverse=view.asked.turned)]

    def empty(self, view: View) -> str:
        return view.words("empty.cases")

    def detail(self, view: View, key: str) -> Detail:
        case = view.store.case(key)
        if case is None:
            return []
        words = view.words
        figures = words(
            "detail.figures",
            value=_present(view, case),
            peak=number(case.peak),
            limit=bound(case.limit) or NOTHING,
            lasted=_lasted(view, case),
        )
        lines = [
            (words("column.case"), f"{case.case_id}  {words('detail.sensor', sensor=case.sensor)}"),
            (words("column.course"), figures),
            (
                words("column.times"),
                words(
                    "detail.times",
                    began=view.clock(case.started_at),
                    opened=view.clock(case.opened_at),
                    cleared=view.clock(case.cleared_at),
                ),
            ),
        ]
        lines += _so_far(view, case)
        lines.append((words("column.news"), view.news_of(case)))
        if case.fault:
            lines.append((words("column.fault"), words.of("fault", case.fault)))
        if done := "  ".join(part for part in (case.actor, case.action, case.disposition, case.note) if part):
            lines.append((words("column.by"), done))
        return lines

    def stretch(self, view: View, key: str) -> Stretch | None:
        case = view.store.case(key)
        return None if case is None else _stretch(view, case)


def _row(columns: Sequence[Field[wire.CaseItem]], case: wire.CaseItem) -> Row:
    style = STYLES.get(case.severity, "") if case.condition != "cleared" else ""
    return row_of(case.case_id, columns, case, style)


def _severity(view: View, case: wire.CaseItem) -> str:
    """And how often it was told again."""
    return view.mark(case.severity, "severity") + (f" x{case.escalations}" if case.escalations else "")


def _present(view: View, case: wire.CaseItem) -> str:
    return number(case.value if view.live and case.condition == "active" else None)


def _peak(case: wire.CaseItem) -> str:
    return f"{number(case.peak)}/{bound(case.limit) or NOTHING}"


def _lasted(view: View, case: wire.CaseItem) -> str:
    return view.words.lasting(case.duration_s)


def _so_far(view: View, case: wire.CaseItem) -> Iterator[tuple[str, str]]:
    """What happened to it beside its beginning and end."""
    words = view.words
    if case.shelved_s is not None:
        yield words("column.shelved"), lasting_until(view, case.shelved_s)
    repeated = [("detail.escalated", case.escalations), ("detail.reopened", case.reopened)]
    if any(n for _, n in repeated):
        yield words("column.so_far"), "  ".join(words(key, n=n) for key, n in repeated if n)
    if case.untold:
        yield words("column.untold"), words("detail.untold", n=case.untold)
    if case.gap_s is not None:
        yield words("column.gap"), words("detail.gap", lasted=words.lasting(case.gap_s))


def _stretch(view: View, case: wire.CaseItem) -> Stretch | None:
    """From before its breach began to its end; of a door or a box the air of its cabinet."""
    cabinet = view.store.cabinet(case.cabinet)
    if cabinet is None:
        return None
    measured = {sensor.sensor: sensor for sensor in cabinet.sensors if sensor.quantity not in CONTACTS}
    sensor = measured.get(case.sensor) or shown_sensor(cabinet)
    if sensor is None or sensor.quantity in CONTACTS:
        return None
    ended = case.closed_at or case.cleared_at
    end = view.now if ended is None else min(view.now, ended + LEAD)
    end = max(end, case.opened_at)  # also where the clock was set back since
    began = case.started_at or case.opened_at - timedelta(seconds=cabinet.alarm_delay_s)
    marks = [(case.opened_at, OPENED), *([(case.cleared_at, CLEARED)] if case.cleared_at is not None else [])]
    return Stretch(
        sensor=sensor.sensor,
        contacts=contacts_of(cabinet),
        steps=whole_steps(began - LEAD, end, view.columns),
        low=case.limit if case.kind in {"temp_low", "humidity_low"} else None,
        high=case.limit if case.kind in {"temp_high", "humidity_high"} else None,
        marks=tuple(marks),
    )


_KEYS: Final[dict[str, Callable[[wire.CaseItem], Any]]] = {
    "worst": urgency,
    "newest": lambda case: -case.opened_at.timestamp(),
    "cabinet": lambda case: (case.cabinet, urgency(case)),
}
