"""A box through the lives of its core, on a clock turned by hand: journal, queue, gates, dispatcher, drains and bounds are
real; receivers stand where senders do. Time passes from one thing that can happen to the next.
"""

import asyncio
import contextlib
import heapq
import math
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final, cast

from core.errors import RefusalError
from core.journal import Archive, SnapshotJournal
from core.settings import Endpoint, Retry, Webhooks
from core.webhooks.bounds import Bounds
from core.webhooks.channels import Channel, open_gates
from core.webhooks.deliveries import Delivered, Delivery, Outcome, Trigger
from core.webhooks.dispatcher import Dispatcher
from core.webhooks.drains import Drains
from core.webhooks.entry import Entry
from core.webhooks.retry_queue import RetryQueue
from core.webhooks.sender import Sender
from tests.core.webhooks.factories import a_stamp
from tests.fakes import FakeClock

STILL: Final = 12  # turns of the loop in which nothing happens before we believe that nothing will
GRAIN_S: Final = 1 / 1024  # times are multiples of it, so that their sums and differences are exact

Answer = tuple[Outcome, float]  # and after how many seconds
Weather = Callable[[Delivery], Answer]


def fair(_: Delivery) -> Answer:
    return Delivered(http_status=204), 0.0


@dataclass(eq=False)
class Sent:
    """One request as its receiver saw it; times are seconds of the world."""

    endpoint: str
    delivery: Delivery
    number: int
    by_hand: bool
    at_s: float
    outcome: Outcome | None = None
    ended_s: float | None = None


class World:
    """Time, receivers and their moods; outlives every life of the core. The `on_…` are told of what happens."""

    def __init__(self, directory: Path, endpoints: Sequence[Endpoint], retry: Retry, places: int = 4, seed: int = 0):
        self.directory, self.retry, self.places = directory, retry, places
        self.endpoints = {one.id: one for one in endpoints}
        self.clock, self.rng = FakeClock(), Random(seed)
        self.now_s = 0.0
        self.weather: dict[str, Weather] = dict.fromkeys(self.endpoints, fair)
        self.sent: list[Sent] = []
        self.ended = 0
        self.life: Life | None = None
        self.on_born: list[Callable[[Life], None]] = []
        self.on_sent: list[Callable[[Sent], None]] = []
        self.on_ended: list[Callable[[Sent], None]] = []
        self.on_time: list[Callable[[float], None]] = []
        self._answers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    @property
    def log(self) -> Path:
        return self.directory / "retries.jsonl"

    def turn(self, seconds: float) -> None:
        """Let time pass at one go, and slow receivers answer."""
        seconds = math.ceil(seconds / GRAIN_S) * GRAIN_S
        for tell in self.on_time:
            tell(seconds)
        self.now_s += seconds
        self.clock.advance(seconds)
        while self._answers and self._answers[0][0] <= self.now_s:
            *_, answer = heapq.heappop(self._answers)
            if not answer.done():
                answer.set_result(None)

    def next_answer_s(self) -> float:
        return self._answers[0][0] if self._answers else float("inf")

    async def later(self, seconds: float) -> None:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._answers, (self.now_s + seconds, next(self._order), answer))
        await answer


class Receiver:
    """Stands where the sender of one endpoint does."""

    def __init__(self, world: World, endpoint: str):
        self._world, self._endpoint = world, endpoint

    async def send(self, delivery: Delivery, number: int, delayed_s: float = 0.0) -> Outcome:
        world, life = self._world, self._world.life
        assert life is not None
        outcome, after_s = world.weather[self._endpoint](delivery)
        by_hand = life.claimed(delivery.delivery_id) is not Trigger.AUTO
        sent = Sent(self._endpoint, delivery, number, by_hand, world.now_s)
        world.sent.append(sent)
        for tell in world.on_sent:
            tell(sent)
        if after_s > 0:
            await world.later(after_s)
        sent.outcome, sent.ended_s = outcome, world.now_s
        world.ended += 1
        for tell in world.on_ended:
            tell(sent)
        return outcome

    async def close(self) -> None:
        pass


@dataclass
class Life:
    """From one start of the core to its end, orderly or not."""

    world: World
    endpoints: Sequence[Endpoint]
    group: asyncio.TaskGroup | None = None
    hands: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        world, clock = self.world, self.world.clock
        self.journal = SnapshotJournal(world.log, clock)
        gates = open_gates(
            Webhooks(retry=world.retry, endpoints=tuple(self.endpoints), concurrency=world.places), clock
        )
        self.queue = RetryQueue(self.journal, world.retry, list(gates), clock, world.rng, gates)
        channels = [
            Channel(one, cast("Sender", Receiver(world, one.id)), gates[one.id], world.places) for one in self.endpoints
        ]
        self.gates = gates
        self.dispatcher = Dispatcher(self.queue, channels, a_stamp, clock)
        self.drains = Drains(self.queue, self.dispatcher, clock)
        self.bounds = Bounds(self.queue, Archive(world.directory, clock), world.retry, clock)
        self._durable_at, self._stopping = -1, False

    def claimed(self, item_id: str) -> Trigger | None:
        """Who holds this delivery; a test message is in no queue."""
        with contextlib.suppress(RefusalError):
            return self.queue.get(item_id).in_flight
        return None

    def by_hand(self, doing: Coroutine[Any, Any, Any]) -> None:
        """Somebody does this beside whatever else happens; a refusal is an answer."""
        assert self.group is not None
        self.hands.append(self.group.create_task(_unless_refused(doing)))

    # -- time ------------------------------------------------------------------------------------------------------

    async def quiet(self) -> None:
        """Until nothing more happens at this moment."""
        for channel in self.dispatcher.channels():
            channel.ring()
        still = 0
        while still < STILL:
            before = self._marks()
            await asyncio.sleep(0)
            still = still + 1 if self._marks() == before else 0
            if still == STILL and self._durable_at != self.journal.seq and not self._stopping:
                await self._look_for_durable()
                still = 0

    def _marks(self) -> tuple[int, int, int, bool]:
        world = self.world
        return len(world.sent), world.ended, self.journal.seq, self.dispatcher.reception.news.empty()

    async def _look_for_durable(self) -> None:
        """Whether everything accepted may be sent; what the core itself has to say is accepted beside us."""
        if any(self._not_yet(entry) for entry in self.queue.entries()):
            await asyncio.sleep(GRAIN_S / 2)
        else:
            self._durable_at = self.journal.seq

    def _not_yet(self, entry: Entry) -> bool:
        if entry.delivery.next_attempt_at is None or entry.delivery.endpoint not in self.gates:
            return False
        return self.queue.due_in_s(entry) is None and self.queue.waits_for(entry) is None

    async def advance(self, seconds: float) -> None:
        """Let so much time pass, with everything that happens meanwhile in its place."""
        world = self.world
        end_s = world.now_s + seconds
        await self.quiet()
        while world.now_s < end_s:
            world.turn(min(end_s, max(self._next_s(), world.now_s + GRAIN_S)) - world.now_s)
            await self.quiet()

    def _next_s(self) -> float:
        """When anything can happen next by itself."""
        found, steady_s = self.world.next_answer_s(), self.world.clock.steady()
        for channel in self.dispatcher.channels():
            gate = channel.gate
            due_s = self.queue.next_due_in_s(channel.endpoint.id, early=gate.shut is not None)
            if due_s is not None and channel.in_flight < gate.places:
                found = min(found, self.world.now_s + max(due_s, gate.wait_s(steady_s)))
            if self.hands and (limit_s := gate.rate_wait_s(steady_s)) > 0:
                found = min(found, self.world.now_s + limit_s)
        return found

    # -- ends ------------------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Orderly: nothing new starts, what is on its way comes to its end."""
        self._stopping = True
        self.dispatcher.stop()
        await self.quiet()
        while self.world.next_answer_s() < float("inf"):
            self.world.turn(max(0.0, self.world.next_answer_s() - self.world.now_s))
            await self.quiet()
        await self.drains.idle()


async def _unless_refused(doing: Coroutine[Any, Any, Any]) -> None:
    with contextlib.suppress(RefusalError):
        await doing


@contextlib.asynccontextmanager
async def a_life(world: World, endpoints: Sequence[str] | None = None) -> AsyncIterator[Life]:
    """A running core with these endpoints, or all. It ends like a kill, unless it was told to `stop`: what is in flight is
    broken off. What its journal holds still goes to the disk; `killed` takes that back.
    """
    life = Life(world, [one for one in world.endpoints.values() if endpoints is None or one.id in endpoints])
    world.life = life
    for tell in world.on_born:
        tell(life)
    try:
        async with asyncio.TaskGroup() as group:
            life.group = group
            loops = [group.create_task(life.dispatcher.run()), group.create_task(life.drains.run())]
            try:
                await life.quiet()
                yield life
            finally:
                for task in (*loops, *life.hands):
                    task.cancel()
    finally:
        world.life = None
        world._answers.clear()
        life.journal.close()


def survived(world: World) -> bytes:
    """What a power cut at this moment leaves of the journal."""
    return world.log.read_bytes()


def killed(world: World, left: bytes) -> None:
    """Leave of the life that has just ended only these bytes."""
    for file in world.directory.glob("retries.jsonl*"):
        file.unlink()
    world.log.write_bytes(left)


def booted(world: World, off_s: float, wall: timedelta = timedelta()) -> None:
    """The box itself was off for so long: steady time begins anew, and the wall clock may be wrong by so much more."""
    world.now_s += off_s
    world.clock.wall += timedelta(seconds=off_s) + wall
    world.clock.steady_s = 3.0
