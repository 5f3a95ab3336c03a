"""The one table from a source's settings to its driver. A driver's module is loaded only when a source names it."""

from collections.abc import Callable
from importlib import import_module
from typing import Final

import msgspec

from core import settings
from core.clock import Clock
from core.errors import ConfigError
from core.sensors.source import Source

DRIVERS: Final[dict[type[settings.Source], tuple[str, str]]] = {
    settings.SimulatedSource: ("core.sensors.simulated", "SimulatedSource"),
    settings.HttpJsonSource: ("core.sensors.http_json", "HttpJsonSource"),
    settings.ModbusSource: ("core.sensors.modbus", "ModbusSource"),
    settings.ReplaySource: ("core.sensors.replay", "ReplaySource"),
}

# The optional package a driver stands on, and the extra that installs it.
EXTRAS: Final = {"pymodbus": "modbus"}


def open_source(source: settings.AnySource, sensors: tuple[settings.Sensor, ...], clock: Clock) -> Source:
    """The driver of `source` with its `sensors`; nothing is connected or read before the first poll."""
    for sensor in sensors:
        _check_point(source, sensor)
    return _driver(source)(source, sensors, clock)


def _check_point(source: settings.AnySource, sensor: settings.Sensor) -> None:
    try:
        msgspec.convert(sensor.point, settings.POINT_TYPES[type(source)])
    except msgspec.ValidationError as exc:
        raise ConfigError(str(exc), key=f"sensors.{sensor.id}.point") from exc


def _driver(source: settings.AnySource) -> Callable[..., Source]:
    module, name = DRIVERS[type(source)]
    try:
        driver: Callable[..., Source] = getattr(import_module(module), name)
    except ModuleNotFoundError as exc:
        extra = EXTRAS.get((exc.name or "").partition(".")[0])
        if extra is None:
            raise
        need = f"driver {extra} needs the extra: pip install 'cold-display-guard[{extra}]'"
        raise ConfigError(need, key=f"sources.{source.id}") from exc
    return driver
