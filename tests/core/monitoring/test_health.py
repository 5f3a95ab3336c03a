"""The box's own troubles: a full disk, news that is not durable, a clock that nobody sets or that somebody sets."""

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from core.events import EventType, Severity
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Condition
from core.monitoring.health import LOOK_S, UNSYNCHRONISED_S, DeviceHealth
from core.monitoring.monitor import Monitor
from tests.core.monitoring.factories import ListPublisher, a_book, publishing, until
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

SIZE = 1024 * 1024
SECOND = timedelta(seconds=1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)], check=False).returncode:
        pytest.skip("a tmpfs can't be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


class Box:
    """A box whose health is looked at by hand; `durable` says whether its journals are."""

    def __init__(self, book: CaseBook, clock: FakeClock, disk: Path):
        self.book, self.clock, self.durable = book, clock, True
        self.health = DeviceHealth(book, disk, lambda: self.durable, clock)

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.clock.advance(LOOK_S)
            await self.health.look()

    def cases(self) -> list[tuple[str | None, Severity, Condition]]:
        return [(case.fault, case.severity, case.condition) for case in self.book.all()]


async def test_a_disk_that_is_nearly_full_is_a_case_until_there_is_room_again(
    book: CaseBook, clock: FakeClock, small_disk: Path
) -> None:
    box = Box(book, clock, small_disk)
    await box.look(5)
    assert box.cases() == []
    (small_disk / "ballast").write_bytes(bytes(SIZE * 97 // 100))
    await box.look()
    assert box.cases() == []  # it may be so for a moment
    await box.look()
    assert box.cases() == [("disk_full", Severity.WARNING, Condition.ACTIVE)]
    (small_disk / "ballast").unlink()
    await box.look()
    assert box.cases() == [("disk_full", Severity.WARNING, Condition.CLEARED)]


async def test_a_disk_that_is_gone_is_no_full_one(book: CaseBook, clock: FakeClock, tmp_path: Path) -> None:
    box = Box(book, clock, tmp_path / "no_such")
    await box.look(5)
    assert box.cases() == []


async def test_what_is_not_durable_is_a_case(book: CaseBook, clock: FakeClock, tmp_path: Path) -> None:
    box = Box(book, clock, tmp_path)
    box.durable = False
    await box.look(2)
    box.durable = True
    assert box.cases() == [("not_durable", Severity.WARNING, Condition.ACTIVE)]
    await box.look()
    assert box.cases() == [("not_durable", Severity.WARNING, Condition.CLEARED)]


async def test_a_clock_that_nothing_sets_for_a_day_is_worth_a_word(
    book: CaseBook, clock: FakeClock, tmp_path: Path
) -> None:
    box = Box(book, clock, tmp_path)
    clock.in_sync = False
    await box.look(int(UNSYNCHRONISED_S / LOOK_S) - 1)
    assert box.cases() == []
    await box.look(2)
    assert box.cases() == [("clock_unsynchronised", Severity.INFO, Condition.ACTIVE)]
    clock.in_sync = True
    await box.look()
    assert [(case.condition, case.closed_because) for case in book.all()] == [(Condition.CLEARED, "over")]


async def test_a_restart_ends_none_of_these_cases(tmp_path: Path) -> None:
    clock = FakeClock()
    clock.in_sync = False
    for _ in range(3):
        with a_book(tmp_path, clock) as book:
            Monitor([], [], book, clock)
            box = Box(book, clock, tmp_path)
            box.durable = False
            if not book.all():
                await box.look(int(UNSYNCHRONISED_S / LOOK_S) + 2)
            await box.look(3)
            assert sorted(box.cases()) == [
                ("clock_unsynchronised", Severity.INFO, Condition.ACTIVE),
                ("not_durable", Severity.WARNING, Condition.ACTIVE),
            ]


@pytest.mark.parametrize("by_s", [94_608_000.0, -94_608_000.0, 6.0, -6.0])
async def test_a_clock_that_is_set_is_told_once_with_by_how_much(
    book: CaseBook, clock: FakeClock, tmp_path: Path, by_s: float
) -> None:
    box, publisher = Box(book, clock, tmp_path), ListPublisher()
    async with publishing(book, publisher):
        await box.look(3)
        clock.wall += by_s * SECOND
        await box.look(3)
        await until(lambda: bool(publisher.calls))
    (event,) = publisher.calls
    assert event.type is EventType.DEVICE_CLOCK_CHANGED
    assert msgspec.json.decode(event.data) == {"by_s": by_s, "clock_synced": True}
    assert box.cases() == []


async def test_a_clock_that_drifts_is_not_told(book: CaseBook, clock: FakeClock, tmp_path: Path) -> None:
    box, publisher = Box(book, clock, tmp_path), ListPublisher()
    async with publishing(book, publisher):
        for _ in range(20):
            clock.wall += 4 * SECOND
            await box.look()
    assert publisher.calls == []


async def test_the_last_look_tells_how_large_the_disk_is_and_what_is_free(
    book: CaseBook, clock: FakeClock, small_disk: Path
) -> None:
    box = Box(book, clock, small_disk)
    assert box.health.disk is None
    await box.look()
    empty = box.health.disk
    (small_disk / "ballast").write_bytes(bytes(SIZE // 2))
    await box.look()
    half = box.health.disk
    assert empty is not None
    assert half is not None
    assert (empty.size, half.size, half.free) == (SIZE, SIZE, empty.free - SIZE // 2)


async def test_of_a_disk_that_is_gone_nobody_can_say_how_large_it_is(
    book: CaseBook, clock: FakeClock, tmp_path: Path
) -> None:
    box = Box(book, clock, tmp_path / "no_such")
    await box.look()
    assert box.health.disk is None
