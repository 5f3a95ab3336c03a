"""`cdg --demo` as a newcomer meets it: a shop that has everything within two minutes, and that is gone afterwards."""

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cdg_tui.i18n import LANGUAGES, Language, Words
from tests.e2e.conftest import Core, wait_until
from tests.e2e.shops import processes_of
from tests.e2e.terminals import CDG, Pty, Tmux, plain_environment

with_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")

DEMO = (*CDG, "--demo")


class Demo:
    """Where a demo is, what runs for it, and on what it is shown."""

    def __init__(self, language: Language = "zh"):
        self.folder = Path(tempfile.mkdtemp(prefix="demo-"))
        self.environment = plain_environment(self.folder, language, TMPDIR=str(self.folder / "t"))
        (self.folder / "t").mkdir()

    def on_pty(self) -> Pty:
        return Pty(*DEMO, environment=self.environment)

    def on_tmux(self) -> Tmux:
        return Tmux(self.environment)

    @property
    def hosts(self) -> list[int]:
        return processes_of(self.folder, "cdg_tui.demo.host")

    @property
    def left(self) -> list[Any]:
        """Processes and files; a demo has two processes, its console apart."""
        return [*processes_of(self.folder, "core", "cdg_tui.demo.host"), *(self.folder / "t").iterdir()]

    @property
    def core(self) -> Core:
        """Its manage API."""
        (data,) = (self.folder / "t").glob("cdg-demo-*/data")
        core = Core(self.folder, "")
        core.data = data
        return core


@contextlib.contextmanager
def a_demo(language: Language = "zh") -> Iterator[Demo]:
    demo = Demo(language)
    try:
        yield demo
    finally:
        for pid in processes_of(demo.folder, "core", "cdg_tui.demo.host"):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(demo.folder, ignore_errors=True)


def signalled(number: int) -> Callable[[Demo, Pty], None]:
    return lambda _, console: console.signal(number)


def without_its_host(demo: Demo, console: Pty) -> None:
    """Where the core hangs too, nobody else is left to end it."""
    os.kill(processes_of(demo.folder, "core")[0], signal.SIGSTOP)
    os.kill(demo.hosts[0], signal.SIGKILL)
    console.keys("q")


@pytest.mark.parametrize(
    "end",
    [
        lambda _, console: console.keys("q"),
        signalled(signal.SIGTERM),
        signalled(signal.SIGHUP),
        signalled(signal.SIGKILL),
        lambda _, console: console.close(),
        without_its_host,
    ],
    ids=["q", "SIGTERM", "SIGHUP", "SIGKILL", "closed terminal", "its host killed and its core hung, then q"],
)
def test_nothing_of_a_demo_outlives_its_console(end: Callable[[Demo, Pty], None]) -> None:
    """No process, no file, however it ends."""
    with a_demo() as demo, demo.on_pty() as console:
        console.shows("已连接", "模拟", "鲜奶柜")
        assert len(demo.left) == 3
        end(demo, console)
        console.ends()
        wait_until(lambda: not demo.left, "nothing is left")


def test_a_demo_whose_core_is_killed_shows_it_and_waits_to_be_left() -> None:
    """Its host doesn't stay behind for nothing."""
    with a_demo() as demo, demo.on_pty() as console:
        console.shows("已连接", "鲜奶柜")
        os.kill(processes_of(demo.folder, "core")[0], signal.SIGKILL)
        console.shows("断开")
        wait_until(lambda: not demo.hosts, "the host ends")
        console.keys("q")
        assert console.ends(5) == 0
        assert not demo.left


@with_tmux
def test_nothing_of_a_demo_outlives_the_terminal_server() -> None:
    with a_demo() as demo:
        tmux = demo.on_tmux()
        tmux.open(*DEMO).shows("已连接", "鲜奶柜")
        tmux.end()
        wait_until(lambda: not demo.left, "nothing is left")


@with_tmux
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_demo_is_marked_as_one_in_the_language_of_the_place(language: Language) -> None:
    """Readings within 20 s; LANG decides."""
    words = Words(language)
    with a_demo(language) as demo, demo.on_tmux() as tmux:
        screen = tmux.open(*DEMO)
        shown = screen.shows(words("word.simulated"), words("link.live"), words("demo.dairy"), words("state.ok"))
        assert shown.count(words("word.simulated")) == 7
        shown = screen.text
        wait_until(lambda: screen.text != shown, "readings move", 10)


@with_tmux
def test_two_minutes_of_a_demo_show_all_that_can_happen() -> None:
    """Alarms, attempts that count up, a recovery, a dead letter; and they stand on the screens."""
    with a_demo() as demo, demo.on_tmux() as tmux:
        screen = tmux.open(*DEMO)
        screen.shows("已连接", "鲜奶柜")
        core, seen, end = demo.core, set[str](), time.monotonic() + 150
        while len(seen) < 4 and time.monotonic() < end:
            seen |= happenings(core)
            time.sleep(1)
        assert seen == {"alarm", "recovery", "retry", "dead letter"}
        screen.keys("4")
        shown = screen.shows("次数用完", "HTTP ")
        assert "HTTP 503" in shown or "HTTP 429" in shown  # what either receiver gave the newest of them


def happenings(core: Core) -> set[str]:
    cases = core.get("cases", limit=250)["items"]
    retries = core.get("webhooks/retries", limit=250)["items"]
    found = {
        "alarm": any(case["condition"] == "active" for case in cases),
        "recovery": any(case["cleared_at"] is not None for case in cases),
        "retry": any(item["status"] == "pending" and item["attempts"] > 1 for item in retries),
        "dead letter": any(item["status"] == "dead_letter" for item in retries),
    }
    return {name for name, so in found.items() if so}
