"""`cdg-core export --all`: the record from the command line, beside a running core or without one."""

from pathlib import Path

import pytest

from core.__main__ import main
from tests.core.monitoring.factories import AIR
from tests.core.record.shelves import OTHER, a_life


@pytest.fixture
def data(tmp_path: Path) -> Path:
    found = tmp_path / "data"
    found.mkdir()
    a_life(found, [4.0, 5.0])
    a_life(found, [-20.0], terms=OTHER, sensor="04.air")
    return found


def export(data: Path, *arguments: str) -> int:
    return main(["export", "--data-dir", str(data), *arguments])


def test_the_record_of_one_cabinet_or_of_all(data: Path, tmp_path: Path) -> None:
    one, everything = tmp_path / "one.csv", tmp_path / "all.csv"
    assert export(data, "--cabinet", "03", "--output", str(one)) == 0
    assert export(data, "--all", "--output", str(everything)) == 0
    assert AIR in one.read_text()
    assert "04.air" not in one.read_text()
    assert "04.air" in everything.read_text()


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_changed_byte_or_a_lost_end_is_found(
    data: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "record"
    assert export(data, "--all", "--format", kind, "--output", str(path)) == 0
    assert main(["export", "--check", str(path)]) == 0
    assert "ok — sha256" in capsys.readouterr().out
    whole = path.read_bytes()
    for bad in (whole.replace(b"4.00", b"3.00", 1), whole[:-1], whole[: len(whole) // 2], whole + b"\n"):
        assert bad != whole
        path.write_bytes(bad)
        assert main(["export", "--check", str(path)]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--cabinet", "99"), "99"),
        (("--all", "--sensor", AIR), "--sensor"),
        (("--format", "pdf"), "--all"),
        (("--all", "--since", "2026-11-24", "--until", "2026-11-23"), "after --until"),
        (("--check", __file__), "no record"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_written(
    data: Path, tmp_path: Path, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert export(data, "--output", str(output), *arguments) == 2
    assert said in capsys.readouterr().err
    assert not output.exists()


def test_a_disk_that_fails_in_the_middle_leaves_no_file(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(data, "--all", "--output", "/dev/full") == 1
    assert "space" in capsys.readouterr().err
