"""A thermometer that speaks HTTP: one GET a poll, whatever the number of sensors, and a JSON answer for all of them.

The peer may hang, drip, lie or flood: the whole exchange has one deadline and the body a limit. Neither the query nor
the user part of the URL, which often are secrets, stands in an error.
"""

import asyncio
import json
import logging
import math
from contextlib import suppress
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx
import msgspec

from core.clock import Clock
from core.errors import ConfigError, SensorError
from core.renewing import RenewingTransport
from core.samples import Quantity, Sample
from core.settings import POINT_TYPES, HttpJsonPoint, Sensor
from core.settings import HttpJsonSource as HttpJsonSettings

MAX_BODY_BYTES: Final = 64 * 1024
MAX_PORT: Final = 65_535

# A body is taken as it comes: what inflates while it is read has no bound.
HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}

EPOCH_S: Final = 1e9  # a smaller number is no time of this century, but one that counts

_MISSING: Final = object()


class HttpJsonSource:
    """One device with one status page."""

    simulated = False

    def __init__(
        self,
        settings: HttpJsonSettings,
        sensors: tuple[Sensor, ...],
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
    ):
        # httpx logs every URL with its query at INFO.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._url = _parsed(settings)
        self._peer = self._url.netloc.decode("ascii")
        self._timeout_s, self._clock = settings.timeout_s, clock
        self._points = [(sensor, Field(_point(sensor), clock)) for sensor in sensors]
        self._client = httpx.AsyncClient(
            transport=transport or RenewingTransport(),
            timeout=settings.timeout_s,
            headers=HEADERS,
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(
                DefaultCookiePolicy(allowed_domains=[])
            ),  # they would pile up, and a bad one breaks a poll
            event_hooks={"response": [_without_location]},
        )

    async def poll(self) -> list[Sample]:
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._get()
        except (TimeoutError, httpx.TimeoutException) as exc:
            raise SensorError("timeout", f"{self._peer}: no whole answer in {self._timeout_s:g} s") from exc
        except httpx.HTTPError as exc:
            raise SensorError("unreachable", f"{self._peer}: {type(exc).__name__}") from exc
        document = self._decoded(body)
        at, steady_s = self._clock.now(), self._clock.steady()
        samples = []
        for sensor, field in self._points:
            value, fault = field.read(document, sensor.quantity)
            samples.append(Sample(sensor=sensor.id, at=at, steady_s=steady_s, value=value, fault=fault))
        return samples

    async def close(self) -> None:
        await self._client.aclose()

    async def _get(self) -> bytes:
        async with self._client.stream("GET", self._url) as response:
            if 300 <= response.status_code < 400:
                raise SensorError("redirect", f"{self._peer}: HTTP {response.status_code}")
            if not response.is_success:
                raise SensorError("http_status", f"{self._peer}: HTTP {response.status_code}")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise SensorError("too_large", f"{self._peer}: more than {MAX_BODY_BYTES} bytes")
            return bytes(body)

    def _decoded(self, body: bytes) -> object:
        # Not msgspec: small devices write NaN for a broken probe, and that must cost one sensor, not all of them.
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as exc:
            raise SensorError("not_json", self._peer) from exc


class Field:
    """One number of the document, and since when its time stands still, in steady seconds."""

    def __init__(self, point: HttpJsonPoint, clock: Clock):
        self._path, self._max_age_s, self._clock = point.path.split("."), point.max_age_s, clock
        self._timestamp = point.timestamp.split(".") if point.timestamp is not None else None
        self._stamp: object = _MISSING
        self._new_s = 0.0

    def read(self, document: object, quantity: Quantity) -> tuple[float | None, str | None]:
        """Value and fault; exactly one of them is set."""
        value, fault = _number(_find(document, self._path), quantity)
        if self._timestamp is None or fault is not None:
            return value, fault
        stamp = _find(document, self._timestamp)
        counted = stamp if isinstance(stamp, str) else _number(stamp, quantity)[0]
        if counted is None:
            return None, "missing_field"
        return (None, "old_data") if self._age_s(counted) > self._max_age_s else (value, None)

    def _age_s(self, stamp: str | float) -> float:
        """By the steady clock alone once a first one was seen: neither this box's date nor the device's need be right."""
        now_s = self._clock.steady()
        if stamp != self._stamp:
            first = self._stamp is _MISSING
            self._new_s = now_s - (self._age_at_first_s(stamp) if first else 0.0)
            self._stamp = stamp
        return now_s - self._new_s

    def _age_at_first_s(self, stamp: str | float) -> float:
        """What was there before this box looked may be a value of last week; a running number doesn't tell."""
        at = _time(stamp)
        if at is None or not self._clock.synchronised():
            return 0.0
        return max(0.0, (self._clock.now() - at).total_seconds())


def _time(stamp: str | float) -> datetime | None:
    """ISO 8601, in UTC where it names no zone, or seconds or milliseconds since 1970."""
    with suppress(ValueError, OverflowError, OSError):
        if isinstance(stamp, str):
            at = datetime.fromisoformat(stamp)
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        if stamp >= EPOCH_S:
            return datetime.fromtimestamp(stamp / 1000 if stamp >= EPOCH_S * 1000 else stamp, UTC)
    return None


async def _without_location(answer: httpx.Response) -> None:
    """httpx parses a redirect's target even where it follows none, and raises for one that is no URL."""
    answer.headers.pop("location", None)


def _parsed(settings: HttpJsonSettings) -> httpx.URL:
    # What httpx says about a bad URL quotes it, so that exception must not become the cause of ours.
    with suppress(httpx.InvalidURL):
        url = httpx.URL(settings.url)
        if url.host and (url.port or 0) <= MAX_PORT:
            return url
    raise ConfigError("url is not a valid HTTP address", key=f"sources.{settings.id}.url")


def _point(sensor: Sensor) -> HttpJsonPoint:
    point: str | HttpJsonPoint = msgspec.convert(sensor.point, POINT_TYPES[HttpJsonSettings])
    return HttpJsonPoint(path=point) if isinstance(point, str) else point


def _find(node: object, path: list[str]) -> object:
    for key in path:
        if isinstance(node, dict):
            node = node.get(key, _MISSING)
        elif isinstance(node, list) and key.isdecimal() and len(key) < 6 and int(key) < len(node):
            node = node[int(key)]
        else:
            return _MISSING
    return node


def _number(found: object, quantity: Quantity) -> tuple[float | None, str | None]:
    """Value and fault; exactly one of them is set."""
    if found is _MISSING:
        return None, "missing_field"
    if isinstance(found, bool) and quantity in (Quantity.DOOR, Quantity.DEFROST):
        return float(found), None
    if isinstance(found, int | float) and not isinstance(found, bool):
        with suppress(OverflowError):
            if math.isfinite(value := float(found)):
                return value, None
    return None, "not_a_number"
