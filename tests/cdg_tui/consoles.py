"""The real app over a fake core, driven by keys, and its screen as text."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from textual import events
from textual.pilot import Pilot

from cdg_tui.app import ConsoleApp
from cdg_tui.client import Client
from cdg_tui.clock import steady
from cdg_tui.i18n import Language, Words
from cdg_tui.screens.dialog import Leaving
from cdg_tui.session import Session
from tests.cdg_tui.fake_core import FakeCore

GOLDEN = Path(__file__).parent / "golden"
CHARACTERS = {"space": " ", "slash": "/", "question_mark": "?", "comma": ",", "full_stop": ".", "exclamation_mark": "!"}
NARROW, WIDE = (80, 24), (200, 50)


@dataclass(kw_only=True)
class SeamSession(Session):
    """A session whose core is at the end of this transport."""

    transport: httpx.AsyncBaseTransport
    deadline_s: float = 2.0

    def client(self) -> Client:
        return Client("http://localhost", transport=self.transport, deadline_s=self.deadline_s)


@dataclass
class Console:
    """A running app with its core."""

    app: ConsoleApp
    pilot: Pilot[Leaving]
    core: FakeCore

    @property
    def text(self) -> str:
        """What is on the screen, a line each, without trailing blanks."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    @property
    def sent(self) -> list[tuple[str, Any]]:
        """What the core was asked to change; a drain's preview changes nothing."""
        return [(path, body) for path, body in self.core.written if not (body or {}).get("dry_run")]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, *keys: str) -> None:
        """As fast as no person can: none waits for what the one before did."""
        for key in keys:
            self.app.post_message(events.Key(key, CHARACTERS.get(key, key if len(key) == 1 else None)))
        await self.pilot.pause(0)

    async def until(self, condition: Callable[[], object], seconds: float = 5.0) -> None:
        """Wait for something to become true; the screen is in the message if it doesn't."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    await self.pilot.pause(0.02)
        except TimeoutError as error:
            raise AssertionError(f"did not happen; the screen:\n{self.text}") from error

    async def shows(self, *texts: str, seconds: float = 5.0) -> None:
        """Wait until all of these stand on the screen."""
        await self.until(lambda: all(text in self.text for text in texts), seconds)

    async def hides(self, *texts: str, seconds: float = 5.0) -> None:
        """Wait until none of these does."""
        await self.until(lambda: not any(text in self.text for text in texts), seconds)

    async def news(self) -> None:
        """Wait until the console has asked once more and shows what it heard."""
        before = self.core.rounds
        self.app.poke()
        await self.until(lambda: self.core.rounds > before)
        await self.pilot.pause(0.05)


@contextlib.asynccontextmanager
async def a_console(
    core: FakeCore | None = None,
    *,
    language: Language = "zh",
    size: tuple[int, int] = NARROW,
    deadline_s: float = 2.0,
    heard: bool = True,
    now: Callable[[], float] = steady,
) -> AsyncIterator[Console]:
    """Running, and, unless told otherwise, having heard from its core once."""
    core = core if core is not None else FakeCore()
    app = ConsoleApp(SeamSession(transport=core, deadline_s=deadline_s), Words(language), now)
    async with app.run_test(size=size) as pilot:
        console = Console(app, pilot, core)
        if heard:
            await console.until(lambda: app.store.heard_s is not None)
            await pilot.pause()
        yield console
