"""A shop without its uplink for days: events go on, nothing is charged, and all goes out when somebody answers again."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from core.events import Severity
from core.settings import Endpoint, Retry
from core.webhooks.deliveries import Failed, Status, Trigger
from tests.core.webhooks.factories import a_case_event, a_heartbeat
from tests.core.webhooks.lives import Answer, Life, Sent, World, a_life, booted, killed, survived
from tests.core.webhooks.oracle import gaps_s, most_in_a_minute
from tests.core.webhooks.walks import CLOCK, CUT, OK, PORTAL, SILENT, YEAR

DAY_S = 86_400.0
BEAT_S, CASE_EVERY = 300.0, 2  # every second beat something happens in the shop
RATE = 20
HQ = Endpoint(id="hq", url="https://hq.example/in")
ROBOT = Endpoint(id="robot", url="https://robot.example/in", rate_per_min=RATE)
SEVERITIES = (Severity.WARNING, Severity.INFO, Severity.WARNING, Severity.CRITICAL, Severity.WARNING)


class Shop:
    """Beats, and cases of six events each; every fifth case is critical."""

    def __init__(self, world: World):
        self.world, self.beats = world, 0

    async def day(self, life: Life, days: float) -> None:
        end_s = self.world.now_s + days * DAY_S
        while self.world.now_s < end_s:
            await life.dispatcher.publish(a_heartbeat(f"evt_beat_{self.beats}"))
            if self.beats % CASE_EVERY == 0:
                case, seq = divmod(self.beats // CASE_EVERY, 6)
                severity = SEVERITIES[case % len(SEVERITIES)]
                await life.dispatcher.publish(a_case_event(f"case{case}", seq + 1, severity=severity))
            self.beats += 1
            await life.advance(BEAT_S)


def failing(failure: Failed, after_s: float = 0.0) -> Callable[[object], Answer]:
    return lambda _: (failure, after_s)


def healthy(_: object) -> Answer:
    return OK, 0.2


async def without_network(world: World, failure: Failed, after_s: float, days: float) -> None:
    """Half of the time, a power cut and a boot in 1970, the other half; then everybody answers again."""
    world.weather = dict.fromkeys(world.endpoints, failing(failure, after_s))
    shop = Shop(world)
    async with a_life(world) as life:
        await shop.day(life, days / 2)
        check_offline(world, life, after_s)
        life.journal.wait(life.journal.seq)
        left = survived(world)
    killed(world, left + b'{"v":1,"n":')
    booted(world, 40.0, -56 * YEAR)
    world.sent.clear()
    async with a_life(world) as life:
        await shop.day(life, days / 2)
        check_offline(world, life, after_s)
        world.sent.clear()
        world.weather = dict.fromkeys(world.endpoints, healthy)
        await life.advance(3600.0)
        check_online(world, life)
        await life.stop()


def check_offline(world: World, life: Life, after_s: float) -> None:
    """Nothing was charged, and nobody was asked more than one at a time, 30 s to 5 min apart."""
    waiting = [entry.delivery for entry in life.queue.entries() if entry.delivery.status is Status.PENDING]
    beats = [one for one in waiting if one.event_type == "device.heartbeat"]
    assert len(beats) <= len(world.endpoints)
    assert {entry.delivery.status for entry in life.queue.entries()} == {Status.PENDING, Status.CANCELLED}
    charged = sum(one.auto_attempts for one in waiting)
    assert charged <= 2, "at most the one silence at each start, before it is known that it means the network"
    for name in world.endpoints:
        probes = [sent for sent in world.sent if sent.endpoint == name]
        gaps = gaps_s([sent.at_s for sent in probes])
        assert min(gaps[2:]) >= 30.0
        assert max(gaps) <= 300.0 + after_s + 0.1
        assert all(before.ended_s is not None and before.ended_s <= after.at_s for before, after in pairwise(probes))


def check_online(world: World, life: Life) -> None:
    """All is delivered: the critical first, cases in order, slowly at first, within the limits."""
    left = [entry.delivery for entry in life.queue.entries() if entry.delivery.status is not Status.CANCELLED]
    assert {one.status for one in left} == {Status.DELIVERED}
    assert {one.last_attempt.trigger for one in left if one.last_attempt} <= {Trigger.AUTO, Trigger.PROBE}
    for name, endpoint in world.endpoints.items():
        sent = [one for one in world.sent if one.endpoint == name]
        in_order(sent)
        critical_first(sent)
        ramp(sent, world.places)
        if endpoint.rate_per_min is not None:
            assert most_in_a_minute([one.at_s for one in sent]) <= endpoint.rate_per_min


def in_order(sent: Sequence[Sent]) -> None:
    last: dict[str, int] = {}
    for one in sent:
        if one.delivery.case_id is not None and one.delivery.seq is not None:
            assert one.delivery.seq == last.get(one.delivery.case_id, 0) + 1
            last[one.delivery.case_id] = one.delivery.seq


def critical_first(sent: Sequence[Sent]) -> None:
    """After the probe, which may be of any, no other goes while a critical one could."""
    backlog = [one.delivery.severity is Severity.CRITICAL for one in sent[1:]]
    critical = sum(backlog)
    assert critical > 0
    assert all(backlog[: critical - 1])


def ramp(sent: Sequence[Sent], places: int) -> None:
    """The probe alone, then two, four, as many as there are places: each wave after the answers to the one before."""
    starts_s = sorted(Counter(one.at_s for one in sent).items())
    assert [many for _, many in starts_s][:4] == [1, 2, 4, places]
    assert min(gaps_s([at_s for at_s, _ in starts_s[:4]])) >= 0.2


@pytest.mark.parametrize(
    ("endpoints", "failure", "after_s"),
    [
        pytest.param((HQ, ROBOT), CUT, 0.0, id="no resolver"),
        pytest.param((HQ,), SILENT, 10.0, id="nobody answers the only endpoint"),
    ],
)
def test_five_days_without_a_network_cost_nothing(
    tmp_path: Path, endpoints: Sequence[Endpoint], failure: Failed, after_s: float
) -> None:
    world = World(tmp_path, endpoints, Retry(), places=8)
    asyncio.run(without_network(world, failure, after_s, days=5.0))


def test_every_outage_ends_slowly(tmp_path: Path) -> None:
    """Also where much was on its way at once before it."""
    world = World(tmp_path, (HQ,), Retry(), places=8)

    async def twice() -> None:
        shop = Shop(world)
        async with a_life(world) as life:
            for _ in range(2):
                world.weather["hq"] = failing(CUT)
                await shop.day(life, 1.0)
                world.sent.clear()
                world.weather["hq"] = healthy
                await life.advance(600.0)
                ramp(world.sent, world.places)
            await life.stop()

    asyncio.run(twice())


@pytest.mark.parametrize("failure", [PORTAL, CLOCK], ids=["a captive portal", "a clock that no certificate knows"])
def test_two_days_of_wrong_answers_cost_nothing_either(tmp_path: Path, failure: Failed) -> None:
    """Somebody in between answers, or this box's clock is wrong: that is no receiver's refusal."""
    world = World(tmp_path, (HQ, ROBOT), Retry(), places=8)
    asyncio.run(without_network(world, failure, 0.5, days=2.0))
