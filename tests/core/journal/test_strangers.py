"""Files of somebody else, of a newer program, of an older time, or behind a disk that can't be read."""

import os
import stat
from pathlib import Path

import pytest

from core.journal.lines import Head, Numbered, generation
from core.wire import Durability
from tests.core.journal.damage import a_file, everything, framed, health, reports
from tests.core.journal.rigs import (
    T,
    a_generation,
    a_line,
    child,
    items,
    lines,
    needs_strace,
    opened,
    output,
    put,
    quarantined,
    reopened,
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")

DAMAGED = a_generation("a", "b") + b"damage\n" + a_line(4, item_id="c")

# -- what may not be touched, and whose it is --------------------------------------------------------------------------


@needs_root
def test_a_file_of_somebody_else_is_copied_and_kept_as_it_was(tmp_path: Path) -> None:
    path = a_file(tmp_path, a_generation("a", "b"))
    os.chown(path, 12345, 12345)
    with opened(path) as journal:
        assert set(items(journal)) == {"a", "b"}
        assert (journal.health().state, journal.health().unacknowledged) == (Durability.DURABLE, 1)
    assert path.stat().st_uid == os.geteuid()
    assert (stat.S_IMODE(path.stat().st_mode), quarantined(path)) == (0o600, [a_generation("a", "b")])
    assert [told["reason"] for told in reports(path)] == ["foreign_owner"]


READING = """
import pathlib, sys
from core.journal import SnapshotJournal
from tests.fakes import FakeClock
journal = SnapshotJournal(pathlib.Path(sys.argv[1]), FakeClock())
journal.wait(journal.put("x", b"1"))
told = journal.health()
print(told.state, told.degraded, told.reason)
journal.close()
"""


@needs_strace
def test_a_disk_that_can_not_be_read_is_not_written(tmp_path: Path) -> None:
    """An I/O error says nothing of what the file holds: it works in memory, says why, and no byte and no time changes."""
    path = a_file(tmp_path, DAMAGED)
    a_file(tmp_path, a_generation("a"), ".prev")
    before = everything(tmp_path)
    strace = ("strace", "-f", "-o", os.devnull, "-P", str(path), "-e", "trace=read", "-e", "inject=read:error=EIO")
    said = output(child(READING, str(path), under=strace))
    assert said.startswith("memory_only True")
    assert "can't be read (Input/output error)" in said
    assert everything(tmp_path) == before
    assert set(reopened(path)) == {"a", "b", "c"}


def test_what_only_a_newer_program_understands_survives_byte_for_byte(tmp_path: Path) -> None:
    """A kind, a member of a line and a member of the head, of the same major version, over two rewrites."""
    head, *rest = a_generation("a").splitlines(keepends=True)
    head = framed(head.replace(b'"epoch"', '"门店":{"no":[1,2]},"epoch"'.encode()))
    note = framed(a_line(2, "note", "later", '{"注":"新"}'.encode()))
    signed = framed(a_line(3, "put", "b", b'{"x":1}').replace(b'"d":', b'"sig":"abc","d":'))
    path = a_file(tmp_path, head + b"".join(rest) + note + signed)
    for _ in range(2):
        path.write_bytes(path.read_bytes() + b"torn")
        assert reopened(path) == {"a": b'"a"', "b": b'{"x":1}'}
    written = path.read_bytes().splitlines(keepends=True)
    assert [note, signed] == [line for line in written if b"note" in line or b"sig" in line]
    assert lines(path)[0]["d"]["门店"] == {"no": [1, 2]}
    assert lines(path)[0]["d"]["gen"] == 3


def test_a_higher_major_version_is_never_rewritten(tmp_path: Path) -> None:
    """Whatever is put, however often it is started: neither the file nor anything beside it changes."""
    later = framed(a_line(1, document='{"未来":1}'.encode()).replace(b'"v":1', b'"v":2'))
    path = a_file(tmp_path, later + b"torn")
    a_file(tmp_path, a_generation("a"), ".prev")
    before = everything(tmp_path)
    for _ in range(2):
        with opened(path) as journal:
            put(journal, "x")
            assert (journal.health().state, journal.health().degraded) == (Durability.MEMORY_ONLY, True)
    assert everything(tmp_path) == before


# -- an old block of the card ------------------------------------------------------------------------------------------


def test_an_end_among_the_announced_lines_hides_no_missing_one(tmp_path: Path) -> None:
    """No generation lists an end, so one that stands there is of an older one, and the count of items is not met by it."""
    a_file(tmp_path, a_generation("a", "b", "c"), ".prev")
    head, a, _, c = a_generation("a", "b", "c", gen=2).splitlines(keepends=True)
    path = a_file(tmp_path, head + a + a_line(2, "del", "z", b"null") + c)
    assert set(reopened(path)) == {"a", "b", "c"}
    assert health(path).degraded


def test_a_doubled_line_of_a_newer_kind_hides_no_missing_one(tmp_path: Path) -> None:
    note = a_line(1, "note", "later", b"1")
    a_file(tmp_path, a_generation("a", "b", first_n=2), ".prev")
    head, _, _, b = a_generation("x", "a", "b", gen=2).splitlines(keepends=True)
    path = a_file(tmp_path, head + note + b + note)
    assert set(reopened(path)) == {"a", "b"}


def test_the_head_of_an_older_generation_hides_nothing_that_the_one_before_holds(tmp_path: Path) -> None:
    """The first block of the file is an old one; its head announces nothing, and nothing seems to be missing."""
    a_file(tmp_path, a_generation("a", "b", "c", gen=2), ".prev")
    path = a_file(tmp_path, a_generation() + b"half a line\n" + a_line(4, item_id="d"))
    assert set(reopened(path)) == {"a", "b", "c", "d"}


def test_a_line_too_many_among_the_announced_ones_is_told(tmp_path: Path) -> None:
    listed = [(2, a_line(2, item_id="a")), (8, a_line(8, item_id="b"))]
    head, a, b = generation_of(listed)
    path = a_file(tmp_path, head + a + a_line(5, item_id="ended long ago") + b)
    assert health(path).degraded


def test_a_cut_behind_the_head_is_an_unclean_start(tmp_path: Path) -> None:
    assert health(a_file(tmp_path, a_generation())).unclean_start


def generation_of(listed: list[Numbered]) -> list[bytes]:
    head = Head(gen=1, epoch="e", items=len(listed), upto=listed[-1][0])
    return b"".join(generation(head, b"{}", listed, T)).splitlines(keepends=True)
