"""All parts of a core as the guard puts them together, with time turned by hand and nothing that runs by itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from core import config
from core.guard import Guard
from core.manage_api.app import build_app
from core.manage_api.changes import Changes
from core.manage_api.routes import routes
from core.manage_api.status import StatusBoard
from core.manage_api.stream import Stream
from core.samples import Sample
from core.webhooks.deliveries import Trigger
from core.webhooks.entry import Entry
from tests.core.manage_api.sample_routes import a_client, forget
from tests.core.webhooks.factories import DOWN, an_attempt, an_event
from tests.fakes import FakeClock

CONFIG = """
[device]
id = "box"
site = "SH-0412"

[monitor]
heartbeat_s = 0

[[sources]]
id = "sim"
driver = "simulated"

[[webhooks.endpoints]]
id = "hq"
url = "http://127.0.0.1:9/"
"""
CABINET = """
[[cabinets]]
id = "{n:02}"
name = "鲜奶柜 {n}"
limits = {{ low = 0.0, high = 8.0 }}
alarm_delay_s = 0
clear_delay_s = 0

[[sensors]]
id = "{n:02}.air"
cabinet = "{n:02}"
source = "sim"
point = "chiller"
"""


class WholeShop:
    """`client` asks the routes as root on the socket."""

    def __init__(self, guard: Guard, clock: FakeClock):
        self.guard, self.clock, self.parts = guard, clock, guard._parts
        self.board = StatusBoard(self.parts)
        self.changes = Changes(self.parts, self.board)
        table = routes(self.parts, self.board, Stream(self.changes.look, clock))
        app = build_app(table, self.parts.authenticator, forget)
        self.client = a_client(app)

    def measure(
        self, value: float | None, sensor: str = "01.air", after_s: float = 10.0, fault: str = "no_answer"
    ) -> None:
        """The next value of a sensor, or none, for this reason."""
        self.clock.advance(after_s)
        why = None if value is not None else fault
        at, steady_s = self.clock.now(), self.clock.steady()
        self.parts.monitor.take(Sample(sensor=sensor, at=at, steady_s=steady_s, value=value, fault=why))

    async def publish(self, name: str) -> Entry:
        """A delivery that waits."""
        before = {entry.delivery.delivery_id for entry in self.parts.queue.entries()}
        await self.parts.dispatcher.publish(an_event(name))
        return next(one for one in self.parts.queue.entries() if one.delivery.delivery_id not in before)

    def fail(self, entry: Entry) -> None:
        """An attempt that did not get through."""
        queue = self.parts.queue
        queue.claim_one(entry.delivery.delivery_id, Trigger.MANUAL)
        queue.settle(entry, an_attempt(self.clock, entry, DOWN, Trigger.MANUAL), DOWN)


@asynccontextmanager
async def a_whole_shop(directory: Path, cabinets: int = 2) -> AsyncIterator[WholeShop]:
    path = directory / "config.toml"
    path.write_text(CONFIG + "".join(CABINET.format(n=n) for n in range(1, cabinets + 1)), encoding="utf-8")
    clock = FakeClock()
    guard = Guard(config.load(path), directory / "data", clock)
    try:
        shop = WholeShop(guard, clock)
        async with shop.client:
            yield shop
    finally:
        await guard._close()
