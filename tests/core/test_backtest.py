"""`cdg-core backtest`: a recording is judged as the guard would have judged it, and what can't be used is said."""

import csv
import json
import math
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.__main__ import main
from core.config import load
from core.monitoring.monitor import Monitor
from core.monitoring.posts import Line
from core.sensors.drivers import open_source
from tests.core.config_texts import a_config
from tests.core.monitoring.factories import a_book
from tests.fakes import FakeClock

ROOT = Path(__file__).parents[2]
RECORDING = ROOT.parent / "shared" / "data" / "freezer-week1.csv"
needs_recording = pytest.mark.skipif(not RECORDING.exists(), reason="the recording is not beside the checkout")

START = datetime(2026, 1, 1, tzinfo=UTC)
SHOP = """\
[device]
id = "box"
site = "s-1"

[[sources]]
id = "bus"
driver = "simulated"

[[cabinets]]
id = "03"   # 鲜奶柜
alarm_delay_s = 600
clear_delay_s = 60
limits = { low = 0.0, high = 8.0 }

[[sensors]]
id = "03.air"
cabinet = "03"
source = "bus"
point = "chiller"
"""
DOOR = """
[[sensors]]
id = "03.door"
cabinet = "03"
source = "bus"
point = "chiller"
quantity = "door"
"""
DEFROST = DOOR.replace("door", "defrost")
GOODS = """
[[sensors]]
id = "03.goods"
cabinet = "03"
source = "bus"
point = "chiller"
"""
FROZEN = SHOP.replace(
    "alarm_delay_s = 600\nclear_delay_s = 60\nlimits = { low = 0.0, high = 8.0 }", 'preset = "cn_frozen_18"'
)

Cell = float | str
Row = tuple[float, *tuple[Cell, ...]]  # the minute, and the cells


def replayed(shop: str, file: Path, column: str = "temp") -> str:
    """The shop whose source is this recording."""
    source = f'driver = "replay"\npath = "{file}"\ninterval_s = 60'
    return shop.replace('driver = "simulated"', source).replace('"chiller"', f'"{column}"')


def stamp(minute: float) -> str:
    return f"{START + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}"


def a_csv(directory: Path, rows: Iterable[Row], header: str = "time,temp") -> Path:
    path = directory / "rec.csv"
    lines = [",".join([stamp(minute), *(str(cell) for cell in cells)]) for minute, *cells in rows]
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def minutes(values: Sequence[Cell], first: int = 0) -> list[Row]:
    return [(float(first + at), value) for at, value in enumerate(values)]


class Desk:
    """Runs the program, and holds what it said."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]):
        self._directory, self._capsys = directory, capsys
        self.err = ""

    def run(self, shop: str, file: Path, *options: str, code: int | None = None) -> str:
        config = a_config(self._directory, shop)
        given = main(["backtest", "--config", str(config), "--cabinet", "03", "--csv", str(file), *options])
        out, self.err = self._capsys.readouterr()
        assert code in {None, given}, (given, out, self.err)
        return out

    def json(self, shop: str, file: Path, *options: str, code: int | None = None) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run(shop, file, "--json", *options, code=code))
        return found

    def refused(self, shop: str, file: Path, *options: str) -> str:
        """The one line that is said instead."""
        assert self.run(shop, file, *options, code=2) == ""
        [line] = self.err.splitlines()
        return line


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def warm_for(length: int) -> list[Row]:
    return minutes([4.0] * 10 + [9.5] * length + [4.0] * 10)


# -- the contract ------------------------------------------------------------------------------------------------------


def test_a_case_is_told_with_its_times_its_peak_and_its_length(desk: Desk, tmp_path: Path) -> None:
    """And 1 is the exit code; times are UTC with Z."""
    found = desk.json(SHOP, a_csv(tmp_path, warm_for(20)), code=1)
    assert found == {
        "cases": [
            {
                "kind": "temp_high",
                "severity": "critical",
                "opened_at": "2026-01-01T00:20:00Z",
                "cleared_at": "2026-01-01T00:31:00Z",
                "peak": 9.5,
                "duration_s": 1260.0,
            }
        ],
        "time_in_limit_pct": round(100 * 19 / 39, 2),
        "rows": 40,
        "skipped": 0,
        "from": "2026-01-01T00:00:00Z",
        "until": "2026-01-01T00:39:00Z",
    }


def test_nothing_found_is_success(desk: Desk, tmp_path: Path) -> None:
    found = desk.json(SHOP, a_csv(tmp_path, warm_for(5)), code=0)
    assert found["cases"] == []


def test_a_case_that_goes_on_at_the_end_has_no_end_but_a_length(desk: Desk, tmp_path: Path) -> None:
    [case] = desk.json(SHOP, a_csv(tmp_path, minutes([4.0, *[""] * 10])), "--column", "temp", code=1)["cases"]
    assert (case["kind"], case["cleared_at"], case["duration_s"]) == ("sensor_fault", None, 420.0)


def test_people_get_a_table(desk: Desk, tmp_path: Path) -> None:
    shown = desk.run(SHOP, a_csv(tmp_path, warm_for(20)), code=1).splitlines()
    assert shown[0].split() == ["opened", "cleared", "kind", "severity", "peak", "duration"]
    assert shown[1].split() == [
        "2026-01-01T00:20:00Z",
        "2026-01-01T00:31:00Z",
        "temp_high",
        "critical",
        "9.5",
        "0:21:00",
    ]
    assert shown[2].startswith("cases: 1; time in limit: 48.72 %; 40 rows")
    assert len(shown) == 3


def process(config: Path, file: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    """In an empty home, within a minute."""
    home = {
        "HOME": str(config.parent),
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    given = ["--config", str(config), "--cabinet", "03", "--csv", str(file), "--json", *options]
    command = [sys.executable, "-m", "core", "backtest", *given]
    return subprocess.run(command, cwd=config.parent, env=home, capture_output=True, timeout=60, check=False)


def test_as_a_process_it_needs_no_data_directory_and_leaves_nothing(tmp_path: Path) -> None:
    config, file = a_config(tmp_path, SHOP), a_csv(tmp_path, warm_for(20))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    done = process(config, file)
    assert done.returncode == 1
    assert len(json.loads(done.stdout)["cases"]) == 1
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


# -- the same judgement as the guard's ---------------------------------------------------------------------------------


@needs_recording
def test_a_real_freezers_week_with_its_defrosts_has_no_case(desk: Desk) -> None:
    found = desk.json(FROZEN, RECORDING, "--column", "temperature_c", code=0)
    assert (found["cases"], found["rows"], found["skipped"]) == ([], 10080, 0)
    assert 95 < found["time_in_limit_pct"] < 100


def recorded() -> list[tuple[float, float]]:
    with RECORDING.open(encoding="utf-8") as file:
        return [(float(minute), float(row["temperature_c"])) for minute, row in enumerate(csv.DictReader(file))]


def warming(failed: int, from_c: float, tau_h: float) -> Iterator[tuple[float, float]]:
    """A cabinet that nobody cools any more, in a room of 25 °C."""
    for minute in range(400):
        yield float(failed + minute), round(25.0 + (from_c - 25.0) * math.exp(-minute / 60 / tau_h), 1)


@needs_recording
@pytest.mark.parametrize("failed", [900, 3067, 5670, 9400])
def test_a_compressor_that_fails_in_it_is_one_case_in_time(desk: Desk, tmp_path: Path, failed: int) -> None:
    """Within 35 minutes of the first one above the warning limit, and not before it failed."""
    course = recorded()
    tail = list(warming(failed, course[failed][1], 2.0))
    above = next(minute for minute, value in tail if value > -15.0)
    cases = desk.json(FROZEN, a_csv(tmp_path, [*course[:failed], *tail]), code=1)["cases"]
    [case] = [case for case in cases if case["kind"] != "budget_exceeded"]  # which the hours that follow use up
    assert (case["kind"], case["severity"], case["cleared_at"]) == ("temp_high", "critical", None)
    assert stamp(above) < case["opened_at"] <= stamp(above + 35)


async def live(directory: Path, shop: str, start: datetime, last: float) -> list[tuple[object, ...]]:
    """The cases of the guard's monitor over the replay driver and a real journal, asked once a minute; oldest first."""
    settings = load(a_config(directory, shop)).settings
    clock = FakeClock(now=start)
    source = open_source(settings.sources[0], settings.sensors, clock)
    line = Line(id="bus", driver="replay", source=source, interval_s=60.0, sensors=settings.sensors)
    with a_book(directory, clock) as book:
        monitor = Monitor([line], settings.cabinets, book, clock)
        for _ in range(int(last) + 1):
            monitor.look_for_silence()
            for sample in await source.poll():
                monitor.take(sample)
            clock.advance(60.0)
        found: list[tuple[object, ...]] = [
            (case.kind, case.severity, case.opened_at, case.cleared_at, case.peak) for case in reversed(book.all())
        ]
    await source.close()
    return found


def told(found: dict[str, Any]) -> list[tuple[object, ...]]:
    """The same of a backtest."""

    def moment(text: str | None) -> datetime | None:
        return None if text is None else datetime.fromisoformat(text)

    return [
        (case["kind"], case["severity"], moment(case["opened_at"]), moment(case["cleared_at"]), case["peak"])
        for case in found["cases"]
    ]


@pytest.mark.anyio
async def test_the_replay_driver_under_the_guards_monitor_finds_the_same(desk: Desk, tmp_path: Path) -> None:
    """Breaches, a gap, faults, an error code, a cold hour, a sensor that ends in faults."""
    values = [4.0] * 10 + [9.5] * 20 + [4.0] * 15 + [9.0] * 25 + [4.0] * 40
    faults: list[Cell] = ["", "85", "x"] * 2
    course = [
        *minutes(values),
        *minutes([4.0] * 5, 160),
        *minutes(faults, 165),
        *minutes([-2.0] * 30, 171),
        *minutes([""] * 5, 201),
    ]
    file = a_csv(tmp_path, course)
    expected = await live(tmp_path, replayed(SHOP, file), START, course[-1][0])
    assert len(expected) >= 4
    assert told(desk.json(replayed(SHOP, file), file, code=1)) == expected


@needs_recording
@pytest.mark.anyio
async def test_so_it_does_over_a_real_week_with_limits_that_are_too_tight(desk: Desk, tmp_path: Path) -> None:
    shop = replayed(FROZEN, RECORDING, "temperature_c").replace("preset", "limits.warn_high = -19\npreset")
    expected = await live(tmp_path, shop, datetime(2022, 7, 7, 12, tzinfo=UTC), len(recorded()))
    assert len(expected) >= 3
    assert told(desk.json(shop, RECORDING, code=1)) == expected


def test_a_gap_in_the_recording_is_a_silent_sensor(desk: Desk, tmp_path: Path) -> None:
    """Known at the first look after 5 minutes, over with the next row."""
    course = [*minutes([4.0] * 10), *minutes([4.0] * 10, 200)]
    [case] = desk.json(SHOP, a_csv(tmp_path, course), code=1)["cases"]
    assert (case["kind"], case["severity"]) == ("sensor_stale", "warning")
    assert (case["opened_at"], case["cleared_at"]) == (stamp(15), stamp(200))
    assert case["duration_s"] == 185 * 60


def test_a_defrost_by_the_clock_is_at_the_sites_time(desk: Desk, tmp_path: Path) -> None:
    """08:05 in Shanghai is minute 5 of the recording, whose times are UTC."""
    shop = SHOP.replace("alarm_delay_s", 'defrost = { times = ["08:05"] }\nalarm_delay_s')
    file = a_csv(tmp_path, warm_for(20))
    assert desk.json(shop, file, code=0)["cases"] == []
    [case] = desk.json(shop.replace("08:05", "00:05"), file, code=1)["cases"]
    assert case["kind"] == "temp_high"


def test_a_gap_of_centuries_costs_nothing(desk: Desk, tmp_path: Path) -> None:
    file = a_csv(tmp_path, minutes([4.0] * 10))
    file.write_text(file.read_text() + "2999-01-01T00:00:00Z,4.0\n")
    [case] = desk.json(SHOP, file, code=1)["cases"]
    assert case["kind"] == "sensor_stale"


def test_rows_that_are_far_apart_were_polled_so_rarely(desk: Desk, tmp_path: Path) -> None:
    """A logger's ten minutes are no silence, and the delay runs as it does on a wall."""
    course = [(10.0 * at, 9.5 if 12 <= at < 20 else 4.0) for at in range(30)]
    [case] = desk.json(SHOP, a_csv(tmp_path, course), "--set", "alarm_delay_s=1800", code=1)["cases"]
    assert (case["kind"], case["opened_at"]) == ("temp_high", stamp(150))


def test_a_value_that_swings_for_weeks_is_judged_in_time(tmp_path: Path) -> None:
    """One case with tens of thousands of changes: what each of them costs does not grow with their number."""
    file = a_csv(tmp_path, minutes([9.5 if at % 2 else 4.0 for at in range(60_000)]))
    tries = ("--set", "alarm_delay_s=0", "--set", "clear_delay_s=0", "--set", "hysteresis_k=0")
    [case] = json.loads(process(a_config(tmp_path, SHOP), file, *tries).stdout)["cases"]
    assert case["opened_at"] == stamp(1)


# -- columns -----------------------------------------------------------------------------------------------------------


def test_a_door_and_a_defrost_have_columns_of_their_own(desk: Desk, tmp_path: Path) -> None:
    """The defrost excuses the warm air; the door is a case."""
    warm = [(float(at), 9.5 if 10 <= at < 40 else 4.0, int(5 <= at < 30), int(50 <= at < 60)) for at in range(90)]
    file = a_csv(tmp_path, warm, "time,temp,heating,open")
    columns = ("--column", "temp", "--column", "03.door=open")
    known = desk.json(SHOP + DOOR + DEFROST, file, *columns, "--column", "03.defrost=heating", code=1)["cases"]
    assert [(case["kind"], case["opened_at"]) for case in known] == [("door_open", stamp(55))]
    unknown = desk.json(SHOP + DOOR + DEFROST, file, *columns, code=1)["cases"]
    assert [case["kind"] for case in unknown] == ["temp_high", "door_open"]
    assert "not judged, having no column: 03.defrost" in desk.err


def test_sensors_of_a_replay_have_their_columns_by_themselves(desk: Desk, tmp_path: Path) -> None:
    """The time column of their source too."""
    rows = [(float(at), 20.0, 4.0, int(at > 10)) for at in range(30)]
    file = a_csv(tmp_path, rows, "zeit,room,temp,open")
    shop = replayed(SHOP + DOOR.replace('"chiller"', '"open"'), file).replace(
        "interval_s", 'time_column = "zeit"\ninterval_s'
    )
    assert [case["kind"] for case in desk.json(shop, file, code=1)["cases"]] == ["door_open"]
    assert "03.air by column 'temp', 03.door by column 'open'" in desk.err


@pytest.mark.parametrize("header", ["time,x", "time,x,humidity,door", "time,y,Temp_C", "time,湿度,温度"])
def test_a_column_that_goes_without_saying_need_not_be_said(desk: Desk, tmp_path: Path, header: str) -> None:
    """The only one, or the only one that is called a temperature."""
    wide: list[Row] = [(float(at), *[4.0] * header.count(",")) for at in range(5)]
    file = a_csv(tmp_path, wide, header)
    if header.endswith("door"):
        assert "say which column is 03.air by --column NAME; there are: 'x'" in desk.refused(SHOP, file)
    else:
        desk.json(SHOP, file, code=0)
        assert f"03.air by column {header.rpartition(',')[2]!r}" in desk.err


def test_of_several_temperature_sensors_the_first_is_taken_and_named(desk: Desk, tmp_path: Path) -> None:
    file = a_csv(tmp_path, minutes([4.0] * 5))
    desk.json(SHOP + GOODS, file, code=0)
    assert "03.air is the cabinet's first temperature sensor; --sensor takes another" in desk.err
    desk.json(SHOP + GOODS, file, "--sensor", "03.goods", code=0)
    assert "judged: 03.goods by column 'temp'" in desk.err
    assert "first" not in desk.err


def test_a_sensors_offset_counts(desk: Desk, tmp_path: Path) -> None:
    file = a_csv(tmp_path, minutes([7.5] * 30))
    assert desk.json(SHOP, file, code=0)["cases"] == []
    [case] = desk.json(SHOP + "offset = 1.0\n", file, code=1)["cases"]
    assert case["peak"] == 8.5


# -- time in limit -----------------------------------------------------------------------------------------------------


def test_time_in_limit_counts_good_values_only_and_no_gap_longer_than_the_rules_do(desk: Desk, tmp_path: Path) -> None:
    """9 minutes inside, then a gap that counts as 5 and whose end is outside, then faults that count as nothing."""
    course = [*minutes([4.0] * 10), *minutes([9.5, "", "85.0", 9.5], 500)]
    found = desk.json(SHOP, a_csv(tmp_path, course))
    assert found["time_in_limit_pct"] == round(100 * 9 / (9 + 5 + 3), 2)


@pytest.mark.parametrize(
    ("limits", "share"),
    [
        ("{ high = 8.0, warn_high = 3.0 }", 100.0),  # the critical limit where there is one
        ("{ warn_high = 3.0 }", 50.0),
        ("{ warn_high = 3.0, low = 2.4 }", 0.0),
        ("{ low = 3.0 }", 50.0),
    ],
)
def test_the_limit_is_the_critical_one_or_else_the_warning(
    desk: Desk, tmp_path: Path, limits: str, share: float
) -> None:
    course = minutes([2.0] * 21 + [4.0] * 20)
    shop = SHOP.replace("{ low = 0.0, high = 8.0 }", limits)
    assert desk.json(shop, a_csv(tmp_path, course))["time_in_limit_pct"] == share


def test_without_limits_there_is_no_share(desk: Desk, tmp_path: Path) -> None:
    shop = SHOP.replace("limits = { low = 0.0, high = 8.0 }", "")
    file = a_csv(tmp_path, minutes([4.0] * 5))
    assert desk.json(shop, file, code=0)["time_in_limit_pct"] is None
    assert "time in limit: --" in desk.run(shop, file, code=0)


# -- trying other values -----------------------------------------------------------------------------------------------


def test_a_limit_is_tried_without_touching_the_file(desk: Desk, tmp_path: Path) -> None:
    file = a_csv(tmp_path, warm_for(20))
    assert desk.json(SHOP, file, "--set", "limits.high=9.6", code=0)["cases"] == []
    assert desk.json(SHOP, file, "--set", "alarm_delay_s=1800", code=0)["cases"] == []
    [case] = desk.json(SHOP, file, "--set", "limits.warn_high=3.9", "--set", "alarm_delay_s=300", code=1)["cases"]
    assert case["opened_at"] == stamp(5)
    assert (tmp_path / "config.toml").read_text() == SHOP


@pytest.mark.parametrize(
    ("tried", "problem"),
    [
        ("limits.high=warm", "--set limits.high: 'warm' is not a number"),
        ("limits.high=nan", "--set limits.high: 'nan' is not a number"),
        ("limits.high", "--set limits.high: '' is not a number"),
        ("limits.high=-1", "cabinets.03.limits.high: is not above low"),
        ("alarm_delay_s=-1", "cabinets.03.alarm_delay_s: Expected `float` >= 0"),
        ("hysteresis_k=9", "cabinets.03.hysteresis_k: is not below the band"),
        ("name=x", "--set has no key 'name'; it has limits.high"),
    ],
)
def test_a_value_that_cannot_be_tried_is_refused_as_the_file_would_be(
    desk: Desk, tmp_path: Path, tried: str, problem: str
) -> None:
    assert problem in desk.refused(SHOP, a_csv(tmp_path, warm_for(5)), "--set", tried)


# -- what can't be used ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--cabinet", "99"), "there is no cabinet '99'; there are '03'"),
        (("--csv", "/nowhere/x.csv"), "/nowhere/x.csv: there is no such file"),
        (("--csv", "/"), "/: can't be read"),
        (("--column", "t"), "rec.csv: has no column 't'; it has 'time', 'temp'"),
        (("--time-column", "t"), "rec.csv: has no column 't'; it has 'time', 'temp'"),
        (("--column", "03.door=temp"), "the cabinet has no sensor '03.door'; it has '03.air'"),
        (("--sensor", "03.door"), "cabinet '03' has no temperature sensor '03.door'; it has '03.air'"),
        (("--config", "/nowhere/c.toml"), "/nowhere/c.toml: can't be read"),
    ],
)
def test_a_wrong_word_is_one_line_and_the_code_of_wrong_use(
    desk: Desk, tmp_path: Path, options: tuple[str, ...], problem: str
) -> None:
    assert problem in desk.refused(SHOP, a_csv(tmp_path, warm_for(5)), *options)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no column 'time'; it has none"),
        ("time,temp\n", "holds no row that can be read"),
        (
            "time,temp\nmonday,4\n1767225600,4\n",
            "holds no row that can be read; skipped 2 rows whose time can't be read",
        ),
        ("time,temp\n2026-01-01,cold\n2026-01-02,4;5\n", "column 'temp', which is 03.air, holds not one number"),
        ("time,temp\n2026-01-03,4\n2026-01-02,4\n2026-01-01,4\n", "runs backwards: sort it by time"),
        ("time\n2026-01-03\n", "say which column is 03.air by --column NAME; there are: none"),
    ],
)
def test_a_file_that_is_no_recording_says_so(desk: Desk, tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "rec.csv"
    file.write_text(text)
    assert f"{file}: {problem}" in desk.refused(SHOP, file)


def test_a_cabinet_without_a_temperature_sensor_says_so(desk: Desk, tmp_path: Path) -> None:
    shop = SHOP + 'quantity = "humidity"\n'
    assert "cabinet '03' has no temperature sensor" in desk.refused(shop, a_csv(tmp_path, warm_for(5)))


def test_rows_that_were_skipped_are_counted_and_the_first_is_named(desk: Desk, tmp_path: Path) -> None:
    """An empty line is no row."""
    file = a_csv(tmp_path, minutes([4.0] * 10))
    lines = file.read_text().splitlines()
    lines[3:3] = ["", "someday,4.0", "2025-12-31T00:00:00Z,4.0", "never"]
    file.write_text("\n".join(lines) + "\n\n")
    found = desk.json(SHOP, file, code=0)
    assert (found["rows"], found["skipped"]) == (10, 3)
    assert "skipped 2 rows whose time can't be read (ISO 8601, UTC), the first in line 5" in desk.err
    assert "skipped 1 rows that go back in time, the first in line 6" in desk.err


def test_what_a_file_is_called_commands_no_terminal(desk: Desk, tmp_path: Path) -> None:
    assert "\x1b" not in desk.refused(SHOP, a_csv(tmp_path, warm_for(5)), "--column", "\x1b[2J")
