"""One writer per data directory, held by flock: the kernel frees it the moment the process is gone."""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Final

from core.errors import DirectoryHeldError

# A read-only descriptor is enough to take the lock, so nobody else may open the file.
_MODE: Final = 0o600


class DirectoryLock:
    """Holds `DIR/lock` from construction to `release()`. Raises DirectoryHeldError when another process holds it.

    The pid inside is for the message alone; a stale one means nothing.
    """

    def __init__(self, directory: Path):
        self._fd = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = self._holder()
            os.close(self._fd)
            raise DirectoryHeldError(directory, pid) from error
        with contextlib.suppress(PermissionError):  # a file that root made once; its mode is as good
            os.fchmod(self._fd, _MODE)  # the umask took bits away when it was made
        with contextlib.suppress(OSError):  # the lock holds without the pid, also on a full disk
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, b"%d\n" % os.getpid(), 0)

    def _holder(self) -> int | None:
        text = os.pread(self._fd, 32, 0).strip()
        return int(text) if text.isdigit() else None

    def release(self) -> None:
        os.close(self._fd)
