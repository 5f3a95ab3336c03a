"""The files of a journal: opening, syncing, quarantine, and reading back what a crash left. No numbering, no threads.

Beside `NAME` stand `NAME.new` (only during a rewrite) and `NAME.prev` (a hard link to the generation before).
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from core.errors import JournalError
from core.journal.lines import Scan, scan

FILE_MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o700
_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


def open_append(path: Path) -> int:
    return os.open(path, _APPEND | os.O_CREAT, FILE_MODE)


def create_new(path: Path) -> int:
    path.unlink(missing_ok=True)
    return os.open(path, _APPEND | os.O_CREAT | os.O_EXCL, FILE_MODE)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """One write, or as many as the kernel's short writes make of it."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def check_ours(fd: int, path: Path, size: int) -> None:
    """Raises OSError when the open file is no longer the one at `path`, or not `size` bytes long: somebody removed,
    replaced or cut it, and what is written to it would be lost with it.
    """
    ours, there = os.fstat(fd), path.stat(follow_symlinks=False)
    if (ours.st_dev, ours.st_ino) != (there.st_dev, there.st_ino) or ours.st_size != size:
        raise OSError(errno.ESTALE, "the file was removed, replaced or cut by somebody else")


def sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def keep_previous(active: Path) -> None:
    """Give the present generation a second name, so that one complete file stands at every moment of a rewrite."""
    spare = active.with_name(active.name + ".prev.tmp")
    spare.unlink(missing_ok=True)
    try:
        os.link(active, spare)
    except (FileNotFoundError, PermissionError):
        return  # no generation yet, or a file system without links: the rename alone must do
    spare.replace(previous_of(active))


def previous_of(active: Path) -> Path:
    return active.with_name(active.name + ".prev")


def new_of(active: Path) -> Path:
    return active.with_name(active.name + ".new")


def quarantine_directory(active: Path) -> Path:
    return active.parent / "quarantine"


def quarantine(active: Path, data: bytes | None, stamp: str) -> None:
    """Keep bytes that the journal will not carry on: `data`, or the whole file by a hard link (None)."""
    directory = quarantine_directory(active)
    directory.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    target = _free_name(directory, f"{active.name}-{stamp}")
    if data is not None or not _linked(active, target):
        _copy(active.read_bytes() if data is None else data, target)
    sync_directory(directory)


def _linked(active: Path, target: Path) -> bool:
    try:
        os.link(active, target)
    except PermissionError:  # a file system without links
        return False
    return True


def _copy(data: bytes, target: Path) -> None:
    fd = create_new(target)
    try:
        write_all(fd, data)
        os.fsync(fd)
    except OSError:
        target.unlink(missing_ok=True)  # half a copy of what still stands in the journal
        raise
    finally:
        os.close(fd)


def _free_name(directory: Path, stem: str) -> Path:
    number = 0
    while (target := directory / f"{stem}-{number}.bad").exists():
        number += 1
    return target


@dataclass(frozen=True, kw_only=True)
class Aside:
    """Damaged bytes that must be in quarantine before the file is replaced: those from `start` on (0: the whole file)."""

    start: int
    stamp: str


def set_aside(active: Path, damage: Aside) -> None:
    data = None
    if damage.start:
        with active.open("rb") as file:
            file.seek(damage.start)
            data = file.read()
    quarantine(active, data, damage.stamp)


@dataclass(kw_only=True)
class Recovered:
    """What opening found: the live items, where numbering goes on, and what was wrong."""

    live: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    last_n: int = 0
    epoch: str | None = None
    gen: int = 0
    lines: int = 0
    size: int = 0
    torn_tails: int = 0
    damaged: int = 0
    gap: int = 0
    unclean: bool = False
    aside: Aside | None = None
    sound: bool = False  # the file is complete and undamaged, but for a torn tail
    rewrite: bool = True


def recover(active: Path) -> Recovered:
    """Read the state back from the first complete generation: the file, else `.prev`, else `.new`. Changes no journal.

    Raises JournalError for a file of a newer version, or one that can't be read: neither may be touched.
    """
    present = _scan(active)
    if present is None or not present.complete:
        return _from_siblings(active, present)
    found = _judged(present)
    _merge(found, present, (present,))
    found.sound = not present.damaged
    # Numbers are shown before they are synced: after a kill the last of them may be given out anew, so the generation
    # that begins then has an epoch of its own.
    found.rewrite = found.aside is not None or not present.clean_end or found.unclean
    if not found.rewrite:
        found.lines, found.size = present.lines, present.size
        found.epoch = present.head.epoch if present.head else None
    with contextlib.suppress(OSError):  # on a read-only disk it does no harm either
        new_of(active).unlink(missing_ok=True)
    return found


def _from_siblings(active: Path, present: Scan | None) -> Recovered:
    """The numbers of lost lines are given out anew, so no epoch is carried on."""
    previous = _scan(previous_of(active))
    new = None if previous is not None and previous.complete else _scan(new_of(active))
    found = _judged(present) if present is not None else Recovered(damaged=int(previous is not None))
    scans = [one for one in (previous, new, present) if one is not None]
    base = next((one for one in (previous, new) if one is not None and one.complete), None)
    _merge(found, base, scans, floor=base.last_n if base is not None and base is new else 0)
    found.unclean = bool(scans)
    return found


def _scan(path: Path) -> Scan | None:
    """An empty file counts as a missing one: that is what a rename before its data leaves behind."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise JournalError(f"{path} is not a file; nothing was changed")
        with path.open("rb") as file:
            found = scan(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JournalError(f"{path} can't be read ({error.strerror}); nothing was changed") from error
    if found.newer is not None:
        raise JournalError(f"{path} was written by a newer version (format {found.newer}); nothing was changed")
    return found if found.size else None


def _judged(present: Scan) -> Recovered:
    found = Recovered(unclean=not present.bye, gap=present.gap)
    stamp = f"{present.head.gen if present.head else 0}-{present.last_n}"
    if present.damaged or not present.complete:
        found.damaged = max(1, present.damaged)
        found.aside = Aside(start=0, stamp=stamp)
    elif present.torn:
        found.torn_tails = 1
        found.aside = Aside(start=present.good_end, stamp=stamp)
    return found


def _merge(found: Recovered, base: Scan | None, scans: Iterable[Scan], floor: int = 0) -> None:
    """Start from the base; lay over it what any file says of numbers above `floor`, the highest number of an id wins."""
    newest: dict[str, tuple[int, bytes]] = dict(base.live) if base else {}
    ended: dict[str, int] = dict(base.ended) if base else {}
    for one in scans:
        for item_id, n in one.ended.items():
            ended[item_id] = max(n, ended.get(item_id, 0))
        for item_id, (n, document) in one.live.items():
            if n > floor and n > newest.get(item_id, (0, b""))[0]:
                newest[item_id] = (n, document)
        found.last_n = max(found.last_n, one.last_n)
        found.gen = max(found.gen, one.head.gen if one.head else 0)
    live = {item_id: item for item_id, item in newest.items() if item[0] > ended.get(item_id, 0)}
    found.live = dict(sorted(live.items(), key=lambda item: item[1][0]))
