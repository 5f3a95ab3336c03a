"""What happens to a case in the tests, and what its events say."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import structs

from core.events import Event, Severity
from core.monitoring import cases, handling
from core.monitoring.cases import Case, Condition
from tests.core.monitoring.factories import START, a_case

LATER = START + timedelta(minutes=5)

Move = Callable[[Case], Case]


def acknowledge(case: Case) -> Case:
    return handling.acknowledge(case, actor="li", note="", at=LATER)


def record(case: Case) -> Case:
    return handling.record(case, actor="wang", action="door closed", disposition="kept", note="", at=LATER)


def handle(case: Case) -> Case:
    return handling.handle(case, actor="wang", action="door closed", disposition="kept", note="", at=LATER)


def note(case: Case) -> Case:
    return handling.note(case, actor="zhao", note="fan is off", at=LATER)


def close(case: Case) -> Case:
    return handling.close(case, actor="chen", reason=handling.Reason.HANDLED, note="", force=False, at=LATER)


def force(case: Case) -> Case:
    return handling.close(case, actor="chen", reason=handling.Reason.FALSE_ALARM, note="probe", force=True, at=LATER)


def shelve(case: Case) -> Case:
    return handling.shelve(case, actor="li", for_s=3600.0, note="till noon", at=LATER)


def unshelve(case: Case) -> Case:
    return handling.unshelve(case, actor="li", at=LATER)


def expel(case: Case) -> Case:
    return handling.expelled(case, actor="chen", at=LATER)


def clear(case: Case) -> Case:
    return cases.cleared(case, LATER)


def reopen(case: Case) -> Case:
    return cases.reopened(case, severity=Severity.WARNING, value=8.5, fault=None, at=LATER)


def worsen(case: Case) -> Case:
    return cases.severity_changed(case, Severity.CRITICAL, LATER)


def lose_sight(case: Case) -> Case:
    return structs.replace(case, condition=Condition.UNKNOWN)


def an_opened(*moves: Move, severity: Severity = Severity.CRITICAL) -> Case:
    case = cases.opened(a_case(severity=severity))
    for move in moves:
        case = move(case)
    return case


def told(case: Case) -> list[str]:
    return [str(event.type) for event in case.outbox]


def data(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(event.data)
    return found
