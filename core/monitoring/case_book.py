"""Open and past cases, the running timers, and what people said of cases and cabinets, over a journal."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Final, Protocol

import msgspec
from msgspec import Raw, structs

from core.clock import Clock
from core.errors import RefusalError
from core.events import Event, EventType, News, Publisher, Severity
from core.monitoring import cases, chatter, handling, service
from core.monitoring.cases import Case, Condition, Kind
from core.monitoring.judges import WATCHLESS, watch_type
from core.monitoring.outbox import OF_CABINET, OF_NEWS, Journal, Outbox
from core.monitoring.rules import Watch
from core.monitoring.service import IN_SERVICE, Service
from core.settings import Monitor as Patience

KEPT_CLOSED: Final = 500  # closed cases that stay in the journal; older ones move to the archive of their year
KEPT_OVER: Final = 500  # cases that are over and that nobody has signed off
CHECKPOINT_S: Final = 60.0  # how much of a running timer a crash may cost
_WATCH: Final = "watch:"

Key = tuple[str, Kind]


log = logging.getLogger(__name__)


class Shelf(Protocol):
    """Where closed cases go that are too many: an Archive."""

    def append(self, name: str, item_id: str, document: bytes) -> bool: ...


class CaseBook:
    """Open over the journal; at most one case of a sensor and kind is not closed and not cleared."""

    def __init__(self, journal: Journal, archive: Shelf, clock: Clock, patience: Patience | None = None):
        self._journal, self._archive, self._clock = journal, archive, clock
        self._outbox = Outbox(journal)
        self._patience = patience or Patience()
        self._latest: dict[Key, str] = {}
        self._watches: dict[Key, Watch] = {}
        self._flaps, self._storm = chatter.Flaps(), chatter.Storm()
        self._passed_s = self._kept_s = clock.steady()
        self._archive_bell = asyncio.Event()
        self.undecodable = 0
        for item_id, n, document in journal.items():
            try:
                self._load(item_id, n, document)
            except (ValueError, RecursionError):  # msgspec's own are ValueErrors, a kind of a later version too
                self.undecodable += 1
        self._reconcile()

    def _load(self, item_id: str, n: int, document: bytes) -> None:
        if item_id.startswith(_WATCH):
            name, _, sensor = item_id.removeprefix(_WATCH).partition(":")
            kind = Kind(name)
            self._watches[(sensor, kind)] = msgspec.json.decode(document, type=watch_type(kind))
        else:
            self._outbox.load(item_id, n, document)

    def _reconcile(self) -> None:
        """A kill can fall between a case's line and its timer's: the case decides whether one is open."""
        for case in sorted(self._cases(), key=lambda case: (case.goes_on, *order(case))):
            self._latest[(case.sensor, case.kind)] = case.case_id
        for key in self._watches.keys() | {key for key in self._latest if key[1] not in WATCHLESS}:
            self._watches[key] = self._reconciled(key, self.watch(key))
        for case in self._cases():
            if case.untold:  # who would have told the digest is gone with the process
                self.put(cases.digest(case, self._clock.now()))

    def _reconciled(self, key: Key, watch: Watch) -> Watch:
        current = self.current(key)
        if watch.severity == (current.severity if current is not None else None):
            return watch
        if current is not None:
            elapsed_s = max(watch.elapsed_s, current.duration_s)
            return structs.replace(watch, severity=current.severity, elapsed_s=elapsed_s)
        # Either the case's end got to disk without the timer's, or the case itself was lost to damage: then the timer,
        # having run out, opens one again with the next value beyond the limit.
        return watch.ended() if key in self._latest else structs.replace(watch, severity=None)

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def seq(self) -> int:
        """Rises with every change of a case that is written down, also over restarts; not with its course (`see`)."""
        return self._outbox.seq

    def all(self) -> list[Case]:
        """Newest first."""
        return sorted(self._cases(), key=order, reverse=True)

    def get(self, case_id: str) -> Case:
        """Raises RefusalError 404 `case_not_found`."""
        if (case := self._case(case_id)) is None:
            raise RefusalError(404, "case_not_found", f"there is no case {case_id}")
        return case

    def _case(self, case_id: str) -> Case | None:
        found = self._outbox.states.get(case_id)
        return found if isinstance(found, Case) else None

    def _cases(self) -> list[Case]:
        return [state for state in self._outbox.states.values() if isinstance(state, Case)]

    def current(self, key: Key) -> Case | None:
        """The case that is open for this sensor and kind."""
        case = self._case(self._latest.get(key, ""))
        return case if case is not None and case.goes_on else None

    def cleared(self, key: Key) -> Case | None:
        """The case of this sensor and kind that has cleared but is not closed."""
        case = self._case(self._latest.get(key, ""))
        return case if case is not None and not case.closed and case.condition is Condition.CLEARED else None

    def watch(self, key: Key) -> Watch:
        return self._watches.get(key) or watch_type(key[1])()

    def service(self, cabinet: str) -> Service:
        """What people said of this cabinet."""
        found = self._outbox.states.get(OF_CABINET + cabinet)
        return found if isinstance(found, Service) else IN_SERVICE

    # -- changing --------------------------------------------------------------------------------------------------

    def keep_watch(self, key: Key, watch: Watch, *, durable: bool) -> None:
        """Remember a timer; `durable` writes it down as well, where a crash may cost the last second of it."""
        self._watches[key] = watch
        if not durable:
            return
        item_id = f"{_WATCH}{key[1]}:{key[0]}"
        if watch == watch_type(key[1])():
            self._journal.delete(item_id, lazy=True)
        else:
            self._journal.put(item_id, msgspec.json.encode(watch), lazy=True)

    def see(self, case: Case) -> None:
        """The course of an open case (value, peak, duration): shown at once, written with its next change."""
        self._outbox.see(case.case_id, case)

    def put(self, case: Case) -> None:
        """Make this the case's newest state; its outbox goes out as soon as it is on disk."""
        before, now_s = self._case(case.case_id), self._clock.steady()
        if before is None:
            case = structs.replace(case, number=1 + max((one.number for one in self._cases()), default=0))
        seq = 0 if before is None else before.seq
        if case.seq > seq:
            opens = case.outbox[-1].type in chatter.OPENINGS
            case = self._flaps.passed(before, case, now_s)
            if opens and case.cabinet and (cabinets := self._storm.broke(case.cabinet, now_s)):
                self.tell(EventType.SITE_STORM, Severity.WARNING, {"cabinets": cabinets, "within_s": chatter.STORM_S})
        if case.seq > seq:
            log.info(
                "%s: %s of sensor %r, %s, %s", case.outbox[-1].type, case.kind, case.sensor, case.severity, case.case_id
            )
        if before is None:  # what people do to an earlier case must not hide the one that goes on
            self._latest[(case.sensor, case.kind)] = case.case_id
        self._outbox.put(case.case_id, case)

    def tell(self, event_type: EventType, severity: Severity, data: dict[str, object]) -> None:
        """News of the whole box or site."""
        event = Event(
            event_id=self.new_id("evt_"),
            type=event_type,
            at=self._clock.now(),
            severity=severity,
            data=Raw(msgspec.json.encode(data)),
        )
        self._outbox.put(OF_NEWS + event.event_id, News(outbox=(event,)))

    def pass_time(self) -> None:
        """Run the clocks that wait for people, and tell the digests that are due. Called about once a second."""
        now, now_s = self._clock.now(), self._clock.steady()
        dt_s, self._passed_s = now_s - self._passed_s, now_s
        checkpoint = now_s - self._kept_s >= CHECKPOINT_S
        if checkpoint:
            self._kept_s = now_s
            self._close_unattended(now)
        for case in [case for case in self._cases() if handling.is_waiting(case, self._patience)]:
            after = handling.waited(case, dt_s, self._patience, now)
            (self.put if checkpoint or after.seq > case.seq else self.see)(after)
        for item_id, one in list(self._outbox.states.items()):
            if isinstance(one, Service) and one.maintenance_s is not None:
                left = service.passed(one, dt_s)
                (self._outbox.put if checkpoint or left.maintenance_s is None else self._outbox.see)(item_id, left)
        for case_id in self._flaps.due(now_s):
            flapping = self._case(case_id)
            if flapping is not None and flapping.untold:
                self.put(cases.digest(flapping, now))

    def _close_unattended(self, now: datetime) -> None:
        """What is over and was never signed off can't stay for ever: of very many the oldest close by themselves."""
        over = [case for case in self.all() if not case.closed and not case.goes_on]
        for case in over[KEPT_OVER:]:
            self.put(cases.closed(structs.replace(case, actor=None), now, "unattended"))

    def retire(self, watched: Mapping[Key, str], cabinets: Collection[str]) -> None:
        """Close the cases that no reading can clear any more: their sensor or limit has left the configuration, or the sensor
        its cabinet. `watched` says in which cabinet each thing is watched.
        """
        for item_id, one in list(self._outbox.states.items()):
            if not isinstance(one, Service) or not one.out:
                continue
            cabinet = item_id.removeprefix(OF_CABINET)
            self._expel(cabinet, one.by or "")  # a kill can fall between it and the end of its cases
            if cabinet not in cabinets and not one.outbox:
                self._outbox.remove(item_id)
        for case in [case for case in self._cases() if case.goes_on]:
            if watched.get((case.sensor, case.kind)) != case.cabinet:
                self.put(cases.retired(case, self._clock.now()))
                self.forget_watch((case.sensor, case.kind))
        for key in self._watches.keys() - set(watched):
            self.forget_watch(key)

    def forget_watch(self, key: Key) -> None:
        """Judge anew, as if nothing had been before."""
        if key in self._watches and self._watches[key] != (blank := watch_type(key[1])()):
            self.keep_watch(key, blank, durable=True)

    def new_id(self, prefix: str = "case_") -> str:
        return prefix + secrets.token_hex(10)

    async def act(self, case_id: str, change: Callable[[Case, datetime], Case]) -> Case:
        """What a person does to a case (handling). Returns once it is on disk. Raises RefusalError 404, 409."""
        before = self.get(case_id)
        after = change(before, self._clock.now())
        if after is not before:
            if after.closed and before.goes_on:  # what goes on all the same is judged anew, from its first minute
                key = (before.sensor, before.kind)
                self.keep_watch(key, self.watch(key).dismissed(), durable=True)
            self.put(after)
        await self._outbox.settled(case_id)
        return after

    async def serve(self, cabinet: str, change: Callable[[Service, datetime], Service], *, actor: str) -> Service:
        """What a person says of a cabinet (service); where that takes it out of service, its open cases close.

        Returns once it is on disk. Raises RefusalError 409.
        """
        before, now = self.service(cabinet), self._clock.now()
        after = change(before, now)
        self._outbox.put(OF_CABINET + cabinet, after, lazy=False)
        if after.out and not before.out:
            self._expel(cabinet, actor)
        await self._outbox.settled(OF_CABINET + cabinet)
        return after

    def _expel(self, cabinet: str, actor: str) -> None:
        for case in self._cases():
            if case.cabinet == cabinet and not case.closed:
                self.put(handling.expelled(case, actor=actor, at=self._clock.now()))
                self.forget_watch((case.sensor, case.kind))

    # -- the way out -----------------------------------------------------------------------------------------------

    async def run(self, publisher: Publisher) -> None:
        """Publish what is in the outboxes, and move old closed cases to the archive: beside it, since a disk may hang and
        news must not.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._outbox.run(publisher, self._archive_bell.set))
            group.create_task(self._archive_old())

    async def _archive_old(self) -> None:
        while True:
            await self._archive_bell.wait()
            self._archive_bell.clear()
            await self._archive_oldest()

    async def _archive_oldest(self) -> None:
        """What can't be written there stays where it is, and is tried again after the next news."""
        closed = [case for case in self.all() if case.closed and not case.outbox]
        for case in closed[KEPT_CLOSED:]:
            assert case.closed_at is not None
            name = f"cases-{case.closed_at.year}.jsonl"
            if not await asyncio.to_thread(self._archive.append, name, case.case_id, msgspec.json.encode(case)):
                return
            self._outbox.remove(case.case_id)


def order(case: Case) -> tuple[int, datetime, str]:
    """As they opened, which nothing that happens to a case changes. Those of an earlier version have no number."""
    return case.number, case.opened_at, case.case_id
