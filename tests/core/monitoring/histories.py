"""What the tests of the history arrange: readings, a history over a real file, and what is in it."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import structs

from core.monitoring import minutes
from core.monitoring.history import History
from core.monitoring.in_force import InForce, SensorTerms
from core.monitoring.minute_file import NAME
from core.monitoring.statistics import Minute
from core.samples import Quality, Quantity, Reading
from core.settings import Device
from core.settings import History as Settings
from tests.core.monitoring.factories import AIR, START
from tests.fakes import FakeClock

BOX = Device(id="box-7", site="s-1", site_name="徐家汇店")


def some_terms(**changed: Any) -> SensorTerms:
    """Of the air of cabinet 03, from 0 to 8 °C."""
    found = SensorTerms(cabinet="03", cabinet_name="鲜奶柜", quantity="temperature", low=0.0, high=8.0)
    return structs.replace(found, **changed)


def a_history(
    directory: Path,
    clock: FakeClock,
    *,
    minute_days: float = 400.0,
    boot_id: str = "boot-1",
    terms: SensorTerms | Mapping[str, SensorTerms] | None = None,
    device: Device = BOX,
) -> History:
    """Over the file of `directory`; `terms` of the air, or of each sensor."""
    sensors = terms if isinstance(terms, Mapping) else {AIR: terms or some_terms()}
    now = InForce(device=device, sensors=sensors)
    history = History(directory, Settings(minute_days=minute_days), now, clock, boot_id)
    _opened.append(history)
    return history


_opened: list[History] = []


def close_histories() -> None:
    """Give back the files of those that a test left as a kill would have."""
    while _opened:
        _opened.pop()._file.close()


def a_reading(
    value: float | None,
    *,
    at: datetime = START,
    steady_s: float = 0.0,
    sensor: str = AIR,
    quality: Quality | None = None,
) -> Reading:
    return Reading(
        sensor=sensor,
        cabinet="03",
        quantity=Quantity.TEMPERATURE,
        unit="°C",
        quality=quality or (Quality.GOOD if value is not None else Quality.FAULT),
        at=at,
        steady_s=steady_s,
        value=value,
        fault=None if value is not None else "no_answer",
    )


def record(
    history: History,
    values: Iterable[float | None],
    *,
    at: datetime = START,
    steady_s: float = 0.0,
    every_s: float = 60.0,
    speed: float = 1.0,
    sensor: str = AIR,
) -> None:
    """These values one after the other, `every_s` of steady time apart; the wall clock runs `speed` times slower."""
    for count, value in enumerate(values):
        after_s = count * every_s
        history.add(
            a_reading(value, at=at + timedelta(seconds=after_s / speed), steady_s=steady_s + after_s, sensor=sensor)
        )


def on_disk(directory: Path, sensor: str = AIR) -> list[Minute]:
    with minutes.reading(directory / NAME) as db:
        return list(minutes.minutes(db, sensor, -(2**62), 2**62))


def means(directory: Path, sensor: str = AIR) -> list[float | None]:
    return [minute.mean for minute in on_disk(directory, sensor)]


def ticks(directory: Path, sensor: str = AIR) -> list[int]:
    return [minute.tick for minute in on_disk(directory, sensor)]
