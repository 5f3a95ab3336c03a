"""Text for cells: made harmless, cut to a width, numbers and times as people read them. Pure.

Cells hold ASCII, Han, full-width punctuation and the house's glyphs only: the width of anything else is a matter of opinion
among terminals.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich.cells import cell_len, chop_cells, set_cell_size

LONGEST: Final = 4000
NOTHING: Final = "--"
CUT: Final = "~"
LEVELS: Final = "▁▂▃▄▅▆▇█"  # from cold to warm
HOLE: Final = " "

MOST_MARKS: Final = 2  # on one letter; more would only pile up over the neighbouring lines

# What a line is never broken in: a word, or a wide character with the punctuation that belongs to it. Textual breaks at blanks
# only, and Chinese has none. A number keeps the short word behind it, which may be its unit.
_WIDE: Final = "\u2e80-\uffef"
_CLOSING: Final = "[，。；：、！？）”」]*"
_UNIT: Final = f" ?(?![（“「])[{_WIDE}]{_CLOSING}| (?:[A-Za-z]{{1,6}}|%)(?![A-Za-z0-9])[^ {_WIDE}]*{_CLOSING}"
_WORDS: Final = f" +|[（“「]*[{_WIDE}]{_CLOSING}|[^ {_WIDE}]+"
_LOOSE: Final = re.compile(_WORDS)
_PIECES: Final = re.compile(f"[（“「]*[^ {_WIDE}]*[0-9](?:{_UNIT})|{_WORDS}")

# They change how wide some terminals draw the character before them.
_SELECTORS: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")

_TOO_LONG: Final = re.compile(rb'"[^"]{%d}' % (LONGEST + 1))  # a string that `safe` cuts


def safe(text: str, limit: int = LONGEST) -> str:
    """The text with everything that could command a terminal or turn its writing round spelled out, in one line.

    A control character is shown as its escape rather than dropped, so that two names never become one.
    """
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    shown = "".join(_harmless(_SELECTORS.sub("", text[:limit])))
    return shown if len(text) <= limit and len(shown) <= limit else shown[: limit - 1] + CUT


def _harmless(text: str) -> Iterator[str]:
    marks = 0
    for character in text:
        mark = unicodedata.category(character) in {"Mn", "Mc", "Me"}
        marks = marks + 1 if mark else 0
        if mark:
            yield character if marks <= MOST_MARKS else ""
        else:
            yield character if character.isprintable() and cell_len(character) else _spelled(character)


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


def is_safe(document: bytes) -> bool:
    """Whether `safe_document` would change nothing of this JSON; False where that is not seen at a glance."""
    # JSON itself has no other controls: within a string they are escaped.
    plain = document.isascii() and b"\\" not in document and b"\x7f" not in document
    return plain and not _TOO_LONG.search(document)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Exactly `width` cells: padded, or cut with a mark where something is missing."""
    missing = width - cell_len(text)
    if missing >= 0:
        return " " * missing + text if right else text + " " * missing
    return set_cell_size(text, width - 1) + CUT if width > 0 else ""


def wrapped(text: str, width: int) -> list[str]:
    """In lines of at most so many cells: broken at blanks and beside Han, what is longer than a line anywhere; whole where
    there is no width.
    """
    if width <= 0 or cell_len(text) <= width:
        return [text]
    lines, line = [], ""
    for piece in _pieces(text, width):
        if cell_len(line) + cell_len(piece) > width and line:
            lines.append(line.rstrip())
            line, piece = "", piece.lstrip()
        *whole, line = chop_cells(line + piece, width) or [""]
        lines += whole
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str, width: int) -> Iterator[str]:
    """What stays together in a line of so many cells."""
    for piece in _PIECES.findall(text):
        yield from [piece] if cell_len(piece) <= width else _LOOSE.findall(piece)


def shortened(name: str, room: int) -> str:
    """A name within so many cells, cut with a mark, but not within a number of its own: that would be another number."""
    if cell_len(name) <= room:
        return name
    kept = fit(name, room).removesuffix(CUT)
    while kept and (kept[-1] == " " or (kept[-1].isdigit() and name[len(kept)].isdigit())):
        kept = kept[:-1]
    return kept + CUT if kept else ""


def cut(text: str, longest: int) -> str:
    """At most so many characters, with a mark where something is missing."""
    return text if len(text) <= longest else text[: longest - 1] + CUT


def named(identity: str, name: str) -> str:
    """An id with the name that people gave it, where they did."""
    return f"{identity} {name}".strip()


def count(n: int, width: int) -> str:
    """In at most so many cells: a number that is too long for them in whole thousands or millions, as `12k`, never cut."""
    for unit in ("", "k", "M", "G"):
        if len(text := f"{n}{unit}") <= width:
            return text
        n //= 1000
    return "9" * (width - 1) + "+"


def number(value: float | None) -> str:
    """One decimal, as a thermometer shows it, never `-0.0`; `--` for what is not known."""
    return NOTHING if value is None else f"{value:z.1f}"


def size(count: float) -> str:
    """So many bytes in the largest unit that fits, by thousands, as disks are sold."""
    for unit in ("", "k", "M", "G"):
        if abs(count) < 1000:
            return f"{count:.0f}{unit}" if not unit or abs(count) >= 100 else f"{count:.1f}{unit}"
        count /= 1000
    return f"{count:.1f}T"


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


def local_time(moment: datetime | None, where: tzinfo) -> datetime | None:
    """None where there is none: of nothing, and in the first or last hours that a calendar knows."""
    try:
        return None if moment is None else moment.astimezone(where)
    except OverflowError:
        return None


def clock(moment: datetime | None, where: tzinfo, now: datetime) -> str:
    """Time of day; with the date where that is another day than today."""
    local, today = local_time(moment, where), local_time(now, where)
    if moment is None or local is None or today is None:
        return NOTHING
    if abs(moment - now) < timedelta(hours=20) or local.date() == today.date():
        return f"{local:%H:%M:%S}"
    return f"{local:%m-%d %H:%M}"


def trend(values: Sequence[float | None], low: float, high: float) -> str:
    """One character a value, from LEVELS by where it lies between low and high; a gap where nothing is known."""
    return "".join(HOLE if value is None else LEVELS[_level(value, low, high)] for value in values)


def _level(value: float, low: float, high: float) -> int:
    share = (value - low) / max(high - low, 1e-9)
    return round(min(max(0.0, share), 1.0) * (len(LEVELS) - 1))  # in this order it holds for inf - inf as well
