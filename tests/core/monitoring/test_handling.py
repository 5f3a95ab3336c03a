"""What people do about a case: which move follows which, what each says, and what happens while nobody moves."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from core.errors import RefusalError
from core.events import Severity
from core.monitoring import cases, handling
from core.monitoring.cases import Case, Condition, Handling
from core.monitoring.handling import HANDLING_MOVES, MOST_STEPS, Reason, Verb, is_waiting, waited
from core.settings import Monitor as Patience
from tests.core.monitoring.moves import (
    LATER,
    Move,
    acknowledge,
    clear,
    close,
    data,
    expel,
    force,
    handle,
    lose_sight,
    note,
    record,
    reopen,
    shelve,
    told,
    unshelve,
    worsen,
)
from tests.core.monitoring.moves import an_opened as opened

WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL
MINUTE_S = 60.0
PATIENCE = Patience()  # 15 min to the first call, one an hour after it, an hour for an acknowledgement


# -- which move follows which ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moves", "handling", "condition"),
    [
        ([], Handling.NEW, Condition.ACTIVE),
        ([acknowledge], Handling.ACKNOWLEDGED, Condition.ACTIVE),
        ([handle], Handling.ACTIONED, Condition.ACTIVE),
        ([acknowledge, handle], Handling.ACTIONED, Condition.ACTIVE),
        ([handle, handle], Handling.ACTIONED, Condition.ACTIVE),
        ([clear], Handling.NEW, Condition.CLEARED),
        ([acknowledge, clear], Handling.ACKNOWLEDGED, Condition.CLEARED),
        ([clear, acknowledge], Handling.ACKNOWLEDGED, Condition.CLEARED),
        ([handle, clear], Handling.CLOSED, Condition.CLEARED),
        ([clear, handle], Handling.CLOSED, Condition.CLEARED),
        ([clear, record], Handling.ACTIONED, Condition.CLEARED),
        ([clear, record, close], Handling.CLOSED, Condition.CLEARED),
        ([acknowledge, clear, handle], Handling.CLOSED, Condition.CLEARED),
        ([acknowledge, clear, reopen], Handling.NEW, Condition.ACTIVE),
        ([clear, record, reopen], Handling.ACTIONED, Condition.ACTIVE),
        ([clear, reopen], Handling.NEW, Condition.ACTIVE),
        ([lose_sight, acknowledge], Handling.ACKNOWLEDGED, Condition.UNKNOWN),
        ([force], Handling.CLOSED, Condition.ACTIVE),
        ([lose_sight, force], Handling.CLOSED, Condition.UNKNOWN),
        ([acknowledge, note, shelve], Handling.ACKNOWLEDGED, Condition.ACTIVE),
        ([expel], Handling.CLOSED, Condition.ACTIVE),
    ],
)
def test_moves_lead_where_the_table_says(moves: list[Move], handling: Handling, condition: Condition) -> None:
    case = opened(*moves, severity=WARNING)
    assert (case.handling, case.condition) == (handling, condition)


@pytest.mark.parametrize(
    ("moves", "refused", "code"),
    [
        ([handle], acknowledge, "illegal_transition"),
        ([], close, "close_needs_force"),
        ([record], close, "close_needs_force"),
        ([clear], close, "close_needs_force"),
        ([acknowledge, clear], close, "close_needs_force"),
        ([lose_sight, record], close, "close_needs_force"),
        ([], unshelve, "not_shelved"),
        ([shelve, clear], unshelve, "not_shelved"),
        ([worsen], shelve, "critical_not_shelved"),
        *(([clear, handle], move, "illegal_transition") for move in (acknowledge, record, handle, note, close, force)),
        ([clear, handle], shelve, "illegal_transition"),
        ([handle, clear], acknowledge, "illegal_transition"),
        ([expel], handle, "illegal_transition"),
    ],
)
def test_a_move_that_is_not_possible_is_refused_and_changes_nothing(
    moves: list[Move], refused: Move, code: str
) -> None:
    case = opened(*moves, severity=WARNING)
    before = msgspec.json.encode(case)
    with pytest.raises(RefusalError) as error:
        refused(case)
    assert (error.value.status, error.value.code) == (409, code)
    assert msgspec.json.encode(case) == before


@pytest.mark.parametrize("handling", Handling)
@pytest.mark.parametrize("verb", [Verb.ACKNOWLEDGE, Verb.ACTION])
def test_the_verbs_follow_the_table_and_nothing_else(handling: Handling, verb: Verb) -> None:
    case = structs.replace(opened(), handling=handling)
    move = acknowledge if verb is Verb.ACKNOWLEDGE else handle
    if (handling, verb) in HANDLING_MOVES:
        assert move(case).handling is HANDLING_MOVES[handling, verb]
    elif (handling, verb) != (Handling.ACKNOWLEDGED, Verb.ACKNOWLEDGE):  # saying so again changes nothing
        with pytest.raises(RefusalError):
            move(case)


def test_nothing_leads_out_of_closed() -> None:
    assert not [verb for handling, verb in HANDLING_MOVES if handling is Handling.CLOSED]


def test_acknowledging_twice_is_one_event() -> None:
    once = opened(acknowledge)
    assert handling.acknowledge(once, actor="zhao", note="me too", at=LATER) is once
    assert told(once) == ["case.opened", "case.acknowledged"]


def test_force_wants_a_note_that_says_why() -> None:
    with pytest.raises(RefusalError, match="force and a note"):
        handling.close(opened(), actor="chen", reason=Reason.HANDLED, note="", force=True, at=LATER)


# -- what it says ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moves", "news"),
    [
        ([clear, handle], ["case.action_recorded", "case.closed"]),
        ([clear, record], ["case.condition_cleared", "case.action_recorded"]),
        ([handle, clear], ["case.condition_cleared", "case.closed"]),
        ([handle], ["case.opened", "case.action_recorded"]),
        ([acknowledge, note], ["case.acknowledged", "case.note_added"]),
        ([shelve, unshelve], ["case.shelved", "case.unshelved"]),
        ([acknowledge, force], ["case.acknowledged", "case.closed"]),
    ],
)
def test_each_move_says_what_it_is(moves: list[Move], news: list[str]) -> None:
    assert told(opened(*moves, severity=WARNING))[-2:] == news


def test_the_action_stands_in_its_event_before_the_case_closes() -> None:
    case = opened(handle, clear)
    assert [data(event)["handling"] for event in case.outbox[-2:]] == ["actioned", "closed"]


def test_an_action_in_an_active_case_closes_nothing() -> None:
    assert opened(handle).closed_at is None
    assert opened(clear, handle).closed_at == LATER


def test_an_action_says_who_did_what_with_the_goods() -> None:
    (_, event) = opened(handle).outbox
    found = data(event)
    assert (found["actor"], found["action"], found["disposition"]) == ("wang", "door closed", "kept")


def test_a_later_action_corrects_an_earlier_one() -> None:
    case = handling.record(opened(handle), actor="li", action="fan mended", disposition="", note="", at=LATER)
    assert (case.actor, case.action, case.disposition) == ("li", "fan mended", None)


def test_what_the_machine_does_has_no_actor() -> None:
    case = opened(acknowledge, clear)
    assert [data(event)["actor"] for event in case.outbox] == [None, "li", None]


@pytest.mark.parametrize("move", [acknowledge, handle, clear])
def test_an_empty_note_leaves_the_earlier_one(move: Move) -> None:
    assert move(opened(note)).note == "fan is off"


@pytest.mark.parametrize(
    ("moves", "because"),
    [
        ([clear, handle], "handled"),
        ([clear, record, close], "handled"),
        ([force], "forced: false_alarm"),
        ([clear, force], "forced: false_alarm"),
        ([expel], "out_of_service"),
        ([handle, clear], None),
    ],
)
def test_a_closed_case_says_why_it_was_closed(moves: list[Move], because: str | None) -> None:
    case = opened(*moves)
    assert (case.closed_because, data(case.outbox[-1])["closed_because"]) == (because, because)


# -- what stays of it --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moves", "steps"),
    [
        ([acknowledge], [{"what": "acknowledged", "actor": "li"}]),
        ([record], [{"what": "action", "actor": "wang", "action": "door closed", "disposition": "kept"}]),
        ([note], [{"what": "note", "actor": "zhao", "note": "fan is off"}]),
        ([shelve], [{"what": "shelved", "actor": "li", "note": "till noon"}]),
        ([shelve, unshelve], [{"what": "unshelved", "actor": "li"}]),
        ([clear, handle], [{"what": "closed", "actor": "wang", "reason": "handled"}]),
        ([clear, record, close], [{"what": "closed", "actor": "chen", "reason": "handled"}]),
        ([force], [{"what": "closed", "actor": "chen", "note": "probe", "reason": "forced: false_alarm"}]),
        ([expel], [{"what": "closed", "actor": "chen", "reason": "out_of_service"}]),
        ([clear, reopen, worsen, clear], []),
    ],
)
def test_what_a_person_does_is_a_step_that_says_who_and_when(moves: list[Move], steps: list[dict[str, str]]) -> None:
    case = opened(*moves, severity=WARNING)
    expected = [{"at": "2026-11-23T08:05:00Z", **step} for step in steps]
    assert msgspec.to_builtins(list(case.steps[-1:])) == expected


def test_a_shelf_that_ran_out_is_a_step_of_nobodys() -> None:
    shelved, ended = lived(opened(shelve, severity=WARNING), 3600.0).steps
    assert (shelved.what, ended.what, ended.actor) == ("shelved", "unshelved", None)


def test_an_earlier_action_stands_in_the_steps_when_it_was_corrected() -> None:
    case = handling.record(opened(handle), actor="li", action="fan mended", disposition="", note="", at=LATER)
    assert [(step.action, step.disposition) for step in case.steps] == [("door closed", "kept"), ("fan mended", None)]


def test_of_very_many_steps_the_newest_are_kept() -> None:
    case = opened(acknowledge, *[note] * (MOST_STEPS - 1))
    assert (len(case.steps), str(case.steps[0].what)) == (MOST_STEPS, "acknowledged")
    assert [str(step.what) for step in record(case).steps] == ["note"] * (MOST_STEPS - 1) + ["action"]


def test_no_event_carries_the_steps() -> None:
    assert all("steps" not in data(event) for event in opened(acknowledge, note).outbox)


# -- the shelf ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [clear, worsen, force, expel])
def test_what_ends_or_gets_critical_lies_on_no_shelf(end: Move) -> None:
    assert end(opened(shelve, severity=WARNING)).shelved_s is None


@pytest.mark.parametrize(("severity", "shelved_s"), [(WARNING, 3600.0), (CRITICAL, None)])
def test_what_comes_back_stays_on_its_shelf_unless_it_is_critical(severity: Severity, shelved_s: float | None) -> None:
    cleared = opened(clear, shelve, severity=WARNING)
    assert cases.reopened(cleared, severity=severity, value=9.0, fault=None, at=LATER).shelved_s == shelved_s


def lived(case: Case, seconds: float, *, grain_s: float = 1.0, patience: Patience = PATIENCE) -> Case:
    """Nobody does anything for so long; the book looks every `grain_s`."""
    for _ in range(int(seconds / grain_s)):
        if is_waiting(case, patience):
            case = waited(case, grain_s, patience, LATER)
    return case


def test_a_shelf_ends_by_itself_and_says_so() -> None:
    shelved = opened(shelve, severity=WARNING)
    before, over = lived(shelved, 3599.0), lived(shelved, 3600.0)
    assert (before.shelved_s, told(before)[-1]) == (1.0, "case.shelved")
    assert (over.shelved_s, over.actor, told(over)[-1]) == (None, None, "case.unshelved")


def test_shelving_anew_counts_from_now() -> None:
    assert shelve(lived(opened(shelve, severity=WARNING), 1800.0)).shelved_s == 3600.0


def test_nobody_is_called_about_what_is_shelved() -> None:
    case = opened(acknowledge, shelve, severity=WARNING)
    assert "case.escalated" not in told(lived(case, 3600.0 + 3599.0))
    assert told(lived(case, 3600.0 + 3600.0))[-1] == "case.escalated"  # the acknowledgement counts from the shelf's end


# -- while nobody moves ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moves", "severity", "minutes"),
    [
        ([], CRITICAL, [15, 75, 195]),
        ([lose_sight], CRITICAL, [15, 75, 195]),
        ([], WARNING, [60, 120, 240]),
        ([worsen], WARNING, [15, 75, 195]),
        ([acknowledge], CRITICAL, [60, 120, 240]),
        ([acknowledge], WARNING, [60, 120, 240]),
        ([handle], CRITICAL, []),
        ([clear], CRITICAL, []),
        ([acknowledge, clear], CRITICAL, []),
        ([acknowledge, clear, reopen, worsen], CRITICAL, [15, 75, 195]),
        ([force], CRITICAL, []),
    ],
)
def test_people_are_called_when_nobody_acknowledges_or_nothing_follows(
    moves: list[Move], severity: Severity, minutes: list[int]
) -> None:
    case, found = opened(*moves, severity=severity), []
    for minute in range(1, 241):
        case, before = lived(case, MINUTE_S), case
        found += [minute] if case.escalations > before.escalations else []
    assert found == minutes
    assert told(case).count("case.escalated") == len(minutes)


def test_an_acknowledgement_that_nothing_followed_is_one_no_more() -> None:
    case = lived(opened(acknowledge), 3600.0)
    assert (case.handling, case.escalations, case.actor, told(case)[-1]) == (Handling.NEW, 1, None, "case.escalated")


def test_who_got_critical_after_a_call_is_waited_for_as_anew() -> None:
    called = lived(opened(acknowledge, severity=WARNING), 3600.0)
    assert told(lived(worsen(called), 900.0))[-2:] == ["case.severity_changed", "case.escalated"]


@pytest.mark.parametrize(
    ("every_s", "escalations", "waits_s"),
    [
        (3600.0, 0, 900.0),
        (3600.0, 1, 3600.0),
        (3600.0, 4, 8 * 3600.0),
        (3600.0, 6, 86_400.0),
        (3600.0, 10**6, 86_400.0),
        (7 * 86_400.0, 1, 7 * 86_400.0),
        (7 * 86_400.0, 9, 7 * 86_400.0),
    ],
)
def test_calls_come_ever_more_seldom_and_at_least_once_a_day(every_s: float, escalations: int, waits_s: float) -> None:
    """Or as seldom as was asked for."""
    case, patience = structs.replace(opened(), escalations=escalations), Patience(escalate_every_s=every_s)
    assert waited(case, waits_s - 1.0, patience, LATER).seq == case.seq
    assert told(waited(case, waits_s, patience, LATER))[-1] == "case.escalated"


def test_without_escalation_only_an_acknowledgement_runs_out() -> None:
    never = Patience(escalate_after_s=0.0)
    assert not is_waiting(opened(), never)
    assert is_waiting(opened(acknowledge), never)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([[], [acknowledge], [shelve]]),
    st.floats(60.0, 4 * 3600.0),
    st.sampled_from([1.0, 7.0, 60.0]),
    st.sampled_from([CRITICAL, WARNING]),
)
def test_many_small_steps_come_to_the_same_as_few_large_ones(
    moves: list[Move], seconds: float, grain_s: float, severity: Severity
) -> None:
    """Up to a grain for each event on the way."""
    case = opened(*moves, severity=WARNING)
    case = structs.replace(case, severity=severity) if moves != [shelve] else case
    fine, coarse = lived(case, seconds, grain_s=0.5), lived(case, seconds, grain_s=grain_s)
    late_s = grain_s * (1 + coarse.seq)
    assert told(coarse) in (told(fine), told(lived(case, seconds - late_s, grain_s=0.5)))
    if told(coarse) == told(fine):
        assert abs(coarse.waiting_s - fine.waiting_s) <= late_s
        assert abs((coarse.shelved_s or 0.0) - (fine.shelved_s or 0.0)) <= late_s


@pytest.mark.parametrize("moves", [[], [acknowledge], [shelve]])
@pytest.mark.parametrize("dt_s", [3600.0, 1e6, 1e12])
def test_a_box_that_slept_calls_once(moves: list[Move], dt_s: float) -> None:
    case = opened(*moves, severity=WARNING)
    case = worsen(case) if not moves else case
    assert waited(case, dt_s, PATIENCE, LATER).seq == case.seq + 1


# -- whatever happens --------------------------------------------------------------------------------------------------

VERBS = [acknowledge, record, handle, note, close, force, shelve, unshelve]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*VERBS, clear, reopen, worsen]), max_size=20), st.sampled_from(list(Severity)))
def test_what_is_closed_stays_so_and_each_accepted_verb_is_one_event_more(
    moves: list[Move], severity: Severity
) -> None:
    """Handling what has cleared is two: the action, and the end."""
    case = opened(severity=severity)
    for move in moves:
        if move not in VERBS:
            over = case.condition is Condition.CLEARED
            case = case if case.closed or over is not (move is reopen) else move(case)
            continue
        try:
            after = move(case)
        except RefusalError:
            continue
        assert not case.closed
        if after is not case:
            ends = move is handle and case.condition is Condition.CLEARED
            assert after.seq == case.seq + (2 if ends else 1)
            assert [event.seq for event in after.outbox] == list(range(1, after.seq + 1))
        case = after
    assert case.closed is ("case.closed" in told(case)) is (case.closed_at is not None)
    assert told(case).count("case.closed") <= 1
