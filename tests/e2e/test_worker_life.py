"""A core that somebody else's life hangs on: it ends when its owner is gone, and says what it did in its own log."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Core, wait_until
from tests.e2e.shops import SIMULATED


def serve(box: Core, *more: str, stdin: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "core", "serve", "--config", str(box.config), "--data-dir", str(box.data), *more]
    return subprocess.Popen(command, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)


def test_a_core_on_a_lifeline_ends_with_its_owner(core: Callable[..., Core]) -> None:
    """The owner may be killed: the kernel closes its end of the pipe all the same."""
    box = core(SIMULATED)
    read, write = os.pipe()
    running = serve(box, "--until-stdin-ends", stdin=read)
    os.close(read)
    wait_until(lambda: (box.data / "manage.sock").exists(), "the core serves")
    assert running.poll() is None
    os.close(write)
    assert running.wait(10) == 0
    assert not (box.data / "manage.sock").exists()


@pytest.mark.parametrize("deep", ["", "a/" * 60])
def test_a_core_keeps_its_log_where_it_is_told(core: Callable[..., Core], tmp_path: Path, deep: str) -> None:
    """Also in the data directory that it makes first."""
    box = core(SIMULATED)
    box.data = tmp_path / f"{deep}data"
    running = serve(box, "--log", str(box.data / "core.log"), stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: (box.data / "manage.sock").exists(), "the core serves")
    finally:
        running.terminate()
        assert running.wait(10) == 0
    said = (box.data / "core.log").read_text()
    assert "guarding" in said
    assert "stopping" in said


def test_a_log_that_can_not_be_written_is_told_to_standard_error(core: Callable[..., Core], tmp_path: Path) -> None:
    """One line a record all the same; a guard without a log is still a guard."""
    box = core(SIMULATED)
    command = [sys.executable, "-m", "core", "serve", "--config", str(box.config), "--data-dir", str(box.data)]
    with (tmp_path / "said").open("w+") as said:
        running = subprocess.Popen([*command, "--log", str(tmp_path)], stderr=said, cwd=ROOT)
        try:
            wait_until(lambda: (box.data / "manage.sock").exists(), "the core serves")
        finally:
            running.terminate()
            assert running.wait(10) == 0
        lines = (tmp_path / "said").read_text().splitlines()
    assert all(line.startswith("20") for line in lines)
    assert [line.rpartition(": ")[2] for line in lines if " core.guard: " in line] == ["guarding", "stopping"]
