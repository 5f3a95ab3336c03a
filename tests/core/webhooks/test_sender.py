"""What every kind of answer over a real socket becomes."""

import re

import pytest
from standardwebhooks import Webhook

from core.settings import Secret
from core.webhooks.deliveries import Delivered, ErrorClass, Failed, Outcome
from core.webhooks.verdicts import EXCERPT_MAX
from tests.core.webhooks.factories import BODY, OLD_SECRET, SECRET, a_delivery, a_sender, sent
from tests.fakes import FakeClock
from tests.receivers import Behaviour, Receiver, a_receiver, answers, sends

pytestmark = pytest.mark.anyio
DATE = "date: Mon, 23 Nov 2026 08:00:00 GMT"  # of the receiver; the clock of this box plays no part


async def outcome_of(behaviour: Behaviour, **endpoint: object) -> Outcome:
    async with a_receiver(behaviour) as receiver:
        return await sent(receiver.url, **endpoint)  # type: ignore[arg-type]  # passed on as they are


async def failure_of(behaviour: Behaviour) -> Failed:
    outcome = await outcome_of(behaviour)
    assert isinstance(outcome, Failed)
    return outcome


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204, 206, 299])
async def test_every_2xx_is_delivered(status: int) -> None:
    """Success is 2xx, whatever the receiver means by the rest of the number."""
    assert await outcome_of(answers(f"{status} Fine")) == Delivered(http_status=status)


@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        *[(status, ErrorClass.REDIRECT) for status in (300, 301, 302, 303, 304, 307, 308)],
        *[(status, ErrorClass.HTTP_4XX) for status in (400, 401, 403, 404, 408, 410, 413, 425, 451)],
        (429, ErrorClass.RATE_LIMITED),
        *[(status, ErrorClass.HTTP_5XX) for status in (500, 502, 503, 504)],
        (511, ErrorClass.CAPTIVE_PORTAL),
        *[(status, ErrorClass.HTTP_OTHER) for status in (600, 999)],
    ],
)
async def test_everything_else_has_failed(status: int, error_class: ErrorClass) -> None:
    """Each class has its name, and the number stands in the outcome and in its sentence."""
    outcome = await failure_of(answers(f"{status} Some Reason"))
    assert (outcome.error_class, outcome.http_status) == (error_class, status)
    assert outcome.error == f"{status} Some Reason"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(status: int) -> None:
    """Not even to the same host: a 302 would turn the alarm into an empty GET."""
    async with a_receiver() as target:
        outcome = await failure_of(answers(f"{status} Moved", f"location: {target.url}"))
    assert (outcome.error_class, target.received) == (ErrorClass.REDIRECT, [])


@pytest.mark.parametrize(
    "location",
    ["", "http://[", "http://127.0.0.1:99999999/", "//[::", "\x7f", "x" * 10_000, "ftp:///y", "?", "//"],
)
async def test_a_redirect_to_nowhere_is_a_failure_like_others(location: str) -> None:
    """A Location that is no URL ends in an outcome, not in an exception that would stop all sending."""
    outcome = await failure_of(answers("302 Found", f"location: {location}"))
    assert (outcome.error_class, outcome.http_status) == (ErrorClass.REDIRECT, 302)


@pytest.mark.parametrize(
    ("headers", "asked_s"),
    [
        (["retry-after: 120"], 120.0),
        (["retry-after: 0"], 0.0),
        ([DATE, "retry-after: Mon, 23 Nov 2026 08:02:00 GMT"], 120.0),
        ([DATE, "retry-after: Mon, 23 Nov 2026 07:00:00 GMT"], 0.0),
        ([DATE, "retry-after: Monday, 23-Nov-26 08:02:00 GMT"], 120.0),
        (["retry-after: Mon, 23 Nov 2026 08:02:00 GMT"], None),
        (["date: yesterday", "retry-after: Mon, 23 Nov 2026 08:02:00 GMT"], None),
        (["retry-after: 100000000000000000000"], None),
        (["retry-after: -5"], None),
        (["retry-after: 1.5"], None),
        (["retry-after: soon"], None),
        (["retry-after:"], None),
        ([DATE, "retry-after: Mon, 99 Nov 2026 99:99:99 GMT"], None),
        ([], None),
    ],
)
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_retry_after_is_read(status: str, headers: list[str], asked_s: float | None) -> None:
    """Seconds, or a date measured against the answer's own; what is neither is not there."""
    assert (await failure_of(answers(status, *headers))).retry_after_s == asked_s


async def test_what_arrives_is_what_was_kept() -> None:
    """The stored bytes, the id, the attempt's number, and who sent it."""
    async with (
        a_receiver() as receiver,
        a_sender(receiver.url, headers={"Authorization": Secret("Bearer abc")}) as sender,
    ):
        await sender.send(a_delivery(), 7)
    request = receiver.received[0]
    assert (request.body, request.target) == (BODY, "/hook?access_token=tok-SECRET")
    names = ("webhook-id", "x-cdg-attempt", "content-type", "authorization")
    assert [request.header(name) for name in names] == ["evt_1", "7", "application/json", "Bearer abc"]
    assert re.match(r"cold-display-guard/\d", request.header("user-agent") or "")


async def test_headers_of_the_configuration_take_no_place_of_ours() -> None:
    """However they are written, there is one of each and it is ours."""
    given_headers = {"Content-Type": Secret("text/html"), "WEBHOOK-ID": Secret("x"), "X-CDG-Attempt": Secret("9")}
    async with a_receiver() as receiver, a_sender(receiver.url, headers=given_headers) as sender:
        await sender.send(a_delivery(), 1)
    request = receiver.received[0]
    assert [request.all(name) for name in ("content-type", "webhook-id", "x-cdg-attempt")] == [
        ["application/json"],
        ["evt_1"],
        ["1"],
    ]


async def test_each_attempt_is_signed_anew_under_the_same_id() -> None:
    """A stale timestamp would be refused as a replay."""
    clock = FakeClock()
    async with a_receiver() as receiver, a_sender(receiver.url, clock=clock, secret=Secret(SECRET)) as sender:
        await sender.send(a_delivery(), 1)
        clock.advance(60)
        await sender.send(a_delivery(), 2)
    first, second = receiver.received
    assert first.event_id == second.event_id
    assert int(second.header("webhook-timestamp") or 0) - int(first.header("webhook-timestamp") or 0) == 60
    assert first.header("webhook-signature") != second.header("webhook-signature")


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
async def test_a_receiver_with_either_secret_verifies_what_arrives(secret: str) -> None:
    """The bytes on the wire are the bytes that were signed."""
    async with a_receiver() as receiver:
        await sent(receiver.url, secret=Secret(SECRET), secret_previous=Secret(OLD_SECRET))
    request = receiver.received[0]
    Webhook(secret).verify(request.body, dict(request.headers))


async def test_without_a_secret_there_is_no_signature() -> None:
    """Rather none than an empty one."""
    async with a_receiver() as receiver:
        await sent(receiver.url)
    assert receiver.received[0].header("webhook-signature") is None


async def test_the_excerpt_is_the_start_of_the_answer() -> None:
    """Enough for the technician, and no more than is kept."""
    outcome = await failure_of(answers("500 Oops", body=b"database is down " * 500))
    assert outcome.excerpt.startswith("database is down database")
    assert len(outcome.excerpt) <= EXCERPT_MAX


HOSTILE = "\x1b[2J\x07<b>\u202eevil\u2066\x00\x85\u2028end".encode()


async def test_a_hostile_body_comes_out_harmless() -> None:
    """No escape sequence, no bidi override, no line break reaches a screen or a log."""
    outcome = await failure_of(answers("500 Oops", body=HOSTILE))
    assert outcome.excerpt.isprintable()
    assert outcome.excerpt.endswith("end")


@pytest.mark.parametrize("reason", [b"a\tb", b"\xe2\x80\xaeevil", b"\xff\xfe", b"\x9b2J", b"a  b "])
async def test_a_hostile_reason_comes_out_harmless(reason: bytes) -> None:
    """What HTTP lets through of it."""
    assert (await failure_of(sends(b"HTTP/1.1 500 " + reason + b"\r\ncontent-length: 0\r\n\r\n"))).error.isprintable()


async def test_a_huge_reason_is_cut() -> None:
    """It would stand in every attempt that the journal keeps."""
    assert len((await failure_of(answers("500 " + "x" * 10_000))).error) <= 200


async def test_half_a_character_at_the_cut_is_no_error() -> None:
    """The excerpt is cut in bytes, possibly in the middle of one."""
    assert "冷" in (await failure_of(answers("500 Oops", body=b"x" + "冷".encode() * 600))).excerpt


@pytest.mark.parametrize("status", ["500 Oops", "302 Found", "404 tok", "nonsense"])
async def test_no_secret_stands_in_an_outcome(status: str) -> None:
    """Neither the URL with its token nor a header's value nor the signing secret."""
    given_headers = {"authorization": Secret("Bearer hdr-SECRET")}
    outcome = await outcome_of(answers(status), headers=given_headers, secret=Secret(SECRET))
    assert not re.search(r"SECRET|127\.0\.0\.1|/hook|" + SECRET[6:], repr(outcome))


async def test_connections_are_kept() -> None:
    """The second alarm needs no second handshake."""
    async with a_receiver(answers(body=b"thanks")) as receiver, a_sender(receiver.url) as sender:
        for number in (1, 2):
            await sender.send(a_delivery(), number)
    assert (len(receiver.received), receiver.connections) == (2, 1)


async def test_a_kept_connection_that_died_is_no_failure_of_the_next() -> None:
    """The receiver restarted in between: the next attempt opens a new one."""
    async with a_receiver(answers()) as receiver, a_sender(receiver.url) as sender:
        await sender.send(a_delivery(), 1)
        await receiver.stop()
        await receiver.start()
        assert await sender.send(a_delivery(), 2) == Delivered(http_status=200)


async def test_a_cookie_is_not_sent_back() -> None:
    """Nobody here is logged in, and what a receiver hands out would pile up for months."""
    async with a_receiver(answers("200 OK", "set-cookie: a=b; path=/")) as receiver, a_sender(receiver.url) as sender:
        for number in (1, 2):
            await sender.send(a_delivery(), number)
    assert receiver.received[1].header("cookie") is None


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_a_stray_proxy_in_the_environment_is_ignored(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alarms go where the configuration says."""
    async with a_receiver() as proxy, a_receiver() as receiver:
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        await sent(receiver.url)
        assert (len(receiver.received), proxy.received) == (1, [])


async def test_a_name_and_password_in_the_url_become_a_header() -> None:
    """As browsers send them; never in the line that names the target."""
    async with a_receiver() as receiver:
        await sent(receiver.url.replace("://", "://box:p%40ss@"))
    request = receiver.received[0]
    assert (request.header("authorization"), request.target) == ("Basic Ym94OnBAc3M=", "/hook?access_token=tok-SECRET")
    assert request.header("host") == f"127.0.0.1:{receiver.port}"


async def test_a_header_of_the_configuration_takes_the_place_of_those_in_the_url() -> None:
    """It says more plainly what is wanted; a virtual host may be named too."""
    given_headers = {"Authorization": Secret("Bearer abc"), "Host": Secret("hq.example")}
    async with a_receiver() as receiver:
        await sent(receiver.url.replace("://", "://a:b@"), headers=given_headers)
    request = receiver.received[0]
    assert [request.all(name) for name in ("authorization", "host")] == [["Bearer abc"], ["hq.example"]]


async def test_headers_that_frame_the_body_are_never_the_configurations() -> None:
    """Else receivers would read another body than the one that was signed."""
    given_headers = {"Transfer-Encoding": Secret("chunked"), "Content-Length": Secret("1")}
    async with a_receiver() as receiver:
        assert await sent(receiver.url, headers=given_headers) == Delivered(http_status=200)
    request = receiver.received[0]
    assert (request.all("content-length"), request.header("transfer-encoding")) == ([str(len(BODY))], None)
    assert request.body == BODY


async def test_no_compressed_answer_is_asked_for() -> None:
    """It would not be read."""
    async with a_receiver() as receiver:
        await sent(receiver.url)
    assert receiver.received[0].header("accept-encoding") == "identity"


@pytest.mark.parametrize(
    ("delayed_s", "told"), [(0.0, None), (0.99, None), (1.0, "1"), (61.7, "61"), (259_200.0, "259200")]
)
async def test_a_late_alarm_says_how_late_it_is(delayed_s: float, told: str | None) -> None:
    """In whole seconds, so that one of six hours ago is not taken for a new one."""
    async with a_receiver() as receiver, a_sender(receiver.url) as sender:
        await sender.send(a_delivery(), 3, delayed_s)
    assert receiver.received[0].header("x-cdg-delayed") == told


def test_the_receiver_of_these_tests_shows_a_token_to_be_leaked() -> None:
    """Else the test of secrets could not fail."""
    assert "SECRET" in Receiver(answers()).url
