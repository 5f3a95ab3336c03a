"""What a route's handler did is on record, however it ended."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec import Struct

from core.audit import Deed
from core.errors import RefusalError
from core.manage_api.auditing import HalfDoneError, recorded
from core.manage_api.table import Actor, Audited, Call, Route, Scope

pytestmark = pytest.mark.anyio


class Asked(Struct):
    by: str = "Li"
    note: str = "ice"
    dry_run: bool = False


async def deeds_of(handler: Callable[[Call], Awaitable[Any]], body: Struct | None = None) -> list[Deed]:
    """What is on record once the handler, cancelled where it hangs, has ended."""
    found: list[Deed] = []

    async def record(deed: Deed) -> None:
        found.append(deed)

    audited, asked = Audited(what="thing.do"), body or Asked()
    route = Route(
        method="POST", path="/x", scope=Scope.OPERATE, handler=handler, summary="x", answer=Asked, audited=audited
    )
    call = Call(
        actor=Actor(name="uid:0", scope=Scope.ADMIN),
        origin="socket",
        request_id="r1",
        path={},
        query=Asked(),
        body=asked,
        headers=Asked(),
    )
    handle = asyncio.ensure_future(recorded(route, record)(call))
    await asyncio.sleep(0)
    handle.cancel()
    await asyncio.wait([handle])
    if not handle.cancelled():
        handle.exception()
    return found


def raising(error: Exception) -> Callable[[Call], Awaitable[Any]]:
    async def handler(_: Call) -> Struct:
        raise error

    return handler


async def hanging(_: Call) -> Struct:
    await asyncio.sleep(60)
    return Asked()


async def good(_: Call) -> Struct:
    return Asked()


@pytest.mark.parametrize(
    ("handler", "outcomes"),
    [
        (good, ["done"]),
        (hanging, ["cancelled"]),
        (raising(OSError()), ["failed"]),
        (raising(HalfDoneError(409, "x", "x")), ["failed"]),
        (raising(RefusalError(409, "x", "x")), []),
    ],
    ids=["done", "cancelled", "failed", "refused midway", "refused"],
)
async def test_what_may_have_changed_something_is_on_record(
    handler: Callable[[Call], Awaitable[Any]], outcomes: list[str]
) -> None:
    """And what was refused before it began is not; nor is a dry run."""
    assert [deed.outcome for deed in await deeds_of(handler)] == outcomes
    assert await deeds_of(handler, Asked(dry_run=True)) == []


async def test_whom_the_request_named_stands_there_once() -> None:
    [deed] = await deeds_of(good)
    assert (deed.by, deed.asked) == ("Li", {"note": "ice", "dry_run": False})
