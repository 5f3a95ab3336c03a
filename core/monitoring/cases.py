"""The life-cycle of a case on two axes, what the readings do to it, and the events that say so. Pure.

condition: active, cleared, unknown — only readings move it.  handling: new, acknowledged, actioned, closed — people move it
(handling), the machine only closes what clears with an action taken or what nobody watches any more.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Raw, Struct, structs

from core.events import Event, EventType, Severity


class Kind(StrEnum):
    """What is wrong."""

    TEMP_HIGH = "temp_high"
    TEMP_LOW = "temp_low"
    RATE_OF_RISE = "rate_of_rise"
    BUDGET_EXCEEDED = "budget_exceeded"
    TREND = "trend"
    AFTER_OUTAGE = "after_outage"
    HUMIDITY_HIGH = "humidity_high"
    HUMIDITY_LOW = "humidity_low"
    SENSOR_FAULT = "sensor_fault"
    SENSOR_STALE = "sensor_stale"
    DOOR_OPEN = "door_open"
    DEFROST_OVERRUN = "defrost_overrun"
    DEFROST_MISSED = "defrost_missed"
    DEVICE_HEALTH = "device_health"


class Condition(StrEnum):
    """What the readings say: unknown means that no good reading tells."""

    ACTIVE = "active"
    CLEARED = "cleared"
    UNKNOWN = "unknown"


class Handling(StrEnum):
    """What people have done."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    ACTIONED = "actioned"
    CLOSED = "closed"


class Did(StrEnum):
    """What a person may have done about a case."""

    ACKNOWLEDGED = "acknowledged"
    ACTION = "action"
    NOTE = "note"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    CLOSED = "closed"


class Step(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who did what and when, in their own words; `actor` None where a shelf ran out, `reason` why it was closed."""

    at: datetime
    what: Did
    actor: str | None = None
    action: str | None = None
    disposition: str | None = None
    note: str | None = None
    reason: str | None = None


class Case(Struct, frozen=True, kw_only=True):
    """One alarm incident. `fault` is the source's code of a sensor_fault. `closed_because` is a person's reason (handling), or
    the machine's: `not_watched` says that its sensor or limit has left the configuration, `over` that it was for information
    and has cleared, `unattended` that it was over and nobody signed it off. `gap_s` is how long nothing was known before an after_outage began.

    `actor` is who made the last change, None where the machine did; `signed_by` stays: who last recorded an action or closed it.
    `steps` are what people did, newest last (handling); `action` and `disposition` are only the latest.
    `number` rises from case to case, whatever the wall clock says. `duration_s` is how long the condition held all in all,
    `earlier_s` that of the times before it was reopened last. `waiting_s` counts what people are waited for: from the
    opening or the last escalation to the acknowledgement, from there to its end; `escalations` how often that was in vain; `shelved_s` how long the case is still shelved. `untold` are
    the changes since the last event that only a digest will tell. `outbox` are the events that the retry queue has not
    accepted yet, oldest first.
    """

    case_id: str
    cabinet: str
    cabinet_name: str
    sensor: str
    kind: Kind
    severity: Severity
    unit: str
    opened_at: datetime
    started_at: datetime
    simulated: bool
    number: int = 0
    condition: Condition = Condition.ACTIVE
    handling: Handling = Handling.NEW
    limit: float | None = None
    value: float | None = None
    peak: float | None = None
    duration_s: float = 0.0
    cleared_at: datetime | None = None
    closed_at: datetime | None = None
    reopened: int = 0
    earlier_s: float = 0.0
    actor: str | None = None
    action: str | None = None
    disposition: str | None = None
    signed_by: str | None = None
    note: str | None = None
    fault: str | None = None
    closed_because: str | None = None
    gap_s: float | None = None
    waiting_s: float = 0.0
    escalations: int = 0
    shelved_s: float | None = None
    untold: int = 0
    steps: tuple[Step, ...] = ()
    seq: int = 0
    outbox: tuple[Event, ...] = ()

    @property
    def closed(self) -> bool:
        return self.handling is Handling.CLOSED

    @property
    def goes_on(self) -> bool:
        """Neither closed nor known to be over."""
        return not self.closed and self.condition is not Condition.CLEARED


class CaseData(Struct, frozen=True, kw_only=True):
    """The `data` of a case event."""

    case_id: str
    seq: int
    cabinet: str
    cabinet_name: str
    sensor: str
    kind: Kind
    severity: Severity
    condition: Condition
    handling: Handling
    limit: float | None
    value: float | None
    peak: float | None
    unit: str
    started_at: datetime
    duration_s: float
    actor: str | None
    simulated: bool
    action: str | None
    disposition: str | None
    note: str | None
    fault: str | None
    closed_because: str | None
    gap_s: float | None
    escalations: int
    shelved_s: float | None
    untold: int


def told(case: Case, event_type: EventType, at: datetime) -> Case:
    """The case with one event more: its number is the case's next, its id fixed by case and number."""
    seq = case.seq + 1
    fields: dict[str, Any] = structs.asdict(case)
    data = CaseData(**{name: fields[name] for name in CaseData.__struct_fields__} | {"seq": seq})
    event = Event(
        event_id=f"evt_{case.case_id.removeprefix('case_')}_{seq}",
        type=event_type,
        at=at,
        severity=case.severity,
        data=Raw(msgspec.json.encode(data)),
        case_id=case.case_id,
        seq=seq,
        cabinet=case.cabinet,
    )
    return structs.replace(case, seq=seq, untold=0, outbox=(*case.outbox, event))


def opened(case: Case) -> Case:
    return told(case, EventType.CASE_OPENED, case.opened_at)


def reopened(case: Case, *, severity: Severity, value: float | None, fault: str | None, at: datetime) -> Case:
    """The same trouble again soon after: it wants attention again, so an acknowledgement no longer holds, and if it is
    critical now, no shelf does.
    """
    again = structs.replace(
        case,
        condition=Condition.ACTIVE,
        handling=Handling.NEW if case.handling is Handling.ACKNOWLEDGED else case.handling,
        severity=severity,
        value=value,
        cleared_at=None,
        reopened=case.reopened + 1,
        earlier_s=case.duration_s,
        fault=fault,
        actor=None,
        waiting_s=0.0,
        escalations=0,
        shelved_s=None if severity is Severity.CRITICAL else case.shelved_s,
    )
    return told(again, EventType.CASE_REOPENED, at)


def severity_changed(case: Case, severity: Severity, at: datetime) -> Case:
    """What gets critical wants attention as one that opens so: neither a shelf nor what was done about the warning holds."""
    worse = structs.replace(
        case, severity=severity, handling=Handling.NEW, actor=None, shelved_s=None, waiting_s=0.0, escalations=0
    )
    return told(worse, EventType.CASE_SEVERITY_CHANGED, at)


def cleared(case: Case, at: datetime) -> Case:
    """The condition is over; a case on which somebody acted closes with it, and one that was for information only."""
    over = structs.replace(case, condition=Condition.CLEARED, cleared_at=at, actor=None, shelved_s=None)
    over = told(over, EventType.CASE_CONDITION_CLEARED, at)
    if over.handling is Handling.ACTIONED:
        return closed(over, at)
    return closed(over, at, "over") if over.severity is Severity.INFO else over


def retired(case: Case, at: datetime) -> Case:
    """Nobody watches this any more: the machine closes it, and says that it does not know how it ended."""
    return closed(structs.replace(case, condition=Condition.UNKNOWN, actor=None), at, "not_watched")


def closed(case: Case, at: datetime, because: str | None = None) -> Case:
    ended = structs.replace(case, handling=Handling.CLOSED, closed_at=at, closed_because=because, shelved_s=None)
    return told(ended, EventType.CASE_CLOSED, at)


def muffled(before: Case, after: Case) -> Case:
    """The change without its event: a digest will tell of it."""
    return structs.replace(after, seq=before.seq, outbox=before.outbox, untold=before.untold + 1)


def digest(case: Case, at: datetime) -> Case:
    """How a case stands that changes too often for each change to be told; `untold` is how many were not."""
    return told(case, EventType.CASE_FLAPPING, at)
