"""What the record says besides the minutes themselves, as values: who, which terms held when, gaps, statistics, days, cases."""

from msgspec import Struct

FORMAT = "cold-display-guard-record/1"


class Made(Struct, frozen=True, kw_only=True):
    """When and by which version the document was made; whether the clock of the machine that made it was disciplined, null
    where nobody knows. Not among what is hashed, so that the same facts have the same hash whenever they are exported.
    """

    at: str
    version: str
    clock_synchronised: bool | None


class Period(Struct, frozen=True, kw_only=True):
    """The terms that held from one minute to another. Not `known`: an earlier version recorded them, without its limits."""

    since: str
    until: str
    since_local: str
    until_local: str
    known: bool
    low: float | None = None
    high: float | None = None
    warn_low: float | None = None
    warn_high: float | None = None
    offset: float | None = None
    calibrated_on: str | None = None
    calibrated_by: str | None = None
    calibration_due: str | None = None
    preset: str | None = None
    simulated: bool | None = None


class Missing(Struct, frozen=True, kw_only=True):
    """A gap: no good value in so many minutes."""

    since: str
    until: str
    since_local: str
    until_local: str
    minutes: int


class Amounts(Struct, frozen=True, kw_only=True):
    """Minutes with a good value and without one. `in_limit_pct` is of the `judged_min`, whose limits are known, by the limits in
    force then. An excursion is a stretch of minutes whose mean is above the upper limit; a gap neither ends nor lengthens it.
    """

    known_min: int
    gap_min: int
    gaps: int
    judged_min: int
    in_limit_min: int
    in_limit_pct: float | None
    min: float | None
    mean: float | None
    max: float | None
    excursions: int
    longest_excursion_min: int


class DayAmounts(Struct, frozen=True, kw_only=True):
    """The known minutes of one day of the site's zone."""

    day: str
    known_min: int
    judged_min: int
    in_limit_min: int
    min: float
    mean: float
    max: float


class SensorFacts(Struct, frozen=True, kw_only=True):
    """One sensor in one cabinet. `gaps` lists the first 10,000; `statistics` counts them all."""

    cabinet: str | None
    cabinet_name: str | None
    sensor: str
    quantity: str | None
    unit: str | None
    periods: tuple[Period, ...]
    statistics: Amounts
    gaps: tuple[Missing, ...]
    days: tuple[DayAmounts, ...]


class StepFacts(Struct, frozen=True, kw_only=True):
    """What somebody did about a case; `actor` null where a shelf ran out."""

    at: str
    at_local: str
    actor: str | None
    what: str
    action: str | None
    disposition: str | None
    note: str | None
    reason: str | None


class CaseFacts(Struct, frozen=True, kw_only=True):
    """A case whose life touches the time asked for, as it stands now. `action` and `disposition` are those recorded last, all
    of them stand in `steps`, newest last. `signed_by` is who last recorded an action or closed it.
    """

    case_id: str
    cabinet: str
    cabinet_name: str
    sensor: str
    kind: str
    severity: str
    condition: str
    handling: str
    started_at: str
    opened_at: str
    cleared_at: str | None
    closed_at: str | None
    started_local: str
    opened_local: str
    cleared_local: str | None
    closed_local: str | None
    limit: float | None
    peak: float | None
    unit: str
    duration_min: float
    action: str | None
    disposition: str | None
    note: str | None
    signed_by: str | None
    closed_because: str | None
    reopened: int
    escalations: int
    simulated: bool
    steps: tuple[StepFacts, ...]


class Facts(Struct, frozen=True, kw_only=True):
    """Of which box and time; null where it isn't known, or there is no bound. `simulated`: some of it was never measured."""

    format: str = FORMAT
    device: str | None
    site: str | None
    site_name: str | None
    timezone: str
    since: str | None
    until: str | None
    cabinets: tuple[str, ...] | None
    simulated: bool
    sensors: tuple[SensorFacts, ...]
    cases: tuple[CaseFacts, ...]
    damaged_case_lines: int


class MinuteLimits(Struct, frozen=True, kw_only=True):
    """Those in force at that minute."""

    low: float | None
    high: float | None
    warn_low: float | None
    warn_high: float | None


class MinuteFacts(Struct, frozen=True, kw_only=True):
    """One minute, by its first sample. Values are null where none was good, `limits` where nobody knows them."""

    at: str
    local: str
    min: float | None
    mean: float | None
    max: float | None
    samples: int
    quality: str
    limits: MinuteLimits | None


class SensorMinutes(Struct, frozen=True, kw_only=True):
    """The minutes of one sensor in one cabinet, in the order they were recorded in."""

    cabinet: str | None
    sensor: str
    minutes: tuple[MinuteFacts, ...]


class Record(Facts, frozen=True, kw_only=True):
    """The facts with their minutes."""

    minutes: tuple[SensorMinutes, ...]


class Document(Struct, frozen=True, kw_only=True):
    """The JSON file. `sha256` is over the bytes of all its lines but the first and the last, which hold `record`."""

    made: Made
    record: Record
    sha256: str
