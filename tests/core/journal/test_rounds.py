"""Who brings changes to disk and when: the journal's thread, or a plain thread that waits for its own."""

import os
import signal
import threading
import time
from pathlib import Path

from core.clock import SystemClock
from core.journal import SnapshotJournal
from tests.core.journal.rigs import child, eventually, needs_strace, opened, output, reopened


def test_lazy_changes_that_go_on_arriving_share_one_wait(tmp_path: Path) -> None:
    """The second one neither shortens the wait of the first nor starts one of its own."""
    path = tmp_path / "j"
    with opened(path) as journal:
        began = time.monotonic()
        while b'"lazy"' not in path.read_bytes() and time.monotonic() - began < 3:
            journal.put("a", b'"lazy"', lazy=True)
            time.sleep(0.05)
        assert 0.7 < time.monotonic() - began < 2.5


def test_who_waits_for_a_lazy_change_does_not_wait_for_company(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with opened(path) as journal:
        began = time.monotonic()
        journal.wait(journal.put("a", b'"lazy"', lazy=True))
        assert time.monotonic() - began < 0.7
        assert b'"lazy"' in path.read_bytes()


def test_nobody_starves_beside_a_thread_that_never_stops_writing(tmp_path: Path) -> None:
    """Changes of others, waited for or not, go to disk with its rounds, and the end comes."""
    path = tmp_path / "j"
    journal, stop = SnapshotJournal(path, SystemClock()), threading.Event()

    def write() -> None:
        while not stop.is_set():
            journal.wait(journal.put("busy", b"1"))

    busy = [threading.Thread(target=write) for _ in range(2)]
    for thread in busy:
        thread.start()
    try:
        for number in range(50):
            journal.wait(journal.put("waited", b'"waited %d"' % number))
            assert b'"waited %d"' % number in path.read_bytes()
        journal.put("unwaited", b'"unwaited"')
        assert eventually(lambda: b'"unwaited"' in path.read_bytes(), within_s=2)
    finally:
        stop.set()
        for thread in busy:
            thread.join()
        journal.close()
    assert set(reopened(path)) == {"busy", "waited", "unwaited"}


HEALING = """
import pathlib, resource, sys, time
from core.clock import SystemClock
from core.journal import SnapshotJournal
path = pathlib.Path(sys.argv[1])
journal = SnapshotJournal(path, SystemClock())
journal.wait(journal.put("before", b"1"))
time.sleep(0.2)
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, resource.RLIM_INFINITY))
journal.wait(journal.put("during", b"1"))
assert journal.health().state == "memory_only"
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
end = time.monotonic() + 5
while journal.health().state != "durable" and time.monotonic() < end:
    time.sleep(0.05)
assert journal.health().state == "durable"
assert b"during" in path.read_bytes()
"""


def test_a_write_that_failed_in_a_plain_thread_is_probed_soon_by_the_journals_own(tmp_path: Path) -> None:
    """The first probe comes after a second, although the thread slept for a minute."""
    output(child(HEALING, str(tmp_path / "j")))


INTERRUPTED = """
import pathlib, sys
from core.clock import SystemClock
from core.journal import SnapshotJournal
path = pathlib.Path(sys.argv[1])
journal = SnapshotJournal(path, SystemClock())
n = journal.put("a", b"1")
print("waiting", flush=True)
try:
    while True:
        journal.wait(n)
        n = journal.put("a", b"%d" % n)
except KeyboardInterrupt:
    pass
journal.wait(journal.put("b", b"1"))
assert journal.health().state == "durable"
data = path.read_bytes()
assert b'"id":"b"' in data and b'"n":%d,' % n in data
journal.close()
print("ended")
"""


@needs_strace
def test_ctrl_c_while_a_plain_thread_writes_loses_nothing_and_hangs_nobody(tmp_path: Path) -> None:
    """Whatever the round was doing: the next one brings everything to disk."""
    path = tmp_path / "j"
    delayed = ("strace", "-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=100000")
    process = child(INTERRUPTED, str(path), under=delayed)
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    time.sleep(0.35)
    (pid,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(pid), signal.SIGINT)
    assert output(process) == "ended\n"
    with opened(path) as journal:
        assert not journal.health().unclean_start
        assert {item_id for item_id, _, _ in journal.items()} == {"a", "b"}
