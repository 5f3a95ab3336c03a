"""What is settled before the first frame: from what was said, what the terminal is, and how it answers."""

import os
import pty
import re
import signal
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from select import select

import pytest

from cdg_tui import surface as module
from cdg_tui.colours import FEW, MANY, theme_for
from cdg_tui.glyphs import GlyphMode
from cdg_tui.probe import probe
from cdg_tui.surface import Surface, settle, surface

ASKED = "\r中\x1b[6n\r│\x1b[6n\r\x1b[K".encode()
UTF8 = Surface(term="xterm", device="/dev/pts/3", encoding="utf-8")


class FakeTerminal(threading.Thread):
    """The other end of a pseudo-terminal. Answers a question by `columns` of it, and types what it is told to besides."""

    def __init__(self, answer: Callable[[bytes], bytes], after_s: float):
        super().__init__()
        self.master, self.slave = pty.openpty()
        self.heard = bytearray()
        self._answer, self._after_s, self._done = answer, after_s, threading.Event()

    def run(self) -> None:
        answered = False
        while not self._done.is_set():
            if select([self.master], [], [], 0.01)[0]:
                self.heard += os.read(self.master, 1024)
            if not answered and b"\x1b[K" in self.heard:
                answered = True
                time.sleep(self._after_s)
                os.write(self.master, self._answer(bytes(self.heard)))

    def end(self) -> None:
        self._done.set()
        self.join()
        os.close(self.master)
        os.close(self.slave)


@contextmanager
def terminal(
    monkeypatch: pytest.MonkeyPatch, answer: bytes | Callable[[bytes], bytes], after_s: float = 0.0
) -> Iterator[FakeTerminal]:
    """In the place of standard input and standard error."""
    one = FakeTerminal((lambda _: answer) if isinstance(answer, bytes) else answer, after_s)
    one.start()
    try:
        with os.fdopen(os.dup(one.slave), "r") as keys, os.fdopen(os.dup(one.slave), "w") as picture:
            monkeypatch.setattr("sys.stdin", keys)
            monkeypatch.setattr("sys.stderr", picture)
            yield one
            monkeypatch.undo()
    finally:
        one.end()


def drawing(**widths: int) -> Callable[[bytes], bytes]:
    """As a terminal that draws each of the bytes, or characters, so wide."""

    def answer(heard: bytes) -> bytes:
        pieces = heard.split(b"\x1b[6n")[:-1]
        columns = [1 + widths[name] for name, _ in zip(("han", "rule"), pieces, strict=True)]
        return b"".join(b"\x1b[24;%dR" % column for column in columns)

    return answer


@pytest.mark.requirement(16)
@pytest.mark.parametrize(
    ("answer", "mode"),
    [
        (drawing(han=2, rule=1), GlyphMode.UNICODE),
        (drawing(han=2, rule=2), GlyphMode.PLAIN),
        (drawing(han=3, rule=3), GlyphMode.ASCII),
        (drawing(han=1, rule=1), GlyphMode.ASCII),
        (b"keys\x1b[A" + b"\x1b[1;3R" + b"more" + b"\x1b[1;2R", GlyphMode.UNICODE),
        (b"\x1b[24;3R", None),
        (b"\x1b[;R\x1b[1R\x1b[?1;2c\x9b1;1R", None),
        (b"\x1b[99999;3R\x1b[1;99999R", None),
        (b"rubbish" * 100, None),
        (b"", None),
    ],
)
def test_a_terminal_is_known_by_where_its_cursor_stands(
    monkeypatch: pytest.MonkeyPatch, answer: bytes | Callable[[bytes], bytes], mode: GlyphMode | None
) -> None:
    with terminal(monkeypatch, answer) as one:
        before = termios.tcgetattr(one.slave)
        assert probe(0.05) is mode
        assert bytes(one.heard) == ASKED  # and echoed nothing
        assert termios.tcgetattr(one.slave) == before


@pytest.mark.requirement(16)
@pytest.mark.parametrize(("after_s", "mode"), [(0.1, GlyphMode.PLAIN), (0.6, None)])
def test_an_answer_is_waited_for_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, after_s: float, mode: GlyphMode | None
) -> None:
    with terminal(monkeypatch, drawing(han=2, rule=2), after_s):
        began = time.monotonic()
        assert probe() is mode
        assert time.monotonic() - began < 0.5


def test_what_is_typed_after_the_answer_is_still_to_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, b"\x1b[1;3R\x1b[1;2Rq2\n") as one:
        assert probe() is GlyphMode.UNICODE
        assert select([one.slave], [], [], 1.0)[0]
        assert os.read(one.slave, 10) == b"q2\n"


def test_a_terminal_that_is_stopped_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, b"") as one:
        termios.tcflow(one.slave, termios.TCOOFF)
        began = time.monotonic()
        assert probe() is None
        assert time.monotonic() - began < 0.2


def test_a_terminal_that_goes_meanwhile_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        assert probe() is None


@pytest.mark.requirement(3)
def test_a_signal_waits_until_the_terminal_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    main = threading.get_ident()

    def end_it(_: bytes) -> bytes:
        signal.pthread_kill(main, signal.SIGTERM)
        return b""

    with terminal(monkeypatch, end_it) as one:
        before = termios.tcgetattr(one.slave)
        old = signal.signal(signal.SIGTERM, lambda *_: seen.append(termios.tcgetattr(one.slave) == before))
        try:
            assert probe(0.1) is None
        finally:
            signal.signal(signal.SIGTERM, old)
    assert seen == [True]


# -- what follows from it ----------------------------------------------------------------------------------------------


@pytest.mark.requirement(15, 16)
@pytest.mark.parametrize(
    ("where", "answer", "mode"),
    [
        (UTF8, GlyphMode.UNICODE, GlyphMode.UNICODE),
        (UTF8, GlyphMode.PLAIN, GlyphMode.PLAIN),
        (UTF8, None, GlyphMode.UNICODE),
        (Surface(term="linux", device="/dev/pts/3", encoding="utf-8"), GlyphMode.UNICODE, GlyphMode.ASCII),
        (Surface(term="foot", device="/dev/tty1", encoding="utf-8"), GlyphMode.UNICODE, GlyphMode.ASCII),
        (Surface(term="foot", device="/dev/ttyS0", encoding="utf-8"), None, GlyphMode.UNICODE),
        (Surface(term="dumb", device="", encoding="utf-8"), None, GlyphMode.ASCII),
        (Surface(term="", device="", encoding=None), None, GlyphMode.UNICODE),
        (Surface(term="xterm", device="", encoding="gb18030"), None, GlyphMode.ASCII),
        (Surface(term="xterm", device="", encoding="latin-1"), GlyphMode.UNICODE, GlyphMode.UNICODE),
    ],
)
def test_what_is_known_comes_before_what_is_answered_and_that_before_what_is_promised(
    monkeypatch: pytest.MonkeyPatch,
    where: Surface,
    answer: GlyphMode | None,
    mode: GlyphMode,
) -> None:
    monkeypatch.setattr(module, "probe", lambda: answer)
    assert settle(where) is mode


@pytest.mark.parametrize(
    ("spoken", "python", "encoding"),
    [
        ({}, "utf-8", None),
        ({"LANG": "zh_CN.UTF-8"}, "utf-8", "utf-8"),
        ({"LANG": "en_US.utf8", "LC_ALL": ""}, "utf-8", "utf-8"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "utf-8", "ascii"),
        ({"LC_CTYPE": "POSIX"}, "utf-8", "ascii"),
        ({"LANG": "zh_CN.UTF-8"}, "latin-1", "latin-1"),
    ],
)
def test_an_encoding_is_promised_by_the_locale_or_by_python(
    monkeypatch: pytest.MonkeyPatch, spoken: Mapping[str, str], python: str, encoding: str | None
) -> None:
    master, slave = pty.openpty()
    with os.fdopen(master), os.fdopen(slave, "w", encoding=python) as picture:
        monkeypatch.setattr("sys.stderr", picture)
        found = surface({**spoken, "TERM": "vt220"})
        assert (found.term, found.encoding) == ("vt220", encoding)
        assert re.fullmatch(r"/dev/pts/\d+", found.device)
        monkeypatch.undo()


@pytest.mark.requirement(15)
@pytest.mark.parametrize(
    ("system", "no_color", "theme"),
    [
        ("truecolor", False, MANY),
        ("256", False, MANY),
        ("standard", False, FEW),
        (None, False, FEW),
        ("truecolor", True, FEW),
    ],
)
def test_few_colours_are_the_terminals_own(system: str | None, no_color: bool, theme: str) -> None:
    assert theme_for("auto", system, no_color=no_color) == theme
