"""What the journal costs, as one table: reopening, writing and waiting, each beside the least that it could cost.

The quick rows are for every run; `pytest -m torture -s` prints those with the figures that count.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from core.webhooks import deliveries
from tests.benchmarks.journals import (
    Bare,
    Pairs,
    Table,
    a_delivery,
    a_history,
    a_real_journal,
    counted_disk,
    in_turn,
    killed,
    on_a_real_disk,
    us,
)
from tests.core.journal.rigs import child, output

MOST_TIMES_DECODING: Final = 2.0
MOST_TIMES_PAYLOAD: Final = 1.5
MOST_MORE_BYTES: Final = 100e6
MOST_BYTES_ISOLATED: Final = 20_000
MOST_BYTES_GROUPED: Final = 3_000
TEN: Final = 10
BATCH: Final = 100
ITEMS: Final = 50
COMMIT_INTERVAL_S: Final = 5.5  # an ext4 that is left alone commits every five seconds

table = Table()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with on_a_real_disk(tmp_path) as directory:
        yield directory


@pytest.fixture(scope="module", autouse=True)
def printed() -> Iterator[None]:
    yield
    print(f"\n\n{table}")


def quick_and_full(quick: object, full: object) -> pytest.MarkDecorator:
    """Few for every run, the counts of the promise behind the marker."""
    return pytest.mark.parametrize(
        "size", [pytest.param(quick, id="quick"), pytest.param(full, id="full", marks=pytest.mark.torture)]
    )


# -- opening -----------------------------------------------------------------------------------------------------------

# In a process of its own: what it grows by is what the open journal takes.
REOPEN = """
import json, msgspec, os, pathlib, sys, time
from core.clock import SystemClock
from core.journal import SnapshotJournal
path, rounds = pathlib.Path(sys.argv[1]), int(sys.argv[2])

def status(field):
    (line,) = (line for line in open("/proc/self/status") if line.startswith(field))
    return int(line.split()[1]) * 1024

def decode_s():
    started_s = time.perf_counter()
    with path.open("rb") as file:
        for line in file:
            msgspec.json.decode(line)
    return time.perf_counter() - started_s

def open_s():
    started_s = time.perf_counter()
    journal = SnapshotJournal(path, SystemClock())
    live = sum(1 for _ in journal.items())
    taken_s = time.perf_counter() - started_s
    return taken_s, live, journal

before = status("VmRSS")
open_once_s, live, journal = open_s()
grown = status("VmHWM") - before
journal.close()
del journal
ours, peer = [], []
for _ in range(rounds):
    peer.append(decode_s())
    taken_s, again, journal = open_s()
    assert again == live
    ours.append(taken_s)
    journal.close()
    del journal
print(json.dumps([ours, peer, live, grown, open_once_s]))
"""


@quick_and_full((50_000, 5_000, 5), (1_000_000, 100_000, 3))
def test_reopening_takes_at_most_twice_the_decoding_of_each_line(tmp_path: Path, size: tuple[int, int, int]) -> None:
    """Of all history before a compaction, of the live lines after it; and memory for little more than what is live."""
    lines, live, rounds = size
    path = tmp_path / "retries.jsonl"
    payload = a_history(path, lines, live)
    history, found, grown, _ = reopened(path, rounds)
    assert found == live
    killed(path)
    *_, after_a_kill_s = reopened(path, 0)
    assert path.read_bytes().count(b"\n") < live + 10  # compacted, else the next figure is the last one again
    compacted, found, *_ = reopened(path, rounds)
    assert found == live
    what = f"{lines:,} lines, {live:,} live"
    reopening(f"reopen {what}", history)
    reopening(f"reopen {what}, compacted", compacted)
    decoding_s = statistics.median(history.peer_s)
    table.add(
        f"reopen {what}, after a kill: rewritten and synced",
        f"{after_a_kill_s:.2f} s",
        f"decode each line {decoding_s:.2f} s",
        after_a_kill_s / decoding_s,
        "",
    )
    most = MOST_TIMES_PAYLOAD * payload + MOST_MORE_BYTES
    table.add(
        f"memory, {what}",
        f"{grown / 1e6:.0f} MB more at the most",
        f"1.5x of {payload / 1e6:.0f} MB live + 100 MB",
        grown / most,
        "at most 1",
    )
    assert 1 / history.rate <= MOST_TIMES_DECODING
    assert 1 / compacted.rate <= MOST_TIMES_DECODING
    assert grown <= most


def reopened(path: Path, rounds: int) -> tuple[Pairs, int, int, float]:
    ours_s, peer_s, live, grown, once_s = json.loads(output(child(REOPEN, str(path), str(rounds))))
    return Pairs(ours_s, peer_s), live, grown, once_s


def reopening(what: str, pairs: Pairs) -> None:
    table.add(
        what,
        f"{statistics.median(pairs.ours_s):.2f} s",
        f"decode each line {statistics.median(pairs.peer_s):.2f} s",
        1 / pairs.rate,
        f"at most {MOST_TIMES_DECODING:g}",
    )


# -- wear --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("together", "pause_s", "most"),
    [
        pytest.param(1, 0.0, MOST_BYTES_ISOLATED, id="each"),
        pytest.param(TEN, 0.0, MOST_BYTES_GROUPED, id="tens"),
        pytest.param(1, COMMIT_INTERVAL_S, MOST_BYTES_ISOLATED, id="far apart", marks=pytest.mark.torture),
    ],
)
def test_a_durable_event_costs_few_block_writes(tmp_path: Path, together: int, pause_s: float, most: int) -> None:
    """Counted by the block device under an ext4, with all that the file system writes later."""
    groups = 20 if pause_s else 200 // together
    documents = [(one.delivery_id, deliveries.encode(one)) for one in map(a_delivery, range(groups * together))]
    with counted_disk(tmp_path) as (card, written):
        with a_real_journal(card / "data") as journal:
            before = written()
            for group in range(groups):
                for item_id, document in documents[group * together : (group + 1) * together]:
                    n = journal.put(item_id, document)
                journal.wait(n)
                time.sleep(pause_s)
            ours = (written() - before) / len(documents)
        bare = Bare(card, *map(list, zip(*documents[:together], strict=True)))
        bare.all_s(1)
        before = written()
        bare.all_s(groups)
        peer = (written() - before) / len(documents)
    how = "an isolated" if together == 1 else f"one of {together} together, an"
    apart = f", {pause_s:g} s apart" if pause_s else ""
    table.add(
        f"block writes of {how} event{apart}",
        f"{ours:,.0f} bytes",
        f"bare write + fdatasync {peer:,.0f} bytes",
        ours / peer,
        f"at most {most:,} bytes",
    )
    assert ours <= most


# -- rate --------------------------------------------------------------------------------------------------------------

DELIVERIES = [a_delivery(number) for number in range(BATCH)]
IDS = [one.delivery_id for one in DELIVERIES]
DOCUMENTS = [deliveries.encode(one) for one in DELIVERIES]

# A machine that does other things as well hits ours, with its two threads, harder than the bare loop.
AT_LEAST = {"plain": (0.5, 0.8), "loop": (0.25, 0.45), "batch": (0.3, 0.5)}


@quick_and_full(20, 100)
def test_appending_with_a_sync_per_item_is_little_slower_than_a_bare_loop(disk: Path, size: int) -> None:
    """From a plain thread: put, wait, and the next."""
    with a_real_journal(disk / "data") as journal:

        def ours_s() -> float:
            started_s = time.perf_counter()
            for number in range(ITEMS):
                journal.wait(journal.put(IDS[number], DOCUMENTS[number]))
            return time.perf_counter() - started_s

        bare = Bare(disk, IDS, DOCUMENTS)
        pairs = in_turn(ours_s, lambda: bare.each_s(ITEMS), size)
    appending("put + wait in a plain thread", "plain", pairs, ITEMS, full=size == 100)


@quick_and_full(20, 100)
def test_appending_from_the_event_loop_is_not_much_slower_than_a_bare_loop(disk: Path, size: int) -> None:
    """Put, await, and the next."""
    with a_real_journal(disk / "data") as journal:

        async def ours_s() -> float:
            started_s = time.perf_counter()
            for number in range(ITEMS):
                await journal.settled(journal.put(IDS[number], DOCUMENTS[number]))
            return time.perf_counter() - started_s

        bare = Bare(disk, IDS, DOCUMENTS)
        with asyncio.Runner() as runner:
            pairs = in_turn(lambda: runner.run(ours_s()), lambda: bare.each_s(ITEMS), size)
    appending("put + settled in the event loop", "loop", pairs, ITEMS, full=size == 100)


@quick_and_full(20, 100)
def test_batches_are_appended_at_half_the_rate_of_their_bare_bytes(disk: Path, size: int) -> None:
    """A hundred puts and one wait; beside it the bytes of all hundred, made before, in one write."""
    batches = 10
    with a_real_journal(disk / "data") as journal:

        def ours_s() -> float:
            started_s = time.perf_counter()
            for _ in range(batches):
                for number in range(BATCH):
                    n = journal.put(IDS[number], DOCUMENTS[number])
                journal.wait(n)
            return time.perf_counter() - started_s

        bare = Bare(disk, IDS, DOCUMENTS)
        pairs = in_turn(ours_s, lambda: bare.all_s(batches), size)
    appending("100 puts + one wait in a plain thread", "batch", pairs, batches, full=size == 100)


def appending(what: str, how: str, pairs: Pairs, count: int, *, full: bool) -> None:
    generous, promised = AT_LEAST[how]
    table.add(
        f"{what}, {len(pairs.ours_s) * count:,} times",
        us(pairs.ours_s, count),
        f"write + fdatasync {us(pairs.peer_s, count)}",
        pairs.rate,
        f"at least {promised:g}" + ("" if full else f" (here {generous:g})"),
    )
    assert pairs.rate >= (promised if full else generous)
