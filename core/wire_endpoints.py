"""The manage API's requests and answers about endpoints and dead letters as a whole. Values only; conventions as in wire.py."""

from typing import Annotated, Literal

from msgspec import Meta, Raw

from core.wire import Answer, Body, EndpointState, Moment, Name

Why = Annotated[str, Meta(min_length=1, max_length=1000)]
Ids = Annotated[tuple[str, ...], Meta(min_length=1, max_length=10_000)]


class EndpointItem(Answer, frozen=True, kw_only=True):
    """One configured endpoint. `hold` says why nothing goes there by itself now (paused, disabled, open, offline, retry_after,
    rate_limit) and `held_s` for how long still, null where nobody can say. `since`, `reason`, `actor` are of its state.

    `failures` is the unbroken row of transport errors and 5xx; `delivered` and `failed` (by error class) count attempts
    since the start of the core. `skew_s` is how far the receiver's clock is ahead of this box's.
    """

    id: str
    kind: str
    host: str | None
    state: EndpointState
    hold: str | None
    held_s: float | None
    since: Moment | None
    reason: str | None
    actor: str | None
    failures: int
    last_error_class: str | None
    last_error: str | None
    pending: int
    due: int
    in_flight: int
    dead_letter: int
    oldest_pending_age_s: float | None
    delivered: int
    failed: dict[str, int]
    rate_per_min: int | None
    fallback_for: tuple[str, ...]
    skew_s: float | None


class Endpoints(Answer, frozen=True, kw_only=True):
    """`network` as in status, and since when."""

    items: tuple[EndpointItem, ...]
    network: str
    network_since: Moment | None


class Pause(Body, frozen=True, kw_only=True):
    """Nothing goes to the endpoint until somebody resumes it; its deliveries wait, and don't age."""

    by: Name
    reason: Why


class Resume(Body, frozen=True, kw_only=True):
    """Of a paused or disabled endpoint."""

    by: Name


class EndpointTest(Answer, frozen=True, kw_only=True):
    """What became of one `webhook.test` event, sent at once and never queued."""

    endpoint: str
    event_id: str
    started_at: Moment
    duration_ms: int
    outcome: Literal["delivered", "failed"]
    error_class: str | None
    http_status: int | None
    error: str | None
    response_excerpt: str


class Said(Body, frozen=True, kw_only=True):
    """Who says so, where a token or a terminal is shared: stands in the audit beside the login."""

    by: Name | None = None


class Cancel(Said, frozen=True, kw_only=True):
    """`reason` stands in the audit."""

    reason: Why | None = None


class Payload(Answer, frozen=True, kw_only=True):
    """What a delivery's receiver is sent: `body` as it stands in each attempt, `sha256` of its `bytes` bytes."""

    delivery_id: str
    bytes: int
    sha256: str
    body: Raw


class Recover(Body, frozen=True, kw_only=True):
    """Which dead letters to queue again, by when they were given up, by their ids, or both. One of `since` and `delivery_ids`
    must be there; what is named and is no dead letter is left out.
    """

    since: Moment | None = None
    until: Moment | None = None
    endpoint: str | None = None
    event_type: str | None = None
    delivery_ids: Ids | None = None
    limit: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    dry_run: bool = False
    by: Name | None = None


class Recovered(Answer, frozen=True, kw_only=True):
    """`delivery_ids` are the dead letters that were asked for, oldest first: pending now, unless it was a `dry_run`.
    `matched` counts them without the `limit`.
    """

    dry_run: bool
    matched: int
    delivery_ids: tuple[str, ...]


class Discard(Body, frozen=True, kw_only=True):
    """End these without sending them: pending ones and dead letters, or only those that still have the `status` in which
    somebody saw them. `reason` stands in the audit.
    """

    delivery_ids: Ids
    by: Name
    reason: Why
    status: Literal["pending", "dead_letter"] | None = None


class Discarded(Answer, frozen=True, kw_only=True):
    """`delivery_ids` have ended now. Of those named `matched` were pending or dead letters, `in_flight` of them are left out
    since they are being sent; `gone` were in no such state, or nobody knows them.
    """

    matched: int
    delivery_ids: tuple[str, ...]
    in_flight: int
    gone: int
