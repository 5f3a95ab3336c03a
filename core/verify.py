"""`cdg-core verify DIR`: reads every journal of a data directory and says what is wrong. Changes nothing.

A running core may be writing meanwhile: an end that is torn only for a moment is no damage.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from core.audit import NAME as AUDIT
from core.errors import ConfigError, JournalError
from core.journal import quarantine
from core.journal.append import OF_A_TIME
from core.journal.chain import read_chain
from core.journal.lines import document_of
from core.journal.quarantine import Quarantine
from core.journal.recovery import look
from core.journal.scan import Scan
from core.monitoring.minute_file import NAME as HISTORY
from core.webhooks import accounts, deliveries
from core.wire import Accounts

_PATIENCE_S: Final = 0.3
_LOOKS: Final = 3  # a running core writes the head, then the line
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
    """Raises ConfigError where `directory` is none or holds no journal, OSError where it can't be read."""
    if not directory.is_dir():
        raise ConfigError("is no directory", path=directory)
    names = {path.name for path in directory.iterdir()}
    journals = {name for name in names if name.endswith(".jsonl")} - {AUDIT}
    told_of = {name.removesuffix(".prev") for name in names if name.endswith(".jsonl.prev")} | {
        name
        for name in quarantine.names(directory / _QUARANTINE)
        if name.endswith(".jsonl") and not OF_A_TIME.search(name)
    }
    findings = [_journal(directory, name) for name in sorted(journals)]
    findings += [Finding(name=name, sound=False, text="missing") for name in sorted(told_of - journals)]
    findings += _audit(directory)
    findings += [_log(directory, f"archive/{path.name}") for path in sorted(directory.glob("archive/*.jsonl"))]
    findings += _kept(directory)
    if not findings:
        raise ConfigError("holds no journal; is it the data directory of a guard?", path=directory)
    return findings


def _audit(directory: Path) -> Iterator[Finding]:
    """The lines that hang together. One that is only in the head is lost unless a core is, or was, about to write it. Where
    there is a history, a core has run, and its audit can't but be there.
    """
    path = directory / AUDIT
    if not any(one.exists() or one.is_symlink() for one in (path, path.with_suffix(".head"))):
        if (directory / HISTORY).exists():
            yield Finding(name=AUDIT, sound=False, text="missing")
        return
    try:
        chain = read_chain(path)
        for _ in range(_LOOKS):
            if not chain.behind and not chain.breaks:
                break
            time.sleep(_PATIENCE_S)
            chain = read_chain(path)
    except OSError as error:
        yield Finding(name=AUDIT, sound=False, text=f"can't be read ({error.strerror})")
        return
    said = [f"{chain.lines} lines, the last one is number {chain.n}, SHA-256 {chain.sha256}", *chain.told]
    said += ["its newest line stands in the head only; the next start puts it back"] if chain.behind else []
    yield Finding(name=AUDIT, sound=not chain.breaks and not chain.behind, text="; ".join(said))


def _journal(directory: Path, name: str) -> Finding:
    """One that starts with a head, and so says what must be in it."""
    scan = _read(directory / name)
    if isinstance(scan, str):
        return Finding(name=name, sound=False, text=scan)
    said = [f"generation {scan.head.gen}"] if scan.head else ["without its head"]
    said += [f"{scan.lines} lines", f"{len(scan.live)} live", *_faults(scan)]
    if not scan.complete:
        said.append("items of the last rewrite are missing")
    books, seen = _accounts(scan)
    if books is not None:
        said.append(
            f"{books.accepted} accepted = {books.delivered} delivered + {books.pending} pending"
            f" + {books.dead_letter} dead letters + {books.cancelled} cancelled"
            + (f" + {books.unaccounted} UNACCOUNTED" if books.unaccounted else "")
        )
    sound = scan.sound and not scan.torn and (books is None or books.unaccounted <= seen)
    return Finding(name=name, sound=sound, text=", ".join(said))


def _log(directory: Path, name: str) -> Finding:
    """One that only grows: its lines count from 1. One that is empty was made on a full disk."""
    if (directory / name).is_file() and not (directory / name).stat().st_size:
        return Finding(name=name, sound=True, text="0 lines")
    scan = _read(directory / name)
    if isinstance(scan, str):
        return Finding(name=name, sound=False, text=scan)
    scan.gap = max(0, scan.last_n - scan.lines)
    return Finding(name=name, sound=not _faults(scan), text=", ".join([f"{scan.lines} lines", *_faults(scan)]))


def _read(path: Path) -> Scan | str:
    """What the file says, or why nothing can be known. An end that is torn only while it is written is none."""
    try:
        found = look(path)
        if found.scan is not None and found.scan.torn:
            time.sleep(_PATIENCE_S)
            earlier, found = found.scan, look(path)
            if found.scan is not None and found.scan.good_end > earlier.good_end:
                found.scan.size = found.scan.good_end
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


def _accounts(scan: Scan) -> tuple[Accounts | None, int]:
    """The account, if deliveries are in it, and how many missing ones a person has acknowledged."""
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
        return None, 0
    known = [one for _, one in present]
    uncounted = sum(not one.ordinal for one in known)  # the next start counts them
    accepted = accounts.accepted(books, known) + uncounted
    return accounts.drawn_up(books, accounts.counted(known), accepted), books.unaccounted_seen


def _kept(directory: Path) -> Iterator[Finding]:
    for name in sorted(quarantine.names(directory / _QUARANTINE)):
        kept = Quarantine(directory / _QUARANTINE, name)
        unseen = kept.unacknowledged()
        text = f"{kept.files} pieces of {kept.bytes} bytes, {unseen or 'none'} to be acknowledged"
        yield Finding(name=f"{_QUARANTINE}/{name}", sound=not unseen, text=text)


def _quarantined(directory: Path) -> set[str]:
    """Of which journals the quarantine holds anything."""
    return {path.name.rpartition("-")[0] for path in directory.glob(f"{_QUARANTINE}/*-*.*")}
