"""Sample -> Reading: the quality gate and the calibration offset. Pure."""

import math
from typing import Final

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


def _fault_of(value: float | None, quantity: Quantity) -> str | None:
    if value is None or not math.isfinite(value):
        return "not_a_number"
    if quantity is Quantity.TEMPERATURE and value == POWER_ON_C:
        return "power_on"
    lowest, highest = PLAUSIBLE[quantity]
    return None if lowest <= value <= highest else "out_of_range"
