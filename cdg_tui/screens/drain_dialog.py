"""立即重发: what would be sent, whether it shall be, how far it is, and what became of each. Esc leaves it going on."""

import asyncio
from collections import Counter
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from cdg_tui.i18n import Words
from cdg_tui.screens.dialog import YES, Dialog, say_on
from cdg_tui.screens.page import outcome
from cdg_tui.text import NOTHING
from cdg_tui.widgets.line import Line
from cdg_tui.widgets.row_table import RowTable
from cdg_tui.widgets.rows import Column, Row
from core import wire

_BAR = 20


class DrainDialog(Dialog[None]):
    """`confirmed` becomes True with a capital Y, False where it is left before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "leave", show=False),
        Binding(YES, "confirm", show=False),
    ]

    def __init__(self, words: Words):
        super().__init__(words, words("drain.title"))
        self.confirmed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._asking = False
        self._text = words("drain.looking")
        self._items: tuple[wire.DrainItem, ...] = ()

    def parts(self) -> ComposeResult:
        yield Line(classes="said")
        yield RowTable()

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(RowTable).focus()
        self._say(self._text)

    def answers(self) -> Content:
        return self.cancel_or_yes() if self._asking else Content(self.words("dialog.close"))

    # -- what it is told -------------------------------------------------------------------------------------------

    def show_preview(self, preview: wire.DrainResult) -> None:
        """What would be sent, by endpoint; asks only where there is something."""
        counts = Counter(item.endpoint for item in preview.items)
        per_endpoint = ", ".join(f"{endpoint} {count}" for endpoint, count in counts.most_common())
        self._asking = bool(preview.items)
        if self._asking:
            self._say(self.words("drain.preview", n=len(preview.items), endpoints=per_endpoint), preview.items)
        else:
            self._say(self.words("drain.nothing"))

    def show_progress(self, result: wire.DrainResult) -> None:
        """How far it is, and each result so far."""
        self._asking = False
        counts = result.counts
        settled = counts.attempted + counts.skipped
        bar = "#" * min(_BAR, settled * _BAR // max(1, counts.matched))
        self._say(
            self.words(
                "drain.running" if result.running else "drain.done",
                bar=f"{bar:-<{_BAR}}",
                n=settled,
                all=counts.matched,
                delivered=counts.delivered,
                failed=counts.failed,
                skipped=counts.skipped,
            ),
            result.items,
        )

    def show_error(self, text: str) -> None:
        """Why nothing is sent, or nothing more is known."""
        self._asking = False
        self._say(text)

    def _say(self, text: str, items: tuple[wire.DrainItem, ...] | None = None) -> None:
        """Kept as well: it may be told before it is put together."""
        self._text = text
        self._items = items if items is not None else self._items
        say_on(self, ".said", Content(text))
        say_on(self, ".answers", self.answers())
        words = self.words
        columns = (
            Column(title=words("column.result"), width=10),
            Column(title=words("column.event"), width=14),
            Column(title=words("column.endpoint"), width=10, grow=1),
            Column(title=words("column.answer"), width=22, grow=2),
        )
        for table in self.query(RowTable):
            table.display = bool(self._items)
            table.show(columns, [_row(words, item) for item in self._items])

    # -- what it is answered ---------------------------------------------------------------------------------------

    def action_confirm(self) -> None:
        if self._asking and not self.confirmed.done():
            self._asking = False
            self._say(self.words("drain.starting"))
            self.confirmed.set_result(True)

    def action_leave(self) -> None:
        if not self.confirmed.done():
            self.confirmed.set_result(False)
        self.dismiss(None)


def _row(words: Words, item: wire.DrainItem) -> Row:
    styles = {"delivered": "green", "failed": "red"}
    otherwise = "" if item.http_status is not None else NOTHING
    if item.skip_reason is not None:
        otherwise = words.of("skip", item.skip_reason)
    style = styles.get(item.result, "")
    return Row(
        key=item.delivery_id,
        cells=(
            words.of("result", item.result),
            words.of("event", item.event_type),
            item.endpoint,
            outcome(words, item.http_status, item.error_class, otherwise).strip(),
        ),
        styles=((0, style),) if style else (),
    )
