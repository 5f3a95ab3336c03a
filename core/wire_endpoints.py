"""The manage API's requests and answers about endpoints and dead letters as a whole. Values only; conventions as in wire.py."""

from typing import Annotated, Literal

from msgspec import Meta, Raw

from core.wire import Answer, Body, EndpointState, Moment, Name


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
    reason: Annotated[str, Meta(min_length=1, max_length=1000)]


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


class Payload(Answer, frozen=True, kw_only=True):
    """What a delivery's receiver is sent: `body` as it stands in each attempt, `sha256` of its `bytes` bytes."""

    delivery_id: str
    bytes: int
    sha256: str
    body: Raw


class Recover(Body, frozen=True, kw_only=True):
    """Which dead letters to queue again, by when they were given up."""

    since: Moment
    until: Moment | None = None
    endpoint: str | None = None
    event_type: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    dry_run: bool = False
    by: Name | None = None
    delivery_ids: Annotated[tuple[str, ...], Meta(max_length=10_000)] | None = None


class Discard(Body, frozen=True, kw_only=True):
    """Which deliveries to give up for good, and why."""

    delivery_ids: Annotated[tuple[str, ...], Meta(min_length=1, max_length=10_000)]
    by: Name | None = None
    reason: Annotated[str, Meta(max_length=1000)] = ""


class Recovered(Answer, frozen=True, kw_only=True):
    """`delivery_ids` are the dead letters that were asked for, oldest first: pending now, unless it was a `dry_run`.
    `matched` counts them without the `limit`.
    """

    dry_run: bool
    matched: int
    delivery_ids: tuple[str, ...]
