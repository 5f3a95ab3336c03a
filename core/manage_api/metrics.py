"""GET /metrics: how watching and delivering do, for Prometheus. Base units; what is unknown or stale has no sample."""

from collections import Counter
from collections.abc import Iterable

from core import wire
from core.events import Severity
from core.manage_api import views
from core.manage_api.exposition import MEDIA_TYPE, Family, Samples, text
from core.manage_api.parts import Parts
from core.manage_api.status import StatusBoard
from core.manage_api.table import Call, Route, Scope
from core.monitoring.cases import Condition


def families(parts: Parts, status: wire.Status) -> tuple[Family, ...]:
    """Of this box."""
    return (*_box(parts, status), *_watching(parts, status), *delivering(parts, status.webhooks, status.network))


def _box(parts: Parts, status: wire.Status) -> tuple[Family, ...]:
    device = status.device
    return (
        Family("cdg_build_info", "gauge", "The version that runs.", [({"version": status.version}, 1)]),
        Family("cdg_device_info", "gauge", "Which box this is.", [({"device": device.id, "site": device.site}, 1)]),
        Family("cdg_uptime_seconds", "gauge", "Since the start of the core.", [({}, status.uptime_s)]),
        Family(
            "cdg_clock_synchronised",
            "gauge",
            "1 where the box has its time from somebody.",
            [({}, int(status.clock_synced))],
        ),
        Family("cdg_simulated", "gauge", "1 where any source is simulated.", [({}, int(status.simulated))]),
        Family(
            "cdg_problem",
            "gauge",
            "1 for each problem that a person should know of.",
            [({"code": problem.code}, 1) for problem in status.problems],
        ),
        Family("cdg_problems", "gauge", "How many these are.", [({}, len(status.problems))]),
        *_disk(parts, status.durability),
    )


def _disk(parts: Parts, disk: wire.DurabilityInfo) -> tuple[Family, ...]:
    journals = [({"journal": name}, health) for name, health in disk.journals.items()]
    return (
        Family(
            "cdg_journal_durable",
            "gauge",
            "1 where what is accepted is on disk.",
            [(labels, int(health.state is wire.Durability.DURABLE)) for labels, health in journals],
        ),
        Family(
            "cdg_journal_degraded",
            "gauge",
            "1 where damage was found that nobody has acknowledged.",
            [(labels, int(health.degraded)) for labels, health in journals],
        ),
        Family(
            "cdg_journal_size_bytes",
            "gauge",
            "Of the file.",
            [(labels, health.size) for labels, health in journals],
        ),
        Family(
            "cdg_history_troubled",
            "gauge",
            "1 where the history of readings can't be written, or was damaged.",
            [({}, int(parts.history.problem is not None))],
        ),
        Family("cdg_audit_lines_total", "counter", "Changes on record, over restarts.", [({}, parts.audit.newest[0])]),
    )


def _watching(parts: Parts, status: wire.Status) -> tuple[Family, ...]:
    readings = [views.reading(parts, post) for post in parts.monitor.posts]
    monitoring = status.monitoring
    return (
        Family(
            "cdg_cabinet_info",
            "gauge",
            "The names of the cabinets.",
            [({"cabinet": one.id, "name": one.name}, 1) for one in parts.loaded.settings.cabinets],
        ),
        Family(
            "cdg_sensor_value",
            "gauge",
            "The newest value, in the unit of its quantity, while it is good and fresh.",
            [
                ({"sensor": one.sensor, "cabinet": one.cabinet, "quantity": one.quantity}, one.value)
                for one in readings
                if one.value is not None
            ],
        ),
        Family(
            "cdg_sensor_good",
            "gauge",
            "1 where there is such a value.",
            [({"sensor": one.sensor, "cabinet": one.cabinet}, int(one.value is not None)) for one in readings],
        ),
        Family(
            "cdg_source_ok",
            "gauge",
            "1 where the last poll worked; no sample before the first one.",
            [({"source": one.id}, int(one.state == "ok")) for one in monitoring.sources if one.state != "waiting"],
        ),
        Family("cdg_monitor_beats_total", "counter", "Turns of the judging loop.", [({}, monitoring.beat)]),
        Family(
            "cdg_monitor_late_seconds",
            "gauge",
            "How late the last turn was.",
            [({}, monitoring.late_ms / 1000)],
        ),
        Family(
            "cdg_monitor_worst_late_seconds",
            "gauge",
            "How late any turn was since the start.",
            [({}, monitoring.worst_late_ms / 1000)],
        ),
        *_cases(parts),
    )


def _cases(parts: Parts) -> tuple[Family, ...]:
    unclosed = [one for one in parts.book.all() if not one.closed]
    lasting = [one for one in unclosed if one.condition is not Condition.CLEARED]
    return (
        Family(
            "cdg_cases_open",
            "gauge",
            "Cases that nobody has closed.",
            _by_severity(one.severity for one in unclosed),
        ),
        Family(
            "cdg_cases_active",
            "gauge",
            "Those of them that have not cleared.",
            _by_severity(one.severity for one in lasting),
        ),
    )


def _by_severity(found: Iterable[Severity]) -> Samples:
    counts = Counter(found)
    return [({"severity": severity}, counts[severity]) for severity in Severity]


def delivering(parts: Parts, summary: wire.RetrySummary, network: str) -> tuple[Family, ...]:
    return (
        Family(
            "cdg_webhook_attempts_total",
            "counter",
            "Attempts since the start of the core, by how they ended.",
            _attempts(parts),
        ),
        Family(
            "cdg_webhook_deliveries_total",
            "counter",
            "Deliveries that ended for good, over restarts.",
            _ended(summary.accounts),
        ),
        Family(
            "cdg_webhook_queue_depth",
            "gauge",
            "Deliveries in the queue; due and in_flight are pending.",
            _depth(summary),
        ),
        Family(
            "cdg_webhook_oldest_pending_age_seconds",
            "gauge",
            "How long the oldest pending delivery has waited for its receiver; 0 without one.",
            [({}, summary.oldest_pending_age_s or 0.0)],
        ),
        Family(
            "cdg_webhook_dead_letters",
            "gauge",
            "Deliveries given up and not queued again, in the queue and in the archive.",
            [({}, summary.accounts.dead_letter)],
        ),
        Family(
            "cdg_webhook_breaker_open",
            "gauge",
            "1 where only probes go to the endpoint, since it failed too often.",
            _breakers(parts),
        ),
        Family(
            "cdg_network_online",
            "gauge",
            "1 where the last attempts reached anybody; no sample before the first one.",
            [] if network == "unknown" else [({}, int(network == "online"))],
        ),
    )


def _attempts(parts: Parts) -> Samples:
    for (endpoint, outcome, error_class), count in sorted(parts.dispatcher.reception.counters.attempts.items()):
        yield {"endpoint": endpoint, "outcome": outcome, "error_class": error_class}, count


def _ended(accounts: wire.Accounts) -> Samples:
    """A dead letter in the queue has not: it may be queued again."""
    yield {"status": "delivered"}, accounts.delivered
    yield {"status": "cancelled"}, accounts.cancelled
    yield {"status": "archived"}, accounts.archived


def _depth(summary: wire.RetrySummary) -> Samples:
    yield {"status": "pending"}, summary.pending
    yield {"status": "due"}, summary.due
    yield {"status": "in_flight"}, summary.in_flight
    yield {"status": "dead_letter"}, summary.dead_letter


def _breakers(parts: Parts) -> Samples:
    for endpoint in parts.loaded.settings.webhooks.endpoints:
        yield {"endpoint": endpoint.id}, int(views.endpoint(parts, endpoint.id).state == "open")


def metric_routes(parts: Parts, board: StatusBoard) -> tuple[Route, ...]:
    async def metrics(_: Call) -> str:
        return text(families(parts, board.status()))

    return (
        Route(
            method="GET",
            path="/metrics",
            scope=Scope.READ,
            handler=metrics,
            summary="How watching and delivering do, for Prometheus",
            answer=str,
            media_type=MEDIA_TYPE,
        ),
    )
