"""Many at once: dead letters queued again, each like a single one with a fresh budget and the same event id; or discarded."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from core.errors import RefusalError
from core.webhooks.deliveries import UNDELIVERED, Status
from core.webhooks.dispatcher import Dispatcher
from core.webhooks.entry import Entry
from core.webhooks.filters import Filter
from core.webhooks.retry_queue import RetryQueue
from core.wire_endpoints import Discard, Discarded, Recover, Recovered

AT_ONCE: Final = 100  # between them everything else of the core has its turn


async def recover(queue: RetryQueue, dispatcher: Dispatcher, request: Recover, actor: str) -> Recovered:
    """Those given up from `since` on and before `until`, or of these ids, the oldest first; returns when that is on disk.

    Raises RefusalError: 404 for an unknown endpoint, 409 `recovery_unbounded` where neither is given, 409 `since_after_until`.
    """
    if request.since is None and request.delivery_ids is None:
        raise RefusalError(409, "recovery_unbounded", "say since when, or which ones")
    if request.endpoint is not None and dispatcher.channel(request.endpoint) is None:
        raise RefusalError(404, "endpoint_not_found", f"there is no endpoint {request.endpoint!r}")
    if request.until is not None and request.since is not None and request.until <= request.since:
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
    for entry in _dead(queue, request.delivery_ids):
        delivery, at = entry.delivery, entry.delivery.settled_at
        if at is None or not wanted.fits(delivery):
            continue
        if (request.since is None or request.since <= at) and (request.until is None or at < request.until):
            found.append((at, delivery.delivery_id, entry))
    return [entry for _, _, entry in sorted(found, key=lambda one: one[:2])]


def _dead(queue: RetryQueue, delivery_ids: Iterable[str] | None) -> Iterable[Entry]:
    """All of them, or those of these ids, each once."""
    if delivery_ids is None:
        return queue.index.of(Status.DEAD_LETTER)
    named = map(queue.known.find, dict.fromkeys(delivery_ids))
    return (one for one in named if one is not None and one.delivery.status is Status.DEAD_LETTER)


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


async def discard(queue: RetryQueue, dispatcher: Dispatcher, request: Discard, actor: str) -> Discarded:
    """End these; returns when that is on disk."""
    done: list[Entry] = []
    in_flight = gone = 0
    meant = UNDELIVERED if request.status is None else (Status(request.status),)
    for number, item_id in enumerate(dict.fromkeys(request.delivery_ids), start=1):
        entry = queue.known.find(item_id)
        if entry is None or entry.delivery.status not in meant:
            gone += 1
        elif entry.in_flight is not None:
            in_flight += 1
        else:
            done.append(queue.cancel(item_id, actor))
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
    if done:
        await queue.settled(done[-1].n)
    for endpoint in {entry.delivery.endpoint for entry in done}:
        dispatcher.wake(endpoint)  # what stood behind one of them may go now
    ids = tuple(entry.delivery.delivery_id for entry in done)
    return Discarded(matched=len(done) + in_flight, delivery_ids=ids, in_flight=in_flight, gone=gone)
