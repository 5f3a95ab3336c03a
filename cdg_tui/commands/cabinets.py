"""What the keys do to a whole cabinet: somebody works on it, or it is out of service; and the end of both."""

from datetime import timedelta
from typing import Final

from cdg_tui.commands.spans import LONG, SHORT, Spanning
from cdg_tui.screens.cabinet import until
from cdg_tui.screens.form import Filled, Form
from cdg_tui.text import named
from core import wire
from core.wire_cases import InService, Maintenance, OutOfService

WORKS: Final = ("cleaning", "defrosting", "repair", "loading", "inspection", "probe", "moving")
OUT: Final = ("repair", "parts", "defrosting", "unused", "moving", "scrapped")
WORKED: Final = ("repaired", "cleaned", "defrosted", "loaded", "inspected", "probe", "moved", "parts", "mistaken")
BACK: Final = ("repaired", "checked", "cleaned", "new_parts", "wanted", "mistaken")


class CabinetCommands(Spanning):
    """Each method is one action."""

    async def maintenance(self) -> None:
        """Or where somebody works on it, the end of that."""
        cabinet, words = self._cabinet(), self._words
        if cabinet is None:
            return
        if cabinet.out_since is not None:
            self._app.say(words("notice.refused", why=words.of("cause", "out_of_service")), trouble=True)
        elif cabinet.maintenance_s is not None:
            done = [words(f"worked.{name}") for name in WORKED]
            said = await self._what_was_done("maintenance.end", self._about_cabinet(cabinet), done)
            if said is not None:
                await self._maintain(cabinet, 0.0, said.text())
        else:
            lines = (*self._about_cabinet(cabinet), words("maintenance.about"))
            reasons = [words(f"works.{name}") for name in WORKS]
            term = await self._span_and_reason("maintenance.title", lines, SHORT, reasons)
            if term is not None:
                await self._maintain(cabinet, term[0] or 0.0, term[1])

    async def _maintain(self, cabinet: wire.CabinetItem, for_s: float, reason: str) -> None:
        words = self._words

        def became(after: wire.CabinetItem) -> str:
            if after.maintenance_s is None:
                return words("maintenance.ended")
            return words("maintenance.done", at=until(self._app.view(), after.maintenance_s))

        body = Maintenance(by=self._who, reason=reason, for_s=for_s)
        await self._tell(lambda: self._client.maintain(cabinet.id, body), became)

    async def service(self) -> None:
        """Out of service; or where it is out, back in service."""
        cabinet, words = self._cabinet(), self._words
        if cabinet is None:
            return
        if cabinet.out_since is None:
            await self._take_out(cabinet)
            return
        done = [words(f"back.{name}") for name in BACK]
        said = await self._what_was_done("service.back", self._about_cabinet(cabinet), done)
        if said is not None:
            body = InService(by=self._who, reason=said.text())
            await self._tell(lambda: self._client.put_back(cabinet.id, body), lambda _: words("service.returned"))

    async def _take_out(self, cabinet: wire.CabinetItem) -> None:
        words, view = self._words, self._app.view()
        count = sum(case.cabinet == cabinet.id for case in self._app.store.cases)
        lines = (*self._about_cabinet(cabinet), words("service.about", n=count))
        reasons = [words(f"out.{name}") for name in OUT]
        term = await self._span_and_reason("service.title", lines, LONG, reasons)
        if term is None:
            return
        due_back = None if term[0] is None else view.now + timedelta(seconds=term[0])
        body = OutOfService(by=self._who, reason=term[1], due_back=due_back)
        await self._tell(
            lambda: self._client.take_out(cabinet.id, body),
            lambda after: words("service.done", due=view.clock(after.due_back)),
        )

    async def _what_was_done(self, title: str, lines: tuple[str, ...], done: list[str]) -> Filled | None:
        words = self._words
        lists = ((words("service.what"), done),)
        return await self._answered(
            Form(words, words(title), lines, lists, words("form.choose_or_note"), or_noted=True)
        )

    def _cabinet(self) -> wire.CabinetItem | None:
        return self._target(self._app.store.cabinet(self._key))

    def _about_cabinet(self, cabinet: wire.CabinetItem) -> tuple[str, ...]:
        view = self._app.view()
        what = f"{named(cabinet.id, cabinet.name)}  {view.mark(cabinet.state).strip()}"
        return what, self._words("dialog.as", who=self._who)
