"""What a whole file of lines says: the newest line of each live id, and everything that is wrong with it.

Damage is counted, never raised, and costs only the lines it hit.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO, Final

from core.journal.lines import (
    Head,
    Line,
    Numbered,
    crc_of,
    decode_head,
    decode_line,
    foreign_version,
    newer_version,
)

LONGEST_LINE: Final = 16 * 1024 * 1024
_KNOWN: Final = frozenset({"head", "put", "del", "bye"})
_NEVER_LISTED: Final = _KNOWN - {"put"}


@dataclass(kw_only=True)
class Scan:
    """`live` maps an id to its newest line, in the order of n; `ended` an id to the n of its end; `unknown` are whole lines
    of kinds that only a newer program understands.
    """

    live: dict[str, Numbered] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    unknown: list[Numbered] = field(default_factory=list)
    head: Head | None = None
    head_document: bytes = b"{}"
    last_n: int = 0
    lines: int = 0
    good_end: int = 0  # the offset behind the last good line
    size: int = 0
    damaged: int = 0  # bad lines that good ones follow, lines out of their order, lines that were put in
    gap: int = 0  # numbers missing between good lines
    clean_end: bool = True  # the last good line has its LF
    bye: bool = False
    newer: int | None = None
    _listed: int = 0  # good lines among those that the head announces
    _sum: int = 0  # of their checksums
    _astray: list[tuple[Line, bytes]] = field(default_factory=list)
    _unknown_numbers: set[int] = field(default_factory=set)
    _skipped: list[range] = field(default_factory=list)

    @property
    def torn(self) -> int:
        """Bytes behind the last good line."""
        return self.size - self.good_end

    @property
    def complete(self) -> bool:
        """Whether every line that the head announces is there."""
        head = self.head
        return head is not None and self._listed >= head.items and head.sum in {None, self._sum}

    @property
    def sound(self) -> bool:
        """Whether nothing was lost or put in but, perhaps, at the very end."""
        return self.complete and not self.damaged and not self.gap

    def take(self, line: Line, raw: bytes) -> None:
        """Apply one good line; `raw` is the line as it stands. A number that does not rise waits for the end."""
        n = line.n
        if n <= self.last_n and self.lines:
            self.damaged += 1
            self._astray.append((line, raw))
            return
        head = self.head
        if head is not None:
            if n <= head.upto:
                self._list(line, raw)
            elif n - 1 > max(self.last_n, head.upto):
                self._skipped.append(range(max(self.last_n, head.upto) + 1, n))
        self.lines += 1
        self.last_n = n
        self.bye = line.k == "bye"
        if line.k == "head" and self.lines == 1:
            self.head = decode_head(line)
            self.head_document = b"{}" if self.head is None else bytes(line.d)
        else:
            self._apply(line, raw)

    def _apply(self, line: Line, raw: bytes) -> None:
        item_id = line.id
        if line.k == "put":
            # Re-inserted, so that the order stays the order of n.
            self.live.pop(item_id, None)
            self.live[item_id] = (line.n, raw)
        elif line.k == "del":
            self.live.pop(item_id, None)
            self.ended[item_id] = line.n
        elif line.k not in _KNOWN:
            self.unknown.append((line.n, raw))
            self._unknown_numbers.add(line.n)

    def finish(self) -> None:
        """A line out of its order counts where it fills a hole: else it is a doubled one, or an old block of the card."""
        complete = self.complete
        for line, raw in self._astray:
            skipped = self._is_skipped(line.n)
            missing = not complete and self.head is not None and line.n <= self.head.upto
            if not (skipped or missing or self.head is None) or self._has(line):
                continue
            if missing:
                self._list(line, raw)
            self._apply(line, raw)
        found_again = {line.n for line, _ in self._astray}
        if self.head is not None:
            self.damaged += max(0, self._listed - self.head.items)
        self.gap = sum(map(len, self._skipped)) - sum(map(self._is_skipped, found_again))
        if self._astray:
            self.live = dict(sorted(self.live.items(), key=lambda item: item[1][0]))
        if self.head is not None and self.complete:
            self.last_n = max(self.last_n, self.head.upto)

    def _is_skipped(self, n: int) -> bool:
        """Whether no line of this number stood where it belongs."""
        at = bisect_right(self._skipped, n, key=lambda numbers: numbers.start)
        return at > 0 and n in self._skipped[at - 1]

    def _has(self, line: Line) -> bool:
        """Whether this line or a newer one of its item was applied."""
        if line.k not in _KNOWN:
            return line.n in self._unknown_numbers
        return line.n <= max(self.live.get(line.id, (0, b""))[0], self.ended.get(line.id, 0))

    def _list(self, line: Line, raw: bytes) -> None:
        if line.k in _NEVER_LISTED:  # of an older generation: an old block of the card
            self.damaged += 1
        else:
            self._listed += 1
            self._sum += crc_of(raw)


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; one without end comes in pieces, so that no rubbish fills the memory."""
    return iter(partial(file.readline, LONGEST_LINE), b"")


def scan(file: Iterable[bytes]) -> Scan:
    """Read a journal from its start. Raises OSError where the disk can't be read."""
    found = Scan()
    take = found.take
    bad, size, first = 0, 0, b""
    for raw in file:
        line = decode_line(raw)
        size += len(raw)
        if line is None:
            first = raw if size == len(raw) else first
            found.newer = found.newer or newer_version(raw)
            bad += 1
            continue
        if bad:
            found.damaged, bad = found.damaged + bad, 0
        found.good_end = size
        found.clean_end = raw.endswith(b"\n")
        take(line, raw if found.clean_end else raw + b"\n")
    found.size = size
    if not found.lines:
        found.newer = found.newer or foreign_version(first)
    found.finish()
    return found
