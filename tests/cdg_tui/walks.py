"""A walk through every page and dialog, and what has to hold of the screen at each step, whatever the core says."""

import unicodedata

from rich.cells import cell_len
from textual.color import Color
from textual.strip import Strip

from tests.cdg_tui.consoles import Console


def sound(console: Console) -> None:
    """No control character in any piece that is drawn, and each line exactly as wide as the screen."""
    for strip in console.app.screen._compositor.render_strips():
        line = "".join(text for text, _, control in _filtered(console, strip) if not control)
        assert not [c for c in line if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}], ascii(line)
        assert cell_len(line) == console.app.size.width, ascii(line)


def _filtered(console: Console, strip: Strip) -> Strip:
    """As it goes to the terminal."""
    for one in console.app.get_line_filters():
        strip = strip.apply_filter(one, Color(0, 0, 0)) if one.enabled else strip
    return strip


STEPS = (
    ("1",), ("enter",), ("escape", "M"), ("1", "1"), ("escape", "O"), ("escape", "2"), ("enter",), ("escape", "A"), ("escape", "H"), ("1", "1"), ("escape", "N"),
    ("escape", "j", "S"), ("1",),
    ("escape", "3"), ("enter",), ("v",), ("escape", "escape", "R"), ("Y",), ("D",), ("Y",), ("escape", "4"), ("enter",), ("escape", "R"),
    ("Y",), ("B",), ("4",), ("Y",), ("X",), ("1",), ("Y",), ("a",), ("z",), ("enter",), ("escape",), ("colon",), ("escape", "5"), ("enter",), ("escape", "l"), ("escape", "c"), ("escape", "v"),
    ("escape", "G", "enter"), ("escape", "g", "P"), ("1",), ("Y",), ("U",),
    ("Y",), ("T",), ("Y",), ("slash", "x"), ("escape", "question_mark"), ("escape", "1"),
)  # fmt: skip


async def walk_through(console: Console) -> None:
    """Each step as soon as the one before is on its way; as the keys are stamped, a second later."""
    for keys in STEPS:
        await console.type(*keys, after_s=1.0)
        await console.pilot.pause(0.01)
        sound(console)
