"""News as values, and the seam through which it goes out: what monitoring publishes and webhooks delivers. No I/O."""

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Final, Literal, Protocol

from msgspec import Raw, Struct


class Severity(StrEnum):
    """How bad; `rank` gives the order."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Rank(IntEnum):
    """Severity in order, worst highest."""

    INFO = 0
    WARNING = 1
    CRITICAL = 2


def rank(severity: Severity) -> Rank:
    return Rank[severity.name]


class EventType(StrEnum):
    """The event types this version sends; receivers must accept others."""

    CASE_OPENED = "case.opened"
    CASE_SEVERITY_CHANGED = "case.severity_changed"
    CASE_ACKNOWLEDGED = "case.acknowledged"
    CASE_ESCALATED = "case.escalated"
    CASE_NOTE_ADDED = "case.note_added"
    CASE_ACTION_RECORDED = "case.action_recorded"
    CASE_SHELVED = "case.shelved"
    CASE_UNSHELVED = "case.unshelved"
    CASE_CONDITION_CLEARED = "case.condition_cleared"
    CASE_REOPENED = "case.reopened"
    CASE_FLAPPING = "case.flapping"
    CASE_CLOSED = "case.closed"
    CABINET_OUT_OF_SERVICE = "cabinet.out_of_service"
    CABINET_IN_SERVICE = "cabinet.in_service"
    SITE_STORM = "site.storm"
    DEVICE_STARTED = "device.started"
    DEVICE_HEARTBEAT = "device.heartbeat"
    DEVICE_CLOCK_CHANGED = "device.clock_changed"
    CONFIG_CHANGED = "config.changed"
    ENDPOINT_FAILING = "endpoint.failing"
    ENDPOINT_RECOVERED = "endpoint.recovered"
    ENDPOINT_DISABLED = "endpoint.disabled"
    WEBHOOK_TEST = "webhook.test"


# Every type of the contract, sent today or not: a mistyped one would keep all alarms from an endpoint.
EventPattern = Literal[
    "*",
    "case.*",
    "case.opened",
    "case.severity_changed",
    "case.acknowledged",
    "case.escalated",
    "case.note_added",
    "case.action_recorded",
    "case.shelved",
    "case.unshelved",
    "case.condition_cleared",
    "case.reopened",
    "case.flapping",
    "case.closed",
    "cabinet.*",
    "cabinet.out_of_service",
    "cabinet.in_service",
    "site.*",
    "site.storm",
    "device.*",
    "device.started",
    "device.heartbeat",
    "device.health_changed",
    "device.clock_changed",
    "config.*",
    "config.changed",
    "endpoint.*",
    "endpoint.failing",
    "endpoint.recovered",
    "endpoint.disabled",
    "webhook.*",
    "webhook.test",
]


# Old news of these is no news: a newer one takes the place of one that is still waiting.
LATEST_ONLY: Final = frozenset({EventType.DEVICE_HEARTBEAT})


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened. `event_id` is its identity for ever; `data` is the JSON object of that type."""

    event_id: str
    type: EventType
    at: datetime
    severity: Severity
    data: Raw
    case_id: str | None = None
    seq: int | None = None
    cabinet: str | None = None


class News(Struct, frozen=True, kw_only=True):
    """News that is of no case and no cabinet, until it is accepted."""

    outbox: tuple[Event, ...]


class DeviceStamp(Struct, frozen=True, kw_only=True):
    """Who speaks: the `device` member of every event body."""

    id: str
    site: str
    boot_id: str
    uptime_s: float
    clock_synced: bool
    version: str


class Publisher(Protocol):
    """The seam between what is news and how it gets out."""

    async def publish(self, event: Event) -> None:
        """Return once every delivery of this event is durable, or visibly can't be. Publishing again changes nothing."""
