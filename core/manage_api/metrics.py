"""GET /metrics: how delivering does, in the text format 0.0.4 of Prometheus."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from core import wire
from core.manage_api import retry_views, views
from core.manage_api.parts import Parts
from core.manage_api.table import Call, Route, Scope

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Samples = Iterable[tuple[Mapping[str, str], float]]


class Family(NamedTuple):
    """One metric with its samples, each under its labels."""

    name: str
    kind: str
    meaning: str
    samples: Samples


def text(families: Iterable[Family]) -> str:
    """In the order given; no `meaning` may hold a line break or a backslash."""
    return "".join(f"{line}\n" for family in families for line in _lines(family))


def _lines(family: Family) -> Iterable[str]:
    yield f"# HELP {family.name} {family.meaning}"
    yield f"# TYPE {family.name} {family.kind}"
    for labels, value in family.samples:
        inner = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
        yield f"{family.name}{{{inner}}} {value}" if inner else f"{family.name} {value}"


def families(parts: Parts) -> tuple[Family, ...]:
    """Of this box."""
    summary, network = retry_views.retry_summary(parts), retry_views.network(parts)
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


def metric_routes(parts: Parts) -> tuple[Route, ...]:
    async def metrics(_: Call) -> str:
        return text(families(parts))

    return (
        Route(
            method="GET",
            path="/metrics",
            scope=Scope.READ,
            handler=metrics,
            summary="How delivering does, for Prometheus",
            answer=str,
            media_type=MEDIA_TYPE,
        ),
    )
