"""A wall clock that jumps leaves each pending delivery due within the wait that was set, and gives none up."""

import asyncio
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from core.settings import Endpoint, Retry
from core.webhooks.deliveries import Status
from tests.core.webhooks.factories import a_case_event, an_event
from tests.core.webhooks.lives import Life, World, a_life, booted, fair, killed, survived
from tests.core.webhooks.walks import CLOSED, HOUR, YEAR, mood, refusal

JUMPS = [
    pytest.param(jump, id=name)
    for name, jump in {
        "to 1970": -56 * YEAR,
        "to 2096": 70 * YEAR,
        "an hour back": -HOUR,
        "an hour on": HOUR,
        "the last minute again": timedelta(seconds=-59),
    }.items()
]
EVERYWHERE = (
    Endpoint(id="hq", url="https://hq.example/in", events=("case.*",)),
    Endpoint(id="robot", url="https://robot.example/in", events=("case.*",), rate_per_min=20),
)


def a_world(directory: Path) -> World:
    """Receivers that fail in every way that is worth another try; given up only for age, and not before four hours."""
    world = World(directory, EVERYWHERE, Retry(max_age_h=4.0))
    failures = (CLOSED, refusal(500), refusal(429, 90.0), refusal(404), refusal(503, 600.0))
    world.weather = dict.fromkeys(world.endpoints, mood(failures, (0.0, 3.0), Random(5)))
    return world


async def some_hours_of_failures(life: Life) -> None:
    for number in range(6):
        await life.dispatcher.publish(an_event(f"evt_{number}"))
        await life.dispatcher.publish(a_case_event("c", number + 1))
        await life.advance(300.0)


def waits_s(life: Life) -> dict[str, float]:
    """Until each head of a lane is due."""
    due = {entry.delivery.delivery_id: life.queue.due_in_s(entry) for entry in life.queue.entries()}
    return {item_id: due_in_s for item_id, due_in_s in due.items() if due_in_s is not None}


def check(life: Life) -> None:
    entries = list(life.queue.entries())
    assert len(entries) == 24
    assert {entry.delivery.status for entry in entries} == {Status.PENDING}
    for entry in entries:
        due_in_s = life.queue.due_in_s(entry)
        assert due_in_s is None or due_in_s <= entry.delivery.delay_s + 1e-6


async def all_goes_out(world: World, life: Life) -> None:
    world.weather = dict.fromkeys(world.endpoints, fair)
    await life.advance(3600.0 + 900.0)
    assert {entry.delivery.status for entry in life.queue.entries()} == {Status.DELIVERED}


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_moves_nothing_while_the_core_runs(tmp_path: Path, jump: timedelta) -> None:
    """Not by a second: waiting is steady time's."""

    async def live() -> None:
        world = a_world(tmp_path)
        async with a_life(world) as life:
            await some_hours_of_failures(life)
            before = waits_s(life)
            world.clock.wall += jump
            await life.quiet()
            check(life)
            assert waits_s(life) == before
            await life.advance(1800.0)
            check(life)
            await all_goes_out(world, life)
            await life.stop()

    asyncio.run(live())


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
@pytest.mark.parametrize("reboot", [False, True], ids=["the core", "the box"])
def test_a_jump_across_a_restart_delays_and_ends_nothing(
    tmp_path: Path, jump: timedelta, kill: bool, reboot: bool
) -> None:
    """Due within the wait that was set, with the age it had."""

    async def live() -> None:
        world = a_world(tmp_path)
        async with a_life(world) as life:
            await some_hours_of_failures(life)
            if kill:
                life.journal.wait(life.journal.seq)
            else:
                await life.stop()
            left = survived(world)
            ages_s = {entry.delivery.delivery_id: entry.delivery.age_s for entry in life.queue.entries()}
        if kill:
            killed(world, left)
        if reboot:
            booted(world, 20.0, jump)
        else:
            world.clock.wall += jump
        async with a_life(world) as life:
            check(life)
            assert all(
                life.queue.ages.age_s(one) <= ages_s[one.delivery.delivery_id] + 1.0 for one in life.queue.entries()
            )
            await life.advance(1800.0)
            check(life)
            await all_goes_out(world, life)
            await life.stop()

    asyncio.run(live())
