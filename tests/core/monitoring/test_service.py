"""What people say of a whole cabinet: out of service and back, and that somebody works on it."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import RefusalError
from core.events import Severity
from core.monitoring.service import IN_SERVICE, Mover, Service, maintain, passed, put_back, take_out
from tests.core.monitoring.factories import START

BACK = START + timedelta(days=2)
LI = Mover(cabinet="03", name="鲜奶柜", actor="li", reason="compressor", at=START)
CHEN = Mover(cabinet="03", name="鲜奶柜", actor="chen", reason="mended", at=BACK)
OUT = take_out(IN_SERVICE, LI, due_back=BACK, event_id="evt_1")


def test_out_of_service_says_who_why_since_when_and_until_when() -> None:
    assert (OUT.out, OUT.out_since, OUT.due_back, OUT.by, OUT.reason) == (True, START, BACK, "li", "compressor")
    (event,) = OUT.outbox
    assert (event.event_id, event.type, event.at, event.severity) == (
        "evt_1",
        "cabinet.out_of_service",
        START,
        Severity.INFO,
    )
    assert (event.cabinet, event.case_id, event.seq) == ("03", None, None)
    assert msgspec.json.decode(event.data) == {
        "cabinet": "03",
        "cabinet_name": "鲜奶柜",
        "actor": "li",
        "reason": "compressor",
        "due_back": "2026-11-25T08:00:00Z",
    }


def test_back_in_service_it_is_as_any_other_and_says_so() -> None:
    back = put_back(OUT, CHEN, event_id="evt_2")
    assert (back.out, back.due_back, back.by, back.reason) == (False, None, "chen", "mended")
    assert [event.type for event in back.outbox] == ["cabinet.out_of_service", "cabinet.in_service"]
    assert msgspec.json.decode(back.outbox[1].data)["due_back"] is None


def test_nobody_need_know_when_it_comes_back() -> None:
    assert take_out(IN_SERVICE, LI, due_back=None, event_id="evt_1").due_back is None


@pytest.mark.parametrize("due_back", [START, START - timedelta(seconds=1)])
def test_it_does_not_come_back_before_it_goes(due_back: object) -> None:
    with pytest.raises(RefusalError) as refused:
        take_out(IN_SERVICE, LI, due_back=due_back, event_id="evt_1")  # type: ignore[arg-type]
    assert (refused.value.status, refused.value.code) == (409, "due_back_in_the_past")


def test_what_is_said_twice_is_refused() -> None:
    with pytest.raises(RefusalError) as twice:
        take_out(OUT, CHEN, due_back=None, event_id="evt_2")
    with pytest.raises(RefusalError) as never:
        put_back(IN_SERVICE, CHEN, event_id="evt_2")
    with pytest.raises(RefusalError) as idle:
        maintain(OUT, actor="li", reason="coil", for_s=600.0)
    codes = [error.value.code for error in (twice, never, idle)]
    assert codes == ["already_out_of_service", "not_out_of_service", "out_of_service"]


def test_a_maintenance_window_says_who_and_why_and_ends_by_itself() -> None:
    on = maintain(IN_SERVICE, actor="li", reason="coil", for_s=600.0)
    assert (on.out, on.maintenance_s, on.by, on.reason) == (False, 600.0, "li", "coil")
    assert passed(on, 599.0).maintenance_s == 1.0
    assert passed(on, 600.0).maintenance_s is None
    assert passed(on, 1e9) == passed(passed(on, 600.0), 600.0)


def test_a_maintenance_window_can_be_ended_and_given_anew() -> None:
    on = maintain(IN_SERVICE, actor="li", reason="coil", for_s=600.0)
    assert maintain(passed(on, 500.0), actor="li", reason="fan", for_s=600.0).maintenance_s == 600.0
    assert maintain(on, actor="li", reason="done", for_s=0.0).maintenance_s is None


def test_out_of_service_ends_a_maintenance_window_for_good() -> None:
    on = maintain(IN_SERVICE, actor="li", reason="coil", for_s=600.0)
    out = take_out(on, LI, due_back=None, event_id="evt_1")
    assert out.maintenance_s is None
    assert put_back(out, CHEN, event_id="evt_2").maintenance_s is None


def test_time_changes_nothing_of_what_nobody_works_on() -> None:
    assert passed(IN_SERVICE, 1e6) is IN_SERVICE
    assert passed(OUT, 1e6) is OUT


def test_what_people_said_survives_its_json_form() -> None:
    assert msgspec.json.decode(msgspec.json.encode(OUT), type=Service) == OUT
    assert msgspec.json.encode(IN_SERVICE) == b"{}"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0.0, 500.0), max_size=40))
def test_many_steps_end_a_window_when_their_sum_does(steps: list[float]) -> None:
    state = maintain(IN_SERVICE, actor="li", reason="coil", for_s=3600.0)
    for dt_s in steps:
        state = passed(state, dt_s)
    left_s = 3600.0 - sum(steps)
    assert (state.maintenance_s or 0.0) == pytest.approx(max(left_s, 0.0), abs=1e-6)


MOVES = st.lists(st.sampled_from(["out", "back", "maintain", "time"]), max_size=20)


@settings(max_examples=100, deadline=None)
@given(MOVES)
def test_out_and_back_alternate_in_the_news(moves: list[str]) -> None:
    state = IN_SERVICE
    for number, move in enumerate(moves):
        try:
            if move == "out":
                state = take_out(state, LI, due_back=None, event_id=f"evt_{number}")
            elif move == "back":
                state = put_back(state, CHEN, event_id=f"evt_{number}")
            elif move == "maintain":
                state = maintain(state, actor="li", reason="coil", for_s=60.0)
            else:
                state = passed(state, 30.0)
        except RefusalError:
            continue
        assert not (state.out and state.maintenance_s is not None)
    news = [event.type for event in state.outbox]
    assert news == (["cabinet.out_of_service", "cabinet.in_service"] * len(news))[: len(news)]
    assert state.out is (len(news) % 2 == 1)
