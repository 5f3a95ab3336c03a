"""The loops: poll each source in a task of its own, judge what comes, open and clear cases.

Judging waits for nothing: neither for a disk nor for a network. Pure rules decide; the case book remembers and publishes.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import structs

from core.clock import Clock
from core.events import Severity
from core.monitoring import cases, contacts, polling, rules
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Case, Condition, Kind
from core.monitoring.course import Hold
from core.monitoring.posts import CONTACT_KINDS, TEMPERATURE_KINDS, Line, Post
from core.monitoring.presets import terms_of
from core.monitoring.readings import UNITS, read
from core.monitoring.rules import Change, Edge, Stepped, Watch
from core.samples import Quality, Quantity, Reading, Sample
from core.settings import Cabinet, Sensor

BEAT_S: Final = 1.0
SHORTEST_STALE_S: Final = 300.0
STALE_INTERVALS: Final = 3
CHECKPOINT_S: Final = 60.0  # how much of a running timer a crash may cost
YIELD_EVERY: Final = 500  # samples judged in one go before other loops get their turn


class Monitor:
    """Runs until cancelled. `lines` must cover every sensor's source."""

    def __init__(self, lines: Sequence[Line], cabinets: Sequence[Cabinet], book: CaseBook, clock: Clock):
        self._lines, self._book, self._clock = tuple(lines), book, clock
        by_id = {cabinet.id: cabinet for cabinet in cabinets}
        self._posts = {
            sensor.id: self._post(line, sensor, by_id[sensor.cabinet]) for line in lines for sensor in line.sensors
        }
        self._mates = {
            cabinet.id: [post for post in self._posts.values() if post.cabinet.id == cabinet.id] for cabinet in cabinets
        }
        book.retire({post.key(kind) for post in self._posts.values() for kind in post.kinds})
        self.beat = 0
        self.late_ms = self.worst_late_ms = 0.0

    def _post(self, line: Line, sensor: Sensor, cabinet: Cabinet) -> Post:
        terms = terms_of(cabinet)
        stale_after_s = max(STALE_INTERVALS * line.interval_s, SHORTEST_STALE_S)
        return Post(
            sensor=sensor,
            cabinet=cabinet,
            terms=terms,
            edges=rules.edges_of(terms, stale_after_s) if sensor.quantity is Quantity.TEMPERATURE else (),
            simulated=line.source.simulated,
            stale_after_s=stale_after_s,
            heard_s=self._clock.steady(),
        )

    @property
    def lines(self) -> tuple[Line, ...]:
        return self._lines

    @property
    def posts(self) -> tuple[Post, ...]:
        return tuple(self._posts.values())

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beats())
            for line in self._lines:
                group.create_task(self._poll(line))

    async def close(self) -> None:
        for line in self._lines:
            await line.source.close()

    # -- polling ---------------------------------------------------------------------------------------------------

    async def _poll(self, line: Line) -> None:
        due_s = self._clock.steady()
        while True:
            for count, sample in enumerate(await polling.samples(line, self._clock), start=1):
                self.take(sample)
                if count % YIELD_EVERY == 0:
                    await asyncio.sleep(0)
            # A poll that took longer than its interval skips turns instead of running after them.
            due_s = max(due_s + line.interval_s, self._clock.steady())
            await self._clock.sleep(due_s - self._clock.steady())

    async def _beats(self) -> None:
        """Look for sensors that fell silent, and show that the loop lives."""
        while True:
            due_s = self._clock.steady() + BEAT_S
            await self._clock.sleep(BEAT_S)
            self.late_ms = max(0.0, (self._clock.steady() - due_s) * 1000)
            self.worst_late_ms = max(self.worst_late_ms, self.late_ms)
            self.beat += 1
            self.look_for_silence()

    # -- judging ---------------------------------------------------------------------------------------------------

    def take(self, sample: Sample) -> None:
        """Judge one sample."""
        post = self._posts[sample.sensor]
        reading = read(sample, post.sensor)
        post.reading, post.heard_s, post.silent = reading, self._clock.steady(), False
        self._clear(post, Kind.SENSOR_STALE, reading.at)
        self._judge_fault(post, reading)
        if reading.value is None:
            return
        dt_s = 0.0 if post.judged_s is None else reading.steady_s - post.judged_s
        post.judged_s, post.last_value, post.last_value_at = reading.steady_s, reading.value, reading.at
        window = self._window(post.cabinet) if post.edges else None
        for edge in post.edges:
            self._judge_limit(post, edge, reading, reading.value, dt_s, window)
        self._judge_contact(post, reading, min(dt_s, post.stale_after_s))

    def look_for_silence(self) -> None:
        """A sensor of which nothing was heard for `stale_after_s` is stale: a case of its own."""
        now_s = self._clock.steady()
        for post in self._posts.values():
            if not post.silent and now_s - post.heard_s > post.stale_after_s:
                post.silent = True
                if self._book.current(post.key(Kind.SENSOR_STALE)) is None:
                    self._open(post, Kind.SENSOR_STALE, Severity.WARNING, self._clock.now())
                self._lose_sight(post)

    def _judge_fault(self, post: Post, reading: Reading) -> None:
        good = reading.quality is Quality.GOOD
        key = post.key(Kind.SENSOR_FAULT)
        before = self._book.watch(key)
        after, change = rules.step_fault(before, good=good)
        if change is Change.OPENED:
            self._open(post, Kind.SENSOR_FAULT, Severity.WARNING, reading.at, fault=reading.fault)
        elif change is Change.CLEARED:
            self._clear(post, Kind.SENSOR_FAULT, reading.at)
        if not good and after.severity is not None:
            self._lose_sight(post)
        if after != before:
            self._book.keep_watch(key, after, durable=change is not None)

    def _window(self, cabinet: Cabinet) -> Hold | None:
        """Whether a defrost of this cabinet is known to be under way, or just over with the air not yet back."""
        mine = self._mates[cabinet.id]
        for key in (
            post.key(Kind.DEFROST_OVERRUN) for post in mine if Kind.DEFROST_OVERRUN in post.kinds and post.speaks
        ):
            watch = self._book.watch(key)
            if contacts.may_be_over(watch) and not any(post.may_be_warm for post in mine):
                self._book.keep_watch(key, contacts.recovered(watch), durable=True)
            elif (window := contacts.defrost_window(watch, cabinet.defrost)) is not None:
                return window
        return None

    def _judge_contact(self, post: Post, reading: Reading, dt_s: float) -> None:
        """A door or a defrost contact: closed is 1."""
        closed, cabinet = bool(reading.value), post.cabinet
        if post.sensor.quantity is Quantity.DOOR:
            longest_s = contacts.DOOR_OPEN_S if cabinet.door_open_s is None else cabinet.door_open_s
            self._step(post, Kind.DOOR_OPEN, reading, contacts.step_contact, closed, longest_s, dt_s)
        elif post.sensor.quantity is Quantity.DEFROST:
            self._step(post, Kind.DEFROST_OVERRUN, reading, contacts.step_contact, closed, cabinet.defrost.max_s, dt_s)
            self._step(post, Kind.DEFROST_MISSED, reading, contacts.step_missed, closed, cabinet.defrost, dt_s)

    def _step(self, post: Post, kind: Kind, reading: Reading, rule: Callable[..., Stepped], *how: object) -> None:
        before = self._book.watch(post.key(kind))
        after, change = rule(before, *how)
        if change is Change.OPENED:
            assert after.severity is not None
            self._open(post, kind, after.severity, reading.at, watch=after)
        elif change is Change.CLEARED:
            self._clear(post, kind, reading.at)
        self._keep(post, kind, before, after)

    def _judge_limit(
        self, post: Post, edge: Edge, reading: Reading, value: float, dt_s: float, window: Hold | None
    ) -> None:
        kind = TEMPERATURE_KINDS[edge.side]
        key = post.key(kind)
        before = self._book.watch(key)
        after, change = rules.step(before, edge, value, dt_s, window)
        if change is Change.OPENED:
            assert after.severity is not None
            self._open(post, kind, after.severity, reading.at, edge=edge, watch=after, value=value)
        elif (case := self._book.current(key)) is not None:
            self._follow(case, edge, after, change, reading, value)
        self._keep(post, kind, before, after)

    def _follow(
        self, case: Case, edge: Edge, watch: Watch, change: Change | None, reading: Reading, value: float
    ) -> None:
        """An open case goes on: its course, its severity, its end."""
        severity = watch.severity or case.severity
        was = case.condition
        case = structs.replace(
            case,
            condition=Condition.ACTIVE,
            limit=edge.limit_for(severity),
            value=value,
            peak=edge.worse(case.peak, watch.peak),
            duration_s=max(case.duration_s, round(watch.elapsed_s, 1)),
        )
        if change is Change.CLEARED:
            self._book.put(cases.cleared(case, reading.at))
        elif change is Change.SEVERITY_CHANGED:
            self._book.put(cases.severity_changed(case, severity, reading.at))
        elif was is Condition.UNKNOWN:
            self._book.put(case)
        else:
            self._book.see(case)

    def _keep(self, post: Post, kind: Kind, before: Watch, after: Watch) -> None:
        """Write a timer down when it starts, stops or fires, and now and then while it runs."""
        if after == before:
            return
        now_s = self._clock.steady()
        turned = after.phase != before.phase
        # A contact's clock is not worth a line a minute.
        runs = (after.breaching or after.severity is not None) and kind not in CONTACT_KINDS.get(
            post.sensor.quantity, ()
        )
        durable = turned or (runs and now_s - post.kept_s.get(kind, 0.0) >= CHECKPOINT_S)
        if durable:
            post.kept_s[kind] = now_s
        self._book.keep_watch(post.key(kind), after, durable=durable)

    def _open(
        self,
        post: Post,
        kind: Kind,
        severity: Severity,
        at: datetime,
        *,
        edge: Edge | None = None,
        watch: Watch = rules.IDLE,
        value: float | None = None,
        fault: str | None = None,
    ) -> None:
        """Open a case, or reopen the one of the same trouble that nobody has closed yet."""
        now_s = self._clock.steady()
        post.opened_s[kind] = now_s
        earlier = self._book.cleared(post.key(kind))
        soon_s = now_s - post.cleared_s.get(kind, -rules.REOPEN_WINDOW_S)
        again = watch.quiet_s is not None if edge is not None else soon_s <= rules.REOPEN_WINDOW_S
        if earlier is not None and again:
            if edge is not None:
                peak = edge.worse(earlier.peak, watch.peak)
                earlier = structs.replace(earlier, limit=edge.limit_for(severity), peak=peak)
            self._book.put(cases.reopened(earlier, severity=severity, value=value, fault=fault, at=at))
            return
        case = Case(
            case_id=self._book.new_id(),
            cabinet=post.cabinet.id,
            cabinet_name=post.cabinet.name,
            sensor=post.sensor.id,
            kind=kind,
            severity=severity,
            unit=UNITS[post.sensor.quantity] if edge else "",
            opened_at=at,
            started_at=at - timedelta(seconds=watch.elapsed_s),
            simulated=post.simulated,
            limit=edge.limit_for(severity) if edge else None,
            value=value,
            peak=watch.peak,
            duration_s=round(watch.elapsed_s, 1),
            fault=fault,
        )
        self._book.put(cases.opened(case))

    def _clear(self, post: Post, kind: Kind, at: datetime) -> None:
        case = self._book.current(post.key(kind))
        if case is not None:
            # In steady time: the wall clock may have been in 1970 when it opened.
            now_s = self._clock.steady()
            lasted_s = case.duration_s + now_s - post.opened_s.get(kind, now_s)
            post.cleared_s[kind] = now_s
            self._book.put(cases.cleared(structs.replace(case, duration_s=round(lasted_s, 1)), at))

    def _lose_sight(self, post: Post) -> None:
        """Without a good reading nobody knows whether a temperature case goes on: it neither clears nor opens."""
        for kind in TEMPERATURE_KINDS.values():
            case = self._book.current(post.key(kind))
            if case is not None and case.condition is Condition.ACTIVE:
                self._book.put(structs.replace(case, condition=Condition.UNKNOWN))
