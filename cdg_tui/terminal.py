"""The terminal's own affairs: whether there is one, signals, a terminal that is lost or stalled, and leaving it clean.

Textual dies of SIGTERM and SIGHUP where it stands, and spins on a terminal that is gone; here each of them ends the
console in order, and where that takes too long a thread ends it all the same.
"""

import contextlib
import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final, NoReturn

IN_ORDER_S: Final = 2.0  # how long an orderly end may take
LOOK_EVERY_S: Final = 1.0
SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)

# What Textual's Linux driver switches on: alternate screen, hidden cursor, mouse, focus, paste, keyboard, resize reports.
_RESET: Final = (
    "\x1b[<u\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[?2048l\x1b[?7h\x1b[?1049l\x1b[?25h"
)


def is_terminal() -> bool:
    """Keys come from standard input, and Textual draws on standard error."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def tame_continue(redraw: Callable[[], object]) -> None:
    """After SIGSTOP nothing was suspended, yet Textual would start to read keys a second time, and hang when it leaves.

    Call it once Textual has set its own handlers.
    """
    stop: Any = signal.getsignal(signal.SIGTSTP)
    resume: Any = signal.getsignal(signal.SIGCONT)
    suspended = False

    def on_stop(number: int, frame: FrameType | None) -> None:
        nonlocal suspended
        suspended = True
        stop(number, frame)

    def on_continue(number: int, frame: FrameType | None) -> None:
        nonlocal suspended
        if suspended:
            suspended = False
            resume(number, frame)
        else:
            redraw()

    signal.signal(signal.SIGTSTP, on_stop)
    signal.signal(signal.SIGCONT, on_continue)


class TerminalGuard:
    """While it is entered a signal, or the loss of the terminal, calls `leave` with the exit code: 128 and the signal's
    number. What has not ended IN_ORDER_S later is ended by force, the terminal restored as far as it takes it.
    """

    def __init__(self, leave: Callable[[int], None]):
        self._leave = leave
        self._input = sys.stdin.fileno()
        self._before: dict[int, Any] = {}
        self._attributes: list[Any] | None = None
        self._code: int | None = None
        self._woken = os.eventfd(0, os.EFD_CLOEXEC)
        self._done = threading.Event()

    def __enter__(self) -> "TerminalGuard":
        self._attributes = termios.tcgetattr(self._input)
        for number in SIGNALS:
            ours = signal.getsignal(number)
            self._before[number] = ours
            if ours is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        self._watcher = threading.Thread(target=self._watch, daemon=True, name="terminal guard")
        self._watcher.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        # Only then: a handler that came in between would wait for the lock which is held here.
        self._done.set()
        os.eventfd_write(self._woken, 1)
        self._watcher.join()
        os.close(self._woken)
        if self._lost():
            self._let_go()

    def hurry(self, code: int) -> None:
        """The console is leaving by itself: that too may take no longer than IN_ORDER_S."""
        if self._code is None:
            self._code = code
            os.eventfd_write(self._woken, 1)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self._end(128 + number)

    def _end(self, code: int) -> None:
        if self._code is None:
            self._code = code
            os.eventfd_write(self._woken, 1)
            with contextlib.suppress(RuntimeError):  # its loop is closed: it has just ended by itself
                self._leave(code)

    def _watch(self) -> None:
        """Runs beside everything, so that nothing that hangs can hold it up."""
        while not self._waited():
            if self._lost():
                with contextlib.suppress(SystemExit):  # it has not begun yet; ending this thread would end nothing
                    self._end(128 + signal.SIGHUP)
        if self._done.wait(IN_ORDER_S):
            return
        self._end_by_force(1 if self._code is None else self._code)

    def _waited(self) -> bool:
        """Until somebody leaves, which is True; or the terminal goes, or not for long: its going isn't always told."""
        poll = select.poll()
        poll.register(self._input, 0)
        poll.register(self._woken, select.POLLIN)
        return any(descriptor == self._woken for descriptor, _ in poll.poll(LOOK_EVERY_S * 1000))

    def _lost(self) -> bool:
        """SIGHUP may be ignored (nohup, some ways of sudo): then only this tells that nobody is there any more."""
        poll = select.poll()
        poll.register(self._input, 0)
        return any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0))

    def _let_go(self) -> None:
        """What is still to be said, or was left unsaid, goes nowhere: Python takes a last word that fails for a failure."""
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        for output in (1, 2):
            if os.path.samestat(os.fstat(output), os.fstat(self._input)):
                os.dup2(nowhere, output)

    def _end_by_force(self, code: int) -> NoReturn:
        """The terminal may take nothing: what it hasn't taken yet is thrown away, and its modes are set back without it.

        A write that hangs keeps every other one out for as long as its thread lives. Another program in our place has no
        such thread, so the last word is left to one.
        """
        with contextlib.suppress(OSError, termios.error):  # it is gone
            assert self._attributes is not None
            termios.tcsetattr(self._input, termios.TCSANOW, self._attributes)
            os.dup2(os.open(os.ttyname(self._input), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY), 1)
            termios.tcflush(self._input, termios.TCOFLUSH)
            os.execv(  # noqa: S606 - nothing of ours may run on
                "/bin/sh", ["sh", "-c", 'printf %s "$1" 2>/dev/null; exit "$2"', "sh", _RESET, str(code)]
            )
        os._exit(code)
