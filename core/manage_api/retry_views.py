"""Deliveries as the API shows them, one and all in all. Pure looking: changes nothing."""

from typing import NamedTuple

from core import wire
from core.manage_api.parts import Parts
from core.manage_api.views import endpoint
from core.webhooks.deliveries import Attempt, Status
from core.webhooks.entry import Entry


def retry(parts: Parts, entry: Entry) -> wire.RetryItem:
    delivery = entry.delivery
    due_in_s = parts.queue.due_in_s(entry)
    last = delivery.last_attempt
    return wire.RetryItem(
        delivery_id=delivery.delivery_id,
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        severity=delivery.severity,
        case_id=delivery.case_id,
        cabinet=delivery.cabinet,
        endpoint=endpoint(parts, delivery.endpoint),
        status=delivery.status,
        due=due(parts, entry),
        in_flight=entry.in_flight is not None,
        attempts=delivery.attempts,
        auto_attempts=delivery.auto_attempts,
        created_at=delivery.created_at,
        age_s=round(parts.queue.ages.age_s(entry), 3),
        next_attempt_at=delivery.next_attempt_at if due_in_s is not None else None,
        next_attempt_in_s=None if due_in_s is None else round(due_in_s, 3),
        waits_for=parts.queue.waits_for(entry),
        last_attempt=attempt(last) if last else None,
        dead_letter_reason=delivery.dead_letter_reason,
        settled_at=delivery.settled_at,
        payload_bytes=len(bytes(delivery.body)),
        seq=entry.n,
        actions=_actions(parts, entry),
    )


def due(parts: Parts, entry: Entry) -> bool:
    """Whether it would go now by itself."""
    return entry.in_flight is None and parts.queue.due_in_s(entry) == 0


def _actions(parts: Parts, entry: Entry) -> tuple[str, ...]:
    """What would not be refused."""
    status = entry.delivery.status
    if entry.in_flight is not None or status not in {Status.PENDING, Status.DEAD_LETTER}:
        return ()
    if status is Status.DEAD_LETTER:
        return ("requeue", "cancel")
    channel = parts.dispatcher.channel(entry.delivery.endpoint)
    closed = channel is None or channel.gate.standing.hold is not None
    return ("cancel",) if closed or parts.queue.due_in_s(entry) is None else ("retry", "cancel")


def attempt(one: Attempt) -> wire.AttemptItem:
    return wire.AttemptItem(
        number=one.number,
        trigger=one.trigger,
        actor=one.actor,
        started_at=one.started_at,
        duration_ms=one.duration_ms,
        outcome="failed" if one.error_class is not None else "delivered",
        error_class=one.error_class,
        http_status=one.http_status,
        error=one.error,
        retry_after_s=one.retry_after_s,
        response_excerpt=one.excerpt,
        response_truncated=one.truncated,
    )


def network(parts: Parts) -> str:
    """As the status shows it."""
    return parts.dispatcher.reception.network.state


class RetryOverview(NamedTuple):
    """The queue as a whole, and the ids of what is in flight."""

    summary: wire.RetrySummary
    sending: tuple[str, ...]


def retry_overview(parts: Parts) -> RetryOverview:
    queue, accounts, sending = parts.queue, parts.queue.known.accounts(), tuple(parts.queue.index.flying)
    oldest_s, critical_s = queue.ages.oldest_s(queue.index.eldest()), parts.escalation.oldest_s
    summary = wire.RetrySummary(
        pending=accounts.pending,
        due=queue.due(),
        in_flight=len(sending),
        dead_letter=accounts.dead_letter - accounts.archived,
        oldest_pending_age_s=None if oldest_s is None else round(oldest_s, 3),
        by_endpoint=queue.index.pending(),
        accounts=accounts,
        oldest_critical_s=None if critical_s is None else round(critical_s, 3),
        drain_id=parts.drains.running_id,
    )
    return RetryOverview(summary, sending)


def retry_summary(parts: Parts) -> wire.RetrySummary:
    return retry_overview(parts).summary
