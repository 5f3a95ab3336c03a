"""One line of a journal: its envelope and its checksum. Pure.

    {"v":1,"n":1053,"t":"…Z","k":"put","id":"…","d":{…},"crc":"fc6c7a5d"}

`n` rises by one from line to line; `k` is head, put, del or bye; `crc` is CRC-32 (zlib) over the bytes before `,"crc":"`,
so it is checked on raw bytes and needs no canonical JSON. A later version keeps this frame (`v` first, `crc` last), so
that its lines are told from a flipped bit in ours.

A generation starts with `head`: `d` = {gen, epoch, items, upto, sum, …}. The `items` lines that follow are what was live at
the rewrite, each as it was first written (so numbers may skip there, never fall; `sum` adds up their crcs, so that a line of
an older generation can't stand for one of them); what comes after counts on from `upto` without a gap. Lines are copied,
not made anew: members and kinds of a newer program of the same version survive.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct, structs

VERSION: Final = 1
CHUNK_LINES: Final = 1000  # a rewrite holds no second copy of everything in memory
_CRC_MARK: Final = b',"crc":"'
_CRC_BYTES: Final = len(_CRC_MARK) + 8 + 2
_OURS: Final = b'{"v":%d,' % VERSION
_VERSION_FIELD: Final = re.compile(rb'\{"v":(\d{1,9}),')

Numbered = tuple[int, bytes]
"""A line's number and the line itself, with its LF."""


class Head(Struct, frozen=True, kw_only=True):
    """The first line of a generation: how many lines it holds and up to which `n` they count; then what this journal
    has been through since it was first made.
    """

    gen: int
    epoch: str
    items: int
    upto: int
    sum: int | None = None
    app: str = ""
    unclean_starts: int = 0
    torn_tails: int = 0
    damaged_lines: int = 0
    lost_numbers: int = 0


class Line(Struct, frozen=True, gc=False):
    """The decoded envelope; `d` stays bytes."""

    n: Annotated[int, Meta(le=2**62)]
    k: str
    id: str = ""
    d: Raw = Raw(b"null")


def encode_line(n: int, t: str, kind: str, item_id: str, document: bytes) -> bytes:
    """One whole line with its LF. `document` must be JSON without a raw line feed, as every encoder here makes it."""
    body = b'%s"n":%d,"t":"%s","k":"%s","id":%s,"d":%s' % (
        _OURS,
        n,
        t.encode(),
        kind.encode(),
        msgspec.json.encode(item_id),
        document,
    )
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body)


def generation(head: Head, former: bytes, lines: Sequence[Numbered], t: str) -> Iterator[bytes]:
    """The bytes of a whole generation, some lines at a time. `lines` stand in the order of n; `former` is the document of
    the head before, whose members that this program does not know go along.
    """
    first_n = lines[0][0] if lines else head.upto + 1
    head = structs.replace(head, sum=sum(crc_of(line) for _, line in lines))
    document = msgspec.json.encode({**msgspec.json.decode(former), **msgspec.to_builtins(head)})
    yield encode_line(first_n - 1, t, "head", "", document)
    for start in range(0, len(lines), CHUNK_LINES):
        yield b"".join([line for _, line in lines[start : start + CHUNK_LINES]])


_decode: Final = msgspec.json.Decoder(Line).decode
_decode_head: Final = msgspec.json.Decoder(Head).decode


def decode_line(raw: bytes) -> Line | None:
    """The envelope of a whole, undamaged line of this version (its LF may be missing), or None."""
    if not raw.startswith(_OURS) or not _is_whole(raw):
        return None
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def decode_head(line: Line) -> Head | None:
    """What a generation's first line announces; a head that says something else announces nothing."""
    try:
        return _decode_head(line.d)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def document_of(line: bytes) -> bytes:
    """The document of a line that is known to be whole."""
    return bytes(_decode(line).d)


def crc_of(line: bytes) -> int:
    """The checksum that a whole line with its LF bears."""
    return int(line[-11:-3], 16)


def _is_whole(raw: bytes) -> bool:
    text = raw[:-1] if raw.endswith(b"\n") else raw
    return text[-_CRC_BYTES:] == b'%s%08x"}' % (_CRC_MARK, zlib.crc32(memoryview(text)[:-_CRC_BYTES]))


def newer_version(raw: bytes) -> int | None:
    """The version of a line that a later program wrote, or None; believed where the line's checksum bears it out."""
    found = _VERSION_FIELD.match(raw)
    version = int(found[1]) if found is not None else VERSION
    return version if version > VERSION and _is_whole(raw) else None


def foreign_version(raw: bytes) -> int | None:
    """The version that a line claims which is sound JSON, but neither framed as ours nor ours with a flipped bit."""
    found = _VERSION_FIELD.match(raw)
    version = int(found[1]) if found is not None else VERSION
    if version <= VERSION or _is_whole(_VERSION_FIELD.sub(_OURS, raw, count=1)):
        return None
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return version
