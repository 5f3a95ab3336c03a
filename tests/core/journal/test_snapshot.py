"""SnapshotJournal: what is put comes back, numbers only rise, and the file stays bounded."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.journal import SnapshotJournal
from core.journal.snapshot import COMPACT_LINES
from core.wire import Durability
from tests.core.journal.rigs import (
    Items,
    a_generation,
    a_journal,
    a_line,
    as_left_by_a_kill,
    items,
    lines,
    numbers,
    opened,
    put,
    reopened,
)
from tests.fakes import FakeClock

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "lazy", "delete", "reopen", "tear"]),
        st.sampled_from(["a", "b", "c", '鲜"\n']),
        st.integers(),
    ),
    max_size=25,
)


def test_what_was_put_comes_back(tmp_path: Path) -> None:
    """Every live item with its newest document, oldest change first."""
    path = a_journal(tmp_path, "a", "b")
    with opened(path) as journal:
        put(journal, "a", b'{"again":true}')
    with opened(path) as journal:
        assert [(item_id, document) for item_id, _, document in journal.items()] == [
            ("b", b'"b"'),
            ("a", b'{"again":true}'),
        ]


def test_what_was_deleted_stays_away(tmp_path: Path) -> None:
    """A deleted item is gone at once and after a reopening."""
    path = a_journal(tmp_path, "a", "b")
    with opened(path) as journal:
        journal.wait(journal.delete("a"))
        assert items(journal) == {"b": b'"b"'}
    assert reopened(path) == {"b": b'"b"'}


def test_deleting_what_is_not_there_writes_nothing(tmp_path: Path) -> None:
    """No line, no number."""
    path = a_journal(tmp_path, "a")
    with opened(path) as journal:
        before = journal.seq
        assert journal.delete("b") == before
    assert [line["k"] for line in lines(path)].count("del") == 0


def test_a_forgotten_item_is_gone_at_once_and_from_the_next_generation(tmp_path: Path) -> None:
    """`forget` writes no line; the rewrite leaves the item out."""
    path = a_journal(tmp_path, "a", "b")
    with opened(path) as journal:
        journal.forget("a")
        assert items(journal) == {"b": b'"b"'}
        rewrite(journal)
        assert "a" not in {line["id"] for line in lines(path)}
    assert "a" not in reopened(path)


def rewrite(journal: SnapshotJournal) -> None:
    """Put one item often enough for a compaction."""
    before = journal.health().generation
    for _ in range(COMPACT_LINES + 1):
        n = journal.put("often", b"0")
    journal.wait(n)
    assert journal.health().generation == before + 1


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_a_journal_is_a_dictionary_that_survives(steps: list[tuple[str, str, int]]) -> None:
    """Any sequence of changes, reopenings and torn tails gives what a dict gives; numbers rise over the whole file."""
    model: Items = {}
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "retries.jsonl"
        journal = SnapshotJournal(path, FakeClock())
        for step, item_id, value in steps:
            journal = follow(step, item_id, value, model, journal, path)
            assert items(journal) == model
        journal.close()
        assert reopened(path) == model
        assert numbers(path) == sorted(set(numbers(path)))


def follow(step: str, item_id: str, value: int, model: Items, journal: SnapshotJournal, path: Path) -> SnapshotJournal:
    if step in {"put", "lazy"}:
        model[item_id] = json.dumps({"value": value}).encode()
        journal.put(item_id, model[item_id], lazy=step == "lazy")
    elif step == "delete":
        model.pop(item_id, None)
        journal.delete(item_id)
    else:
        journal.close()
        if step == "tear":
            with path.open("ab") as file:
                file.write(b'{"v":1,"n":9')
        journal = SnapshotJournal(path, FakeClock())
    return journal


def test_numbers_rise_over_rewrites_and_reopenings(tmp_path: Path) -> None:
    """`n` is never given twice, also where a rewrite dropped the lines that had the highest ones."""
    path = a_journal(tmp_path, "a")
    with opened(path) as journal:
        rewrite(journal)
        journal.delete("often")
        last = journal.put("b", b"1")
    with opened(path) as journal:
        assert journal.put("c", b"1") > last
    assert numbers(path) == sorted(set(numbers(path)))


def test_the_file_stays_bounded(tmp_path: Path) -> None:
    """Lines never exceed max(5000, 4 x live) by more than one batch, and nothing is lost over the rewrites."""
    path, batch = tmp_path / "retries.jsonl", 250
    with opened(path) as journal:
        for start in range(0, 12_000, batch):
            for number in range(start, start + batch):
                n = journal.put(str(number % 40), b"%d" % number)
            journal.wait(n)
            assert journal.health().lines <= COMPACT_LINES + batch
            assert len(path.read_bytes().splitlines()) == journal.health().lines
        assert journal.health().generation == 3
    assert reopened(path) == {str(number % 40): b"%d" % number for number in range(11_960, 12_000)}


def test_a_rewrite_keeps_the_generation_before(tmp_path: Path) -> None:
    """`.prev` is the last complete file before the present one."""
    path = a_journal(tmp_path, "a")
    with opened(path) as journal:
        rewrite(journal)
    previous = path.with_name("retries.jsonl.prev")
    assert lines(previous)[0]["d"]["gen"] == 1
    assert lines(path)[0]["d"]["gen"] == 2


def test_members_of_a_newer_program_survive_a_rewrite(tmp_path: Path) -> None:
    """A document is copied as bytes: members and spacing that this program doesn't know stay."""
    path = a_journal(tmp_path, "a")
    document = '{"from_the_future" : {"x":1e400},"柜":  [ ]}'.encode()
    with opened(path) as journal:
        put(journal, "later", document)
        rewrite(journal)
        assert document in path.read_bytes()
    assert reopened(path)["later"] == document


def test_an_unknown_kind_of_line_does_not_stop_the_reading(tmp_path: Path) -> None:
    """A line of another kind is passed over; it is neither damage nor a gap."""
    path = tmp_path / "retries.jsonl"
    path.write_bytes(a_generation("a") + a_line(2, "note", "a", b'{"x":1}') + a_line(3, item_id="b"))
    with opened(path) as journal:
        assert items(journal) == {"a": b'"a"', "b": b'"x"'}
        assert (journal.health().damaged_lines, journal.health().lost_numbers) == (0, 0)


def test_closing_leaves_the_mark_of_a_clean_end(tmp_path: Path) -> None:
    """The last line is `bye`, and the next opening is not an unclean one."""
    path = a_journal(tmp_path, "a")
    assert lines(path)[-1]["k"] == "bye"
    with opened(path) as journal:
        assert not journal.health().unclean_start


def test_closing_writes_what_waited_for_company(tmp_path: Path) -> None:
    """A lazy put right before the end is on disk after it."""
    path = a_journal(tmp_path)
    with opened(path) as journal:
        journal.put("a", b"1", lazy=True)
    assert reopened(path) == {"a": b"1"}


def test_a_killed_process_leaves_an_unclean_start(tmp_path: Path) -> None:
    """Without `bye` the next opening says so, and again after the one that said it was killed too."""
    path = tmp_path / "data" / "retries.jsonl"
    path.parent.mkdir()
    with opened(path) as journal:
        put(journal, "a")
        killed = as_left_by_a_kill(path, tmp_path)
    with opened(killed) as journal:
        assert journal.health().unclean_start
        assert items(journal) == {"a": b'"a"'}
    with opened(killed) as journal:
        assert not journal.health().unclean_start


def test_an_idle_reopening_writes_nothing_but_its_end(tmp_path: Path) -> None:
    """No rewrite at start or stop without a reason: flash wears."""
    path = a_journal(tmp_path, "a")
    before = path.read_bytes()
    with opened(path):
        assert path.read_bytes() == before
    assert path.read_bytes().startswith(before)
    assert len(path.read_bytes().splitlines()) == len(before.splitlines()) + 1


def test_the_epoch_lasts_over_clean_reopenings(tmp_path: Path) -> None:
    """Numbering that goes on keeps its epoch; two journals have different ones."""
    path = a_journal(tmp_path, "a")
    with opened(path) as first, opened(tmp_path / "other.jsonl") as other:
        epoch = first.epoch
        assert other.epoch != epoch
    with opened(path) as again:
        assert again.epoch == epoch


def test_an_id_that_can_not_be_written_changes_nothing(tmp_path: Path) -> None:
    """A lone surrogate is refused to the caller; the journal goes on."""
    path = a_journal(tmp_path, "a")
    with opened(path) as journal:
        before = journal.seq
        with pytest.raises(UnicodeEncodeError):
            journal.put("\ud800", b"1")
        assert journal.seq == before
        put(journal, "b")
        assert journal.health().state is Durability.DURABLE
    assert set(reopened(path)) == {"a", "b"}


def test_files_belong_to_their_owner_alone(tmp_path: Path) -> None:
    """The journal is 0600 and its quarantine 0700, whatever the umask."""
    path = a_journal(tmp_path, "a")
    path.write_bytes(path.read_bytes() + b"torn")
    reopened(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "quarantine").stat().st_mode & 0o777 == 0o700
    assert {kept.stat().st_mode & 0o777 for kept in (tmp_path / "quarantine").iterdir()} == {0o600}
