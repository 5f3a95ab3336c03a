"""What details ask the core for beyond the feed's news: a delivery's attempts; a row's course, again and again while open."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from cdg_tui.client import Client
from cdg_tui.course import Course, Stretch, known_part
from cdg_tui.errors import ClientError
from cdg_tui.screens.page import View
from cdg_tui.screens.reader import RowReader

COURSE_EVERY_S: Final = 30.0


async def read_attempts(client: Client, delivery_id: str, reader: RowReader) -> None:
    """Once. The row itself is shown already, and the banner says how the link is."""
    with contextlib.suppress(ClientError):
        reader.show_attempts((await client.retry_detail(delivery_id)).attempts)


async def read_course(client: Client, reader: RowReader, view: Callable[[], View]) -> None:
    """Until cancelled, or until the row has no course."""
    while (stretch := reader.stretch) is not None:
        try:
            reader.show_course(await _course(client, stretch, view()))
        except ClientError as error:
            reader.show_no_course(reader.words.cause(error.cause, error.detail))
        await asyncio.sleep(COURSE_EVERY_S)


async def _course(client: Client, stretch: Stretch, view: View) -> Course:
    history = await client.history(stretch.sensor, *stretch.steps)
    known = known_part(stretch, history, view.now, wide=view.wide)
    if known != stretch:
        stretch, history = known, await client.history(known.sensor, *known.steps)
    contacts = [await client.history(sensor, *stretch.steps) for sensor, _ in stretch.contacts]
    return Course(stretch=stretch, asked_at=view.now, history=history, contacts=tuple(contacts))
