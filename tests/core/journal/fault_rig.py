"""A process with a journal, told step by step what to do, whose system calls fail while it does it.

The faults come from an strace that is attached for a while, so that a fault goes away when the test says so. What the
process claims is compared with its file, read by a reader that shares nothing with the product, and with the trace: what
was written counts as safe once it was synced, and never again where a write or a sync of it had failed.
"""

import json
import re
import select
import signal
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.core.journal.rigs import ROOT

CALLS: Final = {
    "access": "?access,?faccessat,?faccessat2",
    "fdatasync": "fdatasync",
    "fsync": "fsync",
    "ftruncate": "ftruncate",
    "link": "?link,linkat",
    "openat": "openat",
    "rename": "?rename,?renameat,renameat2",
    "unlink": "?unlink,unlinkat",
    "write": "write",
}
_LINE: Final = re.compile(r"\d+ +([a-z]+?)(?:at|at2|2)?\((.*)\) += (-?\d+)(.*)")
_DURABLE: Final = "durable"
PATIENCE_S: Final = 20.0

Held = dict[str, int]
"""What a journal holds here: a number for each item, which rises."""

_OBEY: Final = """
import json, os, pathlib, resource, sys
from core.journal import SnapshotJournal
from tests.fakes import FakeClock
path, clock, journal = pathlib.Path(sys.argv[1]), FakeClock(), None
print("ready", flush=True)
def put(item, first, last):
    for value in range(int(first), int(last) + 1):
        n = journal.put(item, b"%d" % value)
    journal.wait(n)
def limit(more):
    size = resource.RLIM_INFINITY if more == "none" else path.stat().st_size + int(more)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
for order in sys.stdin:
    verb, *rest = order.split()
    if verb == "open":
        journal = SnapshotJournal(path, clock)
    elif verb == "put":
        put(*rest)
    elif verb == "advance":
        clock.advance(float(rest[0]))
    elif verb == "limit":
        limit(*rest)
    elif verb == "close":
        journal.close()
    said = journal.health()
    os.access(f"{path}.{said.state}", os.F_OK)  # so that the trace shows when it was said
    print(said.state, said.reason, flush=True)
"""


@dataclass
class Moment:
    """What the process said after an order, and whether its file then held all that it had accepted."""

    order: str
    state: str
    reason: str
    held: bool
    synced: bool = True  # as the trace has it; where no fault was possible nothing was traced

    @property
    def claims(self) -> bool:
        return self.state == _DURABLE

    @property
    def safe(self) -> bool:
        return self.held and self.synced


@dataclass(frozen=True)
class Step:
    """One traced call: `name` says what it does to what, as in "fsync new"."""

    thread: str
    name: str
    failed: bool
    injected: bool

    @property
    def call(self) -> str:
        return self.name.split()[0]


class Obedient:
    """The process; it says after each order whether it is durable."""

    def __init__(self, path: Path, already: Held):
        self.path, self.accepted, self.promised = path, dict(already), dict(already)
        self.moments: list[Moment] = []  # `promised` is what was accepted when it last said that it is durable
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(
            [sys.executable, "-c", _OBEY, str(path)], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._orders, self._answers = self._child.stdin, self._child.stdout
        assert self._answers.readline() == "ready\n"

    def obey(self, *orders: str) -> list[Moment]:
        """The moments after these orders."""
        for order in orders:
            if order.startswith("put"):
                item, _, last = order.split()[1:]
                self.accepted[item] = int(last)
            self._orders.write(order + "\n")
            self._orders.flush()
            assert select.select([self._answers], [], [], PATIENCE_S)[0], f"it hangs at {order!r}"
            state, _, reason = self._answers.readline().strip().partition(" ")
            assert state, f"it ended at {order!r}: {self._child.communicate()[1]}"
            self.promised = dict(self.accepted) if state == _DURABLE else self.promised
            self.moments.append(Moment(order, state, reason, read(self.path) == self.accepted))
        return self.moments[-len(orders) :]

    @contextmanager
    def traced(self, *inject: str) -> Iterator[list[Step]]:
        """While this lasts, calls on the journal's files are traced, and fail as `inject` says. Yields what will be the
        trace.
        """
        names, log, steps = _names(self.path), self.path.parent.parent / "trace", list[Step]()
        command = ["strace", "-f", "-y", "-o", str(log), "-e", "trace=" + ",".join(CALLS.values())]
        command += [part for path in names for part in ("-P", path)]
        command += [part for one in inject for part in ("-e", f"inject={one}")]
        strace = subprocess.Popen([*command, "-p", str(self._child.pid)], stderr=subprocess.PIPE, text=True)
        assert strace.stderr is not None
        first = len(self.moments)
        try:
            assert "attached" in (said := strace.stderr.readline()), said
            yield steps
        finally:
            strace.send_signal(signal.SIGTERM)
            strace.communicate()
        steps += [_step(line, names) for line in _whole_lines(log)]
        for moment, synced in zip(self.moments[first:], _synced_when_said(steps), strict=True):
            moment.synced = synced

    def end(self) -> int:
        """Its exit code, when there are no more orders."""
        self._child.communicate(timeout=PATIENCE_S)
        return self._child.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        self._child.communicate()


def _names(path: Path) -> dict[str, str]:
    """What the trace may name, by path."""
    quarantine = path.parent / "quarantine"
    beside = {f"{path}.{name}": name for name in ("new", "prev", "prev.tmp", "durable", "memory_only")}
    kept = {str(quarantine / f"{path.name}-0001.{end}"): name for end, name in (("bad", "piece"), ("json", "report"))}
    return {str(path): "file", str(path.parent): "directory", str(quarantine): "quarantine", **beside, **kept}


def _whole_lines(log: Path) -> Iterator[str]:
    """The calls of a trace in the order of their ends; strace splits one during which another thread made one."""
    begun: dict[str, str] = {}
    for line in log.read_text().splitlines():
        thread, rest = line.split(maxsplit=1)
        if rest.endswith(" <unfinished ...>"):
            begun[thread] = line.removesuffix(" <unfinished ...>")
        elif rest.startswith("<... "):
            yield begun.pop(thread) + rest.partition(" resumed>")[2]
        elif not rest.startswith(("+++", "---")):  # an exit, a signal
            yield line


def _step(line: str, names: dict[str, str]) -> Step:
    found = _LINE.fullmatch(line)
    assert found is not None, line
    call, arguments, result, rest = found.groups()
    call = {"open": "openat", "faccess": "access"}.get(call, call)
    open_file = re.match(r"\d+<(.*?)(?: \(deleted\))?>", arguments)
    paths = [open_file[1]] if open_file is not None else re.findall(r'"(.*?)"', arguments)
    name = names.get(paths[-1 if call == "link" else 0], "?")
    return Step(line.split()[0], f"{call} {name}", result.startswith("-"), "(INJECTED)" in rest)


def _synced_when_said(steps: Sequence[Step]) -> list[bool]:
    """For each time that the process said how it stands: whether all that was written had been synced by then."""
    disk, said = _Disk(), []
    for step in steps:
        if step.call == "access":
            said.append(not (disk.waiting | disk.lost) & {"file", "directory"})
        else:
            disk.take(step)
    return said


class _Disk:
    """What of each file waits for a sync, what a failed sync has lost, and which descriptors have failed."""

    def __init__(self) -> None:
        self.waiting, self.lost, self.failed = set[str](), set[str](), set[str]()

    def take(self, step: Step) -> None:
        name = step.name.split()[1]
        if step.call in {"write", "fsync", "fdatasync"}:
            assert name not in self.failed, f"{step} after one that had failed"
            if step.failed:
                self.failed.add(name)
                self.lost |= {name} & self.waiting if step.call != "write" else set()
            elif step.call == "write":
                self.waiting.add(name)
            else:
                self.waiting.discard(name)
        elif not step.failed:
            self._change(step, name)

    def _change(self, step: Step, name: str) -> None:
        if step.call == "openat":
            self.failed.discard(name)
        if step.call == "ftruncate" or (step.call == "openat" and name == "new"):  # cut back, or made anew
            self._set(name, waiting=False, lost=False)
        elif step.name == "rename new":
            self._set("file", waiting="new" in self.waiting, lost="new" in self.lost)
            self._set("directory", waiting=True, lost=False)
            self.failed.discard("file")

    def _set(self, name: str, *, waiting: bool, lost: bool) -> None:
        self.waiting = self.waiting | {name} if waiting else self.waiting - {name}
        self.lost = self.lost | {name} if lost else self.lost - {name}


def read(path: Path) -> Held | None:
    """What a journal's file holds, as anybody could read it; None where no whole generation stands there."""
    held: Held = {}
    head, lines = None, 0
    for raw in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
        body, _, crc = raw.rpartition(b',"crc":"')
        if crc != b'%08x"}\n' % zlib.crc32(body):
            continue
        line = json.loads(raw)
        head = line["d"] if line["k"] == "head" else head
        if line["k"] == "put":
            held[line["id"]] = line["d"]
        elif line["k"] == "del":
            held.pop(line["id"], None)
        lines += 1
    return held if head is not None and lines > head["items"] else None
