"""GET status: the whole box at a glance, and what a person should know about it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from core import __version__, wire
from core.manage_api import retry_views, views
from core.manage_api.parts import Parts
from core.monitoring.posts import Line
from core.webhooks.network import NetworkState
from core.wire import Durability


class StatusBoard:
    """Remembers since when each problem has been there."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._since: dict[str, datetime] = {}

    def status(self) -> wire.Status:
        parts, device = self._parts, self._parts.loaded.settings.device
        disk, webhooks = views.durability(parts), retry_views.retry_summary(parts)
        return wire.Status(
            version=__version__,
            device=wire.DeviceInfo(
                id=device.id,
                site=device.site,
                site_name=device.site_name,
                timezone=device.timezone,
                language=device.language,
                boot_id=parts.device.boot_id,
            ),
            now=parts.clock.now(),
            clock_synced=parts.clock.synchronised(),
            uptime_s=parts.device.uptime_s,
            simulated=any(line.source.simulated for line in parts.monitor.lines),
            network=retry_views.network(parts),
            durability=disk,
            monitoring=self._monitoring(),
            cases=views.case_counts(parts),
            webhooks=webhooks,
            epoch=parts.queue.epoch,
            seq=parts.queue.seq,
            problems=self._problems(disk, webhooks.accounts),
        )

    def _monitoring(self) -> wire.MonitoringInfo:
        monitor = self._parts.monitor
        return wire.MonitoringInfo(
            beat=monitor.beat,
            late_ms=round(monitor.late_ms, 3),
            worst_late_ms=round(monitor.worst_late_ms, 3),
            sources=tuple(self._source(line) for line in monitor.lines),
        )

    def _source(self, line: Line) -> wire.SourceInfo:
        worked_s = line.worked_s
        return wire.SourceInfo(
            id=line.id,
            driver=line.driver,
            state="failing" if line.error is not None else "waiting" if worked_s is None else "ok",
            error=line.error,
            age_s=None if worked_s is None else round(self._parts.clock.steady() - worked_s, 3),
            simulated=line.source.simulated,
        )

    def _problems(self, disk: wire.DurabilityInfo, accounts: wire.Accounts) -> tuple[wire.Problem, ...]:
        found = {**self._found(disk, accounts), **self._out(), **self._due(), **self._parts.troubles()}
        now = self._parts.clock.now()
        told = {f"{name}_not_durable": health.since for name, health in disk.journals.items()}
        self._since = {code: told.get(code) or self._since.get(code, now) for code in found}
        return tuple(wire.Problem(code=code, since=self._since[code], text=text) for code, text in found.items())

    def _out(self) -> dict[str, str]:
        """What news does not get out, and what keeps it: the network of this box, or who holds its endpoints."""
        found = self._undelivered()
        match retry_views.network(self._parts):
            case NetworkState.OFFLINE:
                found["network_offline"] = "no endpoint can be reached; deliveries wait, and don't age"
            case NetworkState.CAPTIVE_PORTAL:
                found["network_captive_portal"] = "somebody between answers in the endpoints' place: a login page?"
            case NetworkState.CLOCK_BAD:
                found["network_clock_bad"] = "the endpoints' certificates are of another time than this box's clock"
        if names := self._of_state("paused"):
            found["endpoint_paused"] = f"paused by a person: {names}"
        if names := self._of_state("disabled"):
            found["endpoint_disabled"] = f"answered 410 Gone and gets nothing until it is resumed: {names}"
        if names := self._of_state("open"):
            found["endpoint_failing"] = f"can't be reached, though others may be, and is only probed: {names}"
        return found

    def _undelivered(self) -> dict[str, str]:
        parts = self._parts
        found = {}
        if (late := parts.escalation.overdue) is not None:
            found["critical_undelivered"] = (
                f"{late.count} critical deliveries are undelivered, the oldest for {late.oldest_s / 60:.0f} min:"
                f" {', '.join(late.endpoints)}"
            )
        waiting = parts.queue.index.pending()
        orphans = sum(count for name, count in waiting.items() if parts.dispatcher.channel(name) is None)
        if orphans:
            found["endpoint_missing"] = f"{orphans} deliveries wait for an endpoint that is not configured"
        return found

    def _of_state(self, state: wire.EndpointState) -> str:
        """The endpoints in it."""
        names = (channel.endpoint.id for channel in self._parts.dispatcher.channels())
        return ", ".join(name for name in names if views.endpoint(self._parts, name).state == state)

    def _due(self) -> dict[str, str]:
        """What was to be done before today, as far as the clock can be believed."""
        found: dict[str, str] = {}
        zone = ZoneInfo(self._parts.loaded.settings.device.timezone)
        today = self._parts.clock.now().astimezone(zone).date()
        calibrations = {one.id: one.calibration for one in self._parts.loaded.settings.sensors}
        late = [name for name, done in calibrations.items() if done and done.due is not None and done.due < today]
        if late and self._parts.clock.synchronised():
            found["calibration_due"] = f"to be calibrated again: {', '.join(late)}"
        services = {one.id: self._parts.book.service(one.id) for one in self._parts.loaded.settings.cabinets}
        now = self._parts.clock.now()
        away = [
            name for name, said in services.items() if said.out and said.due_back is not None and said.due_back < now
        ]
        if away:
            found["service_overdue"] = f"out of service for longer than was said: {', '.join(away)}"
        return found

    def _found(self, disk: wire.DurabilityInfo, accounts: wire.Accounts) -> dict[str, str]:
        parts = self._parts
        found = {}
        for name, health in disk.journals.items():
            if health.state is not Durability.DURABLE:
                found[f"{name}_not_durable"] = f"{name} can't be written: {health.reason}"
            if health.degraded:
                found[f"{name}_degraded"] = _degraded(name, health)
        if (unseen := disk.archive_unacknowledged) > 0:
            found["archive_degraded"] = f"{unseen} accidents of the archive are to be acknowledged"
        if (missing := accounts.unaccounted - parts.queue.known.unaccounted_seen) > 0:
            found["deliveries_unaccounted"] = f"{missing} accepted deliveries are in no account: damage took them"
        undecodable = parts.queue.known.undecodable + parts.book.undecodable
        if undecodable:
            found["items_undecodable"] = f"{undecodable} journal items are not understood and kept as they are"
        return found


def _degraded(name: str, health: wire.JournalHealth) -> str:
    if not health.unacknowledged:
        return f"{name}: the file may not be touched; nothing of it is known"
    kept = f"{health.quarantined_files} pieces of {health.quarantined_bytes} bytes are kept in quarantine"
    return f"{name} was damaged; {kept}; to be acknowledged"
