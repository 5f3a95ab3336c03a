"""Which rules watch a sensor, and that each is asked with what it needs."""

import pytest
from msgspec import structs

from core.events import Severity
from core.monitoring import judges
from core.monitoring.answers import Answers
from core.monitoring.budget import Budget
from core.monitoring.cases import Kind
from core.monitoring.contacts import DOOR_OPEN_S
from core.monitoring.course import LONGEST_S, Hold
from core.monitoring.judges import Judge, Seen, judges_of, watch_type
from core.monitoring.presets import terms_of
from core.monitoring.rise import Rise
from core.monitoring.rules import DOUBT_S, STARTUP_S, Change, Side, Watch
from core.monitoring.running import Running
from core.samples import Quantity
from core.settings import Cabinet, Defrost, Limits, Sensor
from tests.core.monitoring.factories import AIR

BOTH = Limits(low=0.0, high=8.0)
STEP_S = 10.0


def of(quantity: Quantity = Quantity.TEMPERATURE, **keys: object) -> dict[Kind, Judge]:
    """What watches a sensor of a cabinet with these keys, on a source that is stale after five minutes."""
    cabinet = Cabinet(id="03", **keys)  # type: ignore[arg-type]
    probe = Sensor(id=AIR, cabinet="03", source="bus", point="x", quantity=quantity)
    found = judges_of(probe, cabinet, terms_of(cabinet), 300.0)
    assert len({judge.kind for judge in found}) == len(found)
    return {judge.kind: judge for judge in found}


@pytest.mark.parametrize(
    ("quantity", "keys", "kinds"),
    [
        (Quantity.TEMPERATURE, {}, ""),
        (Quantity.TEMPERATURE, {"limits": BOTH}, "temp_high temp_low after_outage"),
        (Quantity.TEMPERATURE, {"limits": Limits(warn_high=8.0)}, "temp_high after_outage"),
        (Quantity.TEMPERATURE, {"limits": Limits(low=0.0)}, "temp_low"),
        (Quantity.TEMPERATURE, {"preset": "iso_m1"}, "temp_high temp_low after_outage budget_exceeded"),
        (Quantity.TEMPERATURE, {"preset": "iso_m1", "budget_min": 0.0}, "temp_high temp_low after_outage"),
        (
            Quantity.TEMPERATURE,
            {"limits": Limits(high=8.0), "budget_min": 60.0},
            "temp_high after_outage budget_exceeded",
        ),
        (Quantity.TEMPERATURE, {"limits": Limits(low=0.0), "budget_min": 60.0}, "temp_low"),
        (Quantity.TEMPERATURE, {"rate_of_rise_k": 4.0}, "rate_of_rise"),
        (Quantity.TEMPERATURE, {"humidity": Limits(high=70.0)}, ""),
        (Quantity.HUMIDITY, {"limits": BOTH, "preset": "iso_m1", "rate_of_rise_k": 4.0}, ""),
        (Quantity.HUMIDITY, {"humidity": Limits(low=30.0, high=70.0)}, "humidity_low humidity_high"),
        (Quantity.HUMIDITY, {"humidity": Limits(warn_high=70.0)}, "humidity_high"),
        (Quantity.DOOR, {"preset": "iso_m1"}, "door_open"),
        (Quantity.DEFROST, {"preset": "iso_m1"}, "defrost_overrun"),
        (Quantity.DEFROST, {"defrost": Defrost(per_day=4)}, "defrost_overrun defrost_missed"),
    ],
)
def test_a_cabinet_gets_what_its_keys_ask_for(quantity: Quantity, keys: dict[str, object], kinds: str) -> None:
    assert {str(kind) for kind in of(quantity, trend=False, **keys)} == set(kinds.split())


def test_the_air_is_watched_for_a_trend_unless_nobody_wants_it() -> None:
    assert Kind.TREND in of()
    assert Kind.TREND not in of(trend=False)
    assert Kind.TREND not in of(Quantity.HUMIDITY)


def test_the_kinds_with_a_limit_know_it_and_the_others_have_none() -> None:
    found = of(preset="iso_m1", rate_of_rise_k=4.0)
    sides = {kind: judge.edge.side if judge.edge else None for kind, judge in found.items()}
    assert sides == {
        Kind.TEMP_HIGH: Side.HIGH,
        Kind.TEMP_LOW: Side.LOW,
        Kind.AFTER_OUTAGE: Side.HIGH,
        Kind.BUDGET_EXCEEDED: Side.HIGH,
        Kind.RATE_OF_RISE: None,
        Kind.TREND: None,
    }


def test_each_kind_remembers_in_its_own_watch() -> None:
    special: dict[Kind, type[Watch]] = {
        Kind.BUDGET_EXCEEDED: Budget,
        Kind.RATE_OF_RISE: Rise,
        Kind.TREND: Running,
        Kind.SENSOR_FAULT: Answers,
    }
    assert {kind: watch_type(kind) for kind in Kind} == {kind: special.get(kind, Watch) for kind in Kind}


def lived(judge: Judge, *values: float, dt_s: float = STEP_S, **first: object) -> list[tuple[float, Change]]:
    """(seconds since the first value, change); `first` is what is known of the first value."""
    watch, found = watch_type(judge.kind)(), []
    for index, value in enumerate(values):
        seen = Seen(value=value, dt_s=dt_s if index else 0.0)
        watch, change = judge.step(watch, structs.replace(seen, **first) if not index else seen)
        found += [(index * dt_s, change)] if change is not None else []
    return found


# -- temperature and humidity ------------------------------------------------------------------------------------------


def test_humidity_waits_as_the_air_does() -> None:
    high = of(Quantity.HUMIDITY, humidity=Limits(high=70.0), alarm_delay_s=600.0)[Kind.HUMIDITY_HIGH]
    assert lived(high, *[80.0] * 70) == [(600.0, Change.OPENED)]


def test_what_is_warm_after_an_outage_is_told_at_once_and_alarms_when_it_does_not_cool_down() -> None:
    """Pull-down is no failure for an hour; then it is one, within the bound of every hold."""
    found = of(limits=BOTH, alarm_delay_s=600.0)
    warm = [9.0] * int(LONGEST_S / STEP_S)
    assert lived(found[Kind.AFTER_OUTAGE], *warm, outage_s=3600.0) == [(0.0, Change.OPENED)]
    ((opened_s, change),) = lived(found[Kind.TEMP_HIGH], *warm, outage_s=3600.0)
    assert change is Change.OPENED
    assert STARTUP_S <= opened_s <= STARTUP_S + DOUBT_S + STEP_S


def test_what_is_warm_without_an_outage_alarms_after_its_delay() -> None:
    found = of(limits=BOTH, alarm_delay_s=600.0)
    assert lived(found[Kind.AFTER_OUTAGE], *[9.0] * 70) == []
    assert lived(found[Kind.TEMP_HIGH], *[9.0] * 70) == [(600.0, Change.OPENED)]


def test_an_outage_excuses_the_breach_that_it_began_with_and_no_later_one() -> None:
    high = of(limits=BOTH, alarm_delay_s=600.0)[Kind.TEMP_HIGH]
    assert lived(high, 4.0, *[9.0] * 70, outage_s=3600.0) == [(610.0, Change.OPENED)]
    inside = [4.0] * 4  # longer than a stray value
    assert lived(high, 9.0, *inside, *[9.0] * 70, outage_s=3600.0) == [(650.0, Change.OPENED)]


def test_an_outage_excuses_no_cold() -> None:
    """A pull-down is warm."""
    low = of(limits=BOTH, alarm_delay_s=600.0)[Kind.TEMP_LOW]
    assert lived(low, *[-3.0] * 70, outage_s=3600.0) == [(600.0, Change.OPENED)]


def test_an_outage_within_a_breach_excuses_nothing() -> None:
    """It was too warm before the power went."""
    high = of(limits=BOTH, alarm_delay_s=600.0)[Kind.TEMP_HIGH]
    watch: Watch = Watch()
    for _ in range(30):
        watch, _ = high.step(watch, Seen(value=9.0, dt_s=STEP_S))
    watch, _ = high.step(watch, Seen(value=9.0, dt_s=4000.0, outage_s=4000.0))
    assert not watch.warm_start


def test_without_an_alarm_delay_nothing_waits_for_a_pull_down() -> None:
    high = of(limits=BOTH, alarm_delay_s=0.0)[Kind.TEMP_HIGH]
    assert lived(high, 9.0, outage_s=3600.0, window=Hold.DEFROST) == [(0.0, Change.OPENED)]


def test_a_case_that_came_back_clears_later() -> None:
    high = of(limits=BOTH, alarm_delay_s=600.0, clear_delay_s=60.0)[Kind.TEMP_HIGH]
    case = Watch(breaching=True, severity=Severity.CRITICAL, inside_s=0.0)
    assert high.step(case, Seen(value=4.0, dt_s=60.0))[1] is Change.CLEARED
    assert high.step(case, Seen(value=4.0, dt_s=60.0, reopened=1))[1] is None
    nearly = structs.replace(case, inside_s=470.0)
    assert high.step(nearly, Seen(value=4.0, dt_s=10.0, reopened=1))[1] is Change.CLEARED


def test_the_budget_is_that_of_the_cabinet() -> None:
    budget = of(limits=Limits(high=8.0), budget_min=20.0)[Kind.BUDGET_EXCEEDED]
    ((opened_s, change),) = lived(budget, *[9.0] * 300)
    assert (opened_s, change) == (20 * 60 + STEP_S, Change.OPENED)


def test_a_rise_is_measured_by_the_cabinets_own_threshold_and_a_window_excuses_it() -> None:
    rise = of(rate_of_rise_k=2.0)[Kind.RATE_OF_RISE]
    assert lived(rise, *[4.0] * 10, 6.1, dt_s=60.0) == [(600.0, Change.OPENED)]
    watch, _ = rise.step(Rise(), Seen(value=4.0, dt_s=0.0))
    assert rise.step(watch, Seen(value=9.0, dt_s=60.0, window=Hold.DOOR))[1] is None


# -- contacts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("own_s", "longest_s"), [(None, DOOR_OPEN_S), (60.0, 60.0), (0.0, 0.0)])
def test_a_door_may_stand_open_as_long_as_the_cabinet_says(own_s: float | None, longest_s: float) -> None:
    door = of(Quantity.DOOR, door_open_s=own_s)[Kind.DOOR_OPEN]
    assert lived(door, *[1.0] * 40) == [(longest_s, Change.OPENED)]


def test_a_defrost_may_last_as_long_as_the_cabinet_says() -> None:
    overrun = of(Quantity.DEFROST, defrost=Defrost(max_s=120.0))[Kind.DEFROST_OVERRUN]
    assert lived(overrun, *[1.0] * 20, 0.0) == [(120.0, Change.OPENED), (200.0, Change.CLEARED)]


@pytest.mark.parametrize("gap_s", [1e6, float("inf")])
@pytest.mark.parametrize("kind", [Kind.DOOR_OPEN, Kind.DEFROST_OVERRUN, Kind.DEFROST_MISSED])
def test_a_gap_fires_no_contact(kind: Kind, gap_s: float) -> None:
    """Nobody saw the door while nobody looked."""
    quantity = Quantity.DOOR if kind is Kind.DOOR_OPEN else Quantity.DEFROST
    judge = of(quantity, door_open_s=600.0, defrost=Defrost(per_day=4, max_s=600.0))[kind]
    value = 0.0 if kind is Kind.DEFROST_MISSED else 1.0
    assert lived(judge, value, value, dt_s=gap_s) == []


def test_what_can_be_lost_of_sight_are_the_kinds_of_a_value() -> None:
    """A door that is open is so whether or not the thermometer speaks."""
    assert {
        Kind.TEMP_HIGH,
        Kind.TEMP_LOW,
        Kind.HUMIDITY_HIGH,
        Kind.HUMIDITY_LOW,
        Kind.AFTER_OUTAGE,
        Kind.RATE_OF_RISE,
        Kind.BUDGET_EXCEEDED,
    } == judges.OF_VALUES
