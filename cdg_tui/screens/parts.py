"""A line made of parts, none of which is cut where that would make it say something else: a name is cut with a mark, a number
and a word never are; what doesn't fit makes way whole, for whatever matters more. Pure.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import partial
from typing import Final

from textual.content import Content

from cdg_tui.text import shortened

BRIEF: Final = 8  # cells that tell most names apart


class Worth(IntEnum):
    """Who has room first; among those of one worth whoever stands further left. Compared within one line only."""

    VITAL = 9  # without it the line would mislead: how many are critical, how the link is, which key it is
    URGENT = 8  # what somebody acts upon at once: which cabinet and how warm, what is lost, what can't be done here
    UNDER_WAY = 7  # what goes on or goes wrong, and of which kind
    BEARINGS = 6  # where one is, since when, how many more
    USEFUL = 5  # which site, which filter, what hinders
    ASIDE = 4  # what another place tells as well
    HINT = 3  # how old, how sorted, what to press
    CALM = 2  # that all is as it should be
    SPARE = 1  # the rest of a name, and what can be looked up


Shape = Callable[[int], Content]  # what stands there within so many cells: nothing where it has too few
# One thing that is said, in shapes from the shortest to the fullest. None may be worth more than the one before it: it would
# have room first, and others would make way for what the shorter one says as well.
Part = Sequence[tuple[Worth, Shape]]


def whole(text: str | Content, style: str = "") -> Shape:
    """As it is, or not at all."""
    content = Content.styled(text, style) if isinstance(text, str) else text
    return lambda room: content if content.cell_length <= room else Content("")


def name(text: str, *, most: int | None = None) -> Shape:
    """Cut where it has to be, and wherever it is longer than `most`."""
    return lambda room: Content(shortened(text, room if most is None else min(most, room)))


def brief(worth: Worth, text: str, *, most: int = BRIEF, full: Worth = Worth.SPARE) -> Part:
    """A name cut to so many cells, and as long as it is once whatever is worth more than `full` stands."""
    return [(worth, name(text, most=most)), (full, name(text))]


def dim(part: Part) -> Part:
    return [(worth, partial(_dim, shape)) for worth, shape in part]


def _dim(shape: Shape, room: int) -> Content:
    return shape(room).stylize("dim")


def forms_that_fit(parts: Sequence[Part], room: int, gap: int = 1) -> list[Content]:
    """What stands of each part, with so many cells between two; nothing of those that have no room."""
    chosen, left = [Content("")] * len(parts), room + gap
    ranked = [(worth, place, shape) for place, part in enumerate(parts) for worth, shape in part]
    for _, place, shape in sorted(ranked, key=lambda one: -one[0]):
        taken = _taken(chosen[place], gap)
        fuller = shape(left + taken - gap)
        if fuller.cell_length > chosen[place].cell_length:
            chosen[place], left = fuller, left + taken - _taken(fuller, gap)
    return chosen


def _taken(content: Content, gap: int) -> int:
    return content.cell_length + gap if content.plain else 0


def joined(contents: Sequence[Content], gap: int = 1) -> Content:
    """Those of them that are there."""
    return Content(" " * gap).join([content for content in contents if content.plain])


def both_ends(left: Sequence[Part], right: Sequence[Part], width: int) -> Content:
    """As wide as the screen; they share the room."""
    chosen = forms_that_fit([*left, *right], width)
    first, last = joined(chosen[: len(left)]), joined(chosen[len(left) :])
    return Content.assemble(first, " " * max(0, width - first.cell_length - last.cell_length), last)
