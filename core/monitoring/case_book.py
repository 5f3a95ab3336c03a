"""Open and past cases and the running timers, over a journal; people's actions; and the outbox.

A case's snapshot carries the events that the retry queue has not accepted yet. They are published from here, again after
a restart, and accepting is idempotent: so a kill between the two files neither loses nor doubles an event.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Collection, Iterable
from typing import Final, Protocol

import msgspec
from msgspec import structs

from core.clock import Clock
from core.errors import RefusalError
from core.events import Publisher
from core.monitoring import cases
from core.monitoring.cases import Case, Condition, Kind
from core.monitoring.rules import IDLE, Watch

KEPT_CLOSED: Final = 500  # closed cases that stay in the journal; older ones move to the archive of their year
_WATCH: Final = "watch:"

Key = tuple[str, Kind]

log = logging.getLogger(__name__)


class Journal(Protocol):
    """Where a book's newest documents stand: a SnapshotJournal, or memory for a book that need not survive."""

    def items(self) -> Iterable[tuple[str, int, bytes]]: ...

    def put(self, item_id: str, document: bytes, *, lazy: bool = False) -> int: ...

    def delete(self, item_id: str, *, lazy: bool = False) -> int: ...

    async def settled(self, n: int) -> None: ...


class Shelf(Protocol):
    """Where closed cases go that are too many: an Archive."""

    def append(self, name: str, item_id: str, document: bytes) -> bool: ...


class CaseBook:
    """Open over the journal; at most one case of a sensor and kind is not closed and not cleared."""

    def __init__(self, journal: Journal, archive: Shelf, clock: Clock):
        self._journal, self._archive, self._clock = journal, archive, clock
        self._cases: dict[str, Case] = {}
        self._numbers: dict[str, int] = {}
        self._latest: dict[Key, str] = {}
        self._watches: dict[Key, Watch] = {}
        self._bell, self._archive_bell = asyncio.Event(), asyncio.Event()
        self.undecodable = 0
        for item_id, n, document in journal.items():
            try:
                self._load(item_id, n, document)
            except (ValueError, RecursionError):  # msgspec's own are ValueErrors, a kind of a later version too
                self.undecodable += 1
        self._reconcile()

    def _load(self, item_id: str, n: int, document: bytes) -> None:
        if item_id.startswith(_WATCH):
            kind, _, sensor = item_id.removeprefix(_WATCH).partition(":")
            self._watches[(sensor, Kind(kind))] = msgspec.json.decode(document, type=Watch)
            return
        case = msgspec.json.decode(document, type=Case)
        self._cases[item_id], self._numbers[item_id] = case, n

    def _reconcile(self) -> None:
        """A kill can fall between a case's line and its timer's: the case decides whether one is open."""
        # Times of opening may come from a wrong wall clock, so they never put an ended case before one that goes on.
        for case in sorted(self._cases.values(), key=lambda case: (_goes_on(case), case.opened_at)):
            self._latest[(case.sensor, case.kind)] = case.case_id
        for key in self._watches.keys() | self._latest.keys():
            self._watches[key] = self._reconciled(key, self._watches.get(key, IDLE))

    def _reconciled(self, key: Key, watch: Watch) -> Watch:
        current = self.current(key)
        if watch.severity == (current.severity if current is not None else None):
            return watch
        if current is not None:
            elapsed_s = max(watch.elapsed_s, current.duration_s)
            return structs.replace(watch, severity=current.severity, elapsed_s=elapsed_s)
        # Either the case's end got to disk without the timer's, or the case itself was lost to damage: then the timer,
        # having run out, opens one again with the next value beyond the limit.
        return Watch(quiet_s=0.0) if key in self._latest else structs.replace(watch, severity=None)

    # -- reading ---------------------------------------------------------------------------------------------------

    def all(self) -> list[Case]:
        """Newest first."""
        return sorted(self._cases.values(), key=lambda case: (case.opened_at, case.case_id), reverse=True)

    def get(self, case_id: str) -> Case:
        """Raises RefusalError 404 `case_not_found`."""
        if case_id not in self._cases:
            raise RefusalError(404, "case_not_found", f"there is no case {case_id}")
        return self._cases[case_id]

    def current(self, key: Key) -> Case | None:
        """The case that is open for this sensor and kind."""
        case = self._cases.get(self._latest.get(key, ""))
        return case if case is not None and _goes_on(case) else None

    def cleared(self, key: Key) -> Case | None:
        """The case of this sensor and kind that has cleared but is not closed."""
        case = self._cases.get(self._latest.get(key, ""))
        return case if case is not None and not case.closed and case.condition is Condition.CLEARED else None

    def watch(self, key: Key) -> Watch:
        return self._watches.get(key, IDLE)

    # -- changing --------------------------------------------------------------------------------------------------

    def keep_watch(self, key: Key, watch: Watch, *, durable: bool) -> None:
        """Remember a timer; `durable` writes it down as well, where a crash may cost the last second of it."""
        self._watches[key] = watch
        if not durable:
            return
        item_id = f"{_WATCH}{key[1]}:{key[0]}"
        if watch == IDLE:
            self._journal.delete(item_id, lazy=True)
        else:
            self._journal.put(item_id, msgspec.json.encode(watch), lazy=True)

    def see(self, case: Case) -> None:
        """The course of an open case (value, peak, duration): shown at once, written with its next change."""
        self._cases[case.case_id] = case

    def put(self, case: Case) -> None:
        """Make this the case's newest state; its outbox goes out as soon as it is on disk."""
        told = len(case.outbox) > 0
        before = self._cases.get(case.case_id)
        if told and (before is None or before.seq < case.seq):
            log.info(
                "%s: %s of sensor %r, %s, %s", case.outbox[-1].type, case.kind, case.sensor, case.severity, case.case_id
            )
        if before is None:  # what people do to an earlier case must not hide the one that goes on
            self._latest[(case.sensor, case.kind)] = case.case_id
        self._cases[case.case_id] = case
        self._numbers[case.case_id] = self._journal.put(case.case_id, msgspec.json.encode(case), lazy=not told)
        if told:
            self._bell.set()

    def retire(self, watched: Collection[Key]) -> None:
        """Close the cases that no reading can clear any more: their sensor or limit has left the configuration."""
        for case in [case for case in self._cases.values() if _goes_on(case)]:
            if (case.sensor, case.kind) not in watched:
                self.put(cases.retired(case, self._clock.now()))
        for key in self._watches.keys() - set(watched):
            self.keep_watch(key, IDLE, durable=True)

    def new_id(self) -> str:
        return "case_" + secrets.token_hex(10)

    async def acknowledge(self, case_id: str, *, actor: str, note: str) -> Case:
        """Returns once it is on disk. Raises RefusalError 404, 409."""
        now = self._clock.now()
        return await self._act(case_id, lambda case: cases.acknowledge(case, actor=actor, note=note, at=now))

    async def handle(self, case_id: str, *, actor: str, action: str, disposition: str, note: str) -> Case:
        """Returns once it is on disk. Raises RefusalError 404, 409."""
        now = self._clock.now()
        return await self._act(
            case_id,
            lambda case: cases.handle(case, actor=actor, action=action, disposition=disposition, note=note, at=now),
        )

    async def _act(self, case_id: str, change: Callable[[Case], Case]) -> Case:
        before = self.get(case_id)
        after = change(before)
        if after is not before:
            self.put(after)
        await self._journal.settled(self._numbers[case_id])
        return after

    # -- the outbox ------------------------------------------------------------------------------------------------

    async def run(self, publisher: Publisher) -> None:
        """Publish what is in the outboxes, and move old closed cases to the archive: beside it, since a disk may hang and
        news must not.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publish_news(publisher))
            group.create_task(self._archive_old())

    async def _publish_news(self, publisher: Publisher) -> None:
        """Those of a former life first."""
        self._bell.set()
        while True:
            await self._bell.wait()
            self._bell.clear()
            for case_id in [case.case_id for case in self._cases.values() if case.outbox]:
                await self._publish(case_id, publisher)
            self._archive_bell.set()

    async def _archive_old(self) -> None:
        while True:
            await self._archive_bell.wait()
            self._archive_bell.clear()
            await self._archive_oldest()

    async def _publish(self, case_id: str, publisher: Publisher) -> None:
        # Only what is on disk goes out: after a kill the same number would otherwise stand for another event.
        published = self._cases[case_id].outbox
        await self._journal.settled(self._numbers[case_id])
        for event in published:
            await publisher.publish(event)
        case = self._cases[case_id]  # it may have got further events meanwhile
        self.put(structs.replace(case, outbox=case.outbox[len(published) :]))

    async def _archive_oldest(self) -> None:
        """What can't be written there stays where it is, and is tried again after the next news."""
        closed = [case for case in self.all() if case.closed and not case.outbox]
        for case in closed[KEPT_CLOSED:]:
            assert case.closed_at is not None
            name = f"cases-{case.closed_at.year}.jsonl"
            if not await asyncio.to_thread(self._archive.append, name, case.case_id, msgspec.json.encode(case)):
                return
            del self._cases[case.case_id], self._numbers[case.case_id]
            self._journal.delete(case.case_id, lazy=True)


def _goes_on(case: Case) -> bool:
    return not case.closed and case.condition is not Condition.CLEARED
