"""What the index keeps, counted anew: by looking through all deliveries, as slowly and plainly as can be."""

from collections import Counter

from core.events import Severity
from core.webhooks.deliveries import Status
from core.webhooks.entry import words
from core.webhooks.index import UNDELIVERED, place_of
from core.webhooks.retry_queue import RetryQueue


def assert_kept_as_counted(queue: RetryQueue) -> None:
    """Of every figure and order."""
    index, entries = queue.index, list(queue.entries())
    pending = [one for one in entries if one.delivery.status is Status.PENDING]
    assert list(index.by_creation.after(None)) == sorted(entries, key=place_of)
    assert list(index.by_change.after(0)) == sorted(entries, key=lambda one: one.n)
    assert index.pending() == Counter(one.delivery.endpoint for one in pending)
    for status in Status:
        ids = {one.delivery.delivery_id for one in entries if one.delivery.status is status}
        assert {one.delivery.delivery_id for one in index.of(status)} == ids
        assert index.count(status) == index.counts()[status] == len(ids)
    for endpoint in {one.delivery.endpoint for one in entries}:
        dead = [one for one in entries if (one.delivery.endpoint, one.delivery.status) == (endpoint, "dead_letter")]
        assert index.count(Status.DEAD_LETTER, endpoint) == len(dead)
        mine = [one for one in pending if one.delivery.endpoint == endpoint]
        oldest_s = max(map(queue.ages.age_s, mine), default=None)
        assert queue.ages.oldest_s(index.eldest(endpoint)) == oldest_s
    flying = {one.delivery.delivery_id: one for one in entries if one.in_flight is not None}
    assert index.flying == flying
    critical = [one for one in entries if one.delivery.severity is Severity.CRITICAL]
    undelivered = [one.delivery.delivery_id for one in critical if one.delivery.status in UNDELIVERED]
    assert sorted(index.critical) == sorted(undelivered)
    due = {one.delivery.delivery_id for one in entries if one.in_flight is None and queue.due_in_s(one) == 0}
    assert queue.due_ids() == due
    assert queue.due() == len(due)
    assert all(one.words == words(one.delivery) for one in entries)
