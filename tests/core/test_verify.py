"""`cdg-core verify DIR`, run as people run it: what it says of each kind of damage, and that it changes nothing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.events import Severity
from core.journal import Archive
from core.webhooks import deliveries
from tests.core.journal.damage import everything, framed
from tests.core.journal.rigs import ROOT, a_generation, a_journal, a_line, child, opened, put, reopened
from tests.core.webhooks.factories import OK, a_box, a_delivery, an_event
from tests.e2e.conftest import Core, free_port, wait_until
from tests.e2e.shops import SIMULATED
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


def verify(directory: Path | str, *, under: tuple[str, ...] = ()) -> tuple[int, str, str]:
    """The exit code, what it printed, and its errors."""
    command = [*under, sys.executable, "-m", "core", "verify", str(directory)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def a_data_directory(directory: Path) -> Path:
    """Two sound journals and an archive."""
    a_journal(directory, "a", "b")
    shutil.copy(directory / "retries.jsonl", directory / "cases.jsonl")
    Archive(directory, FakeClock()).append("dead-202611.jsonl", "x", b'"x"')
    return directory


# -- sound -------------------------------------------------------------------------------------------------------------


def test_a_sound_directory_is_told_with_its_figures(tmp_path: Path) -> None:
    assert verify(a_data_directory(tmp_path)) == (
        0,
        (
            "cases.jsonl: ok — generation 1, 4 lines, 2 live\n"
            "retries.jsonl: ok — generation 1, 4 lines, 2 live\n"
            "archive/dead-202611.jsonl: ok — 1 lines\n"
        ),
        "",
    )


def test_a_journal_of_a_killed_core_is_sound(tmp_path: Path) -> None:
    """Its mark of a clean end is missing, and nothing else."""
    path = tmp_path / "retries.jsonl"
    path.write_bytes(a_generation("a", "b"))
    assert verify(tmp_path)[0] == 0


async def test_the_accounts_stand_in_their_line(tmp_path: Path) -> None:
    with a_box(tmp_path) as box:
        await box.accept(*[an_event(f"evt_{number}") for number in range(6)])
        box.attempt(OK)
        ids = [entry.delivery.delivery_id for entry in box.queue.entries()]
        box.queue.cancel(ids[1], "wang")
        box.queue.evict(box.queue.get(ids[2]))
        box.queue.evict(box.queue.get(ids[3]))
        box.queue.archived(box.queue.get(ids[3]))
    code, said, _ = verify(tmp_path)
    assert code == 0
    assert "6 accepted = 1 delivered + 2 pending + 2 dead letters + 1 cancelled\n" in said


def test_deliveries_of_a_program_that_did_not_count_are_counted(tmp_path: Path) -> None:
    with opened(tmp_path / "retries.jsonl") as journal:
        for name in ("evt_1", "evt_2"):
            put(journal, name, deliveries.encode(a_delivery(name)))
    code, said, _ = verify(tmp_path)
    assert (code, "2 accepted = 0 delivered + 2 pending" in said) == (0, True)


def test_a_delivery_that_is_gone_without_a_trace_is_told(tmp_path: Path) -> None:
    """Each line is sound, but the last delivery says that it was the third, and only two are there."""
    with opened(tmp_path / "retries.jsonl") as journal:
        for ordinal in (1, 3):
            one = a_delivery(f"evt_{ordinal}", ordinal=ordinal, severity=Severity.INFO)
            put(journal, one.delivery_id, deliveries.encode(one))
    code, said, _ = verify(tmp_path)
    assert code == 1
    assert "3 accepted = 0 delivered + 2 pending + 0 dead letters + 0 cancelled + 1 UNACCOUNTED" in said


def line_of(said: str, name: str) -> str:
    [line] = [line for line in said.splitlines() if line.startswith(f"{name}: ")]
    return line.removeprefix(f"{name}: ")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (a_generation("a") + b"torn", "4 bytes of a torn end"),
        (a_generation("a") + b"x\n" + a_line(3), "1 damaged lines, 1 numbers missing"),
        (a_generation("a") + a_line(4), "2 numbers missing"),
        (
            a_generation("a", "b").replace(a_line(1, item_id="a", document=b'"a"'), b""),
            "items of the last rewrite are missing",
        ),
        (a_line(1) + a_line(2), "without its head"),
        (b"\0" * 50, "50 bytes of a torn end"),
        (b"", "empty"),
        (framed(a_line(1).replace(b'"v":1', b'"v":7')), "was written by a newer version (format 7)"),
    ],
    ids=["torn", "middle", "gap", "incomplete", "headless", "NULs", "empty", "newer"],
)
def test_damage_is_told_by_file_and_number(tmp_path: Path, data: bytes, told: str) -> None:
    a_data_directory(tmp_path)
    (tmp_path / "cases.jsonl").write_bytes(data)
    code, said, errors = verify(tmp_path)
    assert (code, errors) == (1, "")
    assert line_of(said, "cases.jsonl").startswith("DAMAGED — ")
    assert told in line_of(said, "cases.jsonl")
    assert line_of(said, "retries.jsonl").startswith("ok")


@pytest.mark.parametrize("kind", ["directory", "hanging link", "pipe"])
def test_what_is_no_file_is_told(tmp_path: Path, kind: str) -> None:
    path = a_data_directory(tmp_path) / "cases.jsonl"
    path.unlink()
    {"directory": os.mkdir, "pipe": os.mkfifo, "hanging link": lambda at: os.symlink("nowhere", at)}[kind](path)
    code, said, _ = verify(tmp_path)
    assert (code, line_of(said, "cases.jsonl")) == (1, "DAMAGED — not a file")


@pytest.mark.parametrize("left", ["cases.jsonl.prev", "quarantine/cases.jsonl-0001.bad"])
def test_a_journal_of_which_only_traces_are_left_is_missing(tmp_path: Path, left: str) -> None:
    (a_data_directory(tmp_path) / "cases.jsonl").unlink()
    (tmp_path / left).parent.mkdir(exist_ok=True)
    (tmp_path / left).write_bytes(a_generation("a"))
    code, said, _ = verify(tmp_path)
    assert (code, line_of(said, "cases.jsonl")) == (1, "DAMAGED — missing")


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda data: data + b"torn", "2 lines, 4 bytes of a torn end"),
        (lambda data: data.replace(b'"x"', b'"X"', 1), "1 lines, 1 damaged lines, 1 numbers missing"),
        (lambda data: data.partition(b"\n")[2], "1 lines, 1 numbers missing"),
    ],
    ids=["torn", "damaged", "dropped"],
)
def test_the_archive_is_covered(tmp_path: Path, harm: Callable[[bytes], bytes], told: str) -> None:
    Archive(a_data_directory(tmp_path), FakeClock()).append("dead-202611.jsonl", "y", b'"y"')
    path = tmp_path / "archive" / "dead-202611.jsonl"
    path.write_bytes(harm(path.read_bytes()))
    code, said, _ = verify(tmp_path)
    assert (code, line_of(said, "archive/dead-202611.jsonl")) == (1, f"DAMAGED — {told}")


def test_an_archive_that_a_full_disk_left_empty_is_sound(tmp_path: Path) -> None:
    (a_data_directory(tmp_path) / "archive" / "dead-202612.jsonl").touch()
    assert verify(tmp_path)[0] == 0


def test_the_quarantine_is_told_until_it_was_acknowledged(tmp_path: Path) -> None:
    path = a_data_directory(tmp_path) / "cases.jsonl"
    path.write_bytes(path.read_bytes() + b"torn")
    reopened(path)
    code, said, _ = verify(tmp_path)
    assert (code, line_of(said, "cases.jsonl")[:2]) == (1, "ok")
    assert line_of(said, "quarantine/cases.jsonl") == "DAMAGED — 1 pieces of 4 bytes, 1 to be acknowledged"
    with opened(path) as journal:
        journal.acknowledge("wang")
    code, said, _ = verify(tmp_path)
    assert (code, line_of(said, "quarantine/cases.jsonl")) == (0, "ok — 1 pieces of 4 bytes, none to be acknowledged")


@pytest.mark.parametrize("kind", ["empty", "missing", "file", "other things"])
def test_what_is_no_data_directory_is_a_wrong_use(tmp_path: Path, kind: str) -> None:
    directory = tmp_path / "d"
    if kind == "file":
        directory.touch()
    elif kind != "missing":
        directory.mkdir()
    if kind == "other things":
        (directory / "notes.txt").write_text("x")
    code, said, errors = verify(directory)
    assert (code, said, len(errors.splitlines())) == (2, "", 1)
    assert str(directory) in errors


def test_a_name_full_of_control_characters_can_not_command_the_terminal(tmp_path: Path) -> None:
    a_data_directory(tmp_path)
    (tmp_path / "x\x1b]0;owned\x07\n.jsonl").write_bytes(a_generation("a") + "\x1b[2J鲜".encode())
    (tmp_path / "cases.jsonl").write_bytes(a_generation("\x1b[31m") + b"\x1b[2J\n" + a_line(3, item_id="\x9b31m"))
    os.mkdir(os.fsencode(tmp_path) + b"/\xff\x1b.jsonl")
    code, said, errors = verify(tmp_path)
    assert (code, errors) == (1, "")
    assert all(character.isprintable() for line in said.split("\n") for character in line)
    assert "\x1b" not in verify(f"{tmp_path}/\x1b[2J")[2]


# -- it only looks -----------------------------------------------------------------------------------------------------


READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'


def may_mount() -> bool:
    return subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0


def test_it_changes_nothing(tmp_path: Path) -> None:
    """No byte, no time, no mode, no name, though there is much that a start would repair."""
    directory = a_damaged_directory(tmp_path)
    before = everything(directory), directory.stat().st_mtime_ns
    assert verify(directory)[0] == 1
    assert (everything(directory), directory.stat().st_mtime_ns) == before


@pytest.mark.skipif(shutil.which("unshare") is None or not may_mount(), reason="needs a mount namespace of its own")
def test_it_needs_no_right_to_write(tmp_path: Path) -> None:
    directory = a_damaged_directory(tmp_path)
    prefix = ("unshare", "--mount", "sh", "-c", READ_ONLY, str(directory))
    assert verify(directory, under=prefix) == verify(directory)


def a_damaged_directory(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir()
    a_data_directory(directory)
    for name in ("cases.jsonl", "archive/dead-202611.jsonl"):
        with (directory / name).open("ab") as file:
            file.write(b"torn")
    (directory / "retries.jsonl").chmod(0o644)
    (directory / "retries.jsonl.new").write_bytes(a_generation("a")[:-10])
    (directory / "retries.jsonl.prev").write_bytes(a_generation("a"))
    (directory / "quarantine").mkdir()
    (directory / "quarantine" / "retries.jsonl-0001.bad").write_bytes(b"x")
    return directory


SLOW = """
import sys, time
from tests.core.journal.rigs import a_generation, a_line
with open(sys.argv[1], "wb", buffering=0) as file:
    rest = a_generation()
    for n in range(1, 1000):
        line = a_line(n, item_id=str(n))
        file.write(rest + line[:20])
        rest = line[20:]
        print(n, flush=True)
        time.sleep(0.05)
"""


def test_a_line_that_is_just_being_written_is_no_damage(tmp_path: Path) -> None:
    """The disk takes each line in two halves, so whenever somebody looks the last one is not whole."""
    writer = child(SLOW, str(tmp_path / "retries.jsonl"))
    assert writer.stdout is not None
    try:
        assert writer.stdout.readline() == "1\n"
        code, said, _ = verify(tmp_path)
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.communicate()
    assert code == 0, said


SENDING = """
[[webhooks.endpoints]]
id = "hq"
url = "http://127.0.0.1:{port}/"
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
events = ["*"]

[webhooks.retry]
first_delay_s = 0.1
max_delay_s = 0.2
"""


def test_it_works_beside_a_running_core(tmp_path: Path) -> None:
    """Its headquarters refuses every attempt, so each look finds other lines in the journal."""
    config = SIMULATED.replace("heartbeat_s = 0", "heartbeat_s = 10") + SENDING.format(port=free_port())
    core = Core(tmp_path, config)
    core.start()
    try:
        wait_until(lambda: core.get("status")["webhooks"]["pending"], "something is on its way")
        for _ in range(3):
            code, said, _ = verify(core.data)
            assert code == 0, said
            assert " accepted = 0 delivered + " in line_of(said, "retries.jsonl")
        assert core.get("status")["durability"]["state"] == "durable"
    finally:
        core.end()
