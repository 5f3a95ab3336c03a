"""A course of values as rows of text, one column a step. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from cdg_tui.text import HOLE, number

ROWS: Final = 8
MEAN: Final = "●"
SPREAD: Final = "┊"
BEYOND: Final = "▓"
LIMIT: Final = "┄"

LEAST_SPAN: Final = 2.0  # a steady value is drawn as steady, not blown up to its noise
NEAR: Final = 8.0  # so far away a limit is drawn, or as far as the course itself reaches; farther it would flatten it


class Step(NamedTuple):
    """The lowest, the mean and the highest of one column."""

    low: float
    mean: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The values of the lowest and the highest row."""

    bottom: float
    top: float

    def holds(self, value: float | None) -> bool:
        return value is not None and self.bottom <= value <= self.top

    def row(self, value: float) -> int:
        """0 is the highest; a value outside goes to the edge."""
        share = (self.top - value) / max(self.top - self.bottom, 1e-9)  # beside 1e300 two kelvin are nothing
        return round(min(max(0.0, share), 1.0) * (ROWS - 1))  # in this order it holds for inf / inf as well


def scale_of(steps: Sequence[Step | None], low: float | None, high: float | None) -> Scale | None:
    """All that is known, and the limits that are near; None where nothing is known."""
    known = [step for step in steps if step is not None]
    if not known:
        return None
    bottom, top = min(min(step) for step in known), max(max(step) for step in known)
    reach = max(NEAR, top - bottom)
    near = [limit for limit in (low, high) if limit is not None and bottom - reach <= limit <= top + reach]
    bottom, top = min([bottom, *near]), max([top, *near])
    missing = max(0.0, LEAST_SPAN - (top - bottom)) / 2
    return Scale(bottom=bottom - missing, top=top + missing)


def chart(steps: Sequence[Step | None], low: float | None, high: float | None) -> list[tuple[str, str]]:
    """ROWS rows from the top: what is read off there, and one character a step. A step without a value stays empty, the
    limits' lines too. No rows where nothing is known.
    """
    scale = scale_of(steps, low, high)
    if scale is None:
        return []
    columns = [_column(step, scale, low, high) for step in steps]
    readings = {0: scale.top, ROWS - 1: scale.bottom}
    readings |= {scale.row(limit): limit for limit in (low, high) if limit is not None and scale.holds(limit)}
    return [
        (number(readings[row]) if row in readings else "", "".join(column[row] for column in columns))
        for row in range(ROWS)
    ]


def _column(step: Step | None, scale: Scale, low: float | None, high: float | None) -> list[str]:
    cells = [HOLE] * ROWS
    if step is None:
        return cells
    for limit in (low, high):
        if limit is not None and scale.holds(limit):
            cells[scale.row(limit)] = LIMIT
    top, bottom = scale.row(step.high), scale.row(step.low)
    cells[top : bottom + 1] = [SPREAD] * (bottom + 1 - top)
    cells[scale.row(step.mean)] = MEAN
    # Where a course shares its row with the limit, its end beyond it is still to be seen.
    if high is not None and step.high > high:
        last = bottom if step.low > high else min(max(scale.row(high) - 1, top), bottom)
        cells[top : last + 1] = [BEYOND] * (last + 1 - top)
    if low is not None and step.low < low:
        first = top if step.high < low else max(min(scale.row(low) + 1, bottom), top)
        cells[first : bottom + 1] = [BEYOND] * (bottom + 1 - first)
    return cells
