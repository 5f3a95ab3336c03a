"""立即重发: what would be sent, whether it shall be, how far it is, and what became of each. Esc leaves it going on, a
capital S asks whether it shall stop.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
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


class _Question(StrEnum):
    """What a capital Y would say yes to."""

    NONE = "none"
    SEND = "send"
    STOP = "stop"


class DrainDialog(Dialog[None]):
    """`confirmed` becomes True with a capital Y, False where it is left before. `stop_wanted` is set where somebody said, and
    confirmed, that the drain that is shown shall stop.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "leave", show=False),
        Binding(YES, "confirm", show=False),
        Binding("S,\uff33", "stop", show=False),
    ]

    def __init__(self, words: Words):
        super().__init__(words, words("drain.title"))
        self.confirmed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.stop_wanted = False
        self._question = _Question.NONE
        self._going = False
        self._whose = ""
        self._previewed = 0
        self._text = words("drain.looking")
        self._items: tuple[wire.DrainItem, ...] = ()

    def head(self) -> ComposeResult:
        yield Line(classes="said")

    def middle(self) -> ComposeResult:
        yield RowTable()

    def on_mount(self) -> None:
        self.query_one(RowTable).focus()
        self._say(self._text)

    def answers(self) -> Content:
        if self._question is _Question.STOP:
            return Content.assemble(f"{self.words('drain.stop')}  ", self.cancel_or_yes())
        if self._question is _Question.SEND:
            return self.cancel_or_yes()
        return Content(self.words("drain.keys" if self._going else "dialog.close"))

    # -- what it is told -------------------------------------------------------------------------------------------

    def show_preview(self, preview: wire.DrainResult, held: Callable[[str], str]) -> None:
        """What would be sent, by endpoint, and what would be left out; asks only where there is something to send. `held` says
        why nothing goes to an endpoint by itself: what it is sent may be left out after all.
        """
        sending = to_send(preview)
        self._previewed = len(sending)
        counts = Counter(item.endpoint for item in sending)
        per_endpoint = ", ".join(self._counted(one, count, held(one)) for one, count in counts.most_common())
        if sending:
            self._question = _Question.SEND
            self._say(self.words("drain.preview", n=len(sending), endpoints=per_endpoint), preview.items)
        else:
            self._say(self.words("drain.none_goes" if preview.items else "drain.nothing"), preview.items)

    def _counted(self, endpoint: str, count: int, why: str) -> str:
        return f"{endpoint} {count}{self.words('drain.held', why=why) if why else ''}"

    def show_other(self, result: wire.DrainResult) -> None:
        """One that somebody else has begun, in the place of the one that was asked for."""
        self._whose = self.words("drain.whose", who=result.actor) + "\n"
        self._items, self._previewed = (), 0
        self.show_progress(result)

    def show_progress(self, result: wire.DrainResult) -> None:
        """How far it is, and each result so far."""
        self._going = result.running
        if not (self._going and self._question is _Question.STOP):
            self._question = _Question.NONE
        counts = result.counts
        settled = counts.attempted + counts.skipped
        bar = "█" * min(_BAR, settled * _BAR // max(1, counts.matched))
        text = self.words(
            "drain.running" if result.running else "drain.done",
            bar=f"{bar:░<{_BAR}}",
            n=settled,
            all=counts.matched,
            delivered=counts.delivered,
            failed=counts.failed,
            skipped=counts.skipped,
        )
        self._say(f"{self._whose}{text}{self._gone(counts.matched)}{self._stopped(result)}", result.items)

    def _gone(self, matched: int) -> str:
        """How many of the preview did not wait for the answer, on a line of its own."""
        missing = self._previewed - matched
        return "\n" + self.words("drain.gone", n=missing) if missing > 0 else ""

    def _stopped(self, result: wire.DrainResult) -> str:
        """By whom or why, on a line of its own."""
        if result.stop_reason is None:
            return ""
        by_a_person = result.stopped_by is not None
        return "\n" + (
            self.words("drain.stopped", who=result.stopped_by)
            if by_a_person
            else self.words.of("skip", result.stop_reason)
        )

    def show_error(self, text: str) -> None:
        """Why nothing is sent, or nothing more is known."""
        self._question, self._going = _Question.NONE, False
        self._say(text)

    def _say(self, text: str, items: tuple[wire.DrainItem, ...] | None = None) -> None:
        """Kept as well: it may be told before it is put together."""
        self._text = text
        self._items = items if items is not None else self._items
        say_on(self, ".said", Content(text))
        words = self.words
        columns = (
            Column(title=words("column.result"), width=10),
            Column(title=words("column.event"), width=14),
            Column(title=words("column.cabinet"), width=8),
            Column(title=words("column.endpoint"), width=8, grow=1),
            Column(title=words("column.answer"), width=22, grow=2),
        )
        for table in self.query(RowTable):
            table.set_class(not self._items, "-empty")
            table.show(columns, [_row(words, item) for item in self._items])
        self.show_answers()

    # -- what it is answered ---------------------------------------------------------------------------------------

    def action_confirm(self) -> None:
        asked, self._question = self._question, _Question.NONE
        if asked is _Question.STOP:
            self.stop_wanted = True
            self.show_answers()
        elif asked is _Question.SEND and not self.confirmed.done():
            self._say(self.words("drain.starting"))
            self.confirmed.set_result(True)

    def action_stop(self) -> None:
        if self._going:
            self._question = _Question.STOP
            self.show_answers()

    def action_leave(self) -> None:
        if self._question is _Question.STOP:
            self._question = _Question.NONE
            self.show_answers()
            return
        if not self.confirmed.done():
            self.confirmed.set_result(False)
        self.dismiss(None)


def to_send(preview: wire.DrainResult) -> list[wire.DrainItem]:
    """Those that a yes is about."""
    return [item for item in preview.items if item.result == "would_attempt"]


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
            item.cabinet or NOTHING,
            item.endpoint,
            outcome(words, item.http_status, item.error_class, otherwise).strip(),
        ),
        styles=((0, style),) if style else (),
    )
