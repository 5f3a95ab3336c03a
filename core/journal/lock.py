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
    """Holds the directory from construction to `release()`. Raises DirectoryHeldError when another process holds it.

    The directory itself is locked, so that a disk on which nothing can be written any more does not stop an alarm box;
    its file `lock` names the holder, for the message alone: a stale pid means nothing.
    """

    def __init__(self, directory: Path):
        self._fds = [os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
        pid_file = self._open(directory / "lock")
        try:
            for fd in self._fds:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = None if pid_file is None else _holder(pid_file)
            self.release()
            raise DirectoryHeldError(directory, pid) from error
        if pid_file is None:
            return
        with contextlib.suppress(PermissionError):  # a file that root made once; its mode is as good
            os.fchmod(pid_file, _MODE)  # the umask took bits away when it was made
        with contextlib.suppress(OSError):  # the lock holds without the pid, also on a full disk
            os.ftruncate(pid_file, 0)
            os.pwrite(pid_file, b"%d\n" % os.getpid(), 0)

    def _open(self, path: Path) -> int | None:
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
        except OSError:  # the directory is what is locked
            return None
        self._fds.append(fd)
        return fd

    def release(self) -> None:
        while self._fds:
            os.close(self._fds.pop())


def _holder(fd: int) -> int | None:
    try:
        text = os.pread(fd, 32, 0).strip()
    except OSError:  # a pipe, or a disk that can't be read
        return None
    return int(text) if text.isdigit() else None
