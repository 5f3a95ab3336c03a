"""A stretch of a sensor's history: which one is to be asked for, and what came of it. Values and plain arithmetic."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from core import wire
from core.wire_history import History

CONTACTS: Final = ("defrost", "door")
COLUMNS: Final = 66  # what an axis leaves of a box in 80 columns; taken while nobody knows
YOUNG_S: Final = 120.0  # of a core that runs no longer than that no whole minute may be in its history yet

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
STEPS_S: Final = tuple(
    [n * _MINUTE for n in (1, 2, 5, 10, 15, 20, 30)] + [n * _HOUR for n in (1, 2, 3, 4, 6, 8, 12, 24)]
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Steps(NamedTuple):
    """Whole steps from `since` to before `until`."""

    since: datetime
    until: datetime
    step_s: int


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """`contacts` are the cabinet's defrosts and doors, drawn below the course of `sensor`, as ids and quantities.

    `low` and `high` are limits that count instead of those in force now; `marks` are moments, each with its one character.
    `statistics`: whether what it all amounts to is said too. `others` are the sensors that could stand in its place.
    """

    sensor: str
    contacts: tuple[tuple[str, str], ...]
    steps: Steps
    low: float | None = None
    high: float | None = None
    marks: tuple[tuple[datetime, str], ...] = ()
    statistics: bool = False
    others: tuple[str, ...] = ()

    def of_another(self, turn: int) -> "Stretch":
        """The same of the sensor that comes so many places after this one, in turn."""
        sensors = (self.sensor, *self.others)
        return replace(self, sensor=sensors[turn % len(sensors)])


@dataclass(frozen=True, kw_only=True)
class Course:
    """`contacts` are in the order of the stretch's; `asked_at` is how far it goes. `young`: whether the core had just started."""

    stretch: Stretch
    asked_at: datetime
    history: History
    contacts: tuple[History, ...]
    young: bool = False

    @property
    def empty(self) -> bool:
        """Whether no value is known, drawn or not."""
        return all(point.mean is None for point in self.history.points)


def whole_steps(since: datetime, until: datetime, columns: int) -> Steps:
    """The shortest steps of which all fit into so many columns, the last of them still running; else the longest there are."""
    span_s = (until - since).total_seconds()
    step_s = next((step_s for step_s in STEPS_S if span_s / step_s <= columns - 1), STEPS_S[-1])
    step = timedelta(seconds=step_s)
    return Steps(_EPOCH + (since - _EPOCH) // step * step, _EPOCH + ((until - _EPOCH) // step + 1) * step, step_s)


def minutes_of(since: datetime, until: datetime) -> Steps:
    """The shortest steps that the history has."""
    step = timedelta(minutes=1)
    return Steps(_EPOCH + (since - _EPOCH) // step * step, _EPOCH + ((until - _EPOCH) // step + 1) * step, _MINUTE)


def known_part(stretch: Stretch, history: History, now: datetime, columns: int) -> Stretch:
    """From where the record begins, in shorter steps, where half of the stretch or more lies before it: a young box has no
    day to show yet.
    """
    since, until, _ = stretch.steps
    begun = next((point.at for point in history.points if point.total), since)
    if not (until - since) / 2 <= begun - since < until - since:
        return stretch
    return replace(stretch, steps=whole_steps(begun, min(until, max(now, begun)), columns))


def means(history: History, until: datetime, step_s: float, count: int) -> list[float | None]:
    """The course up to this moment in steps of another length: the mean of the points that begin in each, None for none."""
    sums = [(0.0, 0)] * count
    for point in history.points:
        place = count - 1 - int((until - point.at).total_seconds() // step_s)
        if point.mean is not None and 0 <= place < count:
            sums[place] = sums[place][0] + point.mean, sums[place][1] + 1
    return [total / n if n else None for total, n in sums]


def contacts_of(cabinet: wire.CabinetItem) -> tuple[tuple[str, str], ...]:
    """Its defrosts, then its doors."""
    return tuple((one.sensor, what) for what in CONTACTS for one in _of(cabinet.sensors, what))


def _of(sensors: Iterable[wire.ReadingItem], quantity: str) -> Iterable[wire.ReadingItem]:
    return (sensor for sensor in sensors if sensor.quantity == quantity)
