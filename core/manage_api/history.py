"""The route of the history: a sensor's minutes by steps, and what they amount to."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from msgspec import Meta, Struct

from core import wire_history as wire
from core.manage_api.parts import Parts
from core.manage_api.table import Call, Route, Scope
from core.manage_api.views import limits_of
from core.monitoring.minutes import QUALITIES
from core.monitoring.readings import UNITS
from core.monitoring.series import Point
from core.monitoring.statistics import Statistics
from core.samples import Quantity
from core.settings import Limits
from core.wire import Moment

_A_DAY: Final = timedelta(days=1)


class HistoryQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`until` is now where it is not given, `since` a day before. `step_s` from a minute on."""

    sensor: Annotated[str, Meta(min_length=1, max_length=64)]
    since: Moment | None = None
    until: Moment | None = None
    step_s: Annotated[int, Meta(ge=60, le=31_536_000)] = 300


class HistoryHandlers:
    """What the row below calls."""

    def __init__(self, parts: Parts):
        self._parts = parts

    async def history(self, call: Call) -> Struct:
        query = call.query
        assert isinstance(query, HistoryQuery)
        since, until = self._window(query)
        post = next((post for post in self._parts.monitor.posts if post.sensor.id == query.sensor), None)
        limits = Limits() if post is None else limits_of(post)
        series = await self._parts.history.query(
            query.sensor, since, until, query.step_s, low=limits.low, high=limits.high
        )
        warm = post is None or post.sensor.quantity is Quantity.TEMPERATURE
        return wire.History(
            sensor=query.sensor,
            unit=None if post is None else UNITS[post.sensor.quantity],
            since=since,
            until=until,
            step_s=query.step_s,
            low=limits.low,
            high=limits.high,
            points=tuple(step_item(point) for point in series.points),
            statistics=statistics_item(series.statistics, warm=warm),
        )

    def _window(self, query: HistoryQuery) -> tuple[datetime, datetime]:
        until = query.until or self._parts.clock.now()
        earliest = datetime.min.replace(tzinfo=UTC) + _A_DAY
        return query.since or max(until, earliest) - _A_DAY, until


def step_item(point: Point) -> wire.HistoryPoint:
    return wire.HistoryPoint(
        at=point.at,
        min=point.low,
        mean=point.mean,
        max=point.high,
        minutes=point.minutes,
        good=point.good,
        total=point.total,
        quality=QUALITIES[point.quality] if point.total else None,
    )


def statistics_item(found: Statistics, *, warm: bool) -> wire.HistoryStatistics:
    """A mean kinetic temperature only of what is a temperature."""
    return wire.HistoryStatistics(
        known_min=found.known_min,
        gap_min=found.gap_min,
        min=found.low,
        mean=_rounded(found.mean),
        max=found.high,
        mkt=_rounded(found.mkt) if warm else None,
        in_limit_pct=_rounded(found.in_limit_pct),
        excursions=found.excursions,
        longest_excursion_min=found.longest_excursion_min,
        degree_min=_rounded(found.degree_min),
    )


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 3)


def history_routes(parts: Parts) -> tuple[Route, ...]:
    on = HistoryHandlers(parts)
    return (
        Route(
            method="GET",
            path="/api/manage/readings/history",
            scope=Scope.READ,
            handler=on.history,
            summary="One sensor's minutes by steps, with time in limit, excursions and mean kinetic temperature",
            answer=wire.History,
            query=HistoryQuery,
            refusals={
                404: ("sensor_not_found",),
                409: ("since_after_until", "too_many_points", "history_unreadable"),
            },
        ),
    )
