"""The question how long something shall last and why, both from lists; and until when that is, on the site's clock."""

from collections.abc import Sequence
from typing import Final

from cdg_tui.commands.asking import Asking
from cdg_tui.screens.cabinet import until
from cdg_tui.screens.form import Form

# In seconds; None for nobody knows how long.
SPANS: Final = {
    "quarter": 900.0,
    "half": 1800.0,
    "one": 3600.0,
    "two": 7200.0,
    "four": 14_400.0,
    "eight": 28_800.0,
    "day": 86_400.0,
    "days": 259_200.0,
    "week": 604_800.0,
    "unknown": None,
}
SHORT: Final = ("quarter", "half", "one", "two", "four", "eight")
LONG: Final = ("four", "day", "days", "week", "unknown")


class Spanning(Asking):
    """For the commands that begin something that ends by itself, or is promised to."""

    async def _span_and_reason(
        self, title: str, lines: tuple[str, ...], spans: Sequence[str], reasons: Sequence[str]
    ) -> tuple[float | None, str] | None:
        """How long and why; None where it was left."""
        words = self._words
        by_text = {self._lasting(name): SPANS[name] for name in spans}
        lists = ((words("form.span"), list(by_text)), (words("form.reason"), reasons))
        said = await self._answered(
            Form(words, words(title), lines, lists, words("form.choose_or_note"), or_noted=True)
        )
        return None if said is None else (by_text[said.chosen[0]], said.text(behind=1))

    def _lasting(self, name: str) -> str:
        seconds, text = SPANS[name], self._words(f"span.{name}")
        if seconds is None:
            return text
        return self._words("form.until", span=text, at=until(self._app.view(), seconds))
