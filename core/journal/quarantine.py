"""What a journal would not carry on: every damaged byte is kept in `quarantine/` with a report, until a person has seen it.

    NAME-0007.bad    the bytes: the torn end, or the whole damaged file as it was
    NAME-0007.json   what was wrong with them; acknowledged or not

Reports without bytes tell of a file that was missing or empty.
"""

import contextlib
import filecmp
import logging
import os
import re
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, structs

from core.journal import files

log = logging.getLogger(__name__)

# A box nobody looks after must not fill its disk with old accidents: the first ones tell how it began, the newest how it
# stands. Of big ones only the very first and the newest are sure to stay.
MOST_PIECES: Final = 20
FIRST_KEPT: Final = 5
MOST_BYTES: Final = 16 * 1024 * 1024
_NUMBERED: Final = re.compile(r"-(\d{4,})\.(bad|json)")
_LONGEST_REPORT: Final = 64 * 1024
_LINKED_FROM: Final = 1024 * 1024  # a longer piece of a file is not copied; the whole file costs nothing to keep
_OF_A_JOURNAL: Final = re.compile(r"(.+)-\d{4,}\.(bad|json)")


class Report(Struct, frozen=True, kw_only=True):
    """One accident. `reason`: torn_tail, damaged, incomplete, missing, empty, not_a_file, foreign_owner; `offset` is where
    the damage began in the file, `bytes` how many there are of it; a long one is kept with the whole file.
    """

    reason: str
    at: str = ""
    generation: int = 0
    last_n: int = 0
    offset: int = 0
    bytes: int = 0
    damaged_lines: int = 0
    lost_numbers: int = 0
    acknowledged_at: str | None = None
    acknowledged_by: str | None = None


class Quarantine:
    """The accidents of the journal `name`, and how many `files` and `bytes` are kept of them.

    Its calls block; raises OSError where the disk refuses.
    """

    def __init__(self, directory: Path, name: str):
        self._directory, self._name = directory, name
        self.files = self.bytes = 0
        self._count()

    def keep(self, accident: Report, active: Path, at: str) -> None:
        """Put the accident's bytes aside, then say in a report what they are; both are synced before this returns.

        An object that is no file is moved away as it is. What the newest piece holds already is not kept twice.
        """
        files.make_directory(self._directory)
        report, number = structs.replace(accident, at=at), self._newest() + 1
        piece = self._directory / f"{self._name}-{number:04}.bad"
        if report.reason == "not_a_file":
            active.rename(piece)
            files.sync_directory(active.parent)
        elif report.bytes:
            self._keep_bytes(report, active, piece)
        if report.bytes and (twin := self._twin(piece, number - 1)) is not None:
            piece.unlink()
            report, number = structs.replace(report, bytes=twin), number - 1
        told = self._directory / f"{self._name}-{number:04}.json"
        if not _is_same(_read(told), report):
            files.write_file(told, [msgspec.json.encode(report)])
        files.sync_directory(self._directory)
        self._prune()
        self._count()

    def _keep_bytes(self, report: Report, active: Path, piece: Path) -> None:
        if (report.offset == 0 or report.bytes > _LINKED_FROM) and files.linked(active, piece):
            return
        with active.open("rb") as file:
            file.seek(report.offset)
            files.write_file(piece, iter(lambda: file.read(_LINKED_FROM), b""))

    def _twin(self, piece: Path, number: int) -> int | None:
        """A start that is killed before its rewrite finds the same damage again."""
        former = self._directory / f"{self._name}-{number:04}.bad"
        with contextlib.suppress(OSError):
            if former.samefile(piece) or filecmp.cmp(former, piece, shallow=False):
                return former.stat().st_size
        return None

    def acknowledge(self, by: str, at: str) -> None:
        """A person has seen all that is here."""
        for path in self._paths("json"):
            report = _read(path)
            if report is None or report.acknowledged_at is None:
                told = structs.replace(
                    report or Report(reason="damaged", at=at), acknowledged_at=at, acknowledged_by=by
                )
                files.replace_file(path, msgspec.json.encode(told))

    @property
    def used(self) -> bool:
        """Whether anything of this journal was kept or reported before."""
        return self._newest() > 0

    def knows(self, accident: Report) -> bool:
        """Whether this very accident was kept by a start that could not replace the file afterwards."""
        return _is_same(_read(self._directory / f"{self._name}-{self._newest():04}.json"), accident)

    def unacknowledged(self) -> int:
        """How many accidents no person has seen yet; a piece without its report is one."""
        seen = {path.stem for path in self._paths("json") if (one := _read(path)) is not None and one.acknowledged_at}
        return len({path.stem for path in (*self._paths("json"), *self._paths("bad"))} - seen)

    def _count(self) -> None:
        sizes = [size for _, size in self._pieces()]
        self.files, self.bytes = len(sizes), sum(sizes)

    def _pieces(self) -> list[tuple[Path, int]]:
        """The kept bytes, oldest first, with their sizes."""
        found = []
        for path in self._paths("bad"):
            with contextlib.suppress(OSError):
                found.append((path, path.lstat().st_size))
        return found

    def _paths(self, ending: str) -> list[Path]:
        try:
            names = [path.name for path in self._directory.iterdir()]
        except OSError:  # none yet, or nothing that can be read: opening a journal must not fail of it
            return []
        numbered = []
        for name in names:
            match = _NUMBERED.fullmatch(name.removeprefix(self._name)) if name.startswith(self._name) else None
            if match is not None and match[2] == ending:
                numbered.append((int(match[1]), self._directory / name))
        return [path for _, path in sorted(numbered)]

    def _newest(self) -> int:
        return max((_number(path.stem) for ending in ("bad", "json") for path in self._paths(ending)), default=0)

    def _prune(self) -> None:
        """What stood in a journal's place as a directory is left: it is for a person to look at."""
        stems = {path.stem for ending in ("bad", "json") for path in self._paths(ending)}
        pieces = {stem: self._directory / f"{stem}.bad" for stem in sorted(stems, key=_number)}
        sizes = {stem: _size(piece) for stem, piece in pieces.items() if piece.is_symlink() or not piece.is_dir()}
        kept = list(sizes)
        droppable = [*kept[FIRST_KEPT:-1], *kept[1:FIRST_KEPT]]
        while droppable and (len(kept) > MOST_PIECES or sum(sizes[stem] for stem in kept) > MOST_BYTES):
            oldest = droppable.pop(0)
            kept.remove(oldest)
            with contextlib.suppress(OSError):  # too much in quarantine is no reason to keep no journal
                pieces[oldest].unlink(missing_ok=True)
                (self._directory / f"{oldest}.json").unlink(missing_ok=True)
                log.warning("quarantine: %s made room for newer pieces", oldest)


def _number(stem: str) -> int:
    return int(stem.rpartition("-")[2])


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def names(directory: Path) -> set[str]:
    """Of which journals the quarantine holds anything."""
    try:
        found = [_OF_A_JOURNAL.fullmatch(path.name) for path in directory.iterdir()]
    except OSError:
        return set()
    return {match[1] for match in found if match is not None}


def _is_same(former: Report | None, accident: Report) -> bool:
    """Whether this very accident was reported before its file could be replaced: a person may have seen it since."""
    return former is not None and accident == structs.replace(
        former, at=accident.at, acknowledged_at=None, acknowledged_by=None
    )


def _read(path: Path) -> Report | None:
    """None for whatever is no report, be it a pipe, a flipped bit or a file without end."""
    try:
        opened = files.open_read(path)
        if opened is None:
            return None
        with os.fdopen(opened[0], "rb") as file:
            return msgspec.json.decode(file.read(_LONGEST_REPORT), type=Report)
    except (OSError, ValueError, RecursionError):
        return None
