"""Which rules watch a sensor: one judge for each thing that can be wrong with it. Pure.

The rules themselves are in rules, contacts, budget, rise and running; here is what each cabinet gets of them.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct, structs

from core.monitoring import contacts
from core.monitoring.answers import Answers
from core.monitoring.budget import Budget, step_budget
from core.monitoring.cases import Kind
from core.monitoring.course import Hold
from core.monitoring.outages import step_outage
from core.monitoring.presets import Terms
from core.monitoring.rise import Rise, step_rise
from core.monitoring.rules import Change, Edge, Side, Watch, edges_of, step
from core.monitoring.running import LONG_OUTAGE_S, Running, after_outage, broken_off, step_running
from core.samples import Quantity
from core.settings import Cabinet, Sensor

TEMPERATURE_KINDS: Final = {Side.HIGH: Kind.TEMP_HIGH, Side.LOW: Kind.TEMP_LOW}
HUMIDITY_KINDS: Final = {Side.HIGH: Kind.HUMIDITY_HIGH, Side.LOW: Kind.HUMIDITY_LOW}
LIMIT_KINDS: Final = frozenset({*TEMPERATURE_KINDS.values(), *HUMIDITY_KINDS.values()})
# Of these a value says how bad it is: without one nobody knows.
OF_VALUES: Final = LIMIT_KINDS | {Kind.AFTER_OUTAGE, Kind.RATE_OF_RISE, Kind.BUDGET_EXCEEDED}

# What is remembered of a kind where a plain Watch does not hold it.
WATCHES: Final[dict[Kind, type[Watch]]] = {
    Kind.BUDGET_EXCEEDED: Budget,
    Kind.RATE_OF_RISE: Rise,
    Kind.TREND: Running,
    Kind.SENSOR_FAULT: Answers,
}

# Found by looking, without a watch: a case of theirs is all there is.
WATCHLESS: Final = frozenset({Kind.SENSOR_STALE, Kind.DEVICE_HEALTH})


def watch_type(kind: Kind) -> type[Watch]:
    return WATCHES.get(kind, Watch)


PATIENCE_S: Final = 120.0
MOST_RETURNS: Final = 10  # that still make a difference


class Seen(Struct, frozen=True, kw_only=True):
    """One good value, `dt_s` of judged time after the one before. `window` is a known reason to wait with an alarm;
    `outage_s`: nothing was known for so long before it, where that was an outage; `reopened` how often the case
    that is open came back; `alarmed` whether a critical case is open for too high a value.
    """

    value: float
    dt_s: float
    window: Hold | None = None
    outage_s: float | None = None
    reopened: int = 0
    alarmed: bool = False


Step = Callable[[Any, Seen], tuple[Watch, Change | None]]


class Judge(Struct, frozen=True, kw_only=True):
    """What watches for one kind. `edge` is set where a case of it has a limit."""

    kind: Kind
    step: Step
    edge: Edge | None = None


def judges_of(sensor: Sensor, cabinet: Cabinet, terms: Terms, longest_step_s: float) -> tuple[Judge, ...]:
    """All that is judged by this sensor's good values. Those of a sensor of no kind that is asked for are only recorded."""
    match sensor.quantity:
        case Quantity.TEMPERATURE:
            return _of_temperature(cabinet, terms, longest_step_s)
        case Quantity.HUMIDITY:
            edges = edges_of(terms, cabinet.humidity, longest_step_s) if cabinet.humidity is not None else ()
            return tuple(_limit(HUMIDITY_KINDS[edge.side], edge) for edge in edges)
        case Quantity.DOOR:
            longest_s = contacts.DOOR_OPEN_S if cabinet.door_open_s is None else cabinet.door_open_s
            return (_contact(Kind.DOOR_OPEN, longest_s, longest_step_s, contacts.LONG_OPENING_S),)
        case Quantity.DEFROST:
            return _of_defrost(cabinet, longest_step_s)


def _of_temperature(cabinet: Cabinet, terms: Terms, longest_step_s: float) -> tuple[Judge, ...]:
    edges = edges_of(terms, terms.limits, longest_step_s)
    found = [_limit(TEMPERATURE_KINDS[edge.side], edge) for edge in edges]
    for edge in edges:
        if edge.side is Side.HIGH:
            found.append(_outage(edge))
            if terms.budget_s is not None:
                found.append(_budget(edge, terms.budget_s))
    if (threshold_k := cabinet.rate_of_rise_k) is not None:
        found.append(_rise(threshold_k))
    if cabinet.trend:
        found.append(_trend(longest_step_s))
    return tuple(found)


def _limit(kind: Kind, edge: Edge) -> Judge:
    def judge(watch: Watch, seen: Seen) -> tuple[Watch, Change | None]:
        if seen.outage_s is not None and not watch.breaching:
            watch = structs.replace(watch, warm_start=True)
        return step(watch, patient(edge, seen.reopened), seen.value, seen.dt_s, seen.window)

    return Judge(kind=kind, step=judge, edge=edge)


def _outage(edge: Edge) -> Judge:
    def judge(watch: Watch, seen: Seen) -> tuple[Watch, Change | None]:
        return step_outage(
            watch, edge, seen.value, seen.dt_s, after_gap=seen.outage_s is not None and seen.window is None
        )

    return Judge(kind=Kind.AFTER_OUTAGE, step=judge, edge=edge)


def _budget(edge: Edge, budget_s: float) -> Judge:
    def judge(watch: Budget, seen: Seen) -> tuple[Watch, Change | None]:
        return step_budget(watch, edge, budget_s, seen.value, seen.dt_s, alarmed=seen.alarmed)

    return Judge(kind=Kind.BUDGET_EXCEEDED, step=judge, edge=edge)


def _rise(threshold_k: float) -> Judge:
    def judge(watch: Rise, seen: Seen) -> tuple[Watch, Change | None]:
        return step_rise(watch, threshold_k, seen.value, seen.dt_s, seen.window)

    return Judge(kind=Kind.RATE_OF_RISE, step=judge)


def _trend(longest_step_s: float) -> Judge:
    def judge(watch: Running, seen: Seen) -> tuple[Watch, Change | None]:
        if seen.outage_s is not None:
            watch = after_outage(watch) if seen.outage_s >= LONG_OUTAGE_S else broken_off(watch)
        return step_running(watch, seen.value, min(seen.dt_s, longest_step_s), seen.window)

    return Judge(kind=Kind.TREND, step=judge)


def _contact(kind: Kind, longest_s: float, longest_step_s: float, least_s: float = 0.0) -> Judge:
    def judge(watch: Watch, seen: Seen) -> tuple[Watch, Change | None]:
        return contacts.step_contact(watch, bool(seen.value), longest_s, min(seen.dt_s, longest_step_s), least_s)

    return Judge(kind=kind, step=judge)


def _of_defrost(cabinet: Cabinet, longest_step_s: float) -> tuple[Judge, ...]:
    overrun = _contact(Kind.DEFROST_OVERRUN, cabinet.defrost.max_s, longest_step_s)
    if cabinet.defrost.per_day is None:
        return (overrun,)

    def missed(watch: Watch, seen: Seen) -> tuple[Watch, Change | None]:
        return contacts.step_missed(watch, bool(seen.value), cabinet.defrost, min(seen.dt_s, longest_step_s))

    return overrun, Judge(kind=Kind.DEFROST_MISSED, step=missed)


def patient(edge: Edge, reopened: int) -> Edge:
    """The longer to clear the oftener the case came back: what swings round its limit is one trouble, not many."""
    if not reopened:
        return edge
    delay_s = max(edge.clear_delay_s, PATIENCE_S) * 4.0 ** min(reopened, MOST_RETURNS)
    return structs.replace(edge, clear_delay_s=min(delay_s, max(edge.reopen_window_s, edge.clear_delay_s)))
