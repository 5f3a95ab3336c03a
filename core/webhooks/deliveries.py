"""A delivery: one event on its way to one endpoint, with an account of its attempts. Values and their JSON form."""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Raw, Struct

from core.events import Severity

KEPT_ATTEMPTS: Final = 20


class Status(StrEnum):
    """Where a delivery stands on disk; due and in flight are derived."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD_LETTER = "dead_letter"
    CANCELLED = "cancelled"


class Trigger(StrEnum):
    """Who caused an attempt. Only `auto` uses up the automatic budget."""

    AUTO = "auto"
    MANUAL = "manual"
    DRAIN = "drain"


class ErrorClass(StrEnum):
    """Why an attempt failed, in classes that can be counted and translated."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    REDIRECT = "redirect"
    RATE_LIMITED = "rate_limited"
    HTTP_4XX = "http_4xx"
    HTTP_5XX = "http_5xx"
    HTTP_OTHER = "http_other"


class DeadLetterReason(StrEnum):
    """Why a delivery was given up."""

    MAX_ATTEMPTS = "max_attempts"
    MAX_AGE = "max_age"
    PERMANENT = "permanent"


class Delivered(Struct, frozen=True, kw_only=True, tag="delivered"):
    """The receiver answered 2xx."""

    http_status: int


class Failed(Struct, frozen=True, kw_only=True, tag="failed"):
    """Anything else. `error` is a sentence without URL or secret, `excerpt` clean text from the answer."""

    error_class: ErrorClass
    error: str
    http_status: int | None = None
    retry_after_s: float | None = None
    excerpt: str = ""


Outcome = Delivered | Failed


class Attempt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try. Only the newest of a delivery keeps its excerpt."""

    number: int
    trigger: Trigger
    started_at: datetime
    duration_ms: int
    http_status: int | None = None
    error_class: ErrorClass | None = None
    error: str | None = None
    retry_after_s: float | None = None
    excerpt: str = ""
    actor: str | None = None


class Delivery(Struct, frozen=True, kw_only=True):
    """The full snapshot that a journal line holds. `body` are the bytes sent, the same in every attempt.

    `delay_s` is the wait that led to `next_attempt_at`, so that a wrong wall clock can't stretch it; `age_s` is the
    steady time spent waiting so far, the age that the cut-off counts.
    """

    delivery_id: str
    event_id: str
    event_type: str
    endpoint: str
    severity: Severity
    created_at: datetime
    body: Raw
    case_id: str | None = None
    seq: int | None = None
    cabinet: str | None = None
    status: Status = Status.PENDING
    attempts: int = 0
    auto_attempts: int = 0
    next_attempt_at: datetime | None = None
    delay_s: float = 0.0
    age_s: float = 0.0
    first_failure_age_s: float | None = None
    history: tuple[Attempt, ...] = ()
    dead_letter_reason: DeadLetterReason | None = None
    settled_at: datetime | None = None
    actor: str | None = None

    @property
    def last_attempt(self) -> Attempt | None:
        return self.history[-1] if self.history else None


def delivery_id(event_id: str, endpoint: str) -> str:
    """Fixed by its event and endpoint: accepting the same event twice finds the same delivery."""
    digest = hashlib.sha256(f"{event_id}\0{endpoint}".encode()).digest()
    return "dlv_" + digest[:12].hex()


_decoder: Final = msgspec.json.Decoder(Delivery)


def decode(document: bytes) -> Delivery:
    """Raises msgspec.DecodeError or UnicodeDecodeError for a document that is no delivery."""
    return _decoder.decode(document)


def encode(delivery: Delivery) -> bytes:
    return msgspec.json.encode(delivery)
