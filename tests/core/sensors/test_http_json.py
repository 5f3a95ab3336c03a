"""The HTTP driver against a real socket: what it asks, what it makes of answers, and what it survives."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from core.errors import ConfigError, SensorError
from core.samples import Quantity, Sample
from core.sensors.http_json import MAX_BODY_BYTES, HttpJsonSource
from core.settings import HttpJsonSource as HttpJsonSettings
from core.settings import Sensor
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


def an_answer(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


class HttpPeer:
    """A thermometer: answers every request with `answer`, byte by byte where `drip_s` is set, never where it is empty; over
    TLS with `tls`.
    """

    def __init__(self, answer: bytes = b"", drip_s: float = 0.0, tls: ssl.SSLContext | None = None):
        self.answer, self.drip_s, self._tls = answer, drip_s, tls
        self.requests: list[bytes] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in self._writers:
                writer.transport.abort()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(request)
                await self._answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        if not self.drip_s:
            writer.write(self.answer)
            await writer.drain()
            return
        for byte in self.answer:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(self.drip_s)


@asynccontextmanager
async def a_peer(answer: bytes = b"", drip_s: float = 0.0) -> AsyncIterator[HttpPeer]:
    peer = HttpPeer(answer, drip_s)
    await peer.start()
    try:
        yield peer
    finally:
        await peer.stop()


def a_sensor(point: str = "t", quantity: Quantity = Quantity.TEMPERATURE, name: str = "03.air") -> Sensor:
    return Sensor(id=name, cabinet="03", source="web", point=point, quantity=quantity)


@asynccontextmanager
async def a_source(url: str, *sensors: Sensor, timeout_s: float = 5.0) -> AsyncIterator[HttpJsonSource]:
    settings = HttpJsonSettings(id="web", url=url, timeout_s=timeout_s)
    source = HttpJsonSource(settings, sensors or (a_sensor(),), FakeClock())
    try:
        yield source
    finally:
        await source.close()


async def polled(answer: bytes, *sensors: Sensor) -> list[Sample]:
    async with a_peer(answer) as peer, a_source(f"http://127.0.0.1:{peer.port}/status", *sensors) as source:
        return await source.poll()


async def failed(answer: bytes, drip_s: float = 0.0, timeout_s: float = 5.0) -> SensorError:
    async with (
        a_peer(answer, drip_s) as peer,
        a_source(f"http://127.0.0.1:{peer.port}/", timeout_s=timeout_s) as source,
    ):
        with pytest.raises(SensorError) as caught:
            await source.poll()
    return caught.value


async def test_a_dotted_path_reaches_through_objects_and_lists() -> None:
    body = b'{"sensors": [{"temperature": 1.5}, {"temperature": -18}]}'
    samples = await polled(an_answer(body), a_sensor("sensors.1.temperature"), a_sensor("sensors.0.temperature"))
    assert [sample.value for sample in samples] == [-18.0, 1.5]


async def test_one_poll_is_one_get_whatever_the_number_of_sensors() -> None:
    async with (
        a_peer(an_answer(b'{"a": 1, "b": 2}')) as peer,
        a_source(f"http://127.0.0.1:{peer.port}/status?room=1", a_sensor("a"), a_sensor("b"), a_sensor("c")) as source,
    ):
        await source.poll()
        assert [request.split(b"\r\n")[0] for request in peer.requests] == [b"GET /status?room=1 HTTP/1.1"]


@pytest.mark.parametrize("path", ["x", "t.x", "list.2", "list.-1", "list.x", "list.99999999999", ""])
async def test_a_path_that_leads_nowhere_is_a_missing_field(path: str) -> None:
    (sample,) = await polled(an_answer(b'{"t": 1, "list": [1, 2]}'), a_sensor(path))
    assert (sample.value, sample.fault) == (None, "missing_field")


@pytest.mark.parametrize("value", ["null", '"4.5"', "true", "NaN", "Infinity", "1e999", "1" + "0" * 400, "[1]", "{}"])
async def test_what_is_no_finite_number_is_a_fault(value: str) -> None:
    (sample,) = await polled(an_answer(f'{{"t": {value}}}'.encode()))
    assert (sample.value, sample.fault) == (None, "not_a_number")


@pytest.mark.parametrize("quantity", [Quantity.DOOR, Quantity.DEFROST])
async def test_a_door_or_a_defrost_may_be_a_boolean(quantity: Quantity) -> None:
    samples = await polled(an_answer(b'{"t": true, "u": false}'), a_sensor("t", quantity), a_sensor("u", quantity))
    assert [sample.value for sample in samples] == [1.0, 0.0]


async def test_one_broken_field_leaves_the_other_sensors_alone() -> None:
    samples = await polled(an_answer(b'{"a": NaN, "b": 3}'), a_sensor("a"), a_sensor("b"))
    assert [(sample.value, sample.fault) for sample in samples] == [(None, "not_a_number"), (3.0, None)]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (an_answer(b'{"t": 1}', "500 Oops"), "http_status"),
        (an_answer(b'{"t": 1}', "404 Not Found"), "http_status"),
        (an_answer(b'{"t": 1}', "302 Found", "Location: /there\r\n"), "redirect"),
        (an_answer(b"", "302 Found", "Location: http://[::1/\r\n"), "redirect"),
        (an_answer(b"<html>"), "not_json"),
        (an_answer(b""), "not_json"),
        (an_answer(b"[" * 60_000), "not_json"),
        (an_answer(b"\xff\xfe\xfd"), "not_json"),
        (an_answer(b" " * (MAX_BODY_BYTES + 1)), "too_large"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (2 * MAX_BODY_BYTES), "too_large"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "unreachable"),
    ],
    ids=[
        "500",
        "404",
        "redirect",
        "redirect to no URL",
        "html",
        "empty",
        "deep",
        "not utf-8",
        "declared",
        "endless",
        "not http",
    ],
)
async def test_an_answer_that_is_no_good_fails_the_source_with_its_own_code(answer: bytes, code: str) -> None:
    assert (await failed(answer)).code == code


async def test_a_redirect_is_not_followed() -> None:
    answer = an_answer(b"", "302 Found", "Location: /there\r\n")
    async with a_peer(answer) as peer, a_source(f"http://127.0.0.1:{peer.port}/") as source:
        with pytest.raises(SensorError):
            await source.poll()
        assert len(peer.requests) == 1


async def test_no_cookie_is_sent_back() -> None:
    answer = an_answer(b'{"t": 1}', headers="Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=\xe9\r\n")
    async with a_peer(answer) as peer, a_source(f"http://127.0.0.1:{peer.port}/") as source:
        for _ in range(2):
            (sample,) = await source.poll()
            assert sample.value == 1.0
        assert b"cookie" not in peer.requests[1].lower()


async def test_a_body_of_just_the_limit_is_read() -> None:
    (sample,) = await polled(an_answer(b'{"t": 1}'.ljust(MAX_BODY_BYTES)))
    assert sample.value == 1.0


async def test_a_silent_peer_times_out() -> None:
    assert (await failed(b"", timeout_s=0.2)).code == "timeout"


async def test_a_dripping_peer_does_not_outlive_the_deadline() -> None:
    """Each byte comes well within the time-out, the whole would take 30 s."""
    async with asyncio.timeout(5):
        error = await failed(an_answer(b'{"t": 1}'.ljust(250)), drip_s=0.1, timeout_s=0.5)
    assert error.code == "timeout"


async def test_a_refused_connection_is_unreachable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with a_source(f"http://127.0.0.1:{unused.getsockname()[1]}/") as source:
            with pytest.raises(SensorError, match="unreachable"):
                await source.poll()


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    (sample,) = await polled(an_answer(b'{"t": 1}'))
    assert sample.value == 1.0


async def test_the_user_part_of_the_url_is_sent_as_basic_authentication() -> None:
    async with (
        a_peer(an_answer(b'{"t": 1}')) as peer,
        a_source(f"http://user:hunter2@127.0.0.1:{peer.port}/") as source,
    ):
        await source.poll()
        assert b"Authorization: Basic dXNlcjpodW50ZXIy" in peer.requests[0]


@pytest.mark.parametrize(
    "answer",
    [b"", b"nonsense\r\n\r\n", an_answer(b"", "500 Oops"), an_answer(b"", "302 Found"), an_answer(b"x")],
    ids=["silent", "not http", "status", "redirect", "not json"],
)
async def test_no_secret_of_the_url_stands_in_an_error_or_the_log(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with (
        a_peer(answer) as peer,
        a_source(f"http://user:hunter2@127.0.0.1:{peer.port}/x?token=hunter3", timeout_s=0.5) as source,
    ):
        with pytest.raises(SensorError) as caught:
            await source.poll()
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter" not in f"{error} {error!r}"
        error = error.__cause__ or error.__context__
    assert "hunter" not in caplog.text


@pytest.mark.parametrize("url", ["http://user:hun/ter2@host/", "http://host:99999/", "http://[::1/", "http://?hunter2"])
def test_an_impossible_url_is_a_mistake_of_the_configuration_and_is_not_quoted(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        HttpJsonSource(HttpJsonSettings(id="web", url=url), (a_sensor(),), FakeClock())
    assert "hun" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


STAMPED: dict[str, Any] = {"path": "t", "timestamp": "ts", "max_age_s": 60}


class Stamped:
    """A gateway that stamps its number, polled with a clock that the test turns."""

    def __init__(self, peer: HttpPeer):
        self.peer, self.clock = peer, FakeClock()
        sensor = Sensor(id="03.air", cabinet="03", source="web", point=STAMPED)
        settings = HttpJsonSettings(id="web", url=f"http://127.0.0.1:{peer.port}/")
        self.source = HttpJsonSource(settings, (sensor,), self.clock)

    async def told(self, stamp: object, after_s: float = 0.0) -> float | str | None:
        self.peer.answer = an_answer(json.dumps({"t": 4.5, "ts": stamp}).encode())
        self.clock.advance(after_s)
        (sample,) = await self.source.poll()
        return sample.fault if sample.value is None else sample.value


@pytest.fixture
async def stamped() -> AsyncIterator[Stamped]:
    async with a_peer() as peer:
        gateway = Stamped(peer)
        yield gateway
        await gateway.source.close()


@pytest.mark.parametrize("stamps", [(7, 8), ("2026-11-23T08:00:00Z", "2026-11-23T08:01:10Z"), ("a", "b")])
async def test_a_number_whose_time_stands_still_is_old_until_it_moves(
    stamped: Stamped, stamps: tuple[Any, Any]
) -> None:
    first, second = stamps
    assert await stamped.told(first) == 4.5
    assert await stamped.told(first, after_s=60) == 4.5
    assert await stamped.told(first, after_s=1) == "old_data"
    assert await stamped.told(second) == 4.5


@pytest.mark.parametrize("unit", [1, 1000], ids=["seconds", "milliseconds"])
async def test_what_was_old_when_it_was_first_seen_is_old(stamped: Stamped, unit: int) -> None:
    since_1970 = stamped.clock.now().timestamp()
    assert await stamped.told(round((since_1970 - 61) * unit)) == "old_data"
    assert await stamped.told(round(since_1970 * unit)) == 4.5


async def test_a_time_without_a_zone_is_taken_for_utc(stamped: Stamped) -> None:
    assert await stamped.told("2026-11-23 07:58:00") == "old_data"


async def test_a_box_that_does_not_know_its_date_calls_nothing_old_for_it(stamped: Stamped) -> None:
    stamped.clock.in_sync = False
    assert await stamped.told("2026-11-20T08:00:00Z") == 4.5


async def test_a_wall_clock_that_jumps_makes_nothing_old(stamped: Stamped) -> None:
    assert await stamped.told("2026-11-23T08:00:00Z") == 4.5
    stamped.clock.wall += timedelta(days=1000)
    assert await stamped.told("2026-11-23T08:00:10Z", after_s=10) == 4.5


@pytest.mark.parametrize("stamp", [None, [1], float("nan")])
async def test_a_number_without_the_time_it_should_have_is_not_trusted(stamped: Stamped, stamp: object) -> None:
    assert await stamped.told(stamp) == "missing_field"


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", 1e300, 10**30])
async def test_a_time_beyond_reason_breaks_nothing(stamped: Stamped, stamp: object) -> None:
    assert await stamped.told(stamp) in {4.5, "old_data"}
