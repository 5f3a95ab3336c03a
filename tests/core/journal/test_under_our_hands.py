"""What somebody does to the file of a running journal, and what people say of damage at odd moments."""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.journal import Archive, SnapshotJournal
from core.wire import Durability
from tests.core.journal.damage import a_file, health, reports
from tests.core.journal.rigs import a_generation, a_line, items, opened, put, quarantined, reopened
from tests.fakes import FakeClock

HARMS = ("removed", "replaced", "cut", "grown", "directory", "link")


def harm(path: Path, how: str) -> bytes:
    """What stands in the file's place afterwards, as far as it is bytes."""
    if how == "cut":
        os.truncate(path, 10)
    elif how == "grown":
        with path.open("ab") as file:
            file.write(b"a stranger's line\n")
    else:
        path.unlink()
    if how == "replaced":
        path.write_bytes(b"somebody else's\n")
    elif how == "directory":
        path.mkdir()
    elif how == "link":
        path.symlink_to(path.with_name("elsewhere"))
    return path.read_bytes() if path.is_file() else b""


@pytest.mark.parametrize("how", HARMS)
def test_what_somebody_does_to_the_file_is_told_kept_and_mended(tmp_path: Path, how: str) -> None:
    """Nothing that was accepted is lost, and nothing that somebody put there either."""
    path = tmp_path / "retries.jsonl"
    with opened(path) as journal:
        put(journal, "a")
        strange = harm(path, how)
        put(journal, "b")
        told = journal.health()
        assert (told.state, told.degraded, told.unacknowledged) == (Durability.DURABLE, True, 1)
        assert told.damaged_lines > 0 or how in {"cut", "grown"}
    assert set(reopened(path)) == {"a", "b"}
    pieces = sorted((tmp_path / "quarantine").glob("*.bad"))
    if how == "removed":
        assert pieces == []
    elif how == "directory":
        assert [piece.is_dir() for piece in pieces] == [True]
    elif how == "link":
        assert [piece.is_symlink() for piece in pieces] == [True]
    else:
        assert strange in quarantined(path)[0]


def test_nothing_can_be_acknowledged_before_it_is_kept(tmp_path: Path) -> None:
    """Else the next start would tell of it again, as if nobody had seen it."""
    (tmp_path / "quarantine").write_bytes(b"in the way")
    path = a_file(tmp_path, a_generation("a", "b") + b"torn")
    clock = FakeClock()
    journal = SnapshotJournal(path, clock)
    with pytest.raises(OSError, match="quarantine"):
        journal.acknowledge("li")
    assert journal.health().degraded
    (tmp_path / "quarantine").unlink()
    clock.advance(61)
    put(journal, "c")
    journal.acknowledge("li")
    journal.close()
    assert (health(path).degraded, [told["acknowledged_by"] for told in reports(path)]) == (False, ["li"])


def test_an_accident_that_could_not_be_mended_is_one_accident(tmp_path: Path) -> None:
    """A start kept the bytes and could not replace the file; the next finds the same again."""
    path = a_file(tmp_path, a_generation("a", "b") + b"torn")
    code = f"""
import pathlib, resource
from core.journal import SnapshotJournal
from tests.fakes import FakeClock
resource.setrlimit(resource.RLIMIT_FSIZE, (220, 220))
journal = SnapshotJournal(pathlib.Path({str(path)!r}), FakeClock())
print(journal.health().unacknowledged, journal.health().state, flush=True)
import os; os._exit(0)
"""
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["1", "memory_only"]


def test_what_is_damaged_in_the_archive_is_told_until_acknowledged(tmp_path: Path) -> None:
    archive = Archive(tmp_path, FakeClock())
    assert archive.append("dead-202611.jsonl", "a", b"1")
    with (tmp_path / "archive" / "dead-202611.jsonl").open("ab") as file:
        file.write(b'{"v":1,"n":2,"torn')
    again = Archive(tmp_path, FakeClock())
    assert again.append("dead-202611.jsonl", "b", b"2")
    assert (again.unacknowledged, Archive(tmp_path, FakeClock()).unacknowledged) == (1, 1)
    again.acknowledge("li")
    assert (again.unacknowledged, Archive(tmp_path, FakeClock()).unacknowledged) == (0, 0)


@pytest.fixture
def hurried() -> Iterator[None]:
    """Threads change as often as they can, and two more of them want the processor."""
    before, stop = sys.getswitchinterval(), threading.Event()

    def burn() -> None:
        while not stop.is_set():
            pass

    burners = [threading.Thread(target=burn, daemon=True) for _ in range(2)]
    sys.setswitchinterval(1e-6)
    for burner in burners:
        burner.start()
    yield
    stop.set()
    sys.setswitchinterval(before)


@pytest.mark.anyio
async def test_no_change_waits_for_another_one_to_be_noticed(tmp_path: Path, hurried: None) -> None:
    journal = SnapshotJournal(tmp_path / "j", SystemClock())
    for number in range(3000):
        async with asyncio.timeout(10):
            await journal.settled(journal.put("a", b"%d" % number))
    journal.close()


def test_a_mistake_of_ours_is_tried_again_later_and_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It must neither pass for a sound disk nor fill the log."""
    clock = FakeClock()
    journal = SnapshotJournal(tmp_path / "j", clock)
    put(journal, "a")
    journal._live["b"] = None  # type: ignore[assignment]  # what no code of ours does
    journal._file.close()
    for _ in range(20):
        journal.wait(journal.put("c", b"1"))
    assert journal.health().state is Durability.MEMORY_ONLY
    assert sum(record.levelname == "ERROR" for record in caplog.records) <= 2
    del journal._live["b"]
    clock.advance(61)
    put(journal, "d")
    assert (journal.health().state, set(items(journal))) == (Durability.DURABLE, {"a", "c", "d"})
    journal.close()


def test_a_directory_that_was_moved_away_is_not_followed_to_its_name(tmp_path: Path) -> None:
    """Another core may have it by now: what this one accepts is only in memory, and it says so, until it is put back."""
    (tmp_path / "data").mkdir()
    clock = FakeClock()
    journal = SnapshotJournal(tmp_path / "data" / "j", clock)
    put(journal, "a")
    (tmp_path / "data").rename(tmp_path / "old")
    with opened(a_new(tmp_path / "data") / "j") as other:
        put(other, "theirs")
        put(journal, "b")
        told = journal.health()
        assert (told.state, "moved" in (told.reason or "")) == (Durability.MEMORY_ONLY, True)
        clock.advance(61)
        put(journal, "c")
        assert set(items(other)) == {"theirs"}
    assert set(reopened(tmp_path / "data" / "j")) == {"theirs"}
    assert reopened_copy(tmp_path / "old", tmp_path / "copy") >= {"a"}
    (tmp_path / "data").rename(tmp_path / "theirs")
    (tmp_path / "old").rename(tmp_path / "data")
    clock.advance(61)
    put(journal, "d")
    assert journal.health().state is Durability.DURABLE
    journal.close()
    assert set(reopened(tmp_path / "data" / "j")) == {"a", "b", "c", "d"}


def a_new(directory: Path) -> Path:
    directory.mkdir()
    return directory


def reopened_copy(directory: Path, copy: Path) -> set[str]:
    shutil.copytree(directory, copy)
    return set(reopened(copy / "j"))


@pytest.mark.parametrize("report", [b"\xf4", b"[" * 100_000, b"", b"{}", "pipe", "directory", "endless"])
def test_a_report_that_is_none_stops_no_start(tmp_path: Path, report: bytes | str) -> None:
    """Whatever it is, somebody has still to look at it."""
    path = a_file(tmp_path, a_generation("a") + b"torn")
    reopened(path)
    [told] = tmp_path.glob("quarantine/*.json")
    told.unlink()
    if isinstance(report, bytes):
        told.write_bytes(report)
    elif report == "pipe":
        os.mkfifo(told)
    elif report == "directory":
        told.mkdir()
    else:
        told.symlink_to("/dev/zero")
    with opened(path) as journal:
        assert set(items(journal)) == {"a"}
        assert (journal.health().state, journal.health().degraded) == (Durability.DURABLE, True)


@pytest.mark.parametrize("reader", [False, True], ids=["nobody reads", "somebody reads"])
def test_a_pipe_in_the_archives_place_hangs_nobody(tmp_path: Path, reader: bool) -> None:
    archive = Archive(tmp_path, FakeClock())
    assert archive.append("dead-202611.jsonl", "a", b"1")
    path = tmp_path / "archive" / "dead-202611.jsonl"
    path.unlink()
    os.mkfifo(path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK) if reader else None
    assert not archive.append("dead-202611.jsonl", "b", b"2")
    assert archive.problem is not None
    assert archive.append("dead-202611.jsonl", "b", b"2")  # the pipe was put aside
    assert archive.problem is None
    assert path.is_file()
    if fd is not None:
        os.close(fd)


def test_an_end_without_end_fills_neither_memory_nor_disk(tmp_path: Path) -> None:
    """A gigabyte of nothing behind a sound journal: it is kept by its name, not copied, and read in pieces."""
    path = a_file(tmp_path, a_generation("a", "b"))
    os.truncate(path, 1 << 30)
    code = f"""
import pathlib, resource
from core.journal import SnapshotJournal
from tests.fakes import FakeClock
resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))
journal = SnapshotJournal(pathlib.Path({str(path)!r}), FakeClock())
print(journal.health().state, sorted(item for item, _, _ in journal.items()))
journal.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "durable ['a', 'b']\n", done.stderr
    [kept] = tmp_path.glob("quarantine/*.bad")
    assert kept.stat().st_size == 1 << 30
    assert kept.stat().st_blocks * 512 < 1 << 20


def test_every_second_line_out_of_its_place_costs_no_minutes(tmp_path: Path) -> None:
    """Sixty thousand lines that only need to be put in order."""
    odd, even = range(2, 60_000, 2), range(3, 60_000, 2)
    lines = [a_line(n, item_id=f"{n}", document=b"1") for n in (*odd, *even)]
    path = a_file(tmp_path, a_generation("a") + b"".join(lines))
    began = time.monotonic()
    assert len(reopened(path)) == 59_999
    assert time.monotonic() - began < 20  # quadratic, it takes minutes


@pytest.mark.parametrize("n", [2**63, 2**65, 2**62, -5])
def test_a_number_beyond_reason_stops_no_start(tmp_path: Path, n: int) -> None:
    path = a_file(tmp_path, a_generation("a") + a_line(n, item_id="b"))
    assert "a" in reopened(path)


def test_a_head_that_is_no_text_stops_no_start(tmp_path: Path) -> None:
    head = a_line(0, "head", "", b'{"gen":1,"epoch":"\xff","items":1,"upto":1}')
    assert set(reopened(a_file(tmp_path, head + a_line(1, item_id="a")))) == {"a"}
