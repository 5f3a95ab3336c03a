"""Opening after an accident: nothing good is lost, nothing bad is kept in the file, no byte is thrown away."""

import os
import re
import socket
import stat
import zlib
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.journal import SnapshotJournal
from core.wire import Durability, JournalHealth
from tests.core.journal.rigs import (
    Items,
    a_generation,
    a_line,
    items,
    lines,
    numbers,
    opened,
    put,
    quarantined,
    reopened,
)

THREE: Items = {"a": b'"a"', "b": b'"b"', "c": b'"c"'}


def a_file(directory: Path, data: bytes, suffix: str = "") -> Path:
    path = directory / f"retries.jsonl{suffix}"
    path.write_bytes(data)
    return path


def health(path: Path) -> JournalHealth:
    with opened(path) as journal:
        return journal.health()


# -- the torn tail -----------------------------------------------------------------------------------------------------


def test_a_line_torn_at_any_byte_loses_nothing_else(tmp_path: Path) -> None:
    """Wherever the last line ends, the others load, its bytes are kept, and the next append is readable."""
    good = a_generation("a", "b", "c")
    last = a_line(4, item_id="d", document='{"柜":"鲜奶"}'.encode())
    for length in range(1, len(last) - 1):
        directory = tmp_path / str(length)
        directory.mkdir()
        path = a_file(directory, good + last[:length])
        with opened(path) as journal:
            assert items(journal) == THREE
            assert journal.health().torn_tails == 1
            put(journal, "e")
        assert quarantined(path) == [last[:length]]
        assert reopened(path) == {**THREE, "e": b'"e"'}
        assert numbers(path) == sorted(set(numbers(path)))


def test_a_whole_last_line_without_its_line_feed_is_accepted(tmp_path: Path) -> None:
    """Its checksum holds, so it counts; the next line does not stick to it."""
    path = a_file(tmp_path, a_generation("a") + a_line(2, item_id="d")[:-1])
    with opened(path) as journal:
        assert items(journal) == {"a": b'"a"', "d": b'"x"'}
        assert journal.health().torn_tails == 0
        put(journal, "e")
    assert set(reopened(path)) == {"a", "d", "e"}
    assert quarantined(path) == []


@pytest.mark.parametrize(
    "tail",
    [
        b"\0" * 4096,
        b"\n\n",
        b"\0\n\0\n",
        '{"v":1,"n":4,"d":"鲜'.encode()[:-1],
        b"\xff\xfe\n",
        a_line(4)[:30] + b"\n" + a_line(5)[:30],
        b'{"v":1,"n":4}\n',
    ],
    ids=["NULs", "empty lines", "NUL lines", "half UTF-8", "no UTF-8", "two torn lines", "no checksum"],
)
def test_a_tail_of_any_kind_is_kept_and_cut_off(tmp_path: Path, tail: bytes) -> None:
    """What stands behind the last good line is torn, whatever it looks like."""
    path = a_file(tmp_path, a_generation("a", "b", "c") + tail)
    with opened(path) as journal:
        assert items(journal) == THREE
        assert (journal.health().torn_tails, journal.health().quarantined_files) == (1, 1)
    assert quarantined(path) == [tail]
    assert lines(path)


def test_a_torn_tail_is_reported_once(tmp_path: Path) -> None:
    """After the repair the next opening finds a sound file, and still knows of the one."""
    path = a_file(tmp_path, a_generation("a") + b"torn")
    assert health(path).torn_tails == 1
    assert (health(path).torn_tails, health(path).quarantined_files) == (1, 1)


def test_every_accident_keeps_its_own_bytes(tmp_path: Path) -> None:
    """A second torn tail never overwrites the first one's copy."""
    path = a_file(tmp_path, a_generation("a"))
    for tail in (b"one", b"two"):
        path.write_bytes(a_generation("a") + tail)
        reopened(path)
    assert sorted(quarantined(path)) == [b"one", b"two"]


# -- damage in the middle ----------------------------------------------------------------------------------------------


def test_a_damaged_middle_line_costs_only_itself(tmp_path: Path) -> None:
    """All other items load, the whole old file is kept byte for byte, and the health says so."""
    damaged = a_generation("a") + a_line(2, item_id="d").replace(b'"d"', b'"D"', 1) + a_line(3, item_id="e")
    path = a_file(tmp_path, damaged)
    with opened(path) as journal:
        assert items(journal) == {"a": b'"a"', "e": b'"x"'}
        said = journal.health()
    assert (said.damaged_lines, said.lost_numbers, said.quarantined_files) == (1, 1, 1)
    assert quarantined(path) == [damaged]


def test_the_kept_file_does_not_change_any_more(tmp_path: Path) -> None:
    """The journal goes on in a new file; the damaged one is not written again."""
    damaged = a_generation("a") + b"damage\n" + a_line(3, item_id="e")
    path = a_file(tmp_path, damaged)
    with opened(path) as journal:
        put(journal, "f")
    assert quarantined(path) == [damaged]
    assert set(reopened(path)) == {"a", "e", "f"}


def test_a_damaged_file_does_not_become_the_previous_generation(tmp_path: Path) -> None:
    """`.prev` stays the last good one."""
    path = a_file(tmp_path, a_generation("a", gen=2) + b"damage\n" + a_line(3, item_id="e"))
    previous = a_file(tmp_path, a_generation("a"), ".prev")
    reopened(path)
    assert previous.read_bytes() == a_generation("a")


def test_damage_ends_the_epoch(tmp_path: Path) -> None:
    """Numbers of lost lines are given out anew, so whoever asks by number must ask again for everything."""
    path = a_file(tmp_path, a_generation("a", epoch="old") + b"damage\n" + a_line(3, item_id="e"))
    with opened(path) as journal:
        assert journal.epoch != "old"


def test_a_damaged_head_brings_no_deleted_item_back(tmp_path: Path) -> None:
    """The previous generation stands in, and what the file itself still says goes over it: ends too."""
    previous = a_generation("a", "b", "c") + a_line(4, "del", "a", b"null")
    head, *rest = (a_generation("b", "c", first_n=2, gen=2) + a_line(5, "del", "b", b"null")).splitlines(keepends=True)
    a_file(tmp_path, previous, ".prev")
    path = a_file(tmp_path, head.replace(b"head", b"HEAD") + b"".join(rest) + a_line(6, item_id="d"))
    assert reopened(path) == {"c": b'"c"', "d": b'"x"'}


def test_an_item_lost_from_a_new_generation_comes_from_the_one_before(tmp_path: Path) -> None:
    """Lines appended later don't hide that one of the announced items is damaged."""
    a_file(tmp_path, a_generation("a", "b", "c"), ".prev")
    head, a, b, c = a_generation("a", "b", "c", gen=2).splitlines(keepends=True)
    path = a_file(tmp_path, head + a + b.replace(b'"b"', b'"x"') + c + a_line(4, item_id="d") + a_line(5, item_id="e"))
    assert reopened(path) == {**THREE, "d": b'"x"', "e": b'"x"'}


@pytest.mark.parametrize("data", [b"\0" * 300, b"garbage\n" * 5, b"{}\n"], ids=["NULs", "garbage", "other JSON"])
def test_a_file_without_one_good_line_is_kept_whole(tmp_path: Path, data: bytes) -> None:
    """It starts empty, keeps every byte and says that something is wrong."""
    path = a_file(tmp_path, data)
    with opened(path) as journal:
        assert items(journal) == {}
        assert journal.health().damaged_lines >= 1
        put(journal, "a")
    assert quarantined(path) == [data]
    assert reopened(path) == {"a": b'"a"'}


# -- siblings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("present", [b"", None], ids=["empty", "missing"])
def test_the_previous_generation_stands_in(tmp_path: Path, present: bytes | None) -> None:
    """Beside a `.prev` nothing starts empty; the health says that a file was lost."""
    a_file(tmp_path, a_generation("a", "b", "c", epoch="old"), ".prev")
    path = tmp_path / "retries.jsonl"
    if present is not None:
        path.write_bytes(present)
    with opened(path) as journal:
        assert items(journal) == THREE
        assert (journal.health().damaged_lines, journal.health().unclean_start) == (1, True)
        assert journal.epoch != "old"
        put(journal, "d")
    assert set(reopened(path)) == {"a", "b", "c", "d"}


def test_an_empty_file_does_not_take_the_place_of_a_good_previous_one(tmp_path: Path) -> None:
    """Until the repair is on disk, `.prev` is the only copy."""
    previous = a_file(tmp_path, a_generation("a"), ".prev")
    reopened(a_file(tmp_path, b""))
    assert previous.read_bytes() == a_generation("a")


def test_a_complete_new_generation_is_used_where_no_other_is(tmp_path: Path) -> None:
    """A power cut between the sync of `.new` and its renaming, with the others lost."""
    a_file(tmp_path, a_generation("a", "b", "c"), ".new")
    path = a_file(tmp_path, b"")
    assert reopened(path) == THREE
    assert not path.with_name("retries.jsonl.new").exists()


@pytest.mark.parametrize(
    "stale",
    [a_generation("a", "old"), a_generation("a", "x", "y", "z", gen=2)[:-30], b"", b"\0" * 50],
    ids=["older", "incomplete", "empty", "NULs"],
)
def test_a_left_over_new_generation_is_ignored_and_removed(tmp_path: Path, stale: bytes) -> None:
    """Beside a complete file nothing of `.new` counts."""
    path = a_file(tmp_path, a_generation("a", "b", "c"))
    new = a_file(tmp_path, stale, ".new")
    assert reopened(path) == THREE
    assert not new.exists()


def test_an_incomplete_new_generation_does_not_hide_the_previous_one(tmp_path: Path) -> None:
    """`.new` that was torn while it was written gives way to `.prev`."""
    a_file(tmp_path, a_generation("a", "b", "c"), ".prev")
    a_file(tmp_path, a_generation("x", "y", gen=2)[:-20], ".new")
    assert reopened(tmp_path / "retries.jsonl") == THREE


def test_a_sound_file_does_not_depend_on_its_siblings(tmp_path: Path) -> None:
    """An unreadable `.prev` (here a directory) is no reason not to start."""
    path = a_file(tmp_path, a_generation("a", "b", "c"))
    path.with_name("retries.jsonl.prev").mkdir()
    assert reopened(path) == THREE


def test_a_first_start_is_no_accident(tmp_path: Path) -> None:
    """No file at all is an empty journal with nothing to report."""
    said = health(tmp_path / "retries.jsonl")
    assert (said.damaged_lines, said.torn_tails, said.unclean_start) == (0, 0, False)
    assert said.state is Durability.DURABLE


NEWER = a_line(1).replace(b'"v":1', b'"v":2')


def framed(line: bytes) -> bytes:
    """The same line with a checksum that fits."""
    body = line.rpartition(b',"crc":"')[0]
    return b'%s,"crc":"%08x"}\n' % (body, zlib.crc32(body))


@pytest.mark.parametrize(
    "data",
    [
        framed(NEWER),
        a_generation("a") + framed(NEWER),
        framed(NEWER) + b"torn",
        b'{"v":2,"seq":1,"crc":"another checksum"}\n',
    ],
    ids=["alone", "behind ours", "with a torn tail", "in another form"],
)
def test_a_newer_version_is_refused_and_untouched(tmp_path: Path, data: bytes) -> None:
    """The journal works in memory and says why; the file and its directory stay as they are."""
    path = a_file(tmp_path, data)
    with opened(path) as journal:
        put(journal, "x")
        told = journal.health()
    assert (told.state, told.degraded) == (Durability.MEMORY_ONLY, True)
    assert re.search(r"retries\.jsonl.*newer version \(format 2\)", told.reason or "")
    assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["retries.jsonl"]


def test_a_newer_previous_generation_is_refused_where_it_is_needed(tmp_path: Path) -> None:
    """Without a file of ours, a later program's `.prev` is not overwritten."""
    previous = a_file(tmp_path, framed(NEWER), ".prev")
    with opened(tmp_path / "retries.jsonl") as journal:
        put(journal, "x")
        assert "newer version" in (journal.health().reason or "")
    assert previous.read_bytes() == framed(NEWER)


@pytest.mark.parametrize("kind", ["directory", "pipe", "link", "hanging link", "socket"])
def test_what_is_no_file_is_put_aside(tmp_path: Path, kind: str) -> None:
    """The generation before stands in; the object itself is in quarantine as it was, and nothing behind a link changes."""
    path, target = tmp_path / "retries.jsonl", tmp_path / "elsewhere"
    a_file(tmp_path, a_generation("a", "b", "c"), ".prev")
    if kind == "directory":
        path.mkdir()
        (path / "inside").write_bytes(b"kept")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    else:
        path.symlink_to(target)
        if kind == "link":
            target.write_bytes(a_generation("strange"))
    mode = stat.S_IFMT(path.lstat().st_mode)
    with opened(path) as journal:
        assert items(journal) == THREE
        assert (journal.health().state, journal.health().degraded) == (Durability.DURABLE, True)
        put(journal, "d")
    [kept] = tmp_path.glob("quarantine/*.bad")
    assert stat.S_IFMT(kept.lstat().st_mode) == mode
    assert kind != "directory" or (kept / "inside").read_bytes() == b"kept"
    assert kind != "link" or target.read_bytes() == a_generation("strange")
    assert set(reopened(path)) == {"a", "b", "c", "d"}


def test_a_quarantine_that_can_not_be_written_does_not_stop_the_start(tmp_path: Path) -> None:
    """The items are there, in memory only, and the damaged file stands untouched until its bytes can be kept."""
    (tmp_path / "quarantine").write_bytes(b"a file in the directory's place")
    torn = a_generation("a", "b", "c") + b"torn"
    path = a_file(tmp_path, torn)
    with opened(path) as journal:
        assert items(journal) == THREE
        assert journal.health().state is Durability.MEMORY_ONLY
        put(journal, "d")
        assert path.read_bytes() == torn
        (tmp_path / "quarantine").unlink()
    assert quarantined(path) == [b"torn"]
    assert set(reopened(path)) == {"a", "b", "c", "d"}


def test_a_line_nested_beyond_reason_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "retries.jsonl"
    journal = SnapshotJournal(path, SystemClock())
    journal.wait(journal.put("a", b"1"))
    journal.wait(journal.put("deep", b"[" * 100_000 + b"]" * 100_000))
    journal.wait(journal.put("b", b"2"))
    journal.close()
    again = SnapshotJournal(path, SystemClock())
    assert {"a", "b"} <= {item_id for item_id, _, _ in again.items()}
    again.close()
