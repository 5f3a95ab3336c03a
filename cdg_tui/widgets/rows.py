"""What a table is made of: columns and rows. Values only."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Column:
    """`width` in cells; `grow` shares in what is left over. `right` for numbers."""

    title: str
    width: int
    grow: int = 0
    right: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """`key` is its identity. `styles` colours single cells by their index, `style` the whole line."""

    key: str
    cells: tuple[str, ...]
    style: str = ""
    styles: tuple[tuple[int, str], ...] = ()
