"""The same work done by several, each in a process of its own on the first core, in turn and again: rates and ratios."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.benchmarks.receiving import Receiving, two_cores
from tests.core.journal.rigs import ROOT

LONGEST_S: Final = 300.0


@dataclass(frozen=True)
class Taken:
    """What some work took: time on the wall, and of this process on its core."""

    wall_s: float
    cpu_s: float


class Watch:
    """Started when it is made."""

    def __init__(self) -> None:
        self._wall_s, self._cpu_s = time.perf_counter(), time.process_time()

    def taken(self) -> Taken:
        return Taken(time.perf_counter() - self._wall_s, time.process_time() - self._cpu_s)


def apart(module: str, *arguments: object) -> str:
    """What this program of ours prints, run on the first core."""
    core, _ = two_cores()
    command = ("taskset", "-c", str(core), sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, arguments))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LONGEST_S)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass
class Race:
    """Every round is run by all, beginning with another one each time, so that nobody has the better half."""

    count: int
    lines: dict[str, list[Taken]] = field(default_factory=dict)

    def run(self, names: list[str], rounds: int, receiver: Receiving, fresh: Callable[[], Path]) -> None:
        for number in range(rounds):
            begins = number % len(names)
            for name in names[begins:] + names[:begins]:
                before = receiver.count
                told = json.loads(apart("contenders", name, receiver.url(), self.count, fresh()))
                assert receiver.count - before >= self.count, f"{name} did not send them all"
                self.lines.setdefault(name, []).append(Taken(**told))

    def rate(self, name: str) -> float:
        """Deliveries a second: the median of its runs."""
        return self.count / statistics.median(one.wall_s for one in self.lines[name])

    def ratio(self, name: str, other: str) -> float:
        """How fast `name` is, 1 being as fast as the other: the median of the rounds."""
        pairs = zip(self.lines[name], self.lines[other], strict=True)
        return statistics.median(theirs.wall_s / its.wall_s for its, theirs in pairs)

    def best(self, prefix: str) -> str:
        """The fastest of the ways that begin so."""
        return max((name for name in self.lines if name.startswith(prefix)), key=self.rate)

    def table(self, name: str) -> str:
        """All of them beside this one."""
        rows = [f"{'':28}{'rate/s':>9}{'CPU us each':>13}{name + ' is':>14}"]
        for other in sorted(self.lines, key=self.rate, reverse=True):
            cpu_us = statistics.median(one.cpu_s for one in self.lines[other]) / self.count * 1e6
            rows.append(f"{other:28}{self.rate(other):9,.0f}{cpu_us:13,.0f}{self.ratio(name, other):13.2f}x")
        return "\n".join(rows)
