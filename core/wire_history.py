"""The manage API's answers about the history; as `wire`, of which it is the part for charts and records. Values only."""

from core.wire import Answer, Moment


class HistoryPoint(Answer, frozen=True, kw_only=True):
    """One step: the lowest, the mean by time and the highest of its minutes; null where nothing is known, never filled.

    `minutes` had a good value; `good` of `total` samples were good. `quality` is the worst that was seen, null without samples.
    """

    at: Moment
    min: float | None
    mean: float | None
    max: float | None
    minutes: int
    good: int
    total: int
    quality: str | None


class HistoryStatistics(Answer, frozen=True, kw_only=True):
    """Of the whole time asked for, in minutes and the sensor's unit. `known_min` had a good value, `gap_min` between the first
    and the last had none.

    `in_limit_pct` is of the known minutes. An excursion is a stretch of minutes above `high`; a gap neither ends nor lengthens
    it. `mkt` is the mean kinetic temperature (83.144 kJ/mol): it hides freezing, so look at `min` too.
    """

    known_min: int
    gap_min: int
    min: float | None
    mean: float | None
    max: float | None
    mkt: float | None
    in_limit_pct: float | None
    excursions: int | None
    longest_excursion_min: int | None
    degree_min: float | None


class History(Answer, frozen=True, kw_only=True):
    """Every step from `since` to before `until`. `low` and `high` are the limits in force now, by which `statistics` judges."""

    sensor: str
    unit: str | None
    since: Moment
    until: Moment
    step_s: int
    low: float | None
    high: float | None
    points: tuple[HistoryPoint, ...]
    statistics: HistoryStatistics
