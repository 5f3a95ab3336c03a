"""Runs a local program: a buzzer, a lamp, a short message through a modem of its own. Never through a shell.

Starting a program and waiting for it block, on a dead mount without end: both are done in a thread.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

from core.clock import Clock

LIMIT_S: Final = 30.0
LAST_WAIT_S: Final = 1.0


class LocalCommand:
    """`argv` is taken as it stands. It gets a session of its own, no input, and its output is thrown away; what it leaves in the
    background stays, unless it is still running itself after `limit_s`: then all of its process group is killed.
    """

    def __init__(self, argv: Sequence[str], clock: Clock, limit_s: float = LIMIT_S):
        self._argv, self._clock, self._limit_s = tuple(argv), clock, limit_s
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s: float | None = None
        self._failure: str | None = None

    @property
    def running(self) -> bool:
        return self._started_s is not None

    @property
    def problem(self) -> str | None:
        """What went wrong the last time; None after a success."""
        if self._started_s is not None and self._clock.steady() - self._started_s > 2 * self._limit_s:
            return "hangs, and can be neither started nor killed"
        return self._failure

    async def run(self, variables: Mapping[str, str]) -> None:
        """Run it to its end with these variables in its environment. Cancelled, it kills what it has started."""
        # As bytes: a name may hold what the locale can't write, and a NUL is what no environment holds.
        added = {name.encode(): value.replace("\0", "").encode() for name, value in variables.items()}
        self._started_s = self._clock.steady()
        try:
            self._failure = await asyncio.to_thread(self._run, {**os.environb, **added})
        except RuntimeError as error:  # too many threads hang already
            self._failure = f"can't be started ({error})"
        finally:
            self._started_s = None
            self._kill()

    def _run(self, environment: Mapping[bytes, bytes]) -> str | None:
        try:
            # What the configuration's owner wrote, and no shell reads it.
            self._process = subprocess.Popen(  # noqa: S603
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return f"can't be started ({getattr(error, 'strerror', None) or error})"
        try:
            code = self._process.wait(self._limit_s)
        except subprocess.TimeoutExpired:
            self._kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # of another user's: it can't be killed from here
                self._process.wait(LAST_WAIT_S)
            return f"did not end within {self._limit_s:g} s"
        return f"ended with {code}" if code else None

    def _kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
