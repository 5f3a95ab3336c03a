"""Simulated weeks, leaks among them, and a real freezer: a leak is told hours before the limit, and nothing else is one."""

import csv
import math
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest
from msgspec import structs

from core.monitoring.cases import Kind
from core.monitoring.monitor import Monitor
from core.monitoring.posts import Line
from core.monitoring.rules import Change
from core.samples import Quantity, Sample
from core.sensors import cabinet_model
from core.sensors.cabinet_model import BUILDS, HOUR_S, OPENS_AT_H, STEP_S, CabinetModel, Failure
from core.sensors.cabinet_model import Phase as Controls
from core.sensors.simulated import NOISE_C, RESOLUTION_C, SimulatedSource
from core.settings import Cabinet, Sensor
from core.settings import SimulatedSource as SimulatedSettings
from tests.core.monitoring.factories import START, a_book
from tests.core.monitoring.test_running import MINUTE_S, Course, watched
from tests.fakes import FakeClock

RECORDING = Path(__file__).parents[4] / "shared" / "data" / "freezer-week1.csv"
MODELS = ("chiller", "freezer")
PRESET = {"chiller": "iso_m1", "freezer": "iso_l1"}
DELAY_S = 1200.0
TORTURE = pytest.mark.torture
SEEDS = [1, 2, *(pytest.param(seed, marks=TORTURE) for seed in (3, 4))]
WEEK_H = 7 * 24.0


class BusyCabinet(CabinetModel):
    """Customers come twice as often."""

    def _mind_door(self, at_s: float, failure: Failure | None) -> None:
        super()._mind_door(at_s, failure)
        super()._mind_door(at_s, failure)


def lived(
    model: CabinetModel,
    seed: int,
    hours: float,
    *,
    step_s: float = MINUTE_S,
    failure: Failure | None = None,
    fails_h: float = 0.0,
    heals_h: float = math.inf,
) -> Iterator[tuple[float, float, bool]]:
    """Seconds, what a probe in the air says, and whether it defrosts."""
    noise = Random(seed + 1000)
    for step in range(1, int(hours * HOUR_S / STEP_S) + 1):
        at_s = step * STEP_S
        failed = failure if fails_h * HOUR_S <= at_s < heals_h * HOUR_S else None
        model.step(at_s, failed, at_s - fails_h * HOUR_S if failed else 0.0)
        if at_s % step_s == 0:
            read = model.probe_c + noise.gauss(0.0, NOISE_C)
            yield at_s, round(read / RESOLUTION_C) * RESOLUTION_C, model.phase is Controls.DEFROST


def air(lived_through: Iterable[tuple[float, float, bool]]) -> Course:
    return [(at_s, value) for at_s, value, _ in lived_through]


@pytest.mark.parametrize("seed", [1, 2, 3, 4, *(pytest.param(seed, marks=TORTURE) for seed in range(5, 9))])
@pytest.mark.parametrize("name", MODELS)
def test_a_normal_week_is_no_leak(name: str, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    """With cycles, doors, four defrosts a day, day and night."""
    told, nearest, watch = watched(air(lived(CabinetModel(BUILDS[name], Random(seed)), seed, WEEK_H)))
    with capsys.disabled():
        size = len(msgspec.json.encode(watch))
        print(f"\n{name}, seed {seed}: {nearest:.2f} of the way to a warning; state {size} bytes")
    assert told == []


@pytest.mark.parametrize(
    ("fails_h", "step_s"),
    [(fails_h, 60.0) for fails_h in (30.5, 37.0, 42.5)]
    + [
        pytest.param(fails_h, step_s, marks=TORTURE) for fails_h in (30.5, 42.5, 49.0) for step_s in (10.0, 30.0, 120.0)
    ],
)
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize("name", MODELS)
def test_a_slow_leak_is_told_three_hours_before_the_limit(
    tmp_path: Path, name: str, seed: int, fails_h: float, step_s: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beginning in the afternoon, in the evening and at night; once, and not before it begins."""
    model = CabinetModel(BUILDS[name], Random(seed))
    course = list(lived(model, seed, fails_h + 13, step_s=step_s, failure=Failure.LEAK, fails_h=fails_h))
    limit_h = limit_case_h(tmp_path, name, course, step_s)
    told = watched(air(course))[0]
    with capsys.disabled():
        warned_h = told[0][0] if told else math.nan
        line = f"warned after {warned_h - fails_h:.1f} h, limit after {limit_h - fails_h:.1f} h"
        print(
            f"\n{name}, seed {seed}, every {step_s:.0f} s, leak from {fails_h} h: {line}: {limit_h - warned_h:.1f} h before"
        )
    assert told
    assert fails_h < told[0][0] <= limit_h - 3.0
    assert [change for at_h, change in told if at_h < limit_h] == [Change.OPENED]


def limit_case_h(directory: Path, name: str, course: list[tuple[float, float, bool]], step_s: float) -> float:
    """When the limits call, which know of the chiller's defrosts from its contact."""
    clock = FakeClock()
    sensors = [Sensor(id="03.air", cabinet="03", source="sim", point="chiller")]
    if name == "chiller":
        sensors.append(Sensor(id="03.defrost", cabinet="03", source="sim", point="chiller", quantity=Quantity.DEFROST))
    source = SimulatedSource(SimulatedSettings(id="sim"), tuple(sensors), clock)
    line = Line(id="sim", driver="simulated", source=source, interval_s=step_s, sensors=tuple(sensors))
    with a_book(directory, clock) as book:
        monitor = Monitor([line], [Cabinet(id="03", preset=PRESET[name], alarm_delay_s=DELAY_S)], book, clock)
        for at_s, value, defrosts in course:
            clock.advance(step_s)
            said = {"03.defrost": float(defrosts), "03.air": value}
            for sensor in reversed(sensors):
                at = START + timedelta(seconds=at_s)
                monitor.take(Sample(sensor=sensor.id, at=at, steady_s=at_s, value=said[sensor.id]))
        opened = [case.opened_at for case in book.all() if case.kind is Kind.TEMP_HIGH]
    return (min(opened) - START).total_seconds() / HOUR_S


@pytest.mark.parametrize("name", MODELS)
def test_a_repaired_leak_clears_by_itself(name: str) -> None:
    """Repaired half an hour after the nine in which the freezer's limit calls."""
    model = CabinetModel(BUILDS[name], Random(1))
    told = watched(air(lived(model, 1, 64.0, failure=Failure.LEAK, fails_h=30.5, heals_h=40.0)))[0]
    assert [change for _, change in told] == [Change.OPENED, Change.CLEARED]
    assert told[1][0] <= 40.0 + 12.0


def a_hot_summer_c(at_s: float) -> float:
    return 30.0 + 5.0 * math.sin(2 * math.pi * (OPENS_AT_H + at_s / HOUR_S - 15) / 24)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", MODELS)
def test_hot_days_are_no_leak(name: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """35 °C in the afternoon, 25 at night."""
    monkeypatch.setattr(cabinet_model, "_ambient_c", a_hot_summer_c)
    assert watched(air(lived(CabinetModel(BUILDS[name], Random(seed)), seed, WEEK_H)))[0] == []


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", MODELS)
def test_twice_the_customers_are_no_leak(name: str, seed: int) -> None:
    assert watched(air(lived(BusyCabinet(BUILDS[name], Random(seed)), seed, WEEK_H)))[0] == []


@pytest.mark.parametrize("step_s", [10.0, 30.0, 120.0, 180.0, 300.0])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("seed", [3, *(pytest.param(seed, marks=TORTURE) for seed in (1, 2, 4))])
def test_sampling_seldom_or_often_makes_no_leak(name: str, seed: int, step_s: float) -> None:
    assert watched(air(lived(CabinetModel(BUILDS[name], Random(seed)), seed, WEEK_H, step_s=step_s)))[0] == []


@pytest.mark.torture
@pytest.mark.parametrize("longest_min", [20.0, 30.0, 40.0])
@pytest.mark.parametrize("stop_c", [4.0, 8.0, 15.0])
@pytest.mark.parametrize("defrost_w", [600.0, 1000.0, 1600.0])
def test_defrosts_of_other_shapes_and_lengths_are_no_leak(defrost_w: float, stop_c: float, longest_min: float) -> None:
    build = structs.replace(
        BUILDS["freezer"], defrost_w=defrost_w, defrost_stop_c=stop_c, defrost_max_s=longest_min * 60.0
    )
    assert watched(air(lived(CabinetModel(build, Random(7)), 7, 96.0)))[0] == []


@pytest.mark.torture
@pytest.mark.parametrize("per_day", [2, 8, 12])
@pytest.mark.parametrize("name", MODELS)
def test_more_and_fewer_defrosts_are_no_leak(name: str, per_day: int) -> None:
    """One a day would be too few for the ice of this model: its coil loses 40 % of its capacity until then."""
    assert watched(air(lived(CabinetModel(BUILDS[name], Random(3), per_day), 3, WEEK_H)))[0] == []


@pytest.mark.torture
@pytest.mark.parametrize(
    "change",
    [{"diff_k": 1.0}, {"diff_k": 4.0}, {"goods_j": 60e3}, {"goods_j": 1200e3}, {"walls_w": 5.0}],
    ids=["narrow", "wide", "empty", "full", "well insulated"],
)
@pytest.mark.parametrize("name", MODELS)
def test_cabinets_of_other_builds_do_not_leak_either(name: str, change: dict[str, float]) -> None:
    model = CabinetModel(structs.replace(BUILDS[name], **change), Random(5))
    assert watched(air(lived(model, 5, WEEK_H)))[0] == []


@pytest.mark.skipif(not RECORDING.exists(), reason="the recording is not beside the checkout")
@pytest.mark.parametrize("every", [1, 2, 5])
def test_a_real_freezers_week_is_no_leak(every: int, capsys: pytest.CaptureFixture[str]) -> None:
    """With its defrosts of an hour, doors, and a swing that doubles in the middle of the week."""
    with RECORDING.open(encoding="utf-8") as file:
        values = [float(row["temperature_c"]) for row in csv.DictReader(file)]
    told, nearest, _ = watched((60.0 * minute, values[minute]) for minute in range(0, len(values), every))
    with capsys.disabled():
        print(f"\nthe real freezer, every {every} min: {nearest:.2f} of the way to a warning")
    assert told == []
