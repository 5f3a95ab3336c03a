"""How a console ends, and what becomes of its core and its terminal: the one goes on, the other is as it was before."""

import os
import re
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cdg_tui.sentry import DELIBERATE_S
from cdg_tui.worker import FIRST_BACKOFF_S
from tests.e2e.conftest import listens, wait_until
from tests.e2e.shops import Shop, a_shop
from tests.e2e.terminals import CDG, Pty

ENDED_S, LOST_S = 3.0, 5.0
SPUN_S = 0.5  # of the processor: what spins has used that in half a second
FAULTY = (sys.executable, "-m", "tests.e2e.faulty_console")

# A mode that is switched on at the end is worse than a wrong picture: the shell that follows can't be used.
SWITCHED = (*((mode, "l") for mode in (1049, 1000, 1003, 1006, 1004, 2004)), (25, "h"), (7, "h"))


def a_console(shop: Shop, *, hangup_ignored: bool = False) -> Pty:
    """One that has started the core and shows what it measures."""
    console = shop.on_pty(hangup_ignored=hangup_ignored)
    console.shows("已连接", "鲜奶柜")
    return console


def assert_left_clean(console: Pty) -> None:
    assert console.modes_now == console.modes
    written = bytes(console.written)
    for mode, wanted in SWITCHED:
        last = re.findall(rb"\x1b\[\?%d([hl])" % mode, written)[-1:]
        assert last in ([], [wanted.encode()]), f"mode {mode} is left {last}"


def spent_s() -> float:
    """What processes that have ended have used of the processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def signalled(number: int) -> Callable[[Pty], None]:
    return lambda console: console.signal(number)


ENDS: dict[str, tuple[Callable[[Pty], None], int]] = {
    "SIGTERM": (signalled(signal.SIGTERM), 143),
    "SIGHUP": (signalled(signal.SIGHUP), 129),
    "SIGINT": (signalled(signal.SIGINT), 130),
    "SIGQUIT": (signalled(signal.SIGQUIT), 131),
    "SIGKILL": (signalled(signal.SIGKILL), -signal.SIGKILL),
}


@pytest.mark.requirement(2, 3)
@pytest.mark.parametrize("way", [*ENDS, "q"])
def test_a_console_that_ends_leaves_terminal_and_core_as_they_should_be(tmp_path: Path, way: str) -> None:
    """And says that the monitoring goes on, and as which process; where it was killed it can't do either."""
    end, code = ENDS.get(way, (lambda console: console.keys("q\r"), 0))
    with a_shop(tmp_path) as shop:
        console = a_console(shop)
        (core,) = shop.cores
        with shop.unbroken():
            end(console)
            assert console.ends(ENDED_S) == code
        if way != "SIGKILL":
            console.shows(f"监控继续运行（进程 {core}，{shop.core.data}）")
            assert_left_clean(console)


@pytest.mark.requirement(2, 4)
@pytest.mark.parametrize("hangup_ignored", [False, True])
def test_a_console_whose_terminal_is_gone_is_gone_within_5_s(tmp_path: Path, hangup_ignored: bool) -> None:
    """Also where nobody tells it: SIGHUP may be ignored. It doesn't spin meanwhile."""
    with a_shop(tmp_path) as shop:
        console = a_console(shop, hangup_ignored=hangup_ignored)
        with shop.unbroken():
            used_s = spent_s() + console.busy_s
            console.close()
            assert console.ends(LOST_S) == 129
            assert spent_s() - used_s < SPUN_S


@pytest.mark.requirement(2, 3)
def test_a_console_whose_terminal_takes_nothing_still_ends_when_it_is_told(tmp_path: Path) -> None:
    """An SSH connection that hangs: the writing never ends, the console does."""
    with a_shop(tmp_path) as shop:
        console = a_console(shop)
        console.stall()
        for _ in range(30):
            console.keys("34")
            time.sleep(0.05)
        with shop.unbroken():
            console.signal(signal.SIGTERM)
            assert console.ends(ENDED_S) == 143
        console.go_on()
        console.shows("\x1b[?1049l", "\x1b[?25h")
        assert_left_clean(console)


@pytest.mark.requirement(2, 3)
def test_a_mistake_in_the_console_is_one_line_and_a_file(tmp_path: Path) -> None:
    """No traceback on the terminal, no variable anywhere: there are secrets among them."""
    with a_shop(tmp_path, language="en") as shop:
        console = shop.on_pty(*FAULTY, *shop.command[len(CDG) :])
        console.shows("LIVE", "鲜奶柜")
        with shop.unbroken():
            console.keys("2")
            assert console.ends(ENDED_S) == 1
        crash = tmp_path / ".local/state/cold-display-guard-console.log"
        console.shows(f"cdg: the console failed; the core is not affected. Details in {crash}", "monitoring goes on")
        assert "broken on purpose" in crash.read_text()
        assert b"s3cret" not in crash.read_bytes() + console.written
        assert b"Traceback" not in console.written
        assert_left_clean(console)


@pytest.mark.requirement(2, 3)
def test_of_consoles_that_attached_none_disturbs_the_core_however_it_ends(tmp_path: Path) -> None:
    """All of them in the same moment."""
    with a_shop(tmp_path) as shop:
        shop.core.start()
        ways = {**ENDS, "q": (lambda console: console.keys("q"), 0), "fault": (lambda console: console.keys("2"), 1)}
        command = (*FAULTY, *shop.command[len(CDG) :])
        consoles = {way: shop.on_pty(*(command if way == "fault" else ())) for way in (*ways, "closed", "stalled")}
        for console in consoles.values():
            console.shows("已连接", "鲜奶柜")
        with shop.unbroken():
            consoles["stalled"].stall()
            consoles["stalled"].keys("34" * 60)
            consoles["closed"].close()
            for way, (end, _) in ways.items():
                end(consoles[way])
            consoles["stalled"].signal(signal.SIGTERM)
            codes = {way: console.ends(LOST_S) for way, console in consoles.items()}
        assert codes == {way: code for way, (_, code) in ways.items()} | {"closed": 129, "stalled": 143}
        for way in ways.keys() - {"SIGKILL"}:
            assert_left_clean(consoles[way])


@pytest.mark.requirement(3)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_console_that_is_ended_while_it_asks_the_terminal_leaves_it_as_it_was(tmp_path: Path, number: int) -> None:
    """That is before there is a core, and there is none afterwards."""
    with a_shop(tmp_path) as shop:
        console = shop.on_pty()
        console.shows("\x1b[6n")
        assert console.modes_now != console.modes
        console.signal(number)
        assert console.ends(ENDED_S) in {128 + number, -number}
        assert_left_clean(console)
        assert shop.cores == []


def test_a_capital_y_stops_the_core_that_was_started(tmp_path: Path) -> None:
    """Esc stays."""
    with a_shop(tmp_path) as shop:
        console = a_console(shop)
        console.keys("q")
        console.shows("退出控制台")
        console.keys("\x1b")
        shop.assert_guarded(1.0)
        console.press("q", "停止监控请按大写 Y")
        time.sleep(2 * DELIBERATE_S)
        console.keys("Y")
        assert console.ends() == 0
        console.shows("监控已停止")
        assert_left_clean(console)
        assert shop.cores == []


def test_a_console_that_only_attached_leaves_at_once(tmp_path: Path) -> None:
    """The core isn't its own to stop."""
    with a_shop(tmp_path) as shop:
        shop.core.start()
        console = a_console(shop)
        console.keys("q")
        assert console.ends(5) == 0
        shop.assert_guarded(1.5)


def test_a_core_that_was_killed_is_started_again_after_a_few_seconds(tmp_path: Path) -> None:
    with a_shop(tmp_path) as shop:
        console = a_console(shop)
        (killed,) = shop.cores
        os.kill(killed, signal.SIGKILL)
        console.shows("断开", "监控意外结束，稍后重新启动", seconds=6)
        wait_until(lambda: shop.cores and shop.cores != [killed], "there is a core again")
        wait_until(lambda: listens(socket.AF_UNIX, str(shop.core.data / "manage.sock")), "it serves")
        shop.assert_guarded(1.5)


def test_a_core_that_somebody_stopped_stays_stopped(tmp_path: Path) -> None:
    with a_shop(tmp_path) as shop:
        console = a_console(shop)
        os.kill(shop.cores[0], signal.SIGTERM)
        console.shows("断开")
        wait_until(lambda: not shop.cores, "the core has ended")
        time.sleep(FIRST_BACKOFF_S + 2)
        assert shop.cores == []


def test_a_core_that_this_console_did_not_start_is_not_its_to_start_again(tmp_path: Path) -> None:
    with a_shop(tmp_path) as shop:
        shop.core.start()
        console = a_console(shop)
        shop.core.kill()
        console.shows("断开")
        time.sleep(FIRST_BACKOFF_S + 2)
        assert shop.cores == []


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGTSTP])
def test_a_console_that_was_stopped_goes_on_and_leaves_as_ever(tmp_path: Path, number: int) -> None:
    """Again and again: whether a second reader of keys gets in the way of leaving is a matter of chance."""
    with a_shop(tmp_path) as shop:
        a_console(shop)
        for _ in range(4):
            console = shop.on_pty()
            console.shows("已连接", "鲜奶柜")
            console.signal(number)
            time.sleep(0.3)
            console.signal(signal.SIGCONT)
            console.press("2", "没有未关闭的报警")
            console.keys("q")
            assert console.ends(5) == 0


def test_a_yes_that_comes_along_with_its_question_is_none(tmp_path: Path) -> None:
    """Typed blindly or pasted, it can't have been meant: the core goes on."""
    with a_shop(tmp_path) as shop:
        console = a_console(shop)
        (core,) = shop.cores
        console.press("qY", "停止监控请按大写 Y")
        time.sleep(1)
        assert shop.cores == [core]
        console.keys("\r")
        assert console.ends() == 0
        shop.assert_guarded()
