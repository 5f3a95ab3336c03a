"""The real app over a fake core, driven by keys, and its screen as text."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from textual import events
from textual.color import Color
from textual.pilot import Pilot

from cdg_tui.app import ConsoleApp
from cdg_tui.client import Client
from cdg_tui.clock import steady
from cdg_tui.filters import GlyphFilter
from cdg_tui.glyphs import GlyphMode
from cdg_tui.i18n import Language, Words
from cdg_tui.screens.dialog import Leaving
from cdg_tui.session import Session
from cdg_tui.settings_file import SettingsFile
from cdg_tui.widgets.line import Line
from cdg_tui.worker import Worker
from tests.cdg_tui.fake_core import Behaviour, FakeCore

GOLDEN = Path(__file__).parent / "golden"
CHARACTERS = {"space": " ", "slash": "/", "question_mark": "?", "comma": ",", "full_stop": ".", "exclamation_mark": "!"}
BLACK = Color(0, 0, 0)
NARROW, WIDE = (80, 24), (200, 50)


@dataclass(kw_only=True)
class SeamSession(Session):
    """A session whose core is at the end of this transport."""

    transport: httpx.AsyncBaseTransport
    deadline_s: float = 2.0

    def client(self) -> Client:
        return Client("http://localhost", transport=self.transport, deadline_s=self.deadline_s)


class StartedCore(Worker):
    """A core that this console started, and that runs, or ended, as the test says."""

    def __init__(self) -> None:
        self.leashed = False
        self.code: int | None = None
        self.starts_again = False

    @property
    def ended(self) -> int | None:
        return self.code

    @property
    def last_words(self) -> str:
        return "config.toml: [device] site is missing"

    def keep(self, now_s: float) -> bool:
        noticed, self.starts_again = self.starts_again, False
        return noticed


@dataclass
class Console:
    """A running app with its core."""

    app: ConsoleApp
    pilot: Pilot[Leaving]
    core: FakeCore
    _ahead_s: float = 0.0  # of the clock: as if so much time had gone by between the keys

    @property
    def text(self) -> str:
        """What is on the screen, a line each, without trailing blanks."""
        return self.drawn(GlyphMode.UNICODE)

    def drawn(self, mode: GlyphMode) -> str:
        """The same as it would be drawn in another mode; of an app that draws in Unicode."""
        through = GlyphFilter(mode)
        strips = [strip.apply_filter(through, BLACK) for strip in self.app.screen._compositor.render_strips()]
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    @property
    def read(self) -> str:
        """All that stands in the box that is open, in sight or not."""
        return "\n".join(line.shown.plain for line in self.app.screen.query(".text").results(Line))

    @property
    def sent(self) -> list[tuple[str, Any]]:
        """What the core was asked to change; a drain's preview changes nothing."""
        return [(path, body) for path, body in self.core.written if not (body or {}).get("dry_run")]

    async def press(self, *keys: str) -> None:
        """As a person does: each key a second after the one before, and it finds what that one did."""
        for key in keys:
            await self.type(key, after_s=1.0)
            for _ in range(3):
                await self.pilot.pause(0)
        # Textual's own wait sleeps for 20 ms; whatever a key sets going here is over after a few turns.
        for _ in range(8):
            await self.pilot.pause(0)

    async def type(self, *keys: str, after_s: float = 0.0) -> None:
        """As fast as no person can: none waits for what the one before did. Before the first, nobody pressed anything for
        `after_s`, says its stamp; no test waits for that.
        """
        self._ahead_s += after_s
        for key in keys:
            event = events.Key(key, CHARACTERS.get(key, key if len(key) == 1 else None))
            event.time += self._ahead_s
            self.app.post_message(event)
        await self.pilot.pause(0)

    async def until(self, condition: Callable[[], object], seconds: float = 5.0) -> None:
        """Wait for something to become true; the screen is in the message if it doesn't."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    await self.pilot.pause(0.005)
        except TimeoutError as error:
            raise AssertionError(f"did not happen; the screen:\n{self.text}") from error

    async def shows(self, *texts: str, seconds: float = 5.0) -> None:
        """Wait until all of these stand on the screen."""
        await self.until(lambda: all(map(self.text.__contains__, texts)), seconds)

    async def hides(self, *texts: str, seconds: float = 5.0) -> None:
        """Wait until none of these does."""
        await self.until(lambda: not any(map(self.text.__contains__, texts)), seconds)

    def meets(self, behaviour: Behaviour | None) -> None:
        """From now on its core answers so, and is asked at once; where a test is about the next round that comes by itself,
        it sets `core.fail` instead.
        """
        self.core.fail = behaviour
        self.app.poke()

    async def news(self) -> None:
        """Wait until the console has asked once more and shows what it heard."""
        for _ in range(2):  # what comes first may have been asked before
            await self._answer()
        await self.pilot.pause()

    async def _answer(self) -> None:
        before = self.app.store.status
        self.app.poke()
        await self.until(lambda: self.app.store.status is not before)


@contextlib.asynccontextmanager
async def a_console(
    core: FakeCore | None = None,
    *,
    language: Language = "zh",
    size: tuple[int, int] = NARROW,
    deadline_s: float = 2.0,
    heard: bool = True,
    now: Callable[[], float] = steady,
    file: SettingsFile | None = None,
    kiosk: bool = False,
) -> AsyncIterator[Console]:
    """Running, and, unless told otherwise, having heard from its core once."""
    core = core if core is not None else FakeCore()
    session = SeamSession(transport=core, deadline_s=deadline_s, kiosk=kiosk)
    app = ConsoleApp(session, Words(language), now, file=file)
    async with eager_tasks(), app.run_test(size=size) as pilot:
        console = Console(app, pilot, core)
        if heard:
            await console.until(lambda: app.store.heard_s is not None)
            await pilot.pause()
        yield console


@contextlib.asynccontextmanager
async def eager_tasks() -> AsyncIterator[None]:
    """As Textual runs an app, though not under test: from Python 3.12 on each task begins the moment it is made."""
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    loop.set_task_factory(getattr(asyncio, "eager_task_factory", before))
    try:
        yield
    finally:
        loop.set_task_factory(before)
