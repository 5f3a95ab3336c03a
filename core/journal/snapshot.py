"""SnapshotJournal: the newest document of each live item, on disk before its writer is told so.

Memory is the truth. A round takes whatever waits, writes it in one go, syncs once, and answers those who wait; what arrives
meanwhile goes with the next round, and nobody waits for a timer. Rounds are made one at a time: by a thread of the
journal's own, or by a plain thread that would else wait for it. When the disk fails, the state is rewritten
to a new file at once; while that fails too, the journal is memory-only, says so, and tries again, at last every minute.
"""

import contextlib
import errno
import logging
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from core.clock import Clock, utc_text
from core.errors import JournalError
from core.journal import files
from core.journal.active import ActiveFile
from core.journal.lines import document_of, encode_line, generation
from core.journal.quarantine import Quarantine
from core.journal.recovery import Recovered, recover
from core.journal.rounds import AT_LEISURE_S, Pending, Rounds
from core.journal.settling import Settling
from core.journal.standing import Standing
from core.wire import JournalHealth

log = logging.getLogger(__name__)

SOON_S: Final = 0.002  # costs one more repetition after a crash, and saves most of the syncs of a backlog
LOOK_S: Final = 60.0  # how often an idle journal looks after its file
COMPACT_LINES, COMPACT_BYTES, COMPACT_FACTOR = 5000, 4 * 1024 * 1024, 4


_NOTHING: Final = (0, b"")


class SnapshotJournal:
    """Open with the data directory locked. `items()` then gives what survived; `put` and `delete` change it.

    Opening never fails: a file that may not be touched (newer version, unreadable) leaves the journal memory-only.
    """

    def __init__(self, path: Path, clock: Clock, app: str = ""):
        self._path, self._clock, self._app = path, clock, app
        self._gate = threading.Lock()  # for what is in memory; never held for long
        self._quarantine = Quarantine(path.parent / "quarantine", path.name)
        self._standing = Standing(path.name, clock)
        self._forbidden: JournalError | None = None
        self._found = found = self._recover()
        new = found.accident is not None and not self._quarantine.knows(found.accident)
        self._unseen = self._quarantine.unacknowledged() + new
        self._live, self._unknown = found.live, found.unknown
        self._live_size = sum(len(line) for _, line in found.live.values())
        self._unknown_size = sum(len(line) for _, line in found.unknown)
        self._n = found.last_n
        self._settling = Settling(self._n, self._gate)
        self.epoch = found.epoch or secrets.token_hex(4)
        self._pending = Pending(clock)
        self._file = ActiveFile(path, found, self._quarantine, clock)
        self._compact_above_lines, self._compact_above_bytes = COMPACT_LINES, COMPACT_BYTES
        self._start()
        self._rounds = Rounds(f"journal {path.name}", self._pending, self._round, self._patience_s)

    def _recover(self) -> Recovered:
        try:
            return recover(self._path, had_accidents=self._quarantine.used)
        except JournalError as error:
            self._forbidden = error
            return Recovered()

    # -- the owner's side: memory first, never a wait for the disk -------------------------------------------------

    @property
    def seq(self) -> int:
        """The number of the newest change."""
        return self._n

    @property
    def live_bytes(self) -> int:
        """What the live items take in the file."""
        return self._live_size

    def items(self) -> Iterator[tuple[str, int, bytes]]:
        """(id, n, document) of every item that is live at this moment, oldest change first."""
        with self._gate:
            held = list(self._live.items())
        return ((item_id, n, document_of(line)) for item_id, (n, line) in held)

    def put(self, item_id: str, document: bytes, *, lazy: bool = False, soon: bool = False) -> int:
        """Make `document` (JSON) the newest of `item_id`; returns its number for `settled`.

        `lazy` is for what a crash may repeat without harm: it waits up to AT_LEISURE_S for company; `soon`, for what had
        better not be repeated but may be, SOON_S.
        """
        with self._gate:
            line = self._queue("put", item_id, document, AT_LEISURE_S if lazy else SOON_S if soon else 0.0)
            former = self._live.pop(item_id, _NOTHING)  # taken out, so that the order stays the order of n
            self._live_size += len(line) - len(former[1])
            self._live[item_id] = (self._n, line)
            return self._n

    def delete(self, item_id: str, *, lazy: bool = False) -> int:
        """End `item_id` with a line of its own."""
        with self._gate:
            if self._drop(item_id):
                self._queue("del", item_id, b"null", AT_LEISURE_S if lazy else 0.0)
            return self._n

    def forget(self, item_id: str) -> None:
        """Leave `item_id` out of the next rewrite. Its last document must have been a terminal one: it may come back."""
        with self._gate:
            self._drop(item_id)

    async def settled(self, n: int) -> None:
        """Return once change `n` is synced, or the journal is visibly not durable."""
        await self._settling.settled(n)

    def wait(self, n: int) -> None:
        """`settled` for a plain thread."""
        self._rounds.lead()
        self._settling.wait(n)

    def health(self) -> JournalHealth:
        with self._gate:
            file, standing, found, kept = self._file, self._standing, self._found, self._quarantine
            return JournalHealth(
                state=standing.state,
                reason=standing.reason,
                since=standing.since,
                degraded=self._unseen > 0 or self._forbidden is not None,
                unacknowledged=self._unseen,
                last_sync_ms=round(file.last_sync_ms, 3),
                worst_sync_ms=round(file.worst_sync_ms, 3),
                torn_tails=found.torn_tails,
                damaged_lines=found.damaged,
                lost_numbers=found.gap,
                quarantined_files=kept.files,
                quarantined_bytes=kept.bytes,
                unclean_starts=found.unclean_starts,
                unclean_start=found.unclean,
                size=file.size,
                lines=file.lines,
                live=len(self._live),
                generation=found.gen,
            )

    def acknowledge(self, by: str) -> None:
        """A person has seen the damage: no longer degraded. Blocks; raises OSError where that can't be written down, or the
        damaged bytes are not in quarantine yet.
        """
        if self._file.accident is not None:
            raise OSError(errno.EAGAIN, "the damaged bytes can't be put into quarantine yet")
        self._quarantine.acknowledge(by, utc_text(self._clock.now()))
        with self._gate:
            self._unseen = 0

    def close(self) -> None:
        """Write what is pending and the mark of a clean end. While memory-only, try the disk a last time."""
        self._rounds.end()
        self._say_bye()

    def _queue(self, kind: str, item_id: str, document: bytes, within_s: float) -> bytes:
        line = encode_line(self._n + 1, self._pending.time(), kind, item_id, document)
        self._n += 1
        self._pending.add(line, within_s)
        return line

    def _drop(self, item_id: str) -> bool:
        gone = self._live.pop(item_id, None)
        if gone is not None:
            self._live_size -= len(gone[1])
        return gone is not None

    # -- the file's side: one thread at a time --------------------------------------------------------------------

    def _start(self) -> None:
        if self._found.rewrite:
            self._rewrite()
            return
        try:
            self._file.open()
            self._file.hold_reserve()
        except OSError as error:
            self._standing.wait()
            self._lose(error)

    def _patience_s(self) -> float:
        return LOOK_S if self._file.is_open else max(0.1, self._standing.probe_in_s)

    def _round(self, last: bool) -> None:
        """Bring all that waits to the disk."""
        upto = 0
        try:
            with self._gate:
                batch, upto = self._pending.take(), self._n
            self._commit(batch, closing=last)
        # Neither a mistake of ours nor Ctrl-C in the thread that waits may pass for a sound disk, or hang who waits.
        except BaseException as error:
            self._file.close()
            self._lose(OSError(f"{type(error).__name__} in the journal itself"))
            if not isinstance(error, Exception):
                raise
            self._standing.wait()
            log.exception("writing %s failed", self._path.name)
        finally:
            self._settling.announce(upto)

    def _commit(self, batch: list[bytes], *, closing: bool) -> None:
        if not self._file.is_open:
            if closing or self._standing.probe_in_s <= 0:
                self._rewrite()
        elif not self._written(batch) or (self._overgrown() and not closing):
            self._rewrite()
        elif not (batch or closing):
            self._file.hold_reserve()

    def _written(self, batch: list[bytes]) -> bool:
        try:
            if batch:
                self._file.append(b"".join(batch), len(batch))
            self._file.check()
        except OSError as error:
            if self._file.accident is not None:  # somebody did something to it under our hands
                self._found.note(self._file.accident)
                self._unseen += 1
            self._lose(error)
            return False
        return True

    def _overgrown(self) -> bool:
        lines, size = len(self._live) + len(self._unknown), self._live_size + self._unknown_size
        return self._file.lines > max(self._compact_above_lines, COMPACT_FACTOR * lines) or (
            self._file.size > max(self._compact_above_bytes, COMPACT_FACTOR * size)
        )

    def _rewrite(self) -> None:
        """Make the file anew from memory. In vain: go on with the old one where it is still trusted, else in memory."""
        if self._forbidden is not None:
            self._standing.wait()
            self._lose(OSError(str(self._forbidden)))
            return
        try:
            self._write_generation()
            self._unseen = self._quarantine.unacknowledged()  # what was found at the start is reported now
            self._file.hold_reserve()
        except OSError as error:
            if self._file.is_open:
                self._compact_above_lines = self._file.lines + COMPACT_LINES
                self._compact_above_bytes = self._file.size + COMPACT_BYTES
            else:
                self._standing.wait()
                self._lose(error)

    def _write_generation(self) -> None:
        with self._gate:
            items = [*self._unknown, *self._live.values()]
            upto, absorbed = self._n, len(self._pending)
        items.sort()
        found = self._found
        head, now = found.next_head(self.epoch, len(items), upto, self._app), utc_text(self._clock.now())

        def write() -> None:
            self._file.rewrite(generation(head, found.head_document, items, now), len(items) + 1)

        try:
            write()
        except OSError as error:
            if error.errno not in files.NO_ROOM or not self._file.make_room():
                raise
            write()
        self._adopt(absorbed)
        self._settling.announce(upto)

    def _adopt(self, absorbed: int) -> None:
        """The new generation is the file now; lines that waited and are in it already need no second writing."""
        with self._gate:
            self._pending.absorb(absorbed)
            self._found.gen += 1
            self._compact_above_lines, self._compact_above_bytes = COMPACT_LINES, COMPACT_BYTES
            self._standing.regained()

    def _lose(self, error: OSError) -> None:
        with self._gate:
            self._standing.lost(error)
        self._pending.ring()  # the next probe is nearer now

    def _say_bye(self) -> None:
        """After everything else, so that no rewrite can swallow the mark; what came too late for that has no clean end."""
        if not self._file.is_open or self._pending:
            self._file.close()
            return
        with self._gate:
            self._n += 1
            line = encode_line(self._n, utc_text(self._clock.now()), "bye", "", b"null")
        with contextlib.suppress(OSError):  # everything accepted is on disk; only the mark is missing
            self._file.append(line, 1)
        self._file.close()
