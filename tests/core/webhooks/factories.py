"""What the tests of this room arrange: values with defaults, and the parts put together over a real journal."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Raw

from core.clock import Clock, SystemClock
from core.events import DeviceStamp, Event, EventType, Severity
from core.journal import SnapshotJournal
from core.settings import Endpoint, Retry, Webhooks
from core.webhooks.channels import Channel, open_gates
from core.webhooks.deliveries import (
    Attempt,
    Delivered,
    Delivery,
    ErrorClass,
    Failed,
    Outcome,
    Status,
    Trigger,
    decode,
    delivery_id,
)
from core.webhooks.dispatcher import Dispatcher
from core.webhooks.drains import Drains
from core.webhooks.entry import Entry
from core.webhooks.retry_queue import RetryQueue
from core.webhooks.sender import Sender
from core.webhooks.tls import own_context
from core.webhooks.transport import Resolver, Transport
from tests.fakes import FakeClock

BODY = b'{"type":"case.opened","data":{"value":9.4}}'
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of the Standard Webhooks specification
OLD_SECRET = "whsec_" + "b2xkIHNlY3JldCBvZiBoZWFkcXVhcnRlcnMh"
QUICK = Retry(first_delay_s=0.05, max_delay_s=0.2)
NEVER_SOON = Retry(first_delay_s=600.0, max_delay_s=900.0)
OK = Delivered(http_status=200)
DOWN = Failed(error_class=ErrorClass.CONNECT, error="connection refused")
REFUSED = Failed(error_class=ErrorClass.HTTP_4XX, error="404 Not Found", http_status=404)


def an_event(name: str = "evt_1", **changes: Any) -> Event:
    given: dict[str, Any] = {
        "event_id": name,
        "type": EventType.CASE_OPENED,
        "at": FakeClock().now(),
        "severity": Severity.WARNING,
        "data": Raw(b'{"value":9.4}'),
    }
    return Event(**{**given, **changes})


def a_case_event(case: str, seq: int, **changes: Any) -> Event:
    return an_event(f"evt_{case}_{seq}", case_id=case, seq=seq, **changes)


def a_heartbeat(name: str) -> Event:
    return an_event(name, type=EventType.DEVICE_HEARTBEAT, severity=Severity.INFO)


def a_delivery(name: str = "evt_1", **changes: Any) -> Delivery:
    given: dict[str, Any] = {
        "delivery_id": delivery_id(name, "hq"),
        "event_id": name,
        "event_type": "case.opened",
        "endpoint": "hq",
        "severity": Severity.WARNING,
        "created_at": FakeClock().now(),
        "body": Raw(BODY),
    }
    return Delivery(**{**given, **changes})


def an_endpoint(url: str, name: str = "hq", **changes: Any) -> Endpoint:
    return Endpoint(id=name, url=url, **changes)


def an_attempt(clock: Clock, entry: Entry, outcome: Outcome, trigger: Trigger = Trigger.AUTO) -> Attempt:
    failed = outcome if isinstance(outcome, Failed) else None
    return Attempt(
        number=entry.delivery.attempts + 1,
        trigger=trigger,
        started_at=clock.now(),
        duration_ms=12,
        http_status=outcome.http_status,
        error_class=failed.error_class if failed else None,
        error=failed.error if failed else None,
        excerpt=failed.excerpt if failed else "",
    )


@contextlib.asynccontextmanager
async def a_sender(
    url: str,
    *,
    timeout_s: float = 5.0,
    clock: Clock | None = None,
    connections: int = 4,
    resolver: Resolver | None = None,
    **endpoint: Any,
) -> AsyncIterator[Sender]:
    """As the core builds one; with `resolver` names are looked up there."""
    wanted = an_endpoint(url, **endpoint)
    tls = own_context(wanted) or ssl.create_default_context()
    sender = Sender(
        wanted,
        clock or SystemClock(),
        timeout_s=timeout_s,
        connections=connections,
        tls=tls,
        transport=resolver and Transport(tls=tls, connections=connections, resolver=resolver),
    )
    try:
        yield sender
    finally:
        await sender.close()


async def sent(url: str, *, timeout_s: float = 5.0, **endpoint: Any) -> Outcome:
    async with a_sender(url, timeout_s=timeout_s, **endpoint) as sender:
        return await sender.send(a_delivery(), 1)


class Box:
    """A retry queue over a journal in `directory`, driven without a network; `reopen` is a restart of the core."""

    def __init__(
        self,
        directory: Path,
        clock: FakeClock | None = None,
        policy: Retry | None = None,
        endpoints: Sequence[str] = ("hq",),
    ):
        self.directory, self.clock = directory, clock or FakeClock()
        self.policy, self.endpoints = policy or Retry(), endpoints
        self._open()

    @property
    def log(self) -> Path:
        return self.directory / "retries.jsonl"

    def _open(self) -> None:
        self.journal = SnapshotJournal(self.log, self.clock)
        self.queue = RetryQueue(self.journal, self.policy, self.endpoints, self.clock, Random(7))

    def close(self) -> None:
        self.journal.close()

    def reopen(self, endpoints: Sequence[str] | None = None) -> RetryQueue:
        """An orderly end and a new start."""
        self.close()
        self.endpoints = self.endpoints if endpoints is None else endpoints
        self._open()
        return self.queue

    def kill(self, tail: bytes = b"") -> RetryQueue:
        """Start again from the bytes that are in the file at this moment, and perhaps a torn line."""
        survived = self.log.read_bytes()
        self.close()
        for file in self.directory.glob("retries.jsonl*"):
            file.unlink()
        self.log.write_bytes(survived + tail)
        self._open()
        return self.queue

    async def accept(self, *events: Event, endpoint: str = "hq") -> list[Entry]:
        found = [self.queue.accept(event, [endpoint], BODY)[0] for event in events]
        await self.queue.durable(found)
        return found

    def attempt(self, outcome: Outcome) -> Entry:
        """Claim what is due and settle it with this outcome."""
        entry = self.queue.claim("hq")
        assert entry is not None
        self.queue.settle(entry, an_attempt(self.clock, entry, outcome), outcome)
        return entry

    def by_hand(self, item_id: str, outcome: Outcome) -> Entry:
        entry = self.queue.claim_one(item_id, Trigger.MANUAL)
        self.queue.settle(entry, an_attempt(self.clock, entry, outcome, Trigger.MANUAL), outcome)
        return entry

    def fail_until_dead(self, outcome: Failed = DOWN) -> Entry:
        """With max_attempts = 1 in the policy."""
        entry = self.attempt(outcome)
        assert entry.delivery.status is Status.DEAD_LETTER
        return entry

    def known(self) -> dict[str, Delivery]:
        return {entry.delivery.delivery_id: entry.delivery for entry in self.queue.entries()}

    def on_disk(self, entry: Entry) -> Delivery:
        """The last line of this delivery in the file, read as anyone with jq would."""
        lines = [json.loads(line) for line in self.log.read_bytes().splitlines()]
        of_it = [line["d"] for line in lines if line["k"] == "put" and line["id"] == entry.delivery.delivery_id]
        return decode(json.dumps(of_it[-1]).encode())

    def order(self) -> list[str]:
        """The event ids in the order in which they would go out."""
        found = []
        while (entry := self.queue.claim("hq")) is not None:
            found.append(entry.delivery.event_id)
            self.queue.settle(entry, an_attempt(self.clock, entry, OK), OK)
        return found


@contextlib.contextmanager
def a_box(directory: Path, **given: Any) -> Iterator[Box]:
    box = Box(directory, **given)
    try:
        yield box
    finally:
        box.close()


class Station:
    """Journal, queue, senders, dispatcher and drains, as the core puts them together; real clock, real sockets."""

    def __init__(self, directory: Path, endpoints: Sequence[Endpoint], retry: Retry, timeout_s: float, places: int):
        self.clock = SystemClock()
        self.journal = SnapshotJournal(directory / "retries.jsonl", self.clock)
        gates = open_gates(Webhooks(retry=retry, endpoints=tuple(endpoints), concurrency=places), self.clock)
        self.queue = RetryQueue(self.journal, retry, list(gates), self.clock, Random(7), gates)
        tls = ssl.create_default_context()
        channels = [
            Channel(
                one, Sender(one, self.clock, timeout_s=timeout_s, connections=places, tls=tls), gates[one.id], places
            )
            for one in endpoints
        ]
        self.dispatcher = Dispatcher(self.queue, channels, a_stamp, self.clock)
        self.drains = Drains(self.queue, self.dispatcher, self.clock)

    def entry(self, event: Event, endpoint: str = "hq") -> Entry:
        return self.queue.get(delivery_id(event.event_id, endpoint))

    async def until(self, fact: Callable[[], bool], within_s: float = 8.0) -> None:
        """Wait for a fact. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while not fact():
                await asyncio.sleep(0.01)

    async def settled(self, event: Event, status: Status = Status.DELIVERED, endpoint: str = "hq") -> Entry:
        entry = self.entry(event, endpoint)
        await self.until(lambda: entry.delivery.status is status)
        return entry

    async def attempted(self, event: Event, attempts: int = 1, endpoint: str = "hq") -> Entry:
        entry = self.entry(event, endpoint)
        await self.until(lambda: entry.delivery.attempts >= attempts)
        return entry


def a_stamp() -> DeviceStamp:
    return DeviceStamp(id="box-1", site="store-0042", boot_id="b", uptime_s=1.0, clock_synced=True, version="0")


@contextlib.asynccontextmanager
async def a_station(
    directory: Path,
    *endpoints: Endpoint,
    retry: Retry = NEVER_SOON,
    timeout_s: float = 5.0,
    places: int = 4,
    sending: bool = True,
) -> AsyncIterator[Station]:
    """Running; without `sending` only drains and single retries go out."""
    station = Station(directory, endpoints, retry, timeout_s, places)
    try:
        async with asyncio.TaskGroup() as group:
            loops = [group.create_task(station.drains.run())]
            if sending:
                loops.append(group.create_task(station.dispatcher.run()))
            try:
                yield station
            finally:
                for loop in loops:
                    loop.cancel()
    finally:
        await station.dispatcher.close()
        station.journal.close()
