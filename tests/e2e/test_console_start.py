"""How a console finds, starts or misses its core, and what it says where it can't begin: one line and a code."""

import contextlib
import fcntl
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core import __version__
from tests.e2e.conftest import ROOT, free_port, listens, wait_until
from tests.e2e.shops import SIMULATED, Shop, a_shop
from tests.e2e.terminals import CDG, Pty, plain_environment

NARROW_BOX = """
[device]
id = "box"
site = "site"
nonsense = 1
"""

AT_ONCE = """
import sys
from pathlib import Path
from cdg_tui.session import open_session, place_of

session = open_session(place_of(*map(Path, sys.argv[1:])))
try:
    session.client()
finally:
    session.worker.stop()
"""


def last_lines(console: Pty) -> list[str]:
    """What stands on the terminal after the screens, or without them."""
    told = bytes(console.written).decode().rpartition("\x1b[?1004l")[2]
    return [line for line in re.sub(r"\x1b\[[0-9;?]*[a-z]", "", told).splitlines() if line]


def refused(home: Path, *arguments: str) -> str:
    """The one line that `cdg` ends with instead of a screen."""
    with Pty(*CDG, *arguments, environment=plain_environment(home, "en")) as console:
        assert console.ends() == 2
        wait_until(lambda: last_lines(console), "it says why")
        (line,) = last_lines(console)
    return line


# -- what can't begin --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("--demo", "--config", "x.toml"),
        ("--demo", "--data-dir", "x"),
        ("--demo", "--url", "http://127.0.0.1:1"),
        ("--url", "http://127.0.0.1:1", "--config", "x.toml"),
        ("--url", "ftp://127.0.0.1:1"),
        ("--url", "http://"),
        ("--url", "http://[::1"),
        ("--url", "http://127.0.0.1:99999"),
        ("--url", "http://a..b"),
        ("--token-file", "x"),
        ("--url", "http://127.0.0.1:1", "--token-file", "/nonexistent/token"),
        ("--url", "http://127.0.0.1:1", "--token-file", "/"),
        ("--config", "/nonexistent/config.toml"),
        ("--config", "/"),
    ],
    ids=" ".join,
)
def test_wrong_use_is_one_line_and_no_screen(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert refused(tmp_path, *arguments).startswith("cdg: ")


def test_without_a_configuration_it_says_how_to_get_one(tmp_path: Path) -> None:
    line = refused(tmp_path)
    assert "--config" in line
    assert "`cdg --demo`" in line


@pytest.mark.parametrize("said", ["5", '"a\\u0000b"', '"~nobody-of-this-name/data"'])
def test_a_data_directory_that_is_no_path_is_nobodys(tmp_path: Path, said: str) -> None:
    """Least of all the user's own, where another core may be."""
    config = tmp_path / "config.toml"
    config.write_text(SIMULATED.replace('id = "box"', f'id = "box"\ndata_dir = {said}'))
    assert refused(tmp_path, "--config", str(config)).startswith("cdg: ")


def test_a_directory_that_is_gone_is_no_traceback(tmp_path: Path) -> None:
    """Whoever stands in a directory that somebody deleted is told so."""
    gone = tmp_path / "gone"
    program = ("sh", "-c", 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"', str(gone))
    environment = plain_environment(tmp_path, PYTHONPATH=str(ROOT))
    with Pty(*program, *CDG, "--config", "config.toml", environment=environment) as console:
        assert console.ends() == 1
        console.shows("No such file or directory")
        assert b"Traceback" not in console.written


@pytest.mark.parametrize("absent", ["stdin", "stderr"])
def test_without_a_terminal_it_does_not_begin(tmp_path: Path, absent: str) -> None:
    """Keys come from the one, the picture goes to the other."""
    master, slave = os.openpty()
    streams = {"stdin": slave, "stderr": slave, absent: subprocess.PIPE}
    try:
        done = subprocess.run([*CDG, "--demo"], cwd=ROOT, timeout=20, **streams)  # type: ignore[call-overload]
        assert done.returncode == 2
    finally:
        os.close(slave)
        os.close(master)


def test_its_version_needs_no_terminal() -> None:
    done = subprocess.run([*CDG, "--version"], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == f"cdg {__version__}\n"


def test_a_core_that_refuses_its_configuration_has_the_last_word(tmp_path: Path) -> None:
    """The same line as when it is started by hand, and its exit code."""
    with a_shop(tmp_path, NARROW_BOX) as shop:
        serve = [sys.executable, "-m", "core", "serve", "--config", str(shop.core.config)]
        by_hand = subprocess.run(serve, cwd=ROOT, capture_output=True, text=True, timeout=20)
        console = shop.on_pty()
        assert console.ends() == by_hand.returncode == 2
        wait_until(lambda: last_lines(console) == by_hand.stderr.splitlines(), "its line is told")
        assert "config.toml:5" in by_hand.stderr


def test_where_no_demo_can_be_made_it_says_so(tmp_path: Path) -> None:
    """A disk that is full or may not be written to."""
    shadow = tmp_path / "no-such-directory"
    program = (
        f"import tempfile; tempfile.tempdir = {str(shadow)!r}; from cdg_tui.__main__ import main; main(['--demo'])"
    )
    with Pty(sys.executable, "-c", program, environment=plain_environment(tmp_path)) as console:
        console.shows(f"cdg: {shadow}", "No such file or directory")
        assert b"Traceback" not in console.written


# -- which core it is --------------------------------------------------------------------------------------------------


def test_two_consoles_that_start_at_once_end_up_with_one_core(tmp_path: Path) -> None:
    with a_shop(tmp_path) as shop:
        consoles = [shop.on_pty(), shop.on_pty()]
        for console in consoles:
            console.shows("已连接", "鲜奶柜", seconds=40)
        assert len(shop.cores) == 1


def test_a_console_waits_for_a_core_that_is_only_starting(tmp_path: Path) -> None:
    """The directory is held and nobody answers yet: it attaches, and leaves later without a question."""
    with a_shop(tmp_path) as shop:
        shop.core.data.mkdir()
        with (shop.core.data / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            console = shop.on_pty()
            console.shows("断开", "无套接字")
        shop.core.start()
        console.shows("已连接", "鲜奶柜")
        assert shop.cores == [shop.core.pid]
        console.keys("q")
        assert console.ends(5) == 0
        assert shop.cores == [shop.core.pid]


def test_a_core_that_hangs_holds_no_console_up(tmp_path: Path) -> None:
    """It takes no more callers, so that not even connecting to it comes back."""
    with a_shop(tmp_path) as shop, socket.socket(socket.AF_UNIX) as door, contextlib.ExitStack() as callers:
        shop.core.data.mkdir()
        address = str(shop.core.data / "manage.sock")
        door.bind(address)
        door.listen(0)
        caller = callers.enter_context(socket.socket(socket.AF_UNIX))
        caller.connect(address)
        console = shop.on_pty()
        console.shows("断开")
        assert shop.cores == []


@pytest.mark.parametrize("what", ["file", "directory"])
def test_something_else_in_the_sockets_place(tmp_path: Path, what: str) -> None:
    """Never a traceback: a core comes up all the same, or says in one line why not."""
    with a_shop(tmp_path) as shop:
        shop.core.data.mkdir()
        (shop.core.data / "lock").touch()
        place = shop.core.data / "manage.sock"
        place.touch() if what == "file" else place.mkdir()
        console = shop.on_pty()
        wait_until(lambda: "鲜奶柜".encode() in console.written or console.process.poll() is not None, "an end of it")
        assert b"Traceback" not in console.written


def test_a_data_directory_whose_path_is_longer_than_an_address(tmp_path: Path) -> None:
    """Started and attached to."""
    with a_shop(tmp_path) as shop:
        deep = tmp_path / ("d" * 70) / ("e" * 70)
        command = (*CDG, "--config", str(shop.core.config), "--data-dir", str(deep))
        for _ in range(2):
            console = shop.on_pty(*command)
            console.shows("已连接", "鲜奶柜")
        assert len(shop.cores) == 1


def test_a_long_path_leads_to_a_core_that_is_only_starting(tmp_path: Path) -> None:
    """Before it has made its directory."""
    (tmp_path / "config.toml").write_text(SIMULATED)
    command = [sys.executable, "-c", AT_ONCE, str(tmp_path / "config.toml"), str(tmp_path / ("d" * 120))]
    assert subprocess.run(command, cwd=ROOT, timeout=40).returncode == 0


# -- far away ----------------------------------------------------------------------------------------------------------


def far_away(shop: Shop, port: int, token: str) -> Pty:
    secret = shop.directory / "token"
    secret.write_text(f"{token}\n")
    return shop.on_pty(*CDG, "--url", f"http://127.0.0.1:{port}", "--token-file", str(secret), "--lang", "zh")


def test_a_console_far_away_shows_its_core_to_whoever_has_a_token(tmp_path: Path) -> None:
    """Without a good one it says so, and why."""
    port = free_port()
    with a_shop(tmp_path, f'{SIMULATED}\n[manage_api]\nlisten = "127.0.0.1:{port}"\n') as shop:
        add = [sys.executable, "-m", "core", "token", "add", "hq", "--scope", "read", "--config", str(shop.core.config)]
        told = subprocess.run(add, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True).stdout
        shop.core.start()
        wait_until(lambda: listens(socket.AF_INET, ("127.0.0.1", port)), "the door is open")
        far_away(shop, port, told.split()[-1]).shows("已连接", "鲜奶柜")
        stranger = far_away(shop, port, "cdg_wrong")
        stranger.shows("无权限", "令牌无效或权限不够")
        time.sleep(1)
        assert "鲜奶柜".encode() not in stranger.written
