"""The user's keys: how keys are called in a file, which of them an action may have, and the table of actions with them. Pure."""

import re
import string
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from cdg_tui.actions import Action
from cdg_tui.settings import Complaint, Wrong, nearest

# Lists and dialogs go by these, wherever the actions are; Y says yes to a question.
_MOVING: Final = ("up", "down", "left", "right", "pageup", "pagedown", "home", "end", "j", "k", "g", "G")
RESERVED: Final = frozenset({*_MOVING, "enter", "escape", "space", "tab", "shift+tab", "Y"})
_NAMED: Final = RESERVED | {"insert", "delete", "backspace"}
# On a terminal these are Backspace, Tab and Enter, or leave the program.
_NO_CONTROLS: Final = frozenset("hijmz")
_OTHERWISE: Final = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
_FULL_WIDTH: Final = 0xFEE0  # from an ASCII character to the one that a Chinese input method sends instead
_SENT_TOO: Final = {"/": "、", ".": "。"}


def name_of(character: str) -> str:
    """As Textual calls the key of one printable character."""
    if character.isalnum():
        return character
    name = unicodedata.name(character).lower().replace("-", "_").replace(" ", "_")
    return _OTHERWISE.get(name, name)


_PUNCTUATION: Final = {name_of(character): character for character in string.punctuation}


def key_of(said: str) -> str | None:
    """Textual's name for what somebody wrote: `F8`, `?`, `question_mark`, `Ctrl+X`, `D`; None where that is no key."""
    if len(said) == 1:
        return "space" if said == " " else name_of(said) if said.isascii() and said.isprintable() else None
    name = said.lower()
    if re.fullmatch(r"f([1-9]|1[0-2])|ctrl\+[a-z]", name):
        return None if name.startswith("ctrl+") and name[-1] in _NO_CONTROLS else name
    return name if name in _NAMED or name in _PUNCTUATION else None


def label(key: str) -> str:
    """As a person reads it."""
    if key in _PUNCTUATION:
        return _PUNCTUATION[key]
    return key if len(key) == 1 else "+".join(part.capitalize() for part in key.split("+"))


def effective(
    actions: Sequence[Action], wished: Mapping[str, object]
) -> tuple[tuple[Action, ...], tuple[Complaint, ...]]:
    """The table with the user's keys, and what is wrong with them. An action keeps its own keys where one of those wished
    for it is no good.
    """
    chosen: dict[str, tuple[str, ...]] = {}
    complaints = []
    for name, said in wished.items():
        keys = _keys(name, said, [action for action in actions if action.id == name], actions)
        if isinstance(keys, Complaint):
            complaints.append(keys)
        else:
            chosen[name] = keys
    while (clash := _clash([_with(action, chosen) for action in actions], list(chosen))) is not None:
        complaints.append(clash)
        del chosen[clash.key.removeprefix("keys.")]  # with its own keys it may be in another's way: hence again
    return tuple(_with(action, chosen) for action in actions), tuple(complaints)


def _keys(name: str, said: object, mine: list[Action], actions: Sequence[Action]) -> tuple[str, ...] | Complaint:
    """Those that were written for it, as Textual calls them; or what is wrong with them."""
    at = f"keys.{name}"
    if not mine:
        return Complaint(wrong=Wrong.NO_ACTION, key=at, values={"known": nearest(name, [one.id for one in actions])})
    if not isinstance(said, list) or not said:
        return Complaint(wrong=Wrong.NO_LIST, key=at)
    keys = []
    for one in said:
        key = key_of(one) if isinstance(one, str) else None
        wrong = Wrong.NO_KEY if key is None else _refused(mine, key)
        if key is None or wrong is not None:
            return Complaint(
                wrong=wrong or Wrong.NO_KEY,
                key=at,
                values={"pressed": one if isinstance(one, str) else type(one).__name__},
            )
        keys.append(key)
    return tuple(dict.fromkeys(keys))


def _refused(mine: list[Action], key: str) -> Wrong | None:
    """Why this key is not for that action: what changes something is never on a key that a finger slips onto."""
    if key in RESERVED and not any(key in action.keys for action in mine):
        return Wrong.RESERVED
    capital, function = re.fullmatch("[A-Z]", key), re.fullmatch(r"f\d+", key)
    if any(action.writes for action in mine):
        return None if capital or function else Wrong.WRITES
    return Wrong.LOOKS if capital else None


def _with(action: Action, chosen: Mapping[str, tuple[str, ...]]) -> Action:
    if (keys := chosen.get(action.id)) is None:
        return action
    sent = [also for key in keys for also in _also(key)]
    return replace(action, keys=tuple(dict.fromkeys((*keys, *sent))), shown=" ".join(map(label, keys)))


def _also(key: str) -> Iterator[str]:
    """What a Chinese input method sends in its place. Letters it keeps for itself."""
    character = _PUNCTUATION.get(key, key)
    if len(character) == 1 and not character.isalpha():
        yield name_of(chr(ord(character) + _FULL_WIDTH))
        if character in _SENT_TOO:
            yield name_of(_SENT_TOO[character])


def _clash(actions: Sequence[Action], chosen: list[str]) -> Complaint | None:
    """The first key that would do two things on one page, laid to the one of them that was chosen, or chosen last."""
    for i, one in enumerate(actions):
        for other in actions[i + 1 :]:
            shared = [key for key in one.keys if key in other.keys] if set(one.pages) & set(other.pages) else []
            to_blame = sorted({one.id, other.id} & set(chosen), key=chosen.index)
            if shared and to_blame:
                kept = other.id if to_blame[-1] == one.id else one.id
                values = {"pressed": label(shared[0]), "other": kept}
                return Complaint(wrong=Wrong.TAKEN, key=f"keys.{to_blame[-1]}", values=values)
    return None
