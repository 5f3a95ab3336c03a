"""What the stream's look costs the loop, once a second while anybody listens, on a box with much to look at."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from core.events import Severity
from core.manage_api.changes import Changed
from core.monitoring import cases
from tests.core.manage_api.whole_shop import WholeShop, a_whole_shop
from tests.core.monitoring.factories import a_case
from tests.core.webhooks.factories import BODY, an_event

pytestmark = pytest.mark.anyio

SENSORS, CASES, RETRIES, CHANGES = 64, 500, 10_000, 100
MOST_QUIET_MS = 30.0
MOST_BUSY_MS = 60.0


async def test_a_look_holds_the_loop_up_for_a_moment_only(tmp_path: Path) -> None:
    """64 sensors, 500 cases, 10,000 retries: nothing new, and 100 deliveries, 10 cases and every reading changed."""
    async with a_whole_shop(tmp_path, SENSORS) as shop:
        await fill(shop)
        shop.changes.look()
        quiet = [timed(shop.changes.look) for _ in range(20)]
        busy = []
        for number in range(10):
            change(shop, number)
            busy.append(timed(shop.changes.look))
    assert {len(found) for _, found in quiet} == {0}
    assert min(len(found) for _, found in busy) >= CHANGES
    quiet_ms, busy_ms = (sorted(ms for ms, _ in several) for several in (quiet, busy))
    print(f"\na look: nothing new {quiet_ms[10]:.1f} ms (worst {quiet_ms[-1]:.1f}),", end=" ")
    print(f"{CHANGES} changes {busy_ms[5]:.1f} ms (worst {busy_ms[-1]:.1f})")
    assert quiet_ms[10] < MOST_QUIET_MS
    assert busy_ms[5] < MOST_BUSY_MS


def timed(look: Callable[[], list[Changed]]) -> tuple[float, list[Changed]]:
    began = time.perf_counter()
    found = look()
    return (time.perf_counter() - began) * 1000, found


async def fill(shop: WholeShop) -> None:
    for number in range(CASES):
        made = a_case(severity=Severity.WARNING)
        shop.parts.book.put(
            cases.opened(structs.replace(made, case_id=f"case_{number}", sensor=f"s{number}", cabinet="01"))
        )
    for number in range(SENSORS):
        shop.measure(5.0, f"{number + 1:02}.air", after_s=0.0)
    accepted = [shop.parts.queue.accept(an_event(f"evt_{number}"), ["hq"], BODY)[0] for number in range(RETRIES)]
    await shop.parts.queue.durable(accepted)


def change(shop: WholeShop, number: int) -> None:
    for entry in list(shop.parts.queue.entries())[number * CHANGES : (number + 1) * CHANGES]:
        shop.fail(entry)
    for one in shop.parts.book.all()[number * 10 : number * 10 + 10]:
        shop.parts.book.put(cases.cleared(one, shop.clock.now()))
    for sensor in range(SENSORS):
        shop.measure(5.0 + number / 10, f"{sensor + 1:02}.air", after_s=0.01)
