"""Cabinets that exist only here (cabinet_model), with the probes in them and what may fail of either.

Deterministic by seed, cabinet and sensor id. Source time runs `speed` times the steady clock, from 0 at the start.
"""

import asyncio
import math
from datetime import datetime, timedelta
from random import Random
from typing import Final

import msgspec

from core.clock import Clock
from core.samples import Quantity, Sample
from core.sensors.cabinet_model import BUILDS, DAY_S, STEP_S, CabinetModel, Failure, Phase
from core.settings import POINT_TYPES, Sensor, SimulatedPoint
from core.settings import SimulatedSource as SimulatedSettings

SPACING_S: Final = 30.0
MAX_SAMPLES: Final = 3000
RESOLUTION_C: Final = 0.0625  # a DS18B20's at 12 bits
NOISE_C: Final = 0.03
DRIFT_C_PER_S: Final = 0.1 / DAY_S
# What a DS18B20 gives after a loss of power, without a sensor, and with a shorted bus; Linux w1_therm.
ERROR_VALUES: Final = {"power_on": 85.0, "disconnected": -127.0}


class Timetable:
    """When something is broken, by source time."""

    def __init__(self, point: SimulatedPoint):
        self._fails_s = math.inf if point.fails_after_s is None else point.fails_after_s
        self._repaired_s = math.inf if point.repaired_after_s is None else point.repaired_after_s
        self._every_s = math.inf if point.every_s is None else point.every_s
        self.fault = point.fault

    def broken_for_s(self, at_s: float) -> float | None:
        """How long it has been broken by then, or None."""
        moment = at_s % self._every_s
        return moment - self._fails_s if self._fails_s <= moment < self._repaired_s else None


class Simulated:
    """One cabinet with the timetables of its failures."""

    def __init__(self, points: list[SimulatedPoint], rng: Random):
        self.model = CabinetModel(BUILDS[points[0].model], rng)
        ills = [Timetable(point) for point in points]
        self._failures = [(Failure(ill.fault), ill) for ill in ills if ill.fault in set(Failure)]

    def step(self, at_s: float) -> None:
        for failure, timetable in self._failures:
            if (lasted_s := timetable.broken_for_s(at_s)) is not None:
                self.model.step(at_s, failure, lasted_s)
                return
        self.model.step(at_s)


class Probe:
    """One sensor in a simulated cabinet."""

    def __init__(self, sensor: Sensor, point: SimulatedPoint, cabinet: CabinetModel, rng: Random):
        self._sensor, self._place, self._cabinet, self._rng = sensor, point.probe, cabinet, rng
        self._timetable = Timetable(point)
        self._last: float | None = None

    def sample(self, at_s: float, at: datetime) -> Sample | None:
        """What it gives; None where it is silent."""
        value, fault = self._given(self._timetable.broken_for_s(at_s))
        if value is None and fault is None:
            return None
        return Sample(sensor=self._sensor.id, at=at, steady_s=at_s, value=value, fault=fault)

    def _given(self, broken_for_s: float | None) -> tuple[float | None, str | None]:
        fault = None if broken_for_s is None else self._timetable.fault
        if fault == "silent":
            return None, None
        if fault == "all_zero":
            return None, "all_zero"
        if fault == "timeout":
            return None, "timeout"
        if fault in ERROR_VALUES:
            return ERROR_VALUES[fault], None
        if fault == "stuck" and self._last is not None:
            return self._last, None
        drift_c = DRIFT_C_PER_S * broken_for_s if fault == "drift" and broken_for_s is not None else 0.0
        self._last = self._measured(drift_c)
        return self._last, None

    def _measured(self, drift_c: float) -> float:
        cabinet = self._cabinet
        match self._sensor.quantity:
            case Quantity.DOOR:
                return float(cabinet.door)
            case Quantity.DEFROST:
                return float(cabinet.phase is Phase.DEFROST)
            case Quantity.HUMIDITY:
                return round(cabinet.humidity + self._rng.gauss(0.0, 0.5), 1)
        there_c = {"air": cabinet.probe_c, "goods": cabinet.goods_c, "coil": cabinet.coil_c}[self._place]
        return round((there_c + drift_c + self._rng.gauss(0.0, NOISE_C)) / RESOLUTION_C) * RESOLUTION_C


class SimulatedSource:
    """All simulated cabinets of one source."""

    simulated = True

    def __init__(self, settings: SimulatedSettings, sensors: tuple[Sensor, ...], clock: Clock):
        self._speed, self._clock = settings.speed, clock
        points: dict[str, list[SimulatedPoint]] = {}
        for sensor in sensors:
            points.setdefault(sensor.cabinet, []).append(_point(sensor))
        # Chance of its own for each, so that adding one doesn't change the others.
        self._cabinets = {name: Simulated(of, _chance(settings.seed, name)) for name, of in points.items()}
        self._probes = [
            Probe(
                one, _point(one), self._cabinets[one.cabinet].model, _chance(settings.seed, f"{one.cabinet}/{one.id}")
            )
            for one in sensors
        ]
        self._start_s = clock.steady()
        self._polled_s = 0.0
        self._steps = 0

    async def poll(self) -> list[Sample]:
        """One sample of each sensor at real speed; sped up, enough of them that no excursion falls between two."""
        since_s, self._polled_s = self._polled_s, (self._clock.steady() - self._start_s) * self._speed
        span_s = self._polled_s - since_s
        count = 1 if self._speed <= 1 else max(1, min(MAX_SAMPLES, math.ceil(span_s / SPACING_S)))
        now, samples = self._clock.now(), []
        for i in range(1, count + 1):
            at_s = since_s + span_s * i / count
            # People's time runs at its own speed: what happens in a sped-up hour happens within this minute.
            at = now - timedelta(seconds=(self._polled_s - at_s) / self._speed)
            samples += self._read(at_s, at)
            await asyncio.sleep(0)  # days in one poll must not hold up everybody else
        return samples

    async def close(self) -> None:
        """Nothing is held."""

    def _read(self, at_s: float, at: datetime) -> list[Sample]:
        # Whole steps on a fixed grid: how often somebody polls doesn't change what happens.
        while (self._steps + 1) * STEP_S <= at_s:
            self._steps += 1
            for cabinet in self._cabinets.values():
                cabinet.step(self._steps * STEP_S)
        given = [probe.sample(at_s, at) for probe in self._probes]
        return [sample for sample in given if sample is not None]


def _chance(seed: int, name: str) -> Random:
    return Random(f"{seed}/{name}")  # noqa: S311 - weather, not a secret


def _point(sensor: Sensor) -> SimulatedPoint:
    raw = msgspec.convert(sensor.point, POINT_TYPES[SimulatedSettings])
    return raw if isinstance(raw, SimulatedPoint) else SimulatedPoint(model=raw)
