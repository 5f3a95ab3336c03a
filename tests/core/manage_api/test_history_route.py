"""The history as the manage API gives it: of a running core, by steps, with its limits and statistics."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from msgspec import structs

from core import wire_history as wire
from core.errors import RefusalError
from core.manage_api.history import HistoryHandlers, HistoryQuery
from core.manage_api.table import Actor, Call, Nothing, Scope
from core.monitoring.history import History
from core.monitoring.monitor import Monitor
from core.samples import Quantity
from core.settings import Limits, Sensor
from tests.core.monitoring.factories import AIR, CHILLED, START, ScriptedSource, a_book, a_line
from tests.core.monitoring.histories import a_history, record
from tests.e2e.conftest import Core, core, processes, wait_until
from tests.e2e.shops import FAST
from tests.fakes import FakeClock

__all__ = ["core", "processes"]

pytestmark = pytest.mark.anyio


class Desk:
    def __init__(self, history: History, monitor: Monitor, clock: FakeClock):
        self.history, self.clock = history, clock
        self._on = HistoryHandlers(SimpleNamespace(history=history, monitor=monitor, clock=clock))  # type: ignore[arg-type]

    async def ask(self, **query: Any) -> wire.History:
        actor = Actor(name="hq", scope=Scope.READ)
        asked = msgspec.convert({"sensor": AIR, **query}, HistoryQuery)
        answer = await self._on.history(Call(actor=actor, path={}, query=asked, body=Nothing()))
        assert isinstance(answer, wire.History)
        return answer


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    clock = FakeClock()
    with a_book(tmp_path, clock) as book:
        yield Desk(a_history(tmp_path, clock), Monitor([a_line(ScriptedSource())], [CHILLED], book, clock), clock)


async def test_a_sensor_is_shown_by_steps_with_its_limits_and_what_it_amounts_to(desk: Desk) -> None:
    record(desk.history, [4.0, 9.0, None, 6.0])
    await desk.history.close()
    answer = await desk.ask(since=START, until=START + timedelta(minutes=6), step_s=120)
    assert (answer.unit, answer.low, answer.high, answer.step_s) == ("°C", 0.0, 8.0, 120)
    assert [(p.min, p.mean, p.max, p.minutes, p.quality) for p in answer.points] == [
        (4.0, 6.5, 9.0, 2, "good"),
        (6.0, 6.0, 6.0, 1, "fault"),
        (None, None, None, 0, None),
    ]
    said = answer.statistics
    assert (said.known_min, said.gap_min, said.excursions, said.longest_excursion_min) == (3, 1, 1, 1)
    assert said.in_limit_pct == pytest.approx(66.667)
    assert said.mkt is not None
    assert said.mean is not None
    assert said.mean < said.mkt < 9.0


async def test_without_times_it_is_the_last_day(desk: Desk) -> None:
    desk.history.commit()
    answer = await desk.ask()
    assert (answer.since, answer.until) == (desk.clock.wall - timedelta(days=1), desk.clock.wall)
    assert len(answer.points) == 288
    assert answer.statistics.known_min == 0


async def test_a_sensor_that_is_configured_no_more_is_still_there(desk: Desk) -> None:
    record(desk.history, [4.0], sensor="old")
    await desk.history.close()
    answer = await desk.ask(sensor="old", since=START, until=START + timedelta(minutes=1))
    assert (answer.unit, answer.low, answer.high, answer.points[0].mean) == (None, None, None, 4.0)
    with pytest.raises(RefusalError) as refusal:
        await desk.ask(sensor="never")
    assert (refusal.value.status, refusal.value.code) == (404, "sensor_not_found")


async def test_the_limits_are_those_of_what_is_measured(tmp_path: Path) -> None:
    """Humidity has its own, and a contact none, however warm the air may be."""
    clock, cabinet = FakeClock(), structs.replace(CHILLED, humidity=Limits(high=70.0))
    quantities = {"03.rh": Quantity.HUMIDITY, "03.door": Quantity.DOOR}
    sensors = [Sensor(id=one, cabinet="03", source="bus", point="x", quantity=kind) for one, kind in quantities.items()]
    history = a_history(tmp_path, clock)
    for sensor in quantities:
        record(history, [0.0, 80.0], sensor=sensor)
    await history.close()
    with a_book(tmp_path, clock) as book:
        desk = Desk(history, Monitor([a_line(ScriptedSource(), *sensors)], [cabinet], book, clock), clock)
        asked = {"since": START, "until": START + timedelta(minutes=2)}
        humidity, door = [await desk.ask(sensor=sensor, **asked) for sensor in quantities]
    assert (humidity.low, humidity.high, humidity.statistics.in_limit_pct) == (None, 70.0, 50.0)
    assert (door.low, door.high, door.statistics.in_limit_pct) == (None, None, None)


def test_a_running_core_answers_for_its_past_life(core: Callable[..., Core]) -> None:
    """And refuses what makes no sense with a code of its own."""
    box = core(FAST)
    box.start()
    wait_until(lambda: box.get("readings")["items"][0]["value"] is not None, "the sensor is read")
    assert box.stop() == 0
    box.start()
    found = box.get("readings/history", sensor="01.air", step_s=86_400)
    assert found["statistics"]["known_min"] >= 1
    assert found["points"][0]["good"] >= 1
    assert (found["low"], found["high"]) == (-1, 5)
    for query, status, code in (
        ({"sensor": "nobody"}, 404, "sensor_not_found"),
        (
            {"sensor": "01.air", "since": "2026-11-25T00:00:00Z", "until": "2026-11-24T00:00:00Z"},
            409,
            "since_after_until",
        ),
        ({"sensor": "01.air", "since": "2016-11-25T00:00:00Z", "step_s": "60"}, 409, "too_many_points"),
        ({"sensor": "01.air", "step_s": "59"}, 422, "invalid_parameter"),
        ({}, 422, "invalid_parameter"),
    ):
        answer = box.request("GET", "/api/manage/readings/history", params=query)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
