"""Page 1: the cabinets, worst first. A value that is not known to be of now is never shown as a number."""

from typing import Final

from cdg_tui.screens.page import STYLES, Detail, View
from cdg_tui.store import TREND_FIRST_S, TREND_POINTS, Trend
from cdg_tui.text import NOTHING, named, number, span, trend
from cdg_tui.widgets.rows import Column, Row
from core import wire

_ORDER: Final = ("critical", "warning", "fault", "suspect", "stale", "pending", "ok", "out_of_service")
_UNKNOWN: Final = "stale"
NARROW_POINTS: Final = 12


class Overview:
    id = "overview"
    looks_at = frozenset({"cases"})

    def columns(self, view: View) -> tuple[Column, ...]:
        words = view.words
        return (
            Column(title=words("column.state"), width=9),
            Column(title=words("column.cabinet"), width=20, grow=3),
            Column(title=words("column.mark"), width=4),
            Column(title=words("column.value"), width=7, right=True),
            Column(title=words("column.limits"), width=9, right=True),
            Column(title=words("column.trend", span=words.lasting(_trend_s(view))), width=_trend_points(view)),
            Column(title=words("column.age"), width=7, right=True),
            Column(title=words("column.cases"), width=5, right=True),
        )

    def order(self, view: View) -> str:
        return view.words("order.worst")

    def rows(self, view: View) -> list[Row]:
        cabinets = sorted(view.store.cabinets, key=lambda cabinet: _rank(_state(view, cabinet)))
        return [self._row(view, cabinet) for cabinet in cabinets]

    def _row(self, view: View, cabinet: wire.CabinetItem) -> Row:
        state = _state(view, cabinet)
        shown = _shown(cabinet)
        style = STYLES.get(state, "")
        return Row(
            key=cabinet.id,
            cells=(
                view.mark(state),
                named(cabinet.id, cabinet.name),
                view.words("word.simulated") if any(sensor.simulated for sensor in cabinet.sensors) else "",
                number(_value(view, shown)),
                span(cabinet.low, cabinet.high),
                _trend(view, shown, cabinet),
                _age(view, shown),
                str(cabinet.open_cases) if cabinet.open_cases else "",
            ),
            styles=((0, style), (3, style)) if style else (),
        )

    def detail(self, view: View, key: str) -> Detail:
        cabinet = next((one for one in view.store.cabinets if one.id == key), None)
        if cabinet is None:
            return []
        words = view.words
        lines = [
            (
                words("column.limits"),
                words(
                    "detail.terms",
                    low=number(cabinet.low),
                    high=number(cabinet.high),
                    warn_low=number(cabinet.warn_low),
                    warn_high=number(cabinet.warn_high),
                    delay=words.lasting(cabinet.alarm_delay_s),
                    preset=cabinet.preset or NOTHING,
                ),
            )
        ]
        lines += [(sensor.sensor, _sensor(view, sensor, cabinet)) for sensor in cabinet.sensors]
        return lines + [_case(view, case) for case in view.store.cases if case.cabinet == key]


def _state(view: View, cabinet: wire.CabinetItem) -> str:
    """Without a live link nobody knows how a cabinet does."""
    return cabinet.state if view.live else _UNKNOWN


def _rank(state: str) -> int:
    return _ORDER.index(state) if state in _ORDER else 0


def _shown(cabinet: wire.CabinetItem) -> wire.ReadingItem | None:
    """The sensor that stands for the cabinet: the worst of its thermometers, else of what it has."""
    warm = [sensor for sensor in cabinet.sensors if sensor.quantity == "temperature"]
    return min(warm or cabinet.sensors, key=lambda sensor: _rank(sensor.state), default=None)


def _value(view: View, sensor: wire.ReadingItem | None) -> float | None:
    return sensor.value if sensor is not None and view.live else None


def _age(view: View, sensor: wire.ReadingItem | None) -> str:
    if sensor is None or sensor.age_s is None:
        return NOTHING
    return view.words.lasting(sensor.age_s + view.lag_s)


def _trend(view: View, sensor: wire.ReadingItem | None, cabinet: wire.CabinetItem) -> str:
    """Between the limits where there are two, else over what was seen, so that the limit's edge is where it looks it."""
    if sensor is None:
        return ""
    points = view.store.trends.get(sensor.sensor, Trend()).shown[-_trend_points(view) :]
    known = [value for value in points if value is not None]
    lowest, highest = min(known, default=0.0), max(known, default=0.0)
    top = cabinet.high if cabinet.high is not None else highest
    low = cabinet.low if cabinet.low is not None else min(lowest, top - 8.0)
    high = cabinet.high if cabinet.high is not None else max(highest, low + 8.0)
    return trend(points, low, high).rjust(_trend_points(view))


def _trend_points(view: View) -> int:
    return TREND_POINTS if view.wide else NARROW_POINTS


def _trend_s(view: View) -> float:
    """How much time the trend's column stands for."""
    step_s = max((one.step_s for one in view.store.trends.values()), default=TREND_FIRST_S)
    return step_s * _trend_points(view)


def _case(view: View, case: wire.CaseItem) -> tuple[str, str]:
    """The alarm and, beside it, whether headquarters has been told."""
    words = view.words
    what = "  ".join(
        (
            words.of("kind", case.kind),
            words.of("condition", case.condition),
            words.of("handling", case.handling),
            view.clock(case.opened_at),
            f"{words('column.news')} {view.news_of(case.case_id)}",
        )
    )
    return view.mark(case.severity, "severity"), what


def _sensor(view: View, sensor: wire.ReadingItem, cabinet: wire.CabinetItem) -> str:
    words = view.words
    text = words.of("quantity", sensor.quantity) + " "
    if sensor.value is not None and view.live:
        text += f"{number(sensor.value)}{sensor.unit}".replace("°", "")
    else:
        reason = words.of("fault", sensor.fault) if sensor.fault and not sensor.stale else words.of("state", _UNKNOWN)
        text += words(
            "detail.last_value", reason=reason, value=number(sensor.last_value), at=view.clock(sensor.last_value_at)
        )
    if sensor.beyond_s is not None and view.live:
        text += "  " + words("detail.counting", n=int(sensor.beyond_s // 60), of=round(cabinet.alarm_delay_s / 60))
        text += f" {words.of('hold', sensor.hold)}" if sensor.hold else ""
    return f"{text}  {words('detail.heard', age=_age(view, sensor))}"
