"""Killed at every call that changes the data directory, and again while it recovers: what was told is there.

A point is one call in the course of one life: (the state of the files it began with, the file, the call, its number). The
first kill falls there, the second somewhere in the start that follows; `sweep_oracle` then recovers for good.
"""

import re
import shutil
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from os import sched_getaffinity
from pathlib import Path
from random import Random
from signal import SIGKILL
from typing import Final

import pytest

from tests.core.journal.rigs import ROOT, lines, needs_strace
from tests.core.sweep_oracle import Told, check

CALLS: Final = (
    *("write", "pwrite64", "fdatasync", "fsync", "rename", "renameat", "renameat2", "link", "linkat", "unlink"),
    *("unlinkat", "truncate", "ftruncate", "fallocate", "mkdir", "mkdirat"),
)
IN_VAIN: Final = ("unlink", "unlinkat", "mkdir", "mkdirat")  # where there is nothing to do, and then they are no points
ORIGINS: Final = ("new", "clean", "killed", "torn", "damaged")
TORN: Final = b'{"v":1,"n":4711,"t":"2026-11-23T08:0'
IN_CI: Final = 48
ENOUGH: Final = 40
SECONDS: Final = 4


@dataclass(frozen=True, order=True)
class Point:
    """The `n`th `call` on `file` (relative to the data directory) in a life that begins with `origin`."""

    origin: str
    file: str
    call: str
    n: int


@dataclass(frozen=True)
class Fate:
    """What became of a life that was to end at `point` and of the start after it."""

    point: Point
    died: bool
    died_again: bool
    wrong: str


def live(directory: Path, life: str, *options: str, under: Sequence[str] = ()) -> tuple[int, str]:
    """The exit code, negative for a signal, and what was printed."""
    command = [*under, sys.executable, "-m", "tests.core.sweep_victim", str(directory), life]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in {0, -SIGKILL}, done.stderr
    return done.returncode, done.stdout


def live_until(point: Point, directory: Path, life: str) -> tuple[int, str]:
    # Not with --seccomp-bpf: strace then forgets the signal.
    where = ("-P", str(directory / point.file), "-e", f"trace={point.call}")
    kill = ("-e", f"inject={point.call}:signal=KILL:when={point.n}")
    return live(directory, life, under=("strace", "-f", "-qq", "-o", "/dev/null", *where, *kill))


def course(directory: Path, origin: str, log: Path) -> tuple[list[Point], list[Point]]:
    """All points of a life in their order, and those of them before it had recovered.

    strace counts the calls of each thread for itself: an `n` belongs to the thread that comes to it first.
    """
    calls = ",".join(f"?{call}" for call in CALLS)
    code, _ = live(directory, "traced", under=("strace", "-f", "-y", "-qq", "-e", f"trace={calls}", "-o", str(log)))
    assert code == 0
    counts: Counter[tuple[str, str, str]] = Counter()
    points: dict[Point, None] = {}
    starting: list[Point] = []
    for line in log.read_text(errors="replace").splitlines():
        if '"recovered' in line:
            starting = list(points)
        if (found := _call(line, directory)) is None:
            continue
        thread, call, file = found
        counts[thread, call, file] += 1
        if call not in IN_VAIN or line.endswith(" = 0"):
            points.setdefault(Point(origin, file, call, counts[thread, call, file]))
    return list(points), starting


def _call(line: str, directory: Path) -> tuple[str, str, str] | None:
    """(thread, call, file) of a line of the log that tells of a call on something in the directory."""
    found = re.match(r'(\d+) +(\w+)\((?:\d+<([^>]+)>|[^"]*"([^"]+)")', line)
    if found is None:
        return None
    path = Path(found[3] or found[4])
    return (found[1], found[2], str(path.relative_to(directory))) if path.is_relative_to(directory) else None


@dataclass(frozen=True)
class Origin:
    """The files that a life begins with, what was told of them, and the bytes in them that are damaged."""

    directory: Path
    told: Told
    damage: tuple[bytes, ...] = ()


def origins(directory: Path) -> dict[str, Origin]:
    """A first start, an orderly end, a kill amid a compaction; then one amid a write too, or a damaged line that is replaced."""
    new, clean, killed, torn, damaged = made = [directory / name for name in ORIGINS]
    new.mkdir()
    clean.mkdir()
    told = Told(live(clean, "a")[1])
    found = {"new": Origin(new, Told()), "clean": Origin(clean, told)}
    shutil.copytree(clean, killed)
    told = told.copy()
    code, printed = live_until(Point("clean", "retries.jsonl.prev.tmp", "rename", 3), killed, "b")
    assert code == -SIGKILL
    told.hear(printed)
    found["killed"] = Origin(killed, told)
    damage = []
    for copy, harm in ((torn, tear), (damaged, flip)):
        shutil.copytree(killed, copy)
        damage.append(tuple(harm(copy / name) for name in ("cases.jsonl", "retries.jsonl")))
    return found | {copy.name: Origin(copy, told, bad) for copy, bad in zip(made[3:], damage, strict=True)}


def tear(path: Path) -> bytes:
    """What a kill leaves that falls between the parts of a long write."""
    with path.open("ab") as file:
        file.write(TORN)
    return TORN


def flip(path: Path) -> bytes:
    """A bad block where a line stood that says nothing any more."""
    said = lines(path)
    old = next(one for at, one in enumerate(said[1:]) if one["id"] in {later["id"] for later in said[at + 2 :]})
    data = path.read_bytes().replace(b'"n":%d,' % old["n"], b'"n":%dX' % old["n"])
    path.write_bytes(data)
    return data


class Sweep:
    """All points of a life from each origin, and those of the starts among them."""

    def __init__(self, directory: Path):
        self._directory = directory
        self._origins = origins(directory)
        self.points: list[Point] = []
        self.starts: dict[str, list[Point]] = {}
        for name, origin in self._origins.items():
            shutil.copytree(origin.directory, directory / "traced")
            points, self.starts[name] = course(directory / "traced", name, directory / "log")
            self.points += points if name in {"new", "clean"} else self.starts[name]
            shutil.rmtree(directory / "traced")

    def recoveries(self, point: Point) -> list[Point]:
        """Where the start after a kill at `point` may be killed."""
        return self.starts[point.origin if self._origins[point.origin].damage else "killed"]

    def run(self, kills: Sequence[tuple[Point, Sequence[Point]]]) -> list[Fate]:
        """For each point a life that ends there, and then, from what it left, one start for each of the others."""
        with ThreadPoolExecutor(max(2, len(sched_getaffinity(0)))) as pool:
            return [
                fate for fates in pool.map(self._fates, range(len(kills)), *zip(*kills, strict=True)) for fate in fates
            ]

    def _fates(self, number: int, point: Point, seconds: Sequence[Point]) -> list[Fate]:
        origin, directory = self._origins[point.origin], self._directory / str(number)
        left, again = directory / "left", directory / "again"
        shutil.copytree(origin.directory, left)
        code, printed = live_until(point, left, "first")
        fates = []
        for second in seconds:
            told = origin.told.copy()
            told.hear(printed)
            shutil.copytree(left, again)
            fates.append(Fate(point, code == -SIGKILL, *self._recovered(again, origin, second, told)))
            shutil.rmtree(again)
        shutil.rmtree(directory)
        return fates

    @staticmethod
    def _recovered(directory: Path, origin: Origin, second: Point, told: Told) -> tuple[bool, str]:
        """Whether the start was killed at `second`, and what is wrong after the one that followed."""
        code, printed = live_until(second, directory, "second")
        told.hear(printed)
        try:
            check(directory, told, damaged=bool(origin.damage))
            kept = b"".join(path.read_bytes() for path in directory.glob("quarantine/*.bad"))
            assert all(bad in kept for bad in origin.damage), "damaged bytes are gone"
        except AssertionError:
            return code == -SIGKILL, f"then {second}: {traceback.format_exc(limit=-1)}"
        return code == -SIGKILL, ""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return Sweep(tmp_path_factory.mktemp("sweep"))


def mixed(points: Iterable[Point], chance: Random) -> list[Point]:
    """By turns of every file and call, so that the first of them are of all kinds."""
    kinds: dict[tuple[str, str, str], list[Point]] = {}
    for point in points:
        kinds.setdefault((point.origin, point.file, point.call), []).append(point)
    for kind in kinds.values():
        chance.shuffle(kind)
    return [point for turn in zip_longest(*kinds.values()) for point in turn if point is not None]


def report(fates: Sequence[Fate]) -> set[Point]:
    """The points at which a life really was killed. Raises AssertionError where something went wrong at any."""
    died = {fate.point for fate in fates if fate.died}
    again = sum(fate.died_again for fate in fates)
    kinds = Counter(f"{point.origin}: {point.call} {point.file}" for point in died)
    print(f"\n{len(died)} distinct points killed, {again} of {len(fates)} starts after them killed as well")
    print("\n".join(f"{count:5} {kind}" for kind, count in sorted(kinds.items())))
    wrong = [f"{fate.point}, {fate.wrong}" for fate in fates if fate.wrong]
    assert not wrong, f"{len(wrong)} of {len(fates)}\n" + "\n".join(wrong[:10])
    return died


@needs_strace
def test_a_kill_at_any_call_and_another_in_the_recovery_lose_nothing(sweep: Sweep) -> None:
    """Both files are in play: append, compaction, archive, first start, recovery, quarantine; each kind of call of each."""
    chance = Random(4)
    chosen = mixed(sweep.points, chance)[:IN_CI]
    fates = sweep.run([(point, [chance.choice(sweep.recoveries(point))]) for point in chosen])
    assert len(report(fates)) >= ENOUGH
    assert sum(fate.died_again for fate in fates) >= ENOUGH // 2


@needs_strace
def test_kills_in_the_very_first_rewrite_are_no_damage(tmp_path: Path) -> None:
    """Again and again before there ever was a file: nothing is missing."""
    for _ in range(3):
        code, printed = live_until(Point("new", "cases.jsonl.new", "rename", 1), tmp_path, "first")
        assert (code, printed) == (-SIGKILL, "")
    check(tmp_path, Told())


@pytest.mark.torture
@needs_strace
def test_every_call_is_killed_and_several_of_every_recovery(sweep: Sweep) -> None:
    """No point is left out, and each is followed by several second kills."""
    chance = Random(5)
    died = report(sweep.run([(point, chance.sample(sweep.recoveries(point), SECONDS)) for point in sweep.points]))
    assert len(died) >= 0.95 * len(sweep.points)
