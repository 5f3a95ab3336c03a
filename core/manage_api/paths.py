"""Which entry answers a path: literal segments win over variables, and nothing may stand in the table twice."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import unquote

Entry = TypeVar("Entry")


@dataclass(frozen=True, kw_only=True)
class PathRow(Generic[Entry]):
    """One path with its entries by method."""

    segments: tuple[str, ...]
    methods: dict[str, Entry] = field(default_factory=dict)

    def allow(self) -> str:
        """The Allow header. GET answers HEAD too."""
        return ", ".join(sorted({*self.methods, *(("HEAD",) if "GET" in self.methods else ())}))

    def entry(self, method: str) -> Entry | None:
        return self.methods.get("GET" if method == "HEAD" else method)

    def variables(self, parts: tuple[str, ...]) -> dict[str, str] | None:
        """The variables' texts where the path fits, else None. A variable is never empty."""
        if len(parts) != len(self.segments):
            return None
        found: dict[str, str] = {}
        for segment, part in zip(self.segments, parts, strict=True):
            if _is_variable(segment) and part:
                found[segment[1:-1]] = part
            elif segment != part:
                return None
        return found


class PathTable(Generic[Entry]):
    """All paths. Raises ValueError when the same method and path is added twice."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, ...], PathRow[Entry]] = {}

    def add(self, method: str, path: str, entry: Entry) -> None:
        segments = tuple(path.split("/"))
        shape = tuple("{}" if _is_variable(segment) else segment for segment in segments)
        row = self._rows.setdefault(shape, PathRow(segments=segments))
        if row.segments != segments or method in row.methods:
            raise ValueError(f"two routes for {method} {path}")
        row.methods[method] = entry
        # A literal segment sorts before a variable one, so that `/retries/drain` is never taken for an id.
        self._rows = dict(sorted(self._rows.items(), key=lambda item: [part == "{}" for part in item[0]]))

    def find(self, raw_path: str) -> tuple[PathRow[Entry], dict[str, str]] | None:
        """Split before decoding: an id may hold an encoded slash."""
        parts = tuple(unquote(part) for part in raw_path.split("/"))
        for row in self._rows.values():
            if (variables := row.variables(parts)) is not None:
                return row, variables
        return None


def _is_variable(segment: str) -> bool:
    return segment.startswith("{") and segment.endswith("}")
