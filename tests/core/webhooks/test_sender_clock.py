"""Two clocks that disagree: the receiver's is learned from its answers, for signing alone."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from standardwebhooks import Webhook

from core.clock import SystemClock
from core.settings import Secret
from core.webhooks.deliveries import Failed
from core.webhooks.sender import Sender
from tests.core.webhooks.factories import SECRET, a_delivery, a_sender
from tests.fakes import FakeClock
from tests.receivers import Behaviour, Receiver, a_receiver, answers

pytestmark = pytest.mark.anyio
NOW = FakeClock().now()
PAGE = ("content-type: text/html", b"<html>")


def dated(off_s: float, status: str = "200 OK", *headers: str, body: bytes = b"") -> Behaviour:
    """Answers with a clock that is ahead by so much when ours says NOW."""
    stamp = format_datetime((NOW + timedelta(seconds=off_s)).astimezone(UTC), usegmt=True)
    return answers(status, f"date: {stamp}", *headers, body=body)


async def stamps(receiver: Receiver, sender: Sender, behaviours: Sequence[Behaviour]) -> list[int]:
    """Each attempt's `webhook-timestamp`, against NOW."""
    for number, behaviour in enumerate(behaviours, start=1):
        receiver.behaviour = behaviour
        await sender.send(a_delivery(), number)
    return [int(one.header("webhook-timestamp") or 0) - int(NOW.timestamp()) for one in receiver.received]


async def stamps_after(behaviour: Behaviour) -> list[int]:
    async with a_receiver() as receiver, a_sender(receiver.url, clock=FakeClock()) as sender:
        return await stamps(receiver, sender, [behaviour, behaviour])


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "401 Stale", "503 Busy"])
@pytest.mark.parametrize("off_s", [7200, -7200, 2, -56 * 365 * 86_400])
async def test_the_next_attempt_is_stamped_with_the_receivers_time(status: str, off_s: int) -> None:
    """Errors tell the time too, and a refusal for a stale signature is the very case."""
    assert await stamps_after(dated(off_s, status)) == [0, off_s]


@pytest.mark.parametrize("off_s", [0, 1, -1])
async def test_a_second_is_no_difference(off_s: int) -> None:
    """A Date has whole seconds, and comes late."""
    assert await stamps_after(dated(off_s)) == [0, 0]


@pytest.mark.parametrize("date", ["date: yesterday", "date:", "x-date: Mon, 23 Nov 2026 10:00:00 GMT"])
async def test_what_is_no_date_teaches_nothing(date: str) -> None:
    """Our own clock stays in force."""
    assert await stamps_after(answers("200 OK", date)) == [0, 0]


@pytest.mark.parametrize(
    "behaviour",
    [
        dated(7200, "511 Log In"),
        dated(7200, "302 Found", "location: http://portal.example/"),
        dated(7200, "200 OK", PAGE[0], body=PAGE[1]),
    ],
)
async def test_a_portal_does_not_teach_the_receivers_time(behaviour: Behaviour) -> None:
    """It is not the receiver."""
    assert await stamps_after(behaviour) == [0, 0]


async def test_it_is_unknown_until_somebody_has_told_it() -> None:
    """None is not nought."""
    async with a_receiver() as receiver, a_sender(receiver.url, clock=FakeClock()) as sender:
        assert sender.skew_s is None
        await sender.send(a_delivery(), 1)
        assert sender.skew_s is None
        receiver.behaviour = dated(7200)
        await sender.send(a_delivery(), 2)
        assert sender.skew_s == 7200.0


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0, -56 * 365 * 86_400.0])
async def test_a_wall_clock_that_jumps_leaves_the_receivers_time_right(jump_s: float) -> None:
    """It is kept against the steady clock; what jumps is the difference."""
    clock = FakeClock()
    async with a_receiver(dated(0)) as receiver, a_sender(receiver.url, clock=clock) as sender:
        await sender.send(a_delivery(), 1)
        clock.advance(100)
        clock.wall += timedelta(seconds=jump_s)
        assert sender.skew_s == -jump_s
        await sender.send(a_delivery(), 2)
    assert int(receiver.received[1].header("webhook-timestamp") or 0) == int(NOW.timestamp()) + 100


async def test_the_last_answer_counts() -> None:
    """The receiver's clock was put right meanwhile."""
    async with a_receiver() as receiver, a_sender(receiver.url, clock=FakeClock()) as sender:
        assert await stamps(receiver, sender, [dated(7200), dated(60), dated(60)]) == [0, 7200, 60]


async def test_a_receiver_of_another_time_accepts_the_second_attempt() -> None:
    """The reference library refuses what is older than five minutes by its own clock, which is right here."""
    clock = FakeClock(now=datetime(1971, 1, 1, tzinfo=UTC))  # a box without a battery clock
    date = f"date: {format_datetime(SystemClock().now(), usegmt=True)}"
    async with (
        a_receiver(answers("401 Stale", date)) as receiver,
        a_sender(receiver.url, clock=clock, secret=Secret(SECRET)) as sender,
    ):
        for number in (1, 2):
            await sender.send(a_delivery(), number)
    request = receiver.received[1]
    Webhook(SECRET).verify(request.body, dict(request.headers))


async def test_the_clock_of_the_box_has_no_say_in_retry_after() -> None:
    """Half a century off, and the wait is still the two minutes that were asked for."""
    clock = FakeClock()
    clock.wall -= timedelta(days=56 * 365)
    behaviour = dated(0, "503 Busy", "retry-after: Mon, 23 Nov 2026 08:02:00 GMT")
    async with a_receiver(behaviour) as receiver, a_sender(receiver.url, clock=clock) as sender:
        for number in (1, 2):
            outcome = await sender.send(a_delivery(), number)
            assert isinstance(outcome, Failed)
            assert outcome.retry_after_s == 120.0
