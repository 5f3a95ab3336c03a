"""What a run of the core was set to, as far as a record must still know it years later: of which box, and by which terms each
sensor was judged. Pure.
"""

from collections.abc import Mapping

from msgspec import Struct

from core.monitoring.presets import Terms, terms_of
from core.samples import Quantity
from core.settings import Cabinet, Device, Limits, ReplaySource, Sensor, Settings, SimulatedSource


class SensorTerms(Struct, frozen=True, kw_only=True):
    """What held for a sensor. Limits are in its unit, dates as ISO 8601; `simulated` values are invented or recorded ones."""

    cabinet: str
    cabinet_name: str
    quantity: str
    preset: str | None = None
    low: float | None = None
    high: float | None = None
    warn_low: float | None = None
    warn_high: float | None = None
    offset: float = 0.0
    calibrated_on: str | None = None
    calibrated_by: str | None = None
    calibration_due: str | None = None
    simulated: bool = False


class InForce(Struct, frozen=True, kw_only=True):
    """The settings of one run: they change only with a restart."""

    device: Device
    sensors: Mapping[str, SensorTerms]


def in_force(settings: Settings) -> InForce:
    cabinets = {cabinet.id: cabinet for cabinet in settings.cabinets}
    invented = {one.id for one in settings.sources if isinstance(one, SimulatedSource | ReplaySource)}
    return InForce(
        device=settings.device,
        sensors={
            sensor.id: _terms(sensor, cabinets[sensor.cabinet], simulated=sensor.source in invented)
            for sensor in settings.sensors
        },
    )


def limits_of(quantity: Quantity, cabinet: Cabinet, terms: Terms) -> Limits:
    """Of the air or of humidity; what has none, such as a contact, has empty ones."""
    match quantity:
        case Quantity.TEMPERATURE:
            return terms.limits
        case Quantity.HUMIDITY:
            return cabinet.humidity or Limits()
        case _:
            return Limits()


def _terms(sensor: Sensor, cabinet: Cabinet, *, simulated: bool) -> SensorTerms:
    limits, calibration = limits_of(sensor.quantity, cabinet, terms_of(cabinet)), sensor.calibration
    return SensorTerms(
        cabinet=cabinet.id,
        cabinet_name=cabinet.name,
        quantity=sensor.quantity,
        preset=cabinet.preset,
        low=limits.low,
        high=limits.high,
        warn_low=limits.warn_low,
        warn_high=limits.warn_high,
        offset=sensor.offset,
        calibrated_on=calibration.on.isoformat() if calibration else None,
        calibrated_by=calibration.by if calibration else None,
        calibration_due=calibration.due.isoformat() if calibration and calibration.due else None,
        simulated=simulated,
    )
