"""What the tests of this room arrange: values with defaults, courses of temperature, and books over real journals."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from core.events import Event, Publisher, Severity
from core.journal import Archive, SnapshotJournal
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Case, Kind
from core.monitoring.monitor import Monitor
from core.monitoring.posts import Line
from core.monitoring.rules import IDLE, Change, Edge, Side, Watch, step
from core.samples import Reading, Sample
from core.settings import Cabinet, Limits, Retry, Sensor
from core.webhooks.retry_queue import RetryQueue
from tests.fakes import FakeClock

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
AIR = "03.air"
HIGH_KEY = (AIR, Kind.TEMP_HIGH)
CHILLED = Cabinet(id="03", name="鲜奶柜", limits=Limits(low=0.0, high=8.0), alarm_delay_s=600.0, clear_delay_s=60.0)


def an_edge(
    *,
    side: Side = Side.HIGH,
    warn: float | None = None,
    critical: float | None = 8.0,
    alarm_delay_s: float = 60.0,
    clear_delay_s: float = 30.0,
    hysteresis_k: float = 0.5,
) -> Edge:
    return Edge(
        side=side,
        warn=warn,
        critical=critical,
        alarm_delay_s=alarm_delay_s,
        clear_delay_s=clear_delay_s,
        hysteresis_k=hysteresis_k,
    )


def changes(edge: Edge, course: Iterable[tuple[float, float]], watch: Watch = IDLE) -> list[tuple[int, Change]]:
    """(index of the value, change) over a course of (dt_s, value)."""
    found = []
    for index, (dt_s, value) in enumerate(course):
        watch, change = step(watch, edge, value, dt_s)
        if change is not None:
            found.append((index, change))
    return found


def after(edge: Edge, course: Iterable[tuple[float, float]], watch: Watch = IDLE) -> Watch:
    for dt_s, value in course:
        watch, _ = step(watch, edge, value, dt_s)
    return watch


def a_case(
    *,
    case_id: str = "case_1",
    kind: Kind = Kind.TEMP_HIGH,
    sensor: str = AIR,
    opened_at: datetime = START,
    severity: Severity = Severity.CRITICAL,
    note: str | None = None,
) -> Case:
    return Case(
        case_id=case_id,
        cabinet="03",
        cabinet_name="鲜奶柜",
        sensor=sensor,
        kind=kind,
        severity=severity,
        unit="°C",
        opened_at=opened_at,
        started_at=opened_at - timedelta(seconds=600),
        simulated=False,
        limit=8.0,
        value=9.5,
        peak=9.5,
        duration_s=600.0,
        note=note,
    )


class ListPublisher:
    """A Publisher that accepts at once, once per event id, as the queue does."""

    def __init__(self) -> None:
        self.calls: list[Event] = []

    async def publish(self, event: Event) -> None:
        self.calls.append(event)

    @property
    def accepted(self) -> list[Event]:
        return list({event.event_id: event for event in self.calls}.values())


class Gate(ListPublisher):
    """A Publisher as slow as a hanging disk: it accepts nothing before it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()

    async def publish(self, event: Event) -> None:
        await self.open.wait()
        await super().publish(event)


class QueuePublisher:
    """A Publisher over the real retry queue, with one endpoint; the dispatcher's publish without its network."""

    def __init__(self, queue: RetryQueue):
        self._queue = queue

    async def publish(self, event: Event) -> None:
        body = b'{"type":"%s"}' % event.type.encode()
        await self._queue.durable(self._queue.accept(event, ["hq"], body))


@contextlib.contextmanager
def a_queue(directory: Path, clock: FakeClock) -> Iterator[RetryQueue]:
    """A retry queue over the real journal of `directory`, closed cleanly at the end."""
    journal = SnapshotJournal(directory / "retries.jsonl", clock)
    try:
        yield RetryQueue(journal, Retry(), ["hq"], clock, Random(1))
    finally:
        journal.close()


@contextlib.contextmanager
def a_book(directory: Path, clock: FakeClock) -> Iterator[CaseBook]:
    """A book over the real journal of `directory`, closed cleanly at the end."""
    journal = SnapshotJournal(directory / "cases.jsonl", clock)
    try:
        yield CaseBook(journal, Archive(directory, clock), clock)
    finally:
        journal.close()


@contextlib.asynccontextmanager
async def publishing(book: CaseBook, publisher: Publisher) -> AsyncIterator[None]:
    async with running(book.run(publisher)):
        yield


@contextlib.asynccontextmanager
async def running(loop: object) -> AsyncIterator[None]:
    """Run a loop that never ends while the block lasts."""
    task = asyncio.ensure_future(loop)  # type: ignore[call-overload]
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], bool], within_s: float = 5.0) -> None:
    """Let the loops and the journal's thread run until `holds`."""
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.001)


def a_sensor(sensor_id: str = AIR, *, source: str = "bus", offset: float = 0.0) -> Sensor:
    return Sensor(id=sensor_id, cabinet="03", source=source, point="x", offset=offset)


class ScriptedSource:
    """A Source that hands over what the test put in: samples, an exception to raise, or nothing at all (a hang)."""

    simulated = False

    def __init__(self) -> None:
        self.answers: list[list[Sample] | Exception] = []
        self.always: list[Sample] | Exception = []
        self.hangs = self.closed = False
        self.polls = 0

    async def poll(self) -> list[Sample]:
        self.polls += 1
        if self.hangs:
            await asyncio.Event().wait()
        answer = self.answers.pop(0) if self.answers else self.always
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        self.closed = True


def a_line(
    source: ScriptedSource,
    *sensors: Sensor,
    line_id: str = "bus",
    interval_s: float = 10.0,
    deadline_s: float = 60.0,
) -> Line:
    return Line(
        id=line_id,
        driver="scripted",
        source=source,
        interval_s=interval_s,
        sensors=sensors or (a_sensor(),),
        deadline_s=deadline_s,
    )


class Bench:
    """A monitor over a book, with the one sensor AIR whose samples the test hands in, ten seconds apart."""

    def __init__(
        self,
        book: CaseBook,
        clock: FakeClock,
        cabinet: Cabinet = CHILLED,
        record: Callable[[Reading], None] | None = None,
    ):
        self.book, self.clock = book, clock
        self.source = ScriptedSource()
        self.monitor = Monitor([a_line(self.source)], [cabinet], book, clock, record=record)
        self.source_s = 0.0

    def hear(self, *values: float | None, dt_s: float = 10.0) -> None:
        """Judge these values one after the other; None is a fault of the sensor."""
        for value in values:
            self.clock.advance(dt_s)
            self.source_s += dt_s
            self.monitor.take(a_sample(value, at=self.clock.now(), steady_s=self.source_s))

    def silence(self, seconds: float) -> None:
        """Nothing is heard, and the beat looks every second as the loop does."""
        for _ in range(int(seconds)):
            self.clock.advance(1.0)
            self.source_s += 1.0
            self.monitor.look_for_silence()

    def pass_time(self, seconds: float = 0.0) -> None:
        """What the loop does once a second, here once after `seconds` in which nothing is heard."""
        self.clock.advance(seconds)
        self.source_s += seconds
        self.monitor.look_for_silence()
        self.book.pass_time()

    def breach(self) -> None:
        """Open a case: beyond the limit for longer than the alarm delay."""
        self.hear(*[9.0] * 62)

    def recover(self) -> None:
        """Long enough inside for the case to clear."""
        self.hear(*[4.0] * 8)

    def fail(self) -> None:
        """Open a sensor fault: three misses."""
        self.hear(None, None, None)

    def case(self, kind: Kind = Kind.TEMP_HIGH) -> Case:
        (found,) = self.cases(kind)
        return found

    def cases(self, kind: Kind = Kind.TEMP_HIGH) -> Sequence[Case]:
        return [case for case in self.book.all() if case.kind is kind]

    def told(self) -> list[str]:
        """The types of all events that wait in outboxes, in the order of their cases' opening."""
        return [str(event.type) for case in reversed(self.book.all()) for event in case.outbox]


def a_sample(
    value: float | None, *, sensor: str = AIR, at: datetime = START, steady_s: float = 0.0, fault: str = "no_answer"
) -> Sample:
    return Sample(sensor=sensor, at=at, steady_s=steady_s, value=value, fault=fault if value is None else None)
