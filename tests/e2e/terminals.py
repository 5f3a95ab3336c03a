"""Terminals for programs under test: a tmux server of its own, whose screens are read as people read them, and a bare
pseudo-terminal, whose bytes are. Each ends with its test, and takes along whatever runs in it.
"""

import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.conftest import ROOT, wait_until

CDG = (sys.executable, "-m", "cdg_tui")
SIZE = (80, 24)


def plain_environment(home: Path, language: str = "zh", **more: str) -> dict[str, str]:
    """Nothing of the developer's own; LANG as in a shop of that language."""
    spoken = {"zh": "zh_CN.UTF-8", "en": "en_US.UTF-8"}[language]
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": spoken, "TERM": "xterm-256color", **more}


class Tmux:
    """A tmux server. Its socket is in a directory with a short name, as socket addresses must be."""

    def __init__(self, environment: Mapping[str, str]):
        self._folder = Path(tempfile.mkdtemp(prefix="tmux-"))
        self._environment = dict(environment)
        size = ("-x", str(SIZE[0]), "-y", str(SIZE[1]))
        self.run("new-session", "-d", *size, "sleep 3600", ";", "set", "-g", "remain-on-exit", "on")
        self.run("set", "-g", "status", "off")

    def __enter__(self) -> "Tmux":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def run(self, *arguments: str) -> str:
        command = ["tmux", "-u", "-f", "/dev/null", "-S", str(self._folder / "s"), *arguments]
        environment = {**self._environment, "LC_CTYPE": "C.UTF-8"}
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=20, env=environment)
        return done.stdout

    def open(self, *command: str, **environment: str) -> "Window":
        """Run a program in a window of its own."""
        given = {**self._environment, **environment}
        settings = [part for name, value in given.items() if name != "TERM" for part in ("-e", f"{name}={value}")]
        window = self.run("new-window", "-c", str(ROOT), "-P", "-F", "#{window_id}", *settings, "--", *command)
        return Window(self, window.strip())

    def end(self) -> None:
        subprocess.run(["tmux", "-S", str(self._folder / "s"), "kill-server"], capture_output=True, timeout=20)
        shutil.rmtree(self._folder, ignore_errors=True)


class Window:
    """One program on a screen of 80 x 24, unless it is made another size."""

    def __init__(self, tmux: Tmux, window: str):
        self._tmux, self._window = tmux, window

    @property
    def text(self) -> str:
        return self._tmux.run("capture-pane", "-p", "-t", self._window)

    @property
    def caret(self) -> str:
        """Where the next character would stand."""
        return self._ask("#{cursor_x},#{cursor_y}")

    def keys(self, *keys: str) -> None:
        """One after the other, as tmux names them."""
        self._tmux.run("send-keys", "-t", self._window, *keys)

    def shows(self, *texts: str, seconds: float = 20.0) -> str:
        """Wait until all of these stand on the screen."""
        return self._until(lambda screen: all(text in screen for text in texts), f"shown: {texts}", seconds)

    def hides(self, *texts: str, seconds: float = 20.0) -> str:
        """Wait until none of these does."""
        return self._until(lambda screen: not any(text in screen for text in texts), f"gone: {texts}", seconds)

    def _until(self, condition: Any, what: str, seconds: float) -> str:
        seen = [""]

        def look() -> bool:
            seen[0] = self.text
            return bool(condition(seen[0]))

        try:
            wait_until(look, what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen:\n{seen[0]}") from None
        return seen[0]

    @property
    def pid(self) -> int:
        return int(self._ask("#{pane_pid}"))

    @property
    def device(self) -> str:
        """The terminal itself, for somebody else to write to."""
        return self._ask("#{pane_tty}")

    @property
    def code(self) -> int | None:
        """The exit code, None while the program runs."""
        dead, code = self._ask("#{pane_dead}"), self._ask("#{pane_dead_status}")
        if dead == "1" and not code:
            # tmux 3.3 sometimes overlooks that a program has ended, until another one does.
            self._tmux.run("run-shell", "true")
        return int(code) if code else None

    def ends(self, seconds: float = 20.0) -> int:
        """Wait for the exit code."""
        wait_until(lambda: self.code is not None, "the program ends", seconds)
        assert self.code is not None
        return self.code

    def resize(self, columns: int, lines: int) -> None:
        self._tmux.run("resize-window", "-t", self._window, "-x", str(columns), "-y", str(lines))

    def close(self) -> None:
        """As somebody closes a terminal's window."""
        self._tmux.run("kill-window", "-t", self._window)

    def _ask(self, what: str) -> str:
        return self._tmux.run("display-message", "-p", "-t", self._window, what).strip()


class Pty:
    """A program on a pseudo-terminal that is its controlling one; `written` is every byte it wrote there."""

    def __init__(
        self,
        *command: str,
        environment: Mapping[str, str],
        hangup_ignored: bool = False,
        columns: tuple[int, int] | None = None,
    ):
        """`columns` is what it answers to the console's question how wide it draws; None answers nothing."""
        self.written = bytearray()
        self._columns = columns
        self._master, self._slave = pty.openpty()
        termios.tcsetwinsize(self._slave, (SIZE[1], SIZE[0]))
        self.modes = termios.tcgetattr(self._slave)
        ignoring = ("sh", "-c", 'trap "" HUP; exec "$@"', "sh") if hangup_ignored else ()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *ignoring, *command],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            cwd=ROOT,
            env=dict(environment),
        )
        self._reading, self._closing = True, False
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> "Pty":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _read(self) -> None:
        while not self._closing:
            # Never blocked in a read: that would keep a terminal alive which somebody closes.
            if not self._reading:
                time.sleep(0.05)
            elif self._there_is_more(0.05):
                self._take()
        while self._reading and self.process.poll() is not None and self._there_is_more(0):
            self._take()  # the last words of a program that has ended
        os.close(self._master)

    def _there_is_more(self, seconds: float) -> bool:
        return bool(select.select([self._master], [], [], seconds)[0])

    def _take(self) -> None:
        self.written += os.read(self._master, 65536)
        self._answer()

    def _answer(self) -> None:
        if self._columns is not None and b"\x1b[6n\r\x1b[K" in self.written:
            os.write(self._master, b"".join(b"\x1b[24;%dR" % column for column in self._columns))
            self._columns = None

    def stall(self) -> None:
        """Read nothing any more, as an SSH connection whose line is gone."""
        self._reading = False

    def go_on(self) -> None:
        """Read what there is."""
        self._reading = True

    def keys(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def shows(self, *texts: str, seconds: float = 20.0) -> None:
        """Wait until all of these were written."""
        what = f"written: {texts}"
        wait_until(lambda: all(text.encode() in self.written for text in texts), what, seconds)

    def press(self, keys: str, shown: str) -> None:
        """Wait until this is drawn afterwards."""
        before = len(self.written)
        self.keys(keys)
        wait_until(lambda: shown.encode() in self.written[before:], f"{keys!r} shows {shown!r}")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    @property
    def busy_s(self) -> float:
        """What it has used of the processor."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ends(self, seconds: float = 20.0) -> int:
        """Wait for the exit code; of a signal that was not caught, its number below zero."""
        return self.process.wait(seconds)

    def close(self) -> None:
        """The terminal goes, as when its window is closed or its SSH connection drops."""
        self._closing = True
        self._reader.join()

    @property
    def modes_now(self) -> list[Any]:
        """What the terminal is set to; raises termios.error where it is gone."""
        return termios.tcgetattr(self._slave)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.close()
        os.close(self._slave)
