"""The core's log: harmless lines, a file that stays small, and a crash that is kept."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import logging, sys
from pathlib import Path
from core.logs import start_logging
start_logging(Path(sys.argv[1]))
{work}
"""


def logged(path: Path, work: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM.format(work=work), str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_line_holds_no_control_character(tmp_path: Path) -> None:
    logged(tmp_path / "core.log", "logging.info('a%sb', chr(27) + '[2J' + chr(10))")
    (line,) = (tmp_path / "core.log").read_text().splitlines()
    assert line.endswith(r"a\x1b[2J\nb")


def test_a_crash_stands_in_the_file_and_not_on_the_screen(tmp_path: Path) -> None:
    done = logged(tmp_path / "core.log", "logging.info('up'); raise RuntimeError('the end')")
    assert (done.returncode, done.stderr) == (1, "")
    assert "RuntimeError: the end" in (tmp_path / "core.log").read_text()


def test_the_files_stay_small_few_and_private(tmp_path: Path) -> None:
    logged(tmp_path / "core.log", "for n in range(70_000): logging.info('x' * 60)")
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(sizes) == {"core.log", "core.log.1", "core.log.2", "core.log.3"}
    assert max(sizes.values()) <= 1_000_000
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_log_that_cannot_be_turned_over_starts_afresh(tmp_path: Path) -> None:
    """It stays as small, without a traceback for each line."""
    (tmp_path / "core.log.1").mkdir()
    (tmp_path / "core.log.2").mkdir()
    (tmp_path / "core.log.3").mkdir()
    logged(tmp_path / "core.log", "for n in range(40_000): logging.info('x' * 60)")
    text = (tmp_path / "core.log").read_text()
    assert 0 < len(text) <= 1_000_000
    assert "Traceback" not in text


def test_a_log_that_hangs_holds_up_nobody(tmp_path: Path) -> None:
    """Standard error is a pipe that nobody reads and that is full: who logs goes on at once."""
    reader, writer = os.pipe()
    work = "import os; [logging.info('x' * 60) for n in range(20_000)]; os.write(1, b'through'); os._exit(0)"
    command = [sys.executable, "-c", PROGRAM.replace("Path(sys.argv[1])", "None").format(work=work)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=writer, timeout=60, check=False)
    os.close(writer)
    os.close(reader)
    assert done.stdout == b"through"


def test_an_end_does_not_wait_for_a_log_that_hangs(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    work = "[logging.info('x' * 60) for n in range(20_000)]"
    command = [sys.executable, "-c", PROGRAM.replace("Path(sys.argv[1])", "None").format(work=work)]
    done = subprocess.run(command, stderr=writer, timeout=30, check=False)
    os.close(writer)
    os.close(reader)
    assert done.returncode == 0


def test_a_closed_standard_error_is_nobody_elses_number(tmp_path: Path) -> None:
    """What is opened after the start would get it, and the log then write over it."""
    work = "import os, socket; mine = socket.socket(); logging.info('up'); print(mine.fileno() > 2)"
    command = [sys.executable, "-c", PROGRAM.format(work=work), str(tmp_path / "core.log")]
    closing = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    done = subprocess.run(closing, stdout=subprocess.PIPE, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, b"True\n")
    assert "up" in (tmp_path / "core.log").read_text()


def test_the_newest_records_are_in_memory_however_the_log_is_written(tmp_path: Path) -> None:
    """To a file, and to standard error; in the order in which they were said."""
    work = "logging.warning('%s', 'one'); logging.info('two'); from core.logs import TAIL; print([x.text for x in TAIL.lines()])"
    assert logged(tmp_path / "core.log", work).stdout == "['one', 'two']\n"
    assert "WARNING root: one" in (tmp_path / "core.log").read_text()
    command = [sys.executable, "-c", PROGRAM.replace("Path(sys.argv[1])", "None").format(work=work)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "['one', 'two']\n"
    assert "WARNING root: one" in done.stderr
