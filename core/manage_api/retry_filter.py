"""Which deliveries are asked for: the same question of the list, of its windows and of their ids."""

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

from core import wire
from core.manage_api.paging import Text
from core.manage_api.parts import Parts
from core.webhooks.deliveries import ErrorClass, Status
from core.webhooks.entry import Entry
from core.webhooks.filters import Filter


class RetryFilter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `status` pending and dead_letter. `created_after` is itself within the range, `created_before` is not. `q` is
    text in an id, in the endpoint, the cabinet, the event type or the last error, whatever its case.
    """

    status: tuple[Status, ...] = ()
    endpoint: str | None = None
    event_type: str | None = None
    case_id: str | None = None
    severity: Literal["info", "warning", "critical"] | None = None
    error_class: ErrorClass | None = None
    created_after: wire.Moment | None = None
    created_before: wire.Moment | None = None
    q: Text | None = None
    due: bool | None = None


def sieved(parts: Parts, query: RetryFilter, entries: Iterable[Entry], *, without: bool = False) -> Iterator[Entry]:
    """Those that fit whatever their status, looked for only as far as somebody goes on asking; `without` turns `q` round."""
    found = iter(entries)
    wanted = Filter(
        endpoint=query.endpoint,
        event_type=query.event_type,
        severity=query.severity,
        error_class=query.error_class,
    )
    # One sieve for each thing that is asked: of 100,000 what nobody asks for would cost most.
    if query.q is not None:
        text = query.q.casefold()
        found = (one for one in found if (text in one.words) is not without)
    if query.case_id is not None:
        found = (one for one in found if one.delivery.case_id == query.case_id)
    if wanted != Filter():
        found = (one for one in found if wanted.fits(one.delivery))
    if (after := query.created_after) is not None:
        found = (one for one in found if after <= one.delivery.created_at)
    if (before := query.created_before) is not None:
        found = (one for one in found if one.delivery.created_at < before)
    if query.due is not None:
        due = parts.queue.due_ids()
        found = (one for one in found if query.due == (one.delivery.delivery_id in due))
    return found
