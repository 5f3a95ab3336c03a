"""What no type can say of the settings: limits in order, presets that exist, dates and zones that make sense. Pure."""

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Final
from zoneinfo import ZoneInfo

from core.config_lines import KeyPath
from core.monitoring.presets import PRESETS, terms_of
from core.samples import Quantity
from core.settings import Cabinet, Endpoint, Limits, Sensor, Settings

Wrong = tuple[str, KeyPath]

_LISTEN_HOST: Final = re.compile(r"\[[^\[\]\s]+\]|[^\[\]\s]+")
_HOST: Final = re.compile(rb"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_ORDER: Final = ("low", "warn_low", "warn_high", "high")


def wrongs(settings: Settings) -> Iterator[Wrong]:
    """Problem and key of each mistake."""
    try:
        ZoneInfo(settings.device.timezone)
    except (LookupError, OSError, ValueError):  # no such name, a directory's, or a path
        yield f"there is no time zone {settings.device.timezone!r}", ("device", "timezone")
    for index, cabinet in enumerate(settings.cabinets):
        yield from _of_cabinet(cabinet, ("cabinets", index))
    for index, sensor in enumerate(settings.sensors):
        yield from _of_sensor(sensor, ("sensors", index))
    if settings.manage_api.listen is not None:
        yield from _of_listen(settings.manage_api.listen, ("manage_api", "listen"))
    for index, host in enumerate(settings.manage_api.hosts):
        if not _is_host(host):
            yield "is not the name of a host, without scheme and port", ("manage_api", "hosts", index)
    endpoints = settings.webhooks.endpoints
    for index, endpoint in enumerate(endpoints):
        yield from _of_fallback(endpoint, endpoints, ("webhooks", "endpoints", index, "fallback_for"))


def _of_listen(listen: str, at: KeyPath) -> Iterator[Wrong]:
    host, _, port = listen.rpartition(":")
    if int(port) > 65535:
        yield "has a port above 65535", at
    if not _LISTEN_HOST.fullmatch(host):
        yield "has no usable host", at


def _is_host(name: str) -> bool:
    try:
        return _HOST.fullmatch(name.encode("idna")) is not None
    except UnicodeError:
        return False


def _of_cabinet(cabinet: Cabinet, at: KeyPath) -> Iterator[Wrong]:
    if cabinet.preset is not None and cabinet.preset not in PRESETS:
        yield f"unknown preset; known are {', '.join(PRESETS)}", (*at, "preset")
        return
    limits = terms_of(cabinet).limits
    yield from _of_order(limits, cabinet.limits, (*at, "limits"))
    yield from _of_band(cabinet.hysteresis_k, limits, at)
    if cabinet.humidity is not None:
        yield from _of_percent(cabinet.humidity, (*at, "humidity"))
        yield from _of_order(cabinet.humidity, cabinet.humidity, (*at, "humidity"))
        yield from _of_band(cabinet.hysteresis_k, cabinet.humidity, at)


def _of_order(limits: Limits, own: Limits | None, at: KeyPath) -> Iterator[Wrong]:
    given = [(name, value) for name in _ORDER if (value := getattr(limits, name)) is not None]
    for (name, value), (upper_name, upper) in itertools.pairwise(given):
        if value < upper:
            continue
        if getattr(own, upper_name) is not None:
            yield f"is not above {name} ({upper:g} <= {value:g})", (*at, upper_name)
        else:
            yield f"is not below {upper_name} ({value:g} >= {upper:g})", (*at, name)


def _of_percent(limits: Limits, at: KeyPath) -> Iterator[Wrong]:
    for name in _ORDER:
        value = getattr(limits, name)
        if value is not None and not 0 <= value <= 100:
            yield f"is not a relative humidity from 0 to 100 % ({value:g})", (*at, name)


def _of_band(hysteresis_k: float, limits: Limits, at: KeyPath) -> Iterator[Wrong]:
    """Between the limits that are met first there must be room to be inside both."""
    low = limits.low if limits.warn_low is None else limits.warn_low
    high = limits.high if limits.warn_high is None else limits.warn_high
    if low is None or high is None or hysteresis_k < high - low:
        return
    yield f"is not below the band between the limits ({high - low:g}): no case could clear", (*at, "hysteresis_k")


def _of_sensor(sensor: Sensor, at: KeyPath) -> Iterator[Wrong]:
    done = sensor.calibration
    if done is not None and done.due is not None and done.due <= done.on:
        yield f"is not after the calibration ({done.due} <= {done.on})", (*at, "calibration", "due")


def _of_fallback(endpoint: Endpoint, endpoints: Iterable[Endpoint], at: KeyPath) -> Iterator[Wrong]:
    """What a fallback endpoint doesn't take either goes no further, so one for a fallback endpoint would get nothing."""
    others = {one.id: one for one in endpoints}
    for name in endpoint.fallback_for:
        if name not in others:
            yield f"there is no endpoint {name!r}", at
        elif name == endpoint.id:
            yield "names the endpoint itself", at
        elif others[name].fallback_for:
            yield f"{name!r} is a fallback endpoint itself: nothing is handed on from there", at


def hints(settings: Settings) -> Iterator[str]:
    """What a person should know of settings that are no mistake."""
    for cabinet in settings.cabinets:
        yield from _hints_of(cabinet, settings)
    for endpoint in settings.webhooks.endpoints:
        if endpoint.secret is None and endpoint.secret_file is None:
            yield f"endpoint {endpoint.id!r} has no secret: its webhooks go out unsigned"
    if settings.webhooks.escalate_after_min == 0:
        unused = ["escalate_command"] if settings.webhooks.escalate_command else []
        unused += [f"endpoint {one.id!r}" for one in settings.webhooks.endpoints if one.fallback_for]
        if unused:
            yield f"escalate_after_min is 0: {', '.join(unused)} is never used"
    if not settings.webhooks.endpoints:
        yield "no webhook endpoint: alarms stay on this box"


def _hints_of(cabinet: Cabinet, settings: Settings) -> Iterator[str]:
    has = {sensor.quantity for sensor in settings.sensors if sensor.cabinet == cabinet.id}
    if cabinet.preset is None and cabinet.limits is None:
        yield f"cabinet {cabinet.id!r} has neither preset nor limits: its values are shown, never judged"
    for quantity, asked, what in (
        (Quantity.HUMIDITY, cabinet.humidity is not None, "humidity limits"),
        (Quantity.DOOR, cabinet.door_open_s is not None, "door_open_s"),
        (Quantity.DEFROST, cabinet.defrost.per_day is not None, "defrost.per_day"),
    ):
        if asked and quantity not in has:
            yield f"cabinet {cabinet.id!r} has {what} but no {quantity} sensor: nothing looks after it"
    if Quantity.HUMIDITY in has and cabinet.humidity is None:
        yield f"cabinet {cabinet.id!r} has no humidity limits: its humidity is shown, never judged"
