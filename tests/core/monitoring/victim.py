"""A core that is to be killed: `python -m tests.core.monitoring.victim DIR` breaks and keeps a limit as fast as it can.

It judges, acts as people do, and publishes into a real retry queue, all over real journals in DIR.
"""

import asyncio
import itertools
import sys
from pathlib import Path
from random import Random

from core.journal import Archive, SnapshotJournal
from core.monitoring import handling
from core.monitoring.case_book import CaseBook
from core.settings import Retry
from core.webhooks.retry_queue import RetryQueue
from tests.core.monitoring.factories import HIGH_KEY, Bench, QueuePublisher
from tests.fakes import FakeClock


async def live(directory: Path) -> None:
    clock = FakeClock()
    queue = RetryQueue(SnapshotJournal(directory / "retries.jsonl", clock), Retry(), ["hq"], clock, Random(1))
    book = CaseBook(SnapshotJournal(directory / "cases.jsonl", clock), Archive(directory, clock), clock)
    async with asyncio.TaskGroup() as group:
        group.create_task(book.run(QueuePublisher(queue)))
        bench = Bench(book, clock)
        for round_number in itertools.count():
            bench.breach()
            await asyncio.sleep(0.001 * (round_number % 3))
            if round_number % 3 == 2:
                case = book.current(HIGH_KEY)
                assert case is not None
                await book.act(
                    case.case_id,
                    lambda case, at: handling.handle(
                        case, actor="wang", action="door closed", disposition="", note="", at=at
                    ),
                )
            bench.recover()
            if round_number == 3:
                print("alive", flush=True)
            await asyncio.sleep(0.001)


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1])))
