"""`python -m tests.e2e.spoilt_console MODE TEXTS`: a console on a real terminal that walks by itself through every page and dialog
of a shop in which each string is the next of these texts (`hostile`, or `plain`), drawn in this mode, and at the end in ASCII.
"""

import sys
from typing import Any

from textual.pilot import Pilot

from cdg_tui.app import ConsoleApp
from cdg_tui.glyphs import GlyphMode
from cdg_tui.i18n import Words
from cdg_tui.screens.dialog import Leaving
from tests.cdg_tui.consoles import Console, SeamSession
from tests.cdg_tui.hostile import HOSTILE
from tests.cdg_tui.test_hostile import NAMED, a_spoilt_shop, each_in_turn
from tests.cdg_tui.walks import STEPS


def main() -> None:
    mode, texts = sys.argv[1:]
    core = a_spoilt_shop(each_in_turn(HOSTILE if texts == "hostile" else ("plain", "words")), frozenset(NAMED))
    app = ConsoleApp(SeamSession(transport=core), Words("en"))
    app.glyphs = GlyphMode(mode)

    async def walk(pilot: Pilot[Any]) -> None:
        console = Console(app, pilot, core)
        await console.until(lambda: app.store.heard_s is not None)
        for keys in STEPS:
            await console.type(*keys, after_s=1.0)
            await pilot.pause(0.02)
        app.glyphs = GlyphMode.ASCII
        await pilot.pause(0.2)
        app.exit(Leaving.KEEP)

    app.run(auto_pilot=walk)
    assert app.crash is None, app.crash


if __name__ == "__main__":
    main()
