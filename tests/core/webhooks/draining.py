"""What the tests of drains share: publishing, asking, and reading what came of it."""

import pytest

from core import wire
from core.errors import RefusalError
from core.events import Event
from core.webhooks.drains import Drains, finished_within
from tests.core.webhooks.factories import Station, an_event


async def publish(station: Station, *events: Event) -> None:
    for event in events:
        await station.dispatcher.publish(event)


async def published(station: Station, count: int) -> list[Event]:
    events = [an_event(f"evt_{number}") for number in range(count)]
    await publish(station, *events)
    return events


def an_id(station: Station, event: Event, endpoint: str = "hq") -> str:
    return station.entry(event, endpoint).delivery.delivery_id


async def drained(station: Station, within_s: float = 8.0, **question: object) -> wire.DrainResult:
    job = station.drains.start(wire.Drain(**question), "tui:anna")  # type: ignore[arg-type]  # passed on
    assert await finished_within(job, within_s)
    return station.drains.result(job)


def refused(drains: Drains, **question: object) -> tuple[int, str]:
    with pytest.raises(RefusalError) as caught:
        drains.start(wire.Drain(**question), "tui:anna")  # type: ignore[arg-type]  # passed on
    return caught.value.status, caught.value.code


def results(found: wire.DrainResult) -> dict[str, str]:
    return {item.delivery_id: item.result for item in found.items}
