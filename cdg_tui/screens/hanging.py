"""Text beside a label: what doesn't fit into one line goes on below the text, not below the label. Pure."""

from textual.content import Content

from cdg_tui.text import wrapped


def hanging(label: Content, text: Content, room: int | None, indent: int | None = None) -> Content:
    """In so many columns; None or 0 where nobody knows yet how many there are. `indent` is how far to the right it goes on,
    which is below the text unless it is given. Where that leaves no room worth it, all is one line, to be broken as any other.
    """
    column = label.cell_length
    further = column if indent is None else indent
    if not room or 2 * max(column, further) > room:
        return Content.assemble(label, text)
    first, *more = _broken(text, room - max(column, further))
    before = " " * further
    return Content("\n").join([Content.assemble(label, first), *(Content.assemble(before, line) for line in more)])


def _broken(text: Content, width: int) -> list[Content]:
    lines, at = [], 0
    for line in wrapped(text.plain, width):
        at = text.plain.index(line, at)
        lines.append(text[at : at + len(line)])
        at += len(line)
    return lines
