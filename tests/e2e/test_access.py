"""Who gets in, from the command line to a running core: tokens and operators, and what stays on record of them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.clock import SystemClock
from tests.e2e.conftest import ROOT, Core, json_lines, wait_until
from tests.e2e.shops import SIMULATED
from tests.e2e.terminals import Pty, plain_environment

PIN = "402817"
CDG_CORE = (sys.executable, "-m", "core")


@pytest.fixture
def box(core: Callable[..., Core]) -> Core:
    return core(SIMULATED)


def run(box: Core, *arguments: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CDG_CORE, *arguments, "--config", str(box.config)],
        cwd=ROOT,
        input=given,
        capture_output=True,
        text=True,
        timeout=30,
        env={**plain_environment(box.directory), **environment},
    )


def test_a_token_is_made_listed_and_revoked(box: Core) -> None:
    """For a year where nobody says for how long; its text is the last word said, and never again."""
    token = run(box, "token", "add", "hq", "--scope", "read").stdout.split()[-1]
    run(box, "token", "add", "bi", "--scope", "admin", "--days", "0")
    assert run(box, "token", "revoke", "hq").stdout == "hq is revoked\n"
    hq, bi = (line.split("\t") for line in run(box, "token", "list").stdout.splitlines())
    assert (hq[:2], hq[4]) == (["hq", "read"], "revoked")
    assert hq[3][5:] == hq[2][5:]
    assert int(hq[3][:4]) == int(hq[2][:4]) + 1
    assert (bi[:2], bi[3:]) == (["bi", "admin"], ["never", "active"])
    assert token not in (box.directory / "tokens.toml").read_text()


def test_the_list_goes_by_the_time_that_a_core_would_go_by(box: Core) -> None:
    """Where the clock isn't disciplined; where it is, both go by the clock alone."""
    run(box, "token", "add", "hq", "--scope", "read", "--days", "1")
    journal, later = box.directory / "cold-display-guard" / "cases.jsonl", time.time() + 2 * 86_400
    journal.parent.mkdir()
    journal.touch()
    os.utime(journal, (later, later))
    listed = run(box, "token", "list", XDG_STATE_HOME=str(box.directory)).stdout.split()
    assert listed[-1] == ("active" if SystemClock().synchronised() else "expired")


@pytest.mark.parametrize("days", ["-1", "1.5", "36501", "99999999", "٣", ""])
def test_days_that_are_none_are_refused(box: Core, days: str) -> None:
    done = run(box, "token", "add", "hq", "--scope", "read", f"--days={days}")
    assert (done.returncode, "a whole number of days" in done.stderr) == (2, True)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be the one behind whom somebody stands")
def test_the_file_names_who_ran_the_command(box: Core) -> None:
    """Behind sudo whoever became root by it."""
    run(box, "token", "add", "a", "--scope", "read")
    run(box, "token", "add", "b", "--scope", "read", SUDO_UID="1000")
    written = (box.directory / "tokens.toml").read_text()
    assert ['created_by = "uid:0"' in written, 'created_by = "uid:1000"' in written] == [True, True]


def test_a_pin_is_typed_twice_and_not_shown(box: Core, tmp_path: Path) -> None:
    command = [*CDG_CORE, "operator", "add", "李工", "--config", str(box.config)]
    with Pty(*command, environment=plain_environment(tmp_path)) as terminal:
        terminal.shows("PIN: ")
        terminal.keys(f"{PIN}\n")
        terminal.shows("the same again: ")
        terminal.keys(f"{PIN}\n")
        assert terminal.ends() == 0
        terminal.shows("李工 may operate")
    assert PIN.encode() not in terminal.written
    assert run(box, "operator", "list").stdout.split("\t")[:2] == ["李工", "operate"]


@pytest.mark.parametrize(("again", "word"), [("402818\n", "differ"), ("\x03", "no PIN was given")])
def test_two_different_pins_are_none(box: Core, tmp_path: Path, again: str, word: str) -> None:
    command = [*CDG_CORE, "operator", "add", "li", "--config", str(box.config)]
    with Pty(*command, environment=plain_environment(tmp_path)) as terminal:
        terminal.shows("PIN: ")
        terminal.keys(f"{PIN}\n")
        terminal.shows("the same again: ")
        terminal.keys(again)
        assert terminal.ends() == 2
        terminal.shows(word, "nothing was changed")
    assert b"Traceback" not in terminal.written
    assert run(box, "operator", "list").stdout == ""


def test_a_running_core_lets_in_whom_it_was_told_of_and_keeps_it_on_record(box: Core) -> None:
    """An operator and a token that come and go: the audit names them and who did it; the secrets stand nowhere."""
    box.start()
    assert run(box, "operator", "add", "li", given=f"{PIN}\n").returncode == 0
    token = run(box, "token", "add", "hq", "--scope", "read").stdout.split()[-1]
    li = [{"name": "li", "scope": "operate"}]
    wait_until(lambda: box.get("operators")["items"] == li, "the core knows the operator")
    unlocked = box.post("operator/unlock", {"operator": "li", "pin": PIN})
    by_operator = {"headers": {"authorization": f"Bearer {unlocked['token']}"}}
    me = box.request("GET", "/api/manage/whoami", **by_operator).json()
    assert (me["actor"], me["via"], me["origin"]) == ("operator:li", f"uid:{os.getuid()}", "socket")
    assert run(box, "operator", "remove", "li").returncode == 0
    wait_until(
        lambda: box.request("GET", "/api/manage/whoami", **by_operator).json().get("code") == "operator_locked",
        "the core knows that the operator is gone",
    )

    def noticed() -> set[tuple[str, str, bool]]:
        lines = [line["d"] for line in json_lines(box.data / "audit.jsonl")]
        changes = [(deed["what"], change) for deed in lines for change in deed["changes"]]
        return {(what, change["key"], change["new"] is not None) for what, change in changes}

    wanted = {
        ("operator.unlock", "operator", True),
        ("tokens.noticed", "hq.scope", True),
        ("operators.noticed", "li.scope", True),
        ("operators.noticed", "li.scope", False),
    }
    wait_until(lambda: wanted <= noticed(), "what changed is on record")
    assert box.stop() == 0
    kept = [path.read_bytes() for path in box.data.rglob("*") if path.is_file()] + [box.said.encode()]
    assert not [one for one in (PIN, token, unlocked["token"]) for text in kept if one.encode() in text]
