"""`cdg status` of a real core: through pipes, over the socket and over TCP, and where there is nobody to ask."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdg_tui.__main__ import main
from tests.e2e.conftest import ROOT, Core, free_port, listens, wait_until
from tests.e2e.shops import MEASURED, SIMULATED, Shop, a_shop
from tests.e2e.terminals import CDG, plain_environment


def status(*arguments: object, home: Path, shell: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run without a terminal; in `shell`, `"$@"` is the command."""
    command = [*CDG, "status", *map(str, arguments)]
    return subprocess.run(
        ["bash", "-c", shell, "bash", *command] if shell else command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        env={**plain_environment(home), **environment},
    )


def here(core: Core, *arguments: str, shell: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return status("--data-dir", core.data, *arguments, home=core.directory, shell=shell, **environment)


def a_token(core: Core, name: str) -> Path:
    add = [sys.executable, "-m", "core", "token", "add", name, "--scope", "read", "--config", str(core.config)]
    told = subprocess.run(add, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True).stdout
    file = core.directory / f"{name}.token"
    file.write_text(told.split()[-1])
    return file


PORT = free_port()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One core for all who only look."""
    config = f'{SIMULATED}\n[manage_api]\nlisten = "127.0.0.1:{PORT}"\n'
    with a_shop(tmp_path_factory.mktemp("status"), config) as shop:
        shop.core.start()
        wait_until(lambda: here(shop.core).returncode == 0, "all is well")
        wait_until(lambda: listens(socket.AF_INET, ("127.0.0.1", PORT)), "the door is open")
        yield shop


def test_all_well_is_a_few_lines_and_0(shop: Shop) -> None:
    """In the language of whoever asks, where nobody else decides."""
    done = here(shop.core)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().startswith("一切正常")
    assert "SH-0412 徐家汇店" in done.stdout.decode()
    assert here(shop.core, "--lang", "en").stdout.startswith(b"all well")


def test_json_is_one_object_in_ascii(shop: Shop) -> None:
    done = here(shop.core, "--json")
    found = json.loads(done.stdout)
    assert done.stdout.isascii()
    assert (done.returncode, found["health"], found["reasons"]) == (0, "ok", [])
    assert found["status"]["device"]["site_name"] == "徐家汇店"
    assert found["cabinets"][0]["id"] == "03"


def test_what_cannot_be_encoded_is_replaced(shop: Shop) -> None:
    """And the words are English then, unless somebody wants Chinese."""
    plain = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "LANG": "zh_CN.UTF-8"}
    done = here(shop.core, "--config", str(shop.core.config), LC_ALL="zh_CN.UTF-8", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr, done.stdout.isascii()) == (0, b"", True)
    assert done.stdout.startswith(b"all well")
    assert b"SH-0412 ????" in done.stdout
    assert here(shop.core, "--lang", "zh", **plain).stdout.startswith(b"????  ??")


@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_a_reader_that_leaves_early_is_no_trouble(shop: Shop, reader: str) -> None:
    done = here(shop.core, shell=f'set -o pipefail; "$@" | {reader}')
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_output_that_takes_nothing_is_said(shop: Shop) -> None:
    done = here(shop.core, shell='"$@" > /dev/full')
    assert (done.returncode, done.stderr) == (2, b"cdg: standard output: No space left on device\n")
    assert here(shop.core, shell='"$@" >&-').returncode == 0


def test_no_screen_library_is_loaded(shop: Shop) -> None:
    program = "import sys; from cdg_tui.__main__ import main; code = main(); print(sorted(sys.modules)); sys.exit(code)"
    command = [sys.executable, "-c", program, "status", "--data-dir", str(shop.core.data)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, env=shop.environment)
    assert done.returncode == 0
    assert "'httpx'" in done.stdout
    assert "'textual'" not in done.stdout


def test_over_tcp_a_token_decides(shop: Shop, tmp_path: Path) -> None:
    """A good one, one that was revoked, one that never was, none."""
    there = ("--url", f"http://127.0.0.1:{PORT}", "--lang", "en")
    good, revoked = a_token(shop.core, "good"), a_token(shop.core, "revoked")
    revoke = [sys.executable, "-m", "core", "token", "revoke", "revoked", "--config", str(shop.core.config)]
    subprocess.run(revoke, cwd=ROOT, capture_output=True, timeout=20, check=True)
    bad = tmp_path / "bad"
    bad.write_text("cdg_wrong")
    assert status(*there, "--token-file", good, home=tmp_path).returncode == 0
    wait_until(
        lambda: b"token was revoked" in status(*there, "--token-file", revoked, home=tmp_path).stderr, "it is known"
    )
    for arguments, why in ((("--token-file", bad), b"token not valid"), ((), b"token not valid")):
        done = status(*there, *arguments, home=tmp_path)
        assert (done.returncode, done.stdout, why in done.stderr) == (2, b"", True)


def test_a_core_that_hangs_is_given_up_in_time(shop: Shop) -> None:
    os.kill(shop.core.pid, signal.SIGSTOP)
    began = time.monotonic()
    try:
        done = here(shop.core, "--json", "--lang", "en")
    finally:
        os.kill(shop.core.pid, signal.SIGCONT)
    assert time.monotonic() - began < 6
    assert (done.returncode, json.loads(done.stdout)["cause"]) == (2, "timeout")
    (line,) = done.stderr.decode().splitlines()
    assert line.endswith("core does not answer (timeout)")


def test_an_alarm_is_1_and_says_which(tmp_path: Path) -> None:
    with a_shop(tmp_path, MEASURED) as shop:
        shop.measure(12.0)
        shop.core.start()
        wait_until(lambda: json.loads(here(shop.core, "--json").stdout)["reasons"][:1] == ["critical"], "the alarm")
        done = here(shop.core, "--lang", "en")
        assert done.returncode == 1
        assert "cabinet CRIT 03 鲜奶柜 12.0C 0/8 since" in " ".join(done.stdout.decode().split())
        assert "high temp" in done.stdout.decode()


def test_nobody_is_started_where_nobody_runs(tmp_path: Path) -> None:
    """It only looks. A core that was stopped, or killed, or never was."""
    with a_shop(tmp_path) as shop:
        command = ("--config", str(shop.core.config), "--lang", "en")
        shop.core.start()
        assert shop.core.stop() == 0
        stopped = here(shop.core, *command)
        shop.core.start()
        shop.core.kill()
        killed = here(shop.core, *command)
        never = status("--data-dir", tmp_path / "nothing" / ("d" * 120), *command, home=tmp_path)
        assert [done.returncode for done in (stopped, killed, never)] == [2, 2, 2]
        assert stopped.stderr.endswith(b"core not running (no socket)\n")
        assert killed.stderr.endswith(b"core has stopped (refused)\n")
        assert never.stderr.endswith(b"core not running (no socket)\n")
        assert shop.cores == []


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--config", "/nonexistent/config.toml"),
        ("--url", "http://me:secret@127.0.0.1:1"),
        ("--url", "http://127.0.0.1:1", "--ca-file", "x"),
        ("--url", "https://127.0.0.1:1", "--ca-file", "/nonexistent/ca.pem"),
        ("--url", "https://127.0.0.1:1", "--ca-file", "/dev/null"),
        ("--token-file", "x"),
        ("--ca-file", "x"),
    ],
)
def test_wrong_use_is_2_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["status", "--json", *arguments]) == 2
    said = capfd.readouterr()
    found = json.loads(said.out)
    (line,) = said.err.splitlines()
    assert (found["health"], found["cause"]) == ("unknown", "configuration")
    assert line == f"cdg: {found['detail']}"
    assert "secret" not in line


def test_what_is_no_flag_is_one_line_too(tmp_path: Path) -> None:
    done = status("--nonsense\x1b[2J", home=tmp_path)
    (line,) = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout, line.isprintable()) == (2, b"", True)


def test_flags_may_stand_before_the_command_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [*CDG, "--data-dir", str(tmp_path), "--lang", "en", "status"],
        cwd=ROOT,
        capture_output=True,
        timeout=20,
        env=plain_environment(tmp_path),
    )
    assert done.stderr == f"cdg: state unknown ({tmp_path}): core not running (no socket)\n".encode()
