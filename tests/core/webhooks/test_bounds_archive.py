"""Between the archive and the queue: no moment, no fault and no person in between loses a dead letter."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.journal import Archive
from core.webhooks.bounds import Bounds
from tests.core.webhooks.bounded import a_dead_box, archived, bounds_of, dead, states, told
from tests.core.webhooks.factories import BODY, Box, an_event

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def while_archiving(box: Box) -> AsyncIterator[None]:
    """The body runs while the first of the dead letters is being written to the archive."""
    async with asyncio.TaskGroup() as group:
        group.create_task(bounds_of(box).keep())
        await asyncio.sleep(0)
        yield


@pytest.mark.parametrize("which", [0, 1])
async def test_a_dead_letter_queued_again_meanwhile_is_not_thrown_away(tmp_path: Path, which: int) -> None:
    """Neither the one that is just being written nor the one whose turn comes later."""
    with a_dead_box(tmp_path, max_dead_letters=0) as box:
        entries = await dead(box, 3)
        async with while_archiving(box):
            box.queue.requeue(entries[which].delivery.delivery_id, "li")
        again = entries.pop(which)
        assert (states([again]), bytes(again.delivery.body), len(again.delivery.history)) == (["pending"], BODY, 1)
        assert states(entries) == ["archived"] * 2
        assert box.order() == [again.delivery.event_id]


async def test_queued_again_and_dead_again_meanwhile_it_is_archived_as_it_is_now(tmp_path: Path) -> None:
    with a_dead_box(tmp_path, max_dead_letters=0) as box:
        [entry] = await dead(box, 1)
        async with while_archiving(box):
            box.queue.requeue(entry.delivery.delivery_id, "li")
            box.fail_until_dead()
        assert states([entry]) == ["dead_letter"]
        await bounds_of(box).keep()
        assert (states([entry]), archived(box)[-1]["attempts"]) == (["archived"], 2)


async def test_a_dead_letter_that_somebody_cancels_meanwhile_stays_cancelled(tmp_path: Path) -> None:
    with a_dead_box(tmp_path, max_dead_letters=0) as box:
        entries = await dead(box, 2)
        async with while_archiving(box):
            for entry in entries:
                box.queue.cancel(entry.delivery.delivery_id, "li")
        assert states(entries) == ["cancelled"] * 2


async def test_a_kill_between_archive_and_queue_loses_nothing(tmp_path: Path) -> None:
    """The dead letter is still in the queue and goes once more: the archive may hold it twice, the account has it once."""
    with a_dead_box(tmp_path, max_dead_letters=0) as box:
        [entry] = await dead(box, 1)
        await box.queue.settled(entry.n)
        before_it_left = box.log.read_bytes()
        await bounds_of(box).keep()
        assert states([entry]) == ["archived"]
        box.close()
        box.log.write_bytes(before_it_left)
        box.reopen()
        assert [str(one.delivery.status) for one in box.queue.entries()] == ["dead_letter"]
        await bounds_of(box).keep()
        assert told(archived(box)) == [entry.delivery.event_id] * 2
        account = box.queue.known.accounts()
        assert (account.accepted, account.dead_letter, account.archived, account.unaccounted) == (1, 1, 1, 0)


# -- an archive that can't be written ----------------------------------------------------------------------------------


async def test_what_cannot_be_archived_stays_in_the_queue_until_it_can(tmp_path: Path) -> None:
    with a_dead_box(tmp_path, max_dead_letters=0) as box:
        (tmp_path / "archive").write_text("a file where the directory should be")
        archive = Archive(tmp_path, box.clock)
        bounds = Bounds(box.queue, archive, box.policy, box.clock)
        entries = await dead(box, 2)
        await bounds.keep()
        assert states(entries) == ["dead_letter"] * 2
        assert archive.problem is not None
        assert "dead-202611.jsonl" in archive.problem
        (tmp_path / "archive").unlink()
        await bounds.keep()
        assert states(entries) == ["archived"] * 2
        assert archive.problem is None


async def test_without_an_archive_nothing_is_given_up_for_its_bytes(tmp_path: Path) -> None:
    """It would make no room: dead letters take as much as what waits."""
    with a_dead_box(tmp_path, max_mib=0.0001) as box:
        (tmp_path / "archive").write_text("a file where the directory should be")
        await dead(box, 1)
        [entry] = await box.accept(an_event("evt_waits"))
        await bounds_of(box).keep()
        assert states([entry]) == ["pending"]
