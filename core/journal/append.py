"""AppendLog: a journal that only grows and is never rewritten. Slow and plain: one sync for each line.

Its calls block; a loop puts them into a thread.
"""

import os
from pathlib import Path

from core.clock import Clock, utc_text
from core.errors import JournalError
from core.journal import files
from core.journal.lines import encode_line, scan


class AppendLog:
    """Open to append. A torn tail is copied to `quarantine/` and cut off, so nothing ever stands behind damaged bytes.

    Raises JournalError when a newer version wrote the file, OSError when the disk refuses.
    """

    def __init__(self, path: Path, clock: Clock):
        self._path, self._clock = path, clock
        path.parent.mkdir(mode=files.DIRECTORY_MODE, exist_ok=True)
        self._n, self._end = self._recover()
        self._suspect = False

    def _recover(self) -> tuple[int, int]:
        try:
            with self._path.open("rb") as file:
                found = scan(file)
                file.seek(found.good_end)
                tail = file.read()
        except FileNotFoundError:
            return 0, 0
        if found.newer is not None:
            raise JournalError(f"{self._path} was written by a newer version (format {found.newer})")
        if tail:
            files.quarantine(self._path, tail, f"0-{found.last_n}")
            os.truncate(self._path, found.good_end)
        if not found.clean_end:
            with self._path.open("ab") as file:
                file.write(b"\n")
        return found.last_n, self._path.stat().st_size

    def append(self, item_id: str, document: bytes) -> None:
        """Write one line and sync it. Raises OSError; the half-written line is then cut off again."""
        if self._suspect:
            self._n, self._end = self._recover()
            self._suspect = False
        fd = files.open_append(self._path)
        try:
            if self._end == 0:
                files.sync_directory(self._path.parent)
            line = encode_line(self._n + 1, utc_text(self._clock.now()), "put", item_id, document)
            try:
                files.write_all(fd, line)
                os.fsync(fd)
            except OSError:
                self._suspect = True  # until the half line is gone; else the next would be glued to it
                os.ftruncate(fd, self._end)
                self._suspect = False
                raise
        finally:
            os.close(fd)
        self._n += 1
        self._end += len(line)
