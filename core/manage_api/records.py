"""The route of the record for inspection: streamed from threads, so that the loop never waits for the disk or the arithmetic."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from core.errors import JournalError, RefusalError
from core.manage_api.paging import check_range
from core.manage_api.parts import Parts
from core.manage_api.table import Call, Reply, Route, Scope
from core.record import making
from core.record.facts import Document
from core.record.gathering import Asked
from core.wire import Moment

LONGEST_S: Final = 600.0  # as long as one is read, the history's log grows and can't be taken up
_MEDIA_TYPES: Final = {"csv": "text/csv", "json": "application/json", "pdf": "application/pdf"}


class ExportQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of all cabinets where none is named, from `since` to before `until`; without them as far as anything is kept."""

    format: Literal["csv", "json", "pdf"] = "csv"
    cabinet: tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...] = ()
    since: Moment | None = None
    until: Moment | None = None


class Pieces(AsyncGenerator[bytes, None]):
    """A blocking generator, each of its steps in a thread. Whatever ends it, it is closed and `done` is called, once.

    It ends after `longest_s` too, whether the caller takes anything or not: the next step raises TimeoutError, so that what is
    sent never looks like a whole.
    """

    def __init__(self, pieces: Generator[bytes, None, None], done: Callable[[], None], longest_s: float = LONGEST_S):
        self._pieces, self._done = pieces, done
        self._first = b""
        self._closed = self._overdue = False
        self._one_at_a_time = threading.Lock()
        self._deadline = asyncio.get_running_loop().call_later(longest_s, self._end)

    async def begin(self) -> None:
        """Take the first step, so that what goes wrong in it is raised before anything is sent."""
        self._first = await asyncio.to_thread(self._step)

    async def asend(self, _: None) -> bytes:
        piece, self._first = self._first, b""
        piece = piece or await asyncio.to_thread(self._step)
        if self._overdue:
            raise TimeoutError("an export took too long; its caller may ask for it in parts")
        if not piece:
            await self.aclose()  # before the caller hears of the end, and may ask again
            raise StopAsyncIteration
        return piece

    async def athrow(self, *error: Any) -> bytes:
        await self.aclose()
        raise error[0]

    async def aclose(self) -> None:
        self._deadline.cancel()
        await asyncio.to_thread(self._close)

    def _end(self) -> None:
        self._overdue = True
        asyncio.get_running_loop().run_in_executor(None, self._close)

    def _step(self) -> bytes:
        with self._one_at_a_time:
            return b"" if self._closed else next(self._pieces, b"")

    def _close(self) -> None:
        """Waits for a step that nobody waits for any more."""
        with self._one_at_a_time:
            if not self._closed:
                self._closed = True
                try:
                    self._pieces.close()
                finally:
                    self._done()


class RecordHandlers:
    """What the row below calls."""

    def __init__(self, parts: Parts):
        self._parts = parts
        # One at each door: an export keeps a core busy, and who exports from afar shuts out nobody at the box.
        self._on_socket, self._on_tcp = threading.Lock(), threading.Lock()  # released in a thread

    async def export(self, call: Call) -> Reply:
        query, parts = call.query, self._parts
        assert isinstance(query, ExportQuery)
        check_range(query.since, query.until)
        place = self._on_socket if call.origin == "socket" else self._on_tcp
        if not place.acquire(blocking=False):
            raise RefusalError(409, "export_busy", "another export is running; try again later")
        now = parts.clock.now()
        pieces = Pieces(
            making.record(
                parts.history.path,
                Asked(cabinets=query.cabinet, since=query.since, until=query.until),
                query.format,
                now,
                clock_synchronised=parts.clock.synchronised(),
                present=parts.book.all(),
                cabinets=[one.id for one in parts.loaded.settings.cabinets],
            ),
            place.release,
        )
        try:
            await pieces.begin()
        except (sqlite3.Error, OSError, JournalError) as error:
            await pieces.aclose()
            raise RefusalError(409, "history_unreadable", f"what was recorded can't be read: {error}") from error
        except BaseException:
            await pieces.aclose()
            raise
        name = f"record-{now:%Y%m%dT%H%M%SZ}.{query.format}"
        return Reply(
            content=pieces,
            media_type=_MEDIA_TYPES[query.format],
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )


def record_routes(parts: Parts) -> tuple[Route, ...]:
    on = RecordHandlers(parts)
    return (
        Route(
            method="GET",
            path="/api/manage/export",
            scope=Scope.READ,
            handler=on.export,
            summary="The record for inspection: minutes with the limits in force then, gaps, statistics, cases, sha256",
            answer=Document,
            other_media_types=("text/csv", "application/pdf"),
            query=ExportQuery,
            refusals={
                404: ("cabinet_not_found",),
                409: ("since_after_until", "history_unreadable", "pdf_unavailable", "export_busy"),
            },
        ),
    )
