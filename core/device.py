"""What this box says of itself: its stamp in every event, that it started, and its heartbeat."""

import secrets
from collections.abc import Callable

import msgspec
from msgspec import Raw

from core import __version__
from core.clock import Clock, boot_id
from core.events import DeviceStamp, Event, EventType, Publisher, Severity
from core.settings import Settings


class Device:
    """The identity of one run of the core."""

    def __init__(self, settings: Settings, clock: Clock):
        self._settings, self._clock = settings, clock
        self.boot_id = boot_id()
        self._started_s = clock.steady()

    @property
    def uptime_s(self) -> float:
        """Seconds since this core started."""
        return round(self._clock.steady() - self._started_s, 3)

    def stamp(self) -> DeviceStamp:
        device = self._settings.device
        return DeviceStamp(
            id=device.id,
            site=device.site,
            boot_id=self.boot_id,
            uptime_s=self.uptime_s,
            clock_synced=self._clock.synchronised(),
            version=__version__,
        )

    async def run(self, publisher: Publisher, vitals: Callable[[], dict[str, object]]) -> None:
        """Say that the box started, then beat every `heartbeat_s`; 0 means no heartbeat."""
        await publisher.publish(self._event(EventType.DEVICE_STARTED, vitals()))
        interval_s = self._settings.monitor.heartbeat_s
        while interval_s > 0:
            await self._clock.sleep(interval_s)
            await publisher.publish(self._event(EventType.DEVICE_HEARTBEAT, vitals()))

    def _event(self, event_type: EventType, data: dict[str, object]) -> Event:
        return Event(
            event_id="evt_" + secrets.token_hex(12),
            type=event_type,
            at=self._clock.now(),
            severity=Severity.INFO,
            data=Raw(msgspec.json.encode(data)),
        )
