"""The files of a journal: opening, writing, syncing, and the names beside it. No numbering, no threads.

Beside `NAME` stand `NAME.new` and `NAME.prev.tmp` (only during a rewrite) and `NAME.prev` (a hard link to the generation
before); `NAME.….aside-1` is a directory that stood in the way of one of them; `reserve` is room that is given up when the
disk is full.
"""

import contextlib
import errno
import itertools
import logging
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

FILE_MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o700
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
# Nothing can be written there any more; an alarm box goes on without it.
SICK_DISK: Final = NO_ROOM | {errno.EROFS, errno.EIO, errno.EPERM}
RESERVE: Final = "reserve"
RESERVE_BYTES: Final = 1024 * 1024
_RESERVE_SHARE: Final = 16  # of what is free: a small disk keeps less
# Without blocking, since a pipe in a file's place must not make anybody hang.
_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def open_read(path: Path) -> tuple[int, os.stat_result] | None:
    """A descriptor and what it is; None for a symlink or anything else that is no file. Raises OSError."""
    try:
        fd = os.open(path, _READ)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:  # a symlink; a socket
            return None
        raise
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode):
        return fd, found
    os.close(fd)
    return None


def open_append(path: Path) -> int:
    return os.open(path, _APPEND | os.O_CREAT, FILE_MODE)


def open_existing(path: Path) -> int:
    """To append to a file that was read before; what others were allowed is taken from them."""
    fd = os.open(path, _APPEND)
    if stat.S_IMODE(os.fstat(fd).st_mode) != FILE_MODE:
        with contextlib.suppress(OSError):  # a file system without modes
            os.fchmod(fd, FILE_MODE)
    return fd


def create_new(path: Path) -> int:
    clear(path)
    return os.open(path, _APPEND | os.O_CREAT | os.O_EXCL, FILE_MODE)


def clear(path: Path) -> None:
    """Remove a left-over file. A directory in its place is moved aside with what is in it: else no rewrite could ever
    succeed again.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError:
        if path.is_symlink() or not path.is_dir():
            raise
        _move_aside(path)


def make_way(path: Path) -> None:
    """Move aside what stands in a file's place and is none. Raises OSError."""
    try:
        found = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        _move_aside(path)


def _move_aside(path: Path) -> None:
    names = (path.with_name(f"{path.name}.aside-{at}") for at in itertools.count(1))
    aside = next(one for one in names if not (one.exists() or one.is_symlink()))
    log.warning("%s stood in the way and is no file; it is %s now", path.name, aside.name)
    path.rename(aside)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """One write, or as many as the kernel's short writes make of it. Raises OSError, also where a write takes nothing."""
    rest = memoryview(data)
    while rest:
        written = os.write(fd, rest)
        if not written:
            raise OSError(errno.EIO, "the disk takes nothing")
        rest = rest[written:]


def sync_whole(fd: int, size: int) -> None:
    """Sync, and raise OSError also where the file is not `size` bytes long, whatever the writes said."""
    os.fsync(fd)
    if os.fstat(fd).st_size != size:
        raise OSError(errno.EIO, "the disk holds less than it says it has taken")


def fill(fd: int, pieces: Iterable[bytes]) -> int:
    """Write a new file, some of it at a time, and sync it; its size. Raises OSError."""
    size = 0
    for data in pieces:
        write_all(fd, data)
        size += len(data)
    sync_whole(fd, size)
    return size


def write_file(path: Path, pieces: Iterable[bytes]) -> None:
    """A whole file, some of it at a time, synced; on an error nothing of it stays."""
    fd = create_new(path)
    try:
        fill(fd, pieces)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)


def replace_file(path: Path, data: bytes) -> None:
    """As `write_file`, where one stands already: afterwards it is the old or the new one, whatever happens."""
    fresh = path.with_name(path.name + ".new")
    write_file(fresh, [data])
    fresh.replace(path)
    sync_directory(path.parent)


def make_directory(path: Path) -> None:
    """Create it where it isn't there, so that a power cut does not take it away with what is in it."""
    try:
        path.mkdir(mode=DIRECTORY_MODE)
    except FileExistsError:
        return
    sync_directory(path.parent)


def check_ours(fd: int, path: Path, size: int) -> None:
    """Raises OSError when the open file is no longer the one at `path`, or not `size` bytes long: somebody removed,
    replaced or cut it, and what is written to it would be lost with it.
    """
    ours, there = os.fstat(fd), path.stat(follow_symlinks=False)
    if (ours.st_dev, ours.st_ino) != (there.st_dev, there.st_ino) or ours.st_size != size:
        raise OSError(errno.ESTALE, "the file was removed, replaced or cut by somebody else")


def identity(directory: Path) -> tuple[int, int] | None:
    """Which directory it is, whatever it is called; None where there is none."""
    try:
        found = os.stat(directory)  # noqa: PTH116 - on the way of every change
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def linked(path: Path, target: Path) -> bool:
    """Give the file a second name; False on a file system without links, or for a file of somebody else."""
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError as error:
        if error.errno in {errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV}:
            return False
        raise
    return True


def keep_previous(active: Path) -> None:
    """Give the present generation a second name, so that one complete file stands at every moment of a rewrite."""
    spare = active.with_name(active.name + ".prev.tmp")
    clear(spare)
    with contextlib.suppress(FileNotFoundError):  # no generation yet
        if linked(active, spare):  # else the rename alone must do
            if previous_of(active).is_dir():
                clear(previous_of(active))
            spare.replace(previous_of(active))


def previous_of(active: Path) -> Path:
    return active.with_name(active.name + ".prev")


def new_of(active: Path) -> Path:
    return active.with_name(active.name + ".new")


# -- room for the worst day ---------------------------------------------------------------------------------------------


def hold_reserve(directory: Path) -> None:
    """Set room aside where there is plenty and less is held. Raises OSError."""
    path, there = directory / RESERVE, os.statvfs(directory)
    size = min(RESERVE_BYTES, there.f_bavail * there.f_frsize // _RESERVE_SHARE)
    held = path.stat().st_size if path.exists() else 0
    if size < there.f_frsize or size <= held:
        return
    fd = create_new(path)
    try:
        os.posix_fallocate(fd, 0, size)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)


def make_room(*spare: Path) -> bool:
    """Remove what can be spared on a full disk; whether there was any of it."""
    freed = False
    for path in spare:
        with contextlib.suppress(OSError):  # what can't be spared can't; the next one may
            path.unlink()
            freed = True
    return freed
