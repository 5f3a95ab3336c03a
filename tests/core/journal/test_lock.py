"""DirectoryLock: one writer, told who the other is, free the moment it is gone."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from core.errors import EXIT_HELD, DirectoryHeldError
from core.journal import DirectoryLock
from tests.core.journal.rigs import child, eventually

HOLDER = """
import sys, pathlib, time
from core.journal import DirectoryLock
lock = DirectoryLock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Popen[str]]:
    """Another process that holds the lock of `tmp_path`."""
    process = child(HOLDER, str(tmp_path))
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def is_free(directory: Path) -> bool:
    try:
        DirectoryLock(directory).release()
    except DirectoryHeldError:
        return False
    return True


def test_a_second_process_is_told_who_holds_it(tmp_path: Path, holder: Popen[str]) -> None:
    """DirectoryHeldError carries the holder's pid, in its text too, and ends the program with 75."""
    with pytest.raises(DirectoryHeldError, match=rf"{tmp_path}.*\(pid {holder.pid}\)") as held:
        DirectoryLock(tmp_path)
    assert (held.value.pid, held.value.exit_code) == (holder.pid, EXIT_HELD)


def test_being_refused_leaves_the_holder_alone(tmp_path: Path, holder: Popen[str]) -> None:
    """A refused process neither frees the lock nor writes its own pid."""
    for _ in range(2):
        assert not is_free(tmp_path)
    assert (tmp_path / "lock").read_text() == f"{holder.pid}\n"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_is_free_when_its_holder_is_gone(tmp_path: Path, holder: Popen[str], number: int) -> None:
    """However the holder ends, the kernel frees the lock; its stale pid means nothing."""
    holder.send_signal(number)
    holder.wait()
    DirectoryLock(tmp_path).release()


def test_a_stopped_holder_still_holds_it(tmp_path: Path, holder: Popen[str]) -> None:
    """No time limit: a frozen process is a holder, for it may wake up and write."""
    holder.send_signal(signal.SIGSTOP)
    assert not eventually(lambda: is_free(tmp_path), within_s=0.5)
    holder.send_signal(signal.SIGCONT)


def test_a_release_frees_it(tmp_path: Path) -> None:
    """The same process may take it again."""
    DirectoryLock(tmp_path).release()
    assert is_free(tmp_path)


def test_it_is_held_against_the_own_process_too(tmp_path: Path) -> None:
    """Two guards in one process are two writers."""
    lock = DirectoryLock(tmp_path)
    with pytest.raises(DirectoryHeldError) as held:
        DirectoryLock(tmp_path)
    assert held.value.pid == os.getpid()
    lock.release()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_nobody_else_may_open_it_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    """0600: a read-only descriptor would be enough to take the lock and keep the core from starting."""
    before = os.umask(umask)
    try:
        lock = DirectoryLock(tmp_path)
    finally:
        os.umask(before)
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
    lock.release()


@pytest.mark.parametrize("kind", ["link", "directory", "pipe"])
def test_what_stands_in_the_files_place_stops_nothing(tmp_path: Path, kind: str) -> None:
    """The directory is what is locked; nothing is made where a link points."""
    path = tmp_path / "lock"
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "directory":
        path.mkdir()
    else:
        os.mkfifo(path)
    lock = DirectoryLock(tmp_path)
    with pytest.raises(DirectoryHeldError):
        DirectoryLock(tmp_path)
    lock.release()
    assert not (tmp_path / "elsewhere").exists()


def test_rubbish_in_the_file_is_no_pid(tmp_path: Path, holder: Popen[str]) -> None:
    """Whatever stands in it, the refusal is a DirectoryHeldError."""
    (tmp_path / "lock").write_bytes(b"\xff\xfe rubbish")
    with pytest.raises(DirectoryHeldError, match="pid unknown"):
        DirectoryLock(tmp_path)
