"""From a key to what it paints, with 100,000 retries in a core beside 100: each a real core, the console on a terminal.

`pytest -s tests/benchmarks/test_console_keys.py` prints the table; with `-m torture` more rounds of it.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from cdg_tui.client import PAGE
from cdg_tui.screens.page_screen import WINDOW
from tests.benchmarks.backlogged import CABINETS, DEAD, a_backlog
from tests.benchmarks.terminals import OnPty, console
from tests.e2e.conftest import Core

FEW: Final = 100
MANY: Final = 100_000
PAGE_ROWS: Final = 10  # that PgDn goes on
REST_S: Final = (
    0.053  # between two keys; no part of a second, so that they come at any time of the console's own rounds
)
OPENS_S: Final = 0.5
A_KEY_S: Final = 0.2
MOST_TIMES_AS_LONG: Final = 1.5
MOST_ITEMS: Final = 250  # in one answer
MOVES: Final = ("j", "PgDn")  # inside of what is known
PAGE_DOWN: Final = b"\x1b[6~"
ROUNDS: Final = pytest.mark.parametrize(
    "rounds", [pytest.param(5, id="quick"), pytest.param(50, id="full", marks=pytest.mark.torture)]
)


def event_id(place: int) -> bytes:
    """Of the delivery at this place, counted from 1; it stands in the details of the row under the cursor."""
    return f"evt_{DEAD + place:020x}_1".encode()


@dataclass
class Technician:
    """Presses keys one by one, and keeps how long each took."""

    terminal: OnPty
    took_s: dict[str, list[float]] = field(default_factory=dict)

    def press(self, what: str, key: bytes, *shown: bytes) -> None:
        self.terminal.listen(REST_S)
        self.took_s.setdefault(what, []).append(self.terminal.key_s(key, *shown))

    def works(self, count: int) -> None:
        """All the ways through the list once, and back to where it began."""
        first, last = event_id(1), event_id(count)
        self.press("3 opens retries", b"3", b"Retries 1/%d" % count, first)
        for place in (2, 3, 4):
            self.press("j", b"j", b"Retries %d/%d" % (place, count), event_id(place))
        self.press("PgDn", PAGE_DOWN, event_id(4 + PAGE_ROWS))
        self.press("G to the end", b"G", b"Retries %d/%d" % (count, count), last)
        self.press("g to the top", b"g", b"Retries 1/%d" % count, first)
        # The row under the cursor is the last one in this order, and the first again in the next.
        self.press("s sorts", b"s", b"Retries %d/%d" % (count, count))
        self.press("s sorts", b"s", b"Retries 1/%d" % count)
        self.press("s sorts", b"s", b"next attempt first")
        self.filters(count)
        self.press("4 opens dead letters", b"4", b"Dead 1/%d" % DEAD, b"Given up")
        self.press("z folds", b"z", b"Dead 1/1", b"largest first")
        self.press("z unfolds", b"z", b"Dead 1/%d" % DEAD)
        self.press("1 opens overview", b"1", b"Home 1/%d" % CABINETS)

    def filters(self, count: int) -> None:
        """Letter by letter, until but one is left."""
        self.terminal.key_s(b"/", b"filter: type")
        for left, letter in ((3, b"z"), (2, b"y"), (1, b"x")):
            first = event_id(count - left + 1)
            self.press("a letter of a filter", letter, b"Retries 1/%d" % left, first)
        self.terminal.key_s(b"\x1b", b"/%d" % count)
        self.terminal.key_s(b"g", b"Retries 1/%d" % count)


@ROUNDS
@pytest.mark.requirement(20)
def test_100_000_retries_are_as_quick_as_100(core: Callable[..., Core], tmp_path: Path, rounds: int) -> None:
    """Round after round in turn, so that whatever else the machine does hits both; medians."""
    terminals = {count: OnPty(*console(a_backlog(core, count)), home=tmp_path) for count in (FEW, MANY)}
    with terminals[FEW], terminals[MANY]:
        people = {count: Technician(terminal) for count, terminal in terminals.items()}
        for terminal in terminals.values():
            terminal.until(b"cn_chilled_2018")
        for _ in range(rounds):
            for count, person in people.items():
                person.works(count)
    few, many = people[FEW].took_s, people[MANY].took_s
    print(f"\n{'key to paint':22} {FEW:>9,} {MANY:>10,}   first    worst    ratio")
    for what, took in many.items():
        beside_s, ours_s = statistics.median(few[what]), statistics.median(took)
        figures = "  ".join(f"{one * 1000:6.1f}" for one in (beside_s, ours_s, took[0], max(took)))
        print(f"{what:22} {figures}  ms  {ours_s / beside_s:5.2f}")
        if what in MOVES:
            assert ours_s < beside_s * MOST_TIMES_AS_LONG
        assert ours_s < beside_s + A_KEY_S
    assert many["3 opens retries"][0] < OPENS_S  # with nothing of it known yet


@pytest.mark.requirement(20)
def test_no_question_asks_for_more_than_250_deliveries() -> None:
    assert max(WINDOW, PAGE) <= MOST_ITEMS
