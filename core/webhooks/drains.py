"""Sending many pending deliveries at once by hand, one drain at a time, with a result for each item.

A failure holds up only its own case: what must come after it is skipped, everything else goes on. Whatever the dispatcher
refuses to send is skipped too, with its code as the reason.
"""

import asyncio
import contextlib
import secrets
from collections import Counter, deque
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from core import wire
from core.clock import Clock
from core.errors import RefusalError
from core.events import rank
from core.webhooks.deliveries import Status
from core.webhooks.dispatcher import Dispatcher
from core.webhooks.entry import Entry
from core.webhooks.filters import Filter
from core.webhooks.retry_queue import RetryQueue

SHUTDOWN: Final = "shutdown"


class DrainJob:
    """One drain: what it was asked, what it found, and how far it is. `key` is the caller's own name for his request."""

    def __init__(self, request: wire.Drain, actor: str, matched: list[Entry], started_at: datetime, started_s: float):
        self.drain_id = "drn_" + secrets.token_hex(8)
        self.request, self.actor, self.matched = request, actor, matched
        self.count = len(matched)
        self.started_at, self.started_s = started_at, started_s
        self.key: str | None = None
        self.finished_at: datetime | None = None
        self.duration_ms = 0
        self.stop_reason: wire.StopReason | None = None
        self.stopped_by: str | None = None  # where a person did
        self.items: dict[str, wire.DrainItem] = {}
        self.results: Counter[str] = Counter()
        self.finished = asyncio.Event()

    def add(self, item: wire.DrainItem) -> None:
        """What became of one of those that were matched."""
        self.items[item.delivery_id] = item
        self.results[item.result] += 1


class Drains:
    """Starts drains and runs them one after the other until cancelled. The last few results can be asked for."""

    KEPT = 20

    def __init__(self, queue: RetryQueue, dispatcher: Dispatcher, clock: Clock):
        self._queue, self._dispatcher, self._clock = queue, dispatcher, clock
        self._jobs: dict[str, DrainJob] = {}
        self._running: DrainJob | None = None
        self._bell = asyncio.Event()

    def start(self, request: wire.Drain, actor: str, key: str | None = None) -> DrainJob:
        """A new drain, or the one that this actor started with the same key.

        Raises RefusalError: 404 for an unknown endpoint or delivery, 409 `drain_in_progress` while one runs, 409
        `idempotency_key_reused` for a key that stands for another request.
        """
        if (known := self._known(actor, key)) is not None:
            if known.request != request:
                raise RefusalError(409, "idempotency_key_reused", "this key was used for another request")
            return known
        if self._running is not None and not request.dry_run:
            running = self._running.drain_id
            raise RefusalError(409, "drain_in_progress", f"drain {running} is still running", drain_id=running)
        if request.endpoint is not None and self._dispatcher.channel(request.endpoint) is None:
            raise RefusalError(404, "endpoint_not_found", f"there is no endpoint {request.endpoint!r}")
        job = DrainJob(request, actor, self._matched(request), self._clock.now(), self._clock.steady())
        if request.dry_run:
            for entry in job.matched:
                job.add(self._foreseen(entry))
            self._finish(job)
            return job
        job.key = key
        self._jobs[job.drain_id] = job
        for old in list(self._jobs)[: -self.KEPT]:
            del self._jobs[old]
        self._running = job
        self._bell.set()
        return job

    @property
    def running_id(self) -> str | None:
        """Of the drain that runs."""
        return None if self._running is None else self._running.drain_id

    def recent(self) -> list[DrainJob]:
        """Those that are kept, the newest first."""
        return list(reversed(self._jobs.values()))

    def get(self, drain_id: str) -> DrainJob:
        """Raises RefusalError 404 `drain_not_found`."""
        if drain_id not in self._jobs:
            raise RefusalError(404, "drain_not_found", f"there is no drain {drain_id}")
        return self._jobs[drain_id]

    def stop(self, drain_id: str, actor: str) -> DrainJob:
        """What is in flight finishes, nothing else is sent. Raises RefusalError 404, and 409 `drain_not_running`."""
        job = self.get(drain_id)
        if job.finished.is_set():
            raise RefusalError(409, "drain_not_running", f"drain {drain_id} has ended")
        if job.stop_reason is None:
            job.stop_reason, job.stopped_by = "stopped", actor
        for endpoint in {entry.delivery.endpoint for entry in job.matched}:
            self._dispatcher.wake(endpoint)  # who waits for a place there need not any more
        return job

    def result(self, job: DrainJob, *, with_items: bool = True) -> wire.DrainResult:
        """As far as it is by now; items, where they are wanted, in the order in which they are sent."""
        found, queue = job.results, self._queue
        counts = wire.DrainCounts(
            matched=job.count,
            attempted=found["delivered"] + found["failed"],
            delivered=found["delivered"],
            failed=found["failed"],
            skipped=found["skipped"],
            remaining_due=queue.due(),
            remaining_pending=queue.index.count(Status.PENDING),
        )
        return wire.DrainResult(
            drain_id=job.drain_id,
            actor=job.actor,
            dry_run=job.request.dry_run,
            running=not job.finished.is_set(),
            started_at=job.started_at,
            finished_at=job.finished_at,
            duration_ms=job.duration_ms,
            counts=counts,
            items=tuple(job.items.values()) if with_items else (),
            stop_reason=job.stop_reason,
            stopped_by=job.stopped_by,
        )

    async def run(self) -> None:
        while True:
            await self._bell.wait()
            self._bell.clear()
            if (job := self._running) is None:
                continue
            try:
                await self._drain(job)
            finally:
                self._running = None
                self._finish(job)

    async def idle(self) -> None:
        """Return once no drain is running."""
        while self._running is not None:
            await self._running.finished.wait()
            await asyncio.sleep(0)

    def _known(self, actor: str, key: str | None) -> DrainJob | None:
        """Two actors may think of the same key."""
        of_key = (job for job in self._jobs.values() if key is not None and (job.actor, job.key) == (actor, key))
        return next(of_key, None)

    def _matched(self, request: wire.Drain) -> list[Entry]:
        if request.delivery_ids is None:
            chosen = list(self._queue.index.of(Status.PENDING))
        else:  # once each: naming one twice must not send it twice
            chosen = [self._queue.get(one) for one in dict.fromkeys(request.delivery_ids)]
        wanted = Filter(
            endpoint=request.endpoint,
            event_type=request.event_type,
            case_id=request.case_id,
            severity=request.severity,
            error_class=request.error_class,
        )
        matched = [
            entry
            for entry in chosen
            if entry.delivery.status is Status.PENDING
            and wanted.fits(entry.delivery)
            and not (request.only_due and self._queue.due_in_s(entry) != 0)
        ]
        matched.sort(key=lambda entry: (-rank(entry.delivery.severity), entry.delivery.created_at))
        # Within a case the order of its events decides, whatever their severities are.
        lanes: dict[tuple[str, str], deque[Entry]] = {}
        for entry in sorted(matched, key=lambda entry: entry.delivery.seq or 0):
            lanes.setdefault(_lane(entry), deque()).append(entry)
        ordered = [lanes[_lane(entry)].popleft() for entry in matched]
        return ordered[: request.limit]

    async def _drain(self, job: DrainJob) -> None:
        """Endpoint beside endpoint, `concurrency` cases of each at a time, each case in order."""
        lanes: dict[str, dict[tuple[str, str], list[Entry]]] = {}
        for entry in job.matched:
            lanes.setdefault(entry.delivery.endpoint, {}).setdefault(_lane(entry), []).append(entry)
        async with asyncio.TaskGroup() as group:
            for endpoint, of_endpoint in lanes.items():
                channel = self._dispatcher.channel(endpoint)
                todo = iter(of_endpoint.values())
                for _ in range(min(len(of_endpoint), channel.concurrency if channel else 1)):
                    group.create_task(self._work(job, todo))

    async def _work(self, job: DrainJob, todo: Iterator[list[Entry]]) -> None:
        for lane in todo:
            for entry in lane:
                if job.stop_reason is not None:
                    return
                job.add(await self._send(entry, job))

    async def _send(self, entry: Entry, job: DrainJob) -> wire.DrainItem:
        try:
            await self._dispatcher.retry(entry.delivery.delivery_id, job.actor, job)
        except RefusalError as refusal:
            if refusal.code == SHUTDOWN:
                job.stop_reason = job.stop_reason or SHUTDOWN
            if entry.delivery.status is not Status.DELIVERED:  # else its automatic attempt came first
                return self._item(entry, "skipped", skip_reason=refusal.code)
        return self._item(entry, "delivered" if entry.delivery.status is Status.DELIVERED else "failed")

    def _foreseen(self, entry: Entry) -> wire.DrainItem:
        """What would become of it, as far as can be seen without trying: an endpoint may refuse, and an earlier one fail."""
        try:
            self._dispatcher.refuse_held(entry.delivery.endpoint)
        except RefusalError as refusal:
            return self._item(entry, "skipped", skip_reason=refusal.code)
        if entry.in_flight is not None:
            return self._item(entry, "skipped", skip_reason="in_flight")
        return self._item(entry, "would_attempt")

    def _item(self, entry: Entry, result: str, skip_reason: str | None = None) -> wire.DrainItem:
        delivery = entry.delivery
        last = delivery.last_attempt if result in {"delivered", "failed"} else None
        return wire.DrainItem(
            delivery_id=delivery.delivery_id,
            endpoint=delivery.endpoint,
            event_type=delivery.event_type,
            cabinet=delivery.cabinet,
            result=result,
            attempt=last.number if last else None,
            http_status=last.http_status if last else None,
            error_class=last.error_class if last else None,
            error=last.error if last else None,
            skip_reason=skip_reason,
            duration_ms=last.duration_ms if last else None,
            next_attempt_at=delivery.next_attempt_at,
        )

    def _finish(self, job: DrainJob) -> None:
        """What a stop left undone is named as skipped, never left out."""
        left = [entry for entry in job.matched if entry.delivery.delivery_id not in job.items]
        reason = job.stop_reason or SHUTDOWN
        if left:
            job.stop_reason = reason
        for entry in left:
            job.add(self._item(entry, "skipped", skip_reason=reason))
        job.matched = []  # with their bodies and accounts they would stay in memory as long as the result is kept
        job.finished_at = self._clock.now()
        job.duration_ms = round((self._clock.steady() - job.started_s) * 1000)
        job.finished.set()


def _lane(entry: Entry) -> tuple[str, str]:
    return entry.delivery.endpoint, entry.delivery.case_id or entry.delivery.delivery_id


async def finished_within(job: DrainJob, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await job.finished.wait()
    return job.finished.is_set()
