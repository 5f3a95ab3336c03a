"""What the console costs: its first frame beside that of a bare Textual app, and a second in which little happens."""

import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks.idling import a_shop, cpu_s, rss_mb
from tests.e2e.conftest import ROOT, Core, wait_until

ROUNDS = 7
MOST_TIMES_BARE = 2.0
CABINETS = 12
WATCHED_S = 12.0
MOST_CPU_SHARE = 0.02
MOST_TIMES_A_SCREEN = 1.0  # in a second, of the bytes that a whole screen takes

BARE = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("first frame")

Bare().run()
"""


class OnPty:
    """A program on a terminal of 80x24, all that it writes counted."""

    def __init__(self, *command: str):
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.started_s = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment, start_new_session=True
        )
        os.close(theirs)
        self.written = bytearray()

    def first_s(self, text: bytes) -> float:
        """Seconds from the start until this stands on the screen."""
        while text not in self.written:
            assert select.select([self._ours], [], [], 30)[0], bytes(self.written)
            self.written += os.read(self._ours, 65536)
        return time.perf_counter() - self.started_s

    def listen(self) -> None:
        """Go on reading, as a terminal does."""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            while True:
                self.written += os.read(self._ours, 65536)
        except OSError:
            pass  # the other end is closed

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        os.close(self._ours)


def first_frame_s(text: bytes, *command: str) -> float:
    running = OnPty(*command)
    try:
        return running.first_s(text)
    finally:
        running.end()


def test_the_first_frame_takes_at_most_twice_that_of_a_bare_app(core: Callable[..., Core], tmp_path: Path) -> None:
    """In turn, so that whatever else the machine does hits both; medians of ROUNDS."""
    box = core(a_shop(CABINETS))
    box.start()
    bare_app = tmp_path / "bare.py"
    bare_app.write_text(BARE)
    console = (
        sys.executable,
        "-m",
        "cdg_tui",
        "--lang",
        "en",
        "--config",
        str(box.config),
        "--data-dir",
        str(box.data),
    )
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append(first_frame_s(b"first frame", sys.executable, str(bare_app)))
        ours.append(first_frame_s(b"Retries", *console))
    ratio = statistics.median(ours) / statistics.median(bare)
    print(
        f"\nfirst frame: bare {statistics.median(bare):.3f} s, console {statistics.median(ours):.3f} s, {ratio:.2f} times"
    )
    assert ratio < MOST_TIMES_BARE


@pytest.mark.parametrize("page", [b"1", b"3"], ids=["overview", "retries"])
def test_an_idle_console_stays_quiet(core: Callable[..., Core], page: bytes) -> None:
    """Every value changes once a second; less than 2 % of a core, and less than one screen's bytes a second."""
    box = core(a_shop(CABINETS, interval_s=1))
    box.start()
    running = OnPty(sys.executable, "-m", "cdg_tui", "--config", str(box.config), "--data-dir", str(box.data))
    running.listen()
    try:
        wait_until(lambda: b"cn_chilled_2018" in running.written, "the console shows cabinets")
        os.write(running._ours, page)
        time.sleep(3)
        screen, cpu, before = len(running.written), cpu_s(running.process.pid), len(running.written)
        time.sleep(WATCHED_S)
        share = (cpu_s(running.process.pid) - cpu) / WATCHED_S
        a_second = (len(running.written) - before) / WATCHED_S
        print(
            f"\nidle console: {share:.2%} of a core, {a_second:.0f} bytes/s ({a_second / screen:.2f} of the first screens),"
            f" {rss_mb(running.process.pid):.1f} MB RSS"
        )
        assert share < MOST_CPU_SHARE
        assert a_second < screen * MOST_TIMES_A_SCREEN
    finally:
        running.end()
