"""What people say of a whole cabinet: that it is out of service, or that somebody works on it. Pure."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Raw, Struct, structs

from core.errors import RefusalError
from core.events import Event, EventType, Severity


class Service(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`out_since` is set while it is out of service: nothing of it is judged, all of it is recorded. `maintenance_s` is how
    long somebody still works on it: alarms wait longer. `by` and `reason` tell of the last change. `outbox` as of a case.
    """

    out_since: datetime | None = None
    due_back: datetime | None = None
    maintenance_s: float | None = None
    by: str | None = None
    reason: str | None = None
    outbox: tuple[Event, ...] = ()

    @property
    def out(self) -> bool:
        return self.out_since is not None


IN_SERVICE: Final = Service()


class CabinetData(Struct, frozen=True, kw_only=True):
    """The `data` of a cabinet event."""

    cabinet: str
    cabinet_name: str
    actor: str
    reason: str
    due_back: datetime | None = None


class Mover(Struct, frozen=True, kw_only=True):
    """Which cabinet is moved, by whom, why and when."""

    cabinet: str
    name: str
    actor: str
    reason: str
    at: datetime


def take_out(service: Service, mover: Mover, *, due_back: datetime | None, event_id: str) -> Service:
    """Raises RefusalError 409 where it is out already, or is due back before it goes."""
    if service.out:
        raise RefusalError(409, "already_out_of_service", f"cabinet {mover.cabinet!r} is out of service already")
    if due_back is not None and due_back <= mover.at:
        raise RefusalError(409, "due_back_in_the_past", "due_back is not after now")
    after = Service(out_since=mover.at, due_back=due_back, by=mover.actor, reason=mover.reason, outbox=service.outbox)
    return _told(after, EventType.CABINET_OUT_OF_SERVICE, mover, event_id)


def put_back(service: Service, mover: Mover, *, event_id: str) -> Service:
    """Raises RefusalError 409 where it is not out of service."""
    if not service.out:
        raise RefusalError(409, "not_out_of_service", f"cabinet {mover.cabinet!r} is in service")
    after = Service(by=mover.actor, reason=mover.reason, outbox=service.outbox)
    return _told(after, EventType.CABINET_IN_SERVICE, mover, event_id)


def maintain(service: Service, *, actor: str, reason: str, for_s: float) -> Service:
    """Somebody works on it for so long; 0 ends that. Raises RefusalError 409 while it is out of service."""
    if service.out:
        raise RefusalError(409, "out_of_service", "a cabinet out of service needs no maintenance window")
    return structs.replace(service, maintenance_s=for_s or None, by=actor, reason=reason)


def passed(service: Service, dt_s: float) -> Service:
    """`dt_s` later."""
    if service.maintenance_s is None:
        return service
    left_s = service.maintenance_s - dt_s
    return structs.replace(service, maintenance_s=left_s if left_s > 0 else None)


def _told(service: Service, event_type: EventType, mover: Mover, event_id: str) -> Service:
    data = CabinetData(
        cabinet=mover.cabinet,
        cabinet_name=mover.name,
        actor=mover.actor,
        reason=mover.reason,
        due_back=service.due_back,
    )
    event = Event(
        event_id=event_id,
        type=event_type,
        at=mover.at,
        severity=Severity.INFO,
        data=Raw(msgspec.json.encode(data)),
        cabinet=mover.cabinet,
    )
    return structs.replace(service, outbox=(*service.outbox, event))
