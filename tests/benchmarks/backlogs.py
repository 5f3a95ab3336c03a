"""A backlog of the product on disk, and its drain by the product: real journal, queue, dispatcher and senders."""

import asyncio
from pathlib import Path
from typing import Final

from core.settings import Endpoint, Retry
from core.webhooks.accounts import ENDED
from tests.benchmarks.posting import AT_ONCE, BODY
from tests.benchmarks.racing import Taken, Watch
from tests.core.webhooks.factories import Station, a_case_event, a_station, an_endpoint

LOOK_S: Final = 0.02
FILLED_AT_ONCE: Final = 1000


async def fill(directory: Path, backlog: dict[str, int]) -> None:
    """So many deliveries to each endpoint, pending, none tried yet; then the core ends."""
    unheard = [an_endpoint("http://127.0.0.1:9/", name) for name in backlog]
    async with a_station(directory, *unheard, sending=False) as station:
        for name, count in backlog.items():
            events = [a_case_event(f"{name}_{number}", 1) for number in range(count)]
            for start in range(0, count, FILLED_AT_ONCE):
                some = events[start : start + FILLED_AT_ONCE]
                await station.queue.durable([station.queue.accept(event, [name], BODY)[0] for event in some])


async def drain(directory: Path, endpoints: list[Endpoint], timeout_s: float, count: int) -> Taken:
    """A start on this backlog: how long until `count` deliveries to the first endpoint are delivered, each on disk."""
    retry = Retry(max_items=100_000)
    async with a_station(directory, *endpoints, retry=retry, timeout_s=timeout_s, places=AT_ONCE) as station:
        watch = Watch()
        await delivered(station, count)
        await station.journal.settled(max(one.n for one in station.queue.entries() if one.delivery.status in ENDED))
        return watch.taken()


async def delivered(station: Station, count: int) -> None:
    """Wait for so many, looking seldom: a look at all of them costs as much as ten deliveries."""
    while (left := count - station.queue.known.accounts().delivered) > 0:
        at_least = station.queue.seq + left  # each ends with one change
        while station.queue.seq < at_least:
            await asyncio.sleep(LOOK_S)
