"""Text for cells: whatever comes in, what goes out is harmless and exactly as wide as its cell."""

import json
import unicodedata
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color

from cdg_tui.filters import ControlFilter
from cdg_tui.text import (
    CUT,
    LEVELS,
    LONGEST,
    clock,
    count,
    fit,
    is_safe,
    number,
    safe,
    safe_document,
    shortened,
    span,
    trend,
    wrapped,
    zone,
)

NOON = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)  # in Shanghai
SHANGHAI = zone("Asia/Shanghai")
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}

# Letters of every kind, and dense in what is dangerous: controls, bidi, joiners, selectors, fillers, marks, emoji, flags.
ANY_TEXT = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "\x1b\x07\x9b\n\t\x00\u061c\u202e\u2066\u200b\u200d\ufeff\ufe0f\u00ad\u3164\u1160\u115f\u0301\u0e49\u20e3"
            "\U0001f3fd\U0001f468\U0001f1e8\U0001f1f3\ud800\u3000\u2028中文柜，。a[/]"
        ),
    )
)


def is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


@settings(deadline=None)
@given(ANY_TEXT)
def test_wrapped_text_is_whole_and_no_line_is_too_long(text: str) -> None:
    for width in (1, 2, 7, 40):
        lines = wrapped(safe(text), width)
        assert max(map(cell_len, lines), default=0) <= max(width, 2)  # a wide character is never halved
        assert "".join("".join(lines).split()) == "".join(safe(text).split())


def test_text_is_broken_at_blanks_and_beside_han_and_never_before_its_punctuation() -> None:
    assert wrapped("0.0 到 8.0，警告 -- 到 6.0", 12) == ["0.0 到 8.0，", "警告 -- 到", "6.0"]
    assert wrapped("以李工的名义记录（昨天）。", 10) == ["以李工的名", "义记录（昨", "天）。"]
    assert wrapped("high temp dairy", 9) == ["high temp", "dairy"]
    assert wrapped("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert wrapped("any width", 0) == ["any width"]


def test_a_number_is_not_torn_from_its_unit() -> None:
    assert wrapped("a column is 30 min", 16) == ["a column is", "30 min"]
    assert wrapped("连续失败，只发探测 42 秒", 22) == ["连续失败，只发探测", "42 秒"]
    assert wrapped("最长 42秒，共（30 min）。", 12) == ["最长 42秒，", "共", "（30 min）。"]
    assert wrapped("in limit 97 %, ok", 12) == ["in limit", "97 %, ok"]
    assert wrapped("longest 22m  121 degree-minutes", 15) == [
        "longest 22m",
        "121",
        "degree-minutes",
    ]  # too long together
    assert wrapped("longest 22m  121 degree-minutes", 20) == ["longest 22m", "121 degree-minutes"]
    assert wrapped("03.air 30 minutes", 9) == ["03.air 30", "minutes"]


@given(st.integers(min_value=0, max_value=10**14), st.integers(min_value=4, max_value=6))
def test_a_count_is_never_more_than_it_is_nor_too_long(n: int, width: int) -> None:
    text = count(n, width)
    assert cell_len(text) <= width
    units = {"k": 10**3, "M": 10**6, "G": 10**9}
    if text[-1] in units:
        assert int(text[:-1]) * units[text[-1]] <= n < (int(text[:-1]) + 1) * units[text[-1]]
    elif text[-1] != "+":
        assert int(text) == n


@settings(deadline=None)
@given(ANY_TEXT)
def test_nothing_in_safe_text_commands_a_terminal_or_has_no_width(text: str) -> None:
    """No control, no bidi, no surrogate, no zero-width character; a letter may carry two marks."""
    shown = safe(text)
    assert shown.isprintable()
    assert not any(unicodedata.bidirectional(c) in TURNING for c in shown)
    assert all(is_mark(c) or cell_len(c) > 0 for c in shown)
    assert not any(all(map(is_mark, shown[i : i + 3])) for i in range(len(shown) - 2))


@settings(deadline=None)
@given(ANY_TEXT)
def test_safe_text_is_left_alone(text: str) -> None:
    assert safe(safe(text)) == safe(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u009b31m", "\\x9b31m"),
        ("a\tb\r\nc\u3000d", "a b  c d"),
        ("kg\u202egk", "kg\\u202egk"),
        ("a\u200bb", "a\\u200bb"),
        ("\ud800", "\\ud800"),
        ("\u2764\ufe0f", "\u2764"),
        ("e\u0301\u0302\u0303\u0304", "e\u0301\u0302"),
        ("\u0e01" + "\u0e49" * 30, "\u0e01\u0e49\u0e49"),
        ("\u3164", "\\u3164"),
        ("\U0001f44b\U0001f3fd", "\U0001f44b\\U0001f3fd"),
        ("徐家汇店，[/red]", "徐家汇店，[/red]"),
    ],
)
def test_what_is_dangerous_is_spelled_out_and_the_rest_stays(text: str, shown: str) -> None:
    assert safe(text) == shown


@settings(deadline=None)
@given(ANY_TEXT, st.integers(2, 40))
def test_long_text_ends_with_the_mark_of_a_cut(text: str, limit: int) -> None:
    shown = safe(text, limit)
    assert len(shown) <= limit
    assert len(text) <= limit or shown.endswith(CUT)


def test_a_document_is_made_safe_down_to_the_names_of_its_members() -> None:
    hostile = {"a\x1b": ["\x07", {"b": "\u202e"}], "n": 1.5, "none": None, "yes": True}
    assert safe_document(hostile) == {
        "a\\x1b": ["\\x07", {"b": "\\u202e"}],
        "n": 1.5,
        "none": None,
        "yes": True,
    }


TEXTS = st.text() | st.text(st.characters(max_codepoint=0x7F)) | st.integers(3900, 4100).map("x".__mul__)
DOCUMENTS = st.recursive(
    TEXTS | st.integers() | st.none(), lambda part: st.lists(part) | st.dictionaries(TEXTS, part), max_leaves=4
)


@given(DOCUMENTS)
@example({"x" * (LONGEST + 1): 1})
@example(["\x7f"])
@example(["\x1b"])
def test_what_is_called_safe_at_a_glance_needs_nothing_done(document: object) -> None:
    """However its escapes are written."""
    for data in (msgspec.json.encode(document), json.dumps(document).encode(errors="surrogatepass")):
        if is_safe(data):
            assert safe_document(document) == document


@pytest.mark.parametrize("plain", [b'{"id":"dlv_1","wait":[1.5,null]}', b'"%b"' % (b"x" * LONGEST)])
def test_plain_words_are_seen_at_a_glance(plain: bytes) -> None:
    assert is_safe(plain)


@settings(deadline=None)
@given(ANY_TEXT, st.integers(0, 30), st.booleans())
@example("中中中", 4, False)
@example("\u0301a", 1, True)
@example("\U0001f1e8\U0001f1f3", 3, False)
def test_a_cell_is_exactly_as_wide_as_its_column(text: str, width: int, right: bool) -> None:
    assert cell_len(fit(safe(text), width, right=right)) == width


def test_what_does_not_fit_says_so_and_what_fits_is_whole() -> None:
    assert fit("鲜奶柜", 6) == "鲜奶柜"
    assert fit("鲜奶柜", 5) == "鲜奶" + CUT
    assert fit("鲜奶柜", 4) == "鲜 " + CUT
    assert fit("9.4", 5, right=True) == "  9.4"


def test_numbers_are_read_off_like_a_thermometer() -> None:
    """Just below zero is zero, and what is unknown is no number."""
    assert [number(value) for value in (9.449, -14.0, -0.04, 0.0, None)] == ["9.4", "-14.0", "0.0", "0.0", "--"]
    assert [span(2.0, 8.0), span(None, -18.0), span(2.5, None), span(None, None)] == ["2/8", "/-18", "2.5/", "--"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "12:00:00"),
        (-3600 * 13, "23:00:00"),
        (-3600 * 30, "11-24 06:00"),
        (3600 * 19, "07:00:00"),
        (86400 * 40, "01-04 12:00"),
    ],
)
def test_a_time_has_its_date_where_it_would_be_taken_for_another_day(seconds: float, shown: str) -> None:
    assert clock(NOON + timedelta(seconds=seconds), SHANGHAI, NOON) == shown


def test_no_moment_is_too_far_away_to_be_shown() -> None:
    for moment in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        for where in (SHANGHAI, zone("America/New_York")):
            assert clock(moment, where, NOON)
    assert clock(None, SHANGHAI, NOON) == "--"


@pytest.mark.parametrize("name", ["", "..", "/etc/passwd", "Europe", "a" * 5000, "a\0b", "\ud800", "Mars/Olympus"])
def test_a_zone_that_nobody_knows_is_utc(name: str) -> None:
    assert zone(name) is UTC


def test_a_trend_rises_from_cold_to_warm_with_gaps_where_nothing_is_known() -> None:
    assert trend([2.0, None, 5.0, 8.0], 2.0, 8.0) == f"{LEVELS[0]} {LEVELS[4]}{LEVELS[-1]}"


@settings(deadline=None)
@given(
    st.lists(st.none() | st.floats(allow_nan=False), max_size=60), st.floats(-1e308, 1e308), st.floats(-1e308, 1e308)
)
def test_any_values_have_a_trend(values: list[float | None], low: float, high: float) -> None:
    drawn = trend(values, low, high)
    assert len(drawn) == len(values)
    assert set(drawn) <= set(LEVELS) | {" "}
    assert [c == " " for c in drawn] == [value is None for value in values]


@settings(deadline=None)
@given(ANY_TEXT)
def test_what_got_past_everything_else_is_stopped_before_the_terminal(text: str) -> None:
    """The last net leaves no control and no bidi character, and touches nothing else."""
    [kept] = ControlFilter().apply([Segment(text)], Color(0, 0, 0))
    assert not any(unicodedata.category(c) == "Cc" or unicodedata.bidirectional(c) in TURNING for c in kept.text)
    assert len(kept.text) == len(text)
    assert kept.text == text or not text.isprintable()


@given(st.text("店柜a7 0", max_size=12), st.integers(0, 14))
def test_a_name_is_cut_with_a_mark_but_never_within_a_number_of_its_own(name: str, room: int) -> None:
    shown = shortened(name, room)
    assert cell_len(shown) <= room or not name
    if shown != name:
        kept = shown.removesuffix(CUT)
        assert cell_len(name) > room
        assert shown in {"", f"{kept}{CUT}"}
        assert name.startswith(kept)
        assert not (kept[-1:].isdigit() and name[len(kept)].isdigit())


@pytest.mark.parametrize(
    ("room", "shown"), [(12, "店 0412 冷柜"), (11, "店 0412 冷~"), (8, "店 0412~"), (7, "店~"), (2, ""), (0, "")]
)
def test_of_a_name_as_much_stands_as_has_room(room: int, shown: str) -> None:
    assert shortened("店 0412 冷柜", room) == shown
