"""Journals that only grow and are never rewritten. Slow and plain: one sync for each line.

Their calls block; a loop puts them into a thread.
"""

import errno
import os
import re
import stat
import threading
from pathlib import Path
from typing import Final

from core.clock import Clock, utc_text
from core.errors import JournalError
from core.journal import files
from core.journal.lines import encode_line
from core.journal.quarantine import Quarantine, Report, names
from core.journal.recovery import look, torn_tail

OF_A_TIME: Final = re.compile(r"-\d{4,6}\.jsonl$")  # how the names of archives end


class AppendLog:
    """Open to append. A torn tail goes to quarantine and is cut off, so nothing ever stands behind damaged bytes; lines
    that are damaged in the middle stay where they are, and `damaged` counts them.

    Raises JournalError when a newer version wrote the file or it can't be read, OSError when the disk refuses.
    """

    def __init__(self, path: Path, quarantine: Quarantine, clock: Clock):
        self._path, self._quarantine, self._clock = path, quarantine, clock
        self.damaged = 0
        files.make_directory(path.parent)
        self._recover()

    def _recover(self) -> None:
        self._sure = False
        self._n = self._end = self.damaged = 0
        found = look(self._path)
        if found.accident is not None and found.accident.reason == "not_a_file":
            self._keep(found.accident)
        if (scan := found.scan) is not None:
            self._n, self._end, self.damaged = scan.last_n, scan.good_end, scan.damaged
            if scan.torn:
                self._keep(torn_tail(scan))
                os.truncate(self._path, scan.good_end)
            if not scan.clean_end:
                with self._path.open("ab") as file:
                    file.write(b"\n")
                self._end += 1
        self._sure = True

    def _keep(self, accident: Report) -> None:
        self._quarantine.keep(accident, self._path, utc_text(self._clock.now()))

    def append(self, item_id: str, document: bytes) -> None:
        """Write one line and sync it. Raises OSError, the half-written line being cut off again, or as the opening does."""
        if not self._sure:
            self._recover()
        fd = files.open_append(self._path)
        try:
            there = os.fstat(fd)
            if not stat.S_ISREG(there.st_mode):
                raise OSError(errno.EINVAL, "something that is no file stands in its place")
            if there.st_size != self._end:  # somebody removed, replaced or cut it
                self._recover()
            if self._end == 0:
                files.sync_directory(self._path.parent)
            line = encode_line(self._n + 1, utc_text(self._clock.now()), "put", item_id, document)
            self._sure = False  # until the whole line is there, or its half is gone: else the next would be glued to it
            try:
                files.write_all(fd, line)
                files.sync_whole(fd, self._end + len(line))
            except OSError:
                os.ftruncate(fd, self._end)
                raise
        finally:
            os.close(fd)
        self._n, self._end, self._sure = self._n + 1, self._end + len(line), True


class Archive:
    """What left the journals of a data directory, in `archive/NAME`: kept for good, read by people. Blocks; any thread.

    `unacknowledged` counts the accidents of its files that no person has seen.
    """

    def __init__(self, directory: Path, clock: Clock):
        self._directory, self._clock = directory, clock
        self._quarantine = directory / "quarantine"
        self.unacknowledged = self._count()
        self._logs: dict[str, AppendLog] = {}
        self._problems: dict[str, str] = {}
        self._one_at_a_time = threading.Lock()

    @property
    def problem(self) -> str | None:
        """Why something can't be archived, or what is damaged there."""
        return next(iter(self._problems.values()), None)

    def append(self, name: str, item_id: str, document: bytes) -> bool:
        """Whether it is on disk; `problem` says why not. A name is its kind and its period: `dead-202611.jsonl`."""
        kind = name.partition("-")[0]
        with self._one_at_a_time:
            try:
                found = self._logs.get(name) or self._open(name)
                found.append(item_id, document)
            except (OSError, JournalError) as error:
                self._logs.pop(name, None)
                self._problems[kind] = f"{name}: {error}"
                return False
            self._problems.pop(kind, None)
            if found.damaged:
                self._problems[kind] = f"{name}: {found.damaged} damaged lines stand in it"
            return True

    def _open(self, name: str) -> AppendLog:
        kept = Quarantine(self._quarantine, name)
        self._logs[name] = AppendLog(self._directory / "archive" / name, kept, self._clock)
        self.unacknowledged = self._count()
        return self._logs[name]

    def acknowledge(self, by: str) -> None:
        """A person has seen what was damaged. Raises OSError where that can't be written down."""
        for name in self._damaged():
            Quarantine(self._quarantine, name).acknowledge(by, utc_text(self._clock.now()))
        self.unacknowledged = self._count()

    def _count(self) -> int:
        return sum(Quarantine(self._quarantine, name).unacknowledged() for name in self._damaged())

    def _damaged(self) -> list[str]:
        return [name for name in names(self._quarantine) if OF_A_TIME.search(name)]
