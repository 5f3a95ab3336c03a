"""The program that a box runs when its alarms don't get out: real scripts, which obey, fail, hang and leave children."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.webhooks.local_command import LocalCommand
from tests.core.webhooks.watched import LIMIT_S, SPARE, Watched, a_critical, a_watch
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


def a_script(directory: Path, text: str) -> str:
    path = directory / "buzz"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


def a_command(*argv: str, limit_s: float = 20.0) -> LocalCommand:
    return LocalCommand(argv, SystemClock(), limit_s)


async def until(fact: Callable[[], object], within_s: float = 8.0) -> None:
    async with asyncio.timeout(within_s):
        while not fact():
            await asyncio.sleep(0.01)


def lives(pid: int) -> bool:
    """Whether it runs; who was killed and not waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def terminal() -> Iterator[None]:
    """The tests' own input, output and errors go to a pipe meanwhile, as a console's go to a terminal."""
    ends, kept = os.pipe(), [os.dup(number) for number in range(3)]
    for number in range(3):
        os.dup2(ends[number > 0], number)
    yield
    for number, copy in enumerate(kept):
        os.dup2(copy, number)
    for one in (*ends, *kept):
        os.close(one)


# -- one run -----------------------------------------------------------------------------------------------------------


async def test_the_words_arrive_as_they_stand_and_no_shell_reads_them(tmp_path: Path) -> None:
    """Spaces, quotes, dollars and stars are text."""
    script = a_script(tmp_path, f"printf '%s\\n' \"$@\" > {tmp_path}/said")
    command = a_command(script, "a b", "$HOME", "*", "'; touch x")
    await command.run({})
    assert (tmp_path / "said").read_text() == "a b\n$HOME\n*\n'; touch x\n"
    assert command.problem is None


async def test_the_variables_stand_beside_the_environment_of_the_core(tmp_path: Path) -> None:
    """Chinese, line ends and all; of a NUL, which no environment holds, only the rest."""
    script = a_script(tmp_path, f'printf "%s|%s|%s" "$CDG_CABINET" "$CDG_CASE_ID" "$PATH" > {tmp_path}/said')
    await a_command(script).run({"CDG_CABINET": "鲜奶柜\n1", "CDG_CASE_ID": "a\0b"})
    assert (tmp_path / "said").read_text() == f"鲜奶柜\n1|ab|{os.environ['PATH']}"


async def test_it_has_a_session_of_its_own_and_nothing_to_read_or_to_write_to(tmp_path: Path, terminal: None) -> None:
    """A terminal, a socket or the core's own log can't be reached by it or hold it up."""
    script = a_script(
        tmp_path,
        f"open=$(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2)\necho $open > {tmp_path}/open\n"
        f"cut -d' ' -f6 /proc/$$/stat > {tmp_path}/session",
    )
    await a_command(script).run({})
    assert (tmp_path / "open").read_text() == "/dev/null /dev/null /dev/null\n"
    assert int((tmp_path / "session").read_text()) != os.getsid(0)


@pytest.mark.parametrize(
    ("text", "says"),
    [("exit 3", "ended with 3"), ("kill -9 $$", "ended with -9"), ("sleep 60", "did not end within 0.3 s")],
)
async def test_a_failure_is_a_problem_until_the_next_success(tmp_path: Path, text: str, says: str) -> None:
    """In words."""
    command = a_command(a_script(tmp_path, text), limit_s=0.3)
    await command.run({})
    assert command.problem == says
    a_script(tmp_path, "exit 0")
    await command.run({})
    assert command.problem is None


async def test_a_program_that_is_gone_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    """It was there when the configuration was read."""
    command = a_command(str(tmp_path / "gone"))
    await command.run({})
    assert command.problem == "can't be started (No such file or directory)"
    assert not command.running


async def test_what_hangs_is_killed_with_all_it_started(tmp_path: Path) -> None:
    """A child that ignores its parent's end must not collect over the days."""
    script = a_script(tmp_path, f"trap '' TERM; sleep 60 & echo $! $$ > {tmp_path}/pids; wait")
    command = a_command(script, limit_s=0.5)
    await command.run({})
    child, parent = map(int, (tmp_path / "pids").read_text().split())
    await until(lambda: not lives(child))
    assert not lives(parent)


async def test_what_runs_when_the_core_stops_is_killed_too(tmp_path: Path) -> None:
    """At once: the stop does not wait for it."""
    script = a_script(tmp_path, f"echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; sleep 60")
    command = a_command(script)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(command.run({}))
        await until((tmp_path / "pid").exists)
        assert command.running
        running.cancel()
    await until(lambda: not lives(int((tmp_path / "pid").read_text())))
    assert not command.running


async def test_who_waits_for_it_waits_for_nothing_else(tmp_path: Path) -> None:
    """The loop goes on while it is started and while it runs."""
    command = a_command(a_script(tmp_path, "sleep 0.5"))
    async with asyncio.TaskGroup() as group:
        group.create_task(command.run({}))
        longest, last = 0.0, time.monotonic()
        await asyncio.sleep(0)
        while command.running:
            await asyncio.sleep(0.01)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert longest < 0.3


# -- when it is run ----------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def a_watch_running(directory: Path, text: str) -> AsyncIterator[Watched]:
    """Its loop runs, and calls a script that writes a line with what it was told."""
    told = 'echo "$CDG_UNDELIVERED $CDG_ENDPOINTS $CDG_EVENT_ID $CDG_CASE_ID $CDG_CABINET" >> ' + str(
        directory / "told"
    )
    async with a_watch(directory, SPARE, command=(a_script(directory, f"{told}\n{text}"),)) as watched:
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(watched.escalation.run())
                await asyncio.sleep(0.05)
                yield watched
                running.cancel()
        finally:
            assert not watched.escalation.command.running


def told(directory: Path) -> list[str]:
    path = directory / "told"
    return path.read_text().splitlines() if path.exists() else []


async def on(watched: Watched, seconds: float) -> None:
    """Let this time pass, and its looks happen."""
    watched.clock.advance(seconds)
    await asyncio.sleep(0.3)


async def test_it_is_run_once_a_look_and_is_told_of_the_oldest(tmp_path: Path) -> None:
    """Not once a delivery; the count is of all."""
    async with a_watch_running(tmp_path, "exit 0") as watched:
        await watched.publish(a_critical("evt_1", case_id="case_1", seq=1, cabinet="03"))
        await on(watched, 3)
        for number in range(2, 6):
            await watched.publish(a_critical(f"evt_{number}"))
        await on(watched, LIMIT_S + 3)
        await until(lambda: told(tmp_path))
        await on(watched, 100)
        assert told(tmp_path) == ["5 hq evt_1 case_1 03"]


async def test_it_is_run_again_for_what_is_newly_overdue_only(tmp_path: Path) -> None:
    """And told of the oldest of the new ones, with the count and the endpoints of all."""
    async with a_watch_running(tmp_path, "exit 0") as watched:
        await watched.publish(a_critical("evt_1"))
        await on(watched, LIMIT_S)
        await until(lambda: told(tmp_path))
        await on(watched, 5)
        await watched.publish(a_critical("evt_2"))
        await on(watched, LIMIT_S)
        await until(lambda: len(told(tmp_path)) == 2)
    assert told(tmp_path) == ["1 hq evt_1  ", "3 hq,spare evt_2  "]


async def test_two_never_run_at_once_and_what_came_meanwhile_is_told_afterwards(tmp_path: Path) -> None:
    """A buzzer that is slow is not called twice into each other."""
    gate = tmp_path / "gate"
    async with a_watch_running(tmp_path, f"until [ -e {gate} ]; do sleep 0.05; done") as watched:
        await watched.publish(a_critical("evt_1"))
        await on(watched, 100)
        await watched.publish(a_critical("evt_2"))
        await on(watched, LIMIT_S - 100)
        await until(lambda: told(tmp_path))
        await on(watched, 200)
        assert len(told(tmp_path)) == 1
        gate.touch()
        await until(lambda: not watched.escalation.command.running)
        await on(watched, 5)
        await until(lambda: len(told(tmp_path)) == 2)


async def test_a_command_that_hangs_keeps_nothing_from_being_handed_over(tmp_path: Path) -> None:
    """Both ways are independent of each other."""
    async with a_watch_running(tmp_path, "sleep 60") as watched:
        await watched.publish(a_critical())
        await on(watched, 3)
        await on(watched, LIMIT_S)
        await until(lambda: told(tmp_path))
        await on(watched, 5)
        assert watched.at("spare") is not None


async def test_it_is_run_again_after_a_restart_while_something_is_overdue(tmp_path: Path) -> None:
    """What it switched on may have gone off with the box."""
    script = a_script(tmp_path, f"echo once >> {tmp_path}/told")
    async with a_watch(tmp_path, SPARE, command=(script,)) as watched:
        await watched.publish(a_critical())
        for _ in range(2):
            watched.restart(away_s=LIMIT_S)
            async with asyncio.TaskGroup() as group:
                running = group.create_task(watched.escalation.run())
                await until(lambda: watched.escalation.overdue)
                await until(lambda: not watched.escalation.command.running)
                running.cancel()
        assert told(tmp_path) == ["once", "once"]


async def test_what_can_be_neither_started_nor_killed_is_a_problem(tmp_path: Path) -> None:
    """A program on a mount that is dead."""
    clock = FakeClock()
    command = LocalCommand((a_script(tmp_path, "sleep 60"),), clock)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(command.run({}))
        await until(lambda: command.running)
        clock.advance(59)
        assert command.problem is None
        clock.advance(2)
        assert command.problem is not None
        running.cancel()
