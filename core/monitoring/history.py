"""The minutes of every sensor, kept for long: gathered in memory as readings come, committed about once a minute.

Minutes are cut by the samples' steady time and labelled with the wall clock's, so that neither a jump of the clock nor the
speed of a simulation changes a row. A disk that refuses stops nothing: rows wait in memory, up to a bound.
"""

import asyncio
import logging
import math
import sqlite3
import threading
from collections import deque
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct

from core.clock import Clock
from core.errors import RefusalError
from core.monitoring import minutes
from core.monitoring.in_force import InForce
from core.monitoring.labels import ms
from core.monitoring.minute_file import NAME, Alive, MinuteFile, Row, is_damage
from core.monitoring.minutes import QUALITIES, SCALE
from core.monitoring.series import Series, series_of
from core.samples import Reading
from core.settings import History as Settings

COMMIT_S: Final = 60.0
LONGEST_RESTART_S: Final = COMMIT_S + 60.0  # of the program, seen from its last commit
PRUNE_S: Final = 3600.0
MOST_WAITING: Final = 100_000  # a day of 64 sensors
HANGS_S: Final = 60.0  # no disk takes that long for a few pages
MOST_ASKERS: Final = 2  # at once: each keeps a core busy while it reads, and the others wait without costing anything
CLOSE_S: Final = 3.0  # a disk that hangs must not hold up the stop

log = logging.getLogger(__name__)


class _Open(Struct):
    """The minute of one sensor that is going on."""

    minute: int
    local: int
    at: datetime
    low: float = 0.0
    high: float = 0.0
    sum: float = 0.0
    good: int = 0
    missed: int = 0
    quality: int = 0
    fresh: bool = True  # whether anything came since the last commit
    ended: bool = False  # early, since nothing came


class History:
    """Open over `DIR/history.sqlite3`; one a data directory. `now` is what this run is set to."""

    def __init__(self, directory: Path, settings: Settings, now: InForce, clock: Clock, boot_id: str):
        self._path, self._settings, self._sensors = directory / NAME, settings, frozenset(now.sensors)
        self._clock, self._boot_id = clock, boot_id
        self._open: dict[str, _Open] = {}
        self._waiting: deque[Row] = deque()
        self._dropped = 0
        self._refused: str | None = None
        self._damaged: str | None = None  # an old page that nobody but a reader has touched
        self._writing_since_s: float | None = None
        self._one_at_a_time = threading.Lock()
        self._askers = asyncio.Semaphore(MOST_ASKERS)
        self._file = MinuteFile(self._path, clock, now)
        self._last_alive = self._begin_file()
        self._heard = False
        self._started_s, self._started_at = clock.steady(), clock.now()
        self._unseen = self._file.unacknowledged()

    def _begin_file(self) -> Alive | None:
        alive = None
        try:
            alive = self._file.last_alive()
            self._file.begin()
        except (sqlite3.Error, OSError) as error:
            self._refuse(error)
        return alive

    @property
    def path(self) -> Path:
        """The file, which any thread may read (minutes)."""
        return self._path

    @property
    def problem(self) -> str | None:
        """What is wrong with the file, if anything."""
        why, since_s = self._refused, self._writing_since_s
        if since_s is not None and self._clock.steady() - since_s > HANGS_S:
            why = "the disk hangs"
        if why is not None:
            lost = f", {self._dropped} are lost" if self._dropped else ""
            return f"{NAME} can't be written ({why}); {len(self._waiting)} minutes wait in memory{lost}"
        if self._damaged is not None:
            return f"{NAME} is damaged in places ({self._damaged}); what is new is still kept in it"
        if self._unseen:
            return f"{NAME} was damaged; {self._unseen} pieces are kept in quarantine and a new one was begun"
        return None

    def last_alive(self) -> Alive | None:
        """The last sign of life of the run before this one; None of a first run, or where it can't be read."""
        return self._last_alive

    @property
    def outage_s(self) -> float | None:
        """How long nobody looked before this run; infinite where that is unknown, None where it was no outage or the first run.

        Within a boot the steady clock tells. A box that booted was off, and what the wall clock says of that is no more
        than an estimate.
        """
        alive = self.last_alive()
        if alive is None:
            return None
        if alive.boot_id == self._boot_id:
            gap_s = self._started_s - alive.steady_s
            return gap_s if gap_s > LONGEST_RESTART_S else None
        gap_s = (self._started_at - alive.at).total_seconds()
        if gap_s <= 0 or not self._clock.synchronised():
            return math.inf
        return gap_s if gap_s > LONGEST_RESTART_S else None

    def acknowledge(self, by: str) -> None:
        """A person has seen what was damaged. Raises OSError where that can't be written down."""
        self._file.acknowledge(by)
        self._unseen = self._file.unacknowledged()

    # -- gathering -------------------------------------------------------------------------------------------------

    def add(self, reading: Reading) -> None:
        """Count one reading into its minute. Touches memory only."""
        minute = int(reading.steady_s // 60)
        now = self._open.get(reading.sensor)
        if now is None or now.ended or now.minute != minute:
            now = self._begin(reading, minute, now)
        now.fresh = True
        now.quality = max(now.quality, QUALITIES.index(reading.quality))
        value = reading.value
        self._heard = self._heard or value is not None
        if value is None:
            now.missed += 1
            return
        now.low = value if not now.good else min(now.low, value)
        now.high = value if not now.good else max(now.high, value)
        now.sum += value
        now.good += 1

    def _begin(self, reading: Reading, minute: int, before: _Open | None) -> _Open:
        """Steady time that went back is that of a source which began anew: its minutes follow on."""
        local = 0
        if before is not None:
            local = before.local + max(1, minute - before.minute)
            if not before.ended:
                self._end(reading.sensor, before)
        self._open[reading.sensor] = began = _Open(minute=minute, local=local, at=reading.at)
        return began

    def _end(self, sensor: str, minute: _Open) -> None:
        known = minute.good > 0
        self._waiting.append(
            Row(
                sensor=sensor,
                local=minute.local,
                at_ms=ms(minute.at),
                low=round(minute.low * SCALE) if known else None,
                mean=round(minute.sum / minute.good * SCALE) if known else None,
                high=round(minute.high * SCALE) if known else None,
                good=minute.good,
                missed=minute.missed,
                quality=minute.quality,
            )
        )
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self._dropped += 1

    def _end_all(self, *, fresh: bool) -> None:
        """End the open minutes: those of sensors that fell silent, or the `fresh` ones too."""
        for sensor, minute in self._open.items():
            if not minute.ended and (fresh or not minute.fresh):
                self._end(sensor, minute)
                minute.ended = True  # what still comes of this very minute follows on as one of its own
            minute.fresh = False

    # -- committing ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Commit and prune until cancelled."""
        pruned_s = -PRUNE_S
        while True:
            await self._clock.sleep(COMMIT_S)
            self._end_all(fresh=False)
            await asyncio.to_thread(self.commit)
            if self._clock.steady() - pruned_s >= PRUNE_S and self._refused is None:
                pruned_s = self._clock.steady()
                await self._prune()

    async def close(self) -> None:
        """Commit the open minutes too. What a dead disk doesn't take in time is lost."""
        self._end_all(fresh=True)
        try:
            async with asyncio.timeout(CLOSE_S):
                await asyncio.to_thread(self._commit_and_close)
        except TimeoutError:
            log.warning("%s hangs; the last minutes are not in it", NAME)

    def _commit_and_close(self) -> None:
        self.commit()
        with self._one_at_a_time:
            self._file.close()

    def commit(self) -> None:
        """Write what waits, and the sign of life. Blocks; any thread. What the disk refuses goes on waiting."""
        self._writing_since_s = self._clock.steady()
        with self._one_at_a_time:
            # In one step: the loop goes on adding, and drops the oldest where there are too many.
            rows, self._waiting = self._waiting, deque()
            # Nobody has looked before the first value came: a start that is cut short leaves the outage what it was.
            alive = Alive(boot_id=self._boot_id, steady_s=self._clock.steady(), at=self._clock.now())
            alive = alive if self._heard else self._last_alive or alive
            try:
                self._file.write(rows, alive)
            except (sqlite3.Error, OSError, OverflowError) as error:
                self._waiting.extendleft(reversed(rows))
                self._refuse(error)
            else:
                if self._refused is not None:
                    log.info("%s is written again", NAME)
                self._refused, self._dropped = None, 0
            self._unseen = self._file.unacknowledged()
        self._writing_since_s = None

    def _refuse(self, error: Exception) -> None:
        why = str(error)
        if why != self._refused:
            log.warning("%s can't be written: %s", NAME, why)
        self._refused = why

    async def _prune(self) -> None:
        """The kernel calls a clock that somebody set by hand unsynchronised too: such a one ages nothing."""
        while self._clock.synchronised():
            before = ms(self._clock.now() - timedelta(days=self._settings.minute_days))
            if not await asyncio.to_thread(self._prune_one, before):
                return

    def _prune_one(self, before_ms: int) -> bool:
        with self._one_at_a_time:
            try:
                return self._file.prune(before_ms)
            except (sqlite3.Error, OSError) as error:
                self._file.close()
                self._refuse(error)
                return False

    # -- asking ----------------------------------------------------------------------------------------------------

    async def query(
        self,
        sensor: str,
        since: datetime,
        until: datetime,
        step_s: float,
        *,
        low: float | None = None,
        high: float | None = None,
    ) -> Series:
        """What is on disk of `sensor` from `since` to before `until`, by steps, with the statistics for these limits.

        Raises RefusalError: 404 for a sensor nobody knows, 409 for `since` after `until`, too many steps, or a file that
        can't be read.
        """
        async with self._askers:
            return await asyncio.to_thread(self._query, sensor, since, until, step_s, low, high)

    def _query(
        self, sensor: str, since: datetime, until: datetime, step_s: float, low: float | None, high: float | None
    ) -> Series:
        try:
            with minutes.reading(self._path) as db:
                if sensor not in self._sensors and sensor not in minutes.sensors(db):
                    raise RefusalError(404, "sensor_not_found", "no such sensor is configured or was recorded")
                return series_of(
                    lambda since_ms, until_ms: minutes.minutes(db, sensor, since_ms, until_ms),
                    since,
                    until,
                    step_s,
                    low,
                    high,
                )
        except (sqlite3.Error, OSError) as error:
            self._damaged = str(error) if is_damage(error) else self._damaged
            raise RefusalError(409, "history_unreadable", f"the history can't be read: {error}") from error
