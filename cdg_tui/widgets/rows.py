"""What a table is made of: columns and rows. Values only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar, overload

Item = TypeVar("Item")

GAP: Final = 1  # cells between two columns
BREATH: Final = 8  # for long names, before there is a column more


@dataclass(frozen=True, kw_only=True)
class Column:
    """`width` in cells; `grow` shares in what is left over. `right` for numbers."""

    title: str
    width: int
    grow: int = 0
    right: bool = False


@dataclass(frozen=True, kw_only=True)
class Field(Column, Generic[Item]):
    """A column with what stands in it about an item. One that is `spare` is only there where there is room for it: 1 before 2;
    one that is `coloured` has the colour of the item's state.
    """

    text: Callable[[Item], str] = field(compare=False)  # made anew each time, though the column is the same
    spare: int = 0
    coloured: bool = False


def left_over(columns: Sequence[Column], room: int) -> int:
    """What these leave of so many cells; below zero what they lack."""
    return room + GAP - sum(column.width + GAP for column in columns)


def widths(columns: Sequence[Column], room: int) -> list[int]:
    """What each of them gets of so many cells."""
    left, shares = max(0, left_over(columns, room)), sum(column.grow for column in columns)
    return [column.width + (left * column.grow // shares if shares else 0) for column in columns]


def columns_that_fit(fields: Sequence[Field[Item]], room: int) -> tuple[Field[Item], ...]:
    """Those that are always there, and of the others as many as there are cells for, in the same order."""
    taken = [one for one in fields if not one.spare]
    for one in sorted((one for one in fields if one.spare), key=lambda one: one.spare):
        if left_over([*taken, one], room) >= BREATH:
            taken.append(one)
    return tuple(one for one in fields if one in taken)


@dataclass(frozen=True, kw_only=True)
class Row:
    """`key` is its identity. `styles` colours single cells by their index, `style` the whole line."""

    key: str
    cells: tuple[str, ...]
    style: str = ""
    styles: tuple[tuple[int, str], ...] = ()


def row_of(key: str, fields: Sequence[Field[Item]], item: Item, style: str = "") -> Row:
    """What stands in these about the item, whose state has this colour."""
    styles = tuple((place, style) for place, one in enumerate(fields) if one.coloured) if style else ()
    return Row(key=key, cells=tuple(one.text(item) for one in fields), styles=styles)


class Unmade(Sequence[Row], Generic[Item]):
    """A row of each item, made when somebody looks at it, and kept: of a long list only some come in sight."""

    def __init__(self, items: Sequence[Item], make: Callable[[Item], Row]):
        self._items, self._make = items, make
        self._made: dict[int, Row] = {}

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self[one] for one in range(len(self))[index]]
        place = range(len(self))[index]
        if place not in self._made:
            self._made[place] = self._make(self._items[place])
        return self._made[place]
