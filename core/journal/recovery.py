"""Reading back what a crash, a bad card or a stranger left of a journal. Changes no file but a left-over `.new`.

The state comes from the first complete generation: the file, else `.prev`, else `.new`; what other files say with higher
numbers is laid over it. Damage never stops a start; what can't be read, or was written by a newer version, is not touched.
"""

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import JournalError
from core.journal import files
from core.journal.lines import Head, Numbered
from core.journal.quarantine import Report
from core.journal.scan import Scan, lines_of, scan


@dataclass(kw_only=True)
class Recovered:
    """What opening found: the live lines, where numbering goes on, and what was wrong.

    `accident` is to be kept in quarantine before the file is replaced; `trusted` says that the file itself holds
    everything, so that it may become `.prev`.
    """

    live: dict[str, Numbered] = field(default_factory=dict)
    unknown: list[Numbered] = field(default_factory=list)
    head_document: bytes = b"{}"
    last_n: int = 0
    epoch: str | None = None
    gen: int = 0
    lines: int = 0
    size: int = 0
    unclean_starts: int = 0
    torn_tails: int = 0
    damaged: int = 0
    gap: int = 0
    unclean: bool = False
    accident: Report | None = None
    trusted: bool = False
    rewrite: bool = True

    def note(self, accident: Report) -> None:
        """Add it to what the journal has been through."""
        self.torn_tails += accident.reason == "torn_tail"
        self.damaged += accident.damaged_lines
        self.gap += accident.lost_numbers

    def next_head(self, epoch: str, items: int, upto: int, app: str) -> Head:
        """The head of the generation that follows."""
        return Head(
            gen=self.gen + 1,
            epoch=epoch,
            items=items,
            upto=upto,
            app=app,
            unclean_starts=self.unclean_starts,
            torn_tails=self.torn_tails,
            damaged_lines=self.damaged,
            lost_numbers=self.gap,
        )


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one path holds, and what is wrong with it."""

    scan: Scan | None = None
    accident: Report | None = None


def look(path: Path) -> Look:
    """What stands at `path`. Raises JournalError as `recover` does.

    An empty file holds as much as a missing one: that is what a rename before its data leaves behind.
    """
    try:
        opened = files.open_read(path)
        if opened is None:
            return Look(accident=Report(reason="not_a_file", damaged_lines=1))
        fd, status = opened
        with os.fdopen(fd, "rb") as file:
            found = scan(lines_of(file))
    except FileNotFoundError:
        return Look()
    except OSError as error:
        raise JournalError(f"{path} can't be read ({error.strerror}); nothing in it was changed") from error
    if found.newer is not None:
        raise JournalError(f"{path} was written by a newer version (format {found.newer}); nothing in it was changed")
    if not found.size:
        return Look(accident=Report(reason="empty", damaged_lines=1))
    return Look(scan=found, accident=_accident(found, foreign=status.st_uid != os.geteuid()))


def recover(active: Path, *, had_accidents: bool) -> Recovered:
    """`had_accidents`: the quarantine holds something of this journal, so that a missing file is no first start.

    Raises JournalError for a file of a newer version, or one that can't be read: neither may be touched.
    """
    present = look(active)
    scanned = present.scan
    if scanned is not None and scanned.complete and not _outdated(active, scanned):
        found = _merged(scanned, (scanned,))
        # Numbers are shown before they are synced: after a kill the last of them may be given out anew, so the generation
        # that begins then has an epoch of its own.
        found.rewrite = present.accident is not None or not scanned.clean_end or not scanned.bye
        if not found.rewrite:
            found.lines, found.size = scanned.lines, scanned.size
            found.epoch = scanned.head.epoch if scanned.head else None
        found.trusted = present.accident is None or present.accident.reason == "torn_tail"
        with contextlib.suppress(OSError):  # on a read-only disk it does no harm either
            files.new_of(active).unlink(missing_ok=True)
    else:
        found = _from_siblings(active, scanned)
    _count(found, present, lost=_is_missing(active, present, found) or (had_accidents and present == Look()))
    return found


def _outdated(active: Path, present: Scan) -> bool:
    """An old block of the card can show the head of an older generation, which announces less: `.prev` is newer than that."""
    if (present.sound and not present.torn) or present.head is None:
        return False
    with contextlib.suppress(JournalError):  # what can't be read says nothing against the file
        previous = look(files.previous_of(active)).scan
        return previous is not None and previous.head is not None and previous.head.gen >= present.head.gen
    return False


def _from_siblings(active: Path, present: Scan | None) -> Recovered:
    """The numbers of lost lines are given out anew, so no epoch is carried on."""
    previous = look(files.previous_of(active)).scan
    new = None if previous is not None and previous.complete else look(files.new_of(active)).scan
    scans = [one for one in (previous, new, present) if one is not None]
    base = next((one for one in (previous, new) if one is not None and one.complete), None)
    found = _merged(base, scans, floor=base.last_n if base is not None and base is new else 0)
    if present is None and previous is None:
        found.gen = max(0, found.gen - 1)  # the one in `.new` never became the file: it is written again as the same
    return found


def _is_missing(active: Path, present: Look, found: Recovered) -> bool:
    """A kill in the very first rewrite leaves a first generation in `.new` and no file: nothing is missing then."""
    return present == Look() and (found.gen > 0 or os.path.lexists(files.previous_of(active)))


def _count(found: Recovered, present: Look, *, lost: bool) -> None:
    """Add this start to what the journal has been through."""
    accident = present.accident or (Report(reason="missing", damaged_lines=1) if lost else None)
    if accident is not None:
        found.accident = accident
        found.note(accident)
    scanned = present.scan
    found.unclean = not scanned.bye if scanned is not None else found.last_n > 0
    found.unclean_starts += found.unclean


def _accident(found: Scan, *, foreign: bool) -> Report | None:
    if not found.sound:
        return _report(found, "damaged" if found.complete else "incomplete", 0)
    if foreign:
        return _report(found, "foreign_owner", 0)
    return torn_tail(found) if found.torn else None


def torn_tail(found: Scan) -> Report:
    """What stands behind the last good line."""
    return _report(found, "torn_tail", found.good_end)


def _report(found: Scan, reason: str, start: int) -> Report:
    return Report(
        reason=reason,
        generation=found.head.gen if found.head else 0,
        last_n=found.last_n,
        offset=start,
        bytes=found.size - start,
        damaged_lines=0 if reason == "torn_tail" else found.damaged or int(not found.complete),
        lost_numbers=found.gap,
    )


def _merged(base: Scan | None, scans: Iterable[Scan], floor: int = 0) -> Recovered:
    """Start from the base; lay over it what any file says of numbers above `floor`, the highest number of an id wins."""
    found = Recovered()
    newest: dict[str, Numbered] = dict(base.live) if base else {}
    ended: dict[str, int] = dict(base.ended) if base else {}
    unknown: dict[int, bytes] = dict(base.unknown) if base else {}
    for one in scans:
        for item_id, n in one.ended.items():
            ended[item_id] = max(n, ended.get(item_id, 0))
        for item_id, (n, line) in one.live.items():
            if n > floor and n > newest.get(item_id, (0, b""))[0]:
                newest[item_id] = (n, line)
        unknown.update((n, line) for n, line in one.unknown if n > floor)
        _carry_on(found, one)
    live = {item_id: item for item_id, item in newest.items() if item[0] > ended.get(item_id, 0)}
    found.live = dict(sorted(live.items(), key=lambda item: item[1][0]))
    found.unknown = sorted(unknown.items())
    return found


def _carry_on(found: Recovered, one: Scan) -> None:
    found.last_n = max(found.last_n, one.last_n)
    if one.head is None or one.head.gen < found.gen:
        return
    found.gen, found.head_document = one.head.gen, one.head_document
    found.unclean_starts, found.torn_tails = one.head.unclean_starts, one.head.torn_tails
    found.damaged, found.gap = one.head.damaged_lines, one.head.lost_numbers
