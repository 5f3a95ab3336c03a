"""Dead letters of a time queued again, each like a single one: a fresh budget, the same event id."""

import asyncio
from datetime import datetime
from typing import Final

from core.errors import RefusalError
from core.webhooks.deliveries import Status
from core.webhooks.dispatcher import Dispatcher
from core.webhooks.entry import Entry
from core.webhooks.filters import Filter
from core.webhooks.retry_queue import RetryQueue
from core.wire_endpoints import Recover, Recovered

AT_ONCE: Final = 100  # between them everything else of the core has its turn


async def recover(queue: RetryQueue, dispatcher: Dispatcher, request: Recover, actor: str) -> Recovered:
    """Those given up from `since` on and before `until`, the oldest first; returns when that is on disk.

    Raises RefusalError: 404 for an unknown endpoint, 409 `since_after_until`.
    """
    if request.endpoint is not None and dispatcher.channel(request.endpoint) is None:
        raise RefusalError(404, "endpoint_not_found", f"there is no endpoint {request.endpoint!r}")
    if request.until is not None and request.until <= request.since:
        raise RefusalError(409, "since_after_until", "this time ends before it begins")
    found = _given_up(queue, request)
    chosen = found[: request.limit]
    if not request.dry_run:
        chosen = await _requeued(queue, chosen, actor)
        for endpoint in {entry.delivery.endpoint for entry in chosen}:
            dispatcher.wake(endpoint)
    ids = tuple(entry.delivery.delivery_id for entry in chosen)
    return Recovered(dry_run=request.dry_run, matched=len(found), delivery_ids=ids)


def _given_up(queue: RetryQueue, request: Recover) -> list[Entry]:
    wanted = Filter(endpoint=request.endpoint, event_type=request.event_type)
    found: list[tuple[datetime, str, Entry]] = []
    for entry in queue.index.of(Status.DEAD_LETTER):
        delivery, at = entry.delivery, entry.delivery.settled_at
        if at is None or not wanted.fits(delivery):
            continue
        if request.since <= at and (request.until is None or at < request.until):
            found.append((at, delivery.delivery_id, entry))
    return [entry for _, _, entry in sorted(found, key=lambda one: one[:2])]


async def _requeued(queue: RetryQueue, chosen: list[Entry], actor: str) -> list[Entry]:
    """Without those that somebody else queued or cancelled in the meantime."""
    done: list[Entry] = []
    for number, entry in enumerate(chosen, start=1):
        if entry.delivery.status is Status.DEAD_LETTER:
            done.append(queue.requeue(entry.delivery.delivery_id, actor))
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
    if done:
        await queue.settled(done[-1].n)
    return done
