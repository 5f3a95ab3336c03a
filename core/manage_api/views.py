"""The core's values as the API shows them. Pure looking: changes nothing."""

from collections import Counter
from urllib.parse import urlsplit

from msgspec import structs

from core import wire, wire_cases
from core.events import Severity
from core.manage_api.parts import Parts
from core.monitoring import in_force
from core.monitoring.budget import Budget
from core.monitoring.cases import Case, Condition, Kind
from core.monitoring.judges import LIMIT_KINDS
from core.monitoring.posts import Post
from core.monitoring.presets import PRESETS, terms_of
from core.monitoring.readings import UNITS
from core.monitoring.rules import Watch
from core.samples import Quality
from core.settings import Cabinet, Limits
from core.webhooks.channels import Channel
from core.webhooks.deliveries import Status
from core.webhooks.standings import Hold

OUT = "out_of_service"


def reading(parts: Parts, post: Post) -> wire.ReadingItem:
    """A sensor as it stands. What is stale or faulty has no value: an old number never passes for a live one."""
    latest = post.reading
    age_s = None if latest is None else parts.clock.steady() - post.heard_s
    stale = latest is None or post.silent or (age_s is not None and age_s > post.stale_after_s)
    quality = Quality.STALE if stale or latest is None else latest.quality
    waiting = [watch for watch in _limits(parts, post) if watch.pending]
    calibration, limits = post.sensor.calibration, limits_of(post)
    return wire.ReadingItem(
        sensor=post.sensor.id,
        cabinet=post.cabinet.id,
        quantity=post.sensor.quantity,
        value=latest.value if latest is not None and quality is Quality.GOOD else None,
        last_value=post.last_value,
        last_value_at=post.last_value_at,
        unit=UNITS[post.sensor.quantity],
        quality=quality,
        fault=latest.fault if latest else None,
        at=latest.at if latest else None,
        age_s=None if age_s is None else round(age_s, 3),
        stale=stale,
        low=limits.low,
        high=limits.high,
        state=_state(parts, post, quality),
        simulated=post.simulated,
        raw=latest.raw if latest else None,
        offset=post.sensor.offset,
        calibrated_on=calibration.on if calibration else None,
        calibrated_by=calibration.by if calibration else None,
        calibration_due=calibration.due if calibration else None,
        beyond_s=max((round(watch.elapsed_s, 1) for watch in waiting), default=None),
        hold=next((watch.hold for watch in waiting if watch.hold is not None), None),
    )


def limits_of(post: Post) -> Limits:
    return in_force.limits_of(post.sensor.quantity, post.cabinet, post.terms)


def _limits(parts: Parts, post: Post) -> list[Watch]:
    return [parts.book.watch(post.key(kind)) for kind in post.kinds if kind in LIMIT_KINDS]


def _state(parts: Parts, post: Post, quality: Quality) -> str:
    if parts.book.service(post.cabinet.id).out:
        return OUT
    # A case that goes on is no less bad for not being seen any more.
    kinds = post.kinds if quality is Quality.GOOD else [judge.kind for judge in post.judges]
    open_as = {case.severity for kind in kinds if (case := parts.book.current(post.key(kind))) is not None}
    for severity in (Severity.CRITICAL, Severity.WARNING):
        if severity in open_as:
            return str(severity)
    if quality is not Quality.GOOD:
        return str(quality)
    return "pending" if any(watch.pending for watch in _limits(parts, post)) else "ok"


def open_cases(parts: Parts) -> Counter[str]:
    """How many of each cabinet are not closed."""
    return Counter(one.cabinet for one in parts.book.all() if not one.closed)


def cabinet(parts: Parts, one: Cabinet, open_cases: int) -> wire.CabinetItem:
    mine = [post for post in parts.monitor.posts if post.cabinet.id == one.id]
    sensors = tuple(reading(parts, post) for post in mine)
    terms, preset, said = terms_of(one), PRESETS.get(one.preset or ""), parts.book.service(one.id)
    worst = max((sensor.state for sensor in sensors), key=wire.STATES.index, default="stale")
    return wire.CabinetItem(
        id=one.id,
        name=one.name,
        preset=one.preset,
        preset_basis=preset.basis if preset else None,
        preset_edition=preset.edition if preset else None,
        preset_medium=preset.medium if preset else None,
        state=OUT if said.out else worst,
        low=terms.limits.low,
        high=terms.limits.high,
        warn_low=terms.limits.warn_low,
        warn_high=terms.limits.warn_high,
        alarm_delay_s=terms.alarm_delay_s,
        clear_delay_s=terms.clear_delay_s,
        hysteresis_k=terms.hysteresis_k,
        budget_s=terms.budget_s,
        budget_used_s=max((_budget_used_s(parts, post) for post in mine), default=None) if terms.budget_s else None,
        open_cases=open_cases,
        out_since=said.out_since,
        due_back=said.due_back,
        maintenance_s=None if said.maintenance_s is None else round(said.maintenance_s, 1),
        service_by=said.by,
        service_reason=said.reason,
        sensors=sensors,
    )


def _budget_used_s(parts: Parts, post: Post) -> float:
    watch = parts.book.watch(post.key(Kind.BUDGET_EXCEEDED))
    return round(watch.used_s, 1) if isinstance(watch, Budget) else 0.0


def case(parts: Parts, one: Case) -> wire.CaseItem:
    index = parts.queue.index
    return wire.CaseItem(
        case_id=one.case_id,
        cabinet=one.cabinet,
        cabinet_name=one.cabinet_name,
        sensor=one.sensor,
        kind=one.kind,
        severity=one.severity,
        condition=one.condition,
        handling=one.handling,
        opened_at=one.opened_at,
        cleared_at=one.cleared_at,
        closed_at=one.closed_at,
        value=one.value,
        peak=one.peak,
        limit=one.limit,
        unit=one.unit,
        duration_s=one.duration_s,
        reopened=one.reopened,
        actor=one.actor,
        action=one.action,
        disposition=one.disposition,
        note=one.note,
        fault=one.fault,
        closed_because=one.closed_because,
        seq=one.seq,
        simulated=one.simulated,
        started_at=one.started_at,
        gap_s=one.gap_s,
        escalations=one.escalations,
        shelved_s=None if one.shelved_s is None else round(one.shelved_s, 1),
        untold=one.untold,
        news_pending=index.of_case(Status.PENDING, one.case_id),
        news_dead=index.of_case(Status.DEAD_LETTER, one.case_id),
    )


def case_detail(parts: Parts, one: Case) -> wire_cases.CaseDetail:
    steps = tuple(wire_cases.CaseStep(**structs.asdict(step)) for step in one.steps)
    return wire_cases.CaseDetail(**structs.asdict(case(parts, one)), steps=steps)


def case_counts(parts: Parts) -> wire.CaseCounts:
    """Severities count only where the trouble may still be there."""
    open_cases = [one for one in parts.book.all() if not one.closed]
    live = [one for one in open_cases if one.condition is not Condition.CLEARED]
    return wire.CaseCounts(
        open=len(open_cases),
        critical=sum(one.severity is Severity.CRITICAL for one in live),
        warning=sum(one.severity is Severity.WARNING for one in live),
        seq=parts.book.seq,
    )


def endpoint(parts: Parts, name: str) -> wire.EndpointInfo:
    channel = parts.dispatcher.channel(name)
    if channel is None:
        return wire.EndpointInfo(id=name, kind=None, host=None, state="missing")
    found = channel.endpoint
    return wire.EndpointInfo(
        id=name, kind=found.kind, host=urlsplit(found.url).hostname, state=_state_of(parts, channel)
    )


def _state_of(parts: Parts, channel: Channel) -> wire.EndpointState:
    match channel.gate.standing.hold:
        case Hold.PAUSED:
            return "paused"
        case Hold.DISABLED:
            return "disabled"
        case _:
            return "open" if parts.dispatcher.reception.fails(channel) else "active"


def durability(parts: Parts) -> wire.DurabilityInfo:
    journals = {name: journal.health() for name, journal in parts.journals.items()}
    disk = parts.disk()
    durable = all(health.state is wire.Durability.DURABLE for health in journals.values())
    return wire.DurabilityInfo(
        state=wire.Durability.DURABLE if durable else wire.Durability.MEMORY_ONLY,
        degraded=any(health.degraded for health in journals.values()) or parts.archive.unacknowledged > 0,
        archive_unacknowledged=parts.archive.unacknowledged,
        journals=journals,
        disk_bytes=disk.size if disk else None,
        free_bytes=disk.free if disk else None,
    )
