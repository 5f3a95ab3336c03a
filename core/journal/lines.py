"""One line of a journal: its envelope, its checksum, and what a whole file of them says. Pure but for reading the file.

    {"v":1,"n":1053,"t":"…Z","k":"put","id":"…","d":{…},"crc":"fc6c7a5d"}

`n` rises by one from line to line; `k` is head, put, del or bye; `crc` is CRC-32 (zlib) over the bytes before `,"crc":"`,
so it is checked on raw bytes and needs no canonical JSON. A later version keeps this frame (`v` first, `crc` last), so
that its lines are told from a flipped bit in ours.

A generation starts with `head`: `d` = {gen, epoch, items, upto, app}. The `items` puts that follow are the live items at
the rewrite, each with the `n` of its last change (so numbers may skip there, never fall); what comes after counts on
from `upto` without a gap.
"""

import contextlib
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import msgspec
from msgspec import Raw, Struct

VERSION: Final = 1
CHUNK_LINES: Final = 1000  # a rewrite holds no second copy of everything in memory
_CRC_MARK: Final = b',"crc":"'
_CRC_BYTES: Final = len(_CRC_MARK) + 8 + 2
_VERSION_FIELD: Final = re.compile(rb'\{"v":(\d{1,9}),')


class Head(Struct, frozen=True, kw_only=True):
    """The first line of a generation: how many items it holds and up to which `n` they count."""

    gen: int
    epoch: str
    items: int
    upto: int
    app: str = ""


class Line(Struct, frozen=True, gc=False):
    """The decoded envelope; `d` stays bytes."""

    n: int
    k: str
    id: str = ""
    d: Raw = Raw(b"null")


def encode_line(n: int, t: str, kind: str, item_id: str, document: bytes) -> bytes:
    """One whole line with its LF. `document` must be JSON without a raw line feed, as every encoder here makes it."""
    body = b'{"v":%d,"n":%d,"t":"%s","k":"%s","id":%s,"d":%s' % (
        VERSION,
        n,
        t.encode(),
        kind.encode(),
        msgspec.json.encode(item_id),
        document,
    )
    return b'%s%s%08x"}\n' % (body, _CRC_MARK, zlib.crc32(body))


def generation(head: Head, items: Sequence[tuple[str, tuple[int, bytes]]], t: str) -> Iterator[bytes]:
    """The lines of a whole generation, some at a time: `items` are (id, (n, document)) in the order of n."""
    first_n = items[0][1][0] if items else head.upto + 1
    yield encode_line(first_n - 1, t, "head", "", msgspec.json.encode(head))
    for start in range(0, len(items), CHUNK_LINES):
        chunk = items[start : start + CHUNK_LINES]
        yield b"".join(encode_line(n, t, "put", item_id, document) for item_id, (n, document) in chunk)


_decoder: Final = msgspec.json.Decoder(Line)
_head_decoder: Final = msgspec.json.Decoder(Head)


def decode_line(raw: bytes) -> Line | None:
    """The envelope of a whole, undamaged line (its LF may be missing), or None."""
    if not _is_whole(raw):
        return None
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _is_whole(raw: bytes) -> bool:
    text = raw.removesuffix(b"\n")
    body, mark = text[:-_CRC_BYTES], text[-_CRC_BYTES:]
    return mark == b'%s%08x"}' % (_CRC_MARK, zlib.crc32(body))


def newer_version(raw: bytes) -> int | None:
    """The version of a line that a later program wrote, or None; believed where the line's checksum bears it out."""
    found = _VERSION_FIELD.match(raw)
    version = int(found[1]) if found is not None else VERSION
    return version if version > VERSION and _is_whole(raw) else None


def foreign_version(raw: bytes) -> int | None:
    """The version that a line claims which is sound JSON, but neither framed as ours nor ours with a flipped bit."""
    found = _VERSION_FIELD.match(raw)
    version = int(found[1]) if found is not None else VERSION
    if version <= VERSION or _is_whole(_VERSION_FIELD.sub(b'{"v":%d,' % VERSION, raw, count=1)):
        return None
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return version


@dataclass(kw_only=True)
class Scan:
    """What one file says. `live` maps an id to (n, document), in the order of n; `ended` an id to the n of its end."""

    live: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    head: Head | None = None
    listed: int = 0  # good lines among those that the head announces
    last_n: int = 0
    lines: int = 0
    good_end: int = 0  # the offset behind the last good line
    size: int = 0
    damaged: int = 0  # bad lines that good ones follow
    gap: int = 0  # numbers missing between good lines
    clean_end: bool = True  # the last good line has its LF
    bye: bool = False
    newer: int | None = None

    @property
    def torn(self) -> int:
        """Bytes behind the last good line."""
        return self.size - self.good_end

    @property
    def complete(self) -> bool:
        """Whether every item that the head announces is there."""
        return self.head is not None and self.listed >= self.head.items

    def take(self, line: Line) -> None:
        """Apply one good line. Numbers that fall are a stale or doubled line and count as damage."""
        if self.lines and line.n <= self.last_n:
            self.damaged += 1
            return
        if self.head is not None and line.n > self.head.upto:
            self.gap += line.n - max(self.last_n, self.head.upto) - 1
        elif self.head is not None:
            self.listed += 1
        self.lines += 1
        self.last_n = line.n
        self.bye = line.k == "bye"
        self._apply(line)

    def _apply(self, line: Line) -> None:
        if line.k == "head" and self.lines == 1:
            with contextlib.suppress(msgspec.DecodeError):  # a head that says something else announces nothing
                self.head = _head_decoder.decode(line.d)
        elif line.k == "put":
            self.live.pop(line.id, None)  # re-inserted, so that the order stays the order of n
            self.live[line.id] = (line.n, bytes(line.d))
        elif line.k == "del":
            self.live.pop(line.id, None)
            self.ended[line.id] = line.n


def scan(file: BinaryIO | Iterable[bytes]) -> Scan:
    """Read a journal from its start; damage is counted, never raised. Raises OSError where the disk can't be read."""
    found = Scan()
    bad, foreign = 0, None
    for raw in file:
        foreign = foreign_version(raw) if found.size == 0 else foreign
        found.size += len(raw)
        found.newer = found.newer or newer_version(raw)
        line = decode_line(raw)
        if line is None:
            bad += 1
            continue
        found.damaged, bad = found.damaged + bad, 0
        found.take(line)
        found.good_end = found.size
        found.clean_end = raw.endswith(b"\n")
    if not found.lines:
        found.newer = found.newer or foreign
    if found.head is not None and found.complete:
        found.last_n = max(found.last_n, found.head.upto)
    return found
