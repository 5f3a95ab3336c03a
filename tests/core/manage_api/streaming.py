"""A stream over real doors whose news the test makes up, and time that runs fast for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from httpx_sse import EventSource, ServerSentEvent
from msgspec import Struct

from core.clock import SystemClock
from core.manage_api.app import build_app
from core.manage_api.auth import Authenticator
from core.manage_api.changes import Changed
from core.manage_api.server import ManageServer
from core.manage_api.stream import Stream, stream_routes
from core.settings import Access
from tests.core.manage_api.sample_routes import forget, serving

STREAM, ANY_PORT = "/api/manage/stream", "127.0.0.1:0"


class News(Struct, frozen=True):
    text: str


class Hurried(SystemClock):
    """A second takes 20 ms."""

    def steady(self) -> float:
        return super().steady() * 50

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 50)


class Rig:
    """`news` goes out with the next look; `looks` counts them. `stop` is the core's."""

    def __init__(self, directory: Path):
        self.socket = directory / "manage.sock"
        self.news: list[str] = []
        self.looks = 0
        self.stream = Stream(self._look, Hurried())
        self.server: ManageServer
        self.authenticator: Authenticator
        self.running: asyncio.Task[None]
        self._failing = False

    def _look(self) -> list[Changed]:
        news, self.news = self.news, []
        if self._failing:
            raise ArithmeticError("a mistake of ours")
        self.looks += 1
        return [Changed("case", News(text)) for text in news]

    async def keep_running(self) -> None:
        """As the guard does."""
        while True:
            try:
                await self.stream.run()
            except ArithmeticError:
                self._failing = False

    async def fail(self) -> None:
        """The next look, with what it had found already."""
        self._failing = True
        while self._failing:
            await asyncio.sleep(0.01)

    def stop(self) -> None:
        self.running.cancel()
        self.server.stop()


@asynccontextmanager
async def a_rig(directory: Path) -> AsyncIterator[Rig]:
    rig = Rig(directory)
    rig.authenticator = Authenticator(Access(), directory / "tokens.toml", SystemClock())
    app = build_app(stream_routes(rig.stream), rig.authenticator, forget, listen=ANY_PORT)
    async with serving(directory, ANY_PORT, app=app) as rig.server, asyncio.TaskGroup() as group:
        rig.running = group.create_task(rig.keep_running())
        try:
            yield rig
        finally:
            rig.stop()


class Listener:
    """One open stream, read by an SSE client that is not ours."""

    def __init__(self, answer: httpx.Response):
        self.answer, self._events = answer, EventSource(answer).aiter_sse()

    async def next(self) -> ServerSentEvent:
        return await anext(self._events)

    async def texts(self, number: int) -> list[str]:
        """What the next so many events say."""
        return [(await self.next()).json()["text"] for _ in range(number)]

    async def close(self) -> None:
        await self._events.aclose()


@asynccontextmanager
async def listening(client: httpx.AsyncClient, last_id: str | None = None) -> AsyncIterator[Listener]:
    headers = {} if last_id is None else {b"last-event-id": last_id.encode()}
    async with client.stream("GET", STREAM, headers=headers, timeout=10) as answer:
        listener = Listener(answer)
        try:
            yield listener
        finally:
            await listener.close()
