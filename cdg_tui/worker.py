"""A core, or the demo, that this console started: a process in a session of its own, so that nothing that happens to the
terminal happens to it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from core.errors import EXIT_HELD
from core.places import CORE_LOG

FIRST_BACKOFF_S: Final = 3.0
LONGEST_BACKOFF_S: Final = 60.0
STEADY_RUN_S: Final = 300.0
STOP_S: Final = 12.0  # a core may take 10 s to finish what is in flight


class Worker:
    """`module` is run by this Python. With `leashed` its standard input is a pipe that closes when this process is gone."""

    def __init__(self, module: str, arguments: Sequence[str], *, leashed: bool):
        # -P: a folder named like one of ours in the current directory must not be taken for it.
        self._command = [sys.executable, "-P", "-m", module, *arguments]
        self.leashed = leashed
        self._backoff_s = FIRST_BACKOFF_S
        self._again_s: float | None = None
        self._started_s = 0.0
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process may speak
        self.start(0.0)

    def start(self, now_s: float) -> None:
        """Start it, also again."""
        self._said.seek(0)
        self._said.truncate()
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            self._command,
            stdin=subprocess.PIPE if self.leashed else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            cwd="/",
            start_new_session=True,
        )
        self._started_s, self._again_s = now_s, None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._process.poll()

    @property
    def last_words(self) -> str:
        """The last line it wrote to standard error."""
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"ended with {self.ended}"

    def keep(self, now_s: float) -> bool:
        """Start a core that was killed or failed again after a while; one that somebody stopped stays stopped.

        True when its end is noticed, or when it could not even be started.
        """
        if self.leashed or self.ended in {None, 0, EXIT_HELD}:
            return False
        if self._again_s is None:
            if now_s - self._started_s > STEADY_RUN_S:
                self._backoff_s = FIRST_BACKOFF_S
            self._try_later(now_s)
            return True
        if now_s < self._again_s:
            return False
        try:
            self.start(now_s)
        except OSError:  # no memory, no process, no file to be had just now
            self._try_later(now_s)
            return True
        return False

    def _try_later(self, now_s: float) -> None:
        self._again_s = now_s + self._backoff_s
        self._backoff_s = min(2 * self._backoff_s, LONGEST_BACKOFF_S)

    def stop(self) -> None:
        """End it and wait until it is gone, and with a leashed one all that it started: nothing of it may be left."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        else:
            self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self.leashed:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)


def start_core(config: Path, directory: Path) -> Worker:
    """`cdg-core serve` for this configuration, its log in the data directory."""
    return Worker("core", serving(config, directory), leashed=False)


def serving(config: Path, directory: Path) -> list[str]:
    """What makes `cdg-core` guard there."""
    return ["serve", "--config", str(config), "--data-dir", str(directory), "--log", str(directory / CORE_LOG)]


def start_demo(directory: Path, language: str) -> Worker:
    """Simulated cabinets and a headquarters that fails part of the time, in `directory`; ends with this process."""
    return Worker("cdg_tui.demo.host", [str(directory), language], leashed=True)
