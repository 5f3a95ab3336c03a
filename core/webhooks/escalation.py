"""What to do when critical news does not get out: say so here, by another way, and without any way at all.

A critical delivery that is undelivered (pending, or a dead letter that nobody has cancelled) for longer than
`escalate_after_min` is overdue. Overdue ones are counted for status; each is handed over once to the fallback endpoints of
its endpoint; and a local command is run. What is on its way to a fallback endpoint is counted, but not escalated further.

How long one waits is real time, whatever excuses its age knows (paused, offline), and no clock that jumps may make all
overdue at once, or none ever: a delivery that this core accepted waits by steady time alone. Of one that it loaded at its
start, the time before is what its account says; and, once the wall clock is synchronised, what that says, asked that one
time, and only where the event was written under a synchronised clock too.

Handing over is marked on the delivery, so a restart does not repeat it. The command is not: a restart while something is
overdue runs it again, for whatever it switched on may have gone off with the box.
"""

import asyncio
import math
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Final

import msgspec
from msgspec import Struct

from core.clock import Clock
from core.settings import Webhooks
from core.webhooks.deliveries import UNDELIVERED, Delivery
from core.webhooks.dispatcher import Dispatcher
from core.webhooks.entry import Entry
from core.webhooks.local_command import LocalCommand
from core.webhooks.retry_queue import RetryQueue

LOOK_S: Final = 3.0
AT_ONCE: Final = 100  # handed over between two breaths of the other loops


@dataclass(frozen=True, kw_only=True)
class Overdue:
    """How many, for how long the oldest, and to which endpoints."""

    count: int
    oldest_s: float
    endpoints: tuple[str, ...]


class Escalation:
    """Looks after one queue. `command` tells how the last run of `escalate_command` went."""

    def __init__(self, queue: RetryQueue, dispatcher: Dispatcher, webhooks: Webhooks, clock: Clock):
        self._queue, self._dispatcher, self._clock = queue, dispatcher, clock
        self._after_s = webhooks.escalate_after_min * 60 or math.inf
        self._has_command = bool(webhooks.escalate_command)
        self._stand_ins = {one.id: one.fallback_for for one in webhooks.endpoints if one.fallback_for}
        self.command = LocalCommand(webhooks.escalate_command, clock)
        # Since when each undelivered critical delivery waits, in steady seconds: at first those that were loaded.
        self._since_s = {one.delivery.delivery_id: one.waiting_since_s for one in self._critical()}
        self._undated = set(self._since_s)  # the wall clock was not asked yet
        self._put_in_order()
        self._overdue: list[Entry] = []
        self._told: set[str] = set()  # the command was run for these

    async def run(self) -> None:
        """Look, hand over and run the command, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._handing_over())
            while True:
                self.look()
                if (variables := self._untold()) is not None:
                    group.create_task(self.command.run(variables))
                await self._clock.sleep(LOOK_S)

    async def _handing_over(self) -> None:
        """Beside the looking: a disk that hangs must not keep the command from running."""
        while True:
            await self.hand_over()
            await self._clock.sleep(LOOK_S)

    # -- what is overdue -----------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Find what is overdue now."""
        now_s = self._clock.steady()
        self._since_s = {entry.delivery.delivery_id: self._since(entry) for entry in self._critical()}
        self._date(now_s)
        self._put_in_order()
        self._overdue = list(takewhile(lambda entry: now_s - self._since(entry) >= self._after_s, self._by_age))
        self._told &= {entry.delivery.delivery_id for entry in self._overdue}

    def _put_in_order(self) -> None:
        """What waits now by its age, the oldest in front; what comes in later has an ordinal above this."""
        self._by_age, self._looked_at = deque(sorted(self._critical(), key=self._since)), self._queue.known.accepted

    def _date(self, now_s: float) -> None:
        """Ask the wall clock how long those that this core loaded have been waiting, once it knows."""
        self._undated &= self._since_s.keys()
        if not self._undated or not self._clock.synchronised():
            return
        for item_id in self._undated:
            delivery = self._queue.get(item_id).delivery
            if _written_by_the_clock(delivery):
                waited_s = (self._clock.now() - delivery.created_at).total_seconds()
                self._since_s[item_id] = min(self._since_s[item_id], now_s - waited_s)
        self._undated.clear()

    def _since(self, entry: Entry) -> float:
        return self._since_s.get(entry.delivery.delivery_id, entry.waiting_since_s)

    def _critical(self) -> Collection[Entry]:
        return self._queue.index.critical.values()

    @property
    def undelivered(self) -> int:
        """How many critical deliveries are undelivered, overdue or not."""
        return len(self._critical())

    @property
    def oldest_s(self) -> float | None:
        """How long the oldest undelivered critical one waits."""
        while self._by_age and self._by_age[0].delivery.status not in UNDELIVERED:
            self._by_age.popleft()  # for good: what has ended does not come back
        since_s = [self._since(entry) for entry in (*islice(self._by_age, 1), *self._accepted_since())]
        return self._clock.steady() - min(since_s) if since_s else None

    def _accepted_since(self) -> Iterator[Entry]:
        """The critical ones that came in after the last look: one handed over is as old as the one it was made from."""
        newest_first = reversed(self._queue.index.critical.values())
        return takewhile(lambda entry: entry.delivery.ordinal > self._looked_at, newest_first)

    @property
    def overdue(self) -> Overdue | None:
        """As of the last look, without what has got out since."""
        late = [entry for entry in self._overdue if entry.delivery.status in UNDELIVERED]
        if not late:
            return None
        return Overdue(
            count=len(late),
            oldest_s=self._clock.steady() - self._since(late[0]),
            endpoints=_endpoints(late),
        )

    # -- what is done about it -----------------------------------------------------------------------------------------

    async def hand_over(self) -> None:
        """Give what is overdue to the fallback endpoints, and send it once it is on disk there."""
        going = [one for one in self._escalating() if one.delivery.escalated_at is None and self._ways_round(one)]
        for start in range(0, len(going), AT_ONCE):
            batch = [one for one in going[start : start + AT_ONCE] if one.delivery.status in UNDELIVERED]
            handed = [self._queue.hand_over(entry, name) for entry in batch for name in self._ways_round(entry)]
            await self._queue.durable(handed)
            for entry in batch:
                if entry.delivery.status in UNDELIVERED:
                    self._queue.escalated(entry)
            for name in {entry.delivery.endpoint for entry in handed}:
                self._dispatcher.urge(name)

    def _escalating(self) -> list[Entry]:
        return [entry for entry in self._overdue if entry.delivery.endpoint not in self._stand_ins]

    def _ways_round(self, entry: Entry) -> list[str]:
        """The endpoints that stand in for this one's and take its type."""
        return [
            name
            for name, stands_in_for in self._stand_ins.items()
            if entry.delivery.endpoint in stands_in_for
            and (channel := self._dispatcher.channel(name)) is not None
            and channel.takes(entry.delivery.event_type)
        ]

    def _untold(self) -> dict[str, str] | None:
        """What the command is told, where something is overdue that it was not run for and it does not run now."""
        new = [entry for entry in self._escalating() if entry.delivery.delivery_id not in self._told]
        if not new or not self._has_command or self.command.running:
            return None
        self._told |= {entry.delivery.delivery_id for entry in new}
        oldest = new[0].delivery
        return {
            "CDG_UNDELIVERED": str(len(self._overdue)),
            "CDG_ENDPOINTS": ",".join(_endpoints(self._overdue)),
            "CDG_EVENT_ID": oldest.event_id,
            "CDG_CASE_ID": oldest.case_id or "",
            "CDG_CABINET": oldest.cabinet or "",
        }


def _endpoints(entries: Sequence[Entry]) -> tuple[str, ...]:
    return tuple(sorted({entry.delivery.endpoint for entry in entries}))


class _Speaker(Struct, frozen=True):
    clock_synced: bool = False


class _Stamped(Struct, frozen=True):
    device: _Speaker = _Speaker()


def _written_by_the_clock(delivery: Delivery) -> bool:
    """Whether the wall clock was synchronised when the event was written, so that `created_at` means something."""
    try:
        return msgspec.json.decode(delivery.body, type=_Stamped).device.clock_synced
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
