"""A journal that only grows and whose lines hang together: each names the SHA-256 of the line before it.

Beside `NAME.jsonl` stands `NAME.head`: the newest line once more, written first. So a kill or a torn end loses nothing, and
whoever cuts lines off at the end is found too. Its calls block; a loop puts them into a thread.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from core.clock import Clock, utc_text
from core.journal import files
from core.journal.lines import Line, decode_line, encode_line

NOTHING: Final = "0" * 64  # what the first line names
_MOST_BREAKS: Final = 20


class _Link(Struct, frozen=True):
    previous: str


class Chain(Struct, kw_only=True):
    """What a chain's two files say. `breaks` tells in words where something was altered, removed or put in; `torn` are bytes
    of an end that is no whole line; `behind` is True where the head alone holds the newest line. `at` holds where each line begins.
    """

    n: int = 0
    sha256: str = NOTHING
    size: int = 0
    torn: bytes = b""
    behind: bool = False
    breaks: list[str] = []
    at: list[int] = []

    @property
    def lines(self) -> int:
        return len(self.at)

    def broken(self, what: str) -> None:
        if len(self.breaks) < _MOST_BREAKS:
            self.breaks.append(what)

    def add(self, raw: bytes) -> None:
        """One more line with its LF."""
        line = decode_line(raw)
        if line is None:
            self.broken(f"line {self.lines + 1} is altered")
            self.n += 1
        else:
            self._join(line)
        self.at.append(self.size)
        self.size += len(raw)
        self.sha256 = hashlib.sha256(raw).hexdigest()

    def _join(self, line: Line) -> None:
        if line.n != self.n + 1 or _previous(line) != self.sha256:
            self.broken(f"line {self.lines + 1} (number {line.n}) does not follow the one before it (number {self.n})")
        self.n = line.n


def _previous(line: Line) -> str | None:
    try:
        return msgspec.json.decode(line.d, type=_Link).previous
    except msgspec.DecodeError:
        return None


def read_chain(path: Path) -> Chain:
    """What the file at `path` and its head say. A head that is one line ahead is no break: the core was ended, or is, between
    the two; `torn` is then what there is of that line. Raises OSError.
    """
    chain, head = Chain(), _read_head(path)
    for raw in _lines(path):
        if raw.endswith(b"\n"):
            chain.add(raw)
        else:
            chain.torn = raw
    _compare(chain, head)
    return chain


def _compare(chain: Chain, head: bytes | None) -> None:
    if head is None:
        if chain.lines or chain.torn:
            chain.broken("the head is missing")
        return
    line = decode_line(head)
    if line is None:
        chain.broken("the head is altered")
    elif chain.lines and hashlib.sha256(head).hexdigest() == chain.sha256:
        if chain.torn:
            chain.broken("the end is no whole line")
    elif _is_next(chain, line) and head.startswith(chain.torn):
        chain.behind = True
    else:
        chain.broken(f"the last line is number {chain.n} and not {line.n}, or another one")


def _is_next(chain: Chain, line: Line) -> bool:
    return line.n == chain.n + 1 and _previous(line) == chain.sha256


def _read_head(path: Path) -> bytes | None:
    try:
        return path.with_suffix(".head").read_bytes()
    except FileNotFoundError:
        return None


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except FileNotFoundError:
        return


class ChainLog:
    """Open to append. What is altered stays where it is: the chain goes on behind it, with a number left out, so that it is
    found for good. Raises OSError.
    """

    def __init__(self, path: Path, clock: Clock):
        self._path, self._head, self._clock = path, path.with_suffix(".head"), clock
        files.make_directory(path.parent)
        self._half = False  # whether a write of ours left bytes behind that could not be taken back
        self.chain = self._opened()

    def _opened(self) -> Chain:
        chain, head = read_chain(self._path), _read_head(self._path)
        line = decode_line(head) if head is not None else None
        if chain.behind and head is not None:
            self._put(chain, head)
            return chain
        if chain.torn:
            self._write(chain.size + len(chain.torn), b"\n")
            chain.add(chain.torn + b"\n")
        if chain.breaks and (line is None or hashlib.sha256(head or b"").hexdigest() != chain.sha256):
            chain.n = max(chain.n, line.n if line is not None else 0) + 1
        return chain

    def append(self, item_id: str, document: bytes) -> None:
        """Write one line, a JSON object with at least one member, and sync it. Raises OSError: nothing was written then."""
        chain = self.chain
        if self._size() != chain.size and not self._half:  # somebody else had a hand in it
            chain = self.chain = self._opened()
        linked = b'{"previous":"%s",' % chain.sha256.encode() + document[1:]
        line = encode_line(chain.n + 1, utc_text(self._clock.now()), "put", item_id, linked)
        files.write_file(self._head.with_suffix(".head.new"), [line])
        self._head.with_suffix(".head.new").replace(self._head)
        files.sync_directory(self._path.parent)
        self._put(chain, line)

    def _put(self, chain: Chain, line: bytes) -> None:
        self._write(chain.size, line)
        chain.torn, chain.behind = b"", False
        chain.add(line)

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

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
            os.close(fd)
        if end == 0:
            files.sync_directory(self._path.parent)

    def lines(self) -> Iterator[bytes]:
        """All of them, each with its LF, as they stand in the file. Raises OSError."""
        return _lines(self._path)

    def read(self, index: int) -> bytes:
        """The line at this place, from 0. Raises OSError, and IndexError where there is none."""
        at, chain = self.chain.at[index], self.chain
        end = chain.at[index + 1] if index + 1 < chain.lines else chain.size
        with self._path.open("rb") as file:
            file.seek(at)
            return file.read(end - at)
