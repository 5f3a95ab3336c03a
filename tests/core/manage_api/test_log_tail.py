"""The log over the API: the newest records, harmless and bounded, whichever way the log itself goes."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.clock import SystemClock
from core.logs import Tail
from core.manage_api.app import build_app
from core.manage_api.auth import Authenticator
from core.manage_api.log_tail import log_routes
from core.settings import Access
from tests.core.manage_api.sample_routes import a_client, forget

pytestmark = pytest.mark.anyio


class Desk:
    """A logger of our own whose records stand in the tail."""

    def __init__(self, directory: Path):
        self.tail = Tail()
        self.log = logging.getLogger("core.\x1bsample")
        self.log.setLevel(logging.INFO)
        self.log.propagate = False
        self.log.addHandler(self.tail)
        self._app = build_app(
            log_routes(self.tail), Authenticator(Access(), directory / "tokens.toml", SystemClock()), forget
        )

    async def ask(self, **query: str | int) -> dict[str, Any]:
        async with a_client(self._app) as client:
            answer = await client.get("/api/manage/log", params=query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def texts(self, **query: str | int) -> list[str]:
        return [item["text"] for item in (await self.ask(**query))["items"]]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.log.removeHandler(made.tail)


async def test_an_empty_log_says_so(desk: Desk) -> None:
    assert await desk.ask() == {"items": [], "run": desk.tail.run, "first": 1, "last": 0}


async def test_a_record_says_when_how_grave_and_whose(desk: Desk) -> None:
    before = SystemClock().now()
    desk.log.warning("%s is late", "sim")
    [item] = (await desk.ask())["items"]
    assert (item["n"], item["level"], item["logger"], item["text"]) == (1, "warning", r"core.\x1bsample", "sim is late")
    assert before.isoformat()[:16] <= item["at"] <= SystemClock().now().isoformat()
    assert item["at"].endswith("Z")


async def test_the_newest_come_without_a_number_and_the_next_with_one(desk: Desk) -> None:
    """So that who asks again and again gets each once, in order."""
    for number in range(1, 8):
        desk.log.info("%d", number)
    assert await desk.texts(limit=2) == ["6", "7"]
    assert await desk.texts(after=3, limit=2) == ["4", "5"]
    assert await desk.texts(after=7) == []
    assert (await desk.ask(after=7))["last"] == 7


async def test_only_what_is_grave_enough_is_shown(desk: Desk) -> None:
    desk.log.info("a")
    desk.log.warning("b")
    desk.log.error("c")
    desk.log.critical("d")
    assert [len(await desk.texts(level=level)) for level in ("info", "warning", "error", "critical")] == [4, 3, 2, 1]


async def test_a_thousand_are_kept_and_a_long_one_is_cut(desk: Desk) -> None:
    for _ in range(1005):
        desk.log.info("x" * 3000)
    found = await desk.ask(limit=1000)
    assert (found["first"], found["last"], len(found["items"])) == (6, 1005, 1000)
    assert found["items"][0]["text"] == "x" * 1999 + "…"


async def test_of_an_exception_only_the_type_is_shown(desk: Desk) -> None:
    """Its text and traceback may hold what only who reads the log itself may see."""
    try:
        int("secret")
    except ValueError:
        desk.log.exception("failed\x1b[2J\ud800")
        desk.log.exception("x" * 3000)
    assert await desk.texts() == [r"failed\x1b[2J\ud800 (ValueError)", "x" * 1999 + "… (ValueError)"]
