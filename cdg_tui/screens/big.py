"""Letters to be read from across the room: numbers, times, and that there is no signal. Pure.

Drawn in full blocks, which are a `#` where a terminal has none.
"""

from typing import Final

FULL: Final = "█"
TALL: Final = 5
NO_SIGNAL: Final = "NO SIGNAL"

_LETTERS: Final = {
    "0": ("###", "# #", "# #", "# #", "###"),
    "1": (" # ", "## ", " # ", " # ", "###"),
    "2": ("###", "  #", "###", "#  ", "###"),
    "3": ("###", "  #", "###", "  #", "###"),
    "4": ("# #", "# #", "###", "  #", "  #"),
    "5": ("###", "#  ", "###", "  #", "###"),
    "6": ("###", "#  ", "###", "# #", "###"),
    "7": ("###", "  #", "  #", "  #", "  #"),
    "8": ("###", "# #", "###", "# #", "###"),
    "9": ("###", "# #", "###", "  #", "###"),
    "-": ("   ", "   ", "###", "   ", "   "),
    ".": (" ", " ", " ", " ", "#"),
    ":": (" ", "#", " ", "#", " "),
    " ": ("  ", "  ", "  ", "  ", "  "),
    "A": ("###", "# #", "###", "# #", "# #"),
    "G": ("####", "#   ", "# ##", "#  #", "####"),
    "I": ("###", " # ", " # ", " # ", "###"),
    "L": ("#  ", "#  ", "#  ", "#  ", "###"),
    "N": ("#  #", "## #", "# ##", "#  #", "#  #"),
    "O": ("###", "# #", "# #", "# #", "###"),
    "S": ("###", "#  ", "###", "  #", "###"),
}


def wide(text: str, scale: int = 1) -> int:
    """How many cells it takes."""
    return scale * (sum(len(_LETTERS[letter][0]) + 1 for letter in text) - 1)


def largest(text: str, width: int, height: int) -> int:
    """The largest scale at which it fits; 0 where it does at none."""
    return max(0, min((width + 1) // (wide(text) + 1), width // wide(text), height // TALL))


def big(text: str, scale: int = 1) -> list[str]:
    """TALL times `scale` lines of equal width."""
    rows = (" ".join(_LETTERS[letter][row] for letter in text) for row in range(TALL))
    return ["".join(cell * scale for cell in row).replace("#", FULL) for row in rows for _ in range(scale)]
