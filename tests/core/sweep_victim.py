"""A core's two files under work, to be killed: `python -m tests.core.sweep_victim DIR LIFE`.

Cases open, are noted, shelved, acknowledged, clear and are handled; a cabinet goes out of service and comes back. Their
events go from the outbox into the queue, where deliveries succeed, fail, die, are cancelled, queued again, handed over,
evicted and archived; an endpoint is paused and resumed. Each line printed says what is about to be, and, once that is on
disk, what is; `recovered` ends the start.

    will delivered dlv_1f…    did delivered dlv_1f…    will case case_2_1 3    did case case_2_1 3
    will service evt_2_1_out   did service evt_2_1_out   will standing case_2_1   did standing case_2_1
"""

import asyncio
import sys
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any, Final

from core.events import Event, Severity
from core.journal import Archive, SnapshotJournal, snapshot
from core.monitoring import case_book, cases, handling, service
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Case
from core.monitoring.service import Mover
from core.settings import Retry
from core.webhooks import deliveries, entries
from core.webhooks.bounds import Bounds
from core.webhooks.deliveries import Attempt, Delivered, ErrorClass, Failed, Outcome, Status, Trigger
from core.webhooks.entry import Entry
from core.webhooks.retry_queue import RetryQueue
from core.webhooks.standings import Hold, Standing
from tests.core.monitoring.factories import a_case
from tests.fakes import FakeClock

ENDPOINTS: Final = ("hq", "ops")
SPARE: Final = "spare"  # stands in for others
ROUNDS: Final = 6
CABINET: Final = "09"  # has no cases
ACCEPTED: Final = str(Status.PENDING)
OK: Final = Delivered(http_status=200)
DOWN: Final = Failed(error_class=ErrorClass.CONNECT, error="connection refused")
POLICY: Final = Retry(first_delay_s=1.0, max_delay_s=1.0, max_attempts=2, max_items=8, max_dead_letters=3)

# So that a life of a second has what takes weeks in a shop: compactions, endings that leave the queue, archived cases.
SMALL: Final[tuple[tuple[Any, dict[str, int]], ...]] = (
    (snapshot, {"COMPACT_LINES": 24, "COMPACT_FACTOR": 2}),
    (entries, {"KEPT_ENDED": 12, "FORGOTTEN_AT_ONCE": 4}),
    (case_book, {"KEPT_CLOSED": 2}),
)


class Shop:
    """Case book and retry queue over the journals of one directory. A Publisher from the one into the other."""

    def __init__(self, directory: Path):
        self.clock = FakeClock()
        self.retries = SnapshotJournal(directory / "retries.jsonl", self.clock)
        self.cases = SnapshotJournal(directory / "cases.jsonl", self.clock)
        self.queue = RetryQueue(self.retries, POLICY, (*ENDPOINTS, SPARE), self.clock, Random(1))
        archive = Archive(directory, self.clock)
        self.book = CaseBook(self.cases, archive, self.clock)
        self.bounds = Bounds(self.queue, archive, POLICY, self.clock)

    async def publish(self, event: Event) -> None:
        await self.queue.durable(self.queue.accept(event, ENDPOINTS, b'{"type":"%s"}' % event.type.encode()))

    async def published(self) -> None:
        """Everything that stood in an outbox is in the queue."""
        while any(case.outbox for case in self.book.all()) or self.book.service(CABINET).outbox:
            await asyncio.sleep(0.0005)

    def close(self) -> None:
        self.retries.close()
        self.cases.close()


class Life(Shop):
    """A shop at work that says what it does."""

    async def publish(self, event: Event) -> None:
        named = {deliveries.delivery_id(event.event_id, endpoint) for endpoint in ENDPOINTS}
        new = [one for one in named if one not in {entry.delivery.delivery_id for entry in self.queue.entries()}]
        say("will", ACCEPTED, new)
        await super().publish(event)
        say("did", ACCEPTED, new)

    async def start(self) -> None:
        """What a start has shown stays so: it is on disk by then."""
        for entry in self.queue.entries():
            say("did", entry.delivery.status, [entry.delivery.delivery_id])
        for case in self.book.all():
            say_case("did", case)
        await self.published()
        print("recovered", flush=True)

    async def one_round(self, case_id: str) -> None:
        await self._put(cases.opened(a_case(case_id=case_id, sensor=case_id, severity=Severity.WARNING)))
        at = self.clock.now()
        await self._put(handling.note(self.book.get(case_id), actor="li", note="ice", at=at))
        await self._put(handling.shelve(self.book.get(case_id), actor="li", for_s=600.0, note="loading", at=at))
        await self._serve(case_id)
        await self._put(handling.acknowledge(self.book.get(case_id), actor="li", note="", at=self.clock.now()))
        await self._put(cases.cleared(self.book.get(case_id), self.clock.now()))
        done = {"actor": "li", "action": "door closed", "disposition": "", "note": ""}
        await self._put(handling.handle(self.book.get(case_id), **done, at=self.clock.now()))
        for outcome in (OK, DOWN, OK, DOWN, DOWN, DOWN, OK):
            await self._attempt("hq", outcome)
            self.clock.advance(2.0)
        await self._requeue_one()
        await self._attempt("ops", OK)
        await self._stand(case_id)
        await self._hand_over_one()
        await self._cancel_one()
        await self._keep_bounds()

    async def _put(self, case: Case) -> None:
        say_case("will", case)
        self.book.put(case)
        await self.cases.settled(self.cases.seq)
        say_case("did", case)
        await self.published()

    async def _serve(self, case_id: str) -> None:
        """Out of service, and in the next round back."""
        event_id = f"evt_service_{case_id}"
        mover = Mover(cabinet=CABINET, name="", actor="li", reason="new fan", at=self.clock.now())
        say("will", "service", [event_id])
        if self.book.service(CABINET).out:
            await self.book.serve(CABINET, lambda now, _: service.put_back(now, mover, event_id=event_id), actor="li")
        else:
            await self.book.serve(
                CABINET, lambda now, _: service.take_out(now, mover, due_back=None, event_id=event_id), actor="li"
            )
        say("did", "service", [event_id])
        await self.published()

    async def _attempt(self, endpoint: str, outcome: Outcome) -> None:
        entry = self.queue.claim(endpoint)
        if entry is None:
            return
        failed = outcome if isinstance(outcome, Failed) else None
        if failed is None or entry.delivery.auto_attempts == 1:
            say("will", Status.DELIVERED if failed is None else Status.DEAD_LETTER, [entry.delivery.delivery_id])
        attempt = Attempt(
            number=entry.delivery.attempts + 1,
            trigger=Trigger.AUTO,
            started_at=self.clock.now(),
            duration_ms=12,
            error_class=failed.error_class if failed else None,
        )
        self.queue.settle(entry, attempt, outcome)
        if entry.delivery.status is not Status.PENDING:
            await self._written([entry])

    async def _requeue_one(self) -> None:
        for entry in self._first(Status.DEAD_LETTER):
            say("will", Status.PENDING, [entry.delivery.delivery_id])
            self.queue.requeue(entry.delivery.delivery_id, "li")
            await self._written([entry])

    async def _cancel_one(self) -> None:
        for entry in self._first(Status.PENDING):
            say("will", Status.CANCELLED, [entry.delivery.delivery_id])
            self.queue.cancel(entry.delivery.delivery_id, "li")
            await self._written([entry])

    async def _stand(self, case_id: str) -> None:
        """Paused, and in the next round resumed; the case tells one time from another."""
        say("will", "standing", [case_id])
        hold = None if self.queue.standing("ops").hold else Hold.PAUSED
        await self.queue.settled(self.queue.stand("ops", Standing(hold=hold, reason=case_id)))
        say("did", "standing", [case_id])

    async def _hand_over_one(self) -> None:
        for entry in self._first(Status.PENDING):
            handed_id = deliveries.delivery_id(entry.delivery.event_id, SPARE)
            if entry.delivery.endpoint == SPARE or any(
                one.delivery.delivery_id == handed_id for one in self.queue.entries()
            ):
                return
            say("will", ACCEPTED, [handed_id])
            handed = self.queue.hand_over(entry, SPARE)
            await self.queue.durable([handed])
            self.queue.escalated(entry)
            await self._written([entry, handed])

    async def _keep_bounds(self) -> None:
        """It chooses by itself what is evicted and what is archived."""
        chosen = {Status.PENDING: Status.DEAD_LETTER, Status.DEAD_LETTER: Status.ARCHIVED}
        open_ones = [entry for entry in self.queue.entries() if entry.delivery.status in chosen]
        for entry in open_ones:
            say("will", chosen[entry.delivery.status], [entry.delivery.delivery_id])
            say("will", Status.ARCHIVED, [entry.delivery.delivery_id])
        await self.bounds.keep()
        await self._written(open_ones)

    async def _written(self, changed: Collection[Entry]) -> None:
        await self.retries.settled(max((entry.n for entry in changed), default=0))
        for entry in changed:
            say("did", entry.delivery.status, [entry.delivery.delivery_id])

    def _first(self, status: Status) -> list[Entry]:
        """One of this status, where there is any."""
        return [one for one in self.queue.entries() if one.delivery.status is status][:1]


def say(tense: str, what: str, ids: Iterable[str]) -> None:
    for one in ids:
        print(tense, what, one, flush=True)


def say_case(tense: str, case: Case) -> None:
    print(tense, "case", case.case_id, case.seq, flush=True)


async def live(directory: Path, life: str) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))  # calls are counted for each thread
    shop = Life(directory)
    publishing = asyncio.ensure_future(shop.book.run(shop))
    await shop.start()
    for number in range(ROUNDS):
        await shop.one_round(f"case_{life}_{number}")
    publishing.cancel()
    shop.close()


if __name__ == "__main__":
    for module, constants in SMALL:
        for name, value in constants.items():
            setattr(module, name, value)
    asyncio.run(live(Path(sys.argv[1]), sys.argv[2]))
