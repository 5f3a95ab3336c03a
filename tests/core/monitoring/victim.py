"""A core that is to be killed: `python -m tests.core.monitoring.victim DIR` breaks and keeps a limit as fast as it can.

It judges, acts as people do (shelves, notes, service, maintenance), sees storms, and publishes into a real retry queue, all
over real journals in DIR. After `alive` each line is the id of an event that is on disk by then.
"""

import asyncio
import itertools
import os
import sys
from datetime import datetime
from pathlib import Path
from random import Random

from msgspec import structs

from core.events import EventType, Severity
from core.journal import Archive, SnapshotJournal
from core.monitoring import cases, handling, service
from core.monitoring.case_book import CaseBook
from core.monitoring.chatter import STORM_CABINETS
from core.monitoring.service import Mover
from core.settings import Retry
from core.webhooks.retry_queue import RetryQueue
from tests.core.monitoring.factories import HIGH_KEY, Bench, QueuePublisher, a_case
from tests.fakes import FakeClock


async def say_and_do(book: CaseBook, round_number: int) -> None:
    """What people say and what is news of the whole site; printed once it is on disk."""
    name = f"{os.getpid()}_{round_number}"
    for number in range(STORM_CABINETS):
        cabinet = f"{name}_{number}"
        case = a_case(case_id=f"case_{cabinet}", sensor=cabinet, severity=Severity.WARNING)
        book.put(cases.opened(structs.replace(case, cabinet=cabinet)))
    book.tell(EventType.DEVICE_CLOCK_CHANGED, Severity.INFO, {"by_s": 12.0})
    cabinet = f"{name}_0"
    for change in (
        lambda case, at: handling.shelve(case, actor="li", for_s=600.0, note="load", at=at),
        lambda case, at: handling.note(case, actor="li", note="ice", at=at),
        lambda case, at: handling.unshelve(case, actor="li", at=at),
    ):
        after = await book.act(f"case_{cabinet}", change)
        print(f"evt_{cabinet}_{after.seq}", flush=True)

    def mover(at: datetime) -> Mover:
        return Mover(cabinet=cabinet, name="", actor="li", reason="new fan", at=at)

    await book.serve(cabinet, lambda now, _: service.maintain(now, actor="li", reason="fan", for_s=600.0), actor="li")
    out, back = f"evt_{name}_out", f"evt_{name}_in"
    await book.serve(cabinet, lambda now, at: service.take_out(now, mover(at), due_back=None, event_id=out), actor="li")
    print(out, flush=True)
    await book.serve(cabinet, lambda now, at: service.put_back(now, mover(at), event_id=back), actor="li")
    print(back, flush=True)


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
            await say_and_do(book, round_number)
            clock.advance(700.0)  # the next storm is another one
            book.pass_time()
            bench.recover()
            if round_number == 3:
                print("alive", flush=True)
            await asyncio.sleep(0.001)


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1])))
