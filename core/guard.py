"""Puts the core together from its settings and keeps its loops running from start to stop. Signals are handled here only."""

import asyncio
import gc
import grp
import logging
import os
import signal
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from random import SystemRandom
from typing import Final
from zoneinfo import ZoneInfo

from core import __version__
from core.clock import Clock
from core.device import Device
from core.errors import ConfigError, CoreError
from core.journal import SICK_DISK, Archive, DirectoryLock, SnapshotJournal
from core.manage_api.app import build_app
from core.manage_api.auth import Authenticator
from core.manage_api.parts import Parts
from core.manage_api.retry_views import retry_summary
from core.manage_api.routes import routes
from core.manage_api.server import ManageServer
from core.manage_api.views import case_counts, durability
from core.monitoring.case_book import CaseBook
from core.monitoring.health import DeviceHealth
from core.monitoring.history import History
from core.monitoring.monitor import Monitor
from core.monitoring.posts import Line
from core.places import CORE_LOG, SOCKET
from core.sensors.drivers import open_source
from core.settings import LoadedSettings
from core.threads import ThreadPerCall
from core.webhooks.bounds import Bounds
from core.webhooks.channels import Channel, open_gates
from core.webhooks.dispatcher import Dispatcher
from core.webhooks.drains import Drains
from core.webhooks.escalation import Escalation
from core.webhooks.gate import Gate
from core.webhooks.retry_queue import RetryQueue
from core.webhooks.sender import Sender
from core.webhooks.tls import own_context
from core.wire import Durability

# One of these stands in every data directory, also where much of it was lost.
OURS: Final = frozenset({"lock", "cases.jsonl", "cases.jsonl.prev", "retries.jsonl", "quarantine", CORE_LOG})
TROUBLE_SHOWN_S: Final = 3600.0
STEADY_RUN_S: Final = 300.0
TO_THE_MINUTE_S: Final = 60.0
FINISH_S: Final = 5.0  # how long attempts in flight may still take after SIGTERM
FIRST_BACKOFF_S: Final = 1.0
LONGEST_BACKOFF_S: Final = 30.0

log = logging.getLogger(__name__)


def prepare(directory: Path, group: str) -> None:
    """Create the data directory, or mend its mode: 0750 for the configured group, else 0700. Raises ConfigError."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = {path.name for path in directory.iterdir()} - {"lost+found"}  # a disk of its own has one
        if names and not names & OURS:
            raise ConfigError("is not empty and no data directory of a guard; give it one of its own", path=directory)
        if group and directory.stat().st_gid != (gid := grp.getgrnam(group).gr_gid):
            os.chown(directory, -1, gid)
        if directory.stat().st_mode & 0o7777 != (mode := 0o750 if group else 0o700):
            directory.chmod(mode)
    except KeyError as error:
        raise ConfigError(f"there is no group {group!r}", key="access.group") from error
    except OSError as error:
        if error.errno in SICK_DISK and directory.is_dir():
            log.warning("the mode of %s can't be mended (%s)", directory, error.strerror)
            return
        raise ConfigError(f"the data directory can't be used ({error.strerror})", path=directory) from error


class Guard:
    """One running core. Raises DirectoryHeldError, ConfigError or OSError while it is built."""

    def __init__(self, loaded: LoadedSettings, directory: Path, clock: Clock):
        settings = loaded.settings
        prepare(directory, settings.access.group)
        self._lock = DirectoryLock(directory)
        self._clock = clock
        self._failures: dict[str, tuple[float, str]] = {}  # loop -> when it failed last, and of what
        self._stop = asyncio.Event()
        retries = SnapshotJournal(directory / settings.webhooks.retry.log, clock, __version__)
        cases = SnapshotJournal(directory / "cases.jsonl", clock, __version__)
        self._journals = {"retries": retries, "cases": cases}
        self._device = Device(settings, clock)
        endpoints = [endpoint.id for endpoint in settings.webhooks.endpoints]
        gates = open_gates(settings.webhooks, clock)
        self._queue = RetryQueue(retries, settings.webhooks.retry, endpoints, clock, SystemRandom(), gates)
        self._dispatcher = Dispatcher(self._queue, _channels(loaded, gates, clock), self._device.stamp, clock)
        self._drains = Drains(self._queue, self._dispatcher, clock)
        self._escalation = Escalation(self._queue, self._dispatcher, settings.webhooks, clock)
        self._archive = Archive(directory, clock)
        self._bounds = Bounds(self._queue, self._archive, settings.webhooks.retry, clock)
        self._book = CaseBook(cases, self._archive, clock, settings.monitor)
        sensors = [sensor.id for sensor in settings.sensors]
        self._history = History(directory, settings.history, sensors, clock, self._device.boot_id)
        self._monitor = Monitor(
            _lines(loaded, clock),
            settings.cabinets,
            self._book,
            clock,
            record=self._history.add,
            zone=ZoneInfo(settings.device.timezone),
            outage_s=self._history.outage_s,
        )
        self._health = DeviceHealth(self._book, directory, self._is_durable, clock)
        self._parts = Parts(
            loaded=loaded,
            clock=clock,
            device=self._device,
            monitor=self._monitor,
            book=self._book,
            history=self._history,
            queue=self._queue,
            dispatcher=self._dispatcher,
            drains=self._drains,
            escalation=self._escalation,
            journals=self._journals,
            archive=self._archive,
            troubles=self._all_troubles,
        )
        self._authenticator = Authenticator(access=settings.access, tokens_file=loaded.tokens_file)
        app = build_app(
            routes(self._parts), self._authenticator, version=__version__, listen=settings.manage_api.listen
        )
        self._server = ManageServer(app, directory / SOCKET, settings.manage_api.listen, settings.access.group, clock)

    async def run(self, lifeline: int | None = None) -> None:
        """Guard until SIGTERM, SIGINT or SIGHUP; then start nothing new, finish what is in flight, flush, end.

        `lifeline` is a descriptor whose end stops the core too: its other end dies with whoever owns this core. Raises
        ConfigError or OSError where the manage API's socket can't be made, ConfigError for a lifeline that is a file.
        """
        gc.collect()
        gc.freeze()  # what was loaded stays: to look through it again and again would stop all loops
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPerCall())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        if lifeline is not None:
            try:
                loop.add_reader(lifeline, self._read_lifeline, lifeline)
            except PermissionError as error:  # epoll takes no files
                raise ConfigError("--until-stdin-ends needs a pipe or a terminal for its standard input") from error
        try:
            async with asyncio.TaskGroup() as group:
                await self._loops(group)
        except* (CoreError, OSError) as failed:
            raise failed.exceptions[0] from failed
        finally:
            await self._close()

    def _read_lifeline(self, lifeline: int) -> None:
        if not os.read(lifeline, 4096):
            asyncio.get_running_loop().remove_reader(lifeline)
            self._stop.set()

    async def _loops(self, group: asyncio.TaskGroup) -> None:
        serving = group.create_task(self._server.run())
        sending = group.create_task(self._keep_running("sending", self._dispatcher.run))
        others = {
            "monitoring": self._monitor.run,
            "publishing": lambda: self._book.run(self._dispatcher),
            "bounds": self._bounds.run,
            "escalation": self._escalation.run,
            "health": self._health.run,
            "history": self._history.run,
            "heartbeat": lambda: self._device.run(self._dispatcher, self._vitals),
        }
        draining = group.create_task(self._keep_running("drains", self._drains.run))
        running = [group.create_task(self._keep_running(name, run)) for name, run in others.items()]
        await self._server.ready.wait()
        log.info("guarding")
        await self._stop.wait()
        log.info("stopping")
        for task in running:
            task.cancel()
        self._server.stop()
        self._dispatcher.stop()
        drained = group.create_task(self._drains.idle())
        await asyncio.wait([serving, sending, drained], timeout=FINISH_S)
        for task in (sending, draining, drained):
            task.cancel()

    async def _close(self) -> None:
        await self._monitor.close()
        await self._dispatcher.close()
        await self._queue.ages.write_down(self._queue.known, TO_THE_MINUTE_S)
        for journal in self._journals.values():
            await asyncio.to_thread(journal.close)
        await self._history.close()
        self._lock.release()

    async def _keep_running(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """A loop that dies of a mistake of ours is logged, shown as a problem, and started again."""
        backoff_s = FIRST_BACKOFF_S
        while True:
            started_s = self._clock.steady()
            try:
                await run()
            except Exception as error:
                log.exception("the %s loop failed and starts again", name)
                now_s = self._clock.steady()
                self._failures[name] = (now_s, type(error).__name__)
                if now_s - started_s > STEADY_RUN_S:
                    backoff_s = FIRST_BACKOFF_S
                await self._clock.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, LONGEST_BACKOFF_S)
            else:
                return

    def _all_troubles(self) -> dict[str, str]:
        now_s = self._clock.steady()
        found = {
            f"{name}_failed": f"the {name} loop failed and was started again: {error}"
            for name, (at_s, error) in self._failures.items()
            if now_s - at_s < TROUBLE_SHOWN_S
        }
        if (problem := self._server.socket_problem) is not None:
            found["socket_unavailable"] = problem
        if (problem := self._server.tcp_problem) is not None:
            found["tcp_unavailable"] = problem
        if (problem := self._authenticator.problem) is not None:
            found["tokens_unreadable"] = problem
        if (problem := self._escalation.command.problem) is not None:
            found["escalate_command_failed"] = f"escalate_command {problem}"
        if (problem := self._archive.problem) is not None:
            found["archive_troubled"] = problem
        if mistakes := self._monitor.mistakes:
            found["judging_failed"] = (
                f"judging fails: {', '.join(f'{name} ({what})' for name, what in mistakes.items())}"
            )
        if (problem := self._history.problem) is not None:
            found["history_troubled"] = problem
        return found

    def _is_durable(self) -> bool:
        return all(journal.health().state is Durability.DURABLE for journal in self._journals.values())

    def _vitals(self) -> dict[str, object]:
        """What the box's own events carry."""
        retries, cases = retry_summary(self._parts), case_counts(self._parts)
        disk = durability(self._parts)
        return {
            "network": self._dispatcher.reception.network.state,
            "pending": retries.pending,
            "dead_letter": retries.dead_letter,
            "oldest_pending_age_s": retries.oldest_pending_age_s,
            "undelivered_critical": self._escalation.undelivered,
            "oldest_critical_s": retries.oldest_critical_s,
            "open_cases": cases.open,
            "critical_cases": cases.critical,
            "durability": disk.state,
            "degraded": disk.degraded,
        }


def _channels(loaded: LoadedSettings, gates: Mapping[str, Gate], clock: Clock) -> list[Channel]:
    webhooks = loaded.settings.webhooks
    tls = ssl.create_default_context()  # one for all: building it costs more than a hundred requests
    return [
        Channel(
            endpoint,
            Sender(
                endpoint,
                clock,
                timeout_s=endpoint.timeout_s or webhooks.timeout_s,
                connections=webhooks.concurrency,
                tls=own_context(endpoint) or tls,
            ),
            gates[endpoint.id],
            webhooks.concurrency,
        )
        for endpoint in webhooks.endpoints
    ]


def _lines(loaded: LoadedSettings, clock: Clock) -> list[Line]:
    settings = loaded.settings
    lines = []
    for source in settings.sources:
        sensors = tuple(sensor for sensor in settings.sensors if sensor.source == source.id)
        lines.append(
            Line(
                id=source.id,
                driver=str(type(source).__struct_config__.tag),
                source=open_source(source, sensors, clock),
                interval_s=source.interval_s or settings.monitor.interval_s,
                sensors=sensors,
            )
        )
    return lines
