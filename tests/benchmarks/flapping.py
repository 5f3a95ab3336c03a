"""A shop in which every cabinet warms up and cools down again and again: `python -m tests.benchmarks.flapping DIR SECONDS`.

The real loops over real journals in DIR. Prints how late each turn of the monitoring was, and what became of the disk.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from random import Random
from typing import Final

from core.clock import SystemClock
from core.events import EventType
from core.journal import Archive, SnapshotJournal
from core.monitoring.case_book import CaseBook
from core.monitoring.monitor import Monitor
from core.monitoring.posts import Line
from core.sensors.simulated import SimulatedSource
from core.settings import Cabinet, Limits, Retry, Sensor
from core.settings import SimulatedSource as SimulatedSettings
from core.webhooks.retry_queue import RetryQueue
from tests.core.monitoring.factories import QueuePublisher

CABINETS: Final = 8
INTERVAL_S: Final = 0.05
SPEED: Final = 3600.0  # an hour of the shop in each second
POINT: Final[dict[str, str | int | float]] = {
    "model": "chiller",
    "fails_after_s": 600,
    "repaired_after_s": 3000,
    "every_s": 7200,
}


class Punctuality(SystemClock):
    """The machine's clock, which notes how late each sleeper woke: the beat, and the turns of every source."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []

    async def sleep(self, seconds: float) -> None:
        due_s = self.steady() + seconds
        await super().sleep(seconds)
        if seconds > 0:
            self.late_ms.append((self.steady() - due_s) * 1000)


def a_line(number: int, clock: SystemClock) -> tuple[Line, Cabinet]:
    name = f"{number:02}"
    limits = Limits(low=-5.0, high=6.0)
    cabinet = Cabinet(id=name, limits=limits, alarm_delay_s=60.0, clear_delay_s=60.0, reopen_window_s=0.0)
    sensors = (Sensor(id=f"{name}.air", cabinet=name, source=name, point=POINT),)
    source = SimulatedSource(SimulatedSettings(id=name, seed=number, speed=SPEED), sensors, clock)
    return Line(id=name, driver="simulated", source=source, interval_s=INTERVAL_S, sensors=sensors), cabinet


async def watched(directory: Path, seconds: float) -> dict[str, object]:
    clock = Punctuality()
    cases = SnapshotJournal(directory / "cases.jsonl", clock)
    retries = SnapshotJournal(directory / "retries.jsonl", clock)
    queue = RetryQueue(retries, Retry(), ["hq"], clock, Random(1))
    book = CaseBook(cases, Archive(directory, clock), clock)
    lines, cabinets = zip(*(a_line(number, clock) for number in range(CABINETS)), strict=True)
    monitor = Monitor(lines, cabinets, book, clock)
    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            group.create_task(book.run(QueuePublisher(queue)))
            group.create_task(monitor.run())
    except TimeoutError:
        pass
    return {
        "late_ms": clock.late_ms,
        "beats": monitor.beat,
        "changes": cases.seq,
        "told": sum(entry.delivery.event_type == EventType.CASE_OPENED for entry in queue.entries()),
        "worst_sync_ms": cases.health().worst_sync_ms,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(watched(Path(sys.argv[1]), float(sys.argv[2])))), flush=True)
    os._exit(0)  # nobody needs the end of these journals, which would wait for the slow disk
