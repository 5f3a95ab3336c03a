"""A day of a chiller as its minutes: a cycling compressor, defrosts, open doors, an hour without data, and at its end a
failure; and what the core makes of such minutes.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from core.manage_api.history import statistics_item, step_item
from core.monitoring.series import series_of
from core.monitoring.statistics import Minute
from core.wire_history import History
from tests.cdg_tui.factories import NOW

LENGTH_MIN = 26 * 60
START = NOW - timedelta(minutes=LENGTH_MIN)
START_MS = round(START.timestamp() * 1000)

DEFROST = [(minute, minute + 25) for minute in range(150, LENGTH_MIN, 480)]
DOOR = [(1010, 1022), (1120, 1124), (1405, 1412)]
GAP = (780, 850)
FAILURE = LENGTH_MIN - 55


def _during(minute: int, times: Iterable[tuple[int, int]]) -> bool:
    return any(since <= minute < until for since, until in times)


def _air(minute: int) -> float:
    value = 3.6 + 1.1 * math.sin(minute * math.tau / 18)
    for since, until in DEFROST:
        if since <= minute:
            # Up while it is heated, and back in half an hour.
            value += 7.5 * min(minute - since, until - since) / (until - since) * math.exp(-max(0, minute - until) / 12)
    for since, until in DOOR:
        if since <= minute:
            value += 3.0 * min(1.0, (minute - since) / 6) * math.exp(-max(0, minute - until) / 8)
    return value + max(0, minute - FAILURE) * 0.11


def _minutes(sensor: str) -> Iterator[Minute]:
    for minute in range(LENGTH_MIN):
        if _during(minute, [GAP]):
            continue
        value = {
            "air": _air(minute),
            "defrost": float(_during(minute, DEFROST)),
            "door": float(_during(minute, DOOR)),
        }[sensor.partition(".")[2]]
        edge = 0.2 if sensor.endswith("air") else 0.0
        yield Minute(minute, START_MS + minute * 60_000, value - edge, value, value + edge, 60, 60, 0)


def a_day(cabinet: str = "03") -> dict[str, list[Minute]]:
    """The minutes of a cabinet's three sensors, up to NOW."""
    return {sensor: list(_minutes(sensor)) for sensor in (f"{cabinet}.{what}" for what in ("air", "defrost", "door"))}


def answer(
    recorded: Mapping[str, list[Minute]],
    sensor: str,
    since: datetime,
    until: datetime,
    step_s: int,
    *,
    low: float | None = 0.0,
    high: float | None = 8.0,
) -> History:
    """As the core answers; all of it empty for a sensor of which nothing is recorded."""

    def read(from_ms: int, before_ms: int) -> Iterable[Minute]:
        return (one for one in recorded.get(sensor, ()) if from_ms <= one.at_ms < before_ms)

    found = series_of(read, since, until, step_s, low, high)
    return History(
        sensor=sensor,
        unit="°C",
        since=since,
        until=until,
        step_s=step_s,
        low=low,
        high=high,
        points=tuple(step_item(point) for point in found.points),
        statistics=statistics_item(found.statistics, warm=True),
    )
