"""A recording or a simulation that runs faster is judged exactly as at its own pace: rules, cases and durations go by its time."""

from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from core.monitoring.cases import Case
from core.monitoring.monitor import Monitor
from core.monitoring.posts import Line
from core.samples import Quantity, Sample
from core.settings import Cabinet, Limits, Sensor
from tests.core.monitoring.factories import START, ScriptedSource, a_book
from tests.fakes import FakeClock

SENSORS = tuple(
    Sensor(id=f"03.{quantity}", cabinet="03", source="bus", point="x", quantity=quantity)
    for quantity in (Quantity.TEMPERATURE, Quantity.HUMIDITY, Quantity.DOOR, Quantity.DEFROST)
)
CABINET = Cabinet(
    id="03",
    limits=Limits(low=0.0, high=8.0, warn_high=6.0),
    humidity=Limits(high=80.0),
    budget_min=60.0,
    rate_of_rise_k=4.0,
    alarm_delay_s=600.0,
)


def two_days(seed: int) -> list[tuple[str, float, float | None]]:
    """(sensor, seconds, value), once a minute: warm and damp spells, doors, defrosts, and a probe that fails at times."""
    chance, found = Random(seed), []
    for minute in range(2 * 24 * 60):
        spell = (minute // 45) % 7
        air = 9.5 if spell == 2 else 6.5 if spell == 4 else 3.0
        values: dict[str, float | None] = {
            "03.temperature": None if spell == 5 else round(air + chance.uniform(-0.5, 0.5), 2),
            "03.humidity": 90.0 if spell == 3 else 60.0 + chance.random(),
            "03.door": float(minute % 200 < 12),
            "03.defrost": float(minute % 360 < 50),
        }
        found += [(sensor, 60.0 * minute, value) for sensor, value in values.items()]
    return found


def judged(directory: Path, seed: int, speed: float) -> list[Case]:
    directory.mkdir()
    clock = FakeClock()
    line = Line(id="bus", driver="scripted", source=ScriptedSource(), interval_s=60.0, sensors=SENSORS)
    with a_book(directory, clock) as book:
        monitor = Monitor([line], [CABINET], book, clock)
        began_s = clock.steady()
        for sensor, at_s, value in two_days(seed):
            clock.advance(max(0.0, began_s + at_s / speed - clock.steady()))
            fault = "timeout" if value is None else None
            at = START + timedelta(seconds=at_s)
            monitor.take(Sample(sensor=sensor, at=at, steady_s=at_s, value=value, fault=fault))
        return book.all()


@pytest.mark.parametrize("seed", [1, 2])
def test_two_days_at_any_speed_are_the_same_two_days(tmp_path: Path, seed: int) -> None:
    own = judged(tmp_path / "own", seed, 1.0)
    fast = judged(tmp_path / "fast", seed, 20_000.0)
    assert len({case.kind for case in own}) >= 6
    assert [_told(case) for case in fast] == [_told(case) for case in own]


def _told(case: Case) -> tuple[object, ...]:
    return (
        case.sensor,
        case.kind,
        case.severity,
        case.condition,
        case.opened_at,
        case.cleared_at,
        case.reopened,
        case.duration_s,
        case.peak,
    )
