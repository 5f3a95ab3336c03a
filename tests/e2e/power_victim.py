"""A box whose power is to be cut: `python -m tests.e2e.power_victim DIR SEED` opens and handles cases and sends their events.

It says each change on standard output as soon as that is settled and the journal is durable, so what it said must be there
after the cut. Between these it makes many changes that nobody waits for, so that both journals compact themselves.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from random import Random

from core.clock import SystemClock
from core.events import Event
from core.journal import Archive, SnapshotJournal
from core.monitoring import cases, handling
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Case
from core.monitoring.rules import Watch
from core.settings import Retry
from core.webhooks.deliveries import Trigger
from core.webhooks.entry import Entry
from core.webhooks.retry_queue import RetryQueue
from core.wire import Durability
from tests.core.monitoring.factories import HIGH_KEY, a_case
from tests.core.webhooks.factories import BODY, DOWN, OK, an_attempt

IMPATIENT = Retry(first_delay_s=0.001, max_delay_s=0.002, max_attempts=10**9)
TIMERS, TRIES = 500, 20  # lines that nobody waits for, in each round


class Box:
    """Its own publisher: an event is accepted, on disk, and then said."""

    def __init__(self, directory: Path, rng: Random):
        self.clock, self.rng = SystemClock(), rng
        self.retries = SnapshotJournal(directory / "retries.jsonl", self.clock)
        self.cases = SnapshotJournal(directory / "cases.jsonl", self.clock)
        self.queue = RetryQueue(self.retries, IMPATIENT, ["hq"], self.clock, rng)
        self.book = CaseBook(self.cases, Archive(directory, self.clock), self.clock)

    async def publish(self, event: Event) -> None:
        accepted = self.queue.accept(event, ["hq"], BODY)
        promised = [_standing(entry) for entry in accepted]  # one known before may change again while this waits
        await self.queue.durable(accepted)
        for one in promised:
            _say(self.retries, one)

    async def send(self) -> None:
        """Headquarters is mostly down, and somebody tries by hand: failures wait for no disk, a delivery does."""
        while True:
            await asyncio.sleep(0.001)
            while (entry := self.queue.claim("hq")) is not None:
                outcome = OK if self.rng.random() < 0.05 else DOWN
                for _ in range(TRIES):
                    self.queue.settle(entry, an_attempt(self.clock, entry, DOWN, Trigger.MANUAL), DOWN)
                self.queue.settle(entry, an_attempt(self.clock, entry, outcome), outcome)
                if outcome is OK:
                    await self.queue.settled(entry.n)
                    _say(self.retries, _standing(entry))

    async def guard(self) -> None:
        """A case opens, is seen, clears and is handled, while timers run."""
        while True:
            case_id = self.book.new_id()
            self.book.put(cases.opened(a_case(case_id=case_id, opened_at=self.clock.now())))
            self._say_case(
                await self.book.act(case_id, lambda case, at: handling.acknowledge(case, actor="wang", note="", at=at))
            )
            for number in range(TIMERS):
                self.book.keep_watch(HIGH_KEY, Watch(elapsed_s=float(number)), durable=True)
            self.book.put(cases.cleared(self.book.get(case_id), self.clock.now()))
            self._say_case(
                await self.book.act(
                    case_id,
                    lambda case, at: handling.handle(
                        case, actor="wang", action="door closed", disposition="", note="", at=at
                    ),
                )
            )

    def _say_case(self, case: Case) -> None:
        _say(self.cases, {"case": case.case_id, "at": case.seq, "ended": case.closed})


def _standing(entry: Entry) -> dict[str, object]:
    delivery = entry.delivery
    of, ended = [delivery.case_id, delivery.seq], delivery.settled_at is not None
    return {"delivery": delivery.delivery_id, "of": of, "at": entry.n, "ended": ended}


def _say(journal: SnapshotJournal, change: dict[str, object]) -> None:
    if journal.health().state is not Durability.DURABLE:
        os._exit(0)  # the power is gone, and it knows: nothing more is promised
    print(json.dumps(change), flush=True)


async def live(directory: Path, rng: Random) -> None:
    box = Box(directory, rng)
    async with asyncio.TaskGroup() as group:
        group.create_task(box.book.run(box))
        group.create_task(box.send())
        group.create_task(box.guard())


if __name__ == "__main__":
    print(json.dumps({"opening": True}), flush=True)
    asyncio.run(live(Path(sys.argv[1]), Random(int(sys.argv[2]))))
