"""From a key to what it paints while the core hangs, is gone, or fails, beside a core that answers: each a real process, the
consoles on terminals. `pytest -s` prints the table.
"""

import contextlib
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from cdg_tui.actions import PAGES
from cdg_tui.i18n import Words
from tests.benchmarks.backlogged import a_backlog
from tests.benchmarks.failing import TROUBLES
from tests.benchmarks.terminals import OnPty, console
from tests.benchmarks.test_console_keys import event_id
from tests.e2e.conftest import Core

WORDS: Final = Words("en")
ROUNDS: Final = 7
REST_S: Final = 0.031  # between two keys; no part of a second, so that they come at any time of the console's rounds
WELL: Final = "answers"
MOST_TIMES_AS_LONG: Final = 2.0
COUNT: Final = 50  # of the first, and one more in each other
BOX: Final = "a box"
ESCAPE: Final = b"\x1b[27u"  # as the keyboard protocol sends it


def presses() -> list[tuple[str, bytes, bytes]]:
    """What it opens, the key, and what is drawn then, whether or not anybody answers."""
    kinds = {
        "a row": [(b"j", event_id(2)), (b"j", event_id(3)), (b"k", event_id(2)), (b"k", event_id(1))],
        BOX: [(b"?", word("help.help")), (b"\r", word("detail.title")), (b":", word("palette.about"))],
        "a page": [(b"%d" % n, b"[%d %b" % (n, word(f"page.{page}"))) for n, page in enumerate(PAGES, 1)],
    }
    return [(kind, key, shown) for kind, keys in kinds.items() for key, shown in keys]


def word(key: str) -> bytes:
    return WORDS(key).encode()


def press_all(terminal: OnPty, took_s: dict[str, list[float]]) -> None:
    """Every key once, from the list of retries and back to it."""
    for kind, key, shown in presses():
        terminal.listen(REST_S)
        took_s.setdefault(kind, []).append(terminal.key_s(key, shown))
        if kind == BOX:
            terminal.listen(REST_S)
            terminal.key_s(ESCAPE, b"Retries 1/")
    terminal.key_s(b"3", b"[3 ")


@pytest.mark.requirement(7)
def test_keys_are_as_quick_whatever_becomes_of_the_core(core: Callable[..., Core], tmp_path: Path) -> None:
    """Round after round in turn, so that whatever else the machine does hits all; medians."""
    boxes = {name: a_backlog(core, COUNT + n) for n, name in enumerate((WELL, *TROUBLES))}
    with contextlib.ExitStack() as stack:
        terminals = {name: stack.enter_context(OnPty(*console(box), home=tmp_path)) for name, box in boxes.items()}
        for name, terminal in terminals.items():
            terminal.until(b"cn_chilled_2018")
            terminal.key_s(b"3", event_id(1))
            if name != WELL:
                stack.enter_context(TROUBLES[name](boxes[name]))
                terminal.until(word("link.lost"), since=len(terminal.written))
        took_s: dict[str, dict[str, list[float]]] = {name: {} for name in boxes}
        for _ in range(ROUNDS):
            for name, terminal in terminals.items():
                press_all(terminal, took_s[name])
        assert boxes[WELL].get("status")["webhooks"]["pending"] == COUNT
    print(f"\n{'key to paint':16}" + "".join(f"{name:>24}" for name in boxes))
    for kind in took_s[WELL]:
        ours = {name: statistics.median(took[kind]) for name, took in took_s.items()}
        told = (f"{one_s * 1000:8.1f} ms {one_s / ours[WELL]:5.2f} times" for one_s in ours.values())
        print(f"{kind:16}" + "  ".join(told))
        for name in TROUBLES:
            assert ours[name] < ours[WELL] * MOST_TIMES_AS_LONG, (kind, name)
