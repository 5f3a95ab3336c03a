"""Page 1: the cabinets, worst first. A value that is not known to be of now is never shown as a number."""

from collections.abc import Callable, Sequence
from functools import partial
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
from cdg_tui.text import NOTHING, named, number, span, trend
from cdg_tui.widgets.rows import BREATH, Field, Row, columns_that_fit, left_over, row_of
from core import wire

NARROW_POINTS: Final = 15  # as a running timer needs


class Overview(Listing):
    id = "overview"
    looks_at = frozenset({"case_states"})
    orders = ("worst", "cabinet", "warmest", "heard")

    def fields(self, view: View) -> Sequence[Field[wire.CabinetItem]]:
        """The trend has what the other columns leave it, up to all that is known of it."""
        shortest = _fields(view, NARROW_POINTS)
        left = left_over(columns_that_fit(shortest, view.room), view.room) - BREATH
        return _fields(view, min(TREND_POINTS, NARROW_POINTS + left)) if left > 0 else shortest

    def rows(self, view: View) -> list[Row]:
        key, columns = _KEYS[self.orders[view.asked.order]], self.columns(view)
        cabinets = sorted(view.store.cabinets, key=lambda cabinet: key(view, cabinet), reverse=view.asked.turned)
        return [_row(view, columns, cabinet) for cabinet in cabinets]

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


def _fields(view: View, points: int) -> Sequence[Field[wire.CabinetItem]]:
    """All of them, with a trend of so many points. What no cabinet has a sensor for has no column."""
    words = view.words
    span_s = _step_s(view) * points
    measured = {sensor.quantity for cabinet in view.store.cabinets for sensor in cabinet.sensors}
    return (
        Field(title=words("column.state"), width=9, coloured=True, text=partial(_marked, view)),
        Field(title=words("column.cabinet"), width=17, grow=3, text=lambda cabinet: named(cabinet.id, cabinet.name)),
        Field(title=words("column.mark"), width=4, text=partial(_remark, view)),
        Field(title=words("column.value"), width=6, right=True, coloured=True, text=partial(_warm, view)),
        Field(title=words("column.limits"), width=11, right=True, text=lambda cabinet: span(cabinet.low, cabinet.high)),
        Field(
            title=words("column.trend", span=words.lasting(span_s)),
            width=points,
            text=partial(_course, view, points),
        ),
        *(
            Field(title=words(f"column.{quantity}"), width=width, right=True, spare=n, text=partial(text, view))
            for n, (quantity, width, text) in enumerate(_BESIDE, 1)
            if quantity in measured
        ),
        Field(title=words("column.age"), width=6, right=True, text=lambda c: heard(view, shown_sensor(c))),
        Field(title=words("column.cases"), width=5, right=True, text=lambda c: str(c.open_cases or "")),
    )


def _row(view: View, columns: Sequence[Field[wire.CabinetItem]], cabinet: wire.CabinetItem) -> Row:
    return row_of(cabinet.id, columns, cabinet, STYLES.get(_state(view, cabinet), ""))


def _warmth(view: View, cabinet: wire.CabinetItem) -> tuple[bool, float]:
    value = _value(view, shown_sensor(cabinet))
    return value is None, -(value or 0.0)


def _silence(_: View, cabinet: wire.CabinetItem) -> float:
    sensor = shown_sensor(cabinet)
    return -inf if sensor is None or sensor.age_s is None else -sensor.age_s


_KEYS: Final[dict[str, Callable[[View, wire.CabinetItem], Any]]] = {
    "worst": lambda view, cabinet: (rank(_state(view, cabinet)), -cabinet.open_cases),
    "cabinet": lambda _, cabinet: cabinet.id,
    "warmest": _warmth,
    "heard": _silence,
}


def _state(view: View, cabinet: wire.CabinetItem) -> str:
    """Without a live link nobody knows how a cabinet does."""
    return cabinet.state if view.live else UNKNOWN


def _marked(view: View, cabinet: wire.CabinetItem) -> str:
    """Mark and word; where a due alarm is held back, why; where all is well, that it defrosts."""
    state, waiting, word = _state(view, cabinet), waiting_sensor(view, cabinet), None
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


def _warm(view: View, cabinet: wire.CabinetItem) -> str:
    return number(_value(view, shown_sensor(cabinet)))


def _door(view: View, cabinet: wire.CabinetItem) -> str:
    """Open where one of its doors is; nothing where it has none, and `--` where nobody knows."""
    doors = [_value(view, sensor) for sensor in cabinet.sensors if sensor.quantity == "door"]
    if any(doors):
        return view.words("contact.door_on")
    return "" if not doors else NOTHING if None in doors else view.words("contact.door_off")


def _humidity(view: View, cabinet: wire.CabinetItem) -> str:
    """The most of what is measured, as for a door."""
    measured = [_value(view, sensor) for sensor in cabinet.sensors if sensor.quantity == "humidity"]
    known = [value for value in measured if value is not None]
    return number(max(known)) if known else NOTHING if measured else ""


# What is measured beside the temperature, the most useful first.
_BESIDE: Final = (("door", 6, _door), ("humidity", 6, _humidity))


def _course(view: View, room: int, cabinet: wire.CabinetItem) -> str:
    """The trend; a running timer goes before it, or instead of it where there is not room for both."""
    course, waiting = _trend(view, room, shown_sensor(cabinet), cabinet), waiting_sensor(view, cabinet)
    if waiting is None:
        return course
    timer = counting(view, waiting, cabinet)
    before = cell_len(timer) + 2
    return f"{timer}  {course[before:]}" if room >= 2 * before else timer


def _trend(view: View, room: int, sensor: wire.ReadingItem | None, cabinet: wire.CabinetItem) -> str:
    """Between the limits where there are two, else over what was seen, so that the limit's edge is where it looks it."""
    if sensor is None:
        return ""
    points = view.store.trends.get(sensor.sensor, Trend()).shown[-room:]
    known = [value for value in points if value is not None]
    lowest, highest = min(known, default=0.0), max(known, default=0.0)
    top = cabinet.high if cabinet.high is not None else highest
    low = cabinet.low if cabinet.low is not None else min(lowest, top - 8.0)
    high = cabinet.high if cabinet.high is not None else max(highest, low + 8.0)
    return trend(points, low, high).rjust(room)


def _step_s(view: View) -> float:
    """How much time a point of the trends stands for."""
    return max((one.step_s for one in view.store.trends.values()), default=TREND_FIRST_S)
