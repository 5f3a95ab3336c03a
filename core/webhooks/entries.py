"""The deliveries of this box in memory and in their journal: what is there, what was ever accepted, what has left.

Rebuilt from the journal alone. Knows no schedule and sends nothing.
"""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from core.clock import Clock
from core.errors import RefusalError
from core.journal import SnapshotJournal
from core.webhooks import accounts, deliveries
from core.webhooks.accounts import ENDED, Books
from core.webhooks.deliveries import Delivery
from core.webhooks.entry import Entry, words
from core.webhooks.index import Index
from core.webhooks.orders import Moved, Orders
from core.webhooks.standings import Standing
from core.wire import Accounts

# Ended deliveries stay this long in sight: for `since_seq`, and so that a case's event that is published again after a
# kill still finds its delivery. Their lines leave the journal with the next rewrite, some at a time.
KEPT_ENDED: Final = 1000
FORGOTTEN_AT_ONCE: Final = 100
OF_ENDPOINT: Final = "endpoint:"


class Entries:
    """Open over a journal; iterating gives them all, those that came first in front. `index` is what is known of all; for
    its orders `due_s` says when one goes next, and `moved` gets the ids of those whose due time is another.
    """

    def __init__(
        self, journal: SnapshotJournal, clock: Clock, moved: Moved, due_s: Callable[[Delivery], float]
    ) -> None:
        self._journal, self._clock = journal, clock
        self._entries: dict[str, Entry] = {}
        self.index = Index(Orders(self._entries, moved, due_s))
        self._ended: dict[str, None] = {}  # ids of those that have ended, oldest first
        self._books = Books()
        self.standings: dict[str, Standing] = {}
        self.undecodable = 0
        for item_id, n, document in journal.items():
            try:
                self._load(item_id, n, document)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self.undecodable += 1  # it stays in the journal as it is: a later version may read it
        self.index.fill(self)
        for item_id in [one for one in self._ended if self._entries[one].n <= self._books.upto]:
            self._leave(item_id)  # in the books already; a kill came before the next rewrite
        self.accepted = accounts.accepted(self._books, (entry.delivery for entry in self))
        self._count_uncounted()
        self._forget_oldest()

    def _load(self, item_id: str, n: int, document: bytes) -> None:
        if item_id == accounts.BOOKS_ID:
            self._books = accounts.decode(document)
            return
        if item_id.startswith(OF_ENDPOINT):
            self.standings[item_id.removeprefix(OF_ENDPOINT)] = msgspec.json.decode(document, type=Standing)
            return
        delivery = deliveries.decode(document)
        if delivery.delivery_id != item_id:
            raise msgspec.ValidationError("a delivery under another's id")
        since_s = self._clock.steady() - delivery.age_s
        self._entries[item_id] = Entry(delivery, n, since_s, size=len(document), words=words(delivery))
        if delivery.status in ENDED:
            self._ended[item_id] = None

    def _count_uncounted(self) -> None:
        """Those of a program that did not count yet get their ordinals, once: later ones count on from there."""
        uncounted = [entry for entry in self if not entry.delivery.ordinal]
        for entry in sorted(uncounted, key=lambda one: one.delivery.created_at):
            self.accepted += 1
            self._write(entry, msgspec.structs.replace(entry.delivery, ordinal=self.accepted), lazy=True)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._entries

    def get(self, item_id: str) -> Entry:
        """Raises RefusalError 404 `retry_not_found`."""
        if (entry := self.find(item_id)) is None:
            raise RefusalError(404, "retry_not_found", f"there is no delivery {item_id}")
        return entry

    def find(self, item_id: str) -> Entry | None:
        return self._entries.get(item_id)

    @property
    def forgotten_seq(self) -> int:
        """Up to which number of change ended deliveries may be out of sight."""
        return self._books.upto

    def accounts(self) -> Accounts:
        return accounts.drawn_up(self._books, self.index.counts(), self.accepted)

    @property
    def unaccounted_seen(self) -> int:
        """How many of the unaccounted deliveries a person has acknowledged."""
        return self._books.unaccounted_seen

    async def acknowledge_missing(self) -> None:
        """A person knows that they are gone. Returns once that is on disk."""
        unaccounted = self.accounts().unaccounted
        if unaccounted != self.unaccounted_seen:
            self._books = msgspec.structs.replace(self._books, unaccounted_seen=unaccounted)
            await self._journal.settled(self._journal.put(accounts.BOOKS_ID, accounts.encode(self._books)))

    def add(self, delivery: Delivery) -> Entry:
        """One more is accepted and on its way to the disk."""
        self.accepted += 1
        entry = Entry(msgspec.structs.replace(delivery, ordinal=self.accepted), 0, self._clock.steady())
        self._entries[delivery.delivery_id] = entry
        self.put(entry, entry.delivery)
        return entry

    def put(self, entry: Entry, delivery: Delivery, *, lazy: bool = False, soon: bool = False) -> None:
        """Write a step down. One that has ended stays in sight for a while."""
        self._write(entry, delivery, lazy=lazy, soon=soon)
        self._forget_oldest()

    def stand(self, endpoint: str, standing: Standing) -> int:
        """How an endpoint stands from now on; the line that says it, on its way to the disk."""
        self.standings[endpoint] = standing
        return self._journal.put(OF_ENDPOINT + endpoint, msgspec.json.encode(standing))

    def _write(self, entry: Entry, delivery: Delivery, *, lazy: bool, soon: bool = False) -> None:
        document = deliveries.encode(delivery)
        before = entry.delivery.status if entry.n else None
        entry.delivery, entry.size, entry.words = delivery, len(document), words(delivery)
        entry.n = self._journal.put(delivery.delivery_id, document, lazy=lazy, soon=soon)
        self.index.add(entry) if before is None else self.index.changed(entry, before)
        if delivery.status in ENDED:
            self._ended.pop(delivery.delivery_id, None)  # so that their order stays the order of n
            self._ended[delivery.delivery_id] = None

    def _forget_oldest(self) -> None:
        if len(self._ended) < KEPT_ENDED + FORGOTTEN_AT_ONCE:
            return
        leaving = list(self._ended)[:-KEPT_ENDED]
        for item_id in leaving:
            entry = self._entries[item_id]
            self._books = accounts.left(self._books, entry.delivery.status, entry.n, self.accepted)
        # Before they leave: the journal may rewrite itself at any moment, and a kill come after that.
        self._journal.put(accounts.BOOKS_ID, accounts.encode(self._books), lazy=True)
        for item_id in leaving:
            self._leave(item_id)

    def _leave(self, item_id: str) -> None:
        self.index.remove(self._entries[item_id])
        del self._ended[item_id], self._entries[item_id]
        self._journal.forget(item_id)
