"""The life-cycle of a case on two axes, what machine and people may do to it, and the events that say so. Pure.

condition: active, cleared, unknown — only readings move it.  handling: new, acknowledged, actioned, closed — only people
move it, but for the close that follows when a case with an action clears, or when nobody watches it any more.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct, structs

from core.errors import RefusalError
from core.events import Event, EventType, Severity


class Kind(StrEnum):
    """What is wrong."""

    TEMP_HIGH = "temp_high"
    TEMP_LOW = "temp_low"
    SENSOR_FAULT = "sensor_fault"
    SENSOR_STALE = "sensor_stale"
    DOOR_OPEN = "door_open"
    DEFROST_OVERRUN = "defrost_overrun"
    DEFROST_MISSED = "defrost_missed"


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


class Verb(StrEnum):
    """What people may do."""

    ACKNOWLEDGE = "acknowledge"
    ACTION = "action"
    CLOSE = "close"


HANDLING_MOVES: Final[dict[tuple[Handling, Verb], Handling]] = {
    (Handling.NEW, Verb.ACKNOWLEDGE): Handling.ACKNOWLEDGED,
    (Handling.NEW, Verb.ACTION): Handling.ACTIONED,
    (Handling.ACKNOWLEDGED, Verb.ACTION): Handling.ACTIONED,
    (Handling.ACTIONED, Verb.ACTION): Handling.ACTIONED,
    (Handling.ACTIONED, Verb.CLOSE): Handling.CLOSED,
}


class Case(Struct, frozen=True, kw_only=True):
    """One alarm incident. `fault` is the source's code of a sensor_fault; `closed_because` is set where the machine closed
    it: `not_watched` says that its sensor or limit has left the configuration. `outbox` are the events that the retry queue has not accepted yet, oldest first."""

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
    condition: Condition = Condition.ACTIVE
    handling: Handling = Handling.NEW
    limit: float | None = None
    value: float | None = None
    peak: float | None = None
    duration_s: float = 0.0
    cleared_at: datetime | None = None
    closed_at: datetime | None = None
    reopened: int = 0
    actor: str | None = None
    action: str | None = None
    disposition: str | None = None
    note: str | None = None
    fault: str | None = None
    closed_because: str | None = None
    seq: int = 0
    outbox: tuple[Event, ...] = ()

    @property
    def closed(self) -> bool:
        return self.handling is Handling.CLOSED


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


def _told(case: Case, event_type: EventType, at: datetime) -> Case:
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
    return structs.replace(case, seq=seq, outbox=(*case.outbox, event))


def opened(case: Case) -> Case:
    return _told(case, EventType.CASE_OPENED, case.opened_at)


def reopened(case: Case, *, severity: Severity, value: float | None, fault: str | None, at: datetime) -> Case:
    """The same trouble again soon after: it wants attention again, so an acknowledgement no longer holds."""
    again = structs.replace(
        case,
        condition=Condition.ACTIVE,
        handling=Handling.NEW if case.handling is Handling.ACKNOWLEDGED else case.handling,
        severity=severity,
        value=value,
        cleared_at=None,
        reopened=case.reopened + 1,
        fault=fault,
        actor=None,
    )
    return _told(again, EventType.CASE_REOPENED, at)


def severity_changed(case: Case, severity: Severity, at: datetime) -> Case:
    return _told(structs.replace(case, severity=severity, actor=None), EventType.CASE_SEVERITY_CHANGED, at)


def cleared(case: Case, at: datetime) -> Case:
    """The condition is over; a case on which somebody acted closes with it."""
    over = structs.replace(case, condition=Condition.CLEARED, cleared_at=at, actor=None)
    over = _told(over, EventType.CASE_CONDITION_CLEARED, at)
    return _closed(over, at) if over.handling is Handling.ACTIONED else over


def retired(case: Case, at: datetime) -> Case:
    """Nobody watches this any more: the machine closes it, and says that it does not know how it ended."""
    ended = structs.replace(
        case,
        condition=Condition.UNKNOWN,
        handling=Handling.CLOSED,
        closed_at=at,
        actor=None,
        closed_because="not_watched",
    )
    return _told(ended, EventType.CASE_CLOSED, at)


def _closed(case: Case, at: datetime) -> Case:
    ended = structs.replace(case, handling=_moved(case, Verb.CLOSE), closed_at=at)
    return _told(ended, EventType.CASE_CLOSED, at)


def _moved(case: Case, verb: Verb) -> Handling:
    """Raises RefusalError 409 for a move that the table does not have; nothing is changed."""
    after = HANDLING_MOVES.get((case.handling, verb))
    if after is None:
        raise RefusalError(409, "illegal_transition", f"{verb} is not possible while the case is {case.handling}")
    return after


def acknowledge(case: Case, *, actor: str, note: str, at: datetime) -> Case:
    """Somebody has seen it. Saying so again changes nothing."""
    if case.handling is Handling.ACKNOWLEDGED:
        return case
    seen = structs.replace(case, handling=_moved(case, Verb.ACKNOWLEDGE), actor=actor, note=note or case.note)
    return _told(seen, EventType.CASE_ACKNOWLEDGED, at)


def handle(case: Case, *, actor: str, action: str, disposition: str, note: str, at: datetime) -> Case:
    """Record what was done; where the condition has cleared, close as well."""
    done = structs.replace(
        case,
        handling=_moved(case, Verb.ACTION),
        actor=actor,
        action=action,
        disposition=disposition or None,
        note=note or case.note,
    )
    done = _told(done, EventType.CASE_ACTION_RECORDED, at)
    return _closed(done, at) if done.condition is Condition.CLEARED else done
