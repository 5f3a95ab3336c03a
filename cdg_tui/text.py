"""Text for cells: made harmless, cut to a width, numbers and times as people read them. Pure.

Cells hold ASCII, Han and full-width punctuation only: the width of anything else is a matter of opinion among terminals.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich.cells import cell_len, set_cell_size

LONGEST: Final = 4000
NOTHING: Final = "--"
CUT: Final = "~"
LEVELS: Final = ".:-=+*#%"  # from cold to warm
GAP: Final = " "

# Variation selectors change how wide some terminals draw the character before them.
_SELECTORS: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# Further combining marks on one letter only pile up over the neighbouring lines.
_PILES: Final = re.compile(
    r"([\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u20d0-\u20ff])(?:[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u20d0-\u20ff])+"
)


def safe(text: str, limit: int = LONGEST) -> str:
    """The text with everything that could command a terminal or turn its writing round spelled out, in one line.

    A control character is shown as its escape rather than dropped, so that two names never become one.
    """
    text = _PILES.sub(r"\1", _SELECTORS.sub("", text[: limit + 1]))
    if not text.isprintable():
        text = "".join(character if character.isprintable() else _spelled(character) for character in text)
    return text if len(text) <= limit else text[: limit - 1] + CUT


def _spelled(character: str) -> str:
    if character in "\t\n\r" or unicodedata.category(character) == "Zs":
        return " "
    return character.encode("unicode_escape").decode()


def safe_document(document: Any) -> Any:
    """Every string of a decoded JSON document made safe; the names of members too, since maps have data for names."""
    if isinstance(document, str):
        return safe(document)
    if isinstance(document, list):
        return [safe_document(item) for item in document]
    if isinstance(document, dict):
        return {safe(name): safe_document(value) for name, value in document.items()}
    return document


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Exactly `width` cells: padded, or cut with a mark where something is missing."""
    missing = width - cell_len(text)
    if missing >= 0:
        return " " * missing + text if right else text + " " * missing
    return set_cell_size(text, width - 1) + CUT if width > 0 else ""


def number(value: float | None) -> str:
    """One decimal, as a thermometer shows it; `--` for what is not known."""
    return NOTHING if value is None else f"{value:.1f}"


def bound(value: float | None) -> str:
    """A limit without needless zeros."""
    return "" if value is None else f"{value:g}"


def span(low: float | None, high: float | None) -> str:
    """Both limits, as `2/8`."""
    return NOTHING if low is None and high is None else f"{bound(low)}/{bound(high)}"


def zone(name: str) -> tzinfo:
    """The site's time zone; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError; OSError: a directory's name
        return UTC


def clock(moment: datetime | None, where: tzinfo, now: datetime) -> str:
    """Time of day; with the date where that is another day than today."""
    if moment is None:
        return NOTHING
    local = moment.astimezone(where)
    if abs(moment - now) < timedelta(hours=20) or local.date() == now.astimezone(where).date():
        return f"{local:%H:%M:%S}"
    return f"{local:%m-%d %H:%M}"


def trend(values: Sequence[float | None], low: float, high: float) -> str:
    """One character a value, from LEVELS by where it lies between low and high; a gap where nothing is known."""
    top = len(LEVELS) - 1
    reach = max(high - low, 1e-9)
    return "".join(
        GAP if value is None else LEVELS[min(max(round((value - low) / reach * top), 0), top)] for value in values
    )
