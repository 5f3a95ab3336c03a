"""The manage API's requests and answers: what headquarters and the console read. Values only.

Datetimes are UTC with Z, durations end in `_s`. New fields may join; none is renamed.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

# Not blank, in a way that all dialects of regular expressions mean alike: what \s is differs in these few.
Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"[^\s\x1c-\x1f\x85\ufeff]")]
Note = Annotated[str, Meta(max_length=4000)]
Moment = Annotated[datetime, Meta(tz=True)]  # without a zone it would be a time of nowhere


class Answer(Struct, frozen=True, kw_only=True):
    """Base of what the core answers: readers ignore members they don't know."""


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what a caller sends: an unknown member is refused, never ignored."""


# -- status --------------------------------------------------------------------------------------------------------------


class DeviceInfo(Answer, frozen=True, kw_only=True):
    """Which box this is. `boot_id` is another one after each start of the machine."""

    id: str
    site: str
    site_name: str
    timezone: str
    language: str
    boot_id: str


class Durability(StrEnum):
    """Whether what was accepted is on disk."""

    DURABLE = "durable"
    MEMORY_ONLY = "memory_only"


class JournalHealth(Answer, frozen=True, kw_only=True):
    """Figures of one journal; times in ms, sizes in bytes.

    `degraded`: damage was found that no person has acknowledged (`unacknowledged` accidents), or the file may not be
    touched at all. `torn_tails`, `damaged_lines` (a file that was missing counts as one), `lost_numbers` and
    `unclean_starts` count since the journal was first made; `unclean_start` tells of this start.
    """

    state: Durability
    reason: str | None
    since: Moment | None
    degraded: bool
    unacknowledged: int
    last_sync_ms: float
    worst_sync_ms: float
    torn_tails: int
    damaged_lines: int
    lost_numbers: int
    quarantined_files: int
    quarantined_bytes: int
    unclean_starts: int
    unclean_start: bool
    size: int
    lines: int
    live: int
    generation: int


class DurabilityInfo(Answer, frozen=True, kw_only=True):
    """`state` is the worst of the journals; `degraded` where one of them is, or where damage to the archive
    (`archive_unacknowledged` accidents) was not acknowledged. The disk of the data directory has `disk_bytes`, of which
    `free_bytes` can still be written; null where nobody can say.
    """

    state: Durability
    degraded: bool
    archive_unacknowledged: int
    journals: dict[str, JournalHealth]
    disk_bytes: int | None = None
    free_bytes: int | None = None


class SourceInfo(Answer, frozen=True, kw_only=True):
    """`state`: waiting (no poll yet), ok, failing. `age_s` since the last poll that worked."""

    id: str
    driver: str
    state: Literal["waiting", "ok", "failing"]
    error: str | None
    age_s: float | None
    simulated: bool


class MonitoringInfo(Answer, frozen=True, kw_only=True):
    """`beat` rises with every turn of the judging loop; `late_ms` is how late the last turn was."""

    beat: int
    late_ms: float
    worst_late_ms: float
    sources: tuple[SourceInfo, ...]


class CaseCounts(Answer, frozen=True, kw_only=True):
    """`open` are all that are not closed; `critical` and `warning` those of them that have not cleared. `seq` rises with every
    change of a case that is written down, also over restarts; after a kill, which has another `epoch`, one may come again.
    """

    open: int
    critical: int
    warning: int
    seq: int = 0


class Accounts(Answer, frozen=True, kw_only=True):
    """What became of every delivery ever accepted, over restarts: accepted = delivered + pending + dead_letter + cancelled +
    unaccounted.

    `dead_letter` are those in the queue and those in the archive, `archived` the latter; `unaccounted` is 0 unless damage
    took deliveries from the journal.
    """

    accepted: int
    delivered: int
    pending: int
    dead_letter: int
    cancelled: int
    archived: int
    unaccounted: int


class RetrySummary(Answer, frozen=True, kw_only=True):
    """`by_endpoint` counts what is pending; `oldest_critical_s` is how long the oldest undelivered critical one waits, all
    in all: ages of deliveries count only what their endpoint has to answer for. `drain_id` is the drain that runs.
    """

    pending: int
    due: int
    in_flight: int
    dead_letter: int
    oldest_pending_age_s: float | None
    by_endpoint: dict[str, int]
    accounts: Accounts
    oldest_critical_s: float | None = None
    drain_id: str | None = None


class Problem(Answer, frozen=True, kw_only=True):
    """Something a person should know: a stable `code`, since when, and a sentence."""

    code: str
    since: Moment
    text: str


class Status(Answer, frozen=True, kw_only=True):
    """`network`: unknown (nothing was sent yet), online, offline, captive_portal, clock_bad."""

    version: str
    device: DeviceInfo
    now: Moment
    clock_synced: bool
    uptime_s: float
    simulated: bool
    network: str
    durability: DurabilityInfo
    monitoring: MonitoringInfo
    cases: CaseCounts
    webhooks: RetrySummary
    epoch: str
    seq: int
    problems: tuple[Problem, ...]


# From harmless to worst, of a sensor and of a cabinet, which shows the worst of its sensors.
STATES: Final = ("out_of_service", "ok", "pending", "stale", "suspect", "fault", "warning", "critical")


# -- cabinets, readings --------------------------------------------------------------------------------------------------


class ReadingItem(Answer, frozen=True, kw_only=True):
    """`value` is null unless `quality` is good: what is stale or faulty is never shown as a number.

    `last_value` is the newest good value and `last_value_at` its time, for people who ask what it was. `state`: ok, pending, warning, critical, fault,
    stale. `beyond_s`: how long it has been beyond its limit while no case is open yet; `hold`: why a due alarm waits:
    defrost, startup, door or maintenance (known), heating or returning (inferred from the course). `raw` is what the
    sensor gave, `offset` what calibration adds to it; `quality` suspect: a jump or a flat line that no air makes.
    """

    sensor: str
    cabinet: str
    quantity: str
    value: float | None
    last_value: float | None
    last_value_at: Moment | None = None
    unit: str
    quality: str
    fault: str | None
    at: Moment | None
    age_s: float | None
    stale: bool
    low: float | None
    high: float | None
    state: str
    simulated: bool = False
    beyond_s: float | None = None
    hold: str | None = None
    raw: float | None = None
    offset: float = 0.0
    calibrated_on: date | None = None
    calibrated_by: str | None = None
    calibration_due: date | None = None


class Readings(Answer, frozen=True, kw_only=True):
    """One item for each configured sensor."""

    items: tuple[ReadingItem, ...]


class CabinetItem(Answer, frozen=True, kw_only=True):
    """`state` is the worst of its sensors, or out_of_service. The basis, edition and medium (air, product) of its preset say
    what the limits are worth. `budget_used_s` of `budget_s`: how long it was too warm in the last day, all in all.
    `maintenance_s`: how long somebody still works on it; `service_by` and `service_reason` of the last such word.
    """

    id: str
    name: str
    preset: str | None
    preset_basis: str | None = None
    preset_edition: str | None = None
    preset_medium: str | None = None
    budget_s: float | None = None
    budget_used_s: float | None = None
    out_since: Moment | None = None
    due_back: Moment | None = None
    maintenance_s: float | None = None
    service_by: str | None = None
    service_reason: str | None = None
    state: str
    low: float | None
    high: float | None
    warn_low: float | None
    warn_high: float | None
    alarm_delay_s: float
    clear_delay_s: float
    hysteresis_k: float
    open_cases: int
    sensors: tuple[ReadingItem, ...]


class Cabinets(Answer, frozen=True, kw_only=True):
    """One item for each configured cabinet."""

    items: tuple[CabinetItem, ...]


# -- cases ---------------------------------------------------------------------------------------------------------------


class CaseItem(Answer, frozen=True, kw_only=True):
    """One trouble of one sensor, from when it began until a person signed it off.
    `severity`: info, warning, critical; `condition` is what the sensor says: active, cleared, unknown; `handling` what people
    did: new, acknowledged, actioned, closed. `started_at` is when the trouble began, `opened_at` when the delay was over;
    `actor` made the last change; `value` is the newest, `peak` the worst. `reopened` and `escalations` count how often, `untold`
    the changes kept back, since it comes and goes too often. `gap_s`: how long nothing was known before an after_outage.
    Of its events `news_pending` are still on their way and `news_dead` were given up.
    """

    case_id: str
    cabinet: str
    cabinet_name: str
    sensor: str
    kind: str
    severity: str
    condition: str
    handling: str
    opened_at: Moment
    cleared_at: Moment | None
    closed_at: Moment | None
    value: float | None
    peak: float | None
    limit: float | None
    unit: str
    duration_s: float
    reopened: int
    actor: str | None
    action: str | None
    disposition: str | None
    note: str | None
    fault: str | None
    closed_because: str | None
    seq: int
    simulated: bool
    started_at: Moment | None = None
    gap_s: float | None = None
    escalations: int = 0
    shelved_s: float | None = None
    untold: int = 0
    news_pending: int = 0
    news_dead: int = 0


class Cases(Answer, frozen=True, kw_only=True):
    """Newest first; `next` is the cursor of the page behind it, null at the end."""

    items: tuple[CaseItem, ...]
    next: str | None


class Acknowledge(Body, frozen=True, kw_only=True):
    """`by` is the person's name; who was logged in is recorded beside it."""

    by: Name
    note: Note = ""


class Seen(Body, frozen=True, kw_only=True):
    """`by` is the person who has seen it."""

    by: Name


class Handle(Body, frozen=True, kw_only=True):
    """What was done, and what became of the goods."""

    by: Name
    action: Annotated[str, Meta(min_length=1, max_length=1000)]
    disposition: Annotated[str, Meta(max_length=1000)] = ""
    note: Note = ""


# -- retries -------------------------------------------------------------------------------------------------------------


EndpointState = Literal["active", "paused", "open", "disabled", "missing"]


class EndpointInfo(Answer, frozen=True, kw_only=True):
    """`state`: active, paused (by a person), open (it can't be reached: only probes go there), disabled (it answered 410), or missing
    where the configuration no longer names it. Never its URL: host only.
    """

    id: str
    kind: str | None
    host: str | None
    state: EndpointState


class AttemptItem(Answer, frozen=True, kw_only=True):
    """One attempt to send. `trigger`: auto, manual, drain (both by `actor`), or probe (whether anybody answers again).
    `error_class` is null where it was delivered; `retry_after_s` is what the receiver asked for, `response_excerpt` how its
    answer begins.
    """

    number: int
    trigger: str
    actor: str | None
    started_at: Moment
    duration_ms: int
    outcome: Literal["delivered", "failed"]
    error_class: str | None
    http_status: int | None
    error: str | None
    retry_after_s: float | None
    response_excerpt: str
    response_truncated: bool = False


class RetryItem(Answer, frozen=True, kw_only=True):
    """One event on its way to one endpoint. `status`: pending, dead_letter (given up, for `dead_letter_reason`), delivered,
    cancelled, or archived. `waits_for` names the earlier delivery of the same case that goes first; such an item has no due
    time yet. `auto_attempts` use up its budget. `seq` is the number of its last change; `actions` can be asked for it now.
    """

    delivery_id: str
    event_id: str
    event_type: str
    severity: str
    case_id: str | None
    cabinet: str | None
    endpoint: EndpointInfo
    status: str
    due: bool
    in_flight: bool
    attempts: int
    auto_attempts: int
    created_at: Moment
    age_s: float
    next_attempt_at: Moment | None
    next_attempt_in_s: float | None
    waits_for: str | None
    last_attempt: AttemptItem | None
    dead_letter_reason: str | None
    settled_at: Moment | None
    payload_bytes: int
    seq: int
    actions: tuple[str, ...]


class Retries(Answer, frozen=True, kw_only=True):
    """`full` is false where the items are only what changed after `since_seq`. `sending` are the ids of all that are in
    flight, changed or not: setting out does not change a delivery.
    """

    items: tuple[RetryItem, ...]
    next: str | None
    full: bool
    epoch: str
    seq: int
    server_time: Moment
    clock_synced: bool
    summary: RetrySummary
    sending: tuple[str, ...] = ()
    network: str = "unknown"


class Attempts(Answer, frozen=True, kw_only=True):
    """The last 20 of one delivery, the oldest first; only the newest keeps its excerpt."""

    items: tuple[AttemptItem, ...]


class RetryDetail(Answer, frozen=True, kw_only=True):
    """A delivery with its latest attempts, oldest first."""

    item: RetryItem
    attempts: tuple[AttemptItem, ...]


ErrorName = Literal[
    "dns",
    "connect",
    "tls",
    "clock",
    "timeout",
    "protocol",
    "redirect",
    "captive_portal",
    "rate_limited",
    "http_4xx",
    "http_5xx",
    "http_other",
]


class Drain(Body, frozen=True, kw_only=True):
    """Which pending deliveries to send now; `delivery_ids` [] is none of them. `time_budget_s` is how long the answer waits; a longer drain goes on."""

    only_due: bool = True
    endpoint: str | None = None
    event_type: str | None = None
    case_id: str | None = None
    severity: Literal["info", "warning", "critical"] | None = None
    error_class: ErrorName | None = None
    delivery_ids: Annotated[tuple[str, ...], Meta(max_length=10_000)] | None = None
    limit: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    time_budget_s: Annotated[float, Meta(ge=0, le=600)] = 30.0
    dry_run: bool = False
    by: Name | None = None


class DrainItem(Answer, frozen=True, kw_only=True):
    """`result`: delivered, failed, skipped, would_attempt. `skip_reason`: in_flight, waits_for_earlier, endpoint_missing,
    endpoint_paused, endpoint_disabled, endpoint_open, offline, retry_after, retry_not_retryable, retry_not_found, stopped,
    shutdown.
    """

    delivery_id: str
    endpoint: str
    event_type: str
    cabinet: str | None = None
    result: str
    attempt: int | None = None
    http_status: int | None = None
    error_class: str | None = None
    error: str | None = None
    skip_reason: str | None = None
    duration_ms: int | None = None
    next_attempt_at: Moment | None = None


class DrainCounts(Answer, frozen=True, kw_only=True):
    """`matched` of the question; `remaining_*` of the whole queue afterwards."""

    matched: int
    attempted: int
    delivered: int
    failed: int
    skipped: int
    remaining_due: int
    remaining_pending: int


StopReason = Literal["stopped", "shutdown"]


class DrainResult(Answer, frozen=True, kw_only=True):
    """`stop_reason` says why it ended before its time: stopped (`stopped_by` a person), or shutdown of the core."""

    drain_id: str
    actor: str
    dry_run: bool
    running: bool
    started_at: Moment
    finished_at: Moment | None
    duration_ms: int
    counts: DrainCounts
    items: tuple[DrainItem, ...]
    stop_reason: StopReason | None = None
    stopped_by: str | None = None


class Drains(Answer, frozen=True, kw_only=True):
    """The last 20, the newest first, whoever started them. To keep the list small each has its counts, but no items: they
    are in the answer of the drain itself.
    """

    items: tuple[DrainResult, ...]


# -- errors, health ------------------------------------------------------------------------------------------------------


class FieldError(Answer, frozen=True, kw_only=True):
    """What is wrong and where: `pointer` is `#/…` into the body, `?name` of the query, `header:name`, or a key of the
    configuration as its `changes` have it.
    """

    pointer: str
    detail: str


class ProblemDetails(Answer, frozen=True, kw_only=True):
    """RFC 9457 with a stable `code`; `drain_id` of the drain that runs, where that is the reason. `request_id` stands in the
    core's log and audit too, as it does in the header `x-request-id` of every answer.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: tuple[FieldError, ...] = ()
    drain_id: str | None = None
    request_id: str | None = None


class Health(Answer, frozen=True, kw_only=True):
    """The process answers; `ready` also says that every source has been polled once."""

    status: Literal["ok"]
