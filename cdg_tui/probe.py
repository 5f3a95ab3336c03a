"""How wide the terminal draws what the screens are made of. Asked before the first frame, and gone without a trace."""

import os
import re
import select
import signal
import sys
import termios
from typing import Final

from cdg_tui.clock import steady
from cdg_tui.glyphs import GlyphMode
from cdg_tui.terminal import SIGNALS

PATIENCE_S: Final = 0.3

# Each at the first column of a line that is wiped again, and then the question where the cursor stands.
_ASK: Final = "".join(f"\r{glyph}\x1b[6n" for glyph in "中│") + "\r\x1b[K"
_PLACE: Final = re.compile(rb"\x1b\[\d{1,4};(\d{1,4})R")
_LONGEST: Final = 4096  # what somebody types meanwhile is thrown away, however much it is


def probe(patience_s: float = PATIENCE_S) -> GlyphMode | None:
    """Ask, and wait so long for the answer; None where none comes that can be understood.

    A signal that would end the console waits until the terminal is as it was.
    """
    keys, picture = sys.stdin.fileno(), sys.stderr.fileno()
    held = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        before = termios.tcgetattr(keys)
        silent = [*before]
        silent[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(keys, termios.TCSANOW, silent)
        try:
            if not select.select([], [picture], [], 0)[1]:
                return None  # it is stopped, and a write would wait for it
            os.write(picture, _ASK.encode())
            return _understood(_answers(keys, patience_s))
        finally:
            termios.tcsetattr(keys, termios.TCSANOW, before)
    except (OSError, termios.error):  # it is going away just now: others find out
        return None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _answers(keys: int, patience_s: float) -> list[int]:
    """The two columns, as far as they came. Reads not one byte beyond, for there the keys of the console begin."""
    until, said = steady() + patience_s, b""
    while len(columns := _PLACE.findall(said)) < 2 and len(said) < _LONGEST:
        left_s = until - steady()
        if left_s <= 0 or not select.select([keys], [], [], left_s)[0] or not (byte := os.read(keys, 1)):
            break
        said += byte
    return [int(column) for column in columns]


def _understood(columns: list[int]) -> GlyphMode | None:
    match columns:
        case [3, 2]:
            return GlyphMode.UNICODE
        case [3, 3]:
            return GlyphMode.PLAIN
        case [_, _]:
            return GlyphMode.ASCII  # it takes the bytes of UTF-8 for letters each, or Chinese for narrow
        case _:
            return None
