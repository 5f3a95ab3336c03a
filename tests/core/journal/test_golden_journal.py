"""Journals as the first release wrote them still load, with all they held, and are carried over line by line."""

import json
import shutil
from pathlib import Path

import pytest

from core.monitoring.cases import Condition, Handling, Kind
from core.wire import Durability
from tests.core.journal.rigs import opened, quarantined
from tests.core.monitoring.factories import AIR, HIGH_KEY, a_book
from tests.core.webhooks.factories import a_box
from tests.fakes import FakeClock

GOLDEN = Path(__file__).parent / "golden"
JOURNALS = ["retries", "cases"]


def a_copy(name: str, directory: Path) -> Path:
    return Path(shutil.copy(GOLDEN / f"{name}-v1.jsonl", directory / f"{name}.jsonl"))


def newest(path: Path) -> dict[str, bytes]:
    """The last line about each item, as it stands."""
    told = [(json.loads(line), line) for line in path.read_bytes().splitlines()]
    return {one["id"]: line for one, line in told if one["k"] == "put"}


@pytest.mark.parametrize("name", JOURNALS)
def test_it_is_opened_without_a_word_of_damage(tmp_path: Path, name: str) -> None:
    path = a_copy(name, tmp_path)
    with opened(path) as journal:
        told = journal.health()
    assert (told.state, told.degraded, told.unclean_start) == (Durability.DURABLE, False, False)
    assert (told.generation, told.live) == (1, len(newest(path)))


@pytest.mark.parametrize("name", JOURNALS)
def test_a_rewrite_carries_every_item_over_byte_for_byte(tmp_path: Path, name: str) -> None:
    path = a_copy(name, tmp_path)
    before = newest(path)
    path.write_bytes(path.read_bytes() + b"torn")
    for generation in (2, 3):
        with opened(path) as journal:
            assert journal.health().generation == generation
        assert newest(path) == before
        path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    assert quarantined(path) == [b"torn"]


def test_the_deliveries_are_what_they_were(tmp_path: Path) -> None:
    a_copy("retries", tmp_path)
    with a_box(tmp_path, endpoints=("hq", "总部备用")) as box:
        found = [
            (one.ordinal, one.event_id, one.endpoint, str(one.status), one.attempts, one.dead_letter_reason, one.actor)
            for one in box.known().values()
        ]
        assert box.queue.known.undecodable == 0
    assert sorted(found) == [
        (1, "evt_delivered", "hq", "delivered", 1, None, None),
        (2, "evt_dead", "hq", "dead_letter", 2, "max_attempts", None),
        (3, "evt_archived", "hq", "archived", 2, "max_attempts", None),
        (4, "evt_cancelled", "hq", "cancelled", 0, None, "王师傅"),
        (5, "evt_evicted", "hq", "dead_letter", 0, "evicted", None),
        (6, "evt_requeued", "hq", "pending", 2, None, "王师傅"),
        (7, "evt_tried", "hq", "pending", 2, None, None),
        (8, "evt_case_1_1", "总部备用", "pending", 0, None, None),
    ]


def test_bodies_and_attempts_are_what_they_were(tmp_path: Path) -> None:
    a_copy("retries", tmp_path)
    with a_box(tmp_path, endpoints=("hq", "总部备用")) as box:
        known = {one.event_id: one for one in box.known().values()}
    assert bytes(known["evt_case_1_1"].body).decode() == '{"type":"case.opened","data":{"cabinet_name":"鲜奶柜"}}'
    assert [(one.number, str(one.trigger), one.http_status, one.excerpt) for one in known["evt_dead"].history] == [
        (1, "auto", None, ""),
        (2, "auto", 503, "系统维护中"),
    ]
    assert [(str(one.trigger), str(one.error_class)) for one in known["evt_tried"].history] == [
        ("auto", "http_5xx"),
        ("manual", "connect"),
    ]
    assert known["evt_archived"].history == ()
    assert (known["evt_tried"].cabinet, known["evt_case_1_1"].case_id, known["evt_case_1_1"].seq) == ("03", "case_1", 1)


def test_the_accounts_add_up(tmp_path: Path) -> None:
    a_copy("retries", tmp_path)
    with a_box(tmp_path) as box:
        books = box.queue.known.accounts()
    assert (books.accepted, books.delivered, books.pending, books.dead_letter, books.cancelled) == (8, 1, 3, 3, 1)
    assert (books.archived, books.unaccounted) == (1, 0)


def test_the_cases_are_what_they_were(tmp_path: Path) -> None:
    a_copy("cases", tmp_path)
    with a_book(tmp_path, FakeClock()) as book:
        fault, second, first = book.all()
        assert book.undecodable == 0
        assert book.current(HIGH_KEY) == second
    assert (first.kind, first.condition, first.handling) == (Kind.TEMP_HIGH, Condition.CLEARED, Handling.CLOSED)
    assert (first.cabinet_name, first.action) == ("鲜奶柜", "门已关好")
    assert (first.disposition, first.note, first.peak) == ("移至备用柜", "门封条老化", 9.0)
    assert [event.seq for event in first.outbox] == [1, 2, 3, 4]
    assert first.steps == ()  # kept since a later version
    assert (second.handling, second.note, len(second.outbox)) == (Handling.ACKNOWLEDGED, "在路上", 2)
    assert (fault.kind, fault.handling, fault.fault) == (Kind.SENSOR_FAULT, Handling.NEW, "no_answer")


def test_the_timers_go_on_where_they_stood(tmp_path: Path) -> None:
    a_copy("cases", tmp_path)
    with a_book(tmp_path, FakeClock()) as book:
        high, fault = book.watch(HIGH_KEY), book.watch((AIR, Kind.SENSOR_FAULT))
    assert (high.breaching, high.breach_s, high.peak, str(high.severity)) == (True, 600.0, 9.0, "critical")
    assert str(fault.severity) == "warning"
