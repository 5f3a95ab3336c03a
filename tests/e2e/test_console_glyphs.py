"""What a real terminal is sent: no command but Textual's own, ASCII where it draws nothing else, and the colours it has."""

import re
import sys
from pathlib import Path

import pytest

from tests.e2e.terminals import CDG, Pty, Tmux, plain_environment
from tests.e2e.test_console_hostile import kinds
from tests.e2e.touring_console import marks

NOBODY = (*CDG, "--url", "http://127.0.0.1:1")  # a console needs no core to show what it draws with
CHINESE_NEEDS = "it needs cage/foot or SSH"
COLOURS = re.compile(rb"\x1b\[([0-9;]*)m")


def written_by(home: Path, module: str, *arguments: str) -> bytes:
    """All that a console writes which finds its way by itself."""
    command = (sys.executable, "-m", f"tests.e2e.{module}", *arguments)
    with Pty(*command, environment=plain_environment(home, "en", COLORTERM="")) as console:
        code = console.ends(90)
        console.close()
        assert code == 0, console.written[-5000:].decode(errors="replace")
        assert b"Traceback" not in console.written
        return bytes(console.written)


def walked(home: Path, mode: str, texts: str) -> bytes:
    """Through a shop that is called so."""
    return written_by(home, "spoilt_console", mode, texts)


@pytest.mark.requirement(1, 14)
def test_no_text_of_any_field_commands_the_terminal_and_in_ascii_none_is_written_at_all(tmp_path: Path) -> None:
    plain = walked(tmp_path, "unicode", "plain")
    assert b"-- Home" in plain.rpartition("─".encode())[2]  # drawn anew at once when the mode changed
    harmless = kinds(plain)
    hostile = walked(tmp_path, "unicode", "hostile")
    assert kinds(hostile) <= harmless
    assert {kind for kind in harmless if kind.startswith("]")} <= {"]22"}
    assert rb"\x1b]52;c;" in hostile  # spelled out, so it was there
    in_ascii = walked(tmp_path, "ascii", "hostile")
    assert in_ascii.isascii()
    assert kinds(in_ascii) <= harmless


@pytest.mark.requirement(14)
def test_in_ascii_no_byte_above_0x7f_is_written_on_any_page_or_in_any_box(tmp_path: Path) -> None:
    """Palette, settings, wallboard, lock, PIN, drains, readers and notices included: all of which there is a picture."""
    written = written_by(tmp_path, "touring_console")
    assert re.findall(rb".{0,40}[^\x00-\x7f]+", written)[:3] == []
    known_by = {mark for kiosk in (False, True) for _, mark in marks(kiosk=kiosk)}
    assert [mark for mark in known_by if mark.encode() not in written] == []


# -- a plain console ---------------------------------------------------------------------------------------------------


def shown(
    home: Path, *more: str, texts: tuple[str, ...], columns: tuple[int, int] | None = None, **environment: str
) -> bytes:
    """What it writes until all of these are there, and while it is left."""
    with Pty(*NOBODY, *more, environment=plain_environment(home, **environment), columns=columns) as console:
        console.shows(*texts)
        console.keys("?")
        console.shows("Esc")
        console.keys("\x1b[27uq")
        assert console.ends() == 0
        console.close()
        return bytes(console.written)


@pytest.mark.requirement(14, 15)
def test_a_plain_console_gets_english_ascii_and_the_eight_colours(tmp_path: Path) -> None:
    """Though Chinese is asked for; it says what that needs."""
    written = shown(tmp_path, "--lang", "zh", texts=("LOST", CHINESE_NEEDS), TERM="linux", columns=(3, 2))
    assert written.isascii()
    codes = {int(code) for found in COLOURS.findall(written) for code in found.split(b";") if code}
    assert codes <= {0, 1, 2, 7, 22, 27, *range(30, 38), 39, *range(40, 48), 49}


@pytest.mark.requirement(15)
def test_who_knows_better_says_so(tmp_path: Path) -> None:
    written = shown(tmp_path, "--glyphs", "unicode", texts=("断开",), TERM="linux")
    assert "──".encode() in written


@pytest.mark.requirement(14)
def test_ascii_can_be_asked_for_and_is_english(tmp_path: Path) -> None:
    assert shown(tmp_path, "--glyphs", "ascii", texts=("LOST", CHINESE_NEEDS)).isascii()


# -- a terminal that answers -------------------------------------------------------------------------------------------


@pytest.mark.requirement(16)
@pytest.mark.parametrize(
    ("columns", "text", "rule"),
    [(None, "断开", "──"), ((3, 2), "断开", "──"), ((3, 3), "断开", "-- "), ((4, 4), "LOST", "-- ")],
    ids=["none", "narrow", "wide", "bytes"],
)
def test_a_terminal_gets_what_it_draws_as_it_says(
    tmp_path: Path, columns: tuple[int, int] | None, text: str, rule: str
) -> None:
    written = shown(tmp_path, texts=(text,), columns=columns).partition(b"\x1b[6n\r\x1b[K")[2].decode()
    assert rule in written
    assert ("─" in written) is (rule == "──")
    assert written.isascii() is (text == "LOST")


@pytest.mark.requirement(16)
def test_where_no_utf8_is_spoken_no_byte_of_it_is_written(tmp_path: Path) -> None:
    """Nor is it spelled out, as Python would."""
    written = shown(tmp_path, texts=("LOST",), PYTHONIOENCODING="latin-1").partition(b"\x1b[6n\r\x1b[K")[2]
    assert written.isascii()
    assert b"\\u" not in written


@pytest.mark.requirement(13)
def test_without_colours_none_is_written(tmp_path: Path) -> None:
    written = shown(tmp_path, texts=("断开",), NO_COLOR="1", COLORTERM="truecolor")
    codes = {code for found in COLOURS.findall(written) for code in found.split(b";") if code}
    assert codes <= {b"0", b"1", b"2", b"7", b"39", b"49"}


@pytest.mark.requirement(16)
def test_tmux_answers_and_nothing_of_the_question_stays(tmp_path: Path) -> None:
    with Tmux(plain_environment(tmp_path)) as tmux:
        window = tmux.open(*NOBODY)
        assert "──" in window.shows("断开")
        window.keys("q")
        assert window.ends() == 0
        assert not re.search("[中│]|6n", window.text)
