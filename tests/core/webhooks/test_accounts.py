"""The account of all deliveries: it adds up after whatever happened, in figures and over real files."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from math import inf
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.journal import SnapshotJournal
from core.webhooks import accounts
from core.webhooks.accounts import ENDED, Books
from core.webhooks.deliveries import Status, encode
from core.webhooks.entries import FORGOTTEN_AT_ONCE, KEPT_ENDED, Entries
from core.webhooks.orders import Moved
from core.wire import Accounts
from tests.core.webhooks.factories import OK, Box, a_box, a_delivery, an_event
from tests.fakes import FakeClock

BUSY = KEPT_ENDED + FORGOTTEN_AT_ONCE
anyio = pytest.mark.anyio
Items = list[tuple[str, int, bytes]]


def figures(account: Accounts) -> dict[str, int]:
    """What is not 0."""
    return {name: value for name, value in msgspec.to_builtins(account).items() if value}


# -- the figures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "found"), [
    (Status.PENDING, {"pending": 1}),
    (Status.DELIVERED, {"delivered": 1}),
    (Status.CANCELLED, {"cancelled": 1}),
    (Status.DEAD_LETTER, {"dead_letter": 1}),
    (Status.ARCHIVED, {"dead_letter": 1, "archived": 1}),
])  # fmt: skip
def test_each_status_counts_once(status: Status, found: dict[str, int]) -> None:
    """What is archived is still a dead letter."""
    account = accounts.drawn_up(Books(), accounts.counted([a_delivery(status=status, ordinal=1)]), accepted=1)
    assert figures(account) == {"accepted": 1, **found}


@pytest.mark.parametrize(("books", "ordinals", "accepted"), [
    (Books(), [], 0),
    (Books(), [1, 2, 3], 3),
    (Books(), [7, 2], 7),
    (Books(accepted=9, delivered=9), [], 9),
    (Books(accepted=9), [4, 12], 12),
    (Books(accepted=9), [0, 0], 9),
])  # fmt: skip
def test_the_newest_ordinal_or_the_books_tell_how_many_were_accepted(
    books: Books, ordinals: list[int], accepted: int
) -> None:
    assert accounts.accepted(books, [a_delivery(ordinal=one) for one in ordinals]) == accepted


def test_a_delivery_that_is_in_no_account_is_told() -> None:
    assert figures(accounts.drawn_up(Books(delivered=2), accounts.counted([a_delivery(ordinal=4)]), accepted=4)) == {
        "accepted": 4,
        "delivered": 2,
        "pending": 1,
        "unaccounted": 1,
    }


def test_books_go_to_disk_and_back() -> None:
    books = Books(accepted=5, delivered=2, cancelled=1, archived=1, upto=77)
    assert accounts.decode(accounts.encode(books)) == books


@given(st.lists(st.tuples(st.sampled_from(sorted(Status)), st.booleans())))
def test_whoever_leaves_for_the_books_the_account_stays_the_same(fates: list[tuple[Status, bool]]) -> None:
    """Only what has ended may leave."""
    all_of_them = [a_delivery(status=status, ordinal=at) for at, (status, _) in enumerate(fates, start=1)]
    stays = [one for one, (_, leaves) in zip(all_of_them, fates, strict=True) if not (leaves and one.status in ENDED)]
    books = Books()
    for one in all_of_them:
        if one not in stays:
            books = accounts.left(books, one.status, one.ordinal, len(fates))
    assert accounts.accepted(books, stays) == len(fates) or not books.upto
    whole = accounts.drawn_up(Books(), accounts.counted(all_of_them), len(fates))
    assert (accounts.drawn_up(books, accounts.counted(stays), len(fates)), whole.unaccounted) == (whole, 0)


# -- over a journal ----------------------------------------------------------------------------------------------------


async def delivered(box: Box, count: int, name: str) -> None:
    await box.accept(*(an_event(f"evt_{name}_{at}") for at in range(count)))
    for _ in range(count):
        box.attempt(OK)


@anyio
async def test_what_has_left_is_still_counted_after_a_restart_and_after_a_kill(tmp_path: Path) -> None:
    with a_box(tmp_path) as box:
        await delivered(box, BUSY + 3, "a")
        before = box.queue.known.accounts()
        assert (sum(1 for _ in box.queue.entries()), before.delivered) == (KEPT_ENDED + 3, BUSY + 3)
        [last] = await box.accept(an_event("evt_last"))
        await box.queue.settled(last.n)
        for again in (box.kill, box.reopen):
            again()
            assert figures(box.queue.known.accounts()) == {"accepted": BUSY + 4, "delivered": BUSY + 3, "pending": 1}


class Watched(SnapshotJournal):
    """Remembers what a rewrite would have kept at each moment when something leaves."""

    def __init__(self, path: Path, clock: FakeClock):
        self.moments: list[Items] = []
        super().__init__(path, clock)

    def forget(self, item_id: str) -> None:
        super().forget(item_id)
        if len(self.moments) < 3:
            self.moments.append(list(self.items()))


class Frozen:
    """A journal that holds these items."""

    def __init__(self, items: Items):
        self._items = items

    def items(self) -> Iterator[tuple[str, int, bytes]]:
        return iter(self._items)

    def forget(self, item_id: str) -> None:
        pass


def test_a_rewrite_in_the_middle_of_leaving_and_a_kill_after_it_cost_nothing(tmp_path: Path) -> None:
    """The journal rewrites itself in a thread of its own, at any moment."""
    journal = Watched(tmp_path / "retries.jsonl", FakeClock())
    try:
        entries = Entries(journal, FakeClock(), Moved(), lambda _: inf)
        for at in range(BUSY):
            entry = entries.add(a_delivery(f"evt_{at}"))
            entries.put(entry, msgspec.structs.replace(entry.delivery, status=Status.DELIVERED))
    finally:
        journal.close()
    assert len(journal.moments) == 3
    for items in journal.moments:
        again = Entries(Frozen(items), FakeClock(), Moved(), lambda _: inf)  # type: ignore[arg-type]
        assert figures(again.accounts()) == {"accepted": BUSY, "delivered": BUSY}


# -- of a program that did not count yet -------------------------------------------------------------------------------


def uncounted(box: Box, *statuses: Status) -> None:
    """As an older program wrote them: no ordinal, no books. Those that came last ended first."""
    for at, status in enumerate(statuses):
        created_at = box.clock.now() - timedelta(seconds=at)
        one = a_delivery(f"old_{at}", status=status, created_at=created_at)
        document = msgspec.json.decode(encode(one))
        del document["ordinal"]
        box.journal.put(one.delivery_id, msgspec.json.encode(document))
    box.journal.wait(box.journal.seq)


def restarted(box: Box) -> None:
    box.reopen()


def killed(box: Box) -> None:
    box.journal.wait(box.journal.seq)
    box.kill()


OLD = (Status.PENDING, Status.DELIVERED, Status.DEAD_LETTER, Status.PENDING, Status.CANCELLED)


@anyio
@pytest.mark.parametrize("again", [restarted, killed])
async def test_deliveries_without_an_ordinal_are_counted_once_and_for_good(
    tmp_path: Path, again: Callable[[Box], None]
) -> None:
    """Also with newer ones beside them, and after they have ended."""
    with a_box(tmp_path) as box:
        uncounted(box, *OLD)
        for newer in range(3):
            again(box)
            account = box.queue.known.accounts()
            assert (account.accepted, account.unaccounted) == (len(OLD) + newer, 0)
            await box.accept(an_event(f"evt_{newer}"))
            box.attempt(OK)
        again(box)
        assert figures(box.queue.known.accounts()) == {
            "accepted": len(OLD) + 3,
            "delivered": 4,
            "pending": 2,
            "dead_letter": 1,
            "cancelled": 1,
        }


def test_deliveries_without_an_ordinal_leave_for_the_books_like_any_other(tmp_path: Path) -> None:
    with a_box(tmp_path) as box:
        uncounted(box, *[Status.DELIVERED] * BUSY)
        for again in (restarted, killed, restarted):
            again(box)
            assert figures(box.queue.known.accounts()) == {"accepted": BUSY, "delivered": BUSY}
        assert sum(1 for _ in box.queue.entries()) == KEPT_ENDED


@anyio
async def test_an_older_program_in_between_does_not_upset_the_account(tmp_path: Path) -> None:
    """It adds deliveries without ordinals to a journal whose books are kept."""
    with a_box(tmp_path) as box:
        await delivered(box, BUSY - 20, "before")
        uncounted(box, *[Status.DELIVERED] * 30, Status.PENDING)
        for _ in range(2):
            box.reopen()
            assert figures(box.queue.known.accounts()) == {"accepted": BUSY + 11, "delivered": BUSY + 10, "pending": 1}
