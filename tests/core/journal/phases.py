"""The phases of a journal's life in which calls are watched, or made to fail."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.core.journal.fault_rig import Held, Obedient
from tests.core.journal.rigs import a_generation, a_line


@dataclass(frozen=True)
class Phase:
    """What the process finds, what it does before the fault, under it, and when it is over; and the calls that fail."""

    steps: tuple[str, ...]
    under: tuple[str, ...]
    before: tuple[str, ...] = ()
    over: tuple[str, ...] = ()
    found: Callable[[Path], Held] = lambda path: {}


def left_by_a_kill(path: Path) -> Held:
    path.write_bytes(a_generation() + a_line(1, "put", "a", b"1") + a_line(2, "put", "b", b"1"))
    return {"a": 1, "b": 1}


def ended_well(path: Path) -> Held:
    held = left_by_a_kill(path)
    path.write_bytes(path.read_bytes() + a_line(3, "bye", "", b"null"))
    return held


def damaged(path: Path) -> Held:
    """In the middle, where a later line of the same item stands behind it."""
    broken = a_line(1, "put", "a", b"0").replace(b"put", b"pat")
    path.write_bytes(a_generation() + broken + a_line(2, "put", "a", b"1") + a_line(3, "put", "b", b"1"))
    return {"a": 1, "b": 1}


def torn(path: Path) -> Held:
    held = left_by_a_kill(path)
    path.write_bytes(path.read_bytes() + a_line(3, "put", "c", b"1")[:40])
    return held


FIRST = ("unlink new", "write new", "fsync new", "rename new", "openat directory", "fsync directory")
REWRITE = ("openat new", *FIRST)
KEEPING = ("write new 2", "unlink prev.tmp", "link prev.tmp", "rename prev.tmp")
REPORTING = ("openat report", "write report", "fsync report", "openat quarantine", "fsync quarantine")

PUTS = ("put c 1 1", "put d 1 1")

PHASES: dict[str, Phase] = {
    "first start": Phase(("openat file", "openat new", "openat new 2", *FIRST), ("open", *PUTS)),
    "start after an end": Phase(("openat file", "openat file 2"), ("open", *PUTS), found=ended_well),
    "start after a kill": Phase(("openat file", *REWRITE, *KEEPING), ("open", *PUTS), found=left_by_a_kill),
    "repair": Phase(("openat file", "link piece", *REPORTING, *REWRITE), ("open", *PUTS), found=damaged),
    "repair of a torn end": Phase(("openat piece", "write piece", "fsync piece"), ("open", *PUTS), found=torn),
    "append": Phase(("write file", "fdatasync file"), ("put b 1 1", *PUTS), ("open", "put a 1 1")),
    "compaction": Phase((*REWRITE, *KEEPING), ("put b 1 1", *PUTS), ("open", "put a 1 4999")),
    "end": Phase(("write file", "fdatasync file"), ("close", "open", *PUTS), ("open", "put a 1 1")),
    "full disk": Phase(
        ("ftruncate file",), ("put b 1 1", *PUTS), ("open", "put a 1 1", "limit 10"), over=("limit none",)
    ),
}


@contextmanager
def a_process(phase: Phase) -> Iterator[tuple[Obedient, Path]]:
    """One that stands before this phase, and the place of its data directory."""
    with tempfile.TemporaryDirectory(prefix="cdg-") as place:
        path = Path(place) / "data" / "j"
        path.parent.mkdir()
        with Obedient(path, phase.found(path)) as process:
            process.obey(*phase.before)
            yield process, Path(place)
