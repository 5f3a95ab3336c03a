"""What `cdg status` asks a core for: all of it within one deadline, and nothing that writes."""

import asyncio
from dataclasses import dataclass, field

import httpx
import pytest

from cdg_tui.client import Client
from cdg_tui.errors import AlienError, LostError
from cdg_tui.session import Session
from cdg_tui.status import ask
from tests.cdg_tui.factories import a_case, an_endpoint
from tests.cdg_tui.fake_core import FakeCore

pytestmark = pytest.mark.anyio


@dataclass(kw_only=True)
class FakeSession(Session):
    core: FakeCore = field(default_factory=FakeCore)
    deadline_s: float = 2.0

    def client(self) -> Client:
        return Client("http://localhost", transport=self.core, deadline_s=self.deadline_s)


async def test_everything_is_asked_for_once_and_nothing_written() -> None:
    session = FakeSession()
    session.core.cases, session.core.endpoints = [a_case()], [an_endpoint()]
    told = await ask(session)
    assert session.core.asked == ["GET status", "GET cabinets", "GET cases", "GET webhooks/endpoints"]
    assert (len(told.cabinets), len(told.cases), told.endpoints) == (1, 1, tuple(session.core.endpoints))


async def test_a_core_that_answers_each_question_slowly_meets_the_one_deadline() -> None:
    """Each answer alone comes in time."""

    class Slow(FakeCore):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(0.15)
            return await super().handle_async_request(request)

    with pytest.raises(LostError, match="timeout"):
        await ask(FakeSession(core=Slow(), deadline_s=0.4))


async def test_an_older_core_that_has_no_endpoints_to_tell_is_no_failure() -> None:
    session = FakeSession()
    session.core.refuse["webhooks/endpoints"] = (404, "not_found")
    assert (await ask(session)).endpoints is None


async def test_an_answer_of_another_version_is_none() -> None:
    session = FakeSession()
    session.core.status_changes = {"durability": {}}
    with pytest.raises(AlienError):
        await ask(session)
