"""The colours, in one place: what the names red, green, yellow, blue, magenta and cyan look like on each kind of terminal.

States are always named by one of these; where a terminal has many colours they are those of Okabe and Ito, which people who
see red and green alike can tell apart too.
"""

from dataclasses import replace
from typing import Final

from rich.terminal_theme import TerminalTheme
from textual.theme import BUILTIN_THEMES

MANY: Final = "textual-dark"
FEW: Final = "base-colours"
LIGHT: Final = "textual-light"

_VERMILION, _BLUISH_GREEN, _YELLOW = (213, 94, 0), (0, 158, 115), (240, 228, 66)
_BLUE, _REDDISH_PURPLE, _SKY_BLUE = (0, 114, 178), (204, 121, 167), (86, 180, 233)
_ORANGE, _BLACK, _WHITE, _GREY = (230, 159, 0), (18, 18, 18), (224, 224, 224), (128, 128, 128)
_HUES: Final = [_VERMILION, _BLUISH_GREEN, _YELLOW, _BLUE, _REDDISH_PURPLE, _SKY_BLUE]

OKABE_ITO: Final = TerminalTheme(
    _BLACK, _WHITE, [_BLACK, *_HUES, _WHITE], [_GREY, _ORANGE, *_HUES[1:], (255, 255, 255)]
)

# The terminal's own foreground and background, which fit each other whatever they are, and nothing that is bright.
BASE_COLOURS: Final = replace(
    BUILTIN_THEMES["ansi-dark"],
    name=FEW,
    variables={
        **{name: hue.replace("bright_", "") for name, hue in BUILTIN_THEMES["ansi-dark"].variables.items()},
        "input-selection-foreground": "ansi_white",
        "screen-selection-foreground": "ansi_white",
    },
)


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


def theme_for(chosen: str, colour_system: str | None, *, no_color: bool) -> str:
    """The theme that a person chose, or the one that can be read there; `colour_system` as Rich names what it found."""
    if no_color:
        return FEW
    found = MANY if colour_system in {"256", "truecolor"} else FEW
    return {"dark": MANY, "light": LIGHT, "ansi": FEW}.get(chosen, found)
