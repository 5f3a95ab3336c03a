"""What the keys do to single deliveries, and to many dead letters at once."""

from collections import Counter
from typing import Literal

from msgspec import structs

from cdg_tui.commands.drains import DrainCommands
from cdg_tui.errors import ClientError
from cdg_tui.screens.dead import group_of
from cdg_tui.screens.discard_form import DiscardForm
from cdg_tui.screens.recover_dialog import RecoverDialog
from cdg_tui.screens.retries import error
from cdg_tui.store import Question
from core import wire
from core.wire_endpoints import Discard, Recover, Recovered


class DeliveryCommands(DrainCommands):
    """Each method is one action."""

    async def retry(self) -> None:
        """The row's, or a drain of the marked ones."""
        ids = await self._targets()
        if len(ids) > 1:
            await self._drain(ids)
        elif (item := self._item(ids, "pending")) is not None:
            await self._retry(item)

    async def _retry(self, item: wire.RetryItem) -> None:
        if not await self._confirmed("retry.title", self._about_delivery(item)):
            return
        self._app.say(self._words("retry.sending"))
        await self._tell(lambda: self._client.retry(item.delivery_id, self._who), self._became)

    def _became(self, after: wire.RetryItem) -> str:
        if after.status == "delivered":
            return self._words("retry.delivered")
        return self._words("retry.failed", why=error(self._app.view(), after))

    async def requeue(self) -> None:
        """The row's, the marked ones, or those of a group."""
        ids = await self._targets()
        if len(ids) > 1:
            if await self._confirmed("requeue.many", self._about_many(ids)):
                await self._recover(Recover(delivery_ids=ids, by=self._who))
            return
        item = self._item(ids, "dead_letter")
        if item is not None and await self._confirmed("requeue.title", self._about_delivery(item)):
            await self._send(lambda: self._client.requeue(item.delivery_id, self._who), "requeue.done")

    async def cancel(self) -> None:
        """As requeue, for good; many only for who says how many."""
        seen: Literal["pending", "dead_letter"] = "pending" if self._screen.page.id == "retries" else "dead_letter"
        ids, words = await self._targets(), self._words
        item = self._item(ids, "pending", "dead_letter") if len(ids) < 2 else None
        if len(ids) < 2 and item is None:
            return
        about = self._about_many(ids) if item is None else self._about_delivery(item)
        lines = (*about, words("cancel.warning"), words("dialog.as", who=self._who))
        said = await self._answered(DiscardForm(words, lines, len(ids)))
        if said is None:
            return
        try:
            # Only as they were seen: a dead letter that somebody has queued again meanwhile is not meant.
            body = Discard(delivery_ids=ids, by=self._who, reason=said.text(), status=seen)
            found = await self._client.discard(body)
        except ClientError as refusal:
            self._failed(refusal)
            return
        done, all_of_them = len(found.delivery_ids), len(ids)
        key = "cancel.done" if done == all_of_them else "cancel.some"
        self._app.say(words(key, n=done, all=all_of_them), trouble=done < all_of_them)
        self._screen.table.mark_these(())
        self._app.poke()

    async def recover(self) -> None:
        """Queues what its preview counted, or less where some of it has gone meanwhile."""
        if not self._may_ask():
            return
        dialog = RecoverDialog(self._words, self._app.view().now, self._count)
        if (question := await self._answered(dialog)) is not None:
            await self._recover(question)

    async def _recover(self, question: Recover) -> None:
        found = await self._tell(
            lambda: self._client.recover(question), lambda found: self._words("recover.done", n=len(found.delivery_ids))
        )
        if found is not None:
            self._screen.table.mark_these(())

    async def _count(self, question: Recover) -> Recovered:
        return await self._client.recover(structs.replace(question, dry_run=True))

    async def _targets(self) -> tuple[str, ...]:
        """What the key is about, from now on whatever becomes of the list: the marked rows, else those of the group under
        the cursor, else the row under it; none where nothing may be asked.
        """
        if not self._may_ask():
            return ()
        if self._marked:
            return self._marked
        if not self._screen.asked.folded:
            return tuple(filter(None, (self._key,)))
        group = group_of(self._app.store, self._key)
        if group is None:
            return ()
        question = Question(status="dead_letter", endpoint=group.endpoint, reason=group.reason)
        try:
            ids = (await self._client.retry_ids(question.query)).delivery_ids
        except ClientError as refusal:
            self._failed(refusal)
            return ()
        return ids if self._may_ask() else ()  # another key may have opened a dialog meanwhile

    def _item(self, ids: tuple[str, ...], *statuses: str) -> wire.RetryItem | None:
        """The only one, where it is still so."""
        one = self._app.store.retry(ids[0]) if ids else None
        return self._target(one.item if one is not None and one.item.status in statuses else None)

    def _about_many(self, ids: tuple[str, ...]) -> tuple[str, ...]:
        """How many, and of which endpoints as far as they are in sight."""
        known = Counter(one.item.endpoint.id for one in map(self._app.store.retry, ids) if one is not None)
        per_endpoint = ", ".join(f"{endpoint} {count}" for endpoint, count in known.most_common())
        lines = (self._words("dialog.many", n=len(ids)),)
        return (*lines, per_endpoint) if sum(known.values()) == len(ids) else lines

    def _about_delivery(self, item: wire.RetryItem) -> tuple[str, ...]:
        view = self._app.view()
        event = view.words.of("event", item.event_type)
        return (
            f"{event}  {view.cabinet(item.cabinet)} -> {item.endpoint.id}",
            item.delivery_id,
            view.words("dialog.attempts", n=item.attempts, why=error(view, item)),
        )
