"""The quality gate: a number that is none never passes for a temperature."""

import math

import pytest

from core.monitoring.readings import Gate, gated, read
from core.samples import Quality, Quantity, Sample
from core.settings import Sensor
from tests.core.monitoring.factories import AIR, START, a_sample, a_sensor


def a_probe(quantity: Quantity) -> Sensor:
    return Sensor(id=AIR, cabinet="03", source="bus", point="x", quantity=quantity)


@pytest.mark.parametrize(
    ("offset", "raw", "value"), [(0.0, 4.25, 4.25), (-0.3, 4.0, 3.7), (1.5, -20.0, -18.5), (0.1, 0.2, 0.3)]
)
def test_the_calibration_offset_is_added_to_a_good_value(offset: float, raw: float, value: float) -> None:
    reading = read(a_sample(raw), a_sensor(offset=offset))
    assert (reading.quality, reading.value, reading.raw) == (Quality.GOOD, value, raw)


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (math.nan, "not_a_number"),
        (math.inf, "not_a_number"),
        (-math.inf, "not_a_number"),
        (85.0, "power_on"),
        (-127.0, "out_of_range"),
        (-60.01, "out_of_range"),
        (120.01, "out_of_range"),
        (3276.7, "out_of_range"),
        (-3276.8, "out_of_range"),
    ],
)
def test_what_no_cabinet_ever_is_becomes_a_fault_and_no_value(raw: float, fault: str) -> None:
    reading = read(a_sample(raw), a_sensor())
    assert (reading.quality, reading.value, reading.fault) == (Quality.FAULT, None, fault)


@pytest.mark.parametrize("raw", [-60.0, -0.0, 0.0, 120.0])
def test_the_ends_of_the_plausible_range_are_values(raw: float) -> None:
    reading = read(a_sample(raw), a_sensor())
    assert (reading.quality, reading.value, reading.fault) == (Quality.GOOD, raw, None)


def test_a_fault_code_becomes_no_value() -> None:
    reading = read(a_sample(None, fault="crc"), a_sensor(offset=2.0))
    assert (reading.quality, reading.value, reading.fault) == (Quality.FAULT, None, "crc")


def test_a_value_that_comes_with_a_fault_is_not_trusted() -> None:
    sample = Sample(sensor=AIR, at=START, steady_s=0.0, value=4.0, fault="sensor_error_bit")
    reading = read(sample, a_sensor())
    assert (reading.quality, reading.value, reading.fault) == (Quality.FAULT, None, "sensor_error_bit")


def test_a_sample_with_neither_value_nor_fault_is_a_fault() -> None:
    reading = read(Sample(sensor=AIR, at=START, steady_s=0.0), a_sensor())
    assert (reading.quality, reading.value, reading.fault) == (Quality.FAULT, None, "not_a_number")


@pytest.mark.parametrize(
    ("quantity", "raw", "quality"),
    [
        (Quantity.HUMIDITY, 100.0, Quality.GOOD),
        (Quantity.HUMIDITY, 100.5, Quality.FAULT),
        (Quantity.HUMIDITY, -1.0, Quality.FAULT),
        (Quantity.DOOR, 1.0, Quality.GOOD),
        (Quantity.DOOR, 2.0, Quality.FAULT),
        (Quantity.DEFROST, 0.0, Quality.GOOD),
        (Quantity.DEFROST, -1.0, Quality.FAULT),
    ],
)
def test_each_quantity_has_its_own_plausible_range(quantity: Quantity, raw: float, quality: Quality) -> None:
    assert read(a_sample(raw), a_probe(quantity)).quality is quality


@pytest.mark.parametrize(("quantity", "unit"), [(Quantity.TEMPERATURE, "°C"), (Quantity.HUMIDITY, "%")])
def test_a_reading_carries_its_unit_and_the_times_of_its_sample(quantity: Quantity, unit: str) -> None:
    reading = read(a_sample(4.0, at=START, steady_s=12.5), a_probe(quantity))
    assert (reading.unit, reading.at, reading.steady_s, reading.cabinet) == (unit, START, 12.5, "03")


def humidity_after(*course: tuple[float, float]) -> Quality:
    """The quality of the last of these (seconds, %)."""
    gate: Gate | None = None
    for at_s, value in course:
        gate, reading = gated(gate, read(a_sample(value, steady_s=at_s), a_probe(Quantity.HUMIDITY)))
    return reading.quality


@pytest.mark.parametrize("end", [0.0, 100.0])
def test_a_humidity_that_stands_at_an_end_of_its_range_for_an_hour_is_suspect(end: float) -> None:
    """A wet element shows 100 %, a broken one 0 %; air that is so dry or so wet still moves."""
    hour = [(60.0 * minute, end) for minute in range(61)]
    assert humidity_after(*hour[:-1]) is Quality.GOOD
    assert humidity_after(*hour) is Quality.SUSPECT
    assert humidity_after(*hour[:30], (1800.0, 60.0), *hour[31:]) is Quality.GOOD
    assert humidity_after(*hour, (3610.0, 60.0)) is Quality.GOOD


def test_a_humidity_that_stands_still_within_its_range_is_taken() -> None:
    """A hygrometer of whole percents does so for hours."""
    assert humidity_after((0.0, 55.0), (9000.0, 55.0)) is Quality.GOOD
