"""Cabinets that exist only here: a thermostat holds the air cold until the compressor fails.

Deterministic by seed and sensor id. Source time runs `speed` times the steady clock, from 0 at the start.
"""

import asyncio
import math
from datetime import datetime, timedelta
from random import Random
from typing import Final, Protocol

import msgspec

from core.clock import Clock
from core.samples import Quantity, Sample
from core.settings import POINT_TYPES, Sensor, SimulatedPoint
from core.settings import SimulatedSource as SimulatedSettings

STEP_S: Final = 5.0
SPACING_S: Final = 30.0
MAX_SAMPLES: Final = 3000
AMBIENT_C: Final = 25.0
RESOLUTION_C: Final = 0.0625


class Cabinet(msgspec.Struct, frozen=True, kw_only=True):
    """What tells one kind of cabinet from another: where the thermostat switches, how tight it is, how strong."""

    cut_in_c: float
    cut_out_c: float
    drift_s: float
    """Time constant of the way to the ambient temperature without cooling."""
    pull_k: float
    """How far below the ambient the compressor would bring the air if it never stopped."""
    humidity: float


CABINETS: Final = {
    # Left alone from 1.5..4 °C the air passes 8 °C after 20 to 30 min; a cycle takes about 20 min.
    "chiller": Cabinet(cut_in_c=4.0, cut_out_c=1.5, drift_s=5600.0, pull_k=47.0, humidity=75.0),
    # From -22.5..-20 °C it passes -15 °C after 18 to 26 min.
    "freezer": Cabinet(cut_in_c=-20.0, cut_out_c=-22.5, drift_s=9000.0, pull_k=90.0, humidity=68.0),
}


class Model(Protocol):
    """One simulated probe."""

    def step(self, at_s: float) -> None:
        """Live through STEP_S seconds, up to source time `at_s`."""

    def value(self) -> float:
        """What the probe shows now."""


class Air:
    """The air of one cabinet, by exact steps of dT/dt = (end - T) / drift_s."""

    def __init__(self, point: SimulatedPoint, quantity: Quantity, rng: Random):
        self._cabinet = CABINETS[point.model]
        self._fails_s = math.inf if point.fails_after_s is None else point.fails_after_s
        self._repaired_s = math.inf if point.repaired_after_s is None else point.repaired_after_s
        self._every_s = math.inf if point.every_s is None else point.every_s
        self._quantity, self._rng = quantity, rng
        self._keep = math.exp(-STEP_S / self._cabinet.drift_s)
        self._air_c = rng.uniform(self._cabinet.cut_out_c, self._cabinet.cut_in_c)
        self._cooling = rng.choice((True, False))

    def step(self, at_s: float) -> None:
        # The thermostat goes on calling for cold while the compressor is broken.
        if self._air_c >= self._cabinet.cut_in_c:
            self._cooling = True
        elif self._air_c <= self._cabinet.cut_out_c:
            self._cooling = False
        failed = self._fails_s <= at_s % self._every_s < self._repaired_s
        end_c = AMBIENT_C - (self._cabinet.pull_k if self._cooling and not failed else 0.0)
        self._air_c = end_c + (self._air_c - end_c) * self._keep

    def value(self) -> float:
        if self._quantity is Quantity.HUMIDITY:
            return self._humidity()
        return round((self._air_c + self._rng.gauss(0.0, 0.03)) / RESOLUTION_C) * RESOLUTION_C

    def _humidity(self) -> float:
        # The coil dries the air while it cools, so humidity follows the air temperature up and down.
        middle_c = (self._cabinet.cut_in_c + self._cabinet.cut_out_c) / 2
        humidity = self._cabinet.humidity + 4.0 * (self._air_c - middle_c) + self._rng.gauss(0.0, 0.5)
        return round(min(max(humidity, 5.0), 98.0), 1)


class Door:
    """A door that customers open about ten times an hour, for some seconds."""

    CHANCE: Final = 10 * STEP_S / 3600
    MEDIAN_S: Final = 12.0

    def __init__(self, rng: Random):
        self._rng = rng
        self._open = False
        self._closes_s = 0.0

    def step(self, at_s: float) -> None:
        if at_s >= self._closes_s and self._rng.random() < self.CHANCE:
            self._closes_s = at_s + min(self._rng.lognormvariate(math.log(self.MEDIAN_S), 0.7), 240.0)
        self._open = at_s < self._closes_s

    def value(self) -> float:
        return float(self._open)


class NoDefrost:
    """A cabinet that never defrosts."""

    def step(self, at_s: float) -> None:
        pass

    def value(self) -> float:
        return 0.0


class SimulatedSource:
    """All simulated probes of one source."""

    simulated = True

    def __init__(self, settings: SimulatedSettings, sensors: tuple[Sensor, ...], clock: Clock):
        self._speed, self._clock = settings.speed, clock
        self._models = [(sensor.id, _model(sensor, settings.seed)) for sensor in sensors]
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
            for _, model in self._models:
                model.step(self._steps * STEP_S)
        return [Sample(sensor=name, at=at, steady_s=at_s, value=model.value()) for name, model in self._models]


def _model(sensor: Sensor, seed: int) -> Model:
    # A sensor has chance of its own, so that adding one doesn't change the others.
    rng = Random(f"{seed}/{sensor.id}")  # noqa: S311 - weather, not a secret
    raw = msgspec.convert(sensor.point, POINT_TYPES[SimulatedSettings])
    point = raw if isinstance(raw, SimulatedPoint) else SimulatedPoint(model=raw)
    match sensor.quantity:
        case Quantity.DOOR:
            return Door(rng)
        case Quantity.DEFROST:
            return NoDefrost()
        case _:
            return Air(point, sensor.quantity, rng)
