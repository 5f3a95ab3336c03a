"""Out of service, maintenance, shelves, escalation: what people say of cabinets and cases, and what happens if not."""

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs

from core.events import EventType, Severity
from core.monitoring import cases, handling, service
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Case, Condition, Handling, Kind
from core.monitoring.course import Hold
from core.monitoring.service import Mover
from core.settings import Cabinet, Limits
from core.settings import Monitor as Patience
from tests.core.monitoring.factories import (
    AIR,
    HIGH_KEY,
    START,
    Bench,
    a_book,
    a_case,
)
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

WARNING = Cabinet(id="03", limits=Limits(warn_high=6.0, high=20.0), alarm_delay_s=600.0, clear_delay_s=60.0)
MINUTE = 6  # values of the bench
LONGEST_S = 75 * 60.0


async def take_out(book: CaseBook) -> None:
    mover = Mover(cabinet="03", name="", actor="li", reason="new fan", at=START)
    await book.serve("03", lambda now, _: service.take_out(now, mover, due_back=None, event_id="evt_out"), actor="li")


async def put_back(book: CaseBook) -> None:
    mover = Mover(cabinet="03", name="", actor="li", reason="", at=START)
    await book.serve("03", lambda now, _: service.put_back(now, mover, event_id="evt_in"), actor="li")


async def maintain(book: CaseBook, for_s: float) -> None:
    await book.serve("03", lambda now, _: service.maintain(now, actor="li", reason="fan", for_s=for_s), actor="li")


async def acknowledge(book: CaseBook, case: Case) -> None:
    await book.act(case.case_id, lambda now, at: handling.acknowledge(now, actor="li", note="", at=at))


async def shelve(book: CaseBook, case: Case, for_s: float) -> None:
    await book.act(case.case_id, lambda now, at: handling.shelve(now, actor="li", for_s=for_s, note="load", at=at))


def breach(bench: Bench) -> None:
    """Open a case, while the beat runs."""
    wait(bench, 10.2)


def wait(bench: Bench, minutes: float, value: float = 9.0) -> None:
    for _ in range(int(minutes * MINUTE)):
        bench.hear(value)
        bench.pass_time()


async def test_out_of_service_closes_every_case_with_its_reason(bench: Bench) -> None:
    bench.breach()
    bench.fail()
    await take_out(bench.book)
    assert {(case.kind, case.handling, case.closed_because, case.actor) for case in bench.book.all()} == {
        (Kind.TEMP_HIGH, Handling.CLOSED, "out_of_service", "li"),
        (Kind.SENSOR_FAULT, Handling.CLOSED, "out_of_service", "li"),
    }


async def test_out_of_service_judges_nothing_and_shows_everything(bench: Bench) -> None:
    await take_out(bench.book)
    wait(bench, 60, 30.0)
    bench.fail()
    bench.hear(28.0)
    (post,) = bench.monitor.posts
    assert (post.last_value, post.reading and post.reading.value) == (28.0, 28.0)
    for _ in range(400):
        bench.pass_time(1.0)
    assert post.silent
    assert bench.book.all() == []


async def test_back_in_service_a_breach_counts_from_its_first_minute_there(bench: Bench) -> None:
    wait(bench, 9)
    await take_out(bench.book)
    wait(bench, 5)
    await put_back(bench.book)
    wait(bench, 10)
    assert bench.cases() == []
    wait(bench, 0.5)
    assert bench.case().started_at == bench.case().opened_at - timedelta(seconds=600)
    assert 600.0 <= bench.case().duration_s <= 630.0


async def test_out_and_back_between_two_values_judges_what_goes_on_anew(bench: Bench) -> None:
    bench.breach()
    await take_out(bench.book)
    await put_back(bench.book)
    wait(bench, 11)
    assert [case.condition for case in bench.cases()] == [Condition.ACTIVE, Condition.ACTIVE]
    assert [case.handling for case in bench.cases()] == [Handling.NEW, Handling.CLOSED]


async def test_a_timer_of_a_sensor_that_was_silent_while_out_of_service_starts_anew(bench: Bench) -> None:
    wait(bench, 9)
    await take_out(bench.book)
    bench.pass_time(60.0)
    await put_back(bench.book)
    wait(bench, 3)
    assert bench.cases() == []


@pytest.mark.parametrize("stale_before", [False, True])
async def test_a_sensor_that_died_out_of_service_is_found_when_it_is_back(bench: Bench, stale_before: bool) -> None:
    bench.hear(4.0)
    if stale_before:
        bench.silence(301)
    await take_out(bench.book)
    bench.silence(1000)
    await put_back(bench.book)
    bench.silence(299)
    assert [case for case in bench.cases(Kind.SENSOR_STALE) if not case.closed] == []
    bench.silence(3)
    assert len([case for case in bench.cases(Kind.SENSOR_STALE) if not case.closed]) == 1


async def test_a_stale_case_that_was_closed_by_force_comes_again_where_the_sensor_stays_dead(bench: Bench) -> None:
    bench.hear(4.0)
    bench.silence(301)
    await bench.book.act(
        bench.case(Kind.SENSOR_STALE).case_id,
        lambda case, at: handling.close(
            case, actor="li", reason=handling.Reason.FALSE_ALARM, note="?", force=True, at=at
        ),
    )
    bench.silence(299)
    assert len(bench.cases(Kind.SENSOR_STALE)) == 1
    bench.silence(10)
    assert [case.handling for case in bench.cases(Kind.SENSOR_STALE)] == [Handling.NEW, Handling.CLOSED]


async def test_a_sensor_heard_again_after_a_restart_has_nothing_left_of_its_stale_case(tmp_path: Path) -> None:
    clock = FakeClock()
    with a_book(tmp_path, clock) as book:
        bench = Bench(book, clock)
        bench.silence(302)
    with a_book(tmp_path, clock) as book:
        bench = Bench(book, clock)
        bench.hear(4.0)
        assert bench.case(Kind.SENSOR_STALE).condition is Condition.CLEARED
        assert book.watch((AIR, Kind.SENSOR_STALE)).severity is None


async def test_maintenance_lengthens_the_delay_and_ends_by_itself(bench: Bench) -> None:
    await maintain(bench.book, 1800.0)
    wait(bench, 30)
    assert bench.cases() == []
    assert bench.book.watch(HIGH_KEY).hold is Hold.MAINTENANCE
    wait(bench, 6)
    assert bench.book.service("03").maintenance_s is None
    assert bench.case().severity is Severity.CRITICAL


@pytest.mark.parametrize("before_min", [0, 5])
async def test_maintenance_holds_no_alarm_beyond_75_min_from_the_first_minute_above_the_limit(
    bench: Bench, before_min: int
) -> None:
    wait(bench, before_min)
    for _ in range(2):  # saying it again buys no more time
        await maintain(bench.book, 28_800.0)
        wait(bench, 37 - before_min / 2)
    assert bench.cases() == []
    wait(bench, 1.5)
    case = bench.case()
    assert LONGEST_S <= case.duration_s <= LONGEST_S + 60.0


async def test_maintenance_ended_by_hand_no_longer_holds(bench: Bench) -> None:
    await maintain(bench.book, 28_800.0)
    wait(bench, 20)
    await maintain(bench.book, 0.0)
    wait(bench, 5)
    assert len(bench.cases()) == 1


async def test_an_unacknowledged_critical_case_calls_after_15_min_and_again_and_again(bench: Bench) -> None:
    breach(bench)
    calls: list[int] = []
    for minute in range(1, 24 * 60):
        wait(bench, 1)
        if bench.case().escalations > len(calls):
            calls.append(minute)
    assert calls == pytest.approx([15, 75, 195, 435, 915], abs=1)


async def test_a_day_is_the_longest_between_two_calls(bench: Bench) -> None:
    case = structs.replace(cases.opened(a_case()), escalations=500, waiting_s=86_395.0)
    after = handling.waited(case, 10.0, Patience(), START)
    assert after.outbox[-1].type is EventType.CASE_ESCALATED


async def test_what_is_for_information_calls_nobody(book: CaseBook, clock: FakeClock) -> None:
    book.put(cases.opened(a_case(severity=Severity.INFO)))
    clock.advance(1e6)
    book.pass_time()
    assert book.all()[0].escalations == 0


async def test_an_acknowledgement_expires_after_an_hour_while_it_goes_on(bench: Bench) -> None:
    breach(bench)
    await acknowledge(bench.book, bench.case())
    wait(bench, 59.5)
    assert bench.case().handling is Handling.ACKNOWLEDGED
    wait(bench, 1)
    assert (bench.case().handling, bench.case().escalations) == (Handling.NEW, 1)
    assert bench.told()[-1] == "case.escalated"


async def test_what_is_over_or_in_hand_calls_nobody(bench: Bench) -> None:
    bench.breach()
    await bench.book.act(
        bench.case().case_id,
        lambda case, at: handling.record(case, actor="li", action="fan", disposition="", note="", at=at),
    )
    wait(bench, 200)
    assert bench.case().escalations == 0


async def test_a_shelved_case_calls_nobody_and_comes_back_by_itself(book: CaseBook, clock: FakeClock) -> None:
    bench = Bench(book, clock, WARNING)
    breach(bench)
    await acknowledge(book, bench.case())
    await shelve(book, bench.case(), 7200.0)
    wait(bench, 119)
    assert (bench.case().escalations, bench.told()[-1]) == (0, "case.shelved")
    wait(bench, 2)
    assert (bench.case().shelved_s, bench.told()[-1]) == (None, "case.unshelved")


async def test_a_shelved_warning_that_gets_critical_is_off_the_shelf_and_calls(
    book: CaseBook, clock: FakeClock
) -> None:
    bench = Bench(book, clock, WARNING)
    breach(bench)
    await shelve(book, bench.case(), 28_800.0)
    wait(bench, 11, 25.0)
    assert (bench.case().shelved_s, bench.case().severity) == (None, Severity.CRITICAL)
    wait(bench, 16, 25.0)
    assert bench.told()[-1] == "case.escalated"


async def test_what_was_shelved_after_it_cleared_is_not_when_it_comes_back_critical(
    book: CaseBook, clock: FakeClock
) -> None:
    bench = Bench(book, clock, WARNING)
    breach(bench)
    bench.recover()
    await shelve(book, bench.case(), 28_800.0)
    wait(bench, 28, 25.0)
    assert (bench.case().severity, bench.case().shelved_s) == (Severity.CRITICAL, None)
    assert bench.case().escalations == 1


def test_out_of_service_survives_a_kill_before_its_cases_are_closed(tmp_path: Path) -> None:
    clock = FakeClock()
    with a_book(tmp_path, clock) as book:
        Bench(book, clock).breach()
        mover = Mover(cabinet="03", name="", actor="li", reason="", at=START)
        out = service.take_out(service.IN_SERVICE, mover, due_back=None, event_id="evt_out")
        book._outbox.put("cabinet:03", out)
    with a_book(tmp_path, clock) as book:
        bench = Bench(book, clock)
        bench.hear(9.0)
        assert bench.case().closed_because == "out_of_service"
        assert bench.monitor.posts[0].last_value == 9.0
