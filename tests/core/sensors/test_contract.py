"""What every driver promises, whatever it reads: one suite over all of them."""

import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest

from core import settings
from core.errors import ConfigError, SensorError
from core.sensors.drivers import DRIVERS, open_source
from core.sensors.source import Source
from core.settings import Sensor
from tests.core.sensors.test_http_json import HttpPeer, an_answer
from tests.core.sensors.test_modbus import ModbusPeer
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

CSV = "time,a,b\n" + "".join(f"2026-01-01T08:00:{second:02}+08:00,{second},oops\n" for second in range(60))


class Rig(Protocol):
    """What a driver reads from, and how it is described. Sensor `a` is fine, sensor `b` is faulty where it can be."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def settings(self) -> settings.AnySource: ...

    def points(self) -> tuple[str | dict[str, str | int | float], ...]: ...


class SimulatedRig:
    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    def settings(self) -> settings.AnySource:
        return settings.SimulatedSource(id="src", speed=60.0)

    def points(self) -> tuple[str | dict[str, str | int | float], ...]:
        return ("chiller", {"model": "freezer", "fails_after_s": 60})


class HttpJsonRig(HttpPeer):
    def __init__(self) -> None:
        super().__init__(an_answer(b'{"a": 4.5, "b": null}'))

    def settings(self) -> settings.AnySource:
        return settings.HttpJsonSource(id="src", url=f"http://127.0.0.1:{self.port}/", timeout_s=2.0)

    def points(self) -> tuple[str | dict[str, str | int | float], ...]:
        return ("a", "b")


class ModbusRig(ModbusPeer):
    def settings(self) -> settings.AnySource:
        return settings.ModbusSource(id="src", url=f"tcp://127.0.0.1:{self.port}", timeout_s=2.0)

    def points(self) -> tuple[str | dict[str, str | int | float], ...]:
        return ({"unit": 1, "function": 3, "address": 0}, {"unit": 2, "function": 4, "address": 999})


class ReplayRig:
    def __init__(self, path: Path):
        self._path = path

    async def start(self) -> None:
        self._path.write_text(CSV)

    async def stop(self) -> None:
        self._path.unlink(missing_ok=True)

    def settings(self) -> settings.AnySource:
        return settings.ReplaySource(id="src", path=str(self._path), loop=True)

    def points(self) -> tuple[str | dict[str, str | int | float], ...]:
        return ("a", "b")


KINDS = [source.__name__ for source in DRIVERS]


@pytest.fixture(params=KINDS)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    kinds: dict[str, Rig] = {
        "SimulatedSource": SimulatedRig(),
        "HttpJsonSource": HttpJsonRig(),
        "ModbusSource": ModbusRig(),
        "ReplaySource": ReplayRig(tmp_path / "log.csv"),
    }
    rig = kinds[request.param]
    await rig.start()
    yield rig
    await rig.stop()


def sensors_of(rig: Rig) -> tuple[Sensor, ...]:
    return tuple(
        Sensor(id=name, cabinet="03", source="src", point=point) for name, point in zip("ab", rig.points(), strict=True)
    )


def opened(rig: Rig, clock: FakeClock) -> Source:
    return open_source(rig.settings(), sensors_of(rig), clock)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def source(rig: Rig, clock: FakeClock) -> AsyncIterator[Source]:
    source = opened(rig, clock)
    yield source
    await source.close()


async def test_a_sample_carries_either_a_value_or_a_fault(source: Source) -> None:
    samples = await source.poll()
    assert samples
    assert all((sample.value is None) != (sample.fault is None) for sample in samples)


async def test_samples_are_of_the_sensors_the_source_was_given(source: Source) -> None:
    assert {sample.sensor for sample in await source.poll()} == {"a", "b"}


async def test_steady_time_never_falls(source: Source, clock: FakeClock) -> None:
    times = []
    for _ in range(10):
        times += [sample.steady_s for sample in await source.poll()]
        clock.advance(10)
    assert times == sorted(times)
    assert times[-1] > times[0]


async def test_the_time_of_a_sample_is_utc(source: Source) -> None:
    assert {sample.at.utcoffset() for sample in await source.poll()} == {timedelta(0)}


async def test_steady_time_goes_on_while_the_wall_clock_jumps_back(source: Source, clock: FakeClock) -> None:
    before = (await source.poll())[-1].steady_s
    clock.wall -= timedelta(days=300)
    clock.advance(10)
    assert (await source.poll())[-1].steady_s > before


@pytest.mark.parametrize("rig", [kind for kind in KINDS if kind != "SimulatedSource"], indirect=True)
async def test_a_dead_source_raises_and_recovers_by_itself(rig: Rig, source: Source, clock: FakeClock) -> None:
    await rig.stop()
    with pytest.raises(SensorError) as caught:
        await source.poll()
    assert caught.value.code in {"unreachable", "no_such_file"}
    await rig.start()
    assert await source.poll()


@pytest.mark.parametrize("rig", ["HttpJsonSource", "ModbusSource"], indirect=True)
async def test_a_source_that_dies_between_two_polls_recovers_by_itself(rig: Rig, source: Source) -> None:
    assert await source.poll()
    await rig.stop()
    with pytest.raises(SensorError, match="unreachable"):
        await source.poll()
    await rig.start()
    assert await source.poll()


async def test_close_is_clean_at_any_time_and_twice(rig: Rig, clock: FakeClock) -> None:
    unused, used = opened(rig, clock), opened(rig, clock)
    await used.poll()
    for source in (unused, used, used):
        await source.close()


@pytest.mark.parametrize("point", [{"unit": 1}, {"model": "oven"}])
async def test_a_point_the_driver_cannot_read_is_a_mistake_of_the_configuration(
    rig: Rig, clock: FakeClock, point: dict[str, str | int | float]
) -> None:
    sensor = Sensor(id="03.air", cabinet="03", source="src", point=point)
    with pytest.raises(ConfigError, match=r"sensors\.03\.air\.point"):
        open_source(rig.settings(), (sensor,), clock)


def test_modbus_without_its_library_says_which_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "core.sensors.modbus", raising=False)
    monkeypatch.setitem(sys.modules, "pymodbus.client", None)
    with pytest.raises(ConfigError) as caught:
        open_source(settings.ModbusSource(id="bus", url="tcp://h:1"), (), FakeClock())
    assert caught.value.problem == "driver modbus needs the extra: pip install 'cold-display-guard[modbus]'"
