"""What the monitor keeps of each source and each sensor while it runs. The monitor alone changes it."""

import math
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from core.clock import Clock
from core.events import Severity
from core.monitoring.cases import Case, Kind
from core.monitoring.judges import LIMIT_KINDS, OF_VALUES, Judge
from core.monitoring.presets import Terms
from core.monitoring.readings import UNITS, Gate
from core.monitoring.rules import Edge, Side, Watch
from core.samples import Quality, Quantity, Reading
from core.sensors.drivers import open_source
from core.sensors.source import Source
from core.settings import Cabinet, Sensor, Settings

LONGEST_POLL_S: Final = 60.0  # a driver has deadlines of its own; this one holds where a driver is broken


class Line(Struct, kw_only=True):
    """One source as it runs: what it is, how often it is polled, and how it does."""

    id: str
    driver: str
    source: Source
    interval_s: float
    sensors: tuple[Sensor, ...]
    deadline_s: float = LONGEST_POLL_S
    error: str | None = None
    worked_s: float | None = None  # steady time of the last poll that worked
    ahead_s: float = 0.0  # how far the source's own time was before the box's then


class Post(Struct, kw_only=True):
    """One sensor as it stands: its latest reading and when it was heard, in steady seconds of this box."""

    sensor: Sensor
    cabinet: Cabinet
    terms: Terms
    judges: tuple[Judge, ...]
    simulated: bool
    stale_after_s: float
    heard_s: float
    looked_s: float = -math.inf  # when its silence was last judged, or not to be judged
    reading: Reading | None = None
    gate: Gate | None = None
    last_value: float | None = None
    last_value_at: datetime | None = None
    judged_s: float | None = None  # source time of the last good reading
    outage_s: float | None = None  # how long nobody looked before the first one, where that was an outage
    silent: bool = False
    kept_s: dict[Kind, float] = {}  # when each timer was last written down
    opened_s: dict[Kind, float] = {}  # when a case of this kind opened, in this run
    cleared_s: dict[Kind, float] = {}  # when the last one cleared, in this run

    def key(self, kind: Kind) -> tuple[str, Kind]:
        return self.sensor.id, kind

    @property
    def speaks(self) -> bool:
        """Whether its newest reading is good, and not old."""
        return self.reading is not None and self.reading.quality is Quality.GOOD and not self.silent

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Its limits: of the air, or of humidity."""
        return tuple(judge.edge for judge in self.judges if judge.edge is not None and judge.kind in LIMIT_KINDS)

    @property
    def may_be_warm(self) -> bool:
        """Beyond its upper limit, or not heard yet."""
        if self.sensor.quantity is not Quantity.TEMPERATURE:
            return False
        value, high = self.last_value, [edge for edge in self.edges if edge.side is Side.HIGH]
        return any(value is None or edge.excess(value, edge.inner) > 0 for edge in high)

    @property
    def kinds(self) -> list[Kind]:
        """What can be wrong with this sensor, as it is configured."""
        return [Kind.SENSOR_FAULT, Kind.SENSOR_STALE, *(judge.kind for judge in self.judges)]

    def case(
        self, case_id: str, kind: Kind, severity: Severity, at: datetime, *, watch: Watch, edge: Edge | None
    ) -> Case:
        """A case of this sensor as it opens."""
        return Case(
            case_id=case_id,
            cabinet=self.cabinet.id,
            cabinet_name=self.cabinet.name,
            sensor=self.sensor.id,
            kind=kind,
            severity=severity,
            unit=UNITS[self.sensor.quantity] if kind in OF_VALUES else "",
            opened_at=at,
            started_at=at - timedelta(seconds=watch.elapsed_s),
            simulated=self.simulated,
            limit=edge.limit_for(severity) if edge else None,
            peak=watch.peak,
            duration_s=round(watch.elapsed_s, 1),
        )


def open_lines(settings: Settings, clock: Clock) -> list[Line]:
    """Every source of the settings with its sensors; nothing is polled yet. Raises ConfigError."""
    lines = []
    for source in settings.sources:
        sensors = tuple(sensor for sensor in settings.sensors if sensor.source == source.id)
        lines.append(
            Line(
                id=source.id,
                driver=str(type(source).__struct_config__.tag),
                source=open_source(source, sensors, clock),
                interval_s=source.interval_s or settings.monitor.interval_s,
                sensors=sensors,
            )
        )
    return lines
