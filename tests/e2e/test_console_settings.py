"""A user's settings in a real terminal: they count before the first frame, and what is wrong with them outlives the picture."""

import shutil
from pathlib import Path

import pytest

from cdg_tui.i18n import Words
from tests.e2e.terminals import CDG, Tmux, plain_environment

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")

SPOILT = "\x1b(0\x1b[5;15r\x1b[31m\x1b[?25h\x1b[H\x1b[2Jkernel: usb 1-1: new device"


@pytest.mark.requirement(18, 23)
def test_settings_count_at_once_are_changed_with_f2_and_what_is_wrong_is_said_at_the_end(tmp_path: Path) -> None:
    """On the way: a terminal that something else drew into is drawn again."""
    zh, en = Words("zh"), Words("en")
    path = tmp_path / ".config" / "cold-display-guard" / "console.toml"
    path.parent.mkdir(parents=True)
    path.write_text('language = "en"\n[keys]\nleave = ["x"]\ndrain = ["k"]\n', encoding="utf-8")
    with Tmux(plain_environment(tmp_path, "zh")) as tmux:
        console = tmux.open("sh", "-c", '"$@"; echo "ended $?"; exec sleep 60', "sh", *CDG, "--demo")
        complaint = "console.toml:4: keys.drain: "
        before = console.shows(en("link.live"), f"x {en('action.leave')}", complaint)
        heading = next(line for line in before.splitlines() if line.startswith(en("column.state")))
        Path(console.device).write_text(SPOILT, encoding="utf-8")
        console.shows("kernel: usb")
        console.keys("C-l")
        after = console.shows(heading, f"x {en('action.leave')}")
        assert "usb" not in after
        assert [line[:6] for line in after.splitlines()] == [line[:6] for line in before.splitlines()]
        console.keys("F2")
        console.shows(en("settings.keys"))
        console.keys("2")
        console.shows(zh("settings.keys"))
        console.keys("Enter")
        console.shows(zh("settings.kept", file="console.toml"), f"x {zh('action.leave')}")
        assert path.read_text(encoding="utf-8").startswith('language = "zh"\n')
        console.keys("x")
        told = console.shows("ended 0").replace("\n", "")  # longer than a line of the terminal
        assert f"cdg: {path}:4: keys.drain: k " in told
