"""The life-cycle of a case: which move follows which, and the events that say so."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from core.errors import RefusalError
from core.events import Event, Severity
from core.monitoring import cases, handling
from core.monitoring.cases import Case, Condition, Handling
from core.monitoring.handling import HANDLING_MOVES, Verb
from tests.core.monitoring.factories import START, a_case

LATER = START + timedelta(minutes=5)
WIRE_MEMBERS = {  # what receivers were promised
    "case_id",
    "seq",
    "cabinet",
    "cabinet_name",
    "sensor",
    "kind",
    "severity",
    "condition",
    "handling",
    "limit",
    "value",
    "peak",
    "unit",
    "started_at",
    "duration_s",
    "actor",
    "simulated",
}

Move = Callable[[Case], Case]


def acknowledge(case: Case) -> Case:
    return handling.acknowledge(case, actor="li", note="", at=LATER)


def handle(case: Case) -> Case:
    return handling.handle(case, actor="wang", action="door closed", disposition="kept", note="", at=LATER)


def clear(case: Case) -> Case:
    return cases.cleared(case, LATER)


def reopen(case: Case) -> Case:
    return cases.reopened(case, severity=Severity.WARNING, value=8.5, fault=None, at=LATER)


def worsen(case: Case) -> Case:
    return cases.severity_changed(case, Severity.CRITICAL, LATER)


def an_opened(*moves: Move) -> Case:
    case = cases.opened(a_case())
    for move in moves:
        case = move(case)
    return case


def told(case: Case) -> list[str]:
    return [str(event.type) for event in case.outbox]


def data(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(event.data)
    return found


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
        ([acknowledge, clear, handle], Handling.CLOSED, Condition.CLEARED),
        ([acknowledge, clear, reopen], Handling.NEW, Condition.ACTIVE),
        ([clear, reopen], Handling.NEW, Condition.ACTIVE),
    ],
)
def test_moves_lead_where_the_table_says(moves: list[Move], handling: Handling, condition: Condition) -> None:
    case = an_opened(*moves)
    assert (case.handling, case.condition) == (handling, condition)


@pytest.mark.parametrize(
    ("moves", "illegal"),
    [([handle], acknowledge), ([handle, clear], acknowledge), ([handle, clear], handle), ([clear, handle], handle)],
)
def test_an_illegal_move_is_refused_and_changes_nothing(moves: list[Move], illegal: Move) -> None:
    case = an_opened(*moves)
    before = msgspec.json.encode(case)
    with pytest.raises(RefusalError) as refused:
        illegal(case)
    assert (refused.value.status, refused.value.code) == (409, "illegal_transition")
    assert msgspec.json.encode(case) == before


@pytest.mark.parametrize("handling", Handling)
@pytest.mark.parametrize("verb", [Verb.ACKNOWLEDGE, Verb.ACTION])
def test_the_verbs_follow_the_table_and_nothing_else(handling: Handling, verb: Verb) -> None:
    case = structs.replace(an_opened(), handling=handling)
    move = acknowledge if verb is Verb.ACKNOWLEDGE else handle
    if (handling, verb) in HANDLING_MOVES:
        assert move(case).handling is HANDLING_MOVES[handling, verb]
    elif (handling, verb) != (Handling.ACKNOWLEDGED, Verb.ACKNOWLEDGE):  # saying so again changes nothing
        with pytest.raises(RefusalError):
            move(case)


def test_nothing_leads_out_of_closed() -> None:
    assert not [verb for handling, verb in HANDLING_MOVES if handling is Handling.CLOSED]


def test_acknowledging_twice_is_one_event() -> None:
    once = an_opened(acknowledge)
    assert handling.acknowledge(once, actor="zhao", note="me too", at=LATER) is once
    assert told(once) == ["case.opened", "case.acknowledged"]


def test_handling_a_cleared_case_records_the_action_and_then_closes() -> None:
    case = an_opened(clear, handle)
    assert told(case)[-2:] == ["case.action_recorded", "case.closed"]
    assert case.closed_at == LATER


def test_a_case_with_an_action_closes_when_it_clears() -> None:
    case = an_opened(handle, clear)
    assert told(case)[-2:] == ["case.condition_cleared", "case.closed"]
    assert [data(event)["handling"] for event in case.outbox[-2:]] == ["actioned", "closed"]


def test_an_action_in_an_active_case_closes_nothing() -> None:
    case = an_opened(handle)
    assert told(case) == ["case.opened", "case.action_recorded"]
    assert case.closed_at is None


def test_an_action_says_who_did_what_with_the_goods() -> None:
    (_, event) = an_opened(handle).outbox
    found = data(event)
    assert (found["actor"], found["action"], found["disposition"]) == ("wang", "door closed", "kept")


def test_what_the_machine_does_has_no_actor() -> None:
    case = an_opened(acknowledge, clear)
    assert [data(event)["actor"] for event in case.outbox] == [None, "li", None]


def test_an_empty_note_leaves_the_earlier_one() -> None:
    noted = handling.acknowledge(an_opened(), actor="li", note="fan is off", at=LATER)
    assert handle(noted).note == "fan is off"


def test_reopening_counts_and_keeps_the_case() -> None:
    case = an_opened(clear, reopen, clear, reopen)
    assert (case.case_id, case.reopened, case.cleared_at) == ("case_1", 2, None)
    assert told(case) == ["case.opened", *["case.condition_cleared", "case.reopened"] * 2]


def test_seq_rises_by_one_with_each_event_and_each_id_is_fixed_by_case_and_seq() -> None:
    case = an_opened(worsen, acknowledge, clear, reopen, handle, clear)
    assert [event.seq for event in case.outbox] == list(range(1, len(case.outbox) + 1)) == [*range(1, case.seq + 1)]
    assert [event.event_id for event in case.outbox] == [f"evt_1_{seq}" for seq in range(1, case.seq + 1)]
    assert an_opened(worsen, acknowledge).outbox[1].event_id == case.outbox[1].event_id


def test_the_data_of_every_event_has_every_member_of_the_contract() -> None:
    for event in an_opened(worsen, acknowledge, clear, reopen, handle, clear).outbox:
        assert data(event).keys() >= WIRE_MEMBERS
        assert (data(event)["seq"], data(event)["case_id"]) == (event.seq, event.case_id)


def test_times_in_the_data_are_utc_with_z() -> None:
    assert data(an_opened().outbox[0])["started_at"] == "2026-11-23T07:50:00Z"


def test_an_event_carries_the_severity_of_its_moment() -> None:
    case = cases.severity_changed(cases.opened(a_case(severity=Severity.WARNING)), Severity.CRITICAL, LATER)
    assert [event.severity for event in case.outbox] == [Severity.WARNING, Severity.CRITICAL]


def test_a_case_survives_its_json_form() -> None:
    case = an_opened(acknowledge, clear, handle)
    assert msgspec.json.encode(msgspec.json.decode(msgspec.json.encode(case), type=Case)) == msgspec.json.encode(case)


MOVES = st.lists(st.sampled_from([acknowledge, handle, clear, reopen, worsen]), max_size=12)


def lived(moves: list[Move]) -> Case:
    """A case after those of the moves that were possible where they stood."""
    case = an_opened()
    for move in moves:
        over = case.condition is Condition.CLEARED
        if case.closed or (over is not (move is reopen) and move in {clear, reopen, worsen}):
            continue
        try:
            case = move(case)
        except RefusalError:
            continue
    return case


@settings(max_examples=200, deadline=None)
@given(MOVES, st.randoms(use_true_random=False))
def test_a_receiver_knows_the_final_state_whatever_the_order_of_arrival(moves: list[Move], rng: Any) -> None:
    """The event with the highest seq is the whole state; late retries are dropped by their seq."""
    case = lived(moves)
    arriving = [*case.outbox, *case.outbox]
    rng.shuffle(arriving)
    known: dict[str, Any] = {"seq": 0}
    for event in arriving:
        known = max(known, data(event), key=lambda state: int(state["seq"]))
    truth = msgspec.json.decode(msgspec.json.encode(case))
    assert known == {name: truth[name] for name in known}
