"""Sample -> Reading: the quality gate and the calibration offset. Pure."""

import math
from typing import Final

from msgspec import Struct, structs

from core.samples import Quality, Quantity, Reading, Sample
from core.settings import Sensor

UNITS: Final = {Quantity.TEMPERATURE: "°C", Quantity.HUMIDITY: "%", Quantity.DOOR: "", Quantity.DEFROST: ""}

# Beyond these no cabinet ever is: what lies outside is a sensor's error code in the dress of a number.
PLAUSIBLE: Final = {
    Quantity.TEMPERATURE: (-60.0, 120.0),
    Quantity.HUMIDITY: (0.0, 100.0),
    Quantity.DOOR: (0.0, 1.0),
    Quantity.DEFROST: (0.0, 1.0),
}

JUMP_K: Final = 10.0
JUMP_WITHIN_S: Final = 60.0  # no air warms or cools by JUMP_K in so short a time
FLAT_S: Final = 3600.0
LIVELY_K: Final = 1.0  # a probe whose value moved so far within an hour is in moving air, and can't stand still for one
FINE_K: Final = 0.2  # but one with coarser steps can, however far a defrost moves it
LONGEST_LOOK_S: Final = 300.0  # of a longer time without values nobody knows whether it stood still

POWER_ON_C: Final = 85.0  # what a DS18B20 shows before it has measured anything; no cabinet is that warm


def read(sample: Sample, sensor: Sensor) -> Reading:
    """What the sample is worth: a calibrated value, or a fault with its code; never both."""
    fault = sample.fault or _fault_of(sample.value, sensor.quantity)
    good = sample.value if fault is None else None
    return Reading(
        sensor=sensor.id,
        cabinet=sensor.cabinet,
        quantity=sensor.quantity,
        unit=UNITS[sensor.quantity],
        quality=Quality.GOOD if good is not None else Quality.FAULT,
        at=sample.at,
        steady_s=sample.steady_s,
        value=round(good + sensor.offset, 4) if good is not None else None,
        raw=sample.value,
        fault=fault,
    )


class Gate(Struct, frozen=True, kw_only=True):
    """What the gate remembers of one probe. `value` at `at_s` was the last good one, `doubt` the jump that came after it;
    for `same_s` it has been seen not to move; `low` to `high` is its range since `hour_s`, `lively_k` that of an hour before;
    `finest_k` the smallest step seen.
    """

    value: float
    at_s: float
    hour_s: float
    low: float
    high: float
    same_s: float = 0.0
    lively_k: float = 0.0
    finest_k: float = 1e9  # none seen yet; JSON knows no infinity
    doubt: float | None = None

    @property
    def lively(self) -> bool:
        """Whether this probe can't stand still for an hour."""
        return self.lively_k >= LIVELY_K and self.finest_k <= FINE_K

    def resumed(self, now_s: float) -> "Gate":
        """As known from a former run, whose time was another: what comes next is no jump from then."""
        return structs.replace(self, at_s=now_s - JUMP_WITHIN_S - 1.0, hour_s=now_s, doubt=None)


def gated(gate: Gate | None, reading: Reading) -> tuple[Gate | None, Reading]:
    """A good temperature is suspect where it jumps as no air can, until the next one agrees with it, or where it has stood
    still for an hour although that probe never does; a humidity where it has stood at an end of its range for an hour, as
    a wet or a broken element does.
    """
    value, now_s = reading.value, reading.steady_s
    if value is None or reading.quantity not in (Quantity.TEMPERATURE, Quantity.HUMIDITY):
        return gate, reading
    if gate is None or now_s < gate.at_s:
        return Gate(value=value, at_s=now_s, hour_s=now_s, low=value, high=value), reading
    if reading.quantity is Quantity.HUMIDITY:
        gate = _moved(gate, value, now_s)
        pinned = reading.raw in PLAUSIBLE[Quantity.HUMIDITY] and gate.same_s >= FLAT_S
        return gate, _suspect(reading, "flat_line") if pinned else reading
    soon = now_s - gate.at_s <= JUMP_WITHIN_S or gate.doubt is not None
    jumps = abs(value - gate.value) > JUMP_K and soon
    if jumps and (gate.doubt is None or abs(value - gate.doubt) > JUMP_K):
        return structs.replace(gate, doubt=value), _suspect(reading, "jump")
    gate = _moved(gate, value, now_s)
    if gate.same_s >= FLAT_S and gate.lively:
        return gate, _suspect(reading, "flat_line")
    return gate, reading


def _moved(gate: Gate, value: float, now_s: float) -> Gate:
    step_k = abs(value - gate.value)
    low, high = min(gate.low, value), max(gate.high, value)
    lively_k, hour_s = gate.lively_k, gate.hour_s
    if now_s - hour_s >= FLAT_S:
        lively_k = high - low or lively_k
        low = high = value
        hour_s = now_s
    return structs.replace(
        gate,
        value=value,
        at_s=now_s,
        same_s=0.0 if step_k else gate.same_s + min(now_s - gate.at_s, LONGEST_LOOK_S),
        hour_s=hour_s,
        low=low,
        high=high,
        lively_k=lively_k,
        finest_k=min(gate.finest_k, step_k) if step_k else gate.finest_k,
        doubt=None,
    )


def _suspect(reading: Reading, code: str) -> Reading:
    return structs.replace(reading, quality=Quality.SUSPECT, value=None, fault=code)


def _fault_of(value: float | None, quantity: Quantity) -> str | None:
    if value is None or not math.isfinite(value):
        return "not_a_number"
    if quantity is Quantity.TEMPERATURE and value == POWER_ON_C:
        return "power_on"
    if quantity in (Quantity.DOOR, Quantity.DEFROST) and value not in (0.0, 1.0):
        return "out_of_range"
    lowest, highest = PLAUSIBLE[quantity]
    return None if lowest <= value <= highest else "out_of_range"
