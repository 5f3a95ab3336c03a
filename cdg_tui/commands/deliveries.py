"""What the keys do to single deliveries, and to many dead letters at once."""

from msgspec import structs

from cdg_tui.calls import ClientError
from cdg_tui.commands.asking import Asking
from cdg_tui.screens.recover_dialog import RecoverDialog
from cdg_tui.screens.retries import error
from core import wire
from core.wire_endpoints import Recover, Recovered


class DeliveryCommands(Asking):
    """Each method is one action."""

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

    async def cancel(self) -> None:
        item = self._delivery("pending", "dead_letter")
        if item is None:
            return
        if await self._confirmed("cancel.title", (*self._about_delivery(item), self._words("cancel.warning"))):
            await self._send(lambda: self._client.cancel(item.delivery_id), "cancel.done")

    async def recover(self) -> None:
        """Queues what its preview counted, or less where some of it has gone meanwhile."""
        if not self._may_ask():
            return
        dialog = RecoverDialog(self._words, self._app.view().now, self._count)
        question = await self._app.push_screen_wait(dialog)
        if question is None or not self._may_write():
            return
        try:
            found = await self._client.recover(question)
        except ClientError as refusal:
            self._failed(refusal)
        else:
            self._app.say(self._words("recover.done", n=len(found.delivery_ids)))
            self._app.poke()

    async def _count(self, question: Recover) -> Recovered:
        return await self._client.recover(structs.replace(question, dry_run=True))

    def _delivery(self, *statuses: str) -> wire.RetryItem | None:
        one = self._app.store.retries.get(self._app.cursor_key or "")
        return self._target(one.item if one is not None and one.item.status in statuses else None)

    def _about_delivery(self, item: wire.RetryItem) -> tuple[str, ...]:
        view = self._app.view()
        event = view.words.of("event", item.event_type)
        return (
            f"{event}  {view.cabinet(item.cabinet)} -> {item.endpoint.id}",
            item.delivery_id,
            view.words("dialog.attempts", n=item.attempts, why=error(view, item)),
        )
