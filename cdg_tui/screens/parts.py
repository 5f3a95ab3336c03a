"""A line made of parts, none of which is cut where that would make it say something else: a name is cut with a mark, a number
and a word never are; what doesn't fit makes way whole, for whatever matters more. Pure.
"""

from collections.abc import Callable, Sequence
from functools import partial

from textual.content import Content

from cdg_tui.text import shortened

Form = Callable[[int], Content]  # what stands there within so many cells: nothing where it has too few
# The forms of one thing that is said, each fuller than the one before, with what it is worth: what is worth most has room first.
Part = Sequence[tuple[int, Form]]


def whole(text: str | Content, style: str = "") -> Form:
    """As it is, or not at all."""
    content = Content.styled(text, style) if isinstance(text, str) else text
    return lambda room: content if content.cell_length <= room else Content("")


def name(text: str, style: str = "", *, most: int | None = None) -> Form:
    """Cut where it has to be, and wherever it is longer than `most`."""
    return lambda room: Content.styled(shortened(text, room if most is None else min(most, room)), style)


def dim(part: Part) -> Part:
    return [(worth, partial(_dim, form)) for worth, form in part]


def _dim(form: Form, room: int) -> Content:
    return form(room).stylize("dim")


def that_fit(parts: Sequence[Part], room: int, gap: int = 1) -> list[Content]:
    """What stands of each part, with so many cells between two; nothing of those that have no room."""
    chosen, left = [Content("")] * len(parts), room + gap
    ranked = [(worth, place, form) for place, part in enumerate(parts) for worth, form in part]
    for _, place, form in sorted(ranked, key=lambda one: -one[0]):
        taken = _taken(chosen[place], gap)
        fuller = form(left + taken - gap)
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
    chosen = that_fit([*left, *right], width)
    first, last = joined(chosen[: len(left)]), joined(chosen[len(left) :])
    return Content.assemble(first, " " * max(0, width - first.cell_length - last.cell_length), last)
