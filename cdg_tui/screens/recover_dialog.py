"""批量入队: since when dead letters are queued again, how many that is, and whether it shall be."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from cdg_tui.errors import ClientError
from cdg_tui.i18n import Words
from cdg_tui.screens.dialog import YES, Dialog, say_on
from cdg_tui.widgets.choice import Choice, Choices
from cdg_tui.widgets.line import Line
from core.wire_endpoints import Recover, Recovered

SPANS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7), "all": None}
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RecoverDialog(Dialog[Recover | None]):
    """`preview` counts what a question asks for and changes nothing. Answers with the question whose count was seen and
    said yes to.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,n,q", "leave", show=False),
        Binding(YES, "confirm", show=False),
    ]

    def __init__(self, words: Words, now: datetime, preview: Callable[[Recover], Awaitable[Recovered]]):
        super().__init__(words, words("recover.title"))
        self._now, self._preview = now, preview
        self._counted: Recover | None = None

    def parts(self) -> ComposeResult:
        yield Line(classes="said")
        yield Choices(Choice(self.words("recover.since"), [self.words(f"since.{name}") for name in SPANS]))

    def on_mount(self) -> None:
        self._say(self.words("recover.about"))
        self.begin_with(self.query_one(Choice))

    def answers(self) -> Content:
        if self._counted is not None:
            return self.cancel_or_yes()
        chosen = self.query_one(Choice).index is not None
        return self.cancel_or(self.words("recover.other" if chosen else "recover.choose"))

    def on_choice_chosen(self) -> None:
        count: Callable[[], Awaitable[None]] = self._count  # not yet called: one that is cancelled at once never begins
        self.run_worker(count, exclusive=True)

    async def _count(self) -> None:
        """Nobody says yes to a number that belongs to another choice, or has not come yet."""
        self._counted = None
        self._say(self.words("recover.counting"))
        question = self._question()
        try:
            found = await self._preview(question)
        except ClientError as error:
            self._say(self.words("notice.refused", why=error.told(self.words)))
            return
        self._counted = question if found.matched else None
        self._say(self.words("recover.preview", n=found.matched) if found.matched else self.words("recover.nothing"))

    def _question(self) -> Recover:
        """Up to the moment the dialog was opened, so that nothing joins that nobody has counted."""
        span = list(SPANS.values())[self.query_one(Choice).index or 0]
        # With no beginning there is no end either: a clock that was wrong may have dated them anywhere.
        return (
            Recover(since=_EVER)
            if span is None
            else Recover(since=max(_EVER + span, self._now) - span, until=self._now)
        )

    def _say(self, text: str) -> None:
        say_on(self, ".said", Content(text))
        self.show_answers()

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_confirm(self) -> None:
        if self._counted is not None:
            self.dismiss(self._counted)
