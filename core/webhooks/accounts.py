"""The account of all deliveries: accepted = delivered + pending + dead_letter + cancelled, over restarts and for good. Pure.

Each accepted delivery has an ordinal, counted from 1, so what was accepted is known apart from what became of it. Endings
that have left the journal are counted in the books, one item of the journal: those up to the number `upto`, so that a kill
between the books and the next rewrite counts none twice.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct, structs

from core.webhooks.deliveries import Delivery, Status
from core.wire import Accounts

BOOKS_ID: Final = "accounts"
ENDED: Final = frozenset({Status.DELIVERED, Status.CANCELLED, Status.ARCHIVED})


Count = Annotated[int, Meta(ge=0, le=2**53)]


class Books(Struct, frozen=True, kw_only=True):
    """What became of the deliveries that are no longer in the journal; `unaccounted_seen` is how many missing ones a person
    has acknowledged.
    """

    accepted: Count = 0
    delivered: Count = 0
    cancelled: Count = 0
    archived: Count = 0
    upto: Count = 0
    unaccounted_seen: Count = 0


def decode(document: bytes) -> Books:
    """Raises msgspec.DecodeError for a document that is no books."""
    return msgspec.json.decode(document, type=Books)


def encode(books: Books) -> bytes:
    return msgspec.json.encode(books)


def left(books: Books, status: Status, n: int, accepted: int) -> Books:
    """With one more delivery that ended as `status`, in line `n`, and leaves the journal."""
    return structs.replace(
        books,
        accepted=accepted,
        upto=n,
        delivered=books.delivered + (status is Status.DELIVERED),
        cancelled=books.cancelled + (status is Status.CANCELLED),
        archived=books.archived + (status is Status.ARCHIVED),
    )


def accepted(books: Books, present: Iterable[Delivery]) -> int:
    """How many were ever accepted; those without an ordinal, of a program that did not count yet, not among them."""
    return max(books.accepted, max((delivery.ordinal for delivery in present), default=0))


def counted(present: Iterable[Delivery]) -> Counter[Status]:
    """How many stand how."""
    return Counter(delivery.status for delivery in present)


def drawn_up(books: Books, now: Mapping[Status, int], accepted: int) -> Accounts:
    """The account at this moment; `now` counts what is in the journal, all statuses of it."""
    delivered, cancelled = books.delivered + now[Status.DELIVERED], books.cancelled + now[Status.CANCELLED]
    archived = books.archived + now[Status.ARCHIVED]
    dead = archived + now[Status.DEAD_LETTER]
    return Accounts(
        accepted=accepted,
        delivered=delivered,
        pending=now[Status.PENDING],
        dead_letter=dead,
        cancelled=cancelled,
        archived=archived,
        unaccounted=accepted - delivered - now[Status.PENDING] - dead - cancelled,
    )
