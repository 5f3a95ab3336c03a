"""Page 1: the cabinets, worst first. A value that is not known to be of now is never shown as a number."""

from collections.abc import Callable
from math import inf
from typing import Any, Final

from rich.cells import cell_len
from textual.content import Content

from cdg_tui.course import Stretch
from cdg_tui.screens.cabinet import (
    UNKNOWN,
    cabinet_detail,
    cabinet_stretch,
    counting,
    heard,
    rank,
    shown_sensor,
    waiting_sensor,
)
from cdg_tui.screens.page import STYLES, Asked, Detail, Listing, View
from cdg_tui.screens.queue import QUESTION, queue_text
from cdg_tui.store import TREND_FIRST_S, TREND_POINTS, Question, Trend
from cdg_tui.text import named, number, span, trend
from cdg_tui.widgets.rows import Column, Row
from core import wire

NARROW_POINTS: Final = 15  # as a running timer needs


class Overview(Listing):
    id = "overview"
    looks_at = frozenset({"case_states"})
    orders = ("worst", "cabinet", "warmest", "heard")

    def columns(self, view: View) -> tuple[Column, ...]:
        words = view.words
        return (
            Column(title=words("column.state"), width=9),
            Column(title=words("column.cabinet"), width=17, grow=3),
            Column(title=words("column.mark"), width=4),
            Column(title=words("column.value"), width=7, right=True),
            Column(title=words("column.limits"), width=9, right=True),
            Column(title=words("column.trend", span=words.lasting(_trend_s(view))), width=_trend_points(view)),
            Column(title=words("column.age"), width=7, right=True),
            Column(title=words("column.cases"), width=5, right=True),
        )

    def rows(self, view: View) -> list[Row]:
        key = _KEYS[self.orders[view.asked.order]]
        cabinets = sorted(view.store.cabinets, key=lambda cabinet: key(view, cabinet), reverse=view.asked.turned)
        return [self._row(view, cabinet) for cabinet in cabinets]

    def _row(self, view: View, cabinet: wire.CabinetItem) -> Row:
        state = _state(view, cabinet)
        shown, waiting = shown_sensor(cabinet), waiting_sensor(view, cabinet)
        style = STYLES.get(state, "")
        return Row(
            key=cabinet.id,
            cells=(
                _marked(view, state, cabinet, waiting),
                named(cabinet.id, cabinet.name),
                _remark(view, cabinet),
                number(_value(view, shown)),
                span(cabinet.low, cabinet.high),
                _course(view, cabinet, waiting),
                heard(view, shown),
                str(cabinet.open_cases) if cabinet.open_cases else "",
            ),
            styles=((0, style), (3, style)) if style else (),
        )

    def question(self, asked: Asked) -> Question:  # noqa: ARG002 - the same whatever is asked of the cabinets
        return QUESTION

    def queue(self, view: View, width: int) -> Content:
        return queue_text(view, width)

    def empty(self, view: View) -> str:
        return view.words("empty.overview")

    def detail(self, view: View, key: str) -> Detail:
        cabinet = view.store.cabinet(key)
        return [] if cabinet is None else cabinet_detail(view, cabinet)

    def stretch(self, view: View, key: str) -> Stretch | None:
        cabinet = view.store.cabinet(key)
        return None if cabinet is None else cabinet_stretch(view, cabinet)


def _warmth(view: View, cabinet: wire.CabinetItem) -> tuple[bool, float]:
    value = _value(view, shown_sensor(cabinet))
    return value is None, -(value or 0.0)


def _silence(_: View, cabinet: wire.CabinetItem) -> float:
    sensor = shown_sensor(cabinet)
    return -inf if sensor is None or sensor.age_s is None else -sensor.age_s


_KEYS: Final[dict[str, Callable[[View, wire.CabinetItem], Any]]] = {
    "worst": lambda view, cabinet: rank(_state(view, cabinet)),
    "cabinet": lambda _, cabinet: cabinet.id,
    "warmest": _warmth,
    "heard": _silence,
}


def _state(view: View, cabinet: wire.CabinetItem) -> str:
    """Without a live link nobody knows how a cabinet does."""
    return cabinet.state if view.live else UNKNOWN


def _marked(view: View, state: str, cabinet: wire.CabinetItem, waiting: wire.ReadingItem | None) -> str:
    """Mark and word; where a due alarm is held back, why; where all is well, that it defrosts."""
    word = None
    if state == "pending" and waiting is not None and waiting.hold is not None:
        word = view.words.of("held", waiting.hold)
    elif state == "ok" and any(sensor.value for sensor in cabinet.sensors if sensor.quantity == "defrost"):
        word = view.words.of("held", "defrost")
    return view.mark(state, word=word)


def _remark(view: View, cabinet: wire.CabinetItem) -> str:
    """That somebody works on it, which the state does not tell of a cabinet in trouble; else that its values are made up, which
    the line at the top says as well.
    """
    if cabinet.maintenance_s is not None:
        return view.words("word.maintained")
    return view.words("word.simulated") if any(sensor.simulated for sensor in cabinet.sensors) else ""


def _value(view: View, sensor: wire.ReadingItem | None) -> float | None:
    return sensor.value if sensor is not None and view.live else None


def _course(view: View, cabinet: wire.CabinetItem, waiting: wire.ReadingItem | None) -> str:
    """The trend; a running timer goes before it, or instead of it where there is not room for both."""
    course = _trend(view, shown_sensor(cabinet), cabinet)
    if waiting is None:
        return course
    timer = counting(view, waiting, cabinet)
    return f"{timer}  {course[cell_len(timer) + 2 :]}" if view.wide else timer


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
