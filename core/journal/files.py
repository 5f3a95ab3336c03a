"""The files of a journal: opening, syncing, quarantine, and reading back what a crash left. No numbering, no threads.

Beside `NAME` stand `NAME.new` (only during a rewrite) and `NAME.prev` (a hard link to the generation before).
"""

import os
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
    if data is None:
        os.link(active, target)
    else:
        fd = create_new(target)
        try:
            write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
    sync_directory(directory)


def _free_name(directory: Path, stem: str) -> Path:
    number = 0
    while (target := directory / f"{stem}-{number}.bad").exists():
        number += 1
    return target


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
    quarantined: int = 0
    unclean: bool = False
    rewrite: bool = True


def recover(active: Path) -> Recovered:
    """Read the state back. Damaged bytes are copied to `quarantine/` first; the caller then rewrites.

    Raises JournalError for a file of a newer version, or one that can't be read: neither may be touched.
    """
    scans = {path: found for path in (active, previous_of(active), new_of(active)) if (found := _scan(path))}
    recovered = Recovered()
    if not scans:
        return recovered
    _set_damage_aside(active, scans.get(active), recovered)
    base = next((one for one in scans.values() if one.complete), None)
    _merge(recovered, base, scans.values())
    present = scans.get(active)
    recovered.unclean = present is None or not present.bye
    if present is not None and present is base:
        recovered.rewrite = bool(present.torn or present.damaged or not present.clean_end)
        recovered.lines, recovered.size, recovered.gap = present.lines, present.size, present.gap
        new_of(active).unlink(missing_ok=True)
    return recovered


def _scan(path: Path) -> Scan | None:
    """An empty file counts as a missing one: that is what a rename before its data leaves behind."""
    try:
        with path.open("rb") as file:
            found = scan(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JournalError(f"{path} can't be read ({error.strerror}); nothing was changed") from error
    if found.newer is not None:
        raise JournalError(f"{path} was written by a newer version (format {found.newer}); nothing was changed")
    return found if found.size else None


def _set_damage_aside(active: Path, present: Scan | None, found: Recovered) -> None:
    if present is None:
        return
    stamp = f"{present.head.gen if present.head else 0}-{present.last_n}"
    if present.damaged or not present.complete:
        found.damaged += max(1, present.damaged)
        quarantine(active, None, stamp)
        found.quarantined += 1
    elif present.torn:
        found.torn_tails += 1
        with active.open("rb") as file:
            file.seek(present.good_end)
            quarantine(active, file.read(), stamp)
        found.quarantined += 1


def _merge(found: Recovered, base: Scan | None, scans: Iterable[Scan]) -> None:
    """Start from the first complete generation; lay over it whatever newer lines any file still has."""
    newest: dict[str, tuple[int, bytes]] = dict(base.live) if base else {}
    floor = base.last_n if base else 0
    for one in scans:
        for item_id, (n, document) in one.live.items():
            if n > floor and n > newest.get(item_id, (0, b""))[0]:
                newest[item_id] = (n, document)
        found.last_n = max(found.last_n, one.last_n)
        if one.head is not None:
            found.epoch = found.epoch or one.head.epoch
            found.gen = max(found.gen, one.head.gen)
    found.live = dict(sorted(newest.items(), key=lambda item: item[1][0]))
