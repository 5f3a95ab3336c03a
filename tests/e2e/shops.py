"""A shop with consoles: its configuration, the peers round it, whoever runs for it. All of that ends with the test."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from core.monitoring.monitor import BEAT_S
from tests.e2e.conftest import PEERS, Core, Process, free_port, listens, wait_until
from tests.e2e.terminals import CDG, Pty, Tmux, Window, plain_environment

LATE_S = 0.5  # more than a busy machine needs, and less than anybody would miss

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

SIMULATED = """
[device]
id = "box"
site = "SH-0412"
site_name = "徐家汇店"

[monitor]
interval_s = 0.2
heartbeat_s = 0

[[sources]]
id = "sim"
driver = "simulated"

[[cabinets]]
id = "03"
name = "鲜奶柜"
limits = { low = 0.0, high = 8.0 }

[[sensors]]
id = "03.air"
cabinet = "03"
source = "sim"
point = "chiller"
"""

# A chiller of which a week takes half a minute.
FAST = """
[device]
id = "box"
site = "site"

[[sources]]
id = "sim"
driver = "simulated"
speed = 20000
interval_s = 0.1

[[cabinets]]
id = "01"
preset = "iso_m1"

[[sensors]]
id = "01.air"
cabinet = "01"
source = "sim"
point = "chiller"
"""

# A cabinet that raises and clears a case about every second.
BUSY = """
[device]
id = "box"
site = "SH-0412"

[monitor]
interval_s = 0.2
heartbeat_s = 0

[[sources]]
id = "sim"
driver = "simulated"
speed = 600

[[cabinets]]
id = "03"
limits = {{ high = 3.0 }}
alarm_delay_s = 0
clear_delay_s = 0
reopen_window_s = 0

[[sensors]]
id = "03.air"
cabinet = "03"
source = "sim"
point = "chiller"

[[webhooks.endpoints]]
id = "hq"
url = "http://127.0.0.1:{receiver}/"
secret = "{secret}"
"""

MEASURED = SIMULATED.replace('driver = "simulated"', 'driver = "http_json"\nurl = "http://127.0.0.1:{thermometer}/"')
MEASURED = MEASURED.replace('point = "chiller"', 'point = "temperature"').replace(
    "{ low = 0.0, high = 8.0 }", "{{ low = 0.0, high = 8.0 }}\nalarm_delay_s = 0\nclear_delay_s = 0"
)
MEASURED += """
[webhooks.retry]
first_delay_s = 4
max_delay_s = 600

[[webhooks.endpoints]]
id = "hq"
url = "http://127.0.0.1:{receiver}/hooks"
secret = "{secret}"
events = ["case.*"]
"""

# Three cabinets, and a headquarters that hears of their cases.
NIGHT = """
[device]
id = "box"
site = "SH-0412"
site_name = "徐家汇店"
timezone = "Asia/Shanghai"

[monitor]
interval_s = 0.2
heartbeat_s = 0

[[sources]]
id = "thermometer"
driver = "http_json"
url = "http://127.0.0.1:{thermometer}/"

[webhooks]
timeout_s = 4

[webhooks.retry]
first_delay_s = 60
max_attempts = 500

[[webhooks.endpoints]]
id = "hq"
url = "http://127.0.0.1:{receiver}/hooks"
secret = "{secret}"
events = ["case.*"]
"""
for number, point, name, low, high in (
    ("01", "drinks", "饮料柜", 0.0, 8.0),
    ("02", "frozen", "冷冻柜", -25.0, -15.0),
    ("03", "temperature", "鲜奶柜", 0.0, 8.0),
):
    NIGHT += f"""
[[cabinets]]
id = "{number}"
name = "{name}"
limits = {{{{ low = {low}, high = {high} }}}}
alarm_delay_s = 0
clear_delay_s = 0

[[sensors]]
id = "{number}.air"
cabinet = "{number}"
source = "thermometer"
point = "{point}"
"""


class Shop:
    """`core` is started by the test, or by a console on `config` and `data`."""

    def __init__(self, directory: Path, config: str, language: str):
        self.directory = directory
        self.ports = {"thermometer": free_port(), "receiver": free_port()}
        if "{thermometer}" in config:
            config = config.format(secret=SECRET, **self.ports)
        self.core = Core(directory, config)
        self.environment = plain_environment(directory, language)
        self._values = directory / "values.json"
        self._running: list[Process | Pty | Tmux] = [self.core]
        self._headquarters: Process | None = None
        self._tmux: Tmux | None = None

    # -- round it ------------------------------------------------------------------------------------------------------

    def measure(self, value: float, **others: float) -> None:
        """What the thermometer says from now on; `others` by the name of their point."""
        first = not self._values.exists()
        fresh = self._values.with_suffix(".new")
        fresh.write_text(json.dumps({"temperature": value, **others}))
        fresh.replace(self._values)
        if first:
            self.peer("thermometer", self.ports["thermometer"], self._values, self.directory / "asked")

    def headquarters(self, status: int = 204, body: str = "") -> Process:
        """From now on takes webhooks, or answers with this; listens when it is returned."""
        if self._headquarters is not None:
            self._headquarters.end()
        port = self.ports["receiver"]
        self._headquarters = self.peer("receiver", port, SECRET, self.directory / "got.jsonl", status, body)
        wait_until(lambda: listens(socket.AF_INET, ("127.0.0.1", port)), "headquarters listens")
        return self._headquarters

    def peer(self, name: str, *arguments: object) -> Process:
        command = [sys.executable, str(PEERS / f"{name}.py"), *map(str, arguments)]
        peer = Process(command, self.directory / f"{name}.log")
        self._running.append(peer)
        peer.start()
        return peer

    # -- who looks -----------------------------------------------------------------------------------------------------

    @property
    def command(self) -> tuple[str, ...]:
        return (*CDG, "--config", str(self.core.config), "--data-dir", str(self.core.data))

    def window(self, *command: str, **environment: str) -> Window:
        """A console, or another command, in a window of this shop's tmux."""
        if self._tmux is None:
            self._tmux = Tmux(self.environment)
            self._running.append(self._tmux)
        return self._tmux.open(*(command or self.command), **environment)

    def on_pty(self, *command: str, hangup_ignored: bool = False) -> Pty:
        """The same on a bare pseudo-terminal."""
        made = Pty(*(command or self.command), environment=self.environment, hangup_ignored=hangup_ignored)
        self._running.append(made)
        return made

    # -- what runs -----------------------------------------------------------------------------------------------------

    @property
    def cores(self) -> list[int]:
        return processes_of(self.directory, "core")

    def assert_guarded(self, seconds: float = 3.0) -> None:
        """The judging loop goes on, without a pause of more than a second or two."""
        end = time.monotonic() + seconds
        seen, since = -1, time.monotonic()
        while (now := time.monotonic()) < end:
            beat = self.core.get("status")["monitoring"]["beat"]
            if beat != seen:
                seen, since = beat, now
            assert now - since < 2.0, f"the judging loop stands still at {seen}"
            time.sleep(0.1)

    @contextlib.contextmanager
    def unbroken(self) -> Iterator[None]:
        """Meanwhile, and for a beat more, the same core keeps its beat; how late it was at the worst, it says itself."""
        cores, before, began = self.cores, self.core.get("status")["monitoring"], time.monotonic()
        yield
        time.sleep(BEAT_S + LATE_S)
        lasted, after = time.monotonic() - began, self.core.get("status")["monitoring"]
        assert self.cores == cores
        assert after["worst_late_ms"] <= max(before["worst_late_ms"], 1000 * LATE_S)
        assert after["beat"] - before["beat"] >= int(lasted / (BEAT_S + LATE_S))

    def end(self) -> None:
        for running in reversed(self._running):
            running.end()
        for pid in processes_of(self.directory, "core", "cdg_tui", "cdg_tui.demo.host"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def a_shop(directory: Path, config: str = SIMULATED, language: str = "zh") -> Iterator[Shop]:
    shop = Shop(directory, config, language)
    try:
        yield shop
    finally:
        shop.end()
        wait_until(lambda: not processes_of(directory, "core", "cdg_tui.demo.host"), "everything ended")
        shutil.rmtree(shop.core.data, ignore_errors=True)


def processes_of(directory: Path, *modules: str) -> list[int]:
    """Who runs one of these modules (as `python -m`) with a path under the directory among its arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="surrogateescape").split("\0")
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:  # it has just ended
            continue
        runs = any(option == "-m" and module in modules for option, module in itertools.pairwise(words))
        if runs and state != "Z" and any(word.startswith(str(directory)) for word in words):
            found.append(int(entry.name))
    return found
