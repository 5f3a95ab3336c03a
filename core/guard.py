"""Puts the core together from its settings and keeps its loops running from start to stop. Signals are handled here only."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import SystemRandom
from typing import Final
from zoneinfo import ZoneInfo

from core import __version__, config
from core.audit import Audit, Deed
from core.certificates import door_context
from core.clock import Clock
from core.data_directory import prepare
from core.device import Device
from core.errors import ConfigError, CoreError
from core.journal import Archive, DirectoryLock, SnapshotJournal
from core.manage_api import examples
from core.manage_api.app import build_app
from core.manage_api.auth import Authenticator
from core.manage_api.changes import Changes
from core.manage_api.parts import Parts
from core.manage_api.retry_views import retry_summary
from core.manage_api.routes import routes
from core.manage_api.server import ManageServer
from core.manage_api.status import StatusBoard
from core.manage_api.stream import Stream
from core.manage_api.views import case_counts, durability
from core.monitoring.case_book import CaseBook
from core.monitoring.health import DeviceHealth
from core.monitoring.history import History
from core.monitoring.in_force import in_force
from core.monitoring.monitor import Monitor
from core.monitoring.posts import open_lines
from core.places import SOCKET
from core.settings import LoadedSettings
from core.threads import ThreadPerCall
from core.webhooks.bounds import Bounds
from core.webhooks.channels import open_channels, open_gates
from core.webhooks.dispatcher import Dispatcher
from core.webhooks.drains import Drains
from core.webhooks.escalation import Escalation
from core.webhooks.retry_queue import RetryQueue
from core.wire import Durability

TROUBLE_SHOWN_S: Final = 3600.0
STEADY_RUN_S: Final = 300.0
TO_THE_MINUTE_S: Final = 60.0
FINISH_S: Final = 5.0  # how long attempts in flight may still take after SIGTERM
ON_RECORD_S: Final = 5.0  # longer must a disk that hangs neither keep the doors shut nor hold up the end
FIRST_BACKOFF_S: Final = 1.0
LONGEST_BACKOFF_S: Final = 30.0

log = logging.getLogger(__name__)


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
        self._dispatcher = Dispatcher(
            self._queue, open_channels(settings.webhooks, gates, clock), self._device.stamp, clock
        )
        self._drains = Drains(self._queue, self._dispatcher, clock)
        self._escalation = Escalation(self._queue, self._dispatcher, settings.webhooks, clock)
        self._archive = Archive(directory, clock)
        self._audit = Audit(directory, clock)
        self._bounds = Bounds(self._queue, self._archive, settings.webhooks.retry, clock)
        self._book = CaseBook(cases, self._archive, clock, settings.monitor)
        self._history = History(directory, settings.history, in_force(settings), clock, self._device.boot_id)
        self._monitor = Monitor(
            open_lines(settings, clock),
            settings.cabinets,
            self._book,
            clock,
            record=self._history.add,
            zone=ZoneInfo(settings.device.timezone),
            outage_s=self._history.outage_s,
        )
        self._health = DeviceHealth(self._book, directory, self._is_durable, clock)
        self._authenticator = Authenticator(settings.access, loaded.tokens_file, clock, written=directory.iterdir())
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
            audit=self._audit,
            authenticator=self._authenticator,
            troubles=self._all_troubles,
            disk=lambda: self._health.disk,
        )
        door, group, board = settings.manage_api, settings.access.group, StatusBoard(self._parts)
        self._stream = Stream(Changes(self._parts, board).look, clock)
        table, record, shown = routes(self._parts, board, self._stream), self._audit.record, examples.recorded()
        app = build_app(table, self._authenticator, record, listen=door.listen, hosts=door.hosts, examples=shown)
        self._server = ManageServer(app, directory / SOCKET, door.listen, group, clock, door_context(door))

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
        sending = group.create_task(self._keep_running("sending", self._dispatcher.run))
        others = {
            "monitoring": self._monitor.run,
            "publishing": lambda: self._book.run(self._dispatcher),
            "bounds": self._bounds.run,
            "audit": lambda: self._audit.run(__version__, config=config.flat(self._parts.loaded.settings)),
            "access": lambda: self._authenticator.run(self._audit.notice),
            "escalation": self._escalation.run,
            "health": self._health.run,
            "history": self._history.run,
            "stream": self._stream.run,
            "heartbeat": lambda: self._device.run(self._dispatcher, self._vitals),
        }
        draining = group.create_task(self._keep_running("drains", self._drains.run))
        running = [group.create_task(self._keep_running(name, run)) for name, run in others.items()]
        # What differs before anybody can change anything was changed in the file.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._audit.begun.wait(), ON_RECORD_S)
        serving = group.create_task(self._server.run())
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
        with contextlib.suppress(TimeoutError):
            stopped = Deed(actor="core", origin="core", what="core.stopped")
            await asyncio.wait_for(self._audit.record(stopped), ON_RECORD_S)
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
        command = self._escalation.command.problem
        told = {
            "socket_unavailable": self._server.socket_problem,
            "tcp_unavailable": self._server.tcp_problem,
            "tokens_unreadable": self._authenticator.problem,
            "tokens_expiring": self._authenticator.expiring,
            "escalate_command_failed": None if command is None else f"escalate_command {command}",
            "archive_troubled": self._archive.problem,
            "audit_troubled": self._audit.problem,
            "history_troubled": self._history.problem,
        }
        found |= {code: problem for code, problem in told.items() if problem is not None}
        if mistakes := self._monitor.mistakes:
            failing = ", ".join(f"{name} ({what})" for name, what in mistakes.items())
            found["judging_failed"] = f"judging fails: {failing}"
        return found

    def _is_durable(self) -> bool:
        return all(journal.health().state is Durability.DURABLE for journal in self._journals.values())

    def _vitals(self) -> dict[str, object]:
        """What the box's own events carry. The newest line of the audit is among it: from then on headquarters can tell
        whether what stood there was changed, whoever has the box in hand.
        """
        retries, cases = retry_summary(self._parts), case_counts(self._parts)
        disk, (number, sha256) = durability(self._parts), self._audit.newest
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
            "audit": {"n": number, "sha256": sha256},
        }
