"""One delivery in memory. Pure."""

from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Final, NamedTuple

from core.webhooks.deliveries import Delivery, Status, Trigger


class Place(NamedTuple):
    """By what a delivery stands in the orders: its status, when it goes next (steady, inf while nobody can say), and the
    number of its last change.
    """

    status: Status | None
    due_s: float
    n: int


NOWHERE: Final = Place(None, inf, 0)


@dataclass(slots=True, eq=False)
class Entry:
    """Its snapshot, the number and the bytes of its last change, and its words for a search. `born_s` is what its endpoint's
    clock showed when it began to age, `waiting_since_s` the steady time since when it waits, all in all; `place` is the
    orders' alone.
    """

    delivery: Delivery
    n: int
    waiting_since_s: float
    born_s: float = 0.0
    size: int = 0
    in_flight: Trigger | None = None
    words: str = ""
    place: Place = NOWHERE


def place_of(entry: Entry) -> tuple[datetime, str]:
    """Where it stands in the order of creation."""
    return entry.delivery.created_at, entry.delivery.delivery_id


def words(delivery: Delivery) -> str:
    """What a search looks at: what names it, and its last error; case folded, one a line."""
    last = delivery.last_attempt
    said = (
        delivery.event_id,
        delivery.delivery_id,
        delivery.event_type,
        delivery.case_id,
        delivery.cabinet,
        delivery.endpoint,
        last.error if last else None,
    )
    return "\n".join([word for word in said if word]).casefold()
