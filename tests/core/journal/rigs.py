"""What the journal's tests share: a journal that is closed again, a look at its file, child processes, strace."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.journal import SnapshotJournal
from core.journal.lines import Head, encode_line, generation
from tests.fakes import FakeClock

ROOT = Path(__file__).parents[3]
T = "2026-11-23T08:00:00.000Z"
Items = dict[str, bytes]


@contextmanager
def opened(path: Path) -> Iterator[SnapshotJournal]:
    journal = SnapshotJournal(path, FakeClock(), "test")
    try:
        yield journal
    finally:
        journal.close()


def a_journal(directory: Path, *ids: str) -> Path:
    """The file of a journal that held `ids`, each with its own name as document, and was closed."""
    path = directory / "retries.jsonl"
    with opened(path) as journal:
        for item_id in ids:
            put(journal, item_id)
    return path


def put(journal: SnapshotJournal, item_id: str, document: bytes | None = None) -> None:
    """Put and wait until it is on disk."""
    journal.wait(journal.put(item_id, b'"%s"' % item_id.encode() if document is None else document))


def items(journal: SnapshotJournal) -> Items:
    return {item_id: document for item_id, _, document in journal.items()}


def reopened(path: Path) -> Items:
    with opened(path) as journal:
        return items(journal)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def numbers(path: Path) -> list[int]:
    return [line["n"] for line in lines(path)]


def quarantined(path: Path) -> list[bytes]:
    return [kept.read_bytes() for kept in sorted((path.parent / "quarantine").glob(f"{path.name}-*.bad"))]


def a_generation(*ids: str, first_n: int = 1, gen: int = 1, epoch: str = "e") -> bytes:
    """A complete generation in bytes: its head and one line for each id."""
    held = [(first_n + at, a_line(first_n + at, "put", name, b'"%s"' % name.encode())) for at, name in enumerate(ids)]
    head = Head(gen=gen, epoch=epoch, items=len(held), upto=first_n + len(held) - 1)
    return b"".join(generation(head, b"{}", held, T))


def a_line(n: int, kind: str = "put", item_id: str = "x", document: bytes = b'"x"') -> bytes:
    return encode_line(n, T, kind, item_id, document)


def as_left_by_a_kill(path: Path, directory: Path) -> Path:
    """A copy of everything in the journal's directory at this moment."""
    shutil.copytree(path.parent, directory / "killed")
    return directory / "killed" / path.name


def eventually(holds: Callable[[], bool], within_s: float = 10.0) -> bool:
    end = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def child(code: str, *arguments: str, under: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """A Python process of its own in the project's root."""
    return subprocess.Popen(
        [*under, sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(process: subprocess.Popen[str]) -> str:
    """What it printed; fails the test where it failed."""
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return printed


def _strace_works() -> bool:
    strace = shutil.which("strace")
    return strace is not None and subprocess.run([strace, "-o", os.devnull, "true"], check=False).returncode == 0


needs_strace = pytest.mark.skipif(not _strace_works(), reason="strace is missing or may not trace")


def traced(code: str, *arguments: str, log: Path, options: tuple[str, ...]) -> list[str]:
    """The system calls of a child, one a line, descriptors with their paths."""
    output(child(code, *arguments, under=("strace", "-f", "-y", "-o", str(log), *options)))
    return log.read_text().splitlines()
