"""What the core is asked for beyond the feed's news, as long as somebody reads it: all about a row, a course, the log, the
configuration, the audit.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from math import ceil
from typing import Final, TypeVar

from cdg_tui.client import Client
from cdg_tui.course import YOUNG_S, Course, Stretch, known_part, means, minutes_of
from cdg_tui.errors import ClientError, RefusedError
from cdg_tui.screens.cabinet import shown_sensor
from cdg_tui.screens.known import Known
from cdg_tui.screens.live_reader import AuditReader, DocumentReader, LogReader
from cdg_tui.screens.page import Asked, View
from cdg_tui.screens.page_screen import PageScreen
from cdg_tui.store import TREND_LONGEST_S, TREND_POINTS, Store
from core.wire_config import Config

COURSE_EVERY_S: Final = 30.0
COURSE_SOON_S: Final = 5.0  # while there is nothing in it
CONFIG_EVERY_S: Final = 10.0
NEWS_EVERY_S: Final = 5.0
LOG_EVERY_S: Final = 2.0
AGAIN_S: Final = 2.0  # after an answer that never came
LOOK_S: Final = 0.2  # whether somebody has read on
LAID_OUT_S: Final = 0.05  # whether a box has its size, and keeps it
AUDIT_PAGE: Final = 50
REST_S: Final = 0.5  # a cursor that stands still for so long, or twice that, is meant to be there
MOST_TRENDS: Final = 40
TREND_SPAN: Final = timedelta(seconds=TREND_LONGEST_S * TREND_POINTS)

Value = TypeVar("Value")


async def _read_delivery(client: Client, known: Known) -> None:
    """Until the core no longer knows it. The row itself is shown already, and the banner says how the link is."""
    while True:
        try:
            known.take_delivery(await client.retry_detail(known.key))
        except RefusedError:
            return
        except ClientError:
            pass
        await asyncio.sleep(NEWS_EVERY_S)


async def _read_case(client: Client, known: Known) -> None:
    """What people did about it, and which of its news are still on their way."""
    while True:
        with contextlib.suppress(ClientError):
            case = await client.case_detail(known.key)
            known.take_case(case, (await client.retries({"case_id": known.key})).items)
        await asyncio.sleep(NEWS_EVERY_S)


async def read_log(client: Client, reader: LogReader) -> None:
    """Until cancelled."""
    while True:
        level = reader.level
        try:
            reader.take(await client.log(level, reader.after), level)
        except ClientError as error:
            reader.not_heard(error.told(reader.words))
        await asyncio.sleep(LOG_EVERY_S)


async def read_document(
    ask: Callable[[], Awaitable[Value]], reader: DocumentReader[Value], every_s: float | None = None
) -> None:
    """Again and again, or where it never changes until it was read once."""
    while True:
        try:
            reader.take(await ask())
        except ClientError as error:
            reader.not_heard(error.told(reader.words))
            await asyncio.sleep(AGAIN_S)
            continue
        if every_s is None:
            return
        await asyncio.sleep(every_s)


async def read_config(client: Client, reader: DocumentReader[Config]) -> None:
    """Until cancelled."""
    await read_document(client.config, reader, CONFIG_EVERY_S)


async def read_audit(client: Client, reader: AuditReader) -> None:
    """Page after page, as somebody reads on."""
    while not reader.whole:
        if reader.wants_more:
            kind = reader.kind
            query: dict[str, str | int | bool] = {"limit": AUDIT_PAGE}
            query |= {"what": kind} if kind else {}
            query |= {"cursor": reader.cursor} if reader.cursor is not None else {}
            try:
                reader.take(await client.audit(query), kind)
            except ClientError as error:
                reader.not_heard(error.told(reader.words))
                await asyncio.sleep(AGAIN_S)
        await asyncio.sleep(LOOK_S)


async def _read_course(client: Client, known: Known) -> None:
    """Until cancelled, or until the row has no course; for as many columns as there are."""
    while known.stretch is not None:
        columns = await _columns(known)
        if (stretch := known.stretch) is None:
            return
        try:
            known.take_course(await _course(client, stretch, known.view(), columns))
        except ClientError as error:
            known.no_course(error.told(known.view().words))
        rest_s = COURSE_EVERY_S if known.told else min(COURSE_SOON_S, COURSE_EVERY_S)
        for _ in range(ceil(rest_s / LOOK_S)):
            await asyncio.sleep(min(LOOK_S, rest_s))
            if known.columns not in {columns, None}:
                break


async def _columns(known: Known) -> int:
    """How many there are once it is laid out, which may take a box two turns."""
    columns = None
    while columns is None or columns != known.columns:
        columns = known.columns
        await asyncio.sleep(LAID_OUT_S)
    return columns


async def fill_trends(client: Client, store: Store, view: Callable[[], View]) -> None:
    """Once there are cabinets, the last hour of each as its trend: of all or of none, since one scale is above them."""
    while True:
        await asyncio.sleep(LOOK_S)
        if store.cabinets:
            break
    shown = [one.sensor for cabinet in store.cabinets if (one := shown_sensor(cabinet)) is not None]
    before: dict[str, list[float | None]] = {}
    for sensor in shown if len(shown) <= MOST_TRENDS else ():
        now = view().now
        try:
            history = await client.history(sensor, *minutes_of(now - TREND_SPAN, now))
        except (ClientError, OverflowError):  # a core that keeps none, or not now
            return
        before[sensor] = means(history, now, TREND_LONGEST_S, TREND_POINTS)
    if any(value is not None for course in before.values() for value in course):
        for sensor, trend in store.trends.items():
            trend.begin_with(before.get(sensor, [None] * TREND_POINTS))


async def follow_cursor(client: Client, view: Callable[[], View], screen: Callable[[], PageScreen]) -> None:
    """Where the details stand beside the list, all about the row on which the cursor has come to rest."""
    resting: tuple[PageScreen, str | None] | None = None
    reading: asyncio.Task[None] | None = None
    async with asyncio.TaskGroup() as group:
        while True:
            await asyncio.sleep(REST_S)
            here = screen()
            key = here.cursor_key if view().wide else None
            moved, resting = resting != (here, key), (here, key)
            if moved and reading is not None:
                reading.cancel()
                reading = None
            elif not moved and reading is None and key is not None:
                reading = group.create_task(read_row(client, here.look_at(key), here.asked))


async def read_row(client: Client, known: Known, asked: Asked) -> None:
    """What there is to read about a row of a page of which so much was asked: of a delivery its attempts, of a group of them
    nothing, of others the course, and where people write down their steps those.
    """
    if known.page.windowed(asked):
        await _read_delivery(client, known)
        return
    async with asyncio.TaskGroup() as group:
        group.create_task(_read_course(client, known))
        if known.page.handled:
            group.create_task(_read_case(client, known))


async def _course(client: Client, stretch: Stretch, view: View, columns: int) -> Course:
    history = await client.history(stretch.sensor, *stretch.steps)
    known = known_part(stretch, history, view.now, columns)
    if known != stretch:
        stretch, history = known, await client.history(known.sensor, *known.steps)
    contacts = [await client.history(sensor, *stretch.steps) for sensor, _ in stretch.contacts]
    status = view.store.status
    return Course(
        stretch=stretch,
        asked_at=view.now,
        history=history,
        contacts=tuple(contacts),
        young=status is not None and status.uptime_s + view.lag_s < YOUNG_S,
    )
