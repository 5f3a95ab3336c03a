"""On which line of a TOML text a key stands. Pure. Parsers give no positions, so this walks the text once more.

The text is taken to be well-formed (a TOML parser has the word on that); at a mistake the walk simply ends.
"""

import re
import tomllib
from collections.abc import Iterator
from typing import Final

KeyPath = tuple[str | int, ...]

_WORD: Final = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
_KEY: Final = re.compile(rf"{_WORD}(?:[ \t]*\.[ \t]*{_WORD})*")
_WORDS: Final = re.compile(_WORD)
_SPACE: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_HEADER: Final = re.compile(rf"(?P<open>\[\[?)[ \t]*(?P<key>{_KEY.pattern})[ \t]*\]\]?")
_EQUALS: Final = re.compile(r"[ \t]*=[ \t]*")
_SCALAR: Final = re.compile(
    r'"{3}(?:\\.|[^\\])*?"{3,5}'
    r"|'{3}.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|[^\s,\[\]{}#\"'][^,\[\]{}#\"'\n]*",  # number, boolean or date: a date may hold a space
    re.DOTALL,
)


def line_of(text: str, at: KeyPath) -> int | None:
    """The line (from 1) of the key, or of the nearest table around it."""
    lines: dict[KeyPath, int] = {}
    for path, number in _Walk(text).places():
        lines.setdefault(path, number)
    for length in range(len(at), 0, -1):
        if (found := lines.get(at[:length])) is not None:
            return found
    return None


def key_on(text: str, line: int) -> KeyPath | None:
    """The last key that begins on this line."""
    return next((path for path, number in reversed([*_Walk(text).places()]) if number == line), None)


def dotted(at: KeyPath) -> str | None:
    """The path as a message shows it: a key may hold escape codes or line ends, which a terminal would obey."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{printable(step) or chr(34) * 2}" for step in at)
    return "".join(steps).removeprefix(".") or None


def printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def not_utf8(data: bytes) -> int | None:
    """Where the bytes stop being UTF-8. The decoder's own error is not passed on: it carries the text, secrets too."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None


class _UnexpectedError(Exception):
    """The text is not TOML from here on."""


class _Walk:
    """One pass over the text. `places` gives each key, table and array element with its line, each table around it too."""

    def __init__(self, text: str):
        self._text, self._at = text, 0
        self._counted, self._line = 0, 1

    def places(self) -> Iterator[tuple[KeyPath, int]]:
        table: KeyPath = ()
        counts: dict[KeyPath, int] = {}
        try:
            self._skip()
            while self._at < len(self._text):
                line = self._here()
                if self._text[self._at] == "[":
                    header = self._expect(_HEADER)
                    table = _table_path(header, counts)
                    yield from _each(table, 0, line)
                else:
                    yield from self._pair(table)
                self._skip()
        except _UnexpectedError:
            return

    def _pair(self, table: KeyPath) -> Iterator[tuple[KeyPath, int]]:
        line = self._here()
        path = (*table, *_decoded(self._expect(_KEY)[0]))
        yield from _each(path, len(table), line)
        self._expect(_EQUALS)
        yield from self._value(path)

    def _value(self, path: KeyPath) -> Iterator[tuple[KeyPath, int]]:
        if self._text.startswith("[", self._at):
            yield from self._array(path)
        elif self._text.startswith("{", self._at):
            yield from self._inline_table(path)
        else:
            self._expect(_SCALAR)

    def _array(self, path: KeyPath) -> Iterator[tuple[KeyPath, int]]:
        self._open()
        index = 0
        while not self._closes("]"):
            yield (*path, index), self._here()
            yield from self._value((*path, index))
            index += 1

    def _inline_table(self, path: KeyPath) -> Iterator[tuple[KeyPath, int]]:
        self._open()
        while not self._closes("}"):
            yield from self._pair(path)

    def _open(self) -> None:
        self._at += 1
        self._skip()

    def _closes(self, bracket: str) -> bool:
        """Step over a comma or the closing bracket; whether it was the bracket. The end of the text is a mistake."""
        self._skip()
        if self._text.startswith(",", self._at):
            self._open()
        if self._at >= len(self._text):
            raise _UnexpectedError
        closes = self._text[self._at] == bracket
        self._at += closes
        return closes

    def _skip(self) -> None:
        self._expect(_SPACE)

    def _expect(self, wanted: re.Pattern[str]) -> re.Match[str]:
        found = wanted.match(self._text, self._at)
        if found is None:
            raise _UnexpectedError
        self._at = found.end()
        return found

    def _here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line


def _each(path: KeyPath, known: int, line: int) -> Iterator[tuple[KeyPath, int]]:
    """The path and the tables that it brings into being, all on this line; the caller keeps the first of each."""
    for length in range(known + 1, len(path) + 1):
        yield path[:length], line


def _table_path(header: re.Match[str], counts: dict[KeyPath, int]) -> KeyPath:
    """The header's words, with the index of the present element behind each array of tables."""
    words = _decoded(header["key"])
    path: KeyPath = ()
    for position, word in enumerate(words):
        path = (*path, word)
        last = position == len(words) - 1
        if last and header["open"] == "[[":
            counts[path] = counts.get(path, -1) + 1
        if path in counts and (not last or header["open"] == "[["):
            path = (*path, counts[path])
    return path


def _decoded(key: str) -> tuple[str, ...]:
    return tuple(_bare(word) for word in _WORDS.findall(key))


def _bare(word: str) -> str:
    if word[0] == "'":
        return word[1:-1]
    if word[0] != '"' or "\\" not in word:
        return word.strip('"')
    try:
        return str(tomllib.loads(f"key = {word}")["key"])
    except tomllib.TOMLDecodeError as error:
        raise _UnexpectedError from error
