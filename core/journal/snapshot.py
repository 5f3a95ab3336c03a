"""SnapshotJournal: the newest document of each live item, on disk before its writer is told so.

Memory is the truth. A thread of its own takes whatever waits, writes it in one go, calls fdatasync once, and answers those
who wait; what arrives meanwhile goes with the next round, and nobody waits for a timer. Rules of this file:
 1. After a failed write or sync the descriptor is never used again: the state is rewritten to a new file. While that
    fails too, the journal is memory-only, says so, and tries again every PROBE_S.
 2. Compaction, repair and healing are one routine, `_rewrite`: write new, fsync, rename, fsync the directory.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from core.clock import Clock, utc_text
from core.journal import files
from core.journal.lines import Head, encode_line, generation
from core.wire import Durability, JournalHealth

log = logging.getLogger(__name__)

LAZY_S: Final = 1.0  # what may be repeated after a crash waits this long for company
PROBE_S: Final = 60.0
COMPACT_LINES, COMPACT_FACTOR = 5000, 4


class SnapshotJournal:
    """Open with the data directory locked. `items()` then gives what survived; `put` and `delete` change it.

    Raises JournalError at opening when the file may not be touched (newer version, unreadable).
    """

    def __init__(self, path: Path, clock: Clock, app: str = ""):
        self._path, self._clock, self._app = path, clock, app
        self._gate = threading.Condition()
        found = files.recover(path)
        self._found = found
        self._live = found.live
        self._n = self._settled_n = found.last_n
        self.epoch = found.epoch or secrets.token_hex(4)
        self._gen, self._lines, self._size = found.gen, found.lines, found.size
        self._pending: list[bytes] = []
        self._urgent = self._closing = False
        self._waiters: list[tuple[int, Callable[[], None]]] = []
        self._fd: int | None = None
        self._state = Durability.DURABLE
        self._reason: str | None = None
        self._since: datetime | None = None
        self._probe_at = 0.0
        self._compact_above = COMPACT_LINES
        self._aside = found.aside
        self._quarantined = 0
        self._keep_previous = found.sound  # a damaged or empty file must not take the place of a good `.prev`
        self._last_sync_ms = self._worst_sync_ms = 0.0
        self._start(rewrite=found.rewrite)
        self._thread = threading.Thread(target=self._run, name=f"journal {path.name}", daemon=True)
        self._thread.start()

    # -- the owner's side: memory first, never a wait for the disk -------------------------------------------------

    @property
    def seq(self) -> int:
        """The number of the newest change."""
        return self._n

    def items(self) -> list[tuple[str, int, bytes]]:
        """(id, n, document) of every live item, oldest change first."""
        with self._gate:
            return [(item_id, n, document) for item_id, (n, document) in self._live.items()]

    def put(self, item_id: str, document: bytes, *, lazy: bool = False) -> int:
        """Make `document` (JSON) the newest of `item_id`; returns its number for `settled`.

        `lazy` is for what a crash may repeat without harm: it waits up to LAZY_S for company.
        """
        with self._gate:
            self._queue("put", item_id, document, lazy=lazy)
            self._live.pop(item_id, None)
            self._live[item_id] = (self._n, document)
            return self._n

    def delete(self, item_id: str, *, lazy: bool = False) -> int:
        """End `item_id` with a line of its own."""
        with self._gate:
            if self._live.pop(item_id, None) is not None:
                self._queue("del", item_id, b"null", lazy=lazy)
            return self._n

    def forget(self, item_id: str) -> None:
        """Leave `item_id` out of the next rewrite. Its last document must have been a terminal one: it may come back."""
        with self._gate:
            self._live.pop(item_id, None)

    async def settled(self, n: int) -> None:
        """Return once change `n` is synced, or the journal is visibly not durable."""
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop ended while this change was on its way to the disk
                loop.call_soon_threadsafe(done.set)

        with self._gate:
            if n <= self._settled_n:
                return
            self._waiters.append((n, wake))
        await done.wait()

    def wait(self, n: int) -> None:
        """`settled` for a plain thread."""
        with self._gate:
            self._gate.wait_for(lambda: n <= self._settled_n)

    def health(self) -> JournalHealth:
        with self._gate:
            return JournalHealth(
                state=self._state,
                reason=self._reason,
                since=self._since,
                last_sync_ms=self._last_sync_ms,
                worst_sync_ms=self._worst_sync_ms,
                torn_tails=self._found.torn_tails,
                damaged_lines=self._found.damaged,
                quarantined_files=self._quarantined,
                lost_numbers=self._found.gap,
                unclean_start=self._found.unclean,
                size=self._size,
                lines=self._lines,
                generation=self._gen,
            )

    def close(self) -> None:
        """Write what is pending and the mark of a clean end. While memory-only, try the disk a last time."""
        with self._gate:
            self._closing = True
            self._gate.notify_all()
        self._thread.join()

    def _queue(self, kind: str, item_id: str, document: bytes, *, lazy: bool) -> None:
        line = encode_line(self._n + 1, utc_text(self._clock.now()), kind, item_id, document)
        self._n += 1
        self._pending.append(line)
        self._urgent = self._urgent or not lazy
        self._gate.notify_all()

    # -- the journal's own thread: the only one that touches the file ----------------------------------------------

    def _run(self) -> None:
        closing = False
        while not closing:
            with self._gate:
                probe_s = PROBE_S if self._fd is not None else max(0.1, self._probe_at - self._clock.steady())
                self._gate.wait_for(lambda: self._pending or self._closing, timeout=probe_s)
                if self._pending and not self._urgent:
                    self._gate.wait_for(lambda: self._urgent or self._closing, timeout=LAZY_S)
                batch, self._pending, self._urgent = self._pending, [], False
                upto, closing = self._n, self._closing
            try:
                self._commit(batch, closing=closing)
            except Exception as error:  # a mistake of ours must neither pass for a sound disk nor hang who waits
                log.exception("writing %s failed", self._path.name)
                self._abandon(OSError(f"{type(error).__name__} in the journal itself"))
            self._announce(upto)
        self._say_bye()

    def _commit(self, batch: list[bytes], *, closing: bool) -> None:
        if self._fd is None:
            if closing or self._clock.steady() >= self._probe_at:
                self._rewrite_or_remember()
            return
        try:
            if batch:
                self._append(b"".join(batch), len(batch))
            files.check_ours(self._fd, self._path, self._size)
        except OSError as error:
            self._abandon(error)
            self._rewrite_or_remember()
            return
        if self._lines > max(self._compact_above, COMPACT_FACTOR * len(self._live)) and not closing:
            self._rewrite_or_remember()

    def _say_bye(self) -> None:
        """After everything else, so that no rewrite can swallow the mark."""
        if self._fd is None:
            return
        with self._gate:
            self._n += 1
            line = encode_line(self._n, utc_text(self._clock.now()), "bye", "", b"null")
        with contextlib.suppress(OSError):  # everything accepted is on disk; only the mark is missing
            self._append(line, 1)
        self._drop_descriptor()

    def _drop_descriptor(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            with contextlib.suppress(OSError):  # what it reports was reported by a write or a sync before
                os.close(fd)

    def _append(self, data: bytes, lines: int) -> None:
        assert self._fd is not None
        files.write_all(self._fd, data)
        started = self._clock.steady()
        os.fdatasync(self._fd)
        took = (self._clock.steady() - started) * 1000
        with self._gate:
            self._last_sync_ms, self._worst_sync_ms = took, max(took, self._worst_sync_ms)
            self._size += len(data)
            self._lines += lines

    def _abandon(self, error: OSError) -> None:
        """Never trust this descriptor again: a second fsync would report success for pages that are gone."""
        self._drop_descriptor()
        self._not_durable(error)

    def _not_durable(self, error: OSError) -> None:
        with self._gate:
            self._reason, self._since = error.strerror or str(error), self._since or self._clock.now()
            self._state = Durability.MEMORY_ONLY

    def _rewrite_or_remember(self) -> None:
        """Rewrite; when that fails keep the old file where it is still trusted, else go on in memory and probe."""
        try:
            self._rewrite()
        except OSError as error:
            self._probe_at = self._clock.steady() + PROBE_S
            if self._fd is None:
                self._not_durable(error)
            else:
                self._compact_above = self._lines + COMPACT_LINES  # the old file is sound; try again later

    def _start(self, *, rewrite: bool) -> None:
        if rewrite:
            self._rewrite_or_remember()
            return
        try:
            self._fd = files.open_append(self._path)
        except OSError as error:
            self._not_durable(error)

    def _rewrite(self) -> None:
        with self._gate:
            items = list(self._live.items())
            upto = self._n
            absorbed = len(self._pending)
        if self._aside is not None:
            files.set_aside(self._path, self._aside)
            self._aside, self._quarantined = None, self._quarantined + 1
        new = files.new_of(self._path)
        fd = files.create_new(new)
        try:
            size = self._write_generation(fd, items, upto)
            os.fsync(fd)
            if self._keep_previous:
                files.keep_previous(self._path)
            new.replace(self._path)
        except OSError:
            os.close(fd)
            new.unlink(missing_ok=True)
            raise
        try:
            files.sync_directory(self._path.parent)
        except OSError as error:
            os.close(fd)
            self._abandon(error)
            raise
        self._adopt(fd, lines=len(items) + 1, size=size, absorbed=absorbed)
        self._announce(upto)

    def _write_generation(self, fd: int, items: list[tuple[str, tuple[int, bytes]]], upto: int) -> int:
        head = Head(gen=self._gen + 1, epoch=self.epoch, items=len(items), upto=upto, app=self._app)
        size = 0
        for data in generation(head, items, utc_text(self._clock.now())):
            files.write_all(fd, data)
            size += len(data)
        return size

    def _adopt(self, fd: int, *, lines: int, size: int, absorbed: int) -> None:
        """The new generation is the file now; lines that waited and are in it already need no second writing."""
        self._drop_descriptor()
        with self._gate:
            self._fd = fd
            del self._pending[:absorbed]
            self._gen, self._lines, self._size = self._gen + 1, lines, size
            self._compact_above, self._keep_previous = COMPACT_LINES, True
            self._state, self._reason, self._since = Durability.DURABLE, None, None

    def _announce(self, upto: int) -> None:
        with self._gate:
            self._settled_n = max(self._settled_n, upto)
            ready = [wake for n, wake in self._waiters if n <= self._settled_n]
            self._waiters = [(n, wake) for n, wake in self._waiters if n > self._settled_n]
            self._gate.notify_all()
        for wake in ready:
            wake()
