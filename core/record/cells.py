"""Lines of a CSV that a spreadsheet opens: what is text never runs as a formula, and a number stays a number. Pure."""

import csv
import io
from collections.abc import Iterable
from typing import Final

BOM: Final = "\ufeff"  # else Excel takes Chinese for Latin-1
# How a cell begins that some spreadsheet would run; the wide forms are those of East Asian input.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

Cell = str | float | int | None


def harmless(text: str) -> str:
    """Text that a spreadsheet would take for a formula, made text for it too; numbers never come here."""
    return "'" + text if text.startswith(_FORMULA) else text


def line(cells: Iterable[Cell]) -> str:
    """One line with its end; None is an empty cell."""
    text = io.StringIO()
    csv.writer(text).writerow([harmless(cell) if isinstance(cell, str) else cell for cell in cells])
    return text.getvalue()
