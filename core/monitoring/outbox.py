"""States that carry their own news, over a journal, and the news' way out.

A state's document holds the events that the retry queue has not accepted yet. They are published from here, again after a
restart, and accepting is idempotent: so a kill between the two files neither loses nor doubles an event.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, Protocol

import msgspec
from msgspec import structs

from core.events import News, Publisher
from core.monitoring.cases import Case
from core.monitoring.service import Service

State = Case | Service | News

OF_CABINET: Final = "cabinet:"
OF_NEWS: Final = "news:"


class Journal(Protocol):
    """Where the newest documents stand: a SnapshotJournal, or memory for a book that need not survive."""

    @property
    def seq(self) -> int: ...

    def items(self) -> Iterable[tuple[str, int, bytes]]: ...

    def put(self, item_id: str, document: bytes, *, lazy: bool = False) -> int: ...

    def delete(self, item_id: str, *, lazy: bool = False) -> int: ...

    async def settled(self, n: int) -> None: ...


class Outbox:
    """The newest state of each item, and the line of the journal that holds it."""

    def __init__(self, journal: Journal):
        self._journal = journal
        self._numbers: dict[str, int] = {}
        self._bell = asyncio.Event()
        self.states: dict[str, State] = {}
        self.seq = journal.seq  # the line of the newest change

    def load(self, item_id: str, n: int, document: bytes) -> None:
        """Take in what a former life wrote. Raises ValueError where it is not understood."""
        if item_id.startswith(OF_CABINET):
            self.states[item_id] = msgspec.json.decode(document, type=Service)
        elif item_id.startswith(OF_NEWS):
            self.states[item_id] = msgspec.json.decode(document, type=News)
        else:
            self.states[item_id] = msgspec.json.decode(document, type=Case)
        self._numbers[item_id] = n

    def see(self, item_id: str, state: State) -> None:
        """Shown at once, written with its next change."""
        self.states[item_id] = state

    def put(self, item_id: str, state: State, *, lazy: bool = True) -> None:
        """Write it down, at once where it is not `lazy`. What has news always goes to disk at once, and then out."""
        self.states[item_id] = state
        self.seq = self._journal.put(item_id, msgspec.json.encode(state), lazy=lazy and not state.outbox)
        self._numbers[item_id] = self.seq
        if state.outbox:
            self._bell.set()

    def remove(self, item_id: str) -> None:
        del self.states[item_id], self._numbers[item_id]
        self.seq = self._journal.delete(item_id, lazy=True)

    async def settled(self, item_id: str) -> None:
        """Once its newest state is on disk, or visibly can't be."""
        await self._journal.settled(self._numbers[item_id])

    async def run(self, publisher: Publisher, after: Callable[[], None]) -> None:
        """Publish for ever, what a former life left first; `after` is called when all that was there has been accepted."""
        self._bell.set()
        while True:
            await self._bell.wait()
            self._bell.clear()
            for item_id in [item_id for item_id, state in self.states.items() if state.outbox]:
                await self._publish(item_id, publisher)
            after()

    async def _publish(self, item_id: str, publisher: Publisher) -> None:
        # Only what is on disk goes out: after a kill the same number would otherwise stand for another event.
        published = self.states[item_id].outbox
        await self.settled(item_id)
        for event in published:
            await publisher.publish(event)
        state = self.states[item_id]  # it may have got further events meanwhile
        left = structs.replace(state, outbox=state.outbox[len(published) :])
        if isinstance(left, News) and not left.outbox:
            self.remove(item_id)
        else:
            self.put(item_id, left)
