"""Who changed what: `audit.jsonl`, append-only and hash-chained, and what the core itself notices to have changed."""

import asyncio
import hashlib
import logging
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from core.clock import Clock
from core.journal.chain import ChainLog
from core.journal.lines import decode_line
from core.wire_audit import AuditItem, Change

log = logging.getLogger(__name__)

NAME: Final = "audit.jsonl"
BROKEN: Final = "audit.broken"
SEEN: Final = "durability.acknowledge"
_MOST_WAITING: Final = 1000
_AGAIN_S: Final = 10.0
_NOTICED: Final = ("config", "tokens", "operators")  # what people also change in files


class Deed(Struct, frozen=True, kw_only=True):
    """One change on its way to the audit; fields as in wire_audit.AuditItem."""

    actor: str
    via: str | None = None
    by: str | None = None
    origin: str
    what: str
    subject: str | None = None
    asked: dict[str, Any] = {}
    changes: tuple[Change, ...] = ()
    request_id: str | None = None


class Audit:
    """Open over `directory`. `problem` says why it can't be written, or that it was tampered with or damaged and nobody has
    acknowledged that yet.
    """

    def __init__(self, directory: Path, clock: Clock):
        self._path, self._clock = directory / NAME, clock
        self._log: ChainLog | None = None
        self._waiting: deque[Deed] = deque(maxlen=_MOST_WAITING)
        self._writing = asyncio.Lock()
        self._unwritten: str | None = None
        self._breaks: tuple[str, ...] = ()  # those that are on record
        self._unseen = False
        self._known: dict[str, dict[str, Any]] = {name: {} for name in _NOTICED}

    @property
    def problem(self) -> str | None:
        if self._unwritten is not None:
            return f"{len(self._waiting)} changes are not on record yet ({self._unwritten})"
        if self._unseen:
            return f"lines were altered, removed or put in: {'; '.join(self._breaks)}; to be acknowledged"
        return None

    @property
    def newest(self) -> tuple[int, str]:
        """Number and SHA-256 of the last line: whoever keeps it elsewhere can tell later that nothing was changed."""
        return (self._log.chain.n, self._log.chain.sha256) if self._log is not None else (0, "")

    async def run(self) -> None:
        """Try again to write what could not be written."""
        while True:
            await self._clock.sleep(_AGAIN_S)
            if self._waiting:
                await self._write_down()

    async def record(self, deed: Deed) -> None:
        """Returns once it is on disk; what can't be written there is kept and tried again, and shown as a problem."""
        self._waiting.append(deed)
        self._remember(deed)
        await self._write_down()

    async def notice(self, what: str, now: Mapping[str, Any]) -> None:
        """Of `config`, `tokens` or `operators`, whose values are now these: what differs from the last that is on record was
        changed in the file.
        """
        async with self._writing:
            try:
                await self._open()
            except OSError as error:  # what differs is then found by a later start
                self._unwritten = str(error.strerror)
                return
        before = self._known[what]
        changes = tuple(
            Change(key=key, old=before.get(key), new=now.get(key))
            for key in sorted({*before, *now})
            if before.get(key) != now.get(key)
        )
        if changes:
            await self.record(Deed(actor="core", origin="file", what=f"{what}.noticed", changes=changes))

    def read(self, start: int | None, until: int) -> Iterator[tuple[int, AuditItem]]:
        """The entries with their places, newest first, from the place before `start` down to `until`. Blocks; any thread.
        Raises OSError. What is altered beyond reading is left out.
        """
        if self._log is None:
            return
        newest = len(self._log.chain.at)
        for place in range(min(newest, newest if start is None else start) - 1, until - 1, -1):
            if (item := _item(self._log.read(place))) is not None:
                yield place, item

    async def _write_down(self) -> None:
        async with self._writing:
            try:
                await self._open()
                assert self._log is not None
                while self._waiting:
                    await asyncio.to_thread(self._append, self._log, self._waiting[0])
                    self._waiting.popleft()
            except OSError as error:
                if self._unwritten is None:
                    log.warning("the audit can't be written (%s)", error.strerror)
                self._unwritten = str(error.strerror)
            else:
                self._unwritten = None

    def _append(self, chained: ChainLog, deed: Deed) -> None:
        chained.append(deed.what, msgspec.json.encode(deed))
        self._tell_breaks(chained)

    async def _open(self) -> None:
        if self._log is None:
            self._log = await asyncio.to_thread(self._opened)

    def _opened(self) -> ChainLog:
        chained = ChainLog(self._path, self._clock)
        for raw in chained.lines():
            if (deed := _deed(raw)) is not None:
                self._remember(deed)
        for deed in self._waiting:
            self._remember(deed)
        self._tell_breaks(chained)
        return chained

    def _tell_breaks(self, chained: ChainLog) -> None:
        """Put on record, once, that the chain is broken."""
        found = tuple(chained.chain.breaks)
        if found != self._breaks:
            deed = Deed(actor="core", origin="file", what=BROKEN, asked={"breaks": found})
            self._remember(deed)
            chained.append(deed.what, msgspec.json.encode(deed))

    def _remember(self, deed: Deed) -> None:
        if deed.what == BROKEN:
            self._breaks, self._unseen = tuple(deed.asked.get("breaks", ())), True
        elif deed.what == SEEN:
            self._unseen = False
        known = self._known.get(deed.what.partition(".")[0], {})
        for change in deed.changes:
            if change.new is None:
                known.pop(change.key, None)
            else:
                known[change.key] = change.new


class _Linked(Deed, frozen=True, kw_only=True):
    previous: str


class _Line(Struct, frozen=True):
    n: int
    t: datetime
    d: _Linked


def _line(raw: bytes) -> _Line | None:
    if decode_line(raw) is None:
        return None
    try:
        return msgspec.json.decode(raw, type=_Line)
    except msgspec.DecodeError:  # whole, and yet no deed: somebody made it up, or a later version
        return None


def _deed(raw: bytes) -> Deed | None:
    line = _line(raw)
    return line.d if line is not None else None


def _item(raw: bytes) -> AuditItem | None:
    line = _line(raw)
    if line is None:
        return None
    fields = {name: getattr(line.d, name) for name in line.d.__struct_fields__}
    return AuditItem(n=line.n, at=line.t, sha256=hashlib.sha256(raw).hexdigest(), **fields)
