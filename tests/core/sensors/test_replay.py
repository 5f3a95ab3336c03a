"""The replay driver plays recordings in time, and what is wrong in a file stays where it is wrong."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import SensorError
from core.samples import Sample
from core.sensors import replay
from core.sensors.replay import Recording, ReplaySource, Skipped
from core.settings import ReplaySource as ReplaySettings
from core.settings import Sensor
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

THREE_MINUTES = """time,air,door
2026-01-01T00:00:00Z,1.5,0
2026-01-01T00:01:00Z,2.5,1
2026-01-01T00:02:00Z,3.5,0
"""


def a_source(
    path: Path, text: str | None, clock: FakeClock, *, loop: bool = False, speed: float = 1.0, columns: str = "air"
) -> ReplaySource:
    """A replay of `text`, one sensor a column; None leaves the file unwritten."""
    file = path / "freezer.csv"
    if text is not None:
        file.write_text(text)
    sensors = tuple(Sensor(id=name, cabinet="03", source="csv", point=name) for name in columns.split())
    return ReplaySource(ReplaySettings(id="csv", path=str(file), speed=speed, loop=loop), sensors, clock)


async def played(source: ReplaySource, clock: FakeClock, seconds: float) -> list[Sample]:
    """The first row and all that are due `seconds` later."""
    first = await source.poll()
    clock.advance(seconds)
    rest = await source.poll()
    await source.close()
    return first + rest


def told(samples: list[Sample]) -> list[float | str | None]:
    return [sample.fault if sample.value is None else sample.value for sample in samples]


async def test_a_row_plays_when_its_time_has_come(tmp_path: Path) -> None:
    clock = FakeClock()
    source = a_source(tmp_path, THREE_MINUTES, clock)
    heard = []
    for _ in range(6):
        heard.append(told(await source.poll()))
        clock.advance(30)
    await source.close()
    assert heard == [[1.5], [], [2.5], [], [3.5], []]


async def test_rows_play_as_fast_as_asked(tmp_path: Path) -> None:
    clock = FakeClock()
    samples = await played(a_source(tmp_path, THREE_MINUTES, clock, speed=60.0), clock, 1.0)
    assert told(samples) == [1.5, 2.5]


async def test_a_sample_has_the_time_of_its_row_and_the_seconds_since_the_first(tmp_path: Path) -> None:
    clock = FakeClock()
    samples = await played(a_source(tmp_path, THREE_MINUTES, clock), clock, 60)
    assert [sample.steady_s for sample in samples] == [0.0, 60.0]
    assert samples[1].at == datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


async def test_every_column_is_a_sensor(tmp_path: Path) -> None:
    clock = FakeClock()
    samples = await played(a_source(tmp_path, THREE_MINUTES, clock, columns="door air"), clock, 60)
    assert [(sample.sensor, sample.value) for sample in samples[2:]] == [("door", 1.0), ("air", 2.5)]


@pytest.mark.parametrize(
    "time", ["2026-01-01T08:00:00+08:00", "2026-01-01T00:00:00Z", "2026-01-01 00:00:00"], ids=["offset", "Z", "naive"]
)
async def test_times_with_an_offset_with_z_and_with_nothing_are_understood(tmp_path: Path, time: str) -> None:
    clock = FakeClock()
    (sample,) = await played(a_source(tmp_path, f"time,air\n{time},1\n", clock), clock, 0)
    assert sample.at == datetime(2026, 1, 1, tzinfo=UTC)
    assert sample.at.utcoffset() == UTC.utcoffset(None)


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        ("", "missing_field"),
        (" ", "missing_field"),
        ("--", "not_a_number"),
        ("nan", "not_a_number"),
        ("inf", "not_a_number"),
        ("1_0", "not_a_number"),
        ('"4,5"', "not_a_number"),
    ],
)
async def test_a_cell_that_is_no_number_is_a_fault(tmp_path: Path, cell: str, fault: str) -> None:
    clock = FakeClock()
    assert told(await played(a_source(tmp_path, f"time,air\n2026-01-01,{cell}\n", clock), clock, 0)) == [fault]


async def test_a_row_that_is_too_short_misses_its_field(tmp_path: Path) -> None:
    clock = FakeClock()
    assert told(await played(a_source(tmp_path, "time,air\n2026-01-01\n", clock), clock, 0)) == ["missing_field"]


@pytest.mark.parametrize("row", ["yesterday,9", ",9", "", "0001-01-01T00:00:00+10:00,9", '"' + "x" * 200_000])
async def test_a_row_whose_time_cannot_be_read_is_skipped(tmp_path: Path, row: str) -> None:
    clock = FakeClock()
    text = f"time,air\n2026-01-01T00:00:00Z,1\n{row}\n2026-01-01T00:01:00Z,2\n"
    samples = await played(a_source(tmp_path, text, clock), clock, 600)
    assert told(samples)[:1] == [1.0]
    assert 9.0 not in told(samples)


async def test_a_row_that_goes_back_in_time_is_skipped(tmp_path: Path) -> None:
    clock = FakeClock()
    text = "time,air\n2026-01-01T00:00:00Z,1\n2025-12-31T23:00:00Z,9\n2026-01-01T00:01:00Z,2\n"
    assert told(await played(a_source(tmp_path, text, clock), clock, 600)) == [1.0, 2.0]


@pytest.mark.parametrize("loop", [False, True], ids=["once", "loop"])
def test_rows_that_are_skipped_are_counted_with_the_line_of_the_first(tmp_path: Path, loop: bool) -> None:
    """Neither the header nor an empty line is one, in no round."""
    file = tmp_path / "freezer.csv"
    file.write_text('"time",air\n2026-01-02,"1"\n\nsoon,2\n2026-01-01,3\nlater,4\n2026-01-03,5\n')
    recording = Recording(file, "time", loop=loop)
    recording.open(["air"])
    rounds = 2 if loop else 1
    assert len(list(recording.until(86_400.0 * (2 * rounds - 1)))) == 2 * rounds
    list(recording.until(0.0))
    recording.close()
    assert recording.unreadable == Skipped(count=2 * rounds, first_line=4)
    assert recording.backwards == Skipped(count=rounds, first_line=5)


async def test_after_the_end_it_falls_silent(tmp_path: Path) -> None:
    clock = FakeClock()
    source = a_source(tmp_path, THREE_MINUTES, clock)
    await source.poll()
    clock.advance(600)
    heard = [len(await source.poll()) for _ in range(3)]
    await source.close()
    assert heard == [2, 0, 0]


@pytest.mark.parametrize(("loop", "then"), [(False, [3.5]), (True, [3.5, 1.5])], ids=["once", "loop"])
async def test_a_file_opened_again_goes_on_where_it_was(tmp_path: Path, loop: bool, then: list[float]) -> None:
    clock = FakeClock()
    source = a_source(tmp_path, THREE_MINUTES, clock, loop=loop)
    before = told(await played(source, clock, 60))
    after = told(await played(source, clock, 120))
    assert (before, after) == ([1.5, 2.5], then)


async def test_a_loop_goes_on_in_steady_time(tmp_path: Path) -> None:
    clock = FakeClock()
    samples = await played(a_source(tmp_path, THREE_MINUTES, clock, loop=True), clock, 300)
    assert told(samples) == [1.5, 2.5, 3.5, 1.5, 2.5, 3.5]
    assert [sample.steady_s for sample in samples] == [0.0, 60.0, 120.0, 180.0, 240.0, 300.0]


@pytest.mark.parametrize("rows", ["", "2026-01-01,1\n", "2026-01-01,1\n2026-01-01,2\n"], ids=["no", "one", "twin"])
async def test_a_loop_over_no_time_at_all_still_ends(tmp_path: Path, rows: str) -> None:
    clock = FakeClock()
    samples = await played(a_source(tmp_path, f"time,air\n{rows}", clock, loop=True), clock, 3)
    assert len(samples) == 4 * rows.count("\n")


async def test_one_poll_hands_over_a_bounded_number_of_rows_and_the_next_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "MAX_ROWS", 1)
    clock = FakeClock()
    source = a_source(tmp_path, THREE_MINUTES, clock, speed=1e6)
    await source.poll()
    clock.advance(1)
    first, rest = await source.poll(), await source.poll()
    await source.close()
    assert (told(first), told(rest)) == ([2.5], [3.5])


@pytest.mark.parametrize("text", ["", "time\n", "air\n2026\n"], ids=["an empty file", "no air", "no time"])
async def test_a_missing_column_fails_the_source(tmp_path: Path, text: str) -> None:
    source = a_source(tmp_path, text, FakeClock())
    with pytest.raises(SensorError, match="no_such_column"):
        await source.poll()


async def test_a_missing_file_fails_the_source(tmp_path: Path) -> None:
    source = a_source(tmp_path, None, FakeClock())
    with pytest.raises(SensorError, match="no_such_file"):
        await source.poll()


async def test_a_directory_in_place_of_the_file_fails_the_source(tmp_path: Path) -> None:
    (tmp_path / "freezer.csv").mkdir()
    source = a_source(tmp_path, None, FakeClock())
    with pytest.raises(SensorError, match="unreadable"):
        await source.poll()


async def test_the_recording_starts_when_its_file_appears(tmp_path: Path) -> None:
    clock = FakeClock()
    source = a_source(tmp_path, None, clock)
    with pytest.raises(SensorError):
        await source.poll()
    clock.advance(600)
    (tmp_path / "freezer.csv").write_text(THREE_MINUTES)
    assert told(await source.poll()) == [1.5]
    await source.close()


async def test_a_byte_order_mark_and_foreign_bytes_do_no_harm(tmp_path: Path) -> None:
    clock = FakeClock()
    source = a_source(tmp_path, None, clock)
    (tmp_path / "freezer.csv").write_bytes(b"\xef\xbb\xbftime,air\n2026-01-01,\xff\xfe\n")
    assert told(await played(source, clock, 0)) == ["not_a_number"]
