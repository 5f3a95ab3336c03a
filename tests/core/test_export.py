"""`cdg-core export`: what was recorded, for people's spreadsheets and for programs."""

import csv
import io
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from core.__main__ import main
from core.monitoring.history import History
from core.monitoring.minute_file import NAME
from tests.core.config_texts import MINIMAL, a_config
from tests.core.monitoring.factories import AIR, START
from tests.core.monitoring.histories import a_history, a_reading, record
from tests.fakes import FakeClock

ROOT = Path(__file__).parents[2]
HEADER = ["sensor", "time UTC", "min", "mean", "max", "samples", "quality"]


@pytest.fixture
def recorded(tmp_path: Path) -> History:
    """Three minutes of the air, the second without a value, then a gap; one minute of a sensor with a wicked name."""
    history = a_history(tmp_path, FakeClock())
    record(history, [-18.5, None, 4.0])
    record(history, [-0.25], at=START + timedelta(minutes=9), steady_s=540.0)
    history.add(a_reading(1.0, sensor='=cmd|"/c calc",A1'))
    history._end_all(fresh=True)
    history.commit()
    return history


def exported(directory: Path, *arguments: str) -> str:
    """What a process of its own writes, beside the history that is open here."""
    command = [sys.executable, "-m", "core", "export", "--data-dir", str(directory), *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode("utf-8")


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


@pytest.mark.usefixtures("recorded")
def test_csv_has_a_row_a_minute_and_says_what_is_not_known(tmp_path: Path) -> None:
    text = exported(tmp_path, "--sensor", AIR)
    assert text.startswith("\ufeff")
    assert cells(text) == [
        HEADER,
        [AIR, "2026-11-23T08:00:00Z", "-18.50", "-18.50", "-18.50", "1", "good"],
        [AIR, "2026-11-23T08:01:00Z", "", "", "", "1", "fault"],
        [AIR, "2026-11-23T08:02:00Z", "4.00", "4.00", "4.00", "1", "good"],
        [AIR, "2026-11-23T08:09:00Z", "-0.25", "-0.25", "-0.25", "1", "good"],
    ]


@pytest.mark.usefixtures("recorded")
def test_a_name_is_never_a_formula_and_a_negative_number_stays_a_number(tmp_path: Path) -> None:
    rows = cells(exported(tmp_path))[1:]
    assert {row[0] for row in rows} == {AIR, '\'=cmd|"/c calc",A1'}
    assert "-18.50" in {row[2] for row in rows}
    assert all(len(row) == len(HEADER) for row in rows)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@sum", "\t=1", 'a"b', "a,b", "a\nb", "鲜奶"])
def test_any_name_comes_back_as_text(tmp_path: Path, name: str) -> None:
    history = a_history(tmp_path, FakeClock())
    record(history, [1.0], sensor=name)
    history._end_all(fresh=True)
    history.commit()
    (row,) = cells(exported(tmp_path, f"--sensor={name}"))[1:]
    assert row[0] == ("'" + name if name[0] in "=+-@\t" else name)
    (one,) = json.loads(exported(tmp_path, "--format", "json"))
    assert one["sensor"] == name


@pytest.mark.usefixtures("recorded")
def test_json_is_an_array_with_null_where_nothing_is_known(tmp_path: Path) -> None:
    rows = json.loads(exported(tmp_path, "--format", "json", "--sensor", AIR))
    assert rows[0] == {
        "sensor": AIR,
        "at": "2026-11-23T08:00:00Z",
        "min": -18.5,
        "mean": -18.5,
        "max": -18.5,
        "samples": 1,
        "quality": "good",
    }
    assert rows[1]["mean"] is None
    assert len(rows) == 4
    assert json.loads(exported(tmp_path, "--format", "json", "--until", "2000-01-01")) == []


@pytest.mark.usefixtures("recorded")
def test_only_the_time_that_was_asked_for(tmp_path: Path) -> None:
    """From the first moment to before the last one; a zone is minded, without one it is UTC."""
    asked = ("--since", "2026-11-23T16:01:00+08:00", "--until", "2026-11-23T08:09:00", "--sensor", AIR)
    assert [row[1] for row in cells(exported(tmp_path, *asked))[1:]] == ["2026-11-23T08:01:00Z", "2026-11-23T08:02:00Z"]


@pytest.mark.usefixtures("recorded")
def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    assert exported(tmp_path, "--output", str(output)) == ""
    assert output.read_bytes().decode() == exported(tmp_path)
    assert main(["export", "--data-dir", str(tmp_path), "--output", str(tmp_path / "nowhere" / "out.csv")]) == 1
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == ["out.csv"]


@pytest.mark.usefixtures("recorded")
def test_the_directory_may_come_from_the_configuration(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    config = a_config(tmp_path, MINIMAL.replace('site = "s-1"', f'site = "s-1"\ndata_dir = "{tmp_path}"'))
    assert main(["export", "--config", str(config)]) == 0
    assert len(cells(capfdbinary.readouterr().out.decode())) == 6


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--sensor", "nobody"), "nobody"),
        (("--since", "yesterday"), "yesterday"),
        (("--since", "2026-11-24", "--until", "2026-11-23"), "after --until"),
    ],
)
@pytest.mark.usefixtures("recorded")
def test_a_mistake_is_named_and_nothing_is_written(
    tmp_path: Path, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.csv"
    assert main(["export", "--data-dir", str(tmp_path), "--output", str(output), *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not output.exists()


def test_a_directory_without_a_history_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--data-dir", str(tmp_path)]) == 2
    assert NAME in capsys.readouterr().err
    (tmp_path / NAME).write_bytes(os.urandom(5000))
    assert main(["export", "--data-dir", str(tmp_path)]) == 1
    assert "not a database" in capsys.readouterr().err


def test_what_is_no_file_is_written_to_and_never_replaced(recorded: History, tmp_path: Path) -> None:
    """A pipe here; as root it could be a device of this machine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        assert main(["export", "--data-dir", str(tmp_path), "--output", str(pipe)]) == 0
        out, _ = reader.communicate(timeout=10)
    assert out.startswith(b"\xef\xbb\xbf")
    assert pipe.is_fifo()


def test_the_file_behind_a_link_is_the_one_that_is_written(recorded: History, tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "real.csv")
    assert main(["export", "--data-dir", str(tmp_path), "--output", str(link)]) == 0
    assert link.is_symlink()
    assert (tmp_path / "real.csv").read_bytes().startswith(b"\xef\xbb\xbf")
