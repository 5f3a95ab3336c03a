"""The loops: poll each source in a task of its own, judge what comes, open and clear cases.

Judging waits for nothing: neither for a disk nor for a network. Pure rules decide; the case book remembers and publishes.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo
from typing import Final

from msgspec import structs

from core.clock import Clock
from core.events import Severity
from core.monitoring import answers, polling
from core.monitoring.answers import Answers
from core.monitoring.case_book import CHECKPOINT_S, CaseBook
from core.monitoring.cases import Kind
from core.monitoring.casework import CaseWork
from core.monitoring.health import HEALTH_KEYS
from core.monitoring.judges import OF_VALUES, Judge, Seen, judges_of
from core.monitoring.posts import Line, Post
from core.monitoring.presets import terms_of
from core.monitoring.readings import gated, read
from core.monitoring.rules import Change, Watch
from core.monitoring.windows import Windows
from core.samples import Quality, Reading, Sample
from core.settings import Cabinet, Sensor

BEAT_S: Final = 1.0
STOOD_STILL_MS: Final = 5000.0
SHORTEST_STALE_S: Final = 300.0
STALE_INTERVALS: Final = 3
YIELD_EVERY: Final = 500  # samples judged in one go before other loops get their turn


log = logging.getLogger(__name__)


class Monitor:
    """Runs until cancelled. `lines` must cover every sensor's source; `record` is told of every reading; `zone` is the site's.
    `outage_s` is how long nobody looked before this start, infinite where that is unknown and None where it was no outage.
    """

    def __init__(
        self,
        lines: Sequence[Line],
        cabinets: Sequence[Cabinet],
        book: CaseBook,
        clock: Clock,
        *,
        record: Callable[[Reading], None] | None = None,
        zone: tzinfo = UTC,
        outage_s: float | None = None,
    ):
        self._lines, self._book, self._clock = tuple(lines), book, clock
        self._record, self._outage_s = record, outage_s
        self._work = CaseWork(book)
        by_id = {cabinet.id: cabinet for cabinet in cabinets}
        self._posts = {
            sensor.id: self._post(line, sensor, by_id[sensor.cabinet]) for line in lines for sensor in line.sensors
        }
        self._windows = Windows(self.posts, book, zone, clock)
        watched = {post.key(kind): post.cabinet.id for post in self._posts.values() for kind in post.kinds}
        book.retire(watched | dict.fromkeys(HEALTH_KEYS, ""), {cabinet.id for cabinet in cabinets})
        self.mistakes: dict[str, str] = {}  # sensor -> what went wrong with judging its newest value
        self.beat = 0
        self.late_ms = self.worst_late_ms = 0.0

    def _post(self, line: Line, sensor: Sensor, cabinet: Cabinet) -> Post:
        terms = terms_of(cabinet)
        stale_after_s = max(STALE_INTERVALS * line.interval_s, SHORTEST_STALE_S)
        return Post(
            sensor=sensor,
            cabinet=cabinet,
            terms=terms,
            judges=judges_of(sensor, cabinet, terms, stale_after_s),
            simulated=line.source.simulated,
            stale_after_s=stale_after_s,
            heard_s=self._clock.steady(),
            outage_s=self._outage_s,
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
                self._take(sample)
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
            if self.late_ms > STOOD_STILL_MS:  # this box did, not its sensors: they get their time to be heard
                for post in self._posts.values():
                    post.looked_s = self._clock.steady()
            self.worst_late_ms = max(self.worst_late_ms, self.late_ms)
            self.beat += 1
            self.look_for_silence()
            self._book.pass_time()

    def _take(self, sample: Sample) -> None:
        """A mistake in judging one sensor must stop neither the others nor its own next value; it is shown as a problem."""
        try:
            self.take(sample)
        except Exception as error:
            if sample.sensor not in self.mistakes:
                log.exception("judging sensor %r failed", sample.sensor)
            self.mistakes[sample.sensor] = type(error).__name__
        else:
            self.mistakes.pop(sample.sensor, None)

    # -- judging ---------------------------------------------------------------------------------------------------

    def take(self, sample: Sample) -> None:
        """Judge one sample, and record it whatever comes of that."""
        post = self._posts[sample.sensor]
        if post.gate is None and (kept := self._answers(post).gate) is not None:
            post.gate = kept.resumed(sample.steady_s)
        post.gate, reading = gated(post.gate, read(sample, post.sensor))
        try:
            self._judge_all(post, reading)
        finally:
            if self._record is not None:
                self._record(reading)

    def _judge_all(self, post: Post, reading: Reading) -> None:
        post.reading, post.heard_s, post.silent = reading, self._clock.steady(), False
        if self._book.service(post.cabinet.id).out:
            if reading.value is not None:
                post.last_value, post.last_value_at = reading.value, reading.at
            self._forget(post)
            return
        self._work.clear(post, Kind.SENSOR_STALE, reading.at, self._clock.steady())
        self._judge_answer(post, reading)
        if reading.value is None:
            return
        seen = self._seen(post, reading, reading.value)
        post.judged_s, post.last_value, post.last_value_at = reading.steady_s, reading.value, reading.at
        for judge in post.judges:  # the limits come first
            self._judge(post, judge, reading, seen)

    def look_for_silence(self) -> None:
        """A sensor of which nothing was heard for `stale_after_s` is stale: a case of its own, and another one where it stays
        silent for as long after a person closed that one, or after its cabinet came back into service.
        """
        now_s = self._clock.steady()
        for post in self._posts.values():
            post.silent = now_s - post.heard_s > post.stale_after_s
            if self._book.service(post.cabinet.id).out:
                self._forget(post)
            elif now_s - max(post.heard_s, post.looked_s) > post.stale_after_s:
                post.looked_s = now_s
                if self._book.current(post.key(Kind.SENSOR_STALE)) is None:
                    self._work.open(post, Kind.SENSOR_STALE, Severity.WARNING, self._clock.now(), now_s)
                self._work.lose_sight(post)
            self._work.age(post, Kind.SENSOR_STALE, now_s)

    def _forget(self, post: Post) -> None:
        """Out of service nothing is judged, and back in service it is judged as if it were new."""
        post.judged_s, post.outage_s, post.looked_s = None, None, self._clock.steady()
        for kind in post.kinds:
            self._book.forget_watch(post.key(kind))

    def _seen(self, post: Post, reading: Reading, value: float) -> Seen:
        """This value as the rules see it, with what is known of the time before it."""
        if post.judged_s is None:
            dt_s, outage_s, post.outage_s = 0.0, post.outage_s, None
        else:
            dt_s = reading.steady_s - post.judged_s
            outage_s = dt_s if dt_s > post.stale_after_s else None
        high = self._book.watch(post.key(Kind.TEMP_HIGH))
        if outage_s is not None and (high.breaching or high.severity is not None):
            outage_s = None  # it was too warm before
        return Seen(value=value, dt_s=dt_s, window=self._windows.of(post, reading.at), outage_s=outage_s)

    def _judge_answer(self, post: Post, reading: Reading) -> None:
        good = reading.quality is Quality.GOOD
        key = post.key(Kind.SENSOR_FAULT)
        before = self._answers(post)
        after, change = answers.step_answer(before, post.gate, good=good)
        if change is Change.OPENED:
            self._work.open(
                post, Kind.SENSOR_FAULT, Severity.WARNING, reading.at, reading.steady_s, fault=reading.fault
            )
        elif change is Change.CLEARED:
            self._work.clear(post, Kind.SENSOR_FAULT, reading.at, reading.steady_s)
        if not good and after.severity is not None:
            self._work.lose_sight(post)
        self._work.age(post, Kind.SENSOR_FAULT, reading.steady_s)
        self._book.keep_watch(key, after, durable=after.phase != before.phase)

    def _answers(self, post: Post) -> Answers:
        found = self._book.watch(post.key(Kind.SENSOR_FAULT))
        assert isinstance(found, Answers)
        return found

    def _judge(self, post: Post, judge: Judge, reading: Reading, seen: Seen) -> None:
        key = post.key(judge.kind)
        before, case = self._book.watch(key), self._book.current(key)
        if case is not None:
            seen = structs.replace(seen, reopened=case.reopened)
        elif judge.kind is Kind.BUDGET_EXCEEDED:
            high = self._book.current(post.key(Kind.TEMP_HIGH))
            seen = structs.replace(seen, alarmed=high is not None and high.severity is Severity.CRITICAL)
        after, change = judge.step(before, seen)
        if change is Change.OPENED:
            assert after.severity is not None
            value = seen.value if judge.kind in OF_VALUES else None
            gap_s = seen.outage_s if judge.kind is Kind.AFTER_OUTAGE else None
            self._work.open(
                post,
                judge.kind,
                after.severity,
                reading.at,
                reading.steady_s,
                edge=judge.edge,
                watch=after,
                value=value,
                outage_s=gap_s,
            )
        elif case is not None:
            counted_s = (
                self._work.lasted_s(post, case, reading.steady_s)
                if judge.kind is Kind.TREND
                else max(before.elapsed_s, after.elapsed_s)
            )
            self._work.follow(post, judge, case, after, change, reading, seen.value, counted_s)
        self._keep(post, judge.kind, before, after)

    def _keep(self, post: Post, kind: Kind, before: Watch, after: Watch) -> None:
        """Write a timer down when it starts, stops or fires, and now and then while it runs."""
        if after == before:
            return
        now_s = self._clock.steady()
        durable = after.phase != before.phase or (after.runs and now_s - post.kept_s.get(kind, 0.0) >= CHECKPOINT_S)
        if durable:
            post.kept_s[kind] = now_s
        self._book.keep_watch(post.key(kind), after, durable=durable)
