"""A walk at random through what can happen to a box; the same seed is the same walk. The oracle watches every step."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from msgspec import Raw

from core.errors import RefusalError
from core.events import Event, EventType, Severity
from core.settings import Endpoint, Retry
from core.webhooks.deliveries import Delivered, Delivery, ErrorClass, Failed, Outcome, Reach, Status
from core.webhooks.entry import Entry
from core.wire import Drain
from tests.core.webhooks.factories import a_heartbeat, an_event
from tests.core.webhooks.lives import Answer, Life, Sent, Weather, World, a_life, booted, fair, killed, survived
from tests.core.webhooks.oracle import Oracle
from tests.core.webhooks.recount import assert_kept_as_counted

HOUR: Final = timedelta(hours=1)
YEAR: Final = timedelta(days=365.25)
JUMPS: Final = (-56 * YEAR, 70 * YEAR, HOUR, -HOUR)
TAILS: Final = (b"", b'{"v":1,"n":99,"t":"2026-', b"\x00" * 64, b"\xff\xfe garbage\n")


def refusal(status: int, retry_after_s: float | None = None) -> Failed:
    kinds = {4: ErrorClass.HTTP_4XX, 5: ErrorClass.HTTP_5XX, 3: ErrorClass.REDIRECT}
    kind = ErrorClass.RATE_LIMITED if status == 429 else kinds[status // 100]
    return Failed(error_class=kind, error=str(status), http_status=status, retry_after_s=retry_after_s)


OK: Final = Delivered(http_status=204)
SILENT: Final = Failed(error_class=ErrorClass.TIMEOUT, error="no answer in time", reach=Reach.SILENT)
CUT: Final = Failed(error_class=ErrorClass.DNS, error="the host name can't be resolved", reach=Reach.DOWN)
PORTAL: Final = Failed(error_class=ErrorClass.CAPTIVE_PORTAL, error="a portal", http_status=302, reach=Reach.PORTAL)
CLOCK: Final = Failed(error_class=ErrorClass.CLOCK, error="not yet valid", reach=Reach.CLOCK)
CLOSED: Final = Failed(error_class=ErrorClass.CONNECT, error="connection refused")

MOODS: Final[tuple[tuple[Outcome, ...], ...]] = (
    (OK,),
    (OK,),
    (OK, OK, refusal(500), SILENT),
    (refusal(404),),
    (refusal(404), refusal(404), refusal(400), refusal(500)),
    (OK, refusal(429, 30.0), refusal(429, 120.0)),
    (refusal(429, 7200.0), refusal(429), OK),
    (refusal(503, 60.0),),
    (refusal(503, 600.0), OK, refusal(503)),
    (refusal(500),),
    (CLOSED,),
    (SILENT,),
    (refusal(302), refusal(408)),
    (refusal(410), OK),
)
NO_NETWORK: Final[tuple[tuple[Outcome, ...], ...]] = ((CUT,), (SILENT,), (PORTAL,), (CLOCK,), (CUT, SILENT, PORTAL))
PACES: Final = ((0.0,), (0.0,), (0.0, 0.3, 9.5), (4.0, 10.0))


def mood(outcomes: Sequence[Outcome], pace_s: Sequence[float], rng: Random) -> Weather:
    def answer(_: Delivery) -> Answer:
        return rng.choice(outcomes), rng.choice(pace_s)

    return answer


class Walk:
    """One box, from its first start until everything has gone out."""

    def __init__(self, directory: Path, seed: int):
        self.rng = rng = Random(seed)
        self.seed, self.steps = seed, list[str]()
        endpoints = [
            Endpoint(id="hq", url="https://hq.example/in"),
            Endpoint(id="robot", url="https://robot.example/in", rate_per_min=rng.choice((None, 3, 10))),
            Endpoint(id="cases", url="https://cases.example/in", events=("case.*",)),
        ][: rng.choice((1, 2, 3))]
        retry = Retry(
            first_delay_s=rng.choice((1.0, 10.0)),
            max_delay_s=rng.choice((20.0, 900.0)),
            max_attempts=rng.choice((3, 12, 500)),
            max_age_h=rng.choice((0.5, 3.0, 72.0)),
            max_items=50,
            max_dead_letters=5,
        )
        self.world = World(directory, endpoints, retry, places=rng.choice((1, 2, 8)), seed=seed)
        self.oracle = Oracle(self.world)
        self.names = list(self.world.endpoints)
        self.seq = dict.fromkeys("abc", 0)
        self.published: list[Event] = []
        self.count = 0
        self.clock_jumped_s = float("-inf")
        self.drain_id = ""

    # -- the way ---------------------------------------------------------------------------------------------------

    async def go(self, steps: int) -> None:
        """Raises AssertionError with the steps taken where anything is not as it must be."""
        there = list(self.names)
        while steps > 0:
            async with a_life(self.world, there) as life:
                self.look(life)
                while steps > 0 and self.rng.random() > 0.04:
                    steps -= 1
                    await self._step(life)
                left = await self._stops(life)
            self.oracle.lossy = left is not None
            if left is not None:
                killed(self.world, left)
            there = self._between(there)
        await self._arrives()

    async def _step(self, life: Life) -> None:
        names = [name for name in dir(self) if name.startswith("do_")]
        weights = [WEIGHTS.get(name, 2) for name in names]
        [name] = self.rng.choices(names, weights)
        self.steps.append(f"{self.world.now_s:.3f} {name[3:]}")
        do: Callable[[Life], Awaitable[None]] = getattr(self, name)
        await do(life)
        await life.quiet()
        self.look(life)

    def look(self, life: Life) -> None:
        self.oracle.look(life)
        assert_kept_as_counted(life.queue)
        assert not self.oracle.wrong, "\n".join([f"seed {self.seed}", *self.steps, *self.oracle.wrong])

    def note(self, text: str) -> None:
        self.steps[-1] += f" {text}"

    async def _stops(self, life: Life) -> bytes | None:
        """None for an orderly end, else what a kill left."""
        how = self.rng.choice(("stop", "kill", "kill after a sync"))
        self.steps.append(f"{self.world.now_s:.3f} {how}")
        if how == "stop":
            await life.stop()
            self.look(life)
            return None
        if how == "kill after a sync":
            life.journal.wait(life.journal.seq)
        else:
            self._forget_starts()  # the newest attempts may be unknown
        return survived(self.world) + self.rng.choice(TAILS)

    def _between(self, there: list[str]) -> list[str]:
        """While no core runs: the box may be off, the clock may lose its time, endpoints come and go."""
        jump = self.rng.choice((timedelta(), timedelta(), *JUMPS))
        if jump:
            self.clock_jumped_s = self.world.now_s
        if self.rng.random() < 0.5:
            booted(self.world, self.rng.choice((5.0, 600.0, 90_000.0)), jump)
        else:
            self.world.clock.wall += jump
        for sent in self.world.sent:
            if sent.outcome is None or sent.delivery.event_type == EventType.WEBHOOK_TEST:
                self._forget_start(sent)  # broken off, or of no delivery: nobody can know of it
        if self.world.now_s - self.clock_jumped_s < 120.0:
            self._forget_starts()  # what is told by the wall clock can't be known
        if self.rng.random() < 0.3:
            there = [name for name in self.names if self.rng.random() < 0.6]
        else:
            there = list(self.names)
        self.steps.append(f"{self.world.now_s:.3f} starts with {there}, the clock {jump}")
        return there

    def _forget_start(self, sent: Sent) -> None:
        if sent.at_s in (starts := self.oracle.rates[sent.endpoint]):
            starts.remove(sent.at_s)

    def _forget_starts(self) -> None:
        for starts in self.oracle.rates.values():
            starts.clear()

    async def _arrives(self) -> None:
        """In the end all receivers are there and healthy: nothing is left behind."""
        self.world.weather = dict.fromkeys(self.names, fair)
        async with a_life(self.world) as life:
            self.look(life)
            for name in self.names:
                if name in self.oracle.held:
                    await self._resume(life, name)
            self.steps.append(f"{self.world.now_s:.3f} healthy")
            await life.advance(2 * 3600.0)
            self.look(life)
            await life.stop()
        left = [one for one in self.oracle.known.values() if one.status is Status.PENDING]
        assert not left, "\n".join([f"seed {self.seed}", *self.steps, *map(repr, left)])

    # -- events ----------------------------------------------------------------------------------------------------

    async def do_case(self, life: Life) -> None:
        for _ in range(self.rng.choice((1, 1, 2, 6))):
            case = self.rng.choice("abc")
            self.seq[case] += 1
            severity = self.rng.choice(list(Severity))
            await self._publish(life, self._event(EventType.CASE_OPENED, severity, case, self.seq[case]))

    def _event(self, kind: EventType, severity: Severity, case: str | None = None, seq: int | None = None) -> Event:
        self.count += 1
        data = Raw(b'{"value":%d}' % self.count)
        return an_event(f"evt_{self.count}", type=kind, severity=severity, case_id=case, seq=seq, data=data)

    async def _publish(self, life: Life, event: Event) -> None:
        self.note(event.event_id if event.case_id is None else f"{event.event_id}={event.case_id}{event.seq}")
        self.published.append(event)
        self.oracle.publishes(event, life)
        await life.dispatcher.publish(event)
        for entry in life.queue.entries():
            if entry.delivery.event_id == event.event_id:
                self.oracle.learns(entry.delivery)
        self.oracle.accepted(event, life)

    async def do_heartbeat(self, life: Life) -> None:
        self.count += 1
        await self._publish(life, a_heartbeat(f"evt_{self.count}"))

    async def do_publish_again(self, life: Life) -> None:
        """As a case does that does not know what became of its event."""
        cases = [event for event in self.published if event.type is not EventType.DEVICE_HEARTBEAT]
        if cases:
            await self._publish(life, self.rng.choice(cases))

    # -- time and weather ------------------------------------------------------------------------------------------

    async def do_wait(self, life: Life) -> None:
        seconds = self.rng.choice((0.5, 3.0, 12.0, 31.0, 70.0, 310.0, 1000.0))
        self.note(f"{seconds} s")
        await life.advance(seconds)

    async def do_wait_long(self, life: Life) -> None:
        await life.advance(self.rng.choice((4000.0, 8000.0)))

    async def do_sleep(self, life: Life) -> None:
        """The box is suspended: time has passed at one go."""
        self.world.turn(self.rng.choice((40.0, 5000.0, 100_000.0)))

    async def do_weather(self, life: Life) -> None:
        for name in self.names if self.rng.random() < 0.5 else [self.rng.choice(self.names)]:
            self._weather(name, self.rng.choice(MOODS))

    async def do_lose_network(self, life: Life) -> None:
        outcomes = self.rng.choice(NO_NETWORK)
        for name in self.names:
            self._weather(name, outcomes)

    def _weather(self, name: str, outcomes: Sequence[Outcome]) -> None:
        pace = self.rng.choice(PACES)
        said = [one.error if isinstance(one, Failed) else "ok" for one in outcomes]
        self.note(f"{name}: {'/'.join(said)} in {pace}")
        self.world.weather[name] = mood(outcomes, pace, self.rng)

    async def do_jump(self, life: Life) -> None:
        """Of the wall clock alone."""
        jump = self.rng.choice(JUMPS)
        if abs(self.world.clock.wall + jump - datetime(2026, 1, 1, tzinfo=self.world.clock.wall.tzinfo)) < 80 * YEAR:
            self.world.clock.wall += jump
            self.clock_jumped_s = self.world.now_s
        self.world.clock.in_sync = self.rng.random() < 0.5

    # -- people ----------------------------------------------------------------------------------------------------

    def _any(self, *, pending: bool = True) -> str | None:
        found = [one for one, known in self.oracle.known.items() if (known.status is Status.PENDING) is pending]
        return self.rng.choice(found) if found else None

    async def do_retry(self, life: Life) -> None:
        if (item_id := self._any()) is not None:
            self.note(self.oracle.known[item_id].delivery.event_id)
            life.by_hand(life.dispatcher.retry(item_id, "tui:anna"))

    async def do_cancel(self, life: Life) -> None:
        if (item_id := self._any()) is not None:
            await self._decide(life, life.queue.cancel, item_id, self.oracle.ends)

    async def do_requeue(self, life: Life) -> None:
        dead = [one for one, known in self.oracle.known.items() if known.status is Status.DEAD_LETTER]
        if dead:
            await self._decide(life, life.queue.requeue, self.rng.choice(dead), self.oracle.reopens)

    async def _decide(self, life: Life, how: Callable[..., object], item_id: str, then: Callable[[str], None]) -> None:
        self.note(self.oracle.known[item_id].delivery.event_id)
        try:
            how(item_id, "tui:anna")
        except RefusalError:
            return
        then(item_id)
        await life.queue.settled(life.queue.get(item_id).n)

    async def do_drain(self, life: Life) -> None:
        some = tuple(one for one in self.oracle.known if self.rng.random() < 0.3)
        request = Drain(
            only_due=self.rng.random() < 0.5,
            endpoint=self.rng.choice((None, *self.names)),
            delivery_ids=self.rng.choice((None, None, some)),
            case_id=self.rng.choice((None, None, None, "a")),
            severity=self.rng.choice((None, None, None, "critical")),
            error_class=self.rng.choice((None, None, None, "http_5xx")),
            limit=self.rng.choice((None, 5)),
            dry_run=self.rng.random() < 0.2,
        )
        try:
            job = life.drains.start(request, "tui:anna")
        except RefusalError:
            return
        self.drain_id = job.drain_id
        matched = job.matched or [life.queue.get(item_id) for item_id in job.items]  # a dry run has ended by now
        assert all(_asked_for(entry, request) for entry in matched)
        await life.quiet()
        known = {entry.delivery.delivery_id for entry in matched}
        said = {item.delivery_id for item in life.drains.result(job).items}
        assert said <= known
        assert said == known or not job.finished.is_set()

    async def do_stop_drain(self, life: Life) -> None:
        with contextlib.suppress(RefusalError):
            life.drains.stop(self.drain_id, "tui:anna")

    async def do_pause(self, life: Life) -> None:
        name = self.rng.choice(self.names)
        if name in self.oracle.doors.doors and name not in self.oracle.held:
            self.note(name)
            self.oracle.holds(name)
            await life.dispatcher.reception.pause(name, "tui:anna", "repair")

    async def do_resume(self, life: Life) -> None:
        if held := [name for name in self.names if name in self.oracle.held and name in self.oracle.doors.doors]:
            await self._resume(life, self.rng.choice(held))

    async def _resume(self, life: Life, name: str) -> None:
        self.note(name)
        self.oracle.resumes(name)
        await life.dispatcher.reception.resume(name, "tui:anna")

    async def do_test(self, life: Life) -> None:
        name = self.rng.choice(self.names)
        if name in self.oracle.doors.doors:
            self.note(name)
            life.by_hand(life.dispatcher.test(name, self._event(EventType.WEBHOOK_TEST, Severity.INFO)))

    async def do_keep_bounds(self, life: Life) -> None:
        self.oracle.evicting = True
        await life.bounds.keep()
        self.look(life)
        self.oracle.evicting = False


def _asked_for(entry: Entry, request: Drain) -> bool:
    one = entry.delivery
    return (
        request.endpoint in {None, one.endpoint}
        and request.case_id in {None, one.case_id}
        and request.severity in {None, one.severity}
        and (request.delivery_ids is None or one.delivery_id in request.delivery_ids)
    )


WEIGHTS: Final = {
    "do_case": 10,
    "do_heartbeat": 4,
    "do_wait": 12,
    "do_wait_long": 2,
    "do_sleep": 1,
    "do_weather": 6,
    "do_lose_network": 3,
    "do_retry": 4,
    "do_resume": 4,
    "do_jump": 1,
    "do_keep_bounds": 1,
}


def walk(directory: Path, seed: int, steps: int) -> Walk:
    found = Walk(directory, seed)
    asyncio.run(found.go(steps))
    return found
