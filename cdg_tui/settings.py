"""What a person may choose for this console: the values, what is wrong with those of a file, and how that is said. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Final

from cdg_tui.i18n import Words
from cdg_tui.text import safe

AUTO: Final = "auto"  # as the console finds it right where it runs
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "language": (AUTO, "zh", "en"),
    "glyphs": (AUTO, "unicode", "plain", "ascii"),
    "theme": (AUTO, "dark", "light", "ansi"),
}
_LONGEST: Final = 240  # of a sentence: the names in it are somebody else's


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`keys` are those that the user wants for an action, by its id, as they stand in the file: not yet checked."""

    language: str = AUTO
    glyphs: str = AUTO
    theme: str = AUTO
    bell: bool = True
    keys: Mapping[str, object] = field(default_factory=dict)


class Wrong(StrEnum):
    """What can be wrong with a file of settings. Each has its sentence."""

    UNREADABLE = "unreadable"
    NOT_TOML = "not_toml"
    UNKNOWN = "unknown"
    VALUE = "value"
    NO_TABLE = "no_table"
    NO_LIST = "no_list"
    NO_ACTION = "no_action"
    NO_KEY = "no_key"
    RESERVED = "reserved"
    WRITES = "writes"
    LOOKS = "looks"
    TAKEN = "taken"


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """`key` is the dotted one of the file, empty where it is about the whole; `values` fill in its sentence."""

    wrong: Wrong
    key: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    line: int | None = None

    def told(self, words: Words, file: str) -> str:
        """File, line, key, and what to do about it, in one line."""
        place = file if self.line is None else f"{file}:{self.line}"
        sentence = words(f"complaint.{self.wrong}", **self.values)
        return safe(": ".join(part for part in (place, self.key, sentence) if part), _LONGEST)


def checked(document: Mapping[str, Any]) -> tuple[Settings, tuple[Complaint, ...]]:
    """What a decoded file says. What is wrong counts for nothing and is complained of; the rest counts."""
    settings, complaints = Settings(), []
    known = (*CHOICES, "bell", "keys")
    for name, value in document.items():
        if name not in known:
            complaints.append(Complaint(wrong=Wrong.UNKNOWN, key=name, values={"known": nearest(name, known)}))
        elif (complaint := _unfit(name, value)) is not None:
            complaints.append(complaint)
        else:
            settings = replace(settings, **{name: value})
    return settings, tuple(complaints)


def _unfit(name: str, value: object) -> Complaint | None:
    if name == "keys":
        return None if isinstance(value, Mapping) else Complaint(wrong=Wrong.NO_TABLE, key=name)
    if name == "bell":
        return None if isinstance(value, bool) else _not_one_of(name, ("true", "false"))
    return None if value in CHOICES[name] else _not_one_of(name, CHOICES[name])


def _not_one_of(name: str, known: Iterable[str]) -> Complaint:
    return Complaint(wrong=Wrong.VALUE, key=name, values={"known": ", ".join(known)})


def nearest(name: str, known: Iterable[str]) -> str:
    """What may have been meant, the likeliest first."""
    return ", ".join(get_close_matches(name, dict.fromkeys(known), cutoff=0.0))


def told_shortly(complaints: Sequence[Complaint], words: Words, file: str) -> str:
    """The first, and how many more there are; nothing where all is well."""
    if not complaints:
        return ""
    more = words("settings.more", n=len(complaints) - 1) if len(complaints) > 1 else ""
    return f"{complaints[0].told(words, file)} {more}".rstrip()
