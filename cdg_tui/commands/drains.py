"""立即重发 from its preview to its end, also of one that somebody else has begun."""

import asyncio
from functools import partial
from typing import Final

from cdg_tui.commands.asking import Asking
from cdg_tui.errors import ClientError, LostError, RefusedError
from cdg_tui.screens.drain_dialog import DrainDialog, to_send
from cdg_tui.screens.endpoint import held
from core import wire

PROGRESS_EVERY_S: Final = 0.3
PATIENCE: Final = 20  # unanswered questions for a drain's progress before this console stops asking


class DrainCommands(Asking):
    """The one action."""

    async def drain(self) -> None:
        """Of all that is pending."""
        await self._drain(None)

    async def _drain(self, ids: tuple[str, ...] | None) -> None:
        """Sends what its preview showed and nothing that came later; while another one runs, shows that one."""
        if not self._may_ask():
            return
        dialog = DrainDialog(self._words)
        await self._app.push_screen(dialog)
        if (other := self._app.store.drain) is not None:
            await self._show_other(dialog, other.drain_id)
            return
        try:
            preview = await self._client.preview_drain(ids)
        except ClientError as refusal:
            await self._refused(dialog, refusal, "notice.refused")
            return
        dialog.show_preview(preview, partial(held, self._app.view()))
        if not await dialog.confirmed:
            return
        if not self._may_write():
            dialog.show_error(self._app.notice.plain)
            return
        try:
            running = await self._client.drain(tuple(item.delivery_id for item in to_send(preview)), self._who)
        except ClientError as refusal:
            await self._refused(dialog, refusal)
            return
        dialog.show_progress(running)
        await self._follow(dialog, running)

    async def _refused(self, dialog: DrainDialog, refusal: ClientError, key: str | None = None) -> None:
        """Say so; where another drain is in the way, show how far that one is."""
        drain_id = refusal.drain_id if isinstance(refusal, RefusedError) else None
        if drain_id is None:
            dialog.show_error(self._failed(refusal, key))
        else:
            await self._show_other(dialog, drain_id)

    async def _show_other(self, dialog: DrainDialog, drain_id: str) -> None:
        try:
            other = await self._client.drain_result(drain_id)
        except ClientError as loss:
            dialog.show_error(self._failed(loss, "notice.refused"))
            return
        dialog.show_other(other)
        await self._follow(dialog, other)

    async def _follow(self, dialog: DrainDialog, result: wire.DrainResult) -> None:
        """Until it has ended, or nobody knows any more what becomes of it."""
        vain = 0
        while result.running:
            await asyncio.sleep(PROGRESS_EVERY_S)
            try:
                result, vain = await self._step(dialog, result.drain_id), 0
            except LostError as loss:
                vain += 1
                if vain == PATIENCE:
                    dialog.show_error(self._failed(loss, "notice.unsure"))
                    return
                continue
            except ClientError as loss:
                dialog.show_error(self._failed(loss, "notice.unsure"))
                return
            dialog.show_progress(result)
            self._app.poke()
        counts = result.counts
        self._app.say(
            self._words("drain.summary", delivered=counts.delivered, failed=counts.failed, skipped=counts.skipped)
        )
        self._app.poke()

    async def _step(self, dialog: DrainDialog, drain_id: str) -> wire.DrainResult:
        """Ask how far it is, or where somebody wants that, stop it."""
        wanted, dialog.stop_wanted = dialog.stop_wanted, False
        if wanted and self._may_write():
            try:
                return await self._client.stop_drain(drain_id, self._who)
            except ClientError as refusal:
                self._failed(refusal)
        return await self._client.drain_result(drain_id)
