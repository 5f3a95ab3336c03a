"""Texts that mean harm, and answers of the core in which every open string is one of them, made from the contract itself."""

import inspect as signatures
import json
import types
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import httpx
import msgspec
from msgspec import inspect

from cdg_tui.client import Client

HOSTILE: Final = (
    "\x1b[2J\x1b[H",
    "\x1b]0;owned\x07",
    "\x1b]52;c;cm0gLXJmIC8=\x07",
    "\x1b]8;;file:///etc/passwd\x1b\\link\x1b]8;;\x1b\\",
    "\x1bP+q544e\x1b\\",
    "\x1b_Gi=31;AAAA\x1b\\\x1b^x\x1b\\\x1bXx\x1b\\",
    "\x1b[?1049l\x1b[31m",
    "\x1b",
    "\x1b[6n\x1b[c\x1b[5n\x05",
    "\x1bc\x1b#8\x1b(0\x0e",
    "\x9b2J\x9d0;owned\x9c",
    "\x90tmux;\x9c\x85",
    "line\r\nbreak\rback",
    "bell\x07bs\x08\x08del\x7f",
    "tab\tvt\x0bff\x0c",
    "\x00nul\x00",
    "\u202eright to left\u202c \u2066iso\u2069",
    "\u200fמשהו\u200e عربي",
    "zero\u200bwidth\u200d\ufeff\u2060",
    "line\u2028par\u2029",
    "[/nope] a[b",
    "[red]x[/red][bold",
    "[@click=app.quit]x[/]",
    "[link=file:///etc/passwd]x[/link]",
    "\\[escaped\\] [/",
    "$x ${y} #{z} @[w]",
    "{0} {x} {} {!r}",
    "%s %d %(x)s %n",
    "<script>alert(1)</script>&lt;",
    "👩‍👩‍👧‍👦👍🏽🇨🇳",
    "☑️ ⚠️ ❤️",
    "e" + "\u0301" * 60,
    "Z̸̡̛͖̺̭̟A̷̢͓̹L̴͎̈́G̵̗͝O̶̥͗",
    "全角ＡＢＣ（）「」" * 8,
    "ﷺ𒐫꧅",
    "한글\u1100\u1161\u11a8 ไทยกี่",
    "长" * 3000,
    "x" * 5000,
    " \u3000\u00a0\u2007 ",
    "\U000e0041\U000e007f\ue000\U0010ffff",
    "\u00ad\u034f\u061c\u180e\u3164\uffa0",
    "../../etc/passwd\n!! 断开",
)
ENDLESS: Final = (
    "x" * 100_000,
    "长\x1b[2J" * 20_000,
)  # not in every field at once: a console takes no answer of 16 MiB

Text = Callable[[], str]


FIXED: Final[dict[type[inspect.Type], Any]] = {
    inspect.BoolType: True,
    inspect.DateTimeType: "2026-11-25T04:00:00Z",
    inspect.DateType: "2026-11-25",
    inspect.NoneType: None,
}


def filled(kind: inspect.Type, text: Text) -> Any:
    """A document of this type with every member that it may have; each open string, and each open name, is the next text."""
    match kind:
        case inspect.StrType():
            return text()
        case inspect.IntType(ge=least) | inspect.FloatType(ge=least):
            return max(1, least or 0)
        case inspect.EnumType(cls=enum):
            return next(iter(enum)).value
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.UnionType(types=members):
            return filled(next(one for one in members if not isinstance(one, inspect.NoneType)), text)
    return FIXED[type(kind)] if type(kind) in FIXED else _filled_with_others(kind, text)


def _filled_with_others(kind: inspect.Type, text: Text) -> Any:
    match kind:
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return [filled(item, text)]
        case inspect.TupleType(item_types=items):
            return [filled(item, text) for item in items]
        case inspect.DictType(key_type=key, value_type=value):
            return {filled(key, text): filled(value, text)}
        case inspect.StructType(fields=fields):
            return {field.encode_name: filled(field.type, text) for field in fields}
        case inspect.AnyType():
            return [text(), {text(): text()}]
    raise AssertionError(f"no text can be put into {kind}")


def questions() -> dict[str, Callable[[Client], Any]]:
    """Every route that the client knows, by name, with arguments that suit."""
    found: dict[str, Callable[[Client], Any]] = {}
    for name, method in vars(Client).items():
        if not name.startswith("_") and signatures.iscoroutinefunction(method):
            hints = typing.get_type_hints(method)
            del hints["return"]
            found[name] = partial(method, **{key: _harmless(hint) for key, hint in hints.items()})
    return found


def has_an_answer(name: str) -> bool:
    """Whether anything that the core says comes back from it."""
    return typing.get_type_hints(getattr(Client, name))["return"] is not types.NoneType


def answer_of(name: str, text: Text) -> bytes:
    """What the core could say to it. ASCII, as JSON can carry anything in."""
    expected = typing.get_type_hints(getattr(Client, name))["return"]
    document = filled(inspect.type_info(expected), text)
    return json.dumps(document if isinstance(document, dict) else {"items": document, "next": None}).encode()


def _harmless(hint: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin in {typing.Union, types.UnionType}:
        return None
    if hint is datetime:
        return datetime(2026, 11, 25, tzinfo=UTC)
    if origin is not None and issubclass(origin, Mapping):
        return {}
    return msgspec.convert(filled(inspect.type_info(hint), lambda: "000000"), hint)


class Saying(httpx.AsyncBaseTransport):
    """Answers everything with `content`."""

    content = b""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=self.content)


def strings_in(document: Any) -> list[str]:
    """All of them, the names of members too."""
    if isinstance(document, str):
        return [document]
    if isinstance(document, dict):
        return [text for name, value in document.items() for text in (*strings_in(name), *strings_in(value))]
    return [text for item in document for text in strings_in(item)] if isinstance(document, list | tuple) else []
