"""What the keys do to cases, and to the damage of the logs that hold them.

On the page of the cabinets they are about the worst case of the cabinet under the cursor.
"""

from typing import Final

from cdg_tui.commands.spans import SHORT, Spanning
from cdg_tui.screens.cabinet import handled, until, urgency
from cdg_tui.screens.form import Form
from cdg_tui.text import named
from core import wire
from core.wire_cases import Remark, Shelve

TAKEN: Final = (
    "checked",
    "door_closed",
    "defrosted",
    "restarted",
    "set_point",
    "technician",
    "repaired",
    "moved",
    "false_alarm",
)
GOODS: Final = ("unharmed", "moved_away", "discarded", "to_check", "sold_first", "empty")
REMARKS: Final = ("loading", "falling", "on_the_way", "at_work", "parts", "goods_checked", "watched", "next_shift")
SHELVING: Final = ("loading", "cleaning", "defrosted", "at_work", "on_the_way", "parts", "known")


class CaseCommands(Spanning):
    """Each method is one action."""

    async def acknowledge(self) -> None:
        case = self._case("new")
        if case is None or not await self._confirmed("acknowledge.title", self._about_case(case)):
            return
        body = wire.Acknowledge(by=self._who)
        await self._tell(
            lambda: self._client.acknowledge(case.case_id, body),
            lambda after: self._words("acknowledge.done", who=after.actor or self._who),
        )

    async def handle(self) -> None:
        case, words = self._case("new", "acknowledged"), self._words
        if case is None:
            return
        lists = (
            (words("handle.action"), [words(f"taken.{name}") for name in TAKEN]),
            (words("handle.goods"), [words(f"goods.{name}") for name in GOODS]),
        )
        lines = (*self._about_case(case), words("handle.closes" if case.condition == "cleared" else "handle.stays"))
        said = await self._answered(Form(words, words("handle.title"), lines, lists, words("handle.choose")))
        if said is None:
            return
        action, goods = said.chosen
        body = wire.Handle(by=self._who, action=action, disposition=goods, note=said.note)
        await self._tell(
            lambda: self._client.handle(case.case_id, body),
            lambda after: words("handle.closed" if after.handling == "closed" else "handle.done"),
        )

    async def note(self) -> None:
        case, words = self._case(), self._words
        if case is None:
            return
        remarks = ((words("note.remark"), [words(f"remark.{name}") for name in REMARKS]),)
        choose = words("form.choose_or_note")
        said = await self._answered(
            Form(words, words("note.title"), self._about_case(case), remarks, choose, or_noted=True)
        )
        if said is not None:
            body = Remark(by=self._who, note=said.text())
            await self._send(lambda: self._client.note(case.case_id, body), "note.done")

    async def shelve(self) -> None:
        """Or where it is shelved, take it off the shelf."""
        case, words = self._case(), self._words
        if case is None:
            return
        if case.shelved_s is not None:
            if await self._confirmed("unshelve.title", self._about_case(case)):
                await self._send(lambda: self._client.unshelve(case.case_id, wire.Seen(by=self._who)), "unshelve.done")
        elif case.severity == "critical":
            self._app.say(words("notice.refused", why=words.of("cause", "critical_not_shelved")), trouble=True)
        else:
            await self._put_on_the_shelf(case)

    async def _put_on_the_shelf(self, case: wire.CaseItem) -> None:
        words = self._words
        lines = (*self._about_case(case), words("shelve.about"))
        reasons = [words(f"shelving.{name}") for name in SHELVING]
        said = await self._span_and_reason("shelve.title", lines, SHORT, reasons)
        if said is None:
            return
        body = Shelve(by=self._who, for_s=said[0] or 0.0, note=said[1])
        await self._tell(
            lambda: self._client.shelve(case.case_id, body),
            lambda after: words("shelve.done", at=until(self._app.view(), after.shelved_s)),
        )

    async def damage(self) -> None:
        """Of the journals that were damaged, a person says that they have seen it."""
        status = self._app.store.status
        journals = status.durability.journals if status is not None else {}
        lines = tuple(self._about_damage(name, journal) for name, journal in journals.items() if journal.degraded)
        if status is not None and (count := status.durability.archive_unacknowledged):
            lines += (self._words("damage.archive", n=count),)
        if not lines:
            self._app.say(self._words("damage.none"))
        elif self._may_ask() and await self._confirmed(
            "damage.title", (*lines, self._words("dialog.as", who=self._who))
        ):
            await self._send(lambda: self._client.acknowledge_damage(wire.Seen(by=self._who)), "damage.done")

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

    def _case(self, *wanting: str) -> wire.CaseItem | None:
        """The one under the cursor; of a cabinet the worst, those first whose handling is still one of these."""
        store, key = self._app.store, self._key
        if self._screen.page.id != "overview":
            return self._target(store.case(key))
        its = (case for case in store.cases if case.cabinet == key)
        worst = min(its, key=lambda case: (case.handling not in wanting, *urgency(case)), default=None)
        return self._target(worst, "notice.no_row" if key is None else "notice.no_case")

    def _about_case(self, case: wire.CaseItem) -> tuple[str, ...]:
        view, words = self._app.view(), self._words
        what = (
            words.of("severity", case.severity),
            words.of("kind", case.kind),
            named(case.cabinet, case.cabinet_name),
            words.of("condition", case.condition),
        )
        how = (
            f"{words('column.opened')} {view.clock(case.opened_at)}",
            handled(view, case),
            words("dialog.as", who=self._who),
        )
        return "  ".join(what), "  ".join(how)
