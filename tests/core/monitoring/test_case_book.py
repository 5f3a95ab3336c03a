"""The case book over a real journal: what it keeps, what it publishes, what it moves to the archive."""

import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from core.errors import RefusalError
from core.events import Severity
from core.journal import Archive, SnapshotJournal
from core.monitoring import cases, handling
from core.monitoring.case_book import CHECKPOINT_S, KEPT_CLOSED, KEPT_OVER, CaseBook
from core.monitoring.cases import Case, Condition, Handling, Kind
from core.monitoring.rules import IDLE, Watch
from tests.core.monitoring.factories import (
    AIR,
    HIGH_KEY,
    START,
    Gate,
    ListPublisher,
    a_book,
    a_case,
    publishing,
    until,
)
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


def closed_case(number: int) -> Case:
    at = START + timedelta(minutes=number)
    case = a_case(case_id=f"case_{number:04}", opened_at=at)
    return structs.replace(case, condition=Condition.CLEARED, handling=Handling.CLOSED, cleared_at=at, closed_at=at)


def archived(directory: Path) -> list[str]:
    lines = [line for file in directory.glob("archive/*.jsonl") for line in file.read_text().splitlines()]
    return [msgspec.json.decode(line)["id"] for line in lines]


async def test_a_case_its_handling_and_its_outbox_survive_a_restart(tmp_path: Path) -> None:
    with a_book(tmp_path, FakeClock()) as book:
        book.put(cases.opened(a_case()))
        before = await book.act(
            "case_1", lambda case, at: handling.acknowledge(case, actor="li", note="on my way", at=at)
        )
    with a_book(tmp_path, FakeClock()) as book:
        assert book.get("case_1") == before
        assert book.current(HIGH_KEY) == before


async def test_what_was_kept_for_a_digest_is_told_after_a_restart(tmp_path: Path) -> None:
    """Who would have told it is gone with the process, and the case may never change again."""
    opened = cases.opened(a_case())
    with a_book(tmp_path, FakeClock()) as book:
        book.put(opened)
        book.put(cases.muffled(opened, cases.cleared(opened, START)))
    with a_book(tmp_path, FakeClock()) as book:
        (_, digest) = book.get("case_1").outbox
        assert (digest.type, digest.seq) == ("case.flapping", 2)
        assert msgspec.json.decode(digest.data)["condition"] == "cleared"
    with a_book(tmp_path, FakeClock()) as book:
        assert book.get("case_1").seq == 2


async def test_a_timer_survives_a_restart(tmp_path: Path) -> None:
    watch = Watch(breaching=True, breach_s=120.0, elapsed_s=130.0, peak=9.5)
    with a_book(tmp_path, FakeClock()) as book:
        book.keep_watch(HIGH_KEY, watch, durable=True)
    with a_book(tmp_path, FakeClock()) as book:
        assert book.watch(HIGH_KEY) == watch


async def test_a_timer_that_fell_back_is_gone_after_a_restart(tmp_path: Path) -> None:
    with a_book(tmp_path, FakeClock()) as book:
        book.keep_watch(HIGH_KEY, Watch(breaching=True, breach_s=120.0), durable=True)
        book.keep_watch(HIGH_KEY, IDLE, durable=True)
    with a_book(tmp_path, FakeClock()) as book:
        assert book.watch(HIGH_KEY) == IDLE


async def test_a_sensor_id_with_a_colon_keeps_its_timer(tmp_path: Path) -> None:
    key = ("bus:3:air", Kind.TEMP_LOW)
    with a_book(tmp_path, FakeClock()) as book:
        book.keep_watch(key, Watch(breaching=True, breach_s=5.0), durable=True)
    with a_book(tmp_path, FakeClock()) as book:
        assert book.watch(key).breach_s == 5.0


async def test_an_item_that_is_not_understood_is_counted_and_kept(tmp_path: Path) -> None:
    journal = SnapshotJournal(tmp_path / "cases.jsonl", FakeClock())
    for item_id in ("case_new", "watch:sun_spots:03.air"):
        journal.put(item_id, b'{"kind":"of a later version"}')
    journal.close()
    with a_book(tmp_path, FakeClock()) as book:
        assert (book.undecodable, book.all()) == (2, [])
    with a_book(tmp_path, FakeClock()) as book:
        assert book.undecodable == 2


async def test_an_unknown_case_is_refused_with_404(tmp_path: Path) -> None:
    with a_book(tmp_path, FakeClock()) as book, pytest.raises(RefusalError) as refused:
        await book.act("case_none", lambda case, at: handling.acknowledge(case, actor="li", note="", at=at))
    assert (refused.value.status, refused.value.code) == (404, "case_not_found")


async def test_what_people_do_is_on_disk_when_they_are_answered(tmp_path: Path) -> None:
    with a_book(tmp_path, FakeClock()) as book:
        book.put(cases.opened(a_case()))
        await book.act(
            "case_1",
            lambda case, at: handling.handle(
                case, actor="wang", action="fan mended", disposition="kept", note="", at=at
            ),
        )
        assert b"fan mended" in (tmp_path / "cases.jsonl").read_bytes()


async def test_an_illegal_move_leaves_the_journal_as_it_is(tmp_path: Path) -> None:
    with a_book(tmp_path, FakeClock()) as book:
        book.put(closed_case(1))
        await asyncio.sleep(0)
        before = book.get("case_0001")
        with pytest.raises(RefusalError):
            await book.act("case_0001", lambda case, at: handling.acknowledge(case, actor="li", note="", at=at))
        assert book.get("case_0001") is before


async def test_what_people_do_to_an_earlier_case_does_not_hide_the_one_that_goes_on(tmp_path: Path) -> None:
    with a_book(tmp_path, FakeClock()) as book:
        book.put(cases.cleared(cases.opened(a_case(case_id="case_old")), START))
        book.put(cases.opened(a_case(case_id="case_new", opened_at=START + timedelta(hours=2))))
        await book.act(
            "case_old",
            lambda case, at: handling.handle(case, actor="wang", action="none", disposition="", note="", at=at),
        )
        current = book.current(HIGH_KEY)
        assert current is not None
        assert current.case_id == "case_new"


async def test_a_case_that_goes_on_is_found_whatever_the_clock_said_when_it_opened(tmp_path: Path) -> None:
    """An earlier case may stand in the future, where the wall clock was wrong at the time."""
    with a_book(tmp_path, FakeClock()) as book:
        book.put(closed_case(60 * 24 * 365))
        book.put(cases.opened(a_case(case_id="case_new")))
    with a_book(tmp_path, FakeClock()) as book:
        current = book.current(HIGH_KEY)
        assert current is not None
        assert current.case_id == "case_new"


async def test_outboxes_go_out_in_order_and_are_empty_afterwards(tmp_path: Path) -> None:
    publisher = ListPublisher()
    with a_book(tmp_path, FakeClock()) as book:
        async with publishing(book, publisher):
            book.put(cases.cleared(cases.opened(a_case()), START))
            await until(lambda: book.get("case_1").outbox == ())
    assert [event.seq for event in publisher.calls] == [1, 2]


async def test_what_a_former_life_did_not_publish_goes_out_first_thing(tmp_path: Path) -> None:
    with a_book(tmp_path, FakeClock()) as book:
        book.put(cases.opened(a_case()))
    publisher = ListPublisher()
    with a_book(tmp_path, FakeClock()) as book:
        async with publishing(book, publisher):
            await until(lambda: book.get("case_1").outbox == ())
    assert [event.event_id for event in publisher.calls] == ["evt_1_1"]


async def test_an_event_that_comes_while_others_are_published_is_not_lost(tmp_path: Path) -> None:
    publisher = Gate()
    with a_book(tmp_path, FakeClock()) as book:
        async with publishing(book, publisher):
            book.put(cases.opened(a_case()))
            await asyncio.sleep(0.02)
            book.put(cases.cleared(book.get("case_1"), START))
            publisher.open.set()
            await until(lambda: book.get("case_1").outbox == ())
    assert [event.event_id for event in publisher.calls] == ["evt_1_1", "evt_1_2"]


class HeldJournal(SnapshotJournal):
    """A journal on a disk that says of each change only when the test lets it that it is safe."""

    safe_upto = 0

    async def settled(self, n: int) -> None:
        while n > self.safe_upto:
            await asyncio.sleep(0)


async def test_only_what_is_on_disk_goes_out(tmp_path: Path) -> None:
    """An event that a kill may still undo must not be known to the queue: its number would be given twice."""
    journal, publisher = HeldJournal(tmp_path / "cases.jsonl", FakeClock()), ListPublisher()
    book = CaseBook(journal, Archive(tmp_path, FakeClock()), FakeClock())
    async with publishing(book, publisher):
        book.put(cases.opened(a_case()))
        await asyncio.sleep(0.01)
        first_n = journal.seq
        book.put(cases.cleared(book.get("case_1"), START))
        assert publisher.calls == []
        journal.safe_upto = first_n
        await asyncio.sleep(0.01)
        assert [event.seq for event in publisher.calls] == [1]
    journal.close()


async def test_closed_cases_beyond_the_kept_ones_move_to_the_archive_of_their_year(tmp_path: Path) -> None:
    publisher = ListPublisher()
    with a_book(tmp_path, FakeClock()) as book:
        for number in range(KEPT_CLOSED + 5):
            book.put(closed_case(number))
        async with publishing(book, publisher):
            await until(lambda: len(book.all()) == KEPT_CLOSED)
    assert archived(tmp_path) == [f"case_{number:04}" for number in (4, 3, 2, 1, 0)]
    assert [file.name for file in tmp_path.glob("archive/*")] == ["cases-2026.jsonl"]


async def test_no_case_disappears_or_stands_in_the_archive_twice_over_restarts(tmp_path: Path) -> None:
    for life in range(3):
        with a_book(tmp_path, FakeClock()) as book:
            for number in range(life * 3, life * 3 + 3 + (KEPT_CLOSED if life == 0 else 0)):
                book.put(closed_case(number + (KEPT_CLOSED if life else 0)))
            async with publishing(book, ListPublisher()):
                await until(lambda book=book: len(book.all()) == KEPT_CLOSED)  # type: ignore[misc]
            kept = [case.case_id for case in book.all()]
    assert sorted(archived(tmp_path) + kept) == [f"case_{number:04}" for number in range(KEPT_CLOSED + 9)]


async def test_a_case_that_still_has_news_to_tell_is_not_archived(tmp_path: Path) -> None:
    publisher = Gate()
    with a_book(tmp_path, FakeClock()) as book:
        over = cases.cleared(cases.opened(a_case(case_id="case_first", opened_at=START)), START)
        book.put(handling.handle(over, actor="wang", action="x", disposition="", note="", at=START))
        for number in range(1, KEPT_CLOSED + 1):
            book.put(closed_case(number))
        async with publishing(book, publisher):
            await asyncio.sleep(0.05)
            assert (len(book.all()), archived(tmp_path)) == (KEPT_CLOSED + 1, [])
            publisher.open.set()
            await until(lambda: archived(tmp_path) == ["case_first"])


async def test_an_archive_that_cannot_be_written_stops_no_news(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file where the directory should be")
    publisher = ListPublisher()
    with a_book(tmp_path, FakeClock()) as book:
        for number in range(KEPT_CLOSED + 1):
            book.put(closed_case(number))
        async with publishing(book, publisher):
            book.put(cases.opened(a_case()))
            await until(lambda: book.get("case_1").outbox == ())
        assert len(book.all()) == KEPT_CLOSED + 2
    assert [event.event_id for event in publisher.calls] == ["evt_1_1"]


async def test_cases_are_listed_newest_first_whatever_the_wall_clock_said(tmp_path: Path) -> None:
    with a_book(tmp_path, FakeClock()) as book:
        for number in (2, 3, 1):
            book.put(closed_case(number))
    with a_book(tmp_path, FakeClock()) as book:
        assert [case.case_id for case in book.all()] == ["case_0001", "case_0003", "case_0002"]


async def test_kinds_and_sensors_have_cases_of_their_own(tmp_path: Path) -> None:
    with a_book(tmp_path, FakeClock()) as book:
        book.put(a_case(case_id="case_fault", kind=Kind.SENSOR_FAULT))
        book.put(a_case(case_id="case_other", sensor="04.air"))
        assert book.current(HIGH_KEY) is None
        assert book.current((AIR, Kind.SENSOR_FAULT)) is not None


async def test_a_case_whose_sensor_moved_to_another_cabinet_is_watched_by_nobody_any_more(tmp_path: Path) -> None:
    with a_book(tmp_path, FakeClock()) as book:
        book.put(cases.opened(a_case()))
        book.retire({HIGH_KEY: "03"}, {"03", "04"})
        assert book.current(HIGH_KEY) is not None
        book.retire({HIGH_KEY: "04"}, {"03", "04"})
        [case] = book.all()
        assert (case.closed, case.closed_because) == (True, "not_watched")


async def test_what_is_over_and_signed_off_by_nobody_does_not_stay_for_ever(tmp_path: Path) -> None:
    clock = FakeClock()
    with a_book(tmp_path, clock) as book:
        for number in range(KEPT_OVER + 3):
            case = cases.opened(a_case(case_id=f"case_{number}", sensor=f"{number}.air"))
            book.put(case)
            book.put(cases.cleared(book.get(case.case_id), START))
        clock.advance(CHECKPOINT_S)
        book.pass_time()
        closed = [case for case in book.all() if case.closed]
        assert [case.case_id for case in reversed(closed)] == ["case_0", "case_1", "case_2"]
        assert {case.closed_because for case in closed} == {"unattended"}


async def test_a_warning_that_gets_critical_calls_whatever_was_done_about_the_warning(tmp_path: Path) -> None:
    clock = FakeClock()
    with a_book(tmp_path, clock) as book:
        book.put(cases.opened(a_case(severity=Severity.WARNING)))
        done = {"actor": "li", "action": "door closed", "disposition": "", "note": ""}
        await book.act("case_1", lambda case, at: handling.record(case, **done, at=at))
        book.put(cases.severity_changed(book.get("case_1"), Severity.CRITICAL, clock.now()))
        clock.advance(901.0)
        book.pass_time()
        case = book.get("case_1")
        assert (case.handling, case.escalations, case.action) == (Handling.NEW, 1, "door closed")


def test_the_number_of_the_newest_change_rises_also_over_a_restart(tmp_path: Path) -> None:
    """With each change that is written down, and not with the course of a case."""
    clock = FakeClock()
    with a_book(tmp_path, clock) as book:
        seen = [book.seq]
        book.put(cases.opened(a_case()))
        seen.append(book.seq)
        book.see(book.get("case_1"))
        assert book.seq == seen[-1]
        book.put(cases.cleared(book.get("case_1"), START))
        seen.append(book.seq)
    with a_book(tmp_path, clock) as book:
        assert book.seq >= seen[-1]
        book.put(cases.closed(book.get("case_1"), START, "handled"))
        seen.append(book.seq)
    assert seen == sorted(set(seen))
