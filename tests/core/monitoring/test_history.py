"""Every minute of every sensor is kept, in the order it happened, whatever the clock and the disk do."""

import asyncio
import contextlib
import itertools
import math
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import RefusalError
from core.monitoring import history as module
from core.monitoring.history import COMMIT_S, HANGS_S, MOST_WAITING, History
from core.monitoring.minute_file import NAME
from core.monitoring.minute_schema import VERSION
from core.monitoring.minutes import QUALITIES
from core.samples import Quality
from tests.core.journal.rigs import needs_strace, traced
from tests.core.monitoring.factories import AIR, START, Bench, a_book, running, until
from tests.core.monitoring.histories import a_history, a_reading, means, on_disk, record, ticks
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
THREE_YEARS = timedelta(days=3 * 365)


@pytest.fixture
def history(tmp_path: Path, clock: FakeClock) -> History:
    return a_history(tmp_path, clock)


# -- rows --------------------------------------------------------------------------------------------------------------


async def test_a_minute_keeps_its_lowest_mean_and_highest_value_and_how_many_there_were(
    history: History, tmp_path: Path
) -> None:
    record(history, [4.0, 4.5, -3.25, 4.0, None, 4.75], every_s=10)
    await history.close()
    (row,) = on_disk(tmp_path)
    assert (row.low, row.mean, row.high, row.good, row.total) == (-3.25, 2.8, 4.75, 5, 6)
    assert QUALITIES[row.quality] == "fault"
    assert row.at_ms == round(START.timestamp() * 1000)


async def test_a_minute_without_a_good_value_has_none(history: History, tmp_path: Path) -> None:
    record(history, [None, None], every_s=10)
    await history.close()
    (row,) = on_disk(tmp_path)
    assert (row.low, row.mean, row.high, row.good, row.total) == (None, None, None, 0, 2)


@pytest.mark.parametrize("quality", Quality)
async def test_the_worst_quality_of_a_minute_is_remembered(history: History, tmp_path: Path, quality: Quality) -> None:
    history.add(a_reading(4.0))
    history.add(a_reading(4.0 if quality is Quality.GOOD else None, quality=quality))
    history.add(a_reading(4.0))
    await history.close()
    (row,) = on_disk(tmp_path)
    assert QUALITIES[row.quality] == quality


async def test_a_gap_is_an_absent_row(history: History, tmp_path: Path) -> None:
    record(history, [1.0, 2.0])
    record(history, [3.0], at=START + timedelta(minutes=30), steady_s=1800.0)
    await history.close()
    assert ticks(tmp_path) == [0, 1, 30]


async def test_minutes_are_cut_by_the_steady_time(history: History, tmp_path: Path) -> None:
    """55 s and 65 s of steady time are two minutes, whatever the wall clock says."""
    record(history, [1.0, 2.0], steady_s=55.0, every_s=10.0)
    await history.close()
    assert means(tmp_path) == [1.0, 2.0]


async def test_a_week_at_speed_20000_gives_the_rows_of_the_week(tmp_path: Path, clock: FakeClock) -> None:
    week, rows = [(n * 37 % 500) / 100 for n in range(7 * 1440 * 2)], []
    for name, speed in (("real", 1.0), ("fast", 20_000.0)):
        (tmp_path / name).mkdir()
        history = a_history(tmp_path / name, clock)
        record(history, week, every_s=30.0, speed=speed)
        await history.close()
        rows.append([minute._replace(at_ms=0) for minute in on_disk(tmp_path / name)])
    assert len(rows[0]) == 7 * 1440
    assert rows[0] == rows[1]


@pytest.mark.parametrize("jump", [THREE_YEARS, -THREE_YEARS, timedelta(minutes=-7)])
async def test_a_wall_clock_that_jumps_reorders_and_loses_nothing(
    history: History, tmp_path: Path, jump: timedelta
) -> None:
    """It jumps, and back again: onto labels that are there already."""
    record(history, [1.0] * 10)
    record(history, [2.0] * 10, at=START + jump, steady_s=600.0)
    record(history, [3.0] * 10, at=START, steady_s=1200.0)
    await history.close()
    assert means(tmp_path) == [1.0] * 10 + [2.0] * 10 + [3.0] * 10
    assert ticks(tmp_path) == list(range(30))
    found = await history.query(AIR, START, START + timedelta(minutes=10), 600)
    assert found.points[0].total == (23 if jump == timedelta(minutes=-7) else 20)
    there = await history.query(AIR, START + jump, START + jump + timedelta(minutes=10), 600)
    assert there.points[0].total == (16 if jump == timedelta(minutes=-7) else 10)


async def test_labels_that_repeat_across_a_restart_are_both_kept(tmp_path: Path, clock: FakeClock) -> None:
    """A box without a battery clock begins at the same wall time in every life."""
    for value in (1.0, 2.0):
        history = a_history(tmp_path, clock)
        record(history, [value] * 3)
        await history.close()
    assert means(tmp_path) == [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]
    assert ticks(tmp_path) == [0, 1, 2, 3, 4, 5]


async def test_the_time_between_two_runs_is_a_gap(tmp_path: Path, clock: FakeClock) -> None:
    for minute in (0, 45):
        history = a_history(tmp_path, clock)
        record(history, [1.0], at=START + timedelta(minutes=minute))
        await history.close()
    assert ticks(tmp_path) == [0, 45]


async def test_a_source_whose_steady_time_begins_anew_goes_on_behind_what_was(history: History, tmp_path: Path) -> None:
    record(history, [1.0, 2.0], steady_s=90_000.0)
    record(history, [3.0, 4.0], at=START + timedelta(minutes=2), steady_s=0.0)
    await history.close()
    assert means(tmp_path) == [1.0, 2.0, 3.0, 4.0]
    assert ticks(tmp_path) == [0, 1, 2, 3]


async def test_the_monitor_hands_over_every_sample(tmp_path: Path, clock: FakeClock, history: History) -> None:
    with a_book(tmp_path, clock) as book:
        bench = Bench(book, clock, record=history.add)
        bench.hear(4.0, None, 5.0)
    await history.close()
    (row,) = on_disk(tmp_path)
    assert (row.low, row.high, row.good, row.total) == (4.0, 5.0, 2, 3)


# -- committing --------------------------------------------------------------------------------------------------------


async def test_closed_minutes_are_on_disk_once_a_minute(history: History, tmp_path: Path, clock: FakeClock) -> None:
    async with running(history.run()):
        await asyncio.sleep(0)
        record(history, [1.0, 2.0, 3.0])
        clock.advance(COMMIT_S)
        await until(lambda: means(tmp_path) == [1.0, 2.0])
    await history.close()
    assert means(tmp_path) == [1.0, 2.0, 3.0]


async def test_the_last_minute_of_a_sensor_that_fell_silent_comes_to_disk(
    history: History, tmp_path: Path, clock: FakeClock
) -> None:
    """And a late sample of that very minute neither gets lost nor takes its place."""
    async with running(history.run()):
        await asyncio.sleep(0)
        record(history, [1.0])
        for _ in range(2):
            clock.advance(COMMIT_S)
            await until(lambda: history.last_alive() is None and not history._waiting)
            await asyncio.sleep(0.05)
        assert means(tmp_path) == [1.0]
        record(history, [5.0, 6.0])
    await history.close()
    assert means(tmp_path) == [1.0, 5.0, 6.0]


async def test_the_sign_of_life_is_that_of_the_run_before(tmp_path: Path, clock: FakeClock) -> None:
    first = a_history(tmp_path, clock, boot_id="boot-1")
    assert first.last_alive() is None
    clock.advance(100)
    await first.close()
    second = a_history(tmp_path, clock, boot_id="boot-2")
    clock.advance(500)
    second.commit()
    alive = second.last_alive()
    assert alive is not None
    assert (alive.boot_id, alive.steady_s, alive.at) == ("boot-1", 1100.0, START + timedelta(seconds=100))
    await second.close()


def test_a_killed_process_loses_only_what_was_not_committed(tmp_path: Path) -> None:
    for _ in range(3):
        command = [sys.executable, "-m", "tests.core.monitoring.history_victim", str(tmp_path)]
        before = len(on_disk(tmp_path)) if (tmp_path / NAME).exists() else 0
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            said = [next(process.stdout) for _ in range(20)]
            process.send_signal(signal.SIGKILL)
            said += list(process.stdout)
        committed = int(said[-1])
        rows = on_disk(tmp_path)[before:]
        assert committed <= len(rows) <= committed + 10
        assert [row.mean for row in rows] == [minute % 3000 / 100 for minute in range(len(rows))]


async def test_the_file_is_nobody_elses(history: History, tmp_path: Path) -> None:
    record(history, [1.0, 2.0])
    history.commit()
    for path in tmp_path.glob(f"{NAME}*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    await history.close()
    (tmp_path / NAME).chmod(0o644)
    await a_history(tmp_path, FakeClock()).close()
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


# -- a sick disk -------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root: mounts a file system of its own")
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(place)]).returncode:
        pytest.skip("can't mount")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


async def test_a_full_disk_makes_minutes_wait_until_there_is_room(small_disk: Path, clock: FakeClock) -> None:
    history = a_history(small_disk, clock)
    record(history, [1.0, 2.0])
    history.commit()
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    record(history, [3.0] * 3000, at=START + timedelta(minutes=2), steady_s=120.0)
    history.commit()
    assert history.problem is not None
    assert "full" in history.problem
    assert means(small_disk) == [1.0]
    filler.unlink()
    history.commit()
    assert history.problem is None
    await history.close()
    assert means(small_disk) == [1.0, 2.0] + [3.0] * 3000
    assert ticks(small_disk) == list(range(3002))


async def test_a_disk_that_is_read_only_from_the_start_stops_nothing(small_disk: Path, clock: FakeClock) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    history = a_history(small_disk, clock)
    record(history, [1.0, 2.0])
    history.commit()
    assert history.problem is not None
    assert history.last_alive() is None
    with pytest.raises(RefusalError, match="can't be read"):
        await history.query(AIR, START, START, 60)
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    await history.close()
    assert means(small_disk) == [1.0, 2.0]


async def test_a_directory_that_goes_away_and_comes_back_costs_nothing(tmp_path: Path, clock: FakeClock) -> None:
    data = tmp_path / "data"
    data.mkdir()
    history = a_history(data, clock)
    record(history, [1.0, 2.0])
    history.commit()
    data.rename(tmp_path / "away")
    record(history, [3.0], at=START + timedelta(minutes=2), steady_s=120.0)
    history.commit()
    assert history.problem is not None
    (tmp_path / "away").rename(data)
    await history.close()
    assert history.problem is None
    assert means(data) == [1.0, 2.0, 3.0]


def test_what_waits_is_bounded_and_the_oldest_go_first(tmp_path: Path, clock: FakeClock) -> None:
    data = tmp_path / "data"
    data.mkdir()
    history = a_history(data, clock)
    shutil.rmtree(data)
    record(history, [float(n % 50) for n in range(MOST_WAITING + 11)])
    history.commit()
    assert history.problem is not None
    assert f"{MOST_WAITING} minutes wait" in history.problem
    assert "10 are lost" in history.problem
    data.mkdir()
    history.commit()
    assert ticks(data) == list(range(MOST_WAITING))
    assert means(data)[:2] == [10.0, 11.0]


@pytest.mark.parametrize("damage", ["no database", "the spans", "the minutes", "a directory"])
async def test_a_damaged_file_is_put_aside_and_a_new_one_begun(tmp_path: Path, clock: FakeClock, damage: str) -> None:
    history = a_history(tmp_path, clock)
    record(history, [1.0] * 5000)
    await history.close()
    path = tmp_path / NAME
    if damage == "a directory":
        path.unlink()
        path.mkdir()
    elif damage == "no database":
        path.write_bytes(b"x" * 5000)
    else:
        destroy(path, damage.removeprefix("the "))
    broken = None if path.is_dir() else path.read_bytes()
    history = a_history(tmp_path, clock)
    record(history, [2.0, 3.0])
    await history.close()
    assert means(tmp_path) == [2.0, 3.0]
    (kept,) = (tmp_path / "quarantine").glob("*.bad")
    assert kept.is_dir() if broken is None else kept.read_bytes() == broken
    assert history.problem is not None
    assert "quarantine" in history.problem
    history.acknowledge("li")
    assert history.problem is None
    assert a_history(tmp_path, clock).problem is None


def destroy(path: Path, name: str) -> None:
    """The page that the table begins with."""
    with sqlite3.connect(path) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    db.close()
    with path.open("r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(os.urandom(4096))


async def test_an_old_page_that_is_damaged_is_told_of_and_new_minutes_are_kept(
    tmp_path: Path, clock: FakeClock
) -> None:
    history = a_history(tmp_path, clock)
    record(history, [1.0] * 5000)
    await history.close()
    path = tmp_path / NAME
    whole = path.read_bytes()
    middle = len(whole) // 8192 * 4096
    path.write_bytes(whole[:middle] + bytes(4096) + whole[middle + 4096 :])
    history = a_history(tmp_path, clock)
    with pytest.raises(RefusalError) as refusal:
        await history.query(AIR, START, START + timedelta(days=4), 3600)
    assert (refusal.value.status, refusal.value.code) == (409, "history_unreadable")
    assert history.problem is not None
    assert "damaged in places" in history.problem
    later = START + timedelta(days=5)
    record(history, [2.0, 3.0], at=later)
    await history.close()
    assert [p.mean for p in (await history.query(AIR, later, later + timedelta(minutes=2), 60)).points] == [2.0, 3.0]


async def test_a_log_cut_off_anywhere_costs_only_what_lies_behind_the_cut(tmp_path: Path, clock: FakeClock) -> None:
    """As a power cut leaves it while the newest commit is written: every earlier one was synced."""
    history = a_history(tmp_path, clock)
    sizes, log = [], tmp_path / f"{NAME}-wal"
    for minute in range(6):
        record(history, [float(minute)], at=START + timedelta(minutes=minute), steady_s=60.0 * minute)
        history.commit()
        sizes.append(log.stat().st_size)
    whole, database = log.read_bytes(), (tmp_path / NAME).read_bytes()
    for number, (size, after) in enumerate(itertools.pairwise(sizes[1:]), start=1):
        for cut in {size, size + 1, (size + after) // 2, after - 1}:
            life = tmp_path / f"cut-{cut}"
            life.mkdir()
            (life / NAME).write_bytes(database)
            (life / f"{NAME}-wal").write_bytes(whole[:cut])
            next_life = a_history(life, clock)
            assert next_life.problem is None
            await next_life.close()
            assert means(life) == [float(n) for n in range(number)]
    await history.close()


async def test_the_file_of_a_newer_version_is_not_touched(tmp_path: Path, clock: FakeClock) -> None:
    await a_history(tmp_path, clock).close()
    with sqlite3.connect(tmp_path / NAME) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    before = (tmp_path / NAME).read_bytes()
    history = a_history(tmp_path, clock)
    record(history, [1.0])
    await history.close()
    assert history.problem is not None
    assert "newer version" in history.problem
    assert (tmp_path / NAME).read_bytes() == before


async def test_a_file_that_somebody_removed_is_made_again(history: History, tmp_path: Path) -> None:
    record(history, [1.0, 2.0])
    history.commit()
    for path in tmp_path.glob(f"{NAME}*"):
        path.unlink()
    await history.close()
    assert means(tmp_path) == [2.0]


async def test_a_file_that_was_replaced_by_a_longer_one_is_written_behind_its_end(
    history: History, tmp_path: Path, clock: FakeClock
) -> None:
    """As by somebody who puts a copy back."""
    record(history, [1.0, 2.0])
    history.commit()
    (tmp_path / "other").mkdir()
    other = a_history(tmp_path / "other", clock)
    record(other, [8.0] * 50)
    await other.close()
    for path in tmp_path.glob(f"{NAME}-*"):
        path.unlink()
    (tmp_path / "other" / NAME).replace(tmp_path / NAME)
    record(history, [3.0], at=START + timedelta(minutes=2), steady_s=120.0)
    await history.close()
    assert history.problem is None
    assert means(tmp_path) == [8.0] * 50 + [2.0, 3.0]
    assert ticks(tmp_path) == list(range(52))


@needs_strace
def test_a_commit_is_synced_before_it_counts(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from tests.core.monitoring.histories import a_history, record
from tests.fakes import FakeClock
history = a_history(Path(sys.argv[1]), FakeClock())
for minute in range(10):
    record(history, [1.0, 2.0], steady_s=120.0 * minute)
    history.commit()
"""
    calls = traced(program, str(tmp_path), log=tmp_path / "strace", options=("-e", "trace=fsync,fdatasync", "-y"))
    assert sum(f"{NAME}-wal" in call for call in calls) >= 10


async def test_a_disk_that_hangs_does_not_hold_up_the_stop_and_is_named(
    history: History, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSE_S", 0.05)
    with history._one_at_a_time:
        await asyncio.wait_for(history.close(), 1.0)
        assert history.problem is None
        clock.advance(HANGS_S + 1)
        assert history.problem is not None
        assert "hangs" in history.problem


# -- pruning -----------------------------------------------------------------------------------------------------------


async def pruned(tmp_path: Path, clock: FakeClock, *, days: float) -> list[int]:
    """The days that are left of twenty, a row an hour, after one turn of the loop on the twenty-first."""
    history = a_history(tmp_path, clock, minute_days=days)
    record(history, [1.0] * (20 * 24), every_s=3600.0)
    clock.wall = START + timedelta(days=20)
    async with running(history.run()):
        await asyncio.sleep(0)
        clock.advance(COMMIT_S)
        await until(lambda: not history._waiting)
        await asyncio.sleep(0.2)
    await history.close()
    first = round(START.timestamp() * 1000)
    return sorted({(row.at_ms - first) // 86_400_000 for row in on_disk(tmp_path)})


async def test_rows_older_than_the_configured_days_go(tmp_path: Path, clock: FakeClock) -> None:
    assert await pruned(tmp_path, clock, days=5) == list(range(15, 20))


async def test_a_clock_that_nobody_set_right_prunes_nothing(tmp_path: Path, clock: FakeClock) -> None:
    clock.in_sync = False
    assert await pruned(tmp_path, clock, days=5) == list(range(20))


# -- asking ------------------------------------------------------------------------------------------------------------


async def test_a_step_has_the_lowest_the_mean_and_the_highest_and_a_gap_is_shown(history: History) -> None:
    record(history, [1.0, 3.0, None, 5.0], every_s=60.0)
    record(history, [9.0], at=START + timedelta(minutes=9), steady_s=540.0)
    await history.close()
    found = await history.query(AIR, START, START + timedelta(minutes=12), 180, low=0.0, high=4.0)
    assert [(p.low, p.mean, p.high, p.minutes, p.good, p.total) for p in found.points] == [
        (1.0, 2.0, 3.0, 2, 2, 3),
        (5.0, 5.0, 5.0, 1, 1, 1),
        (None, None, None, 0, 0, 0),
        (9.0, 9.0, 9.0, 1, 1, 1),
    ]
    assert [point.at for point in found.points] == [START + timedelta(minutes=n) for n in (0, 3, 6, 9)]
    said = found.statistics
    assert (said.known_min, said.gap_min, said.in_limit_pct, said.degree_min) == (4, 6, 50.0, 6.0)


async def test_a_question_sees_what_a_running_history_has_committed(history: History) -> None:
    record(history, [1.0, 2.0])
    history.commit()
    found = await history.query(AIR, START, START + timedelta(minutes=2), 60)
    assert [point.mean for point in found.points] == [1.0, None]
    await history.close()


@pytest.mark.parametrize(
    ("sensor", "hours", "step_s", "refused"),
    [
        ("nobody", 1, 60, (404, "sensor_not_found")),
        (AIR, -1, 60, (409, "since_after_until")),
        (AIR, 24 * 365, 60, (409, "too_many_points")),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(
    history: History, sensor: str, hours: int, step_s: int, refused: tuple[int, str]
) -> None:
    history.commit()
    with pytest.raises(RefusalError) as refusal:
        await history.query(sensor, START, START + timedelta(hours=hours), step_s)
    assert (refusal.value.status, refusal.value.code) == refused


async def test_the_ends_of_time_are_no_mistake(history: History) -> None:
    history.commit()
    late = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert (await history.query(AIR, late, late, 60)).points == ()
    assert (await history.query(AIR, datetime(1, 1, 1, tzinfo=UTC), late, 10**9)).points[-1].at < late


# -- whether nobody looked before ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("boot_id", "away_s", "in_sync", "outage_s"),
    [
        ("boot-1", 90.0, True, None),  # a restart of the program
        ("boot-1", 3600.0, True, 3600.0),
        ("boot-1", 3600.0, False, 3600.0),  # within a boot the wall clock has no say
        ("boot-2", 20.0, True, None),  # a quick boot of the box
        ("boot-2", 3600.0, True, 3600.0),
        ("boot-2", 3600.0, False, math.inf),
        ("boot-2", -3600.0, True, math.inf),
    ],
)
async def test_a_start_knows_for_how_long_nobody_looked(
    tmp_path: Path, clock: FakeClock, boot_id: str, away_s: float, in_sync: bool, outage_s: float | None
) -> None:
    first = a_history(tmp_path, clock, boot_id="boot-1")
    assert first.outage_s is None
    record(first, [1.0, 2.0])
    await first.close()
    clock.steady_s = clock.steady_s + away_s if boot_id == "boot-1" else 5.0
    clock.wall += timedelta(seconds=away_s)
    clock.in_sync = in_sync
    second = a_history(tmp_path, clock, boot_id=boot_id)
    assert second.outage_s == outage_s
    await second.close()


async def test_a_start_that_heard_nothing_leaves_the_outage_what_it_was(tmp_path: Path, clock: FakeClock) -> None:
    """After a power cut the gateway boots more slowly than this box, which is started again meanwhile."""
    first = a_history(tmp_path, clock, boot_id="boot-1")
    record(first, [1.0, 2.0])
    await first.close()
    clock.steady_s = 5.0
    clock.wall += timedelta(hours=6)
    deaf = a_history(tmp_path, clock, boot_id="boot-2")
    record(deaf, [None, None, None])
    clock.advance(70.0)
    await deaf.close()
    third = a_history(tmp_path, clock, boot_id="boot-2")
    assert third.outage_s is not None
    assert third.outage_s >= 6 * 3600.0
    await third.close()
