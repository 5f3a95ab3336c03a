"""`cdg-core backtest --history`: the minutes that the box itself recorded of a cabinet, as rows. Also beside a running core."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from msgspec import structs

from core.backtest import Row, judge
from core.backtest_terms import Asked, Backtest, asked
from core.errors import ConfigError
from core.export import history_of, span
from core.monitoring import minutes
from core.monitoring.abreast import Read, abreast
from core.monitoring.labels import moment
from core.samples import Quantity
from core.settings import Sensor

MINUTE_S: Final = 60.0
MILDER: Final = "judged by the means of the minutes: what was short looks milder than it was"
_CONTACTS: Final = {Quantity.DOOR, Quantity.DEFROST}
_CLOSED: Final = 0.5  # of a minute; a contact that was closed for less of it counts as open


def backtest(
    config: Path,
    cabinet_id: str,
    directory: Path,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    sensor_id: str | None = None,
    tried: Sequence[str] = (),
) -> Backtest:
    """Judge what the history in `directory` holds, from `since` to before `until`. Without `sensor_id` every temperature
    sensor is judged; `tried` are KEY=VALUE of the cabinet. Raises ConfigError, also for a file that can't be read.
    """
    trial = asked(config, cabinet_id, sensor_id, tried)
    since_ms, until_ms = span(since, until)
    path = history_of(directory)
    try:
        with minutes.reading(path) as db:
            db.execute("BEGIN")  # one view of it all, whatever a running core adds and prunes meanwhile
            ends = {one.id: minutes.ticks(db, one.id, since_ms, until_ms) for one in _wanted(trial, sensor_id)}
            read = {one: partial(minutes.between, db, one, *found) for one, found in ends.items() if found is not None}
            if trial.air.id not in read:
                raise ConfigError(f"holds no minute of {trial.air.id} in that time", path=path)
            judged = [_as_recorded(sensor) for sensor in trial.sensors if sensor.id in read]
            verdict = judge(trial.settings, trial.cabinet, judged, _rows(read, judged, trial.air.id))
    except (sqlite3.Error, OverflowError) as error:
        raise ConfigError(f"can't be read: {error}", path=path) from error
    assert verdict is not None
    return Backtest(verdict=verdict, notes=tuple(_notes(trial, list(read))))


def _wanted(trial: Asked, sensor_id: str | None) -> Iterator[Sensor]:
    for sensor in trial.sensors:
        if sensor_id in {None, sensor.id} or sensor.quantity is not Quantity.TEMPERATURE:
            yield sensor


def _as_recorded(sensor: Sensor) -> Sensor:
    """The history's values are calibrated already."""
    return structs.replace(sensor, offset=0.0)


def _rows(read: Mapping[str, Read], judged: Sequence[Sensor], air: str) -> Iterator[Row]:
    contacts = {sensor.id for sensor in judged if sensor.quantity in _CONTACTS}
    first: int | None = None
    for tick, found in abreast(read, air):
        first = tick if first is None else first
        values = {
            sensor: float(minute.mean >= _CLOSED) if sensor in contacts and minute.mean is not None else minute.mean
            for sensor, minute in found.items()
        }
        at_ms = next(iter(found.values())).at_ms
        yield Row(moment(at_ms), (tick - first) * MINUTE_S, values)


def _notes(trial: Asked, judged: Sequence[str]) -> Iterator[str]:
    yield "judged: " + ", ".join(judged)
    if left := [sensor.id for sensor in trial.sensors if sensor.id not in judged]:
        yield f"not judged: {', '.join(left)}"
    yield MILDER
