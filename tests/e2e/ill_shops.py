"""A shop of three cabinets whose sensors fail on demand: real peers, the core's own parts on a clock that the test turns, and
the console's view of what the manage API then answers.

Cabinet 03 has the sensor that fails, 04 its neighbour on the same source, 05 one on another source.
"""

import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any, Protocol

import httpx
from starlette.types import Receive, Scope, Send

from cdg_tui.client import Client
from cdg_tui.i18n import Language, Words
from cdg_tui.screens.page import View
from cdg_tui.store import Snapshot, Store
from core.audit import Audit
from core.config import load
from core.device import Device
from core.journal import Archive, SnapshotJournal
from core.manage_api.app import build_app
from core.manage_api.auth import Authenticator
from core.manage_api.changes import Changes
from core.manage_api.parts import Parts
from core.manage_api.peers import PEER, Peer
from core.manage_api.routes import routes
from core.manage_api.status import StatusBoard
from core.manage_api.stream import Stream
from core.monitoring import polling
from core.monitoring.case_book import CaseBook
from core.monitoring.history import History
from core.monitoring.in_force import in_force
from core.monitoring.monitor import Monitor
from core.monitoring.posts import Line
from core.sensors.drivers import open_source
from core.settings import LoadedSettings
from core.webhooks.dispatcher import Dispatcher
from core.webhooks.drains import Drains
from core.webhooks.escalation import Escalation
from core.webhooks.retry_queue import RetryQueue
from tests.core.manage_api.sample_routes import forget
from tests.core.sensors.test_http_json import HttpPeer, an_answer
from tests.core.sensors.test_modbus import ModbusPeer
from tests.fakes import FakeClock

POLL_S = 10.0
GOOD, NEXT = 4.2, 3.9  # what 03 and 04 measure while they are well
SHOP = """
[device]
id = "box"
site = "s-1"

[[sources]]
id = "ill"
{source}

[[sources]]
id = "well"
driver = "simulated"

[[cabinets]]
id = "03"
limits = {{ low = -40.0, high = 8.0 }}

[[cabinets]]
id = "04"

[[cabinets]]
id = "05"

[[sensors]]
id = "03.x"
cabinet = "03"
source = "ill"
point = {point}
quantity = "{quantity}"

[[sensors]]
id = "04.air"
cabinet = "04"
source = "ill"
point = {neighbour}

[[sensors]]
id = "05.air"
cabinet = "05"
source = "well"
point = "chiller"
"""


class Rig(Protocol):
    """A peer with two healthy sensors, and what the configuration says of it."""

    point: str
    neighbour: str

    async def start(self, directory: Path) -> None: ...

    async def stop(self) -> None: ...

    def source(self) -> str: ...

    def tick(self) -> None:
        """Before each poll."""


class Web:
    """A gateway with a status page; `say` changes what stands in it. Its running number rises with every poll."""

    def __init__(self, point: str = '"t"', *, tls: ssl.SSLContext | None = None, scheme: str = "http", **said: Any):
        self.point, self.neighbour, self._scheme = point, '"n"', scheme
        self.peer = HttpPeer(tls=tls)
        self._said: dict[str, Any] = {"t": GOOD, "n": NEXT, "seq": 0}
        self._counts = self._whole = True
        self.say(**said)

    def say(self, **fields: Any) -> None:
        self._said |= fields
        self._counts = self._counts and "seq" not in fields

    def drop(self, name: str) -> None:
        del self._said[name]

    def answer(self, answer: bytes, drip_s: float = 0.0) -> None:
        self.peer.answer, self.peer.drip_s, self._whole = answer, drip_s, False

    def tick(self) -> None:
        if self._counts:
            self._said["seq"] += 1
        if self._whole:
            self.peer.answer = an_answer(json.dumps(self._said).encode())

    async def start(self, directory: Path) -> None:
        await self.peer.start()

    async def stop(self) -> None:
        await self.peer.stop()

    def source(self) -> str:
        return f'driver = "http_json"\nurl = "{self._scheme}://127.0.0.1:{self.peer.port}/"\ntimeout_s = 0.3'


class Moving(Web):
    """A gateway of which the first value moves as a thermostat moves the air, for so many polls."""

    def __init__(self, polls: int):
        super().__init__()
        self._left = polls

    def tick(self) -> None:
        self._left -= 1
        if self._left > 0:
            self.say(t=round(GOOD + 0.1 * abs(self._left % 40 - 20), 1))
        super().tick()


class Bus:
    """A Modbus gateway. Unit 2 has the sensor that fails in its register 0 and a word on it in register 1."""

    def __init__(self, more: str = "", *, kind: str = "s16", scale: float = 0.1):
        self.point = f'{{ unit = 2, function = 3, address = 0, type = "{kind}", scale = {scale}{more} }}'
        self.neighbour = "{ unit = 1, function = 3, address = 2, scale = 0.1 }"
        healthy = (0x4086, 0x6666) if kind == "f32" else (round(GOOD / scale), 0)
        self.peer = ModbusPeer((*healthy, round(NEXT * 10)))

    def put(self, value: int, word: int = 0) -> None:
        self.peer.registers = (value & 0xFFFF, word, round(NEXT * 10))

    def tick(self) -> None:
        pass

    async def start(self, directory: Path) -> None:
        await self.peer.start()

    async def stop(self) -> None:
        await self.peer.stop()

    def source(self) -> str:
        return f'driver = "modbus"\nurl = "tcp://127.0.0.1:{self.peer.port}"\ntimeout_s = 0.3'


class Record:
    """A recording that is well for three rows; then `cells` follow one another, the last one for ever."""

    def __init__(
        self, *cells: str, columns: str = "time,t,n", file: str = "record.csv", point: str = "t", rows: int = 99
    ):
        self.point, self.neighbour = f'"{point}"', '"n"'
        self._cells, self._columns, self._file, self._rows = cells or (str(GOOD),), columns, file, rows

    def tick(self) -> None:
        pass

    async def start(self, directory: Path) -> None:
        lines = [self._columns]
        for row in range(self._rows):
            cell = str(GOOD) if row < 3 else self._cells[min(row - 3, len(self._cells) - 1)]
            lines.append(f"2026-01-01T{row // 360:02}:{row // 6 % 60:02}:{row % 6 * 10:02}Z,{cell},{NEXT}")
        (directory / "record.csv").write_text("\n".join(lines))

    async def stop(self) -> None:
        pass

    def source(self) -> str:
        return f'driver = "replay"\npath = "{self._file}"'


class Invented:
    """A simulated cabinet whose probe fails after so many seconds."""

    def __init__(self, fault: str, after_s: float = 25.0):
        self.point = f'{{ model = "chiller", fault = "{fault}", fails_after_s = {after_s} }}'
        self.neighbour = '"chiller"'

    def tick(self) -> None:
        pass

    async def start(self, directory: Path) -> None:
        pass

    async def stop(self) -> None:
        pass

    def source(self) -> str:
        return 'driver = "simulated"'


class IllShop:
    """One core's parts over `rig`, on a clock of ours."""

    def __init__(self, rig: Rig, loaded: LoadedSettings, directory: Path):
        self.rig, self.clock = rig, FakeClock()
        self._journal = SnapshotJournal(directory / "cases.jsonl", self.clock)
        self._retries = SnapshotJournal(directory / "retries.jsonl", self.clock)
        archive, settings = Archive(directory, self.clock), loaded.settings
        book = CaseBook(self._journal, archive, self.clock)
        self.monitor = Monitor(_lines(loaded, self.clock), settings.cabinets, book, self.clock)
        device = Device(settings, self.clock)
        queue = RetryQueue(self._retries, settings.webhooks.retry, [], self.clock, Random(1))
        dispatcher = Dispatcher(queue, [], device.stamp, self.clock)
        self._history = History(directory, settings.history, in_force(settings), self.clock, device.boot_id)
        authenticator = Authenticator(settings.access, loaded.tokens_file, self.clock)
        parts = self.parts = Parts(
            loaded=loaded,
            clock=self.clock,
            device=device,
            monitor=self.monitor,
            book=book,
            queue=queue,
            dispatcher=dispatcher,
            drains=Drains(queue, dispatcher, self.clock),
            escalation=Escalation(queue, dispatcher, settings.webhooks, self.clock),
            journals={"cases": self._journal, "retries": self._retries},
            archive=archive,
            audit=Audit(directory, self.clock),
            authenticator=authenticator,
            history=self._history,
            troubles=dict,
            disk=lambda: None,
        )
        self.board = StatusBoard(parts)
        self.stream = Stream(Changes(parts, self.board).look, self.clock)
        self._app = build_app(routes(parts, self.board, self.stream), authenticator, forget)
        self.client = Client("http://localhost", transport=httpx.ASGITransport(self._door))

    async def _door(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The socket's, for root."""
        await self._app({**scope, "state": {PEER: Peer(uid=0, gid=0, groups=frozenset())}}, receive, send)

    async def poll(self, times: int = 1) -> None:
        """What the monitor's loops do, one poll of each source after the other, POLL_S apart."""
        for _ in range(times):
            self.clock.advance(POLL_S)
            self.rig.tick()
            for line in self.monitor.lines:
                for sample in await polling.samples(line, self.clock):
                    self.monitor.take(sample)
            self.monitor.look_for_silence()

    async def screen(self, language: Language) -> View:
        """What a console that asks now has to show."""
        store = Store()
        store.apply(
            Snapshot(
                asked_s=0.0,
                took_s=0.0,
                status=await self.client.status(),
                cabinets=await self.client.cabinets(),
                cases=await self.client.open_cases(),
            )
        )
        return View(store=store, words=Words(language), now_s=0.5)

    async def close(self) -> None:
        await self.client.close()
        await self.monitor.close()
        await self._history.close()
        self._journal.close()
        self._retries.close()


def _lines(loaded: LoadedSettings, clock: FakeClock) -> list[Line]:
    lines = []
    for source in loaded.settings.sources:
        mine = tuple(sensor for sensor in loaded.settings.sensors if sensor.source == source.id)
        driver = open_source(source, mine, clock)
        lines.append(Line(id=source.id, driver="", source=driver, interval_s=POLL_S, sensors=mine))
    return lines


@contextlib.asynccontextmanager
async def an_ill_shop(rig: Rig, directory: Path, quantity: str = "temperature") -> AsyncIterator[IllShop]:
    await rig.start(directory)
    config = directory / "config.toml"
    config.write_text(
        SHOP.format(source=rig.source(), point=rig.point, neighbour=rig.neighbour, quantity=quantity), encoding="utf-8"
    )
    shop = IllShop(rig, load(config), directory)
    try:
        yield shop
    finally:
        await shop.close()
        await rig.stop()
