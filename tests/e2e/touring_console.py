"""`python -m tests.e2e.touring_console`: a console in ASCII on a real terminal that comes by itself through every page, box and
dialog of which there is a picture, through notices, a new alarm, a lost link and empty lists; and then the same as a kiosk. Fails
where one of them doesn't come.
"""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Final

from textual.pilot import Pilot

from cdg_tui.actions import PAGES
from cdg_tui.app import ConsoleApp
from cdg_tui.glyphs import GlyphMode
from cdg_tui.i18n import Words
from cdg_tui.screens.dialog import Leaving
from cdg_tui.screens.reader import RowReader
from tests.cdg_tui.consoles import Console, SeamSession, StartedCore
from tests.cdg_tui.factories import a_case
from tests.cdg_tui.fake_core import a_problem, no_socket
from tests.cdg_tui.shops import a_shop
from tests.cdg_tui.test_golden import KIOSK, SCENES, full_house, is_known, settled

WORDS: Final = Words("en")
PAINTED_S: Final = 0.03  # from what the app shows to the terminal

Walk = Callable[[Console], Awaitable[None]]


def main() -> None:
    run(in_the_shop)
    run(at_the_kiosk, kiosk=True)


def run(walk: Walk, *, kiosk: bool = False) -> None:
    core = a_shop()
    core.pins = {"李工": "402817", "王工": "402818"}
    core.hang = True
    app = ConsoleApp(SeamSession(transport=core, deadline_s=60.0, kiosk=kiosk), WORDS, own=GlyphMode.ASCII)

    async def tour(pilot: Pilot[Any]) -> None:
        console = Console(app, pilot, core)
        await seen(console, WORDS("link.connecting"))
        core.hang = False
        await console.until(lambda: app.store.heard_s is not None)
        await walk(console)
        app.exit(Leaving.KEEP)

    app.run(auto_pilot=tour)
    assert app.crash is None, app.crash


async def seen(console: Console, *texts: str) -> None:
    await console.shows(*texts, seconds=20.0)
    await console.pilot.pause(PAINTED_S)


async def opened(console: Console, keys: str, *texts: str) -> None:
    """And left again."""
    for key in keys.split():
        if key == "Y":
            await console.shows(WORDS("dialog.yes"), seconds=20.0)
        await console.press(key)
        if isinstance(box := console.app.screen, RowReader):  # its end is where it ends once it is read
            await console.until(partial(is_known, console, box.known), seconds=20.0)
            await settled(console)
    await seen(console, *texts)
    while not console.app.asks_nothing:
        await console.press("escape")
    await console.type("escape", "g")  # without a filter or marks, from the top


# -- its ways ----------------------------------------------------------------------------------------------------------


def marks(*, kiosk: bool) -> Iterator[tuple[str, str]]:
    """By which keys, and by what each is known."""
    for name, scene in SCENES.items():
        if (name in KIOSK) is kiosk:
            yield scene.keys, WORDS(scene.mark)


async def in_the_shop(console: Console) -> None:
    core = console.core
    waiting = list(core.retries)
    console.app.session.worker = StartedCore()  # which a way out asks about
    for keys, mark in marks(kiosk=False):
        core.retries = list(waiting)  # of which a drain leaves none
        await opened(console, keys, mark)
    await opened(console, "b", WORDS("alarm.muted"))
    await opened(console, "3 y", waiting[0].delivery_id)
    core.refuse = {"acknowledge": (404, "case_not_found")}
    await opened(console, "2 A Y", WORDS("cause.case_not_found"))
    core.cases = [*core.cases, a_case(9, severity="critical")]
    await opened(console, "1", WORDS("alarm.new"))
    core.status_changes = full_house(core)
    await on_every_page(console, WORDS("durability.memory_only"))
    console.meets(no_socket)
    await on_every_page(console, WORDS("link.lost"), WORDS("cause.no_socket"))
    console.meets(lambda _: a_problem(500, "internal_error"))
    await seen(console, WORDS("cause.internal_error"))
    console.meets(None)
    core.status_changes, core.cabinets, core.cases, core.retries, core.endpoints = {}, [], [], [], []
    for number, page in enumerate(PAGES, 1):
        await opened(console, f"{number}", WORDS(f"empty.{page}"))


async def on_every_page(console: Console, *texts: str) -> None:
    for number in range(1, len(PAGES) + 1):
        await opened(console, f"{number}", *texts)
    await opened(console, "w", WORDS("wallboard.leave"))


async def at_the_kiosk(console: Console) -> None:
    for keys, mark in marks(kiosk=True):
        await opened(console, keys, mark)
    await opened(console, "u 1 tab 1 1 1 1 1 1 enter", WORDS("cause.wrong_pin"))
    await opened(console, "u 1 tab 4 0 2 8 1 7 enter", WORDS("access.unlocked").partition(" {")[0])
    await opened(console, "2 A", WORDS("dialog.yes"))
    await opened(console, "w", WORDS("wallboard.leave"))


if __name__ == "__main__":
    main()
