"""The whole schedule: when one delivery is sent, by whom, and what becomes of it, for each way a receiver can be.

Nothing is left out between an event and its end. Times are seconds after the event; the die shows its highest, so that a wait
is the whole of its step.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from core.settings import Retry
from core.webhooks.deliveries import Delivered, ErrorClass, Failed, Outcome, Reach, Trigger, delivery_id
from core.webhooks.entry import Entry
from tests.core.webhooks.factories import an_endpoint, an_event
from tests.core.webhooks.lives import Weather, World, a_life
from tests.core.webhooks.test_retry_policy import Chance

pytestmark = pytest.mark.anyio

HOUR_S, DAY_S = 3600, 86_400
FINE = Delivered(http_status=204)
BUSY = Failed(error_class=ErrorClass.HTTP_5XX, error="503", http_status=503)
NOT_FOUND = Failed(error_class=ErrorClass.HTTP_4XX, error="404", http_status=404)
GONE = Failed(error_class=ErrorClass.HTTP_4XX, error="410", http_status=410)
TIMEOUT_408 = Failed(error_class=ErrorClass.HTTP_4XX, error="408", http_status=408)
MOVED = Failed(error_class=ErrorClass.REDIRECT, error="302", http_status=302)
HANGS = Failed(error_class=ErrorClass.TIMEOUT, error="no answer", reach=Reach.UP)
REFUSES = Failed(error_class=ErrorClass.CONNECT, error="refused", reach=Reach.UP)
SILENT = Failed(error_class=ErrorClass.CONNECT, error="nobody there", reach=Reach.SILENT)
NO_RESOLVER = Failed(error_class=ErrorClass.DNS, error="no resolver", reach=Reach.DOWN)
LOGIN_PAGE = Failed(error_class=ErrorClass.CAPTIVE_PORTAL, error="200", http_status=200, reach=Reach.PORTAL)
CLOCK_WRONG = Failed(error_class=ErrorClass.CLOCK, error="not yet valid", reach=Reach.CLOCK)


def asks(status: int, seconds: float) -> Failed:
    error_class = ErrorClass.RATE_LIMITED if status == 429 else ErrorClass.HTTP_5XX
    return Failed(error_class=error_class, error=str(status), http_status=status, retry_after_s=seconds)


def always(outcome: Outcome, after_s: float = 0.0) -> Weather:
    return lambda _: (outcome, after_s)


def then(*outcomes: Outcome) -> Weather:
    """One after the other; the last for ever."""
    return lambda delivery: (outcomes[min(delivery.attempts, len(outcomes) - 1)], 0.0)


@dataclass(frozen=True, kw_only=True)
class Row:
    """`auto` and `probes` are when attempts set out in the first so many seconds; `end` is status and reason after `for_s`."""

    weather: Weather
    auto: tuple[float, ...]
    probes: tuple[float, ...] = ()
    first_s: float = 2_995
    for_s: float = 4 * DAY_S
    end: tuple[str, str | None] = ("pending", None)
    counted: int | None = None


DOUBLING = (0, 10, 30, 70, 150, 310, 630, 1270, 2170)
FIVE = DOUBLING[:5]
PROBED = (180, 240, 360, 600, 900, 1200, 1500, 1800, 2100, 2400, 2700)
OFFLINE = (30, 90, 210, 450, 750, 1050, 1350, 1650, 1950, 2250, 2550, 2850)

ROWS: dict[str, Row] = {
    "takes it": Row(weather=always(FINE), auto=(0,), end=("delivered", None)),
    "is busy twice": Row(weather=then(BUSY, BUSY, FINE), auto=(0, 10, 30), end=("delivered", None)),
    "is busy for ever: a breaker, probes, three days": Row(
        weather=always(BUSY), auto=FIVE, probes=PROBED, end=("dead_letter", "max_age"), counted=5
    ),
    "refuses the connection": Row(
        weather=always(REFUSES), auto=FIVE, probes=PROBED, end=("dead_letter", "max_age"), counted=5
    ),
    "takes ten seconds and says nothing": Row(
        weather=always(HANGS, 10.0),
        auto=(0, 20, 50, 100, 190),
        probes=(230, 300, 430, 680, 990, 1300, 1610, 1920, 2230, 2540, 2850),
        end=("dead_letter", "max_age"),
    ),
    "comes back after an hour": Row(
        weather=lambda delivery: (FINE if delivery.attempts >= 17 else BUSY, 0.0),
        auto=FIVE,
        probes=PROBED,
        end=("delivered", None),
    ),
    "does not know us: five attempts and an hour of them": Row(
        weather=always(NOT_FOUND), auto=DOUBLING, end=("dead_letter", "permanent"), counted=11
    ),
    "does not know us at first": Row(weather=then(*[NOT_FOUND] * 7, FINE), auto=DOUBLING[:8], end=("delivered", None)),
    "sends us elsewhere: nobody follows": Row(weather=always(MOVED), auto=DOUBLING, end=("dead_letter", "max_age")),
    "says 408: it may do later": Row(weather=always(TIMEOUT_408), auto=DOUBLING, end=("dead_letter", "max_age")),
    "asks for two minutes (429)": Row(
        weather=always(asks(429, 120.0)),
        auto=(0, 120, 240, 360, 480, 640, 960, 1600, 2500),
        end=("dead_letter", "max_age"),
    ),
    "asks for a year: no more than an hour": Row(
        weather=then(asks(429, 3e7), FINE), auto=(0, 3600), first_s=4_000, end=("delivered", None)
    ),
    "asks for two minutes (503): a breaker too": Row(
        weather=always(asks(503, 120.0)),
        auto=(0, 120, 240, 360, 480),
        probes=(640, 800, 960, 1200, 1500, 1800, 2100, 2400, 2700),
        end=("dead_letter", "max_age"),
    ),
    "is gone (410)": Row(weather=always(GONE), auto=(0,), for_s=30 * DAY_S, counted=1),
    "no resolver: nothing is counted, however long": Row(
        weather=always(NO_RESOLVER), auto=(), probes=(0, *OFFLINE), for_s=5 * DAY_S, counted=0
    ),
    "a log-in page in its place": Row(
        weather=always(LOGIN_PAGE), auto=(), probes=(0, *OFFLINE), for_s=5 * DAY_S, counted=0
    ),
    "a clock that is wrong": Row(
        weather=always(CLOCK_WRONG), auto=(), probes=(0, *OFFLINE), for_s=5 * DAY_S, counted=0
    ),
    "nobody answers, twice: then it is the network": Row(
        weather=always(SILENT),
        auto=(0,),
        probes=(10, *(10 + one for one in OFFLINE)),
        for_s=5 * DAY_S,
        counted=1,
    ),
    "500 attempts": Row(
        weather=always(MOVED),
        auto=tuple(range(0, 3000, 10)),
        for_s=DAY_S,
        end=("dead_letter", "max_attempts"),
        counted=500,
    ),
}
SHORT_STEPS = {"500 attempts"}


def times(world: World, entry: Entry, trigger: Trigger) -> list[float]:
    """When the attempts of this trigger set out. Each is told by the account that the next one carries, the last by its own."""
    sent = [one for one in world.sent if one.delivery.delivery_id == entry.delivery.delivery_id]
    accounts = [*(one.delivery for one in sent), entry.delivery]
    triggers = {attempt.number: attempt.trigger for account in accounts for attempt in account.history}
    return [one.at_s for one in sent if triggers.get(one.number) is trigger]


@pytest.mark.parametrize("name", ROWS)
async def test_the_whole_schedule_of_a_receiver_that(tmp_path: Path, name: str) -> None:
    row = ROWS[name]
    retry = Retry(first_delay_s=10, max_delay_s=10) if name in SHORT_STEPS else Retry()
    world = World(tmp_path, [an_endpoint("http://hq.example/")], retry)
    world.rng, world.weather["hq"] = Chance(1.0), row.weather
    async with a_life(world) as life:
        await life.dispatcher.publish(an_event())
        await life.advance(row.first_s)
        entry = life.queue.get(delivery_id(an_event().event_id, "hq"))
        assert times(world, entry, Trigger.AUTO) == pytest.approx(row.auto, abs=0.05)
        assert times(world, entry, Trigger.PROBE) == pytest.approx(row.probes, abs=0.05)
        await life.advance(row.for_s - row.first_s)
        delivery = entry.delivery
        assert (str(delivery.status), delivery.dead_letter_reason) == row.end
        assert row.counted is None or delivery.auto_attempts == row.counted
        await life.stop()
