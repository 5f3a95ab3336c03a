"""The wallboard's picture: every cabinet a tile with its value in large digits, worst first. Pure.

What is not known to be of now is never a number, here less than anywhere.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from cdg_tui.screens.bars import banner
from cdg_tui.screens.big import FULL, NO_SIGNAL, TALL, big, largest, wide
from cdg_tui.screens.cabinet import rank, shown_sensor
from cdg_tui.screens.page import STYLES, View
from cdg_tui.screens.parts import Worth, forms_that_fit, joined, whole
from cdg_tui.text import fit, named, number, span
from core import wire

TURN_S: Final = 10.0  # how long a page stays where there are more cabinets than fit

# Who may be out of sight for a while. `pending` is none of them: nobody is called yet, but the limit is broken already, and
# whoever passes by can still prevent the alarm.
TAKES_TURNS: Final = frozenset({"ok", "out_of_service"})
# Where more is wrong than fits, one place in so many takes turns among what is wrong: the worst keep most of the board, and the
# least of it still comes round soon, which it would not in a single place, nor if it shared its turn with all who are well.
TURNING_SHARE: Final = 4

_WIDEST: Final = "-18.0"
_LARGEST: Final = 6


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """How the cabinets that have a place, worst first, share the board: the first `staying` of them are there at every turn, the
    others take the places that are left, `page` after page. `crowded` where what is wrong leaves the others none.
    """

    cabinets: Sequence[wire.CabinetItem]
    scale: int
    columns: int
    lines: int
    staying: int
    page: int
    pages: int
    crowded: bool

    def shown(self) -> list[wire.CabinetItem]:
        """Whose turn it is, and who stays."""
        turning, places = self.cabinets[self.staying :], self.columns * self.lines - self.staying
        return [*self.cabinets[: self.staying], *turning[self.page * places :][:places]]


def board(view: View, width: int, height: int) -> list[Content]:
    """As many lines as there is room for."""
    if not view.live:
        return _centred(no_signal(view, width, height), width, height)
    layout = _layout(view, width, height)
    if not layout.cabinets:
        return _centred([Content(view.words("empty.overview"))], width, height)
    columns = layout.columns if layout.pages > 1 else min(layout.columns, len(layout.cabinets))
    tiles = [_tile(view, cabinet, width // columns, layout.scale) for cabinet in layout.shown()]
    rows = [tiles[first : first + columns] for first in range(0, len(tiles), columns)]
    drawn = [Content.assemble(*parts) for row in rows for parts in zip(*row, strict=True)]
    return _filled_up(drawn, height)


def turn(view: View, width: int, height: int) -> tuple[int, int]:
    """Which page is shown now, from 0, and of how many."""
    layout = _layout(view, width, height)
    return (layout.page, layout.pages) if view.live else (0, 1)


def left_over(view: View, width: int, height: int) -> int | None:
    """How many more have trouble than are shown just now; None where those that are well have a place too."""
    layout = _layout(view, width, height)
    return len(layout.cabinets) - len(layout.shown()) if layout.crowded and view.live else None


def _layout(view: View, width: int, height: int) -> _Layout:
    cabinets = sorted(view.store.cabinets, key=lambda cabinet: rank(cabinet.state))
    scale = _scale(len(cabinets), width, height)
    columns, lines = _fitting(scale, width, height)
    troubled = sum(cabinet.state not in TAKES_TURNS for cabinet in cabinets)
    crowded = columns * lines <= troubled and columns * lines < len(cabinets)
    cabinets = cabinets[:troubled] if crowded else cabinets
    staying = _staying(len(cabinets), troubled, columns * lines)
    pages = max(1, math.ceil((len(cabinets) - staying) / (columns * lines - staying)))
    page = int(view.now_s // TURN_S) % pages
    return _Layout(
        cabinets=cabinets,
        scale=scale,
        columns=columns,
        lines=lines,
        staying=staying,
        page=page,
        pages=pages,
        crowded=crowded,
    )


def _staying(count: int, troubled: int, places: int) -> int:
    """How many of so many, worst first, are shown at every turn where not all are: whatever is wrong; but where that alone is
    more than fits, a few places turn among the least of it.
    """
    if count <= places:
        return 0
    return troubled if troubled < places else places - max(1, places // TURNING_SHARE)


def no_signal(view: View, width: int, height: int) -> list[Content]:
    """In the largest letters that fit, and below why and since when."""
    why = banner(view, width).wrap(max(1, width))
    scale = largest(NO_SIGNAL, width, height - 3 - len(why))
    letters = [Content.styled(line, "bold ansi_red") for line in big(NO_SIGNAL, scale)] if scale else []
    said = Content.styled(f"  {view.words('wallboard.no_signal')}  ", "bold reverse ansi_red")
    return [*letters, Content(""), said, Content(""), *why]


def _fitting(scale: int, width: int, height: int) -> tuple[int, int]:
    """How many columns and lines of tiles."""
    return max(1, width // (wide(_WIDEST, scale) + 3)), max(1, height // (TALL * scale + 2))


def _scale(count: int, width: int, height: int) -> int:
    """The largest at which all fit at once; the smallest where they don't at any."""
    for scale in range(_LARGEST, 1, -1):
        columns, lines = _fitting(scale, width, height)
        room = wide(_WIDEST, scale) + 3 <= width and TALL * scale + 2 <= height
        if room and columns * lines >= count:
            return scale
    return 1


def _tile(view: View, cabinet: wire.CabinetItem, width: int, scale: int) -> list[Content]:
    style = STYLES.get(cabinet.state, "")
    name = fit(f" {named(cabinet.id, cabinet.name)}", width - 1)
    simulated = view.words("word.simulated") if any(sensor.simulated for sensor in cabinet.sensors) else ""
    state = [
        [(Worth.VITAL, whole(view.mark(cabinet.state)))],
        [(Worth.USEFUL, whole(span(cabinet.low, cabinet.high)))],
        [(Worth.UNDER_WAY, whole(simulated))],
    ]
    told = joined(forms_that_fit(state, width - 1, gap=2), gap=2).plain
    return [
        Content.styled(f"{name} ", "bold"),
        *_figure(view, cabinet, width, scale, style),
        Content.styled(fit(f" {told}", width), f"bold {style}".strip()),
    ]


def _figure(view: View, cabinet: wire.CabinetItem, width: int, scale: int, style: str) -> list[Content]:
    sensor = shown_sensor(cabinet)
    value = sensor.value if sensor is not None and not sensor.stale else None
    text = number(value)
    if value is None or not set(text) <= set("-.0123456789") or wide(text, scale) > width - 2:
        return _box(view.words("wallboard.no_signal") if value is None else text, width, TALL * scale, style)
    room = width - 1 - wide(text, scale)
    return [Content.assemble(" ", Content.styled(line, style), " " * room) for line in big(text, scale)]


def _box(text: str, width: int, height: int, style: str) -> list[Content]:
    """A frame in the place of a number, so that it is told from one by its form."""
    inner = max(0, width - 4)
    edge, side = FULL * (inner + 2), FULL + " " * inner + FULL
    room = max(0, inner - cell_len(text))
    words = f"{FULL}{' ' * (room // 2)}{fit(text, inner - room // 2)}{FULL}" if inner else side
    lines = [edge, *[side] * (height - 2), edge]
    lines[height // 2] = words
    return [Content.assemble(" ", Content.styled(line, style), " ") for line in lines]


def _centred(lines: list[Content], width: int, height: int) -> list[Content]:
    above = max(0, (height - len(lines)) // 2)
    moved = [Content.assemble(" " * max(0, (width - line.cell_length) // 2), line) for line in lines]
    return _filled_up([*[Content("")] * above, *moved], height)


def _filled_up(lines: list[Content], height: int) -> list[Content]:
    return [*lines, *[Content("")] * height][:height]
