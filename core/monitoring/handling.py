"""What people do about a case, and what happens while nobody does it. Pure.

handling: new, acknowledged, actioned, closed. A shelf lies over it: a shelved case is still there and still judged, but
nobody is called again. What a person did is never undone by the machine, but for an acknowledgement that nothing followed.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import structs

from core.errors import RefusalError
from core.events import EventType, Severity
from core.monitoring.cases import Case, Condition, Did, Handling, Step, closed, told
from core.settings import Monitor as Patience

DAY_S: Final = 86_400.0
MOST_DOUBLINGS: Final = 20
LONGEST_NOTES: Final = 8000
MOST_STEPS: Final = 100


class Verb(StrEnum):
    """What people may do that moves the handling."""

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


class Reason(StrEnum):
    """Why a person closes a case."""

    HANDLED = "handled"
    FALSE_ALARM = "false_alarm"
    MAINTENANCE = "maintenance"


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
    after = _moved(case, Verb.ACKNOWLEDGE)
    seen = _did(case, Did.ACKNOWLEDGED, at, actor, note=note)
    return told(structs.replace(seen, handling=after, waiting_s=0.0), EventType.CASE_ACKNOWLEDGED, at)


def record(case: Case, *, actor: str, action: str, disposition: str, note: str, at: datetime) -> Case:
    """Record what was done and what became of the goods; a later record corrects an earlier one."""
    after = _moved(case, Verb.ACTION)
    done = _did(case, Did.ACTION, at, actor, action=action, disposition=disposition, note=note)
    done = structs.replace(done, handling=after, signed_by=actor, action=action, disposition=disposition or None)
    return told(done, EventType.CASE_ACTION_RECORDED, at)


def handle(case: Case, *, actor: str, action: str, disposition: str, note: str, at: datetime) -> Case:
    """Record what was done; where the condition has cleared, close as well."""
    done = record(case, actor=actor, action=action, disposition=disposition, note=note, at=at)
    return _signed(done, at, actor, Reason.HANDLED) if done.condition is Condition.CLEARED else done


def note(case: Case, *, actor: str, note: str, at: datetime) -> Case:
    """Raises RefusalError 409 once it is closed."""
    _refuse_closed(case, "a note")
    return told(_did(case, Did.NOTE, at, actor, note=note), EventType.CASE_NOTE_ADDED, at)


def close(case: Case, *, actor: str, reason: Reason, note: str, force: bool, at: datetime) -> Case:
    """Sign it off. What has not cleared, or on which nobody acted, is closed only by force and with a note that says why.

    Raises RefusalError 409 otherwise.
    """
    _refuse_closed(case, "closing")
    due = case.condition is Condition.CLEARED and (case.handling, Verb.CLOSE) in HANDLING_MOVES
    if not due and not (force and note):
        wants = "an action" if case.condition is Condition.CLEARED else "a condition that has cleared"
        raise RefusalError(409, "close_needs_force", f"closing needs {wants}, or force and a note that says why")
    return _signed(case, at, actor, reason if due else f"forced: {reason}", note)


def shelve(case: Case, *, actor: str, for_s: float, note: str, at: datetime) -> Case:
    """Nobody is called again for so long. Raises RefusalError 409 for a critical case: that is acknowledged or handled."""
    _refuse_closed(case, "shelving")
    if case.severity is Severity.CRITICAL:
        raise RefusalError(409, "critical_not_shelved", "a critical case is not shelved; acknowledge or handle it")
    put = _did(case, Did.SHELVED, at, actor, note=note)
    return told(structs.replace(put, shelved_s=for_s, waiting_s=0.0), EventType.CASE_SHELVED, at)


def unshelve(case: Case, *, actor: str | None, at: datetime) -> Case:
    """Raises RefusalError 409 where it is not shelved."""
    if case.shelved_s is None:
        raise RefusalError(409, "not_shelved", "this case is not shelved")
    return told(structs.replace(_did(case, Did.UNSHELVED, at, actor), shelved_s=None), EventType.CASE_UNSHELVED, at)


def expelled(case: Case, *, actor: str, at: datetime) -> Case:
    """Its cabinet goes out of service."""
    return _signed(case, at, actor, "out_of_service")


def _signed(case: Case, at: datetime, actor: str, because: str, note: str = "") -> Case:
    signed = _did(case, Did.CLOSED, at, actor, note=note, reason=because)
    return closed(structs.replace(signed, signed_by=actor), at, because)


def _did(case: Case, what: Did, at: datetime, actor: str | None, *, note: str = "", **words: str) -> Case:
    """The case with one step more; of very many the newest are kept."""
    said = {name: word or None for name, word in words.items()}
    step = Step(at=at, what=what, actor=actor or None, note=note or None, **said)
    return structs.replace(case, actor=actor, note=_noted(case, note), steps=(*case.steps, step)[-MOST_STEPS:])


def _noted(case: Case, note: str) -> str | None:
    """A note joins those before it; of very many the newest are kept."""
    return " / ".join(part for part in (case.note, note) if part)[-LONGEST_NOTES:] or None


def _refuse_closed(case: Case, what: str) -> None:
    if case.closed:
        raise RefusalError(409, "illegal_transition", f"{what} is not possible while the case is {case.handling}")


def is_waiting(case: Case, patience: Patience) -> bool:
    """Whether a clock runs that waits for people."""
    if case.shelved_s is not None:
        return True
    calls = case.handling is Handling.NEW and case.severity is not Severity.INFO and patience.escalate_after_s > 0
    return case.goes_on and (calls or case.handling is Handling.ACKNOWLEDGED)


def _until_called(case: Case, patience: Patience) -> float:
    """A warning waits longer than what is critical. Each further call comes after twice as long, at least once a day: one an hour for days would bury what is new."""
    if not case.escalations and case.severity is Severity.CRITICAL:
        return patience.escalate_after_s
    longer_s = patience.escalate_every_s * 2.0 ** min(max(case.escalations - 1, 0), MOST_DOUBLINGS)
    return min(longer_s, max(DAY_S, patience.escalate_every_s))


def waited(case: Case, dt_s: float, patience: Patience, at: datetime) -> Case:
    """The case `dt_s` later, where nobody did anything meanwhile and `is_waiting`."""
    if case.shelved_s is not None:
        left_s = case.shelved_s - dt_s
        return structs.replace(case, shelved_s=left_s) if left_s > 0 else unshelve(case, actor=None, at=at)
    waiting_s = case.waiting_s + dt_s
    seen = case.handling is Handling.ACKNOWLEDGED
    longest_s = patience.acknowledged_for_s if seen else _until_called(case, patience)
    if waiting_s < longest_s:
        return structs.replace(case, waiting_s=waiting_s)
    called = structs.replace(case, handling=Handling.NEW, escalations=case.escalations + 1, waiting_s=0.0, actor=None)
    return told(called, EventType.CASE_ESCALATED, at)
