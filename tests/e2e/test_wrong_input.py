"""Whatever a person or a program gets wrong ends in a clear word and a code, never in a traceback."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from core import __version__
from tests.e2e.conftest import ROOT, Core, free_port, wait_until

CONFIG = """
[device]
id = "box"
site = "site"

[monitor]
heartbeat_s = 0

[[sources]]
id = "sim"
driver = "simulated"

[[cabinets]]
id = "01"
limits = { low = 0.0, high = 8.0 }

[[sensors]]
id = "01.air"
cabinet = "01"
source = "sim"
point = "chiller"
"""

ENDPOINT = """
[[webhooks.endpoints]]
id = "hq"
url = "http://127.0.0.1:9/"
secret_file = "missing.secret"
"""


def cdg_core(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "core", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
    )


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (CONFIG.replace("high = 8.0", "high = 8.0, hihg = 9"), ":15: cabinets[0].limits.hihg: unknown key"),
        (CONFIG.replace("low = 0.0", "low = 9.0"), ":15: cabinets[0].limits.high: is not above low"),
        (CONFIG + ENDPOINT, "webhooks.endpoints[0].secret_file: "),
        (CONFIG.replace('site = "site"', ""), "device.site: is required"),
        (CONFIG.replace("[device]", "[device"), ":2: "),
    ],
)
@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_a_mistake_in_the_configuration_is_one_line_and_exit_2(
    tmp_path: Path, config: str, said: str, command: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(config)
    done = cdg_core(command, "--config", path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"cdg-core: {path}:")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_a_good_configuration_passes_the_check(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    done = cdg_core("check-config", "--config", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 cabinets, 1 sensors" in done.stdout


def test_the_example_configuration_is_valid() -> None:
    assert cdg_core("check-config", "--config", ROOT / "config" / "example.toml").returncode == 0


def test_without_any_configuration_it_says_how_to_make_one() -> None:
    done = cdg_core("serve")
    assert done.returncode == 2
    assert "config/example.toml" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["bogus"], ["serve", "--bogus"], ["token", "add", "x"]])
def test_wrong_use_is_exit_2_with_the_usage(arguments: list[str]) -> None:
    done = cdg_core(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: cdg-core")


@pytest.mark.parametrize("program", ["core", "cdg_tui"])
def test_the_version_needs_no_terminal(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", program, "--version"], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0
    assert done.stdout.split()[-1] == __version__


def test_a_held_data_directory_is_exit_75_with_the_holders_pid(core: Callable[..., Core]) -> None:
    box = core(CONFIG)
    box.start()
    second = cdg_core("serve", "--config", box.config, "--data-dir", box.data)
    assert second.returncode == 75
    assert f"pid {box.pid}" in second.stderr
    assert second.stderr.count("\n") == 1
    assert box.get("status")["version"] == __version__


def test_a_data_directory_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    (tmp_path / "file").write_text("")
    done = cdg_core("serve", "--config", config, "--data-dir", tmp_path / "file" / "data")
    assert done.returncode == 2
    assert done.stderr == f"cdg-core: {tmp_path}/file/data: the data directory can't be used (Not a directory)\n"


def test_a_directory_of_somebody_elses_files_is_left_alone(tmp_path: Path) -> None:
    """Its mode would be taken from everybody who uses it."""
    config, theirs = tmp_path / "config.toml", tmp_path / "theirs"
    config.write_text(CONFIG)
    theirs.mkdir(mode=0o755)
    (theirs / "report.doc").write_text("")
    done = cdg_core("serve", "--config", config, "--data-dir", theirs)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "is not empty" in done.stderr
    assert theirs.stat().st_mode & 0o777 == 0o755


def test_a_port_that_is_taken_leaves_the_socket_open_and_is_shown(core: Callable[..., Core]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        box = core(CONFIG + f'[manage_api]\nlisten = "127.0.0.1:{port}"\n')
        box.start()
        problems = wait_until(lambda: box.get("status")["problems"], "the problem is shown")
    assert [problem["code"] for problem in problems] == ["tcp_unavailable"]
    wait_until(lambda: not box.get("status")["problems"], "the port is had once it is free", seconds=15)


def test_tokens_open_the_tcp_door_by_their_scope(core: Callable[..., Core]) -> None:
    port = free_port()
    box = core(CONFIG + f'[manage_api]\nlisten = "127.0.0.1:{port}"\n')
    read, operate = (
        cdg_core("token", "add", name, "--scope", name, "--config", box.config).stdout.split()[-1]
        for name in ("read", "operate")
    )
    box.start()

    def ask(method: str, path: str, token: str | None) -> httpx.Response:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return httpx.request(method, f"http://127.0.0.1:{port}{path}", headers=headers, trust_env=False)

    drain = "/api/manage/webhooks/retries/drain"
    wait_until(lambda: ask("GET", "/healthz", None).status_code == 200, "TCP is open")
    answers = [
        ask("GET", "/api/manage/status", None),
        ask("GET", "/api/manage/status", "wrong"),
        ask("GET", "/api/manage/status", read),
        ask("POST", drain, read),
        ask("POST", drain, operate),
        ask("PATCH", "/api/manage/config", operate),
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 200, 403, 200, 403]
    assert answers[0].json()["code"] == "unauthorized"
    assert answers[3].json()["code"] == "insufficient_scope"
    assert cdg_core("token", "revoke", "read", "--config", box.config).returncode == 0
    wait_until(lambda: ask("GET", "/api/manage/status", read).status_code == 401, "the token is good no more")


@pytest.mark.parametrize(
    ("method", "path", "how", "status", "code"),
    [
        (
            "POST",
            "webhooks/retries/drain",
            {"content": b"{", "headers": {"content-type": "application/json"}},
            400,
            "invalid_json",
        ),
        ("POST", "webhooks/retries/drain", {"json": {"only_duo": True}}, 422, "invalid_parameter"),
        ("POST", "webhooks/retries/drain", {"json": {"endpoint": "nobody"}}, 404, "endpoint_not_found"),
        ("POST", "webhooks/retries/drain", {"json": {"delivery_ids": ["dlv_x"]}}, 404, "retry_not_found"),
        ("GET", "webhooks/retries?cursor=bogus", {}, 404, "unknown_cursor"),
        ("GET", "webhooks/retries?cursor=seq.x", {}, 404, "unknown_cursor"),
        ("GET", f"webhooks/retries?cursor=seq.{'9' * 5000}", {}, 404, "unknown_cursor"),
        ("GET", "webhooks/retries?cursor=--1.dlv_x", {}, 404, "unknown_cursor"),
        ("GET", "webhooks/retries?cursor=%D9%A3.dlv_x", {}, 404, "unknown_cursor"),
        ("POST", "cases/case_x/acknowledge", {"json": {"by": " "}}, 422, "invalid_parameter"),
        ("GET", "webhooks/retries?limit=251", {}, 422, "invalid_parameter"),
        ("GET", "webhooks/retries?status=lost", {}, 422, "invalid_parameter"),
        ("GET", "cases?cursor=bogus", {}, 404, "unknown_cursor"),
        ("GET", "cases/case_x", {}, 404, "case_not_found"),
        ("POST", "cases/case_x/acknowledge", {"json": {"by": "x"}}, 404, "case_not_found"),
        ("POST", "cases/case_x/acknowledge", {"json": {}}, 422, "invalid_parameter"),
        ("POST", "webhooks/retries/dlv_x/requeue", {}, 404, "retry_not_found"),
        ("GET", "webhooks/drains/drn_x", {}, 404, "drain_not_found"),
        ("PATCH", "config", {"json": {"cabinets": {"01": {"limits": {"high": -1}}}}}, 409, "config_invalid"),
        ("PATCH", "config", {"json": {"monitor": {"intervall_s": 1}}}, 409, "config_invalid"),
        ("GET", "nothing", {}, 404, "not_found"),
        ("DELETE", "status", {}, 405, "method_not_allowed"),
        ("GET", "status", {"headers": {"host": "evil.example"}}, 421, "foreign_host"),
    ],
)
def test_a_wrong_request_is_a_problem_with_a_code(
    box: Core, method: str, path: str, how: dict[str, Any], status: int, code: str
) -> None:
    answer = box.request(method, f"/api/manage/{path}", **how)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["code"] == code
    assert "Traceback" not in box.said


def test_a_change_of_the_configuration_keeps_the_comments_and_writes_the_retry_settings_out(
    core: Callable[..., Core],
) -> None:
    box = core("# 徐家汇店\n" + CONFIG)
    box.start()
    answer = box.request("PATCH", "/api/manage/config", json={"cabinets": {"01": {"limits": {"high": 7.5}}}})
    assert answer.status_code == 200
    assert answer.json()["restart_required"] is True
    text = box.config.read_text(encoding="utf-8")
    assert text.startswith("# 徐家汇店\n")
    assert "high = 7.5" in text
    assert 'log = "retries.jsonl"' in text
    assert "max_attempts = 500" in text
    box.stop()
    box.start()
    assert box.get("cabinets")["items"][0]["high"] == 7.5


def test_changes_at_the_same_time_are_all_kept(core: Callable[..., Core]) -> None:
    box = core(CONFIG)
    box.start()
    changes = [{"monitor": {"interval_s": 7}}, {"device": {"site_name": "徐家汇"}}, {"webhooks": {"concurrency": 3}}]
    with ThreadPoolExecutor() as callers:
        answers = list(callers.map(lambda change: box.request("PATCH", "/api/manage/config", json=change), changes))
    assert [answer.status_code for answer in answers] == [200] * 3
    settings = box.get("config")["settings"]
    assert (settings["monitor"]["interval_s"], settings["device"]["site_name"]) == (7, "徐家汇")
    assert settings["webhooks"]["concurrency"] == 3


def test_a_hostile_name_commands_neither_log_nor_terminal(core: Callable[..., Core]) -> None:
    """Escape codes and line feeds in a path arrive in the log as harmless text on one line."""
    broken = CONFIG.replace('driver = "simulated"', 'driver = "replay"\npath = "no\\u001b[31m\\nFAKE LINE"')
    box = core(broken)
    box.start()
    wait_until(lambda: "source 'sim' fails" in box.said, "the failing source is logged")
    assert "\x1b" not in box.said
    assert not [line for line in box.said.splitlines() if line.startswith("FAKE")]


def test_a_log_that_is_removed_while_it_runs_is_written_anew(core: Callable[..., Core]) -> None:
    dead = f'[[webhooks.endpoints]]\nid = "hq"\nurl = "http://127.0.0.1:{free_port()}/"\n'
    box = core(CONFIG + dead + "[webhooks.retry]\nfirst_delay_s = 0.2\nmax_delay_s = 0.2\n")
    box.start()
    (waiting,) = wait_until(lambda: box.get("webhooks/retries")["items"], "a delivery waits")
    (box.data / "retries.jsonl").unlink()
    wait_until((box.data / "retries.jsonl").exists, "the log is there again")
    box.kill()
    box.start()
    assert [item["delivery_id"] for item in box.get("webhooks/retries")["items"]][:1] == [waiting["delivery_id"]]


def test_sigterm_ends_it_cleanly_within_ten_seconds_even_with_a_hanging_receiver(
    core: Callable[..., Core],
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        box = core(CONFIG + f'[[webhooks.endpoints]]\nid = "hq"\nurl = "http://127.0.0.1:{port}/"\ntimeout_s = 30\n')
        box.start()
        wait_until(lambda: box.get("status")["webhooks"]["in_flight"], "an attempt hangs")
        assert box.stop(seconds=10) == 0
    assert "Traceback" not in box.said
    assert not (box.data / "manage.sock").exists()
    assert box.jq('select(.k=="put") | [.d.status, .d.attempts] | join(" ")') == ["pending", "0"]
    assert box.jq(".k")[-1] == "bye"


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    """One core for all the wrong requests: it must stand them all."""
    made = Core(tmp_path_factory.mktemp("box"), CONFIG)
    made.start()
    yield made
    assert made.alive
    assert made.stop() == 0
