"""A shop in processes: sensors, the core and headquarters, each of which a test can start, kill and start again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

PEERS = Path(__file__).parent / "peers"
ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(family: int, address: object) -> bool:
    """Whether somebody takes connections there. (httpx leaves its socket open when a Unix socket refuses.)"""
    with socket.socket(family) as probe:
        return probe.connect_ex(address) == 0  # type: ignore[arg-type]


def wait_until(condition: Callable[[], object], what: str, seconds: float = 20.0) -> Any:
    """The first true value of `condition`; a failed assertion naming `what` when it stays false."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"did not happen within {seconds:g} s: {what}")


class Process:
    """A program that can be started, killed and started again. What it says is in `log`."""

    def __init__(self, command: list[str], log: Path):
        self._command, self._log = command, log
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert self._running is None
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
            )

    def stop(self, number: int = signal.SIGTERM, seconds: float = 10.0) -> int:
        """The exit code; SIGKILL is always obeyed."""
        assert self._running is not None
        running, self._running = self._running, None
        running.send_signal(number)
        return running.wait(seconds)

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    @property
    def pid(self) -> int:
        assert self._running is not None
        return self._running.pid

    @property
    def alive(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def end(self) -> None:
        if self._running is not None:
            self.kill()

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""


class Core(Process):
    """`cdg-core serve` on a directory of its own, and its manage API on the socket."""

    def __init__(self, directory: Path, config: str):
        self.directory, self.config = directory, directory / "config.toml"
        self.data = directory / "data"
        self.config.write_text(config, encoding="utf-8")
        command = [sys.executable, "-m", "core", "serve", "--config", str(self.config), "--data-dir", str(self.data)]
        super().__init__(command, directory / "core.log")

    def start(self) -> None:
        super().start()
        wait_until(self._answers, f"the core answers on its socket\n{self.said}")

    def _answers(self) -> bool:
        assert self.alive, f"the core ended:\n{self.said}"
        if not listens(socket.AF_UNIX, str(self.data / "manage.sock")):
            return False
        return self.request("GET", "/healthz").status_code == 200

    def request(self, method: str, path: str, **how: Any) -> httpx.Response:
        transport = httpx.HTTPTransport(uds=str(self.data / "manage.sock"))
        with httpx.Client(transport=transport, base_url="http://localhost", timeout=40) as client:
            return client.request(method, path, **how)

    def get(self, path: str, **query: str | int | bool) -> Any:
        answer = self.request("GET", f"/api/manage/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: object | None = None) -> Any:
        answer = self.request("POST", f"/api/manage/{path}", **({} if body is None else {"json": body}))
        assert answer.status_code in {200, 202}, answer.text
        return answer.json()

    def jq(self, program: str, file: str = "retries.jsonl") -> list[str]:
        """What jq says of a journal."""
        done = subprocess.run(
            ["jq", "-r", program, str(self.data / file)], check=True, capture_output=True, text=True, timeout=20
        )
        return done.stdout.split()


def json_lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line]


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    """Whatever stands in this list when the test ends is killed."""
    running: list[Process] = []
    yield running
    for process in running:
        process.end()


@pytest.fixture
def peer(tmp_path: Path, processes: list[Process]) -> Callable[..., Process]:
    """Starts one of the programs in peers/."""

    def start(name: str, *arguments: object) -> Process:
        command = [sys.executable, str(PEERS / f"{name}.py"), *map(str, arguments)]
        process = Process(command, tmp_path / f"{name}-{len(processes)}.log")
        processes.append(process)
        process.start()
        return process

    return start


@pytest.fixture
def core(tmp_path: Path, processes: list[Process]) -> Callable[..., Core]:
    """A core that is not started yet, on this configuration."""

    def make(config: str, name: str = "box") -> Core:
        directory = tmp_path / name
        directory.mkdir()
        made = Core(directory, config)
        processes.append(made)
        return made

    return make


os.environ.pop("CDG_CONFIG", None)  # the developer's own box stays out of it
