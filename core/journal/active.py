"""The one file that a journal appends to, and the one routine that replaces it. Blocking; one thread at a time.

After a failed write or sync a descriptor is never used again: the kernel drops pages it could not write, and a second sync
would report success for them. The next `rewrite` makes a new file from memory.
"""

import contextlib
import ctypes
import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from core.clock import Clock, utc_text
from core.errors import JournalError
from core.journal import files
from core.journal.quarantine import Quarantine, Report
from core.journal.recovery import Recovered, look

AHEAD_BYTES, AHEAD_GROUPS = 64 * 1024, 4
_KEEP_SIZE: Final = 1  # FALLOC_FL_KEEP_SIZE, which os.posix_fallocate does not offer
_fallocate: Final = getattr(ctypes.CDLL(None), "fallocate64", None)  # off_t in 64 bits on every machine


class ActiveFile:
    """`path` with its size, lines and the time its syncs take; closed until `open` or `rewrite`."""

    def __init__(self, path: Path, found: Recovered, quarantine: Quarantine, clock: Clock):
        self._path, self._quarantine, self._clock = path, quarantine, clock
        self.accident: Report | None = found.accident  # to be kept before the next rewrite
        self._trusted = found.trusted  # it holds everything, so it may be kept as the generation before
        self._fd: int | None = None
        self.lines, self.size = found.lines, found.size
        self._home = files.identity(path.parent)
        self._held = 0  # up to where blocks are given to the file
        self.last_sync_ms = self.worst_sync_ms = 0.0

    @property
    def is_open(self) -> bool:
        return self._fd is not None

    def open(self) -> None:
        """Go on with the file as it was found. Raises OSError."""
        self._fd = files.open_existing(self._path)

    def append(self, data: bytes, lines: int) -> None:
        """One write and one sync. Raises OSError, after which the file is closed."""
        fd = self._opened()
        written = False
        self._hold_ahead(fd, len(data))
        try:
            files.write_all(fd, data)
            written = True
            started_s = self._clock.steady()
            os.fdatasync(fd)
        except OSError:
            self._trusted = self._trusted and not written
            self._poison()
            raise
        self.last_sync_ms = (self._clock.steady() - started_s) * 1000
        self.worst_sync_ms = max(self.last_sync_ms, self.worst_sync_ms)
        self.size += len(data)
        self.lines += lines

    def check(self) -> None:
        """Raises OSError, after which the file is closed, where it is no longer the one that we write."""
        try:
            self._check_home()
            files.check_ours(self._opened(), self._path, self.size)
        except OSError:
            self._trusted = False
            self.close()
            self.accident = self.accident or self._stranger()
            raise

    def _check_home(self) -> None:
        """The lock holds this directory and no other that got its name: another core may write there."""
        if files.identity(self._path.parent) != self._home:
            raise OSError(errno.ESTALE, "the data directory was moved or replaced; put it back, or restart the guard")

    def _stranger(self) -> Report | None:
        """What stands in the file's place now; it is kept before it is replaced."""
        try:
            self._check_home()
            found = look(self._path)
        except (JournalError, OSError):
            return None
        if found.accident is not None:
            return found.accident
        if found.scan is None:
            return Report(reason="missing", damaged_lines=1)
        return Report(reason="replaced", bytes=found.scan.size, last_n=found.scan.last_n, damaged_lines=1)

    def rewrite(self, generation: Iterable[bytes], lines: int) -> None:
        """Replace the file: what was damaged goes to quarantine first, then write new, sync, rename, sync the directory.

        Raises OSError; the file is then as it was, open if it was open, or closed where the rename is not certain.
        """
        self._check_home()
        if self.accident is not None:
            self._quarantine.keep(self.accident, self._path, utc_text(self._clock.now()))
            self.accident = None
        new = files.new_of(self._path)
        fd = files.create_new(new)
        try:
            size = files.fill(fd, generation)
            if self._trusted:
                files.keep_previous(self._path)
            new.replace(self._path)
        except OSError:
            os.close(fd)
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
            raise
        self.close()
        self._fd, self._trusted, self.lines, self.size, self._held = fd, True, lines, size, size
        try:
            files.sync_directory(self._path.parent)
        except OSError:
            self.close()
            raise

    def make_room(self) -> bool:
        """Give up the reserve, and the generation before where this one holds everything; whether that was any."""
        spare = [self._path.parent / files.RESERVE]
        if self._trusted and self.accident is None:
            spare.append(files.previous_of(self._path))
        return files.make_room(*spare)

    def hold_reserve(self) -> None:
        with contextlib.suppress(OSError):  # the next quiet moment comes
            self._check_home()
            files.hold_reserve(self._path.parent)

    def close(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            with contextlib.suppress(OSError):  # what it reports was reported by a write or a sync before
                os.close(fd)

    def _hold_ahead(self, fd: int, count: int) -> None:
        """Take blocks for many appends at once: else the sync of nearly each group writes the file system's maps as well.

        Blocks alone, the size stays; where there are none, the write finds them or says so.
        """
        end = self.size + count
        if end > self._held and _fallocate is not None:
            ahead = max(AHEAD_BYTES, AHEAD_GROUPS * count)
            _fallocate(fd, _KEEP_SIZE, ctypes.c_int64(self.size), ctypes.c_int64(count + ahead))
            self._held = end + ahead

    def _opened(self) -> int:
        if self._fd is None:
            raise OSError(errno.EBADF, "the file is closed")
        return self._fd

    def _poison(self) -> None:
        """Cut off what may be half a line, so that a start on this file finds no torn end; then let go of it."""
        fd = self._opened()
        with contextlib.suppress(OSError):
            os.ftruncate(fd, self.size)
        self.close()
