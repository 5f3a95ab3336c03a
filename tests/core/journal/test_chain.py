"""The chain: whoever edits, removes or puts in anything is found, for good; and what a kill leaves behind is not held against us."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.journal.chain import NOTHING, Chain, ChainLog, read_chain
from core.journal.lines import encode_line
from tests.core.journal.damage import framed
from tests.core.journal.rigs import T, numbers
from tests.fakes import FakeClock

Change = Callable[[list[bytes]], list[bytes]]
LINES = 5


def a_chain(directory: Path, lines: int = LINES) -> Path:
    path = directory / "audit.jsonl"
    log = ChainLog(path, FakeClock())
    for number in range(lines):
        log.append("x", b'{"who":"%d"}' % number)
    return path


def head_of(path: Path) -> Path:
    return path.with_suffix(".head")


def found(path: Path) -> bool:
    chain = read_chain(path)
    return bool(chain.breaks) or chain.behind


def goes_on(path: Path, lines: int = 2) -> Chain:
    """Opened and written to, as the next start does; what the file then says."""
    log = ChainLog(path, FakeClock())
    for _ in range(lines):
        log.append("x", b'{"who":"next"}')
    return read_chain(path)


# -- sound -------------------------------------------------------------------------------------------------------------


def test_each_line_names_the_hash_of_the_one_before(tmp_path: Path) -> None:
    """So that anybody can check it with a few lines of a program of their own."""
    path, before = a_chain(tmp_path), NOTHING
    for raw in path.read_bytes().splitlines(keepends=True):
        assert json.loads(raw)["d"]["previous"] == before
        before = hashlib.sha256(raw).hexdigest()
    assert numbers(path) == [1, 2, 3, 4, 5]
    assert head_of(path).read_bytes() == raw
    assert (read_chain(path).sha256, read_chain(path).told, found(path)) == (before, (), False)


def test_the_lines_are_read_from_the_newest_on(tmp_path: Path) -> None:
    """Each with its place, also from the middle; what comes meanwhile is left for the next time."""
    log = ChainLog(a_chain(tmp_path), FakeClock())
    reading = log.newest_first()
    first = next(reading)
    log.append("x", b'{"who":"later"}')
    places = [first, *reading]
    assert [place for place, _ in places] == [4, 3, 2, 1, 0]
    assert [json.loads(raw)["d"]["who"] for _, raw in places] == ["4", "3", "2", "1", "0"]
    assert [place for place, _ in log.newest_first(2)] == [1, 0]


def test_a_kill_anywhere_between_head_and_line_loses_nothing(tmp_path: Path) -> None:
    """The head has the line: whatever there is of it, the next start puts it there, and nothing is broken."""
    path = a_chain(tmp_path)
    whole, last = path.read_bytes(), head_of(path).read_bytes()
    for there in range(len(last)):
        path.write_bytes(whole[: len(whole) - len(last) + there])
        assert read_chain(path).behind
        if there % 10 == 0:
            ChainLog(path, FakeClock())
            assert path.read_bytes() == whole
            assert not found(path)


def test_a_kill_before_the_first_line_loses_nothing(tmp_path: Path) -> None:
    path = a_chain(tmp_path, 1)
    whole = path.read_bytes()
    path.unlink()
    assert goes_on(path, 1).told == ()
    assert path.read_bytes().startswith(whole)


def test_a_head_without_its_end_is_not_put_behind_the_others(tmp_path: Path) -> None:
    """Somebody had a hand in it: what was written so would run into the next line."""
    path = a_chain(tmp_path)
    path.write_bytes(path.read_bytes().removesuffix(head_of(path).read_bytes()))
    head_of(path).write_bytes(head_of(path).read_bytes().removesuffix(b"\n"))
    assert (read_chain(path).behind, read_chain(path).told) == (False, ("the head is altered",))
    goes_on(path)
    assert numbers(path) == [1, 2, 3, 4, 6, 7]


# -- altered -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["audit.jsonl", "audit.head"])
@pytest.mark.parametrize(
    "edit",
    [
        lambda data, at: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :],
        lambda data, at: data[:at] + data[at + 1 :],
        lambda data, at: data[:at] + b" " + data[at:],
        lambda data, at: data[:at] + (b" " if data[at : at + 1] == b"\n" else b"\n") + data[at + 1 :],
    ],
    ids=["flipped", "deleted", "inserted", "made a line end"],
)
def test_editing_any_byte_is_found(tmp_path: Path, name: str, edit: Callable[[bytes, int], bytes]) -> None:
    """Each byte of the file and of its head in turn."""
    path = a_chain(tmp_path, 3)
    edited = tmp_path / name
    whole = edited.read_bytes()
    for at in range(len(whole)):
        edited.write_bytes(edit(whole, at))
        assert found(path), f"byte {at}"


@given(data=st.data())
def test_any_other_content_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever stretch of the file is replaced by whatever else."""
    path = a_chain(tmp_path_factory.mktemp("chain"), 3)
    whole = path.read_bytes()
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, len(whole)))
    put_in = data.draw(st.binary(max_size=30) | st.sampled_from([whole, whole[begin:end][::-1]]))
    path.write_bytes(whole[:begin] + put_in + whole[end:])
    assert found(path) == (path.read_bytes() != whole)


def forged(lines: list[bytes], at: int, n: int) -> bytes:
    """A line with a right checksum that names the one before it."""
    before = hashlib.sha256(lines[at - 1]).hexdigest()
    return encode_line(n, T, "put", "x", b'{"previous":"%s","who":"me"}' % before.encode())


ALTERED: dict[str, Change] = {
    "removed": lambda lines: lines[:2] + lines[3:],
    "first removed": lambda lines: lines[1:],
    "two cut off": lambda lines: lines[:3],
    "emptied": lambda _: [],
    "swapped": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "last swapped": lambda lines: [*lines[:3], lines[4], lines[3]],
    "doubled": lambda lines: lines[:3] + lines[2:],
    "last doubled": lambda lines: [*lines, lines[-1]],
    "edited, with a right checksum": lambda lines: [*lines[:2], framed(lines[2].replace(b'"2"', b'"7"')), *lines[3:]],
    "the last edited, with a right checksum": lambda lines: [*lines[:4], framed(lines[4].replace(b'"4"', b'"7"'))],
    "put in, and well chained": lambda lines: [*lines[:3], forged(lines, 3, 4), *lines[3:]],
    "put behind, and well chained": lambda lines: [*lines, forged(lines, 5, 6)],
    "a number that leaves none": lambda lines: [*lines, forged(lines, 5, 2**62)],
    "a number below": lambda lines: [*lines, forged(lines, 5, -3)],
    "an empty line": lambda lines: [*lines[:2], b"\n", *lines[2:]],
    "bytes behind": lambda lines: [*lines, b"foreign"],
    "a line behind": lambda lines: [*lines, b"foreign\n"],
    "half the last line and others": lambda lines: [*lines[:4], lines[4][:50], b"foreign"],
}


@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED)
def test_what_was_altered_is_found_for_good(tmp_path: Path, change: Change) -> None:
    """Also after cores have gone on behind it: they alter nothing of what is there, and add nothing that breaks it anew."""
    path = a_chain(tmp_path)
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    assert found(path)
    altered, told = path.read_bytes(), ChainLog(path, FakeClock()).chain.told
    for _ in range(2):
        later = goes_on(path)
        assert later.breaks
        assert set(later.told) <= set(told)
        assert path.read_bytes().startswith(altered)
    assert all(json.loads(raw)["d"]["who"] == "next" for raw in path.read_bytes().splitlines()[-4:])


@pytest.mark.parametrize("data", [None, b"", b"{}\n", b"\xff"], ids=["gone", "empty", "another", "garbage"])
def test_a_head_that_is_gone_or_altered_is_found_for_good(tmp_path: Path, data: bytes | None) -> None:
    path = a_chain(tmp_path)
    head_of(path).unlink()
    if data is not None:
        head_of(path).write_bytes(data)
    assert found(path)
    assert goes_on(path).breaks
    assert goes_on(path).breaks


def test_an_older_copy_of_both_files_is_told_by_the_hash_held_elsewhere(tmp_path: Path) -> None:
    """It hangs together in itself: that is why the box tells its newest line to headquarters."""
    path = a_chain(tmp_path / "a", 3)
    shutil.copytree(path.parent, tmp_path / "older")
    anchor = goes_on(path)
    older = read_chain(tmp_path / "older" / path.name)
    assert not older.breaks
    assert (older.n, older.sha256) != (anchor.n, anchor.sha256)


def test_very_many_breaks_are_counted(tmp_path: Path) -> None:
    path = a_chain(tmp_path)
    path.write_bytes(b"\n" * 1000)
    assert len(read_chain(path).told) == 21
    assert read_chain(path).told[-1] == "and 981 more"


# -- under our hands ---------------------------------------------------------------------------------------------------


def test_what_others_append_while_we_run_stays_and_is_found(tmp_path: Path) -> None:
    path = a_chain(tmp_path)
    log = ChainLog(path, FakeClock())
    with path.open("ab") as file:
        file.write(b"foreign")
    log.append("x", b'{"who":"next"}')
    assert b"foreign\n" in path.read_bytes()
    assert log.chain.breaks
    assert read_chain(path).breaks


def test_what_others_cut_off_while_we_run_is_found_for_good(tmp_path: Path) -> None:
    path = a_chain(tmp_path)
    log = ChainLog(path, FakeClock())
    os.truncate(path, path.read_bytes().index(b"\n") + 1)
    log.append("x", b'{"who":"next"}')
    assert read_chain(path).breaks
    assert goes_on(path).breaks


def both_gone(path: Path) -> None:
    path.unlink()
    head_of(path).unlink()


def both_emptied(path: Path) -> None:
    for one in (path, head_of(path)):
        os.truncate(one, 0)


def both_of_another_time(path: Path) -> None:
    """It hangs together in itself, with as many lines."""
    both_gone(path)
    a_chain(path.parent, LINES - 1)
    goes_on(path, 1)


def edited_in_its_size(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"2"', b'"7"'))


@pytest.mark.parametrize("hand", [both_gone, both_emptied, both_of_another_time, edited_in_its_size])
def test_what_the_running_core_knew_and_finds_no_more_is_a_break_for_good(
    tmp_path: Path, hand: Callable[[Path], None]
) -> None:
    path = a_chain(tmp_path)
    log = ChainLog(path, FakeClock())
    log.append("x", b'{"who":"next"}')
    time.sleep(0.02)  # times of files are no finer than some ms
    hand(path)
    log.append("x", b'{"who":"next"}')
    later = goes_on(path)
    assert later.breaks
    assert set(later.breaks) <= set(log.chain.breaks)
    assert later.n > LINES + 1


def test_a_file_that_was_only_touched_is_no_break(tmp_path: Path) -> None:
    """Nor is one that was copied back."""
    path = a_chain(tmp_path)
    log = ChainLog(path, FakeClock())
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole)
    log.append("x", b'{"who":"next"}')
    assert (log.chain.told, read_chain(path).told, log.chain.lines) == ((), (), LINES + 1)


@pytest.mark.parametrize("name", ["audit.jsonl", "audit.head"])
@pytest.mark.parametrize("what", ["directory", "link", "pipe"])
@pytest.mark.parametrize("runs", [False, True], ids=["between runs", "while it runs"])
def test_what_is_no_file_is_moved_aside_and_found(tmp_path: Path, name: str, what: str, runs: bool) -> None:
    """It stays, under another name; a link's target is neither read nor written; nobody hangs at a pipe."""
    path, target = a_chain(tmp_path), tmp_path / "target"
    log = ChainLog(path, FakeClock()) if runs else None
    target.write_bytes(b"theirs")
    (tmp_path / name).unlink()
    {"directory": os.mkdir, "link": lambda at: os.symlink(target, at), "pipe": os.mkfifo}[what](tmp_path / name)
    with pytest.raises(OSError, match="is no file"):
        read_chain(path)
    if log is None:
        log = ChainLog(path, FakeClock())
    log.append("x", b'{"who":"next"}')
    assert (tmp_path / f"{name}.aside-1").exists()
    assert target.read_bytes() == b"theirs"
    assert bool(read_chain(path).breaks) is not (runs and name == "audit.head")  # which the core knows by heart


def test_a_line_without_an_end_is_read_in_pieces(tmp_path: Path) -> None:
    """However long it is; what comes behind it is still appended."""
    path = a_chain(tmp_path)
    with path.open("ab") as file:
        file.truncate(path.stat().st_size + 20 * 1024 * 1024)
    later = goes_on(path)
    assert (later.breaks[0], later.lines) == ("line 6 is altered", LINES + 3 + 2)
