"""What the terminal at hand can draw: settled once before the first frame, from what it is and what it answers."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Final

from cdg_tui.glyphs import GlyphMode
from cdg_tui.probe import probe

_PLAIN_CONSOLE: Final = re.compile(r"/dev/tty\d")


@dataclass(frozen=True, kw_only=True)
class Surface:
    """The kind of terminal, `TERM` and the device's name, and the encoding that its locale or Python speaks of, if any."""

    term: str
    device: str
    encoding: str | None

    @property
    def draws_only_ascii(self) -> bool:
        """A plain console has 512 characters at most; of a dumb terminal nothing is known."""
        return self.term in {"linux", "dumb"} or _PLAIN_CONSOLE.match(self.device) is not None


def surface(environment: Mapping[str, str]) -> Surface:
    """That of standard error, which the picture goes to."""
    try:
        device = os.ttyname(sys.stderr.fileno())
    except OSError:  # a terminal of another container has no name here
        device = ""
    return Surface(term=environment.get("TERM", ""), device=device, encoding=_encoding(environment))


def _encoding(environment: Mapping[str, str]) -> str | None:
    """Python's own, unless it only assumes one: in the locale C it speaks UTF-8 without anybody having said so."""
    if sys.stderr.encoding.lower() != "utf-8":
        return sys.stderr.encoding
    spoken = next((found for name in ("LC_ALL", "LC_CTYPE", "LANG") if (found := environment.get(name))), None)
    return None if spoken is None else "utf-8" if re.search("utf-?8", spoken, re.IGNORECASE) else "ascii"


def settle(where: Surface) -> GlyphMode:
    """What the terminal is known to draw, else what it answers, else what its locale promises."""
    if where.draws_only_ascii:
        return GlyphMode.ASCII
    if (answer := probe()) is not None:
        return answer
    return GlyphMode.UNICODE if where.encoding in {None, "utf-8"} else GlyphMode.ASCII


def speak_utf8() -> None:
    """Whatever the locale says: what may be drawn is settled by the glyphs, and Textual would spell the rest out."""
    for stream in (sys.stderr, sys.__stderr__):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
