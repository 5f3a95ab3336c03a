"""A day at one cabinet in which everything happens that a clock runs for: the same course for every test that interrupts it."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from core.monitoring import handling, service
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Case, Kind
from core.monitoring.monitor import Monitor
from core.monitoring.service import Mover, Service
from core.samples import Quantity
from core.settings import Cabinet, Limits, Sensor
from tests.core.monitoring.factories import AIR, ScriptedSource, a_line, a_sample
from tests.fakes import FakeClock

CABINET = Cabinet(
    id="03",
    name="鲜奶柜",
    limits=Limits(low=0.0, high=8.0, warn_high=6.0),
    alarm_delay_s=600.0,
    clear_delay_s=60.0,
    humidity=Limits(low=20.0, high=80.0),
    budget_min=75.0,
    rate_of_rise_k=8.0,
)
DOOR, DEFROST, HUMIDITY = "03.door", "03.defrost", "03.rh"
QUANTITIES = {
    AIR: Quantity.TEMPERATURE,
    DOOR: Quantity.DOOR,
    DEFROST: Quantity.DEFROST,
    HUMIDITY: Quantity.HUMIDITY,
}
SENSORS = [Sensor(id=name, cabinet="03", source="bus", point="x", quantity=each) for name, each in QUANTITIES.items()]
STEP_S = 10.0
MINUTE = int(60 / STEP_S)


class Day:
    """A monitor with all kinds of sensors over a book. `start` again after the book was opened anew."""

    def __init__(self, clock: FakeClock):
        self.clock = clock
        self.source_s = 0.0
        self.air: float | None = 4.0
        self.others = {DOOR: 0.0, DEFROST: 0.0, HUMIDITY: 50.0}
        self.mute = False
        self.chapters: list[Callable[[], Awaitable[None]]] = [
            self.pending,
            self.opens_as_a_warning,
            self.shelved,
            self.gets_critical,
            self.escalates,
            self.acknowledged,
            self.acknowledgement_expires,
            self.clears,
            self.reopens,
            self.maintenance,
            self.defrost,
            self.door,
            self.humid,
            self.fault,
            self.silence,
            self.out_of_service,
            self.back_in_service,
        ]

    def start(self, book: CaseBook) -> None:
        self.book = book
        self.monitor = Monitor([a_line(ScriptedSource(), *SENSORS)], [CABINET], book, self.clock)

    def pass_minutes(self, minutes: int) -> None:
        for _ in range(minutes * MINUTE):
            self.step()

    def step(self) -> None:
        self.clock.advance(STEP_S)
        self.source_s += STEP_S
        if not self.mute:
            for name, value in [(AIR, self.air), *self.others.items()]:
                sample = a_sample(value, sensor=name, at=self.clock.now(), steady_s=self.source_s)
                self.monitor.take(sample)
        self.monitor.look_for_silence()
        self.book.pass_time()

    def case(self) -> Case:
        found = self.book.current((AIR, Kind.TEMP_HIGH))
        assert found is not None
        return found

    async def _act(self, change: Callable[[Case, datetime], Case]) -> None:
        await self.book.act(self.case().case_id, change)

    async def _serve(self, change: Callable[[Service, datetime], Service]) -> None:
        await self.book.serve("03", change, actor="li")

    def _mover(self, at: datetime) -> Mover:
        return Mover(cabinet="03", name="鲜奶柜", actor="li", reason="new fan", at=at)

    async def pending(self) -> None:
        self.pass_minutes(2)
        self.air = 7.0
        self.pass_minutes(6)

    async def opens_as_a_warning(self) -> None:
        self.pass_minutes(8)

    async def shelved(self) -> None:
        await self._act(lambda case, at: handling.shelve(case, actor="li", for_s=900.0, note="load", at=at))
        self.pass_minutes(8)

    async def gets_critical(self) -> None:
        self.pass_minutes(8)  # off the shelf again
        self.air = 9.0
        self.pass_minutes(12)

    async def escalates(self) -> None:
        self.pass_minutes(18)

    async def acknowledged(self) -> None:
        await self._act(lambda case, at: handling.acknowledge(case, actor="li", note="", at=at))
        self.pass_minutes(25)

    async def acknowledgement_expires(self) -> None:
        self.pass_minutes(40)

    async def clears(self) -> None:
        self.air = 4.0
        self.pass_minutes(5)

    async def reopens(self) -> None:
        self.pass_minutes(7)
        self.air = 9.0
        self.pass_minutes(12)
        self.air = 4.0
        self.pass_minutes(40)

    async def maintenance(self) -> None:
        await self._serve(lambda now, _: service.maintain(now, actor="li", reason="fan", for_s=1200.0))
        self.air = 9.0
        self.pass_minutes(15)
        self.air = 4.0
        self.pass_minutes(10)

    async def defrost(self) -> None:
        self.others[DEFROST] = 1.0
        self.air = 9.0
        self.pass_minutes(14)
        self.others[DEFROST] = 0.0
        self.pass_minutes(6)
        self.air = 4.0
        self.pass_minutes(4)

    async def door(self) -> None:
        self.others[DOOR] = 1.0
        self.pass_minutes(7)
        self.others[DOOR] = 0.0
        self.pass_minutes(3)

    async def humid(self) -> None:
        self.others[HUMIDITY] = 90.0
        self.pass_minutes(12)
        self.others[HUMIDITY] = 50.0
        self.pass_minutes(3)

    async def fault(self) -> None:
        self.air = 9.0
        self.pass_minutes(11)
        self.air = None
        self.pass_minutes(3)
        self.air = 9.0
        self.pass_minutes(3)

    async def silence(self) -> None:
        self.mute = True
        self.pass_minutes(7)
        self.mute = False
        self.pass_minutes(2)

    async def out_of_service(self) -> None:
        await self._serve(lambda now, at: service.take_out(now, self._mover(at), due_back=None, event_id="evt_out"))
        self.pass_minutes(5)

    async def back_in_service(self) -> None:
        await self._serve(lambda now, at: service.put_back(now, self._mover(at), event_id="evt_in"))
        self.pass_minutes(12)
