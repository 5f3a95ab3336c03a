"""The record through the manage API: streamed, a few at a time, and nothing left open when the caller goes."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import httpx
import msgspec
import pytest

from core.errors import RefusalError
from core.manage_api.records import ExportQuery, Pieces, RecordHandlers
from core.manage_api.table import Actor, Call, Nothing, Reply, Scope
from core.monitoring.minute_file import NAME
from core.record.seal import check
from tests.core.monitoring.factories import CHILLED, START, a_book
from tests.core.record.shelves import a_handled_case, a_life, made
from tests.e2e.conftest import Core, core, processes, wait_until
from tests.e2e.shops import FAST
from tests.fakes import FakeClock

__all__ = ["core", "processes"]

pytestmark = pytest.mark.anyio


class Desk:
    """The route over a data directory; `clock` is an hour ahead of what was recorded."""

    def __init__(self, directory: Path, book: Any, clock: FakeClock):
        parts = SimpleNamespace(
            clock=clock,
            history=SimpleNamespace(path=directory / NAME),
            book=book,
            loaded=SimpleNamespace(settings=SimpleNamespace(cabinets=[CHILLED])),
        )
        self._on = RecordHandlers(parts)  # type: ignore[arg-type]

    async def ask(self, origin: str = "socket", **query: Any) -> Reply:
        call = Call(
            actor=Actor(name="hq", scope=Scope.READ),
            origin=origin,
            path={},
            query=msgspec.convert(query, ExportQuery),
            body=Nothing(),
        )
        return await self._on.export(call)

    async def read(self, **query: Any) -> bytes:
        reply = await self.ask(**query)
        assert isinstance(reply.content, Pieces)
        return b"".join([piece async for piece in reply.content])


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = FakeClock()
    clock.advance(3780)
    a_life(tmp_path, [4.0, 5.0])
    with a_book(tmp_path, clock) as book:
        book.put(a_handled_case())
        yield Desk(tmp_path, book, clock)


async def test_it_is_the_record_of_the_command_line_and_its_hash_holds(desk: Desk, tmp_path: Path) -> None:
    got = await desk.read(format="json")
    (tmp_path / "got").write_bytes(got)
    assert check(tmp_path / "got") is not None
    assert msgspec.json.decode(got)["record"]["cases"][0]["signed_by"] == "李 (uid:0)"
    assert await desk.read(format="csv", cabinet=["03"], until=START + timedelta(minutes=9))
    assert made(tmp_path)[:8] == got[:8]


def test_a_running_core_streams_it_and_gives_its_place_back_when_callers_leave(core: Callable[..., Core]) -> None:
    """Each of these callers goes as soon as the first bytes are there."""
    box = core(FAST)
    box.start()
    wait_until(lambda: box.get("readings")["items"][0]["value"] is not None, "the sensor is read")
    assert box.stop() == 0
    box.start()
    transport = httpx.HTTPTransport(uds=str(box.data / "manage.sock"))
    with httpx.Client(transport=transport, base_url="http://localhost") as client:
        for _ in range(3):
            wait_until(lambda: leaving(client) == 200, "the place is free again")
    wait_until(lambda: box.request("GET", "/api/manage/export").status_code == 200, "a place is free again")
    answer = box.request("GET", "/api/manage/export", params={"format": "json", "cabinet": "01"})
    assert answer.headers["content-type"] == "application/json"
    record = answer.json()["record"]
    assert record["sensors"][0]["periods"][0]["high"] == 5.0
    assert record["simulated"] is True
    refused = box.request("GET", "/api/manage/export", params={"cabinet": "nobody"})
    assert (refused.status_code, refused.json()["code"]) == (404, "cabinet_not_found")


def leaving(client: httpx.Client) -> int:
    with client.stream("GET", "/api/manage/export") as answer:
        return answer.status_code


async def test_it_is_a_file_to_be_saved_under_a_name_without_a_trap(desk: Desk) -> None:
    reply = await desk.ask(cabinet=["03"])
    assert isinstance(reply.content, Pieces)
    await reply.content.aclose()
    assert reply.media_type == "text/csv"
    assert reply.headers["content-disposition"] == 'attachment; filename="record-20261123T090300Z.csv"'


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"cabinet": ["99"]}, 404, "cabinet_not_found"),
        ({"since": START, "until": START - timedelta(seconds=1)}, 409, "since_after_until"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_takes_no_place(
    desk: Desk, query: dict[str, Any], status: int, code: str
) -> None:
    for _ in range(3):
        with pytest.raises(RefusalError) as refusal:
            await desk.ask(**query)
        assert (refusal.value.status, refusal.value.code) == (status, code)
    assert await desk.read()


async def test_a_file_that_cannot_be_read_is_said_before_anything_is_sent(desk: Desk, tmp_path: Path) -> None:
    for path in tmp_path.glob(f"{NAME}*"):
        path.unlink()
    (tmp_path / NAME).write_bytes(b"rubbish" * 1000)
    for _ in range(3):
        with pytest.raises(RefusalError) as refusal:
            await desk.ask()
        assert (refusal.value.status, refusal.value.code) == (409, "history_unreadable")


async def test_there_is_one_at_a_door_until_it_is_over_even_one_of_which_nothing_was_read(desk: Desk) -> None:
    """Whoever takes his time from afar keeps nobody at the box waiting."""
    running = [await desk.ask(origin="192.0.2.1"), await desk.ask()]
    for origin in ("192.0.2.2", "socket"):
        with pytest.raises(RefusalError) as refusal:
            await desk.ask(origin=origin)
        assert (refusal.value.status, refusal.value.code) == (409, "export_busy")
    for one in running:
        assert isinstance(one.content, Pieces)
        await one.content.aclose()
        await one.content.aclose()
    assert await desk.read()
    assert await desk.read()
    assert await desk.read(origin="192.0.2.2")


async def test_a_caller_who_takes_for_ever_holds_the_history_only_so_long_and_gets_no_whole() -> None:
    """Also one who takes nothing at all, of whom nobody asks for the next piece."""
    said = []

    def source() -> Generator[bytes, None, None]:
        try:
            yield b"first"
            yield b"second"
        finally:
            said.append("closed")

    pieces = Pieces(source(), lambda: said.append("done"), longest_s=0.01)
    await pieces.begin()
    assert await anext(pieces) == b"first"
    with anyio.fail_after(5):
        while "done" not in said:
            await asyncio.sleep(0.001)
    with pytest.raises(TimeoutError):
        await anext(pieces)
    await pieces.aclose()
    assert said == ["closed", "done"]


async def test_a_caller_who_leaves_during_a_step_closes_the_source_after_it() -> None:
    """The thread can't be stopped; what it reads from is closed when it is through, not under its hands."""
    goes_on, said = threading.Event(), []

    def source() -> Generator[bytes, None, None]:
        try:
            yield b"first"
            goes_on.wait(10)
            yield b"second"
        finally:
            said.append("closed")

    pieces = Pieces(source(), lambda: said.append("done"))
    await pieces.begin()
    assert await anext(pieces) == b"first"
    step = asyncio.ensure_future(anext(pieces))
    await asyncio.sleep(0.01)
    step.cancel()
    closing = asyncio.ensure_future(pieces.aclose())
    await asyncio.sleep(0.01)
    assert said == []
    goes_on.set()
    await closing
    assert said == ["closed", "done"]
    assert [piece async for piece in pieces] == []
