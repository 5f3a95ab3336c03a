"""A course as the details show it: a chart with its limits, what happened beside it, and what it amounts to. Pure."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from textual.content import Content

from cdg_tui.chart import BEYOND, LIMIT, MEAN, SPREAD, Step, chart
from cdg_tui.course import Course
from cdg_tui.i18n import Words
from cdg_tui.screens.page import View
from cdg_tui.text import HOLE, fit, local_time, number, wrapped
from core.wire_history import History, HistoryPoint, HistoryStatistics

AXIS: Final = 7  # cells of a label left of the chart
ON: Final = "═"
OFF: Final = "·"
OPENED: Final = "▲"
CLEARED: Final = "▼"
SIGNS: Final = {
    "mean": MEAN,
    "spread": SPREAD,
    "beyond": BEYOND,
    "limit": LIMIT,
    "on": ON,
    "opened": OPENED,
    "cleared": CLEARED,
}
LEAST_TICK: Final = 8  # columns between two times below the chart
TICKS: Final = tuple(timedelta(minutes=n) for n in (10, 30, 60, 120, 180, 360, 720, 1440))


def columns_in(room: int) -> int:
    """How many an axis leaves of so many cells."""
    return max(0, room - AXIS - 1)


def course_text(view: View, course: Course, room: int) -> Content:
    """In lines of at most `room` cells; where that is too little for all, the newest columns, and that there are older ones."""
    words, stretch = view.words, course.stretch
    step = timedelta(seconds=stretch.steps.step_s)
    columns = columns_in(room)
    points = course.history.points[-columns:] if columns else ()
    low = course.history.low if stretch.low is None else stretch.low
    high = course.history.high if stretch.high is None else stretch.high
    rows = chart([_step(point) for point in points], low, high)
    lines = [Content.styled(line, "bold") for line in wrapped(_title(view, course, points), room)]
    if course.empty:
        told = words("course.young" if course.young else "course.nothing")
        return Content("\n").join([*lines, *map(Content, wrapped(told, room))])
    cut = len(points) < len(course.history.points)
    if cut:
        lines += map(Content, wrapped(words("course.cut", since=view.clock(stretch.steps.since)), room))
    if not points:
        return Content("\n").join(lines)
    beside = [
        (words.of("quantity", quantity), _lane(history, points))
        for (_, quantity), history in zip(stretch.contacts, course.contacts, strict=True)
    ]
    if stretch.marks:
        beside.append((words("course.case"), _marks(stretch.marks, points, step)))
    lines += [_row(label, row) for label, row in [*rows, ("", _ticks(view, points, step)), *beside]]
    lines.append(Content.styled(_legend(words, "".join(row for _, row in [*rows, *beside])), "dim"))
    if stretch.statistics:
        said = ["  ".join(parts) for parts in _statistics(words, course.history.statistics)]
        whole = [words("course.whole", since=view.clock(stretch.steps.since))] if cut else []
        lines += [Content(line) for text in [*whole, *said] for line in wrapped(text, room)]
    return Content("\n").join(lines)


def _title(view: View, course: Course, drawn: Sequence[HistoryPoint]) -> str:
    since, until, step_s = course.stretch.steps
    return view.words(
        "course.title",
        sensor=course.stretch.sensor,
        since=view.clock(drawn[0].at if drawn else since),
        until=view.clock(min(until, course.asked_at)),
        step=step_s // 60,
    )


def _step(point: HistoryPoint) -> Step | None:
    if point.min is None or point.mean is None or point.max is None:
        return None
    return Step(point.min, point.mean, point.max)


def _row(label: str, row: str) -> Content:
    pieces = [(piece, "red" if piece.startswith(BEYOND) else "") for piece in re.split(f"({BEYOND}+)", row)]
    return Content.assemble((f"{fit(label, AXIS, right=True)}│", "dim"), *pieces)


def _ticks(view: View, points: Sequence[HistoryPoint], step: timedelta) -> str:
    """Times of day that people count by, each under its column; the date at midnight. None is cut off or runs into another."""
    line = ""
    tick = next((tick for tick in TICKS if tick >= step * LEAST_TICK), TICKS[-1])
    for column, point in enumerate(points):
        at = local_time(point.at, view.zone)
        if at is None or timedelta(hours=at.hour, minutes=at.minute) % tick >= step or column < len(line) + bool(line):
            continue
        text = f"{at:%m-%d}" if (at.hour, at.minute) == (0, 0) else f"{at:%H:%M}"
        if column + len(text) <= len(points):
            line = line.ljust(column) + text
    return line


def _lane(history: History, points: Sequence[HistoryPoint]) -> str:
    """Whether a contact was on in each of these steps, if only for a moment; empty where nothing is known."""
    highest = {point.at: point.max for point in history.points}
    states = (highest.get(point.at) for point in points)
    return "".join(HOLE if state is None else ON if state else OFF for state in states)


def _marks(marks: Sequence[tuple[datetime, str]], points: Sequence[HistoryPoint], step: timedelta) -> str:
    """Each in the column of its moment."""
    cells = [HOLE] * len(points)
    for moment, mark in marks:
        column = next((i for i, point in enumerate(points) if timedelta(0) <= moment - point.at < step), None)
        if column is not None:
            cells[column] = mark
    return "".join(cells)


def _legend(words: Words, drawn: str) -> str:
    """What the signs mean that are to be seen."""
    return "  ".join(f"{sign} {words.of('legend', name)}" for name, sign in SIGNS.items() if sign in drawn)


def _statistics(words: Words, found: HistoryStatistics) -> Iterator[list[str]]:
    """Two lines. Only what is known: of a sensor without limits there is no time within them."""
    judged = []
    if found.in_limit_pct is not None:
        judged.append(words("course.in_limit", percent=number(found.in_limit_pct)))
    if found.excursions is not None:
        judged.append(words("course.excursions", n=found.excursions))
    if found.excursions and found.longest_excursion_min is not None and found.degree_min is not None:
        judged.append(words("course.longest", lasted=words.lasting(found.longest_excursion_min * 60)))
        judged.append(words("course.degree_minutes", n=round(found.degree_min)))
    yield judged
    whole = [words("course.range", low=number(found.min), high=number(found.max), mean=number(found.mean))]
    if found.mkt is not None:
        whole.append(words("course.mkt", value=number(found.mkt)))
    gap = words("course.gaps", lasted=words.lasting(found.gap_min * 60)) if found.gap_min else words("course.no_gaps")
    yield [*whole, gap]
