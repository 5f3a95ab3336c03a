"""On which line a key stands: any TOML that a person may write."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config_lines import KeyPath, key_on, line_of

PUZZLE = '''\
# [not.a.header]
top = 1  # """ not a string
text = """
[also.not]
key = 1 """ # "
raw = \'\'\'
it's [no.header]
\'\'\'
list = [
  1, # ]
  "]", [2,
    3],
  { x = "}, y = 1", z = [
    4] },
]
a."b.c".'d"e' = 5
"\\u0061nother \\"one\\"" = 6
[ t . "u v" ] # [x]
date = 2026-11-23 08:00:00Z
[[many]]
[many.sub]
x = 1
[[many]]
in = { deep = { er = { est = 1 } } }
[[many.more]]
[[many.more]]
y = ""
z = \'\'\'\'\'\'
'''


@pytest.mark.parametrize(
    ("at", "line"),
    [
        (("top",), 2),
        (("text",), 3),
        (("raw",), 6),
        (("list",), 9),
        (("list", 0), 10),
        (("list", 2, 1), 12),
        (("list", 3, "x"), 13),
        (("list", 3, "z", 0), 14),
        (("a", "b.c", 'd"e'), 16),
        (("a",), 16),
        (('another "one"',), 17),
        (("t", "u v"), 18),
        (("t", "u v", "date"), 19),
        (("many", 0), 20),
        (("many", 0, "sub"), 21),
        (("many", 0, "sub", "x"), 22),
        (("many", 1), 23),
        (("many", 1, "in", "deep", "er", "est"), 24),
        (("many", 1, "more", 1), 26),
        (("many", 1, "more", 1, "z"), 28),
    ],
)
def test_a_key_is_found_on_its_line(at: KeyPath, line: int) -> None:
    """Strings, arrays and comments that look like something else mislead nobody."""
    tomllib.loads(PUZZLE)
    assert line_of(PUZZLE, at) == line


@pytest.mark.parametrize(
    ("at", "line"),
    [(("top", "x"), 2), (("many", 0, "missing"), 20), (("many", 0, "sub", "missing", 3), 21), (("missing",), None)],
)
def test_a_missing_key_is_looked_for_in_the_table_around_it(at: KeyPath, line: int | None) -> None:
    """The nearest table that is there; None where there is none."""
    assert line_of(PUZZLE, at) == line


def test_the_first_place_of_a_table_is_its_line() -> None:
    """A table that is brought into being by a dotted key or a longer header stands there."""
    assert line_of("x = 1\n[a.b]\ny = 2\n[a.c]\n", ("a",)) == 2


def test_a_line_separator_inside_a_string_is_no_line() -> None:
    """Only LF ends a line of TOML."""
    assert line_of('a = "\u2028\x85"\nb = 1\n', ("b",)) == 2


def test_the_key_on_a_line_is_named() -> None:
    """The last one that begins there; none inside a string."""
    assert key_on(PUZZLE, 24) == ("many", 1, "in", "deep", "er", "est")
    assert key_on(PUZZLE, 4) is None


@given(st.text(st.sampled_from("[]{}=.\"'\\#\n, a1")))
def test_no_text_makes_it_fail(text: str) -> None:
    """What is not TOML only ends the walk."""
    line_of(text, ("a", 1))


# -- generated documents -----------------------------------------------------------------------------------------------

WORDS = st.sampled_from(["a", "b-1", '"q.q"', "'it\"s'", '"\\u00e9\\""', '"#"', "7"])
SCALARS = st.sampled_from(
    ["1", "-2.5e3", "true", '"x"', '"[a]\\" = {"', "'\\'", '"""\n[a]\nb = 1 ""\n"""', "'''\n}]#\n'''", "2026-11-23"]
)
ARRAYS = st.lists(SCALARS, max_size=3).map(lambda parts: "[ # ]\n" + ",\n".join(parts) + "\n]")
VALUES = (
    SCALARS
    | ARRAYS
    | st.lists(WORDS, unique=True, max_size=2).map(
        lambda words: "{ " + ", ".join(f"{word} = 1" for word in words) + " }"
    )
)
ROWS = st.tuples(st.lists(WORDS, min_size=1, max_size=2).map(" . ".join), VALUES).map(" = ".join)
HEADERS = (
    st.lists(WORDS, min_size=1, max_size=2)
    .map(".".join)
    .flatmap(lambda key: st.sampled_from([f"[{key}]", f"[[ {key} ]] # [x]"]))
)


@given(st.lists(ROWS | HEADERS | st.just("# [a]\n"), max_size=8))
def test_every_key_of_a_document_is_found_where_it_begins(rows: list[str]) -> None:
    """Whatever document comes of it: the line found holds the key's last word, and the walk knows no other keys."""
    text = accepted(rows)
    document = tomllib.loads(text)
    starts = text.split("\n")
    for path in paths(document):
        line = line_of(text, path)
        assert line is not None
        if isinstance(path[-1], str):
            assert any(word in starts[line - 1] for word in spelt(path[-1]))
            assert line == line_of(text, (*path, "not there"))


@given(st.lists(ROWS | HEADERS, max_size=8), st.data())
def test_a_comment_above_moves_every_key_by_one_line(rows: list[str], data: st.DataObject) -> None:
    """Lines are counted from the start of the text."""
    text = accepted(rows)
    for path in paths(tomllib.loads(text)):
        before, after = line_of(text, path), line_of("# x = 1\n" + text, path)
        assert before is not None
        assert after == before + 1


def accepted(rows: list[str]) -> str:
    """The rows, without those that would make the document invalid where they stand."""
    text = ""
    for row in rows:
        try:
            tomllib.loads(f"{text}{row}\n")
        except tomllib.TOMLDecodeError:
            continue
        text += f"{row}\n"
    return text


def spelt(word: str) -> list[str]:
    """The ways in which the generator spells a word."""
    return {'é"': ['"\\u00e9\\""'], 'it"s': ["'it\"s'"]}.get(word, [word])


def paths(value: Any, at: KeyPath = ()) -> Iterator[KeyPath]:
    """Every path of a parsed document."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in parts:
        yield (*at, step)
        yield from paths(part, (*at, step))
