"""What a source hands over and what monitoring makes of it. Values only: no behaviour, no I/O."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Quality(StrEnum):
    """How far a reading can be trusted. Only GOOD may be judged as a temperature."""

    GOOD = "good"
    SUSPECT = "suspect"
    FAULT = "fault"
    STALE = "stale"


class Quantity(StrEnum):
    """What a sensor measures: °C, % relative humidity, or 1/0 for door open and defrost running."""

    TEMPERATURE = "temperature"
    HUMIDITY = "humidity"
    DOOR = "door"
    DEFROST = "defrost"


class Sample(Struct, frozen=True, kw_only=True):
    """One raw value of one sensor, as its source gave it.

    `at` is when it was measured in UTC, for people: of a recording the recorded time, of a sped-up simulation the time on
    the wall; `steady_s` the source's own steady time, the only one that judging
    uses. Exactly one of `value` and `fault` is set: a fault code is never dressed as a number.
    """

    sensor: str
    at: datetime
    steady_s: float
    value: float | None = None
    fault: str | None = None


class Reading(Struct, frozen=True, kw_only=True):
    """A sample after the quality gate: `value` is calibrated and set only when `quality` is GOOD, `raw` as it came.

    `fault` is the code of a FAULT, and of what is SUSPECT: `jump` or `flat_line`.
    """

    sensor: str
    cabinet: str
    quantity: Quantity
    unit: str
    quality: Quality
    at: datetime
    steady_s: float
    value: float | None = None
    raw: float | None = None
    fault: str | None = None
