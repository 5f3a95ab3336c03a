"""A program on a terminal of 80x24 whose every byte is counted and timed, and what the console is compared with there."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Final

from tests.e2e.conftest import ROOT, Core

PATIENCE_S: Final = 30.0
ASKED: Final = b"\x1b[6n\r\x1b[K"  # the end of the console's question how wide the terminal draws
ANSWER: Final = b"\x1b[1;3R\x1b[1;2R"  # a terminal that draws Chinese and lines as they should be

# One line that changes once a second: the least that a Textual app can do.
BARE: Final = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("first frame")

    def on_mount(self):
        self.seconds = 0
        self.set_interval(1.0, self.tick)

    def tick(self):
        self.seconds += 1
        self.query_one(Static).update(f"{self.seconds} seconds")

Bare().run()
"""


class OnPty:
    """Runs from the moment it is made; somebody must go on reading, by `until` or `listen`."""

    def __init__(self, *command: str, home: Path):
        """`home` is that of a user without settings."""
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "HOME": str(home)}
        environment.pop("XDG_CONFIG_HOME", None)
        self.written = bytearray()
        self._answered = False
        self.started_s = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment, start_new_session=True
        )
        os.close(theirs)

    def __enter__(self) -> "OnPty":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(10)
        os.close(self._ours)

    def until(self, *texts: bytes, since: int = 0) -> float:
        """When all of these have been written, after the first `since` bytes."""
        end_s = time.perf_counter() + PATIENCE_S
        while not all(self.written.find(text, since) >= 0 for text in texts):
            assert self._read(end_s), (texts, bytes(self.written[since:][-500:]))
        return time.perf_counter()

    def first_s(self, text: bytes) -> float:
        """Seconds from the start until this stands on the screen."""
        return self.until(text) - self.started_s

    def key_s(self, keys: bytes, *shown: bytes) -> float:
        """Seconds from this key until all of these are drawn."""
        before, pressed_s = len(self.written), time.perf_counter()
        os.write(self._ours, keys)
        return self.until(*shown, since=before) - pressed_s

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def listen(self, seconds: float) -> int:
        """Read on for so long; how many bytes came."""
        before, end_s = len(self.written), time.perf_counter() + seconds
        while self._read(end_s):
            pass
        return len(self.written) - before

    def _read(self, end_s: float) -> bool:
        """Whatever comes next; False where nothing comes before that."""
        if not select.select([self._ours], [], [], max(0.0, end_s - time.perf_counter()))[0]:
            return False
        self.written += os.read(self._ours, 65536)
        if not self._answered and ASKED in self.written:
            self._answered = True
            os.write(self._ours, ANSWER)
        return True


def bare(directory: Path) -> tuple[str, ...]:
    """How the bare app is run."""
    path = directory / "bare.py"
    path.write_text(BARE)
    return sys.executable, str(path)


def console(box: Core) -> tuple[str, ...]:
    """How the console of this core is run, in English."""
    place = ("--config", str(box.config), "--data-dir", str(box.data))
    return sys.executable, "-m", "cdg_tui", "--lang", "en", *place
