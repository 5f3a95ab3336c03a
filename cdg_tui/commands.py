"""What the writing keys do: fix the target, ask, send it to the core, and say what became of it.

Nothing is sent without a yes, nothing is queued while the link is down, and no success is claimed before the core said so.
"""

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

from cdg_tui.client import Client, ClientError, LostError
from cdg_tui.screens.dialog import Confirm
from cdg_tui.screens.drain_dialog import DrainDialog
from cdg_tui.screens.handle_dialog import HandleDialog
from cdg_tui.screens.retries import error
from cdg_tui.text import named
from core import wire

if TYPE_CHECKING:
    from cdg_tui.app import ConsoleApp

Target = TypeVar("Target")

_PROGRESS_EVERY_S: Final = 0.3
_UNSURE: Final = {"timeout", "broken_off", "http_error"}  # the request was on its way when the answer went missing
_PATIENCE: Final = 20  # unanswered questions for a drain's progress before this console stops asking


class Commands:
    """Each method is one action, run as a worker of the app."""

    def __init__(self, app: "ConsoleApp", client: Client):
        self._app, self._client, self._words = app, client, app.words

    async def acknowledge(self) -> None:
        case = self._case()
        if case is None:
            return
        lines = (_about_case(self._app, case), self._words("dialog.as", who=who()))
        if await self._confirmed("acknowledge.title", lines):
            body = wire.Acknowledge(by=who())
            await self._send(lambda: self._client.acknowledge(case.case_id, body), "acknowledge.done")

    async def handle(self) -> None:
        case = self._case()
        if case is None:
            return
        lines = (_about_case(self._app, case), self._words("dialog.as", who=who()))
        said = await self._app.push_screen_wait(HandleDialog(self._words, lines))
        if said is None or not self._may_write():
            return
        body = wire.Handle(by=who(), action=said.action, disposition=said.disposition, note=said.note)
        await self._send(lambda: self._client.handle(case.case_id, body), "handle.done")

    async def retry(self) -> None:
        item = self._delivery("pending")
        if item is None or not await self._confirmed("retry.title", self._about_delivery(item)):
            return
        self._app.say(self._words("retry.sending"))
        try:
            after = await self._client.retry(item.delivery_id)
        except ClientError as refusal:
            self._failed(refusal)
            return
        if after.status == "delivered":
            self._app.say(self._words("retry.delivered"))
        else:
            self._app.say(self._words("retry.failed", why=error(self._app.view(), after)))
        self._app.poke()

    async def requeue(self) -> None:
        item = self._delivery("dead_letter")
        if item is not None and await self._confirmed("requeue.title", self._about_delivery(item)):
            await self._send(lambda: self._client.requeue(item.delivery_id), "requeue.done")

    async def drain(self) -> None:
        """Sends what its preview showed and nothing that came later."""
        if not self._may_ask():
            return
        dialog = DrainDialog(self._words)
        await self._app.push_screen(dialog)
        try:
            preview = await self._client.preview_drain()
        except ClientError as refusal:
            dialog.show_error(self._failed(refusal, "notice.refused"))
            return
        dialog.show_preview(preview)
        if not await dialog.confirmed:
            return
        if not self._may_write():
            dialog.show_error(self._words("notice.not_live"))
            return
        try:
            running = await self._client.drain(tuple(item.delivery_id for item in preview.items))
        except ClientError as refusal:
            dialog.show_error(self._failed(refusal))
            return
        try:
            await self._follow(dialog, running)
        except ClientError as loss:
            dialog.show_error(self._failed(loss, "notice.unsure"))

    async def _follow(self, dialog: DrainDialog, result: wire.DrainResult) -> None:
        dialog.show_progress(result)
        vain = 0
        while result.running:
            await asyncio.sleep(_PROGRESS_EVERY_S)
            try:
                result, vain = await self._client.drain_result(result.drain_id), 0
            except LostError:
                vain += 1
                if vain == _PATIENCE:
                    raise
                continue
            dialog.show_progress(result)
            self._app.poke()
        counts = result.counts
        self._app.say(
            self._words("drain.summary", delivered=counts.delivered, failed=counts.failed, skipped=counts.skipped)
        )
        self._app.poke()

    async def damage(self) -> None:
        """Of the journals that were damaged, a person says that they have seen it."""
        status = self._app.store.status
        journals = status.durability.journals if status is not None else {}
        lines = tuple(self._about_damage(name, journal) for name, journal in journals.items() if journal.degraded)
        if status is not None and (count := status.durability.archive_unacknowledged):
            lines += (self._words("damage.archive", n=count),)
        if not lines:
            self._app.say(self._words("damage.none"))
        elif self._may_ask() and await self._confirmed("damage.title", (*lines, self._words("dialog.as", who=who()))):
            await self._send(lambda: self._client.acknowledge_damage(wire.Seen(by=who())), "damage.done")

    def _about_damage(self, name: str, journal: wire.JournalHealth) -> str:
        if not journal.unacknowledged:
            return self._words("damage.forbidden", name=name, reason=journal.reason or "")
        return self._words(
            "damage.journal",
            name=name,
            torn=journal.torn_tails,
            lines=journal.damaged_lines,
            lost=journal.lost_numbers,
            files=journal.quarantined_files,
            bytes=journal.quarantined_bytes,
        )

    # -- asking and sending ----------------------------------------------------------------------------------------

    async def _confirmed(self, title: str, lines: tuple[str, ...]) -> bool:
        dialog = Confirm(self._words, self._words(title), lines)
        return await self._app.push_screen_wait(dialog) and self._may_write()

    async def _send(self, call: Callable[[], Awaitable[object]], done: str) -> None:
        try:
            await call()
        except ClientError as refusal:
            self._failed(refusal)
        else:
            self._app.say(self._words(done))
            self._app.poke()

    def _failed(self, refusal: ClientError, key: str | None = None) -> str:
        """Say why; and where the answer went missing, that the core may have done it all the same."""
        missing = isinstance(refusal, LostError) and refusal.cause in _UNSURE
        text = self._words(
            key or ("notice.unsure" if missing else "notice.refused"),
            why=self._words.cause(refusal.cause, refusal.detail),
        )
        self._app.say(text, trouble=True)
        return text

    def _may_ask(self) -> bool:
        """Not twice: a key that is held down, or typed in a hurry, comes again before its dialog is there."""
        return self._app.asks_nothing and self._may_write()

    def _may_write(self) -> bool:
        """A write that can't be sent now is refused here, never kept for later."""
        if self._app.view().live:
            return True
        self._app.say(self._words("notice.not_live"), trouble=True)
        return False

    # -- targets ---------------------------------------------------------------------------------------------------

    def _case(self) -> wire.CaseItem | None:
        return self._target(self._app.store.case(self._app.cursor_key))

    def _delivery(self, status: str) -> wire.RetryItem | None:
        one = self._app.store.retries.get(self._app.cursor_key or "")
        return self._target(one.item if one is not None and one.item.status == status else None)

    def _target(self, found: Target | None) -> Target | None:
        if found is None:
            self._app.say(self._words("notice.no_row"))
            return None
        return found if self._may_ask() else None

    def _about_delivery(self, item: wire.RetryItem) -> tuple[str, ...]:
        view = self._app.view()
        event = view.words.of("event", item.event_type)
        return (
            f"{event}  {view.cabinet(item.cabinet)} -> {item.endpoint.id}",
            item.delivery_id,
            view.words("dialog.attempts", n=item.attempts, why=error(view, item)),
        )


def _about_case(app: "ConsoleApp", case: wire.CaseItem) -> str:
    words = app.words
    return "  ".join(
        (
            words.of("severity", case.severity),
            words.of("kind", case.kind),
            named(case.cabinet, case.cabinet_name),
            words.of("condition", case.condition),
        )
    )


def who() -> str:
    """Who acts, as this machine knows them; the core records the login beside it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this uid
        return f"uid {os.getuid()}"
