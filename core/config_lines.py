"""On which line of a TOML text a key stands. Pure. tomlkit's items carry no positions, so this reads the text's outline."""

import re
from collections.abc import Iterator
from typing import Final

KeyPath = tuple[str | int, ...]

_HEADER: Final = re.compile(r"^\s*(?P<open>\[\[?)\s*(?P<key>[^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_PAIR: Final = re.compile(
    r"""^\s*(?P<key>(?:[\w.\-]|"[^"]*"|'[^']*')(?:[\w.\-\s]|"[^"]*"|'[^']*')*?)\s*=(?P<value>.*)$"""
)
_WORD: Final = re.compile(r""""([^"]*)"|'([^']*)'|([\w\-]+)""")
_QUOTED: Final = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'|#.*')
_LONG_QUOTES: Final = ('"""', "'''")


def line_of(text: str, at: KeyPath) -> int | None:
    """The line (from 1) of the key, or of the nearest table around it."""
    lines: dict[KeyPath, int] = {}
    for path, number in _outline(text):
        lines.setdefault(path, number)
    for length in range(len(at), 0, -1):
        if (found := lines.get(at[:length])) is not None:
            return found
    return None


def _outline(text: str) -> Iterator[tuple[KeyPath, int]]:
    table: KeyPath = ()
    counts: dict[KeyPath, int] = {}
    open_until: str | None = None  # the long quotes that would end a string over several lines
    depth = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if open_until is not None:
            open_until = None if open_until in line else open_until
            continue
        if depth > 0:
            depth += _brackets(line)
            continue
        if (header := _HEADER.match(line)) is not None:
            table = _table_path(header, counts)
            yield table, number
        elif (pair := _PAIR.match(line)) is not None:
            key = (*table, *_words(pair["key"]))
            yield key, number
            value = pair["value"]
            for inner in _inline_keys(value):
                yield (*key, inner), number
            open_until = next((quote for quote in _LONG_QUOTES if value.count(quote) == 1), None)
            depth = 0 if open_until else max(0, _brackets(value))


def _table_path(header: re.Match[str], counts: dict[KeyPath, int]) -> KeyPath:
    """The header's words, with the index of the present element behind each array of tables."""
    words = _words(header["key"])
    path: KeyPath = ()
    for position, word in enumerate(words):
        path = (*path, word)
        last = position == len(words) - 1
        if last and header["open"] == "[[":
            counts[path] = counts.get(path, -1) + 1
        if path in counts and (not last or header["open"] == "[["):
            path = (*path, counts[path])
    return path


def _words(key: str) -> tuple[str, ...]:
    return tuple(double or single or bare for double, single, bare in _WORD.findall(key))


def _inline_keys(value: str) -> Iterator[str]:
    if value.lstrip().startswith("{"):
        yield from re.findall(r"[{,]\s*([\w\-]+)\s*=", value)


def _brackets(line: str) -> int:
    bare = _QUOTED.sub("", line)
    return sum(bare.count(c) for c in "[{") - sum(bare.count(c) for c in "]}")
