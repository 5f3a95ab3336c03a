"""One line of a journal: its envelope, its checksum, and what a whole file of them says. Pure but for reading the file.

    {"v":1,"n":1053,"t":"…Z","k":"put","id":"…","d":{…},"crc":"fc6c7a5d"}

`n` rises by one from line to line; `k` is head, put, del or bye; `crc` is CRC-32 (zlib) over the bytes before `,"crc":"`,
so it is checked on raw bytes and needs no canonical JSON.

A generation starts with `head`: `d` = {gen, epoch, items, upto, app}. The `items` puts that follow are the live items at
the rewrite, each with the `n` of its last change (so numbers may skip there, never fall); what comes after counts on
from `upto` without a gap.
"""

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import msgspec
from msgspec import Raw, Struct

VERSION: Final = 1
_CRC_MARK: Final = b',"crc":"'
_CRC_BYTES: Final = len(_CRC_MARK) + 8 + 2
_VERSION_FIELD: Final = re.compile(rb'\{"v":(\d+),')


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


_decoder: Final = msgspec.json.Decoder(Line)
_head_decoder: Final = msgspec.json.Decoder(Head)


def decode_line(raw: bytes) -> Line | None:
    """The envelope of a whole, undamaged line (its LF may be missing), or None."""
    text = raw[:-1] if raw.endswith(b"\n") else raw
    body, mark = text[:-_CRC_BYTES], text[-_CRC_BYTES:]
    if mark != b'%s%08x"}' % (_CRC_MARK, zlib.crc32(body)):
        return None
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def newer_version(raw: bytes) -> int | None:
    """The version of a line that a later program wrote, or None."""
    found = _VERSION_FIELD.match(raw)
    version = int(found.group(1)) if found else VERSION
    return version if version > VERSION else None


@dataclass(kw_only=True)
class Scan:
    """What one file says. `live` maps an id to (n, document), in the order of n."""

    live: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    head: Head | None = None
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
        return self.head is not None and self.lines > self.head.items

    def take(self, line: Line) -> None:
        """Apply one good line. Numbers that fall are a stale or doubled line and count as damage."""
        if self.lines and line.n <= self.last_n:
            self.damaged += 1
            return
        if self.head is not None and self.lines > self.head.items:
            self.gap += line.n - max(self.last_n, self.head.upto) - 1
        self.lines += 1
        self.last_n = line.n
        self.bye = line.k == "bye"
        self._apply(line)

    def _apply(self, line: Line) -> None:
        if line.k == "head" and self.lines == 1:
            self.head = _head_decoder.decode(line.d)
        elif line.k == "put":
            self.live.pop(line.id, None)  # re-inserted, so that the order stays the order of n
            self.live[line.id] = (line.n, bytes(line.d))
        elif line.k == "del":
            self.live.pop(line.id, None)


def scan(file: BinaryIO | Iterable[bytes]) -> Scan:
    """Read a journal from its start; damage is counted, never raised. Raises OSError where the disk can't be read."""
    found = Scan()
    bad = 0
    for raw in file:
        found.size += len(raw)
        line = decode_line(raw)
        if line is None:
            found.newer = found.newer or newer_version(raw)
            bad += 1
            continue
        found.damaged, bad = found.damaged + bad, 0
        found.take(line)
        found.good_end = found.size
        found.clean_end = raw.endswith(b"\n")
    if found.head is not None and found.complete:
        found.last_n = max(found.last_n, found.head.upto)
    return found
