"""A card that loses its power while a box runs on it, and the account of what the box had said by then.

The power cut is the shutdown ioctl of ext4: from then on nothing reaches the device, what was on its way is lost.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from core.monitoring.cases import Case
from core.webhooks.entry import Entry
from tests.core.monitoring.factories import a_book, a_queue
from tests.e2e.conftest import ROOT, wait_until
from tests.fakes import FakeClock

CARD_BYTES: Final = 64 * 1024 * 1024
MOST_BYTES_SAID: Final = 8_000  # some 80 changes
_SHUTDOWN: Final = 0x8004587D  # EXT4_IOC_SHUTDOWN
_NO_LOG_FLUSH: Final = 2
_REPAIRED: Final = 1  # e2fsck: errors were found and corrected


def without(calls: str) -> tuple[str, ...]:
    """What to run a box under, so that these system calls only say that they were made."""
    inject = ("-e", f"trace={calls}", "-e", f"inject={calls}:retval=0")
    return ("strace", "-f", "--seccomp-bpf", "-qq", "-o", os.devnull, *inject)


class Card:
    """An ext4 file system in an image file, mounted at `place` while it is plugged in."""

    def __init__(self, directory: Path, make: Sequence[str], mount: Sequence[str]):
        self.place, self._image = directory / "card", directory / "image"
        self._options = ",".join(("loop", *mount))
        self.place.mkdir()
        with self._image.open("wb") as image:
            image.truncate(CARD_BYTES)
        _run("mkfs.ext4", "-q", "-F", *make, str(self._image))

    def plug_in(self) -> None:
        checked = _run("e2fsck", "-p", str(self._image), check=False)
        assert checked.returncode <= _REPAIRED, checked.stdout
        _run("mount", "-o", self._options, str(self._image), str(self.place))

    def cut_power(self) -> None:
        fd = os.open(self.place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(fd, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def pull_out(self) -> None:
        """Also where it is not plugged in. A process that was just killed may hold it for a moment yet, or one in a mount
        namespace of its own: mounted meanwhile, it would be the same file system still, shut down and in memory.
        """
        wait_until(self._is_out, f"{self.place} is unmounted, and its image free")

    def _is_out(self) -> bool:
        if self.place.is_mount() and _run("umount", str(self.place), check=False).returncode != 0:
            return False
        return not _run("losetup", "-j", str(self._image)).stdout


@contextlib.contextmanager
def a_card(directory: Path, make: Sequence[str] = (), mount: Sequence[str] = ()) -> Iterator[Card]:
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    if missing := [tool for tool in ("mkfs.ext4", "e2fsck", "mount", "losetup") if shutil.which(tool) is None]:
        pytest.skip(f"{missing[0]} is missing")
    directory.mkdir(exist_ok=True)
    card = Card(directory, make, mount)
    try:
        try:
            card.plug_in()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no image can be mounted here: {error.output.strip()}")
        card.pull_out()
        yield card
    finally:
        try:
            card.pull_out()
        finally:  # whoever holds it: nothing of it stays behind
            _run("umount", "-q", "-l", str(card.place), check=False)


def _run(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Ledger:
    """The newest thing that the box has said of each case and each delivery, over all its lives."""

    def __init__(self) -> None:
        self.cases: dict[str, dict[str, Any]] = {}
        self.deliveries: dict[str, dict[str, Any]] = {}
        self._hearsay: set[tuple[str, int]] = set()  # events of which something was said when the power was gone

    def take(self, said: bytes, promised: int) -> None:
        """What a life said; a line that was cut off was not said. Behind the first `promised` bytes it is no promise: a sync
        that is under way while ext4 shuts down may succeed and still leave its blocks unwritten, which nobody could ever
        hear of a box without power.
        """
        end = 0
        for line in said.splitlines(keepends=True):
            end += len(line)
            if not line.endswith(b"\n"):
                continue
            one = json.loads(line)
            if end <= promised:
                book = self.cases if "case" in one else self.deliveries if "delivery" in one else {}
                book[one.get("case") or one.get("delivery")] = one
            elif "of" in one:
                self._hearsay.add((one["of"][0], one["of"][1]))

    def lost(self, directory: Path) -> list[str]:
        """What was said and is not there any more when a box starts on this directory."""
        clock = FakeClock()
        with a_queue(directory, clock) as queue, a_book(directory, clock) as book:
            wrong = {
                "undecodable": queue.known.undecodable + book.undecodable,
                "unaccounted": queue.known.accounts().unaccounted,
            }
            return [
                *(f"{count} {what}" for what, count in wrong.items() if count),
                *self._lost_cases({case.case_id: case.seq for case in book.all()} | _archived(directory)),
                *self._lost_events(book.all(), list(queue.entries())),
                *self._lost_deliveries(list(queue.entries()), queue.known.forgotten_seq),
            ]

    def _lost_cases(self, there: dict[str, int]) -> list[str]:
        return [str(one) for case_id, one in self.cases.items() if there.get(case_id, 0) < one["at"]]

    def _lost_events(self, all_cases: Iterable[Case], entries: Iterable[Entry]) -> list[str]:
        """Each event of a case stands in the outbox or was accepted as a delivery."""
        known: set[tuple[str | None, int | None]]
        known = {(case.case_id, event.seq) for case in all_cases for event in case.outbox}
        known |= {(one.delivery.case_id, one.delivery.seq) for one in entries}
        known |= {tuple(one["of"]) for one in self.deliveries.values()} | self._hearsay
        events = {(case.case_id, seq) for case in all_cases for seq in range(1, case.seq + 1)}
        return [f"event {seq} of {case_id}" for case_id, seq in sorted(events - known)]

    def _lost_deliveries(self, entries: Iterable[Entry], forgotten_seq: int) -> list[str]:
        """One that has ended may be out of sight, also where the cut came before its end was said."""
        there = {entry.delivery.delivery_id: entry for entry in entries}
        lost = []
        for item_id, one in self.deliveries.items():
            entry = there.get(item_id)
            if entry is None:
                gone = not one["ended"] or one["at"] > forgotten_seq
            else:
                gone = entry.n < one["at"] or (one["ended"] and not _ended(entry))
                one["ended"] = one["ended"] or _ended(entry)
            if gone:
                lost.append(str(one))
        return lost


def _ended(entry: Entry) -> bool:
    return entry.delivery.settled_at is not None


def _archived(directory: Path) -> dict[str, int]:
    """The cases in the archive and their numbers, from its whole lines."""
    found = {}
    for file in (directory / "archive").glob("cases-*.jsonl"):
        for line in file.read_bytes().splitlines():
            with contextlib.suppress(ValueError):
                document = json.loads(line)["d"]
                found[document["case_id"]] = document["seq"]
    return found


class Box:
    """Lives on the card until the power goes, again and again; the ledger knows what it said."""

    def __init__(self, card: Card, rng: Random, under: Sequence[str] = ()):
        self.card, self.ledger = card, Ledger()
        self._rng, self._under, self._lives = rng, under, 0
        self._beside = card.place.parent

    def live_until_a_cut(self) -> list[str]:
        """One life on the card; afterwards, what is lost. The next life begins on what this one left.

        The cut comes some moments after it has said so many things; so a busy machine makes no life too short.
        """
        bytes_said = self._rng.randrange(1, MOST_BYTES_SAID)
        self._lives += 1
        said = self._beside / f"said-{self._lives}"
        self.card.plug_in()
        with said.open("w") as out:
            command = (*self._under, sys.executable, "-m", "tests.e2e.power_victim", str(self.card.place))
            process = subprocess.Popen(
                [*command, str(self._rng.randrange(2**31))], stdout=out, cwd=ROOT, start_new_session=True
            )
            try:
                wait_until(lambda: said.stat().st_size >= bytes_said, f"the box says something\n{said.read_text()}")
                time.sleep(self._rng.uniform(0.0, 0.1))
                promised = said.stat().st_size
                self.card.cut_power()
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                died_of = process.wait()
        assert died_of in {0, -signal.SIGKILL}, "it failed before its power did"
        self.ledger.take(said.read_bytes(), promised)
        self.card.pull_out()
        return self._examine()

    def _examine(self) -> list[str]:
        self.card.plug_in()
        copy = self._beside / "examined"
        try:
            shutil.copytree(self.card.place, copy, ignore=shutil.ignore_patterns("lost+found", "reserve"))
        finally:
            self.card.pull_out()
        lost = self.ledger.lost(copy)
        shutil.rmtree(copy)
        return lost

    def compactions(self, name: str) -> int:
        """How often this journal was written anew, but for its first time and the starts after a cut."""
        self.card.plug_in()
        try:
            with (self.card.place / name).open("rb") as file:
                head = json.loads(file.readline())["d"]
        finally:
            self.card.pull_out()
        return int(head["gen"] - head["unclean_starts"] - 1)
