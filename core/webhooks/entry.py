"""One delivery in memory. Pure."""

from dataclasses import dataclass

from core.webhooks.deliveries import Delivery, Trigger


@dataclass(slots=True)
class Entry:
    """Its snapshot, the number and the bytes of its last change, and its words for a search. `born_s` is what its endpoint's
    clock showed when it began to age, `waiting_since_s` the steady time since when it waits, all in all.
    """

    delivery: Delivery
    n: int
    waiting_since_s: float
    born_s: float = 0.0
    size: int = 0
    in_flight: Trigger | None = None
    words: str = ""


def words(delivery: Delivery) -> str:
    """What a search looks at: what names it, and its last error; case folded, one a line."""
    last = delivery.last_attempt
    said = (
        delivery.event_id,
        delivery.delivery_id,
        delivery.event_type,
        delivery.case_id,
        delivery.cabinet,
        last.error if last else None,
    )
    return "\n".join([word for word in said if word]).casefold()
