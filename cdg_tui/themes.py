"""The colours there are to choose from, and what the named ones of states look like where the background is light."""

from collections.abc import Mapping
from typing import Final

from rich.terminal_theme import TerminalTheme

AUTOMATIC: Final = "textual-dark"
_THEMES: Final[Mapping[str, str]] = {"dark": "textual-dark", "light": "textual-light", "ansi": "ansi-dark"}

# Black, red, green, yellow, blue, magenta, cyan, white: dark enough to be read on nearly white.
_DARK: Final = [
    (0, 0, 0),
    (164, 0, 0),
    (0, 92, 62),
    (112, 76, 0),
    (0, 80, 140),
    (134, 0, 98),
    (0, 86, 112),
    (72, 72, 72),
]
READABLE_ON_LIGHT: Final = TerminalTheme((255, 255, 255), (0, 0, 0), _DARK, _DARK)


def theme_of(chosen: str, automatic: str) -> str:
    """Textual's name for a theme of the settings."""
    return _THEMES.get(chosen, automatic)
