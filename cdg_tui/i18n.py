"""The words of the screens: two tables of the same keys. Which one, and how a key becomes text. Knows no widget."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from cdg_tui.text import NOTHING
from core.wire import RetrySummary
from core.wire_endpoints import EndpointItem

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")

TELL_MORE: Final = frozenset({"http_error", "unreachable", "alien", "tls"})  # causes whose detail a person can use


class Words:
    """One language. `words("queue.empty")` is its text, with `{name}` filled in from the keywords."""

    def __init__(self, language: Language):
        self.language = language
        self._texts = texts(language)

    def __call__(self, key: str, **values: object) -> str:
        text = self._texts[key]
        return text.format_map(values) if values else text

    def of(self, group: str, code: str) -> str:
        """The word for a code of the API; a code of a later version stands for itself."""
        return self._texts.get(f"{group}.{code}", code)

    def cause(self, code: str, detail: str) -> str:
        """Why something did not work; the API's own sentence only where the word says too little, or there is none."""
        word = self.of("cause", code)
        return f"{word} {detail}".strip() if word == code or code in TELL_MORE else word

    def lasting(self, seconds: float) -> str:
        """A duration in the largest whole unit of which it has two: a second more never looks like less."""
        for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
            if seconds >= 2 * length:
                return self(f"time.{unit}", n=int(seconds // length))
        return self("time.seconds", n=max(0, int(seconds)))

    def queue(self, queue: RetrySummary | EndpointItem) -> str:
        """What waits to be sent, in all or to one endpoint."""
        age_s = queue.oldest_pending_age_s
        return self(
            "box.queue",
            pending=queue.pending,
            due=queue.due,
            sending=queue.in_flight,
            dead=queue.dead_letter,
            age=NOTHING if age_s is None else self.lasting(age_s),
        )


def texts(language: Language) -> dict[str, str]:
    """The whole table, keys dotted."""
    path = Path(__file__).with_name(f"{language}.toml")
    found: dict[str, str] = {}
    for group, entries in tomllib.loads(path.read_text(encoding="utf-8")).items():
        found |= {f"{group}.{name}": text for name, text in entries.items()}
    return found


def language_of(flag: Language | None, chosen: object, configured: object, environment: Mapping[str, str]) -> Language:
    """The flag, else what the user chose, else what the configuration says, else LC_ALL, LC_MESSAGES, LANG: zh for any
    `zh…`, else en.
    """
    for said in (flag, chosen, configured):
        for known in LANGUAGES:
            if said == known:
                return known
    spoken = next((found for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (found := environment.get(name))), "")
    return "zh" if spoken.lower().startswith("zh") else "en"
