"""The screens of a tale, kept as text beside its test, and compared but for what no two runs have alike.

After a change that is meant, `CDG_GOLDEN=write pytest tests/e2e/test_console_tale.py` draws them anew: look at them before you
keep them.
"""

import difflib
import os
import re
import time
from pathlib import Path
from typing import Final

from tests.e2e.terminals import Window

SCREENS: Final = Path(__file__).parent / "screens"
PATIENCE_S: Final = 8.0

TREND_CELLS: Final = 15
_TREND: Final = re.compile(rf"(/-?\d+ )[ ▁-█]{{{TREND_CELLS}}}(?= )")
# As wide as it is: what stands round it still has to stand in its place.
_CHANGING: Final = re.compile(
    r"\d\d:\d\d:\d\d"  # when it was
    r"|(?<=(?:dlv|evt)_)[0-9a-f]+"
    r"|\d+(?=秒| ?s\b)"  # how long ago, or still to wait
)
_TOOK: Final = re.compile(r"( +)(\d+) ms(.*?)(?= *│?$)")  # at the right of a column, or the next word right behind it


def compare(window: Window, name: str) -> None:
    """The window comes to look as the picture of that name."""
    file = SCREENS / f"{name}.txt"
    if os.environ.get("CDG_GOLDEN") == "write":
        file.write_text(_at_rest(window), encoding="utf-8")
    picture, until = file.read_text(encoding="utf-8"), time.monotonic() + PATIENCE_S
    while (seen := masked(window.text)) != picture and time.monotonic() < until:
        time.sleep(0.05)
    differing = difflib.unified_diff(picture.split("\n"), seen.split("\n"), name, "the screen", lineterm="", n=0)
    assert seen == picture, "\n".join(differing)


def _at_rest(window: Window) -> str:
    before = ""
    while (seen := masked(window.text)) != before:
        before = seen
        time.sleep(1.2)  # longer than the console takes to hear something new
    return seen


def masked(screen: str) -> str:
    """Without what changes from run to run."""
    text = _TREND.sub(lambda found: found[1] + "~" * TREND_CELLS, screen)
    text = _CHANGING.sub(lambda found: re.sub(r"\w", "#", found[0]), text)
    return "".join(f"{_took(line)}\n" for line in text.rstrip("\n").split("\n"))


def _took(line: str) -> str:
    """One digit for the milliseconds, and the line as long as before."""
    if (found := _TOOK.search(line)) is None:
        return line.rstrip()
    blanks, number, behind = found.groups()
    more = " " * (len(number) - 1)
    told = f"{blanks}{more}# ms{behind}" if len(blanks) > 2 else f"{blanks}# ms{behind}{more}"
    return f"{line[: found.start()]}{told}{line[found.end() :]}".rstrip()
