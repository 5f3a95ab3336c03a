"""Who changed what: `audit.jsonl`, append-only and hash-chained, and what the core itself notices to have changed."""

import asyncio
import errno
import hashlib
import logging
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
from core.wire_audit import AuditItem, Change, Outcome

log = logging.getLogger(__name__)

NAME: Final = "audit.jsonl"
BROKEN: Final = "audit.broken"
LOST: Final = "audit.lost"
SEEN: Final = "durability.acknowledge"
_MOST_WAITING: Final = 1000
_AT_ONCE: Final = 20  # written by one thread, so that slow is not taken for hanging
_MOST_SHOWN: Final = 3
_MOST_CHANGES: Final = 200  # in one deed of what was noticed: the rest is in further ones
# Bytes of a line: whoever can change the configuration must not fill the disk with it.
_LONGEST: Final = 4 * 1024 * 1024
_AGAIN_S: Final = 10.0
_PATIENCE_S: Final = 3.0  # for a disk that doesn't answer; whoever changed something has an answer to get

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
    outcome: Outcome = "done"
    request_id: str | None = None


class _Reading(Struct, frozen=True):
    """Of `what` these are the values now; whether that is a change is known when its turn to be written has come."""

    what: str
    values: Values


class Audit:
    """Open over `directory`. `problem` says why it can't be written, or that it was tampered with or damaged and nobody has
    acknowledged that yet.

    One thread at a time writes what waits, so that a disk which hangs holds one and no more; the loop alone adds to what
    waits and counts it.
    """

    def __init__(self, directory: Path, clock: Clock, *, patience_s: float = _PATIENCE_S):
        self._path, self._clock, self._patience_s = directory / NAME, clock, patience_s
        self._log: ChainLog | None = None
        self._waiting: deque[Deed | _Reading] = deque()
        self._kept = self._done = 0  # how many ever waited, and how many of them wait no more
        self._too_many = 0  # that were not even kept waiting
        self._writing: asyncio.Future[None] | None = None
        self._began_s = 0.0
        self._hangs = False
        self._unwritten: str | None = None
        self._told: set[str] = set()  # breaks of the chain that are on record
        self._unseen: list[str] = []  # those of them that nobody has acknowledged
        self._known: dict[str, dict[str, Any]] = {}
        self.begun = asyncio.Event()

    @property
    def problem(self) -> str | None:
        why = f"not written for {self._clock.steady() - self._began_s:.0f} s" if self._hangs else self._unwritten
        if why is not None:
            lost = f", and {self._too_many} more are lost" if self._too_many else ""
            late = f"{len(self._waiting)} changes are not on record yet" if self._waiting else "it can't be written"
            return f"{late}{lost} ({why})"
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
            if self._waiting or self._too_many or self._unwritten is not None:
                await self._settle()

    async def record(self, deed: Deed) -> None:
        """Returns once it is on disk; what can't be written there, or not soon, is kept and tried again, and shown as a
        problem. Cancelled, it is kept all the same.
        """
        await self._keep(_bounded(deed))

    async def notice(self, what: str, now: Values) -> None:
        """Of `config`, `tokens` or `operators`, whose values are now these: what differs from the last that is on record was
        changed in the file. A secret shows as its mask, so that another one there is not noticed.
        """
        await self._keep(_Reading(what, now))

    def read(self, start: int | None = None) -> Generator[tuple[int, AuditItem | None]]:
        """The entries with their places, newest first, from the place before `start`; None for what is altered beyond reading.
        Blocks; any thread. Raises OSError.
        """
        if self._log is None:
            raise OSError(errno.EAGAIN, self._unwritten or "it is not open yet")
        with closing(self._log.newest_first(start)) as lines:
            for place, raw in lines:
                yield place, _item(raw)

    # -- in the loop -------------------------------------------------------------------------------------------------

    async def _keep(self, one: Deed | _Reading) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            await self._settle()
        self._tell_lost()
        if len(self._waiting) < _MOST_WAITING:
            self._wait(one)
        else:
            self._too_many += 1
        await self._settle()

    def _wait(self, one: Deed | _Reading) -> None:
        self._waiting.append(one)
        self._kept += 1

    def _tell_lost(self) -> None:
        if self._too_many and len(self._waiting) < _MOST_WAITING:
            self._wait(Deed(actor="core", origin="core", what=LOST, asked={"changes": self._too_many}))
            self._too_many = 0

    async def _settle(self) -> None:
        """Until all that waits now is written, or it turns out that it can't be, or the disk hangs."""
        self._tell_lost()
        last = self._kept
        while not self._hangs:
            if (writing := self._writing or self._begin()) is None:
                return
            ended, _ = await asyncio.wait([writing], timeout=self._patience_s)
            self._hangs = not ended
            if self._unwritten is not None or self._done >= last:
                return

    def _begin(self) -> "asyncio.Future[None] | None":
        try:
            self._writing = asyncio.get_running_loop().run_in_executor(None, self._write_waiting)
        except RuntimeError as error:  # no thread to be had
            self._unwritten, self._hangs = str(error), False
            return None
        self._began_s = self._began_s if self._hangs else self._clock.steady()
        self._writing.add_done_callback(self._ended)
        return self._writing

    def _ended(self, writing: "asyncio.Future[None]") -> None:
        self._writing, self._done = None, self._kept - len(self._waiting)
        error = writing.exception()
        why = str(getattr(error, "strerror", None) or error) if error is not None else None
        if why is not None and self._unwritten is None:
            log.warning("the audit can't be written (%s)", why, exc_info=None if isinstance(error, OSError) else error)
        self._unwritten = why
        more = bool(self._waiting) and why is None
        self._hangs = self._hangs and more
        if more:
            self._begin()

    # -- in a thread -------------------------------------------------------------------------------------------------

    def _write_waiting(self) -> None:
        chained = self._opened()
        self._tell_breaks(chained)
        for _ in range(min(len(self._waiting), _AT_ONCE)):
            one = self._waiting[0]
            for deed in self._noticed(one) if isinstance(one, _Reading) else (one,):
                self._append(chained, deed)
            self._waiting.popleft()
            self._tell_breaks(chained)

    def _append(self, chained: ChainLog, deed: Deed) -> None:
        chained.append(deed.what, msgspec.json.encode(deed))
        self._remember(deed)

    def _noticed(self, reading: _Reading) -> list[Deed]:
        before, now = self._known.get(reading.what, {}), reading.values
        changes = tuple(
            Change(key=key, old=before.get(key), new=now.get(key))
            for key in sorted({*before, *now})
            if before.get(key) != now.get(key)
        )
        noticed = Deed(actor="core", origin="file", what=f"{reading.what}.noticed")
        parts = (changes[at : at + _MOST_CHANGES] for at in range(0, len(changes), _MOST_CHANGES))
        return [_bounded(structs.replace(noticed, changes=part)) for part in parts]

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
            self._append(chained, Deed(actor="core", origin="file", what=BROKEN, asked={"breaks": found}))

    def _remember(self, deed: Deed) -> None:
        if deed.what == BROKEN and isinstance(breaks := deed.asked.get("breaks"), list):
            self._unseen += [str(one) for one in breaks]
            self._told.update(self._unseen)
        elif deed.what == SEEN and deed.outcome == "done":
            self._unseen = []
        values = self._known.setdefault(deed.what.partition(".")[0], {})
        for change in deed.changes:
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
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # whole, and yet no deed: somebody made it up, or a later version


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
