"""`cdg-core backtest --history`: what the box recorded is judged as it was judged while it was recorded."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.__main__ import main
from core.backtest_history import MILDER
from core.config import load
from core.monitoring.minute_file import NAME
from core.monitoring.monitor import Monitor
from core.monitoring.posts import Line
from core.sensors.drivers import open_source
from tests.core.config_texts import a_config
from tests.core.monitoring.factories import START, a_book
from tests.core.monitoring.histories import a_history, record
from tests.core.test_backtest import DEFROST, DOOR, FROZEN, GOODS, RECORDING, SHOP, needs_recording, replayed
from tests.fakes import FakeClock

ROOT = Path(__file__).parents[2]
THREE_YEARS = timedelta(days=3 * 365)
WEEK_S = 7 * 86_400
Opened = tuple[str, datetime]


class Desk:
    """Runs the program over the history of its directory, and holds what it said."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]):
        self._directory, self._capsys = directory, capsys
        self.err = ""

    def run(self, shop: str, *options: str, code: int | None = None) -> str:
        config = ("--config", str(a_config(self._directory, shop)), "--cabinet", "03")
        given = main(["backtest", *config, "--history", "--data-dir", str(self._directory), *options])
        out, self.err = self._capsys.readouterr()
        assert code in {None, given}, (given, out, self.err)
        return out

    def json(self, shop: str, *options: str, code: int | None = None) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run(shop, "--json", *options, code=code))
        return found

    def refused(self, shop: str, *options: str) -> str:
        """The one line that is said instead."""
        assert self.run(shop, *options, code=2) == ""
        [line] = self.err.splitlines()
        return line


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


class Recorder:
    """Minutes of sensors, put into the history of a directory by hand."""

    def __init__(self, directory: Path):
        self._directory = directory

    def __call__(self, *, first: int = 0, **values: Sequence[float | None]) -> None:
        """Of the sensor 03.air as `air`, and so on; from the minute `first` on."""
        history = a_history(self._directory, FakeClock())
        at = START + timedelta(minutes=first)
        for sensor, course in values.items():
            record(history, course, sensor=f"03.{sensor}", at=at, steady_s=60.0 * first)
        history._end_all(fresh=True)
        history._commit_and_close()


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path)


def at(minute: float) -> str:
    return f"{START + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}"


def opened(found: dict[str, Any]) -> list[Opened]:
    return [(case["kind"], datetime.fromisoformat(case["opened_at"])) for case in found["cases"]]


def close(found: Sequence[Opened], expected: Sequence[Opened]) -> bool:
    """The same kinds in the same order, within five minutes; a trend, which is seen over hours, within one."""
    return [kind for kind, _ in found] == [kind for kind, _ in expected] and all(
        abs(one - other) <= timedelta(minutes=60 if kind == "trend" else 5)
        for (kind, one), (_, other) in zip(found, expected, strict=True)
    )


async def live(
    directory: Path,
    shop: str,
    every_s: float,
    lasts_s: float,
    *,
    start: datetime = START,
    jumps: timedelta | None = None,
) -> list[Opened]:
    """The guard's monitor over the driver, recording; its cases. The wall clock jumps and, a day later, back again."""
    settings, clock = load(a_config(directory, shop)).settings, FakeClock(now=start)
    source = open_source(settings.sources[0], settings.sensors, clock)
    line = Line(id="bus", driver="any", source=source, interval_s=every_s, sensors=settings.sensors)
    history = a_history(directory, clock)
    polls = int(lasts_s / every_s)
    with a_book(directory, clock) as book:
        monitor = Monitor([line], settings.cabinets, book, clock, record=history.add)
        for poll in range(polls):
            if jumps is not None and poll in {polls // 2, polls // 2 + 2880}:
                clock.wall += jumps if poll == polls // 2 else -jumps
            monitor.look_for_silence()
            for sample in await source.poll():
                monitor.take(sample)
            clock.advance(every_s)
        found = [(str(case.kind), case.opened_at) for case in reversed(book.all())]
    await source.close()
    await history.close()
    return found


# -- the same judgement as the guard's ---------------------------------------------------------------------------------

CHILLER = SHOP.replace("limits = { low = 0.0, high = 8.0 }", 'preset = "iso_m1"')
FREEZER = FROZEN.replace("chiller", "freezer")


def failing(shop: str, fault: str, hour: float) -> str:
    """The shop whose cabinet fails at that hour, and is repaired four hours later."""
    model = "freezer" if "freezer" in shop else "chiller"
    times = f"fails_after_s = {hour * 3600}, repaired_after_s = {(hour + 4) * 3600}"
    return shop.replace(f'point = "{model}"', f'point = {{ model = "{model}", fault = "{fault}", {times} }}', 1)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("shop", "least"),
    [
        (CHILLER + DOOR + DEFROST, 0),
        (FREEZER, 0),
        (failing(CHILLER + DOOR + DEFROST, "compressor", 30.5), 1),
        (failing(CHILLER + DOOR + DEFROST, "door", 50.0), 2),
        (failing(FREEZER, "fan", 75.0), 1),
        (failing(FREEZER, "timeout", 75.0), 1),
        (failing(FREEZER, "silent", 75.0), 1),
    ],
    ids=["chiller", "freezer", "compressor", "door", "fan", "timeout", "silent"],
)
async def test_a_week_is_judged_as_it_was_while_it_was_recorded(
    desk: Desk, tmp_path: Path, shop: str, least: int
) -> None:
    expected = await live(tmp_path, shop, 30.0, WEEK_S)
    assert len(expected) >= least
    found = desk.json(shop)
    assert close(opened(found), expected), (opened(found), expected)
    assert found["rows"] == 7 * 1440 or "silent" in shop


@pytest.mark.anyio
@pytest.mark.parametrize("jump", [THREE_YEARS, -THREE_YEARS, timedelta(hours=-5)])
async def test_a_wall_clock_that_jumps_in_the_middle_changes_no_judgement(
    desk: Desk, tmp_path: Path, jump: timedelta
) -> None:
    """A cabinet that fails while the clock is wrong is one case at the label the guard gave it, not a week torn apart."""
    shop = failing(CHILLER + DOOR + DEFROST, "compressor", 90.0)
    expected = await live(tmp_path, shop, 30.0, WEEK_S, jumps=jump)
    assert expected
    found = desk.json(shop, code=1)
    assert close(opened(found), expected), (opened(found), expected)
    assert found["rows"] == 7 * 1440
    asked = ("--since", at(60), "--until", at(7 * 1440 - 60))
    assert close(opened(desk.json(shop, *asked, code=1)), expected)


@needs_recording
@pytest.mark.anyio
@pytest.mark.parametrize("limits", ["", "limits.warn_high = -19\n"])
async def test_a_real_freezers_week_comes_to_the_same_by_its_history_as_by_its_file(
    desk: Desk, tmp_path: Path, limits: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = replayed(FROZEN, RECORDING, "temperature_c").replace("preset", f"{limits}preset")
    await live(tmp_path, shop, 60.0, WEEK_S, start=datetime(2022, 7, 7, 12, tzinfo=UTC))
    found = desk.json(shop)
    config = str(tmp_path / "config.toml")
    main(["backtest", "--config", config, "--cabinet", "03", "--csv", str(RECORDING), "--json"])
    assert found == json.loads(capsys.readouterr().out)
    assert bool(found["cases"]) == bool(limits)


# -- what a minute says ------------------------------------------------------------------------------------------------


def test_the_means_are_judged_and_that_is_said(desk: Desk, recorder: Recorder) -> None:
    recorder(air=[4.0] * 10 + [9.5] * 20 + [4.0] * 10)
    found = desk.json(SHOP, code=1)
    assert (found["from"], found["until"], found["rows"], found["skipped"]) == (at(0), at(39), 40, 0)
    assert opened(found) == [("temp_high", START + timedelta(minutes=20))]
    assert desk.err.splitlines() == ["cdg-core: judged: 03.air", f"cdg-core: {MILDER}"]
    assert desk.run(SHOP, code=1).splitlines()[-1].startswith("cases: 1; time in limit: ")
    assert desk.json(SHOP, "--set", "limits.high=9.6", code=0)["cases"] == []


def test_a_minute_without_a_good_value_is_a_fault_and_an_absent_one_a_gap(desk: Desk, recorder: Recorder) -> None:
    recorder(air=[4.0] * 10 + [None] * 5 + [4.0] * 10)
    recorder(air=[4.0] * 10, first=100)
    expected = [("sensor_fault", START + timedelta(minutes=12)), ("sensor_stale", START + timedelta(minutes=30))]
    assert opened(desk.json(SHOP, code=1)) == expected


def test_a_case_that_goes_on_is_as_long_as_it_was_whatever_the_clock_said_meanwhile(desk: Desk, tmp_path: Path) -> None:
    history = a_history(tmp_path, FakeClock())
    record(history, [9.5] * 20, sensor="03.air")
    record(history, [9.5] * 20, sensor="03.air", at=START + THREE_YEARS, steady_s=1200.0)
    history._end_all(fresh=True)
    history._commit_and_close()
    [case] = desk.json(SHOP, code=1)["cases"]
    assert (case["opened_at"], case["cleared_at"], case["duration_s"]) == (at(10), None, 39 * 60)


def test_a_contact_was_closed_in_a_minute_of_which_it_was_closed_for_half(desk: Desk, tmp_path: Path) -> None:
    history = a_history(tmp_path, FakeClock())
    record(history, [4.0] * 60, sensor="03.air")
    record(history, [0.0, 0.0, 1.0] * 60, sensor="03.door", every_s=20.0)
    record(history, [0.0] * 20 + [0.0, 1.0] * 50, sensor="03.defrost", every_s=30.0)
    history._end_all(fresh=True)
    history._commit_and_close()
    shop = (SHOP + DOOR + DEFROST).replace("alarm_delay_s", "defrost = { max_s = 600.0 }\nalarm_delay_s")
    assert opened(desk.json(shop, code=1)) == [("defrost_overrun", START + timedelta(minutes=20))]


def test_an_offset_is_in_the_recorded_values_already(desk: Desk, recorder: Recorder) -> None:
    recorder(air=[9.0] * 30)
    assert desk.json(SHOP + "offset = -2.0\n", code=1)["cases"][0]["peak"] == 9.0


def test_every_temperature_sensor_is_judged_or_the_one_that_is_named(desk: Desk, recorder: Recorder) -> None:
    recorder(air=[4.0] * 30, goods=[9.5] * 30)
    assert desk.json(SHOP + GOODS, code=1)["rows"] == 30
    assert "judged: 03.air, 03.goods" in desk.err
    desk.json(SHOP + GOODS, "--sensor", "03.air", code=0)
    assert "not judged: 03.goods" in desk.err


def test_only_the_time_that_was_asked_for_is_judged(desk: Desk, recorder: Recorder) -> None:
    """From the first moment to before the last one; a zone is minded."""
    recorder(air=[9.5] * 20 + [4.0] * 40)
    found = desk.json(SHOP, "--since", "2026-11-23T16:20:00+08:00", "--until", "2026-11-23T08:50:00", code=0)
    assert (found["rows"], found["from"], found["until"]) == (30, at(20), at(49))


def test_the_directory_may_come_from_the_configuration(
    tmp_path: Path, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder(air=[4.0] * 5)
    config = a_config(tmp_path, SHOP.replace('site = "s-1"', f'site = "s-1"\ndata_dir = "{tmp_path}"'))
    assert main(["backtest", "--config", str(config), "--cabinet", "03", "--history", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 5


# -- beside a core -----------------------------------------------------------------------------------------------------


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.core.monitoring.history_victim", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def test_beside_a_running_writer_it_judges_what_is_there_and_holds_nobody_up(
    desk: Desk, writer: subprocess.Popen[str]
) -> None:
    assert writer.stdout is not None
    committed = (int(line) for line in writer.stdout)
    for least in (50, 500):
        seen = next(minute for minute in committed if minute >= least)
        assert desk.json(SHOP)["rows"] >= seen
    assert writer.poll() is None


def test_what_was_there_is_as_it_was(desk: Desk, tmp_path: Path, recorder: Recorder) -> None:
    recorder(air=[4.0] * 5)
    a_config(tmp_path, SHOP)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    desk.run(SHOP, code=0)
    assert {path: path.read_bytes() for path in before} == before


# -- what can't be used ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--cabinet", "99"), "there is no cabinet '99'; there are '03'"),
        (("--data-dir", "/nowhere"), f"/nowhere/{NAME}: there is no history; is it the data directory of a guard?"),
        (("--since", "2026-11-24"), f"{NAME}: holds no minute of 03.air in that time"),
        (("--until", "2026-11-23"), f"{NAME}: holds no minute of 03.air in that time"),
        (("--since", "2026-11-24", "--until", "2026-11-23"), "--since is after --until"),
        (("--since", "yesterday"), "'yesterday' is no time such as"),
        (("--sensor", "03.door"), "cabinet '03' has no temperature sensor '03.door'; it has '03.air'"),
        (("--set", "limits.high=warm"), "--set limits.high: 'warm' is not a number"),
        (("--column", "temp"), "--column goes with --csv only"),
        (("--time-column", "t"), "--time-column goes with --csv only"),
        (("--config", "/nowhere/c.toml"), "/nowhere/c.toml: can't be read"),
    ],
)
def test_a_wrong_word_is_one_line_and_the_code_of_wrong_use(
    desk: Desk, recorder: Recorder, options: tuple[str, ...], problem: str
) -> None:
    recorder(air=[4.0] * 5)
    assert problem in desk.refused(SHOP, *options)


def test_a_sensor_nobody_recorded_is_named(desk: Desk, recorder: Recorder) -> None:
    """Of the air it is a mistake; of another only worth a line."""
    recorder(air=[4.0] * 5)
    desk.json(SHOP + DOOR, code=0)
    assert "not judged: 03.door" in desk.err
    assert "holds no minute of 03.goods in that time" in desk.refused(SHOP + GOODS, "--sensor", "03.goods")


@pytest.mark.parametrize("place", [0, 1])
def test_a_damaged_file_is_named(desk: Desk, tmp_path: Path, recorder: Recorder, place: int) -> None:
    """Whether it is no database any more, or holds rubbish in the midst of a year."""
    recorder(air=[4.0] * 20_000)
    path = tmp_path / NAME
    with path.open("r+b") as file:
        file.seek(place * path.stat().st_size // 2)
        file.write(b"\xff" * 16_384)
    line = desk.refused(SHOP)
    assert f"{NAME}: can't be read: " in line


@pytest.mark.parametrize("option", ["--data-dir", "--since", "--until"])
def test_what_goes_with_a_history_is_refused_with_a_file(
    tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = str(a_config(tmp_path, SHOP))
    assert main(["backtest", "--config", config, "--cabinet", "03", "--csv", "x.csv", option, "2026-01-01"]) == 2
    assert capsys.readouterr().err == f"cdg-core: {option} goes with --history only\n"


@pytest.mark.parametrize("sources", [(), ("--csv", "x.csv", "--history")])
def test_it_is_either_a_file_or_the_history(sources: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["backtest", "--cabinet", "03", *sources])
    assert ended.value.code == 2
    assert "--csv" in capsys.readouterr().err
