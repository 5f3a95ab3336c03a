"""What the index keeps, counted anew: by looking through all deliveries, as slowly and plainly as can be."""

from collections import Counter
from collections.abc import Callable
from math import inf
from typing import Any

from core.events import Severity
from core.webhooks.deliveries import UNDELIVERED, Status
from core.webhooks.entry import Entry, place_of, words
from core.webhooks.retry_queue import RetryQueue
from core.wire_windows import Order


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
    for status in UNDELIVERED:
        of_cases = Counter(one.delivery.case_id for one in entries if one.delivery.status is status)
        cases = [one.delivery.case_id for one in entries if one.delivery.case_id is not None]
        assert [index.of_case(status, case_id) for case_id in cases] == [of_cases[case_id] for case_id in cases]
    flying = {one.delivery.delivery_id: one for one in entries if one.in_flight is not None}
    assert index.flying == flying
    critical = [one for one in entries if one.delivery.severity is Severity.CRITICAL]
    undelivered = [one.delivery.delivery_id for one in critical if one.delivery.status in UNDELIVERED]
    assert sorted(index.critical) == sorted(undelivered)
    due = {one.delivery.delivery_id for one in entries if one.in_flight is None and queue.due_in_s(one) == 0}
    assert queue.due_ids() == due
    assert queue.due() == len(due)
    _assert_in_order(queue)
    assert all(one.words == words(one.delivery) for one in entries)


def _assert_in_order(queue: RetryQueue) -> None:
    """Each status in each order, asked for and sorted anew."""

    def due_s(entry: Entry) -> float:
        return queue._schedules.due_s(entry.delivery) if entry.delivery.status is Status.PENDING else inf

    anew: dict[Order, Callable[[Entry], Any]] = {
        "next": lambda one: (due_s(one), place_of(one)),
        "created": place_of,
        "changed": lambda one: one.n,
    }
    for status in Status:
        entries = [one for one in queue.entries() if one.delivery.status is status]
        for order, key in anew.items():
            assert list(queue.index.ordered(status, order)) == sorted(entries, key=key)
