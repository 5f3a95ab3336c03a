"""A journal that only grows and whose lines hang together: each names the SHA-256 of the line before it.

Beside `NAME.jsonl` stands `NAME.head`: the newest line once more, written first. So a kill or a torn end loses nothing, and
whoever cuts lines off at the end is found too. Its calls block; a loop puts them into a thread, one at a time.

Nothing bounds the file: an audit that forgets is none. A line takes some 300 bytes of the disk and 8 of memory, and each
start reads all of them.
"""

import contextlib
import errno
import hashlib
import os
from array import array
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct, field

from core.clock import Clock, utc_text
from core.journal import files
from core.journal.lines import Line, decode_line, encode_line

NOTHING: Final = "0" * 64  # what the first line names
_MOST_BREAKS: Final = 20
_Stamp = tuple[int, int, int, int]
_LONGEST_LINE: Final = 8 * 1024 * 1024  # more without an LF is none of ours: it is read in pieces, not into memory
_HIGHEST: Final = 2**53  # a number that somebody made up must not use up those that are left


class _Link(Struct, frozen=True):
    previous: str


class Chain(Struct, kw_only=True):
    """What a chain's two files say. `ends` holds where each line ends, `n` and `sha256` are those of the last one.

    `torn` are bytes of an end that is no whole line; `behind` is True where the head alone holds the newest line. `breaks`
    tells in words where something was altered, removed or put in, of very many the first; `unnamed` counts the others.
    """

    n: int = 0
    sha256: str = NOTHING
    ends: "array[int]" = field(default_factory=lambda: array("Q"))
    torn: bytes = b""
    behind: bool = False
    breaks: list[str] = []
    unnamed: int = 0

    @property
    def lines(self) -> int:
        return len(self.ends)

    @property
    def size(self) -> int:
        return self.ends[-1] if self.ends else 0

    @property
    def told(self) -> tuple[str, ...]:
        """The breaks, and how many more there are."""
        return (*self.breaks, *([f"and {self.unnamed} more"] if self.unnamed else []))

    def broken(self, what: str) -> None:
        if len(self.breaks) < _MOST_BREAKS:
            self.breaks.append(what)
        else:
            self.unnamed += 1

    def add(self, raw: bytes) -> None:
        """One more line with its LF."""
        line = _decoded(raw)
        if line is None:
            self.broken(f"line {self.lines + 1} is altered")
            self.n += 1
        else:
            if line.n != self.n + 1 or _previous(line) != self.sha256:
                self.broken(_gap(self.lines, line.n, self.n))
            self.n = line.n
        self.sha256 = hashlib.sha256(raw).hexdigest()
        self.ends.append(self.size + len(raw))

    def leave_out(self, n: int) -> None:
        """Go on behind number `n`, which no line has: so what is broken here stays so."""
        self.broken(_gap(self.lines, n + 1, self.n))
        self.n = n


def _gap(lines: int, n: int, before: int) -> str:
    return f"line {lines + 1} (number {n}) does not follow the one before it (number {before})"


def _decoded(raw: bytes) -> Line | None:
    line = decode_line(raw) if raw.endswith(b"\n") else None
    return line if line is not None and 0 < line.n <= _HIGHEST else None


def _previous(line: Line) -> str | None:
    try:
        return msgspec.json.decode(line.d, type=_Link).previous
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def read_chain(path: Path) -> Chain:
    """What the file at `path` and its head say. A head that is one line ahead is no break: the core was ended, or is, between
    the two; `torn` is then what there is of that line. Raises OSError.
    """
    chain, head = Chain(), _read_head(path)
    for raw in _pieces(path):
        if chain.torn:
            chain.add(chain.torn)
        whole = raw.endswith(b"\n")
        chain.torn = b"" if whole else raw
        if whole:
            chain.add(raw)
    _compare(chain, head)
    return chain


def _compare(chain: Chain, head: bytes | None) -> None:
    line = _decoded(head) if head is not None else None
    if head is None:
        if chain.lines or chain.torn:
            chain.broken("the head is missing")
    elif line is None:
        chain.broken("the head is altered")
    elif chain.lines and hashlib.sha256(head).hexdigest() == chain.sha256:
        if chain.torn:
            chain.broken("the end is no whole line")
    elif line.n == chain.n + 1 and _previous(line) == chain.sha256 and head.startswith(chain.torn):
        chain.behind = True
    else:
        chain.broken(f"the last line is number {chain.n} and not {line.n}, or another one")


def _read_head(path: Path) -> bytes | None:
    try:
        with _open(path.with_suffix(".head")) as file:
            return file.read(_LONGEST_LINE)
    except FileNotFoundError:
        return None


def _pieces(path: Path) -> Iterator[bytes]:
    """The lines; of what is none the pieces."""
    try:
        with _open(path) as file:
            while raw := file.readline(_LONGEST_LINE):
                yield raw
    except FileNotFoundError:
        return


def _open(path: Path) -> BinaryIO:
    found = files.open_read(path)
    if found is None:
        raise OSError(errno.EINVAL, "is no file", str(path))
    return os.fdopen(found[0], "rb")


def _stamp(found: os.stat_result) -> _Stamp:
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class ChainLog:
    """Open to append. What is altered stays where it is: the chain goes on behind it, with a number left out, so that it is
    found for good. A directory, link or pipe in the place of a file is moved aside. Raises OSError.
    """

    def __init__(self, path: Path, clock: Clock):
        self._path, self._head, self._clock = path, path.with_suffix(".head"), clock
        files.make_directory(path.parent)
        self._half = False  # whether a write of ours left bytes behind that could not be taken back
        self._stamp: _Stamp | None = None  # of the file as we left it
        self.chain = self._opened()

    def _opened(self, known: Chain | None = None) -> Chain:
        """What there is. That all hangs together, and yet what we knew to be the end is not the end, is a break too."""
        for path in (self._path, self._head):
            files.make_way(path)
        self._stamp = self._found()
        chain, head = read_chain(self._path), _read_head(self._path)
        ends = {(chain.n, chain.sha256)}
        if chain.behind and head is not None:
            self._put(chain, head)
            ends.add((chain.n, chain.sha256))
        elif chain.torn:
            self._write(chain.size + len(chain.torn), b"\n")
            chain.add(chain.torn + b"\n")
            chain.torn = b""
        line = _decoded(head) if head is not None else None
        newest = max(chain.n, line.n if line is not None else 0, known.n if known is not None else 0)
        unlike = bool(chain.breaks) and hashlib.sha256(head or b"").hexdigest() != chain.sha256
        lost = known is not None and (known.n, known.sha256) not in ends and set(chain.told) <= set(known.told)
        if unlike or lost:
            chain.leave_out(newest + 1)
        return chain

    def append(self, item_id: str, document: bytes) -> None:
        """Write one line, a JSON object with at least one member, and sync it. Raises OSError: the file is as it was then, but
        the head may have the line, and a start before the next append puts it there.
        """
        if self._found() != self._stamp and not self._half:  # somebody else had a hand in it
            self.chain = self._opened(self.chain)
        chain = self.chain
        linked = b'{"previous":"%s",' % chain.sha256.encode() + document[1:]
        line = encode_line(chain.n + 1, utc_text(self._clock.now()), "put", item_id, linked)
        files.make_way(self._head)
        files.replace_file(self._head, line)
        self._put(chain, line)

    def _put(self, chain: Chain, line: bytes) -> None:
        self._write(chain.size, line)
        chain.torn, chain.behind = b"", False
        chain.add(line)

    def _found(self) -> _Stamp | None:
        try:
            return _stamp(self._path.stat(follow_symlinks=False))
        except FileNotFoundError:
            return None

    def _write(self, end: int, data: bytes) -> None:
        """Behind the first `end` bytes; what a failed write left there goes."""
        fd = files.open_append(self._path)
        try:
            os.ftruncate(fd, end)
            self._half = False
            try:
                files.write_all(fd, data)
                files.sync_whole(fd, end + len(data))
            except OSError:
                self._half = True
                with contextlib.suppress(OSError):
                    os.ftruncate(fd, end)
                    self._half = False
                raise
            finally:
                self._stamp = _stamp(os.fstat(fd))
        finally:
            os.close(fd)
        if end == 0:
            files.sync_directory(self._path.parent)

    def lines(self) -> Iterator[bytes]:
        """All of them, each with its LF, as they stand in the file. Raises OSError."""
        return _pieces(self._path)

    def newest_first(self, start: int | None = None) -> Generator[tuple[int, bytes]]:
        """The lines before the place `start` (from 0), each with its place. Others may append meanwhile. Raises OSError."""
        ends = self.chain.ends
        with _open(self._path) as file:
            for place in range(min(len(ends), len(ends) if start is None else start) - 1, -1, -1):
                begin = ends[place - 1] if place else 0
                file.seek(begin)
                yield place, file.read(ends[place] - begin)
