"""The physics of a display cabinet: air, evaporator and goods as three lumps of heat, stepped by Euler. Pure but for chance.

    C_e dTe/dt = UA_e (Ta - Te) - Q_c + Q_def
    C_a dTa/dt = (UA_w + UA_door) (Tamb - Ta) + Q_load + UA_p (Tp - Ta) + UA_e (Te - Ta)
    C_p dTp/dt = UA_p (Ta - Tp)

A probe follows the air with a time constant of a minute. Ice on the coil takes away capacity and air flow until a defrost
clears it. Constants are those of small plug-in cabinets; the air's short time constant keeps STEP_S stable up to 10 s.
"""

import math
from enum import StrEnum
from random import Random
from typing import Final

from msgspec import Struct

STEP_S: Final = 5.0
PROBE_S: Final = 60.0  # how slowly a probe in its sleeve follows the air
HOUR_S, DAY_S = 3600.0, 86_400.0
OPENS_AT_H: Final = 8.0  # source time 0 is in the morning, when the shop opens
CLOSES_AT_H: Final = 22.0


class Build(Struct, frozen=True, kw_only=True):
    """One kind of cabinet. Temperatures in °C, differences in K, conductances in W/K, capacities in J/K, power in W."""

    set_c: float
    diff_k: float
    air_j: float
    coil_j: float
    goods_j: float
    cooling_w: float
    load_w: float
    walls_w: float
    door_w: float
    goods_w: float
    coil_w: float
    still_coil_w: float
    defrost_w: float  # 0: the coil thaws in the moving air while the compressor rests
    defrost_stop_c: float
    defrost_max_s: float
    drip_s: float
    humidity: float


BUILDS: Final = {
    "chiller": Build(
        set_c=1.5,
        diff_k=2.5,
        air_j=30e3,
        coil_j=25e3,
        goods_j=420e3,
        cooling_w=900,
        load_w=60,
        walls_w=9,
        door_w=40,
        goods_w=28,
        coil_w=120,
        still_coil_w=6,
        defrost_w=0,
        defrost_stop_c=7,
        defrost_max_s=25 * 60,
        drip_s=2 * 60,
        humidity=75,
    ),
    "freezer": Build(
        set_c=-22.5,
        diff_k=2.5,
        air_j=30e3,
        coil_j=25e3,
        goods_j=300e3,
        cooling_w=850,
        load_w=70,
        walls_w=7,
        door_w=30,
        goods_w=22,
        coil_w=110,
        still_coil_w=5,
        defrost_w=1000,
        defrost_stop_c=8,
        defrost_max_s=40 * 60,
        drip_s=3 * 60,
        humidity=68,
    ),
}


class Failure(StrEnum):
    """What can go wrong with a cabinet."""

    COMPRESSOR = "compressor"
    DOOR = "door"  # left ajar
    FAN = "fan"
    LEAK = "leak"  # of refrigerant, slow: capacity falls to LEAK_LEFT within LEAK_S
    POWER = "power"


LEAK_S: Final = 12 * HOUR_S
LEAK_LEFT: Final = 0.15


class Phase(StrEnum):
    """What the controller is doing."""

    COOLING = "cooling"
    DEFROST = "defrost"
    DRIP = "drip"


class CabinetModel:
    """One cabinet as it lives. `step` moves it on by STEP_S; its attributes are what probes and contacts see."""

    def __init__(self, build: Build, rng: Random, defrosts_per_day: int = 4):
        self._build, self._rng = build, rng
        self.air_c = self.goods_c = self.probe_c = build.set_c + rng.uniform(0.2, build.diff_k)
        self.coil_c = build.set_c - 2.0
        self.phase = Phase.COOLING
        self.compressor = rng.choice((True, False))
        self.door = False
        self._ice = rng.uniform(0.0, 0.2)
        self._rested_s = self._ran_s = build.defrost_max_s
        self._phase_s = 0.0
        self._door_closes_s = 0.0
        self._every_s = DAY_S / defrosts_per_day if defrosts_per_day else math.inf
        self._defrost_due_s = rng.uniform(0.3, 1.0) * self._every_s

    def step(self, at_s: float, failure: Failure | None = None, failed_for_s: float = 0.0) -> None:
        """Live through STEP_S seconds, up to source time `at_s`, under a failure that has lasted so long."""
        self._mind_door(at_s, failure)
        self._control(at_s)
        self._exchange(at_s, failure, failed_for_s)

    def _mind_door(self, at_s: float, failure: Failure | None) -> None:
        hour = (OPENS_AT_H + at_s / HOUR_S) % 24
        per_hour = 10.0 if OPENS_AT_H <= hour < CLOSES_AT_H else 0.2
        if at_s >= self._door_closes_s and self._rng.random() < per_hour * STEP_S / HOUR_S:
            self._door_closes_s = at_s + min(max(self._rng.lognormvariate(math.log(12.0), 0.7), 4.0), 240.0)
        self.door = at_s < self._door_closes_s or failure is Failure.DOOR

    def _control(self, at_s: float) -> None:
        """The controller: thermostat with its shortest run and rest, and the defrost clock."""
        build = self._build
        self._phase_s += STEP_S
        if self.phase is Phase.DEFROST:
            if self.coil_c >= build.defrost_stop_c or self._phase_s >= build.defrost_max_s:
                self._enter(Phase.DRIP)
                self._ice = 0.0
        elif self.phase is Phase.DRIP:
            if self._phase_s >= build.drip_s:
                self._enter(Phase.COOLING)
        elif at_s >= self._defrost_due_s:
            self._defrost_due_s += self._every_s
            self._enter(Phase.DEFROST)
        self._switch()

    def _switch(self) -> None:
        build = self._build
        if self.phase is not Phase.COOLING:
            wanted = False
        elif self.compressor:
            wanted = not (self.probe_c < build.set_c and self._ran_s >= 120)
        else:
            wanted = self.probe_c > build.set_c + build.diff_k and self._rested_s >= 180
        if wanted:
            self._ran_s = self._ran_s + STEP_S if self.compressor else 0.0
        else:
            self._rested_s = 0.0 if self.compressor else self._rested_s + STEP_S
        self.compressor = wanted

    def _enter(self, phase: Phase) -> None:
        self.phase, self._phase_s = phase, 0.0

    def _exchange(self, at_s: float, failure: Failure | None, failed_for_s: float) -> None:
        build = self._build
        powered = failure is not Failure.POWER
        blowing = powered and failure is not Failure.FAN and not (build.defrost_w and self.phase is not Phase.COOLING)
        coil_w = build.coil_w * (1 - 0.3 * self._ice) if blowing else build.still_coil_w
        heat_w = build.defrost_w if powered and self.phase is Phase.DEFROST else 0.0
        to_coil_w = coil_w * (self.air_c - self.coil_c)
        walls_w = build.walls_w + build.door_w * self.door
        to_goods_w = build.goods_w * (self.air_c - self.goods_c)
        in_w = walls_w * (_ambient_c(at_s) - self.air_c) + build.load_w
        self.coil_c += (to_coil_w - self._cooling_w(failure, failed_for_s) + heat_w) * STEP_S / build.coil_j
        self.air_c += (in_w - to_goods_w - to_coil_w) * STEP_S / build.air_j
        self.goods_c += to_goods_w * STEP_S / build.goods_j
        self.probe_c += (self.air_c - self.probe_c) * STEP_S / PROBE_S
        if self.phase is Phase.COOLING:
            self._ice = min(1.0, self._ice + 1.2 * STEP_S / DAY_S * (3.0 if self.door else 1.0))

    def _cooling_w(self, failure: Failure | None, failed_for_s: float) -> float:
        build = self._build
        if not self.compressor or failure in {Failure.COMPRESSOR, Failure.POWER}:
            return 0.0
        if self.coil_c < build.set_c - 15:  # the low-pressure switch, without which a coil in still air cools for ever
            return 0.0
        left = 1.0 - (1.0 - LEAK_LEFT) * min(1.0, failed_for_s / LEAK_S) if failure is Failure.LEAK else 1.0
        return build.cooling_w * left * (1 - 0.4 * self._ice) * max(0.3, 1 + 0.02 * (self.coil_c - (build.set_c - 8)))

    @property
    def humidity(self) -> float:
        """% relative: the coil dries the air while it cools."""
        wet = self._build.humidity + 4.0 * (self.probe_c - self._build.set_c - self._build.diff_k / 2)
        return min(max(wet, 5.0), 98.0)


def _ambient_c(at_s: float) -> float:
    hour = OPENS_AT_H + at_s / HOUR_S
    return 25.0 + 1.5 * math.sin(2 * math.pi * (hour - 15) / 24)
