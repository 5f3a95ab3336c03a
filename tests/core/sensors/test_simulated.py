"""The simulated cabinets behave like cabinets, and the same way each time."""

from itertools import pairwise

import pytest

from core.samples import Quantity, Sample
from core.sensors.simulated import SPACING_S, SimulatedSource
from core.settings import Sensor
from core.settings import SimulatedSource as SimulatedSettings
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

DAY_S = 86_400.0


def a_sensor(
    point: str | dict[str, str | int | float] = "chiller",
    quantity: Quantity = Quantity.TEMPERATURE,
    name: str = "03.air",
) -> Sensor:
    return Sensor(id=name, cabinet="03", source="sim", point=point, quantity=quantity)


def a_source(clock: FakeClock, *sensors: Sensor, seed: int = 1, speed: float = 1.0) -> SimulatedSource:
    return SimulatedSource(SimulatedSettings(id="sim", seed=seed, speed=speed), sensors or (a_sensor(),), clock)


async def recorded(sensor: Sensor, *, hours: float = 24, seed: int = 1) -> list[Sample]:
    """What a sensor shows in its first hours, in one poll of a source that runs 3600 times as fast."""
    clock = FakeClock()
    source = a_source(clock, sensor, seed=seed, speed=3600.0)
    clock.advance(hours)
    return await source.poll()


def values(samples: list[Sample]) -> list[float]:
    return [sample.value for sample in samples if sample.value is not None]


@pytest.mark.parametrize(
    ("model", "middle", "warm", "defrosting"),
    [("chiller", (2.0, 3.2), (4.0, 6.0), (5.5, 9.5)), ("freezer", (-22.0, -20.0), (-20.5, -7.0), (-13.0, -5.0))],
    ids=["chiller", "freezer"],
)
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_a_healthy_cabinet_cycles_and_defrosts(
    model: str, middle: tuple[float, float], warm: tuple[float, float], defrosting: tuple[float, float], seed: int
) -> None:
    """In the middle where its thermostat holds it, at most where a defrost lifts it."""
    shown = sorted(values(await recorded(a_sensor(model), seed=seed)))
    for share, (lowest, highest) in ((0.5, middle), (0.94, warm), (1.0, defrosting)):
        assert lowest <= shown[int(share * (len(shown) - 1))] <= highest, share


@pytest.mark.parametrize("seed", range(1, 9))
@pytest.mark.parametrize("fault", ["compressor", "door", "fan"])
async def test_a_failed_chiller_leaves_its_class_within_the_hour(fault: str, seed: int) -> None:
    point: dict[str, str | int | float] = {"model": "chiller", "fault": fault, "fails_after_s": 3600}
    shown = values(await recorded(a_sensor(point), hours=3, seed=seed))
    assert max(shown[int(len(shown) * 2 / 3) :]) > 5.0
    assert min(shown[int(len(shown) * 2 / 3) :]) > 4.0


async def test_a_slow_leak_takes_hours() -> None:
    point: dict[str, str | int | float] = {"model": "freezer", "fault": "leak", "fails_after_s": 0}
    shown = values(await recorded(a_sensor(point), hours=24))
    hourly = [
        sum(shown[at : at + len(shown) // 24]) / (len(shown) // 24)
        for at in range(0, len(shown) - 119, len(shown) // 24)
    ]
    assert max(hourly[:6]) < -14.0
    assert hourly[-1] > -10.0


async def test_a_failed_cabinet_ends_above_ambient_temperature() -> None:
    """Its lamps and fans warm it, and nobody carries that out any more."""
    samples = await recorded(a_sensor({"model": "freezer", "fails_after_s": 0}), hours=72)
    assert 25.0 < (samples[-1].value or 0.0) < 40.0


async def test_a_repaired_cabinet_comes_back_to_its_thermostat() -> None:
    point: dict[str, str | int | float] = {"model": "chiller", "fails_after_s": 3600, "repaired_after_s": 3 * 3600}
    shown = values(await recorded(a_sensor(point), hours=8))
    assert max(shown) > 9.0
    assert sum(shown[-100:]) / 100 < 5.0


async def test_a_failure_can_come_again_and_again() -> None:
    point: dict[str, str | int | float] = {"model": "chiller", "fails_after_s": 3600, "repaired_after_s": 7200}
    samples = await recorded(a_sensor({**point, "every_s": 6 * 3600}), hours=24)
    peaks = [max(values(samples[i : i + len(samples) // 4])) for i in range(0, len(samples) - 3, len(samples) // 4)]
    assert len(peaks) == 4
    assert min(peaks) > 7.0


@pytest.mark.parametrize(
    ("fault", "value", "code"),
    [
        ("power_on", 85.0, None),
        ("disconnected", -127.0, None),
        ("all_zero", None, "all_zero"),
        ("timeout", None, "timeout"),
    ],
)
async def test_a_probe_fails_as_real_ones_do(fault: str, value: float | None, code: str | None) -> None:
    point: dict[str, str | int | float] = {"model": "chiller", "fault": fault, "fails_after_s": 3600}
    samples = await recorded(a_sensor(point), hours=2)
    assert {(one.value, one.fault) for one in samples if one.steady_s >= 3600} == {(value, code)}
    assert all(one.fault is None for one in samples if one.steady_s < 3600)


async def test_a_silent_probe_gives_nothing() -> None:
    samples = await recorded(a_sensor({"model": "chiller", "fault": "silent", "fails_after_s": 3600}), hours=2)
    assert 3500 < samples[-1].steady_s < 3600


async def test_a_stuck_probe_shows_its_last_value_and_a_drifting_one_wanders() -> None:
    stuck = values(await recorded(a_sensor({"model": "chiller", "fault": "stuck", "fails_after_s": 3600}), hours=6))
    assert len(set(stuck[-100:])) == 1
    sound = values(await recorded(a_sensor(), hours=24 * 5))
    drift = values(await recorded(a_sensor({"model": "chiller", "fault": "drift", "fails_after_s": 0}), hours=24 * 5))
    assert sum(drift[-100:]) / 100 - sum(sound[-100:]) / 100 == pytest.approx(0.5, abs=0.1)


async def test_sensors_of_one_cabinet_see_the_same_cabinet() -> None:
    """Its goods are slower than its air, and a failure told at one point is one of the whole cabinet."""
    clock = FakeClock()
    failing: dict[str, str | int | float] = {"model": "chiller", "fails_after_s": 0}
    source = a_source(
        clock,
        a_sensor(failing, name="air"),
        a_sensor({"model": "chiller", "probe": "goods"}, name="goods"),
        speed=3600.0,
    )
    clock.advance(2)
    samples = await source.poll()
    air, goods = (values([one for one in samples if one.sensor == name]) for name in ("air", "goods"))
    assert air[-1] > goods[-1] + 1 > goods[0] + 2


async def test_temperatures_have_the_steps_of_a_real_probe() -> None:
    assert all((value / 0.0625).is_integer() for value in values(await recorded(a_sensor())))


async def test_the_same_seed_gives_the_same_day() -> None:
    assert await recorded(a_sensor(), seed=7) == await recorded(a_sensor(), seed=7)


async def test_another_seed_gives_another_day() -> None:
    assert values(await recorded(a_sensor(), seed=7)) != values(await recorded(a_sensor(), seed=8))


async def test_two_sensors_of_one_source_differ() -> None:
    clock = FakeClock()
    source = a_source(clock, a_sensor(name="a"), a_sensor(name="b"), speed=3600.0)
    clock.advance(2)
    samples = await source.poll()
    assert [s.value for s in samples if s.sensor == "a"] != [s.value for s in samples if s.sensor == "b"]


async def test_how_often_it_is_polled_does_not_change_when_the_compressor_fails() -> None:
    clock = FakeClock()
    sensor = a_sensor({"model": "chiller", "fails_after_s": 3600})
    source = a_source(clock, sensor)
    for _ in range(700):
        clock.advance(13)
        often = await source.poll()
    clock = FakeClock()
    source = a_source(clock, sensor)
    clock.advance(700 * 13)
    once = await source.poll()
    assert often[-1].value == pytest.approx(once[-1].value, abs=0.3)


async def test_humidity_is_plausible_and_moves() -> None:
    shown = values(await recorded(a_sensor(quantity=Quantity.HUMIDITY)))
    assert 55 <= min(shown) < max(shown) <= 100


async def test_the_door_is_mostly_closed_and_sometimes_open() -> None:
    shown = values(await recorded(a_sensor(quantity=Quantity.DOOR)))
    assert set(shown) == {0.0, 1.0}
    assert sum(shown) / len(shown) < 0.15


async def test_a_defrost_contact_closes_four_times_a_day() -> None:
    shown = values(await recorded(a_sensor(quantity=Quantity.DEFROST)))
    assert set(shown) == {0.0, 1.0}
    assert sum(later > sooner for sooner, later in pairwise(shown)) == 4


async def test_at_real_speed_a_poll_gives_one_sample_of_each_sensor() -> None:
    clock = FakeClock()
    source = a_source(clock, a_sensor(name="a"), a_sensor(name="b"))
    clock.advance(600)
    assert [sample.sensor for sample in await source.poll()] == ["a", "b"]


async def test_source_time_runs_as_fast_as_asked_and_peoples_time_as_it_is() -> None:
    clock = FakeClock()
    start = clock.now()
    source = a_source(clock, speed=600.0)
    clock.advance(10)
    first, *_, last = await source.poll()
    assert (last.steady_s, (last.at - start).total_seconds()) == (6000.0, 10.0)
    assert (first.at - start).total_seconds() == pytest.approx(first.steady_s / 600.0, abs=1e-5)


async def test_a_fast_source_leaves_no_gap_an_excursion_could_hide_in() -> None:
    times = [sample.steady_s for sample in await recorded(a_sensor())]
    assert max(later - sooner for sooner, later in pairwise(times)) <= SPACING_S


async def test_a_very_fast_source_bounds_what_one_poll_returns() -> None:
    assert len(await recorded(a_sensor(), hours=7 * DAY_S / 3600)) == 3000


def test_it_says_that_it_is_simulated() -> None:
    assert a_source(FakeClock()).simulated
