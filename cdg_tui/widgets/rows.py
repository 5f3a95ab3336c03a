"""What a table is made of: columns and rows. Values only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

Item = TypeVar("Item")


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
