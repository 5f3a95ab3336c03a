"""A delivery: one event on its way to one endpoint, with an account of its attempts. Values, their steps, their JSON form.

Pure: time is an argument.
"""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Raw, Struct, structs

from core.events import Event, Severity
from core.wire import Moment

KEPT_ATTEMPTS: Final = 20


class Status(StrEnum):
    """Where a delivery stands on disk; due and in flight are derived."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD_LETTER = "dead_letter"
    CANCELLED = "cancelled"
    ARCHIVED = "archived"  # a dead letter that the bounds moved to the archive


UNDELIVERED: Final = (Status.PENDING, Status.DEAD_LETTER)


class Trigger(StrEnum):
    """Who caused an attempt. Only `auto` uses up the automatic budget; `probe` asks whether anybody answers again, or found
    in vain that the box's own network is down.
    """

    AUTO = "auto"
    MANUAL = "manual"
    DRAIN = "drain"
    PROBE = "probe"


BY_HAND: Final = frozenset({Trigger.MANUAL, Trigger.DRAIN})


class ErrorClass(StrEnum):
    """Why an attempt failed, in classes that can be counted and translated."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    CLOCK = "clock"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    REDIRECT = "redirect"
    CAPTIVE_PORTAL = "captive_portal"
    RATE_LIMITED = "rate_limited"
    HTTP_4XX = "http_4xx"
    HTTP_5XX = "http_5xx"
    HTTP_OTHER = "http_other"


# What the receiver, or the way to it, fails of; a 4xx and a redirect are answers of one that works.
BREAKING: Final = frozenset(
    {
        ErrorClass.DNS,
        ErrorClass.CONNECT,
        ErrorClass.TLS,
        ErrorClass.CLOCK,
        ErrorClass.TIMEOUT,
        ErrorClass.PROTOCOL,
        ErrorClass.CAPTIVE_PORTAL,
        ErrorClass.HTTP_5XX,
    }
)


class DeadLetterReason(StrEnum):
    """Why a delivery was given up."""

    MAX_ATTEMPTS = "max_attempts"
    MAX_AGE = "max_age"
    PERMANENT = "permanent"
    EVICTED = "evicted"


class Reach(StrEnum):
    """What an attempt says of this box's own network, whatever it says of the receiver."""

    UP = "up"  # somebody out there answered, be it by refusing
    SILENT = "silent"  # nobody did: the network, or the receiver
    DOWN = "down"  # no route, no resolver
    PORTAL = "portal"  # somebody between answered in the receiver's place
    CLOCK = "clock"  # the certificate is of another time than this box's


class Delivered(Struct, frozen=True, kw_only=True, tag="delivered"):
    """The receiver answered 2xx."""

    http_status: int


class Failed(Struct, frozen=True, kw_only=True, tag="failed"):
    """Anything else. `error` is a sentence without URL or secret, `excerpt` clean text from the answer, `truncated` where
    there was more of it.
    """

    error_class: ErrorClass
    error: str
    http_status: int | None = None
    retry_after_s: float | None = None
    excerpt: str = ""
    truncated: bool = False
    reach: Reach = Reach.UP


Outcome = Delivered | Failed


class Attempt(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):  # gc: of plain values there is no cycle
    """One try. Only the newest of a delivery keeps its excerpt."""

    number: int
    trigger: Trigger
    started_at: Moment
    duration_ms: int
    http_status: int | None = None
    error_class: ErrorClass | None = None
    error: str | None = None
    retry_after_s: float | None = None
    excerpt: str = ""
    truncated: bool = False
    actor: str | None = None

    @property
    def unreached(self) -> bool:
        """Whether it failed of what a working receiver, or a way to it, puts right."""
        return self.error_class in BREAKING


class Delivery(Struct, frozen=True, kw_only=True, gc=False):  # a pass of the collector over 10,000 stops all loops
    """The full snapshot that a journal line holds. `body` are the bytes sent, the same in every attempt; `ordinal` counts
    the accepted deliveries of this box from 1.

    `delay_s` is the wait that led to `next_attempt_at`, so that a wrong wall clock can't stretch it; `age_s` is the
    steady time spent waiting so far, the age that the cut-off counts; `refused_since_age_s` is that age at the first of
    the unbroken row of refusals (retry_policy.refused) that the counted attempts end with; `escalated_at` is when the event
    was handed over to fallback endpoints.
    """

    delivery_id: str
    event_id: str
    event_type: str
    endpoint: str
    severity: Severity
    created_at: Moment
    body: Raw
    ordinal: int = 0
    case_id: str | None = None
    seq: int | None = None
    cabinet: str | None = None
    status: Status = Status.PENDING
    attempts: int = 0
    auto_attempts: int = 0
    next_attempt_at: Moment | None = None
    delay_s: float = 0.0
    age_s: float = 0.0
    refused_since_age_s: float | None = None
    history: tuple[Attempt, ...] = ()
    dead_letter_reason: DeadLetterReason | None = None
    settled_at: Moment | None = None
    actor: str | None = None
    escalated_at: Moment | None = None

    @property
    def last_attempt(self) -> Attempt | None:
        return self.history[-1] if self.history else None


def delivery_id(event_id: str, endpoint: str) -> str:
    """Fixed by its event and endpoint: accepting the same event twice finds the same delivery."""
    digest = hashlib.sha256(f"{event_id}\0{endpoint}".encode()).digest()
    return "dlv_" + digest[:12].hex()


# -- how its account moves on ------------------------------------------------------------------------------------------


def opened(event: Event, endpoint: str, body: bytes, now: datetime) -> Delivery:
    """Pending, due at once, no attempt made."""
    return Delivery(
        delivery_id=delivery_id(event.event_id, endpoint),
        event_id=event.event_id,
        event_type=event.type,
        endpoint=endpoint,
        severity=event.severity,
        created_at=now,
        next_attempt_at=now,
        body=Raw(body),
        case_id=event.case_id,
        seq=event.seq,
        cabinet=event.cabinet,
    )


def handed_over(delivery: Delivery, endpoint: str, now: datetime) -> Delivery:
    """The same event with the same body to another endpoint: pending, due at once, no attempt made."""
    return Delivery(
        delivery_id=delivery_id(delivery.event_id, endpoint),
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        endpoint=endpoint,
        severity=delivery.severity,
        created_at=now,
        next_attempt_at=now,
        body=delivery.body,
        case_id=delivery.case_id,
        seq=delivery.seq,
        cabinet=delivery.cabinet,
    )


def counted(old: Delivery, attempt: Attempt, age_s: float, *, refused: bool) -> Delivery:
    """With this attempt in its history; only an automatic one uses up budget and patience."""
    counts, since = attempt.trigger is Trigger.AUTO, old.refused_since_age_s
    if counts:
        since = (age_s if since is None else since) if refused else None
    earlier = tuple(structs.replace(one, excerpt="") for one in old.history[-(KEPT_ATTEMPTS - 1) :])
    return structs.replace(
        old,
        attempts=old.attempts + 1,
        auto_attempts=old.auto_attempts + counts,
        age_s=round(age_s, 3),
        refused_since_age_s=since,
        history=(*earlier, attempt),
    )


def reopened(dead: Delivery, actor: str, now: datetime) -> Delivery:
    """Pending again with a fresh budget, due at once, under the same event id."""
    return structs.replace(
        dead,
        status=Status.PENDING,
        auto_attempts=0,
        age_s=0.0,
        refused_since_age_s=None,
        next_attempt_at=now,
        delay_s=0.0,
        dead_letter_reason=None,
        settled_at=None,
        actor=actor,
    )


def archived(dead: Delivery) -> Delivery:
    """Without what the archive keeps."""
    return structs.replace(dead, status=Status.ARCHIVED, body=Raw(b"null"), history=())


def remaining_s(delivery: Delivery, now: datetime) -> float:
    """How long still: never longer than the wait that was set, so that a wrong wall clock can stall nothing."""
    if delivery.next_attempt_at is None:
        return 0.0
    wait = (delivery.next_attempt_at - now).total_seconds()
    return min(max(wait, 0.0), delivery.delay_s)


# -- its JSON form -----------------------------------------------------------------------------------------------------

_decoder: Final = msgspec.json.Decoder(Delivery)


def decode(document: bytes) -> Delivery:
    """Raises msgspec.DecodeError or UnicodeDecodeError for a document that is no delivery."""
    return _decoder.decode(document)


def encode(delivery: Delivery) -> bytes:
    return msgspec.json.encode(delivery)
