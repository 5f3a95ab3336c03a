"""What a backtest needs to know before it reads anything, whatever it reads: the cabinet, its sensors, the terms on trial; and
the table of what came out.

What can't be used is a ConfigError in one line; what a person should know besides stands in `Backtest.notes`.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from core.backtest import Found, Verdict
from core.config import draft, load, read_text
from core.errors import ConfigError, RefusalError
from core.samples import Quantity
from core.settings import Cabinet, Sensor, Settings

# What may be tried without touching the file: keys of the cabinet.
TRIED: Final = (
    "limits.high",
    "limits.warn_high",
    "limits.low",
    "limits.warn_low",
    "alarm_delay_s",
    "clear_delay_s",
    "hysteresis_k",
)


class Backtest(Struct, frozen=True, kw_only=True):
    """What came out, and what a person should know of how: what was judged, and what was not."""

    verdict: Verdict
    notes: tuple[str, ...]


class Asked(Struct, frozen=True, kw_only=True):
    """A cabinet with all of its sensors, of which `air` is the temperature sensor that matters most; `settings` as tried."""

    settings: Settings
    cabinet: Cabinet
    sensors: tuple[Sensor, ...]
    air: Sensor


def asked(config: Path, cabinet_id: str, sensor_id: str | None, tried: Sequence[str]) -> Asked:
    """`sensor_id` is the air's where the cabinet has several; `tried` are KEY=VALUE of the cabinet. Raises ConfigError."""
    settings = load(config).settings
    _cabinet(settings, cabinet_id)
    if tried:
        settings = _with(tried, config, cabinet_id)
    mine = tuple(sensor for sensor in settings.sensors if sensor.cabinet == cabinet_id)
    air = _air(mine, cabinet_id, sensor_id)
    return Asked(settings=settings, cabinet=_cabinet(settings, cabinet_id), sensors=mine, air=air)


def _cabinet(settings: Settings, cabinet_id: str) -> Cabinet:
    for cabinet in settings.cabinets:
        if cabinet.id == cabinet_id:
            return cabinet
    raise ConfigError(f"there is no cabinet {cabinet_id!r}; there are {listed(one.id for one in settings.cabinets)}")


def _with(tried: Sequence[str], config: Path, cabinet_id: str) -> Settings:
    """The settings with the cabinet's keys as they are to be tried."""
    changes: dict[str, Any] = {}
    for text in tried:
        key, _, value = text.partition("=")
        if key not in TRIED:
            raise ConfigError(f"--set has no key {key!r}; it has {', '.join(TRIED)}")
        *tables, name = key.split(".")
        table = changes
        for step in tables:
            table = table.setdefault(step, {})
        table[name] = _float(key, value)
    try:
        return draft(read_text(config), config, {"cabinets": {cabinet_id: changes}}).after.settings
    except RefusalError as error:
        raise ConfigError(f"--set: {error}") from error


def _float(key: str, text: str) -> float:
    try:
        if math.isfinite(value := float(text)):
            return value
    except ValueError:
        pass
    raise ConfigError(f"--set {key}: {text!r} is not a number")


def _air(mine: Sequence[Sensor], cabinet_id: str, sensor_id: str | None) -> Sensor:
    """The temperature sensor of that name, or the first."""
    able = [sensor for sensor in mine if sensor.quantity is Quantity.TEMPERATURE]
    if not able:
        raise ConfigError(f"cabinet {cabinet_id!r} has no temperature sensor")
    for sensor in able:
        if sensor_id in {None, sensor.id}:
            return sensor
    ids = listed(sensor.id for sensor in able)
    raise ConfigError(f"cabinet {cabinet_id!r} has no temperature sensor {sensor_id!r}; it has {ids}")


def listed(names: Iterable[str]) -> str:
    """Names as an error lists them."""
    return ", ".join(repr(name) for name in names)


def table(verdict: Verdict) -> list[str]:
    """The lines for people."""
    rows = [("opened", "cleared", "kind", "severity", "peak", "duration"), *map(_cells, verdict.cases)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    share = "--" if verdict.time_in_limit_pct is None else f"{verdict.time_in_limit_pct:g} %"
    span = f"{verdict.rows} rows from {_time(verdict.since)} until {_time(verdict.until)}"
    return [*(shown if verdict.cases else []), f"cases: {len(verdict.cases)}; time in limit: {share}; {span}"]


def _cells(found: Found) -> tuple[str, ...]:
    peak = "--" if found.peak is None else f"{found.peak:.1f}"
    cleared = "--" if found.cleared_at is None else _time(found.cleared_at)
    duration = str(timedelta(seconds=round(found.duration_s)))
    return _time(found.opened_at), cleared, str(found.kind), str(found.severity), peak, duration


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
