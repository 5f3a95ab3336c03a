"""What the tests of the history arrange: readings, a history over a real file, and what is in it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from core.monitoring import minutes
from core.monitoring.history import History
from core.monitoring.minute_file import NAME
from core.monitoring.statistics import Minute
from core.samples import Quality, Quantity, Reading
from core.settings import History as Settings
from tests.core.monitoring.factories import AIR, START
from tests.fakes import FakeClock


def a_history(directory: Path, clock: FakeClock, *, minute_days: float = 400.0, boot_id: str = "boot-1") -> History:
    history = History(directory, Settings(minute_days=minute_days), [AIR], clock, boot_id)
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
