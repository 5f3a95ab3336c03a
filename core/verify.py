"""`cdg-core verify DIR`: reads every journal of a data directory and says what is wrong. Changes nothing.

A running core may be writing meanwhile: an end that is torn only for a moment is no damage.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from core.errors import ConfigError, JournalError
from core.journal.lines import document_of
from core.journal.quarantine import Quarantine
from core.journal.recovery import look
from core.journal.scan import Scan
from core.webhooks import accounts, deliveries
from core.wire import Accounts

_PATIENCE_S: Final = 0.3
_QUARANTINE: Final = "quarantine"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What there is to say of one file. `sound` is False where something was lost, put in, or not yet seen by a person."""

    name: str
    sound: bool
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {'ok' if self.sound else 'DAMAGED'} — {self.text}"


def verify(directory: Path) -> list[Finding]:
    """Raises ConfigError where `directory` holds no journal, OSError where it can't be read."""
    names = sorted(path.name for path in directory.iterdir())
    journals = [name for name in names if name.endswith(".jsonl")]
    missing = [name.removesuffix(".prev") for name in names if name.endswith(".jsonl.prev")]
    findings = [_journal(directory, name) for name in journals]
    findings += [Finding(name=name, sound=False, text="missing") for name in missing if name not in journals]
    findings += [_log(directory, f"archive/{path.name}") for path in sorted(directory.glob("archive/*.jsonl"))]
    findings += _kept(directory)
    if not findings:
        raise ConfigError("holds no journal; is it the data directory of a guard?", path=directory)
    return findings


def _journal(directory: Path, name: str) -> Finding:
    """One that starts with a head, and so says what must be in it."""
    scan = _read(directory / name)
    if isinstance(scan, str):
        return Finding(name=name, sound=False, text=scan)
    said = [f"generation {scan.head.gen}"] if scan.head else ["without its head"]
    said += [f"{scan.lines} lines", f"{len(scan.live)} live", *_faults(scan)]
    if not scan.complete:
        said.append("items of the last rewrite are missing")
    books = _accounts(scan)
    if books is not None:
        said.append(
            f"{books.accepted} accepted = {books.delivered} delivered + {books.pending} pending"
            f" + {books.dead_letter} dead letters + {books.cancelled} cancelled"
            + (f" + {books.unaccounted} UNACCOUNTED" if books.unaccounted else "")
        )
    sound = scan.sound and not scan.torn and (books is None or not books.unaccounted)
    return Finding(name=name, sound=sound, text=", ".join(said))


def _log(directory: Path, name: str) -> Finding:
    """One that only grows."""
    scan = _read(directory / name)
    if isinstance(scan, str):
        return Finding(name=name, sound=False, text=scan)
    return Finding(name=name, sound=not _faults(scan), text=", ".join([f"{scan.lines} lines", *_faults(scan)]))


def _read(path: Path) -> Scan | str:
    """What the file says, or why nothing can be known."""
    try:
        found = look(path)
        if found.scan is not None and found.scan.torn:
            time.sleep(_PATIENCE_S)
            found = look(path)
    except JournalError as error:
        return str(error).removeprefix(f"{path} ")
    return found.scan or (found.accident.reason.replace("_", " ") if found.accident else "missing")


def _faults(scan: Scan) -> list[str]:
    counted = {
        "damaged lines": scan.damaged,
        "numbers missing": scan.gap,
        "bytes of a torn end": scan.torn,
    }
    return [f"{count} {what}" for what, count in counted.items() if count]


def _accounts(scan: Scan) -> Accounts | None:
    books, present = accounts.Books(), []
    for item_id, (n, line) in scan.live.items():
        try:
            if item_id == accounts.BOOKS_ID:
                books = accounts.decode(document_of(line))
            else:
                present.append((n, deliveries.decode(document_of(line))))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # a case, or what only a later version knows
            continue
    present = [(n, one) for n, one in present if n > books.upto or one.status not in accounts.ENDED]
    if not present and not books.accepted:
        return None
    known = [one for _, one in present]
    return accounts.drawn_up(books, known, accounts.accepted(books, known))


def _kept(directory: Path) -> Iterator[Finding]:
    names = {path.name.rpartition("-")[0] for path in directory.glob(f"{_QUARANTINE}/*-*.*")}
    for name in sorted(names):
        kept = Quarantine(directory / _QUARANTINE, name)
        unseen = kept.unacknowledged()
        text = f"{kept.files} pieces of {kept.bytes} bytes, {unseen or 'none'} to be acknowledged"
        yield Finding(name=f"{_QUARANTINE}/{name}", sound=not unseen, text=text)
