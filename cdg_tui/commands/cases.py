"""What the keys do to cases, and to the damage of the logs that hold them."""

from typing import Final

from cdg_tui.commands.asking import Asking, who
from cdg_tui.screens.form import Form
from cdg_tui.text import named
from core import wire

TAKEN: Final = ("checked", "door_closed", "defrosted", "restarted", "set_point", "technician", "repaired", "moved")
GOODS: Final = ("unharmed", "moved_away", "discarded", "to_check")


class CaseCommands(Asking):
    """Each method is one action."""

    async def acknowledge(self) -> None:
        case = self._case()
        if case is None:
            return
        if await self._confirmed("acknowledge.title", self._about_case(case)):
            body = wire.Acknowledge(by=who())
            await self._send(lambda: self._client.acknowledge(case.case_id, body), "acknowledge.done")

    async def handle(self) -> None:
        case, words = self._case(), self._words
        if case is None:
            return
        lists = (
            (words("handle.action"), [words(f"taken.{name}") for name in TAKEN]),
            (words("handle.goods"), [words(f"goods.{name}") for name in GOODS]),
        )
        form = Form(words, words("handle.title"), self._about_case(case), lists, words("handle.choose"))
        said = await self._app.push_screen_wait(form)
        if said is None or not self._may_write():
            return
        action, goods = said.chosen
        body = wire.Handle(by=who(), action=action, disposition=goods, note=said.note)
        await self._send(lambda: self._client.handle(case.case_id, body), "handle.done")

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

    def _case(self) -> wire.CaseItem | None:
        return self._target(self._app.store.case(self._app.cursor_key))

    def _about_case(self, case: wire.CaseItem) -> tuple[str, ...]:
        words = self._words
        what = (
            words.of("severity", case.severity),
            words.of("kind", case.kind),
            named(case.cabinet, case.cabinet_name),
            words.of("condition", case.condition),
        )
        return "  ".join(what), words("dialog.as", who=who())
