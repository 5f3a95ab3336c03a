"""Who changed what: `audit.jsonl`, append-only and hash-chained, and what the core itself notices to have changed."""

import asyncio
import errno
import hashlib
import logging
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from core.clock import Clock
from core.journal.chain import ChainLog
from core.journal.lines import decode_line
from core.wire_audit import AuditItem, Change

log = logging.getLogger(__name__)

NAME: Final = "audit.jsonl"
BROKEN: Final = "audit.broken"
LOST: Final = "audit.lost"
SEEN: Final = "durability.acknowledge"
_MOST_WAITING: Final = 1000
_MOST_SHOWN: Final = 3
_LONGEST: Final = (
    4 * 1024 * 1024
)  # bytes of a line: whoever can change the configuration must not fill the disk with it
_AGAIN_S: Final = 10.0

Values = Mapping[str, Any]


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
        self._waiting: deque[Deed] = deque()
        self._too_many = 0  # that were not even kept waiting
        self._writing = threading.Lock()  # held by a thread: a caller who leaves must not let another one in beside it
        self._unwritten: str | None = None
        self._told: set[str] = set()  # breaks of the chain that are on record
        self._unseen: list[str] = []  # those of them that nobody has acknowledged
        self._known: dict[str, dict[str, Any]] = {}
        self.begun = asyncio.Event()

    @property
    def problem(self) -> str | None:
        if self._unwritten is not None:
            lost = f", and {self._too_many} more are lost" if self._too_many else ""
            return f"{len(self._waiting)} changes are not on record yet{lost} ({self._unwritten})"
        if found := self._unseen:
            more = f"; and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
            return f"lines were altered, removed or put in: {'; '.join(found[:_MOST_SHOWN])}{more}; to be acknowledged"
        return None

    @property
    def newest(self) -> tuple[int, str]:
        """Number and SHA-256 of the last line: whoever keeps it elsewhere can tell later that nothing was changed."""
        return (self._log.chain.n, self._log.chain.sha256) if self._log is not None else (0, "")

    @property
    def lines(self) -> int:
        return self._log.chain.lines if self._log is not None else 0

    async def run(self, version: str, **now: Values) -> None:
        """Put on record that the core has started and what differs from `now` (as in `notice`), which is `begun`; from then on
        try again to write what could not be written.
        """
        if not self.begun.is_set():
            try:
                await self.record(Deed(actor="core", origin="core", what="core.started", asked={"version": version}))
                for name, values in now.items():
                    await self.notice(name, values)
            finally:
                self.begun.set()
        while True:
            await self._clock.sleep(_AGAIN_S)
            if self._waiting or self._unwritten is not None:
                await asyncio.to_thread(self._write_down)

    async def record(self, deed: Deed) -> None:
        """Returns once it is on disk; what can't be written there is kept and tried again, and shown as a problem."""
        if len(self._waiting) >= _MOST_WAITING:
            await asyncio.to_thread(self._write_down)
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append(_bounded(deed))
        else:
            self._too_many += 1
        await asyncio.to_thread(self._write_down)

    async def notice(self, what: str, now: Values) -> None:
        """Of `config`, `tokens` or `operators`, whose values are now these: what differs from the last that is on record was
        changed in the file. A secret shows as its mask, so that another one there is not noticed.
        """
        await asyncio.to_thread(self._notice, what, now)

    def read(self, start: int | None = None) -> Generator[tuple[int, AuditItem | None]]:
        """The entries with their places, newest first, from the place before `start`; None for what is altered beyond reading.
        Blocks; any thread. Raises OSError.
        """
        if self._log is None:
            raise OSError(errno.EAGAIN, self._unwritten or "it is not open yet")
        with closing(self._log.newest_first(start)) as lines:
            for place, raw in lines:
                yield place, _item(raw)

    # -- in a thread -------------------------------------------------------------------------------------------------

    def _write_down(self) -> None:
        with self._writing:
            try:
                self._write_waiting()
            except OSError as error:
                if self._unwritten is None:
                    log.warning("the audit can't be written (%s)", error.strerror)
                self._unwritten = str(error.strerror)
            else:
                self._unwritten = None

    def _write_waiting(self) -> None:
        chained = self._opened()
        self._tell_breaks(chained)
        while self._waiting:
            deed = self._waiting[0]
            chained.append(deed.what, msgspec.json.encode(deed))
            self._remember(deed)
            self._waiting.popleft()
            self._tell_breaks(chained)
        if self._too_many:
            lost = Deed(actor="core", origin="core", what=LOST, asked={"changes": self._too_many})
            chained.append(lost.what, msgspec.json.encode(lost))
            self._too_many = 0

    def _notice(self, what: str, now: Values) -> None:
        self._write_down()
        with self._writing:
            if self._log is None:  # what differs is then found by a later start
                return
            before = dict(self._known.get(what, {}))
            for deed in self._waiting:
                _fold(before, what, deed)
            changes = tuple(
                Change(key=key, old=before.get(key), new=now.get(key))
                for key in sorted({*before, *now})
                if before.get(key) != now.get(key)
            )
            if changes:
                self._waiting.append(
                    _bounded(Deed(actor="core", origin="file", what=f"{what}.noticed", changes=changes))
                )
        self._write_down()

    def _opened(self) -> ChainLog:
        if self._log is None:
            chained = ChainLog(self._path, self._clock)
            for deed in _deeds(chained.lines()):
                self._remember(deed)
            self._log = chained
        return self._log

    def _tell_breaks(self, chained: ChainLog) -> None:
        """Put on record, once, where the chain is broken."""
        if found := [one for one in chained.chain.told if one not in self._told]:
            deed = Deed(actor="core", origin="file", what=BROKEN, asked={"breaks": found})
            chained.append(deed.what, msgspec.json.encode(deed))
            self._remember(deed)

    def _remember(self, deed: Deed) -> None:
        if deed.what == BROKEN and isinstance(breaks := deed.asked.get("breaks"), list):
            self._unseen += [str(one) for one in breaks]
            self._told.update(self._unseen)
        elif deed.what == SEEN:
            self._unseen = []
        name = deed.what.partition(".")[0]
        _fold(self._known.setdefault(name, {}), name, deed)


def _fold(values: dict[str, Any], name: str, deed: Deed) -> None:
    """What `values` are after this deed, where it is one of theirs."""
    for change in deed.changes if deed.what.partition(".")[0] == name else ():
        if change.new is None:
            values.pop(change.key, None)
        else:
            values[change.key] = change.new


def _bounded(deed: Deed) -> Deed:
    size = len(msgspec.json.encode(deed))
    return deed if size <= _LONGEST else structs.replace(deed, asked={"left_out_bytes": size}, changes=())


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
    except (
        msgspec.DecodeError,
        UnicodeDecodeError,
        RecursionError,
    ):  # whole, and yet no deed: somebody made it up, or a later version
        return None


def _deeds(lines: Iterable[bytes]) -> Iterator[Deed]:
    for raw in lines:
        if (line := _line(raw)) is not None:
            yield line.d


def _item(raw: bytes) -> AuditItem | None:
    line = _line(raw)
    if line is None:
        return None
    fields = {name: getattr(line.d, name) for name in line.d.__struct_fields__}
    return AuditItem(n=line.n, at=line.t, sha256=hashlib.sha256(raw).hexdigest(), **fields)
