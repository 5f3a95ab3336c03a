"""Names and answers that mean harm, all the way from the configuration and the receiver to the bytes on the terminal."""

import re
from pathlib import Path

import pytest

from tests.e2e.conftest import wait_until
from tests.e2e.shops import MEASURED, a_shop

# Clipboard, title, clear screen, its 8-bit forms, colours, answers that a terminal types itself, writing turned round.
COMMANDS = (
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b]0;evil\x1b\\",
    "\x1b[2J\x1b[31mRED",
    "\x9b5n\x9d52;c;ZXZpbA==\x9c",
    "\x1bP+q544e\x1b\\\x1b[5n\x1b[c",
    "\u202e\u2066gnitirw\u200f",
    "\r\n\x08\x00\x7f",
    "[/nope] [red]a[b",
)
HARMLESS = tuple("plain" for _ in COMMANDS)

# As the keyboard protocol sends it that Textual asks for: a bare ESC and the next key may be taken for one.
ESCAPE = "\x1b[27u"

# A key and what is newly drawn then.
VISITED = (
    ("2", "高温报警"),
    ("A", "确认报警"),
    (ESCAPE, "持续中"),
    ("H", "处置报警"),
    (ESCAPE, "持续中"),
    ("\r", "详情"),
    (ESCAPE, "持续中"),
    ("4", "没有死信"),
    ("3", "500 对方"),
    ("\r", "投递号"),
    (ESCAPE, "500"),
    ("R", "重发这一条"),
    (ESCAPE, "500"),
    ("D", "将立刻发送 1 条"),
    ("Y", "完成 1/1"),
    (ESCAPE, "500"),
    ("/", "输入文字"),
    ("hq\r", "筛选 hq"),
    ("?", "帮助"),
    (ESCAPE, "500"),
    ("1", "按严重度"),
    ("\r", "详情"),
    (ESCAPE, "03.air"),
    ("q", "退出控制台"),
)

CONTROL = re.compile(
    r"\x1b\[(?P<csi>[<-?]*)[0-9;:]*(?P<end>[ -/]*[@-~])"  # what a sequence does is its prefix and its end
    r"|\x1b(?P<osc>\][0-9]*)[^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b(?P<escape>[^\[])"
    r"|(?P<single>[\x00-\x1a\x1c-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069])"
)


def kinds(written: bytes) -> set[str]:
    """Every kind of control that the terminal was sent."""
    text = written.decode()  # and nothing but UTF-8
    return {"".join(part for part in found.groups() if part) for found in CONTROL.finditer(text)}


def quoted(text: str) -> str:
    """As a TOML string, NUL and all."""
    return '"' + "".join(c if c.isalnum() else f"\\U{ord(c):08x}" for c in text) + '"'


def visited(directory: Path, words: tuple[str, ...]) -> bytes:
    """What a console writes in which every page, detail and dialog shows these words."""
    directory.mkdir()
    name = quoted("x" + "".join(words))
    config = MEASURED.replace('"徐家汇店"', quoted(words[0])).replace('"鲜奶柜"', name)
    with a_shop(directory, config.replace("first_delay_s = 4", "first_delay_s = 600")) as shop:
        (directory / "body").write_text("".join(words), encoding="utf-8")
        shop.peer("rude", shop.ports["receiver"], directory / "body")
        shop.measure(9.4)
        console = shop.on_pty()
        console.shows("已连接", "严重")
        wait_until(lambda: shop.core.get("webhooks/retries")["items"][0]["attempts"] == 1, "the receiver has answered")
        for keys, shown in VISITED:
            console.press(keys, shown)
        console.keys("\r")
        assert console.ends() == 0
        return bytes(console.written)


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return visited(tmp_path_factory.mktemp("shop") / "harmless", HARMLESS)


@pytest.mark.requirement(1)
def test_no_word_from_outside_commands_the_terminal(tmp_path: Path, harmless: bytes) -> None:
    """What is written is of the kinds that harmless names cause too, and the words can be read."""
    written = visited(tmp_path / "hostile", COMMANDS)
    assert kinds(written) <= kinds(harmless)
    assert rb"\x1b]52;c;ZXZpbA" in written


def test_the_console_itself_takes_no_title_and_no_clipboard(harmless: bytes) -> None:
    """Of the commands to the terminal's own system it gives only one: Textual asks for a pointer that suits."""
    assert {kind for kind in kinds(harmless) if kind.startswith("]")} <= {"]22"}
    assert "?h" in kinds(harmless)
