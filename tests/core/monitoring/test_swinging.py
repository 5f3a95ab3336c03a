"""What swings around its limit is one trouble: one case, few webhooks; what flaps fast is told as a digest."""

import itertools
import math
from pathlib import Path

import msgspec
import pytest

from core.events import Event, EventType
from core.monitoring import handling
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Kind
from core.monitoring.handling import Reason
from core.monitoring.monitor import Monitor
from core.samples import Quantity
from core.settings import Cabinet, Limits, Sensor
from tests.core.monitoring.factories import (
    Bench,
    ListPublisher,
    ScriptedSource,
    a_book,
    a_line,
    a_sample,
    publishing,
    until,
)
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

DAY_S = 86_400
PERIOD_S = 720.0
SWING_K = 0.8
MOST_WEBHOOKS = 12
DELAYS: list[tuple[float, float | None]] = [(0.0, 0.0), (60.0, 60.0), (300.0, None), (1800.0, None)]


async def swung(directory: Path, cabinet: Cabinet, limit: float, interval_s: float) -> tuple[int, list[Event]]:
    """(cases, events) of a day about which nobody does anything."""
    publisher, clock = ListPublisher(), FakeClock()
    with a_book(directory, clock) as book:
        bench = Bench(book, clock, cabinet)
        async with publishing(book, publisher):
            for at_s in range(0, DAY_S, int(interval_s)):
                bench.hear(limit + SWING_K * math.sin(2 * math.pi * at_s / PERIOD_S), dt_s=interval_s)
                bench.pass_time()
            await until(lambda: not any(case.outbox for case in book.all()))
        return len(book.all()), publisher.accepted


@pytest.mark.parametrize("side", ["high", "low"])
@pytest.mark.parametrize("severity", ["critical", "warning", "both", "preset"])
async def test_a_value_that_swings_round_its_limit_for_a_day_is_one_case_and_few_webhooks(
    tmp_path: Path, side: str, severity: str
) -> None:
    """+-0.8 K with a period of 12 min for 24 h, nobody acts, and all clocks run. `both`: the warning and the critical limit lie
    within the swing; `preset`: the budget of a day runs too.
    """
    limit = 4.0 if severity != "preset" else 5.0 if side == "high" else -1.0
    further = limit + (0.4 if side == "high" else -0.4)
    limits = {
        "critical": Limits(**{side: limit}),
        "warning": Limits(**{f"warn_{side}": limit}),
        "both": Limits(**{f"warn_{side}": limit, side: further}),
        "preset": None,
    }[severity]
    rows = []
    for number, (interval_s, (delay_s, clear_s), hysteresis_k) in enumerate(
        itertools.product((10.0, 60.0), DELAYS, (0.2, 0.5))
    ):
        cabinet = Cabinet(
            id="03",
            preset="iso_m1" if limits is None else None,
            limits=limits,
            alarm_delay_s=delay_s,
            clear_delay_s=clear_s,
            hysteresis_k=hysteresis_k,
        )
        directory = tmp_path / str(number)
        directory.mkdir()
        count, events = await swung(directory, cabinet, limit, interval_s)
        calls = sum(event.type is EventType.CASE_ESCALATED for event in events)
        rows.append((interval_s, delay_s, clear_s, hysteresis_k, count, len(events), calls))
    print(f"\n{side}, {severity}: interval alarm_delay clear_delay hysteresis | cases webhooks (of them escalations)")
    for row in rows:
        print("{:>9} {:>11} {!s:>11} {:>10} | {:>5} {:>8} ({})".format(*row))
    assert all(row[4] <= 1 and row[5] <= MOST_WEBHOOKS for row in rows)


HOUR_S = 3600
DOOR = Sensor(id="03.door", cabinet="03", source="bus", point="d", quantity=Quantity.DOOR)
FAULTY = [(None, 3), (4.0, 3)]  # value, seconds; None is a fault
SLAMMED = [(1.0, 4), (0.0, 3)]
MOST_TOLD = 11 + 1 + 7  # the first changes, the digest of the first too many, and one each 10 min until it is calm


class Flapper:
    """The sensor AIR or a door contact over a book, heard once a second."""

    def __init__(self, book: CaseBook, clock: FakeClock, kind: Kind):
        self.book, self.clock, self.kind = book, clock, kind
        self.bench = Bench(book, clock)
        if kind is Kind.DOOR_OPEN:
            cabinet = Cabinet(id="03", door_open_s=0.0)
            self.bench.monitor = Monitor([a_line(ScriptedSource(), DOOR)], [cabinet], book, clock)

    def hear(self, value: float | None) -> None:
        if self.kind is Kind.DOOR_OPEN:
            self.clock.advance(1.0)
            at_s = self.clock.steady_s
            self.bench.monitor.take(a_sample(value, sensor=DOOR.id, at=self.clock.now(), steady_s=at_s))
        else:
            self.bench.hear(value, dt_s=1.0)
        self.bench.pass_time()

    def flap(self, seconds: int) -> None:
        pattern = SLAMMED if self.kind is Kind.DOOR_OPEN else FAULTY
        turns = itertools.cycle([value for value, count in pattern for _ in range(count)])
        for value in itertools.islice(turns, seconds):
            self.hear(value)

    def calm(self, seconds: int, *, broken: bool) -> None:
        good, bad = (0.0, 1.0) if self.kind is Kind.DOOR_OPEN else (4.0, None)
        for _ in range(seconds):
            self.hear(bad if broken else good)


@pytest.mark.parametrize("kind", [Kind.DOOR_OPEN, Kind.SENSOR_FAULT])
@pytest.mark.parametrize("broken", [True, False])
async def test_an_hour_of_fast_flapping_is_few_webhooks_and_the_last_one_tells_how_it_ended(
    tmp_path: Path, kind: Kind, broken: bool
) -> None:
    publisher, clock = ListPublisher(), FakeClock()
    with a_book(tmp_path, clock) as book:
        flapper = Flapper(book, clock, kind)
        async with publishing(book, publisher):
            flapper.flap(HOUR_S)
            flapper.calm(1300, broken=broken)
            (case,) = book.all()
            await until(lambda: not book.get(case.case_id).outbox)
    told = [msgspec.json.decode(event.data) for event in publisher.accepted]
    changes = len(publisher.accepted) + sum(one["untold"] for one in told)
    print(f"\n{kind}: {changes} changes and digests, {len(told)} webhooks")
    assert len(told) <= MOST_TOLD
    assert sum(one["untold"] for one in told) > 500
    assert publisher.accepted[-1].type is EventType.CASE_FLAPPING
    assert (told[-1]["condition"], case.untold) == ("active" if broken else "cleared", 0)
    assert [one["seq"] for one in told] == list(range(1, len(told) + 1))


async def test_one_that_has_been_calm_is_told_change_by_change_again(tmp_path: Path) -> None:
    clock = FakeClock()
    with a_book(tmp_path, clock) as book:
        flapper = Flapper(book, clock, Kind.SENSOR_FAULT)
        flapper.flap(HOUR_S)
        flapper.calm(1300, broken=False)
        flapper.calm(3, broken=True)
        (case,) = book.all()
        assert (case.outbox[-1].type, case.untold) == (EventType.CASE_REOPENED, 0)


@pytest.mark.parametrize("seconds", [200, 201, 203, 204, 205])
async def test_a_kill_while_it_flaps_keeps_no_change_from_being_told(tmp_path: Path, seconds: int) -> None:
    """What waited for its digest is told first thing: nobody remembers when that was due."""
    clock, publisher = FakeClock(), ListPublisher()
    with a_book(tmp_path, clock) as book:
        Flapper(book, clock, Kind.SENSOR_FAULT).flap(seconds)
        assert book.all()[0].untold
    with a_book(tmp_path, clock) as book:
        (case,) = book.all()
        async with publishing(book, publisher):
            await until(lambda: not book.get(case.case_id).outbox)
    last = msgspec.json.decode(publisher.accepted[-1].data)
    assert (publisher.accepted[-1].type, last["condition"]) == (EventType.CASE_FLAPPING, case.condition)
    assert case.untold == 0


async def test_closing_a_flapping_case_ends_its_digests(tmp_path: Path) -> None:
    clock = FakeClock()
    with a_book(tmp_path, clock) as book:
        flapper = Flapper(book, clock, Kind.DOOR_OPEN)
        flapper.flap(300)
        await book.act(
            book.all()[0].case_id,
            lambda case, at: handling.close(
                case, actor="li", reason=Reason.FALSE_ALARM, note="latch", force=True, at=at
            ),
        )
        flapper.calm(1300, broken=False)
        (case,) = book.all()
        assert case.outbox[-1].type is EventType.CASE_CLOSED
