"""An hour of the console as fast as it goes: `python -m tests.benchmarks.an_hour ROUNDS` prints, a line each quarter, how many
rounds there have been and how many MB are resident.

Its core is at the transport's seam and changes something in every round; meanwhile somebody turns pages, opens and closes
boxes and dialogs, filters, and leaves the wallboard.
"""

import asyncio
import gc
import itertools
import os
import sys
from typing import Final

from msgspec import structs

from tests.benchmarks.idling import rss_mb
from tests.cdg_tui.consoles import Console, a_console
from tests.cdg_tui.factories import a_cabinet, a_case, a_reading, a_retry
from tests.cdg_tui.fake_core import FakeCore

CABINETS: Final = 12
RETRIES: Final = 200
QUARTERS: Final = 4
A_KEY_EACH: Final = 4  # rounds
KEYS: Final = (
    *("3", "j", "pagedown", "G", "g", "s", "enter", "escape", "R", "escape", "slash", "x", "escape", "space", "escape"),
    *("4", "z", "z", "enter", "escape", "2", "enter", "escape", "A", "escape", "5", "l", "escape", "c", "escape"),
    *("1", "j", "enter", "escape", "question_mark", "escape", "f2", "escape", "w", "escape", "D", "escape"),
)


class Busy(FakeCore):
    """Twelve cabinets whose values never stay, and as many retries at any time, of which one goes and one comes each round."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count(1)
        self.cases = [a_case()]
        for _ in range(RETRIES):
            self._one_more()
        self.turn(0)

    def turn(self, number: int) -> None:
        """What the next round finds."""
        self.cabinets = [
            a_cabinet(f"{n:02}", f"冷柜{n}", a_reading(f"{n:02}.air", (number * n) % 97 / 10)) for n in range(CABINETS)
        ]
        self.retries.pop(0)
        self._one_more()
        again = self.retries[number % len(self.retries)]
        self.changed(structs.replace(again, attempts=again.attempts + 1))
        del self.asked[:], self.written[:]

    def _one_more(self) -> None:
        number = next(self._numbers)
        status: dict[str, object] = (
            {"status": "dead_letter", "dead_letter_reason": "max_age"} if number % 5 == 0 else {}
        )
        self.changed(a_retry(number, event_id=f"evt_{number:020x}_1", **status))


async def live(console: Console, core: Busy, rounds: int) -> None:
    """So many rounds, each a second later than the one before."""
    keys = itertools.cycle(KEYS)
    for number in range(rounds):
        core.turn(number)
        before = core.rounds
        console.app.poke()
        while core.rounds == before:
            await asyncio.sleep(0)
        if number % A_KEY_EACH == 0:
            await console.type(next(keys), after_s=1.0)


async def main(rounds: int) -> None:
    core = Busy()
    async with a_console(core, now=lambda: 1000.0 + core.rounds) as console:
        for _ in range(QUARTERS):
            await live(console, core, rounds // QUARTERS)
            gc.collect()
            print(core.rounds, f"{rss_mb(os.getpid()):.2f}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
