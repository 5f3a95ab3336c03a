"""Which characters a terminal is sent: the house's own glyphs, and how each is said where they can't be drawn. Pure."""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final
from unicodedata import category, east_asian_width

from rich.cells import cell_len, split_graphemes

from cdg_tui.i18n import Language


class GlyphMode(StrEnum):
    """`plain` is for terminals that draw a rule or a letter of Greek two columns wide; Chinese stays. `ascii` is for those
    that draw nothing else.
    """

    UNICODE = "unicode"
    PLAIN = "plain"
    ASCII = "ascii"


# What the screens are made with besides ASCII and Chinese, and what a screen library adds to it. One cell for one cell.
HOUSE: Final = {
    **dict.fromkeys("─┄━", "-"),
    **dict.fromkeys("│┃▎▊▌▐▏▕", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯", "+"),
    **dict(zip("▁▂▃▄▅▆▇█", ".:-=+*%#", strict=True)),
    "░": "-",
    "▓": "#",
    "┊": ":",
    "●": "*",
    "•": "*",
    "·": ".",
    "═": "=",
    "▲": "!",
    "▼": "v",
    "▶": ">",
    "…": "~",
}
UNKNOWN: Final = "?"

_HOUSE: Final = str.maketrans(HOUSE)
# Han, kana, Hangul and full-width punctuation are two columns wide wherever they can be drawn at all.
_UNUSUAL: Final = re.compile(
    "[^\x20-\x7e\u3001-\u3029\u3041-\u3096\u3099-\u30ff\u3400-\u9fff\uac00-\ud7a3\uff01-\uff60]"
)


@lru_cache(maxsize=4096)
def drawn(text: str, mode: GlyphMode) -> str:
    """The same text in as many cells, of characters that the mode allows."""
    if mode is GlyphMode.UNICODE or text.isascii():
        return text
    text = text.translate(_HOUSE)
    if mode is GlyphMode.PLAIN and not _UNUSUAL.search(text):
        return text
    spell = _plain if mode is GlyphMode.PLAIN else _ascii
    return "".join(spell(text[start:end], width) for start, end, width in split_graphemes(text)[0])


def _ascii(grapheme: str, width: int) -> str:
    return grapheme[0] if grapheme[0].isascii() and width == 1 else UNKNOWN * width


def _plain(grapheme: str, width: int) -> str:
    """Letters stay whose width nobody doubts; the marks on one go where they alone are in doubt."""
    kept = "".join(filter(_certain, grapheme))
    return kept if kept[:1] == grapheme[0] and cell_len(kept) == width else UNKNOWN * width


def _certain(character: str) -> bool:
    width = east_asian_width(character)
    return width in {"W", "F", "H", "Na"} or (width == "N" and category(character)[0] in "LM")


def mode_of(chosen: str, own: GlyphMode) -> GlyphMode:
    """That of the settings; the terminal's own where they leave it open."""
    return GlyphMode(chosen) if chosen in set(GlyphMode) else own


def speakable(language: Language, mode: GlyphMode) -> Language:
    """Chinese is not to be had in ASCII."""
    return "en" if mode is GlyphMode.ASCII else language
