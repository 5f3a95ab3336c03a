"""The life-cycle of a case: what the readings do to it, and the events that say so."""

import msgspec
import pytest
from msgspec import structs

from core.events import Severity
from core.monitoring import cases
from core.monitoring.cases import Case, Condition, Handling
from tests.core.monitoring.factories import a_case
from tests.core.monitoring.moves import (
    LATER,
    acknowledge,
    an_opened,
    clear,
    data,
    handle,
    lose_sight,
    record,
    reopen,
    told,
    worsen,
)

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


@pytest.mark.parametrize(
    ("severity", "handling", "because"), [(Severity.INFO, "closed", "over"), (Severity.WARNING, "new", None)]
)
def test_what_was_for_information_closes_when_it_is_over(
    severity: Severity, handling: str, because: str | None
) -> None:
    case = an_opened(clear, severity=severity)
    assert (case.handling, case.closed_because, case.condition) == (handling, because, Condition.CLEARED)


def test_what_nobody_watches_any_more_is_closed_as_unknown() -> None:
    case = cases.retired(an_opened(acknowledge), LATER)
    assert (case.handling, case.condition, case.closed_because) == (Handling.CLOSED, Condition.UNKNOWN, "not_watched")
    assert (case.actor, told(case)[-1]) == (None, "case.closed")


def test_what_was_lost_of_sight_clears_like_any_other() -> None:
    assert an_opened(lose_sight, clear).condition is Condition.CLEARED


def test_a_case_that_comes_back_is_waited_for_as_a_new_one() -> None:
    waited = structs.replace(an_opened(acknowledge, clear), waiting_s=500.0, escalations=2)
    assert (reopen(waited).waiting_s, reopen(waited).escalations) == (0.0, 0)


def test_what_was_done_about_a_case_still_stands_when_it_comes_back() -> None:
    case = an_opened(clear, record, reopen)
    assert (case.handling, case.action) == (Handling.ACTIONED, "door closed")


def test_a_change_that_is_kept_for_the_digest_has_no_event_and_is_counted() -> None:
    opened = an_opened()
    kept = cases.muffled(opened, clear(opened))
    again = cases.muffled(kept, reopen(kept))
    assert (kept.condition, again.condition) == (Condition.CLEARED, Condition.ACTIVE)
    assert (again.seq, told(again), again.untold) == (1, ["case.opened"], 2)


def test_a_digest_says_how_the_case_stands_and_how_much_was_not_told() -> None:
    opened = an_opened()
    case = cases.digest(cases.muffled(opened, clear(opened)), LATER)
    found = data(case.outbox[-1])
    assert (told(case)[-1], found["condition"], found["untold"], found["seq"]) == ("case.flapping", "cleared", 1, 2)
    assert case.untold == 0
