"""Lines of a CSV that a spreadsheet opens: what is text never runs as a formula, and a number stays a number. Pure."""

import csv
import io
import unicodedata
from collections.abc import Iterable
from typing import Final

BOM: Final = "\ufeff"  # else Excel takes Chinese for Latin-1
# How a cell begins that some spreadsheet would run; the wide forms are those of East Asian input.
_FORMULA: Final = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠", "｜", "％")
_LINE: Final = "\t\r\n"
_UNSEEN: Final = frozenset({"Zs", "Zl", "Zp", "Cf", "Cc"})  # blanks, marks of direction, controls: some skip them

Cell = str | float | int | None


def harmless(text: str) -> str:
    """Text that a spreadsheet would take for a formula, made text for it too; numbers never come here."""
    shown = "".join(_shown(one) for one in text)
    seen = next((at for at, one in enumerate(shown) if unicodedata.category(one) not in _UNSEEN), len(shown))
    return "'" + shown if shown.startswith(tuple(_LINE)) or shown.startswith(_FORMULA, seen) else shown


def _shown(one: str) -> str:
    """A control character is written out: a raw NUL ends the file for some readers."""
    return one if unicodedata.category(one) != "Cc" or one in _LINE else f"\\x{ord(one):02x}"


def line(cells: Iterable[Cell]) -> str:
    """One line with its end; None is an empty cell."""
    text = io.StringIO()
    csv.writer(text).writerow([harmless(cell) if isinstance(cell, str) else cell for cell in cells])
    return text.getvalue()
