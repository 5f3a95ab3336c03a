"""What the journal is measured with: realistic documents, histories of any length, and a bare file beside it."""

import contextlib
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import pytest

from core.clock import SystemClock, utc_text
from core.events import Event, EventType, Severity
from core.journal import SnapshotJournal
from core.journal.lines import Head, encode_line, generation
from core.webhooks import deliveries
from core.webhooks.deliveries import Attempt, Delivery, ErrorClass, Trigger
from tests.fakes import FakeClock

NOW: Final = FakeClock().now()
T: Final = utc_text(NOW)
IMAGE_MB: Final = 64
SECTOR: Final = 512

BODY = {
    "type": "case.opened",
    "timestamp": T,
    "data": {"cabinet": "03", "cabinet_name": "鲜奶柜", "sensor": "03.air", "kind": "temp_high", "severity": "critical"}
    | {"value": 9.5, "peak": 9.5, "limit": 8.0, "unit": "°C", "duration_s": 600.0, "simulated": False},
}
MISSED = Attempt(number=1, trigger=Trigger.AUTO, started_at=NOW, duration_ms=15002, error_class=ErrorClass.TIMEOUT)


@dataclass
class Table:
    """Rows of what was measured, printed as one."""

    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, what: str, ours: str, beside: str, ratio: float, bound: str) -> None:
        self.rows.append((what, ours, beside, f"{ratio:.2f}", bound))

    def __str__(self) -> str:
        rows = [("journal", "ours", "beside it", "ratio", "bound"), *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


# -- what is in it -----------------------------------------------------------------------------------------------------


def a_delivery(number: int, attempts: int = 0) -> Delivery:
    """One as the retry queue writes it, some 700 bytes before its first attempt."""
    event = Event(
        event_id=f"evt_{number:020x}_1",
        type=EventType.CASE_OPENED,
        severity=Severity.CRITICAL,
        at=NOW,
        data=msgspec.Raw(b"{}"),
        case_id=f"case_{number:020x}",
        seq=1,
        cabinet="03",
    )
    delivery = deliveries.opened(event, "hq", msgspec.json.encode(BODY), NOW)
    for _ in range(attempts):
        delivery = deliveries.counted(delivery, MISSED, 10.0, refused=False)
    return delivery


def a_history(path: Path, lines: int, live: int) -> int:
    """A journal that was closed after so many changes of so many items, and never compacted; bytes of the live documents."""
    documents = [
        [(one.delivery_id, deliveries.encode(one)) for one in (a_delivery(number, attempts) for number in range(live))]
        for attempts in (0, 1)
    ]
    with path.open("wb") as file:
        file.writelines(generation(Head(gen=1, epoch="e", items=0, upto=0), b"{}", [], T))
        for n in range(1, lines + 1):
            item_id, document = documents[(n - 1) // live % 2][(n - 1) % live]
            file.write(encode_line(n, T, "put", item_id, document))
        file.write(encode_line(lines + 1, T, "bye", "", b"null"))
    return sum(len(document) for _, document in documents[(lines - 1) // live % 2])


def killed(path: Path) -> None:
    """Take away the marks of a clean end that the openings left, so that the next start rewrites the file."""
    with path.open("rb+") as file:
        file.seek(-4096, os.SEEK_END)
        tail = file.read()
        marks = sum(len(line) for line in tail.splitlines(keepends=True)[1:] if b'"k":"bye"' in line)
        assert marks
        file.seek(-marks, os.SEEK_END)
        file.truncate()


# -- time beside a bare file -------------------------------------------------------------------------------------------


class Bare:
    """Lines of the journal, written and synced by nothing but the two system calls; the file grows as a journal does."""

    def __init__(self, directory: Path, ids: list[str], documents: list[bytes]):
        self._path = directory / "bare"
        lines = [encode_line(n, T, "put", *one) for n, one in enumerate(zip(ids, documents, strict=True), start=1)]
        self._of_one, self._of_all = lines[0], b"".join(lines)

    def each_s(self, count: int) -> float:
        return self._s(self._of_one, count)

    def all_s(self, count: int) -> float:
        return self._s(self._of_all, count)

    def _s(self, data: bytes, count: int) -> float:
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(fd, data)
            os.fdatasync(fd)
            started_s = time.perf_counter()
            for _ in range(count):
                os.write(fd, data)
                os.fdatasync(fd)
            return time.perf_counter() - started_s
        finally:
            os.close(fd)


@dataclass(frozen=True)
class Pairs:
    """The same work done by ours and by a peer, in turn."""

    ours_s: list[float]
    peer_s: list[float]

    @property
    def rate(self) -> float:
        """How fast ours is, 1 being as fast as the peer: the median of the pairs."""
        return statistics.median(peer / ours for ours, peer in zip(self.ours_s, self.peer_s, strict=True))


def in_turn(ours: Callable[[], float], peer: Callable[[], float], rounds: int) -> Pairs:
    """Who begins changes from pair to pair, so that neither has the better half."""
    pairs = Pairs([], [])
    for number in range(rounds):
        for first in (number % 2 == 0, number % 2 == 1):
            if first:
                pairs.ours_s.append(ours())
            else:
                pairs.peer_s.append(peer())
    return pairs


def us(seconds: list[float], count: int) -> str:
    return f"{statistics.median(seconds) / count * 1e6:.0f} us"


@contextlib.contextmanager
def a_real_journal(directory: Path, name: str = "retries.jsonl") -> Iterator[SnapshotJournal]:
    """One with the machine's clock."""
    directory.mkdir(exist_ok=True)
    journal = SnapshotJournal(directory / name, SystemClock())
    try:
        yield journal
    finally:
        journal.close()


@contextlib.contextmanager
def on_a_real_disk(directory: Path) -> Iterator[Path]:
    """`directory`, or one that is not in memory; skips the test where there is none."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as other:
        for candidate in (directory, Path(other)):
            asked = subprocess.run(["stat", "-f", "-c", "%T", candidate], capture_output=True, text=True, check=True)
            if asked.stdout.strip() not in {"tmpfs", "ramfs"}:
                yield candidate
                return
        pytest.skip("no directory here is on a disk")


# -- a file system whose writes are counted ----------------------------------------------------------------------------


@contextlib.contextmanager
def counted_disk(directory: Path) -> Iterator[tuple[Path, Callable[[], int]]]:
    """An ext4 on a loop device, and the bytes that were written to it so far. Skips without root or its tools."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("mkfs.ext4", "mount", "umount", "losetup"))):
        pytest.skip("a loop device needs root, mkfs.ext4 and losetup")
    image, mounted = directory / "image", directory / "mounted"
    with image.open("wb") as file:
        file.truncate(IMAGE_MB << 20)
    mounted.mkdir()
    subprocess.run(["mkfs.ext4", "-q", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0", image], check=True)
    made = subprocess.run(["losetup", "-f", "--show", image], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no loop device: {made.stderr.strip()}")
    device = Path(made.stdout.strip())
    statistics_of = Path("/sys/block") / device.name / "stat"

    def written() -> int:
        subprocess.run(["sync", "-f", mounted], check=True)
        return int(statistics_of.read_text().split()[6]) * SECTOR

    try:
        subprocess.run(["mount", device, mounted], check=True)
        try:
            yield mounted, written
        finally:
            subprocess.run(["umount", mounted], check=True)
    finally:
        subprocess.run(["losetup", "-d", device], check=True)
