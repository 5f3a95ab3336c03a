"""The configuration as values: one struct a TOML table, every default in its place. No behaviour, no I/O.

Durations end in `_s`, temperatures are °C, differences `_k`. Field names are the key names of config/example.toml.
"""

import hmac
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from core.events import EventPattern
from core.samples import Quantity

Id = Annotated[str, Meta(min_length=1, max_length=64)]
Duration = Annotated[float, Meta(ge=0, le=31_536_000)]
Interval = Annotated[float, Meta(ge=0.05, le=31_536_000)]  # below it a slip of the pen floods bus and disk
Delay = Annotated[float, Meta(ge=0.1, le=31_536_000)]  # below it retries flood disk and network
Period = Annotated[float, Meta(gt=0, le=31_536_000)]
TimeFactor = Annotated[float, Meta(gt=0, le=1_000_000)]


class Secret:
    """A text that never shows itself: only `reveal()` gives it, so a log, a trace or an answer can't."""

    __slots__ = ("_text",)

    def __init__(self, text: str):
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(***)"


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every configuration table: an unknown key is an error, never ignored."""


class Device(Table, frozen=True, kw_only=True):
    """Who this box is; sent with every event."""

    id: Id
    site: Id
    site_name: str = ""
    timezone: str = "Asia/Shanghai"
    language: Literal["zh", "en"] = "zh"
    data_dir: str | None = None


class Monitor(Table, frozen=True, kw_only=True):
    """`interval_s` between two polls of a source that names none; `heartbeat_s` 0 sends no heartbeat.

    A critical case that nobody acknowledges is escalated after `escalate_after_s` (0: no case is), a warning after
    `escalate_every_s`; both again after `escalate_every_s`, and from then on after twice as long each time, at least once a
    day. An acknowledgement holds for `acknowledged_for_s` while the condition goes on.
    """

    interval_s: Interval = 10.0
    heartbeat_s: Duration = 300.0
    escalate_after_s: Duration = 900.0
    escalate_every_s: Period = 3600.0
    acknowledged_for_s: Period = 3600.0


class Source(Table, frozen=True, kw_only=True, tag_field="driver"):
    """A bus, a gateway or a file: what is polled in one go. `interval_s` overrides the monitor's."""

    id: Id
    interval_s: Interval | None = None


class SimulatedSource(Source, frozen=True, kw_only=True, tag="simulated"):
    """Cabinets that exist only here. `speed` is how much faster than real time their day runs."""

    seed: int = 1
    speed: TimeFactor = 1.0


class HttpJsonSource(Source, frozen=True, kw_only=True, tag="http_json"):
    """A thermometer that answers one GET with JSON for all of its sensors."""

    url: Annotated[str, Meta(pattern=r"^https?://[^/\s]+")]
    timeout_s: Period = 5.0


class ModbusSource(Source, frozen=True, kw_only=True, tag="modbus"):
    """A Modbus TCP gateway or controller: `url = "tcp://host:port"`."""

    url: Annotated[str, Meta(pattern=r"^tcp://[^/\s]+$")]
    timeout_s: Period = 3.0


class ReplaySource(Source, frozen=True, kw_only=True, tag="replay"):
    """A recording: a CSV file with a UTC time column, played `speed` times as fast, again and again with `loop`."""

    path: str
    time_column: str = "time"
    speed: TimeFactor = 1.0
    loop: bool = False


AnySource = SimulatedSource | HttpJsonSource | ModbusSource | ReplaySource


# Of the cabinet, or of this probe alone.
SimulatedFault = Literal[
    "compressor",
    "door",
    "fan",
    "leak",
    "power",
    "stuck",
    "drift",
    "power_on",
    "disconnected",
    "all_zero",
    "timeout",
    "silent",
]


class SimulatedPoint(Table, frozen=True, kw_only=True):
    """A probe of a simulated cabinet: the cabinet's kind, where the probe is, and what fails and is repaired when (source
    time), again in every `every_s` where that is given. Sensors of one cabinet see the same cabinet.
    """

    model: Literal["chiller", "freezer"]
    probe: Literal["air", "goods", "coil"] = "air"
    fault: SimulatedFault = "compressor"
    fails_after_s: Duration | None = None
    repaired_after_s: Duration | None = None
    every_s: Period | None = None


ModbusFunction = Literal[1, 2, 3, 4]
ModbusAddress = Annotated[int, Meta(ge=0, le=65535)]
Word = Annotated[int, Meta(ge=0, le=0xFFFF)]
Sentinel = Annotated[int, Meta(ge=-(2**31), lt=2**32)]


class ModbusStatus(Table, frozen=True, kw_only=True):
    """The word in which a controller says how a probe is: broken where its bits under `mask` are one of `bad`. It is of the
    unit and, where none is given here, of the function of the value.
    """

    address: ModbusAddress
    bad: Annotated[tuple[Word, ...], Meta(min_length=1)]
    mask: Word = 0xFFFF
    function: ModbusFunction | None = None


class ModbusPoint(Table, frozen=True, kw_only=True):
    """One register: `function` 1 coil, 2 discrete input, 3 holding, 4 input; `address` counted from 0.

    The value is the register read as `type`, times `scale`. `sentinels` are registers that mean "no probe", with or without
    their sign (32768 and -32768 are one); `status` is for a controller that leaves a plausible number there.
    """

    unit: Annotated[int, Meta(ge=0, le=255)]
    function: ModbusFunction
    address: ModbusAddress
    type: Literal["s16", "u16", "s32", "u32", "f32", "bit"] = "s16"
    scale: float = 1.0
    sentinels: tuple[Sentinel, ...] = ()
    status: ModbusStatus | None = None


class HttpJsonPoint(Table, frozen=True, kw_only=True):
    """A number at `path`. `timestamp` is the path of its time or running number: one that stands still for longer than
    `max_age_s`, or was older when it was first seen, makes the number an old one.
    """

    path: Annotated[str, Meta(min_length=1)]
    timestamp: Annotated[str, Meta(min_length=1)] | None = None
    max_age_s: Period = 300.0


# What `point` of a sensor must be, by the driver of its source.
POINT_TYPES: dict[type[Source], object] = {
    SimulatedSource: Literal["chiller", "freezer"] | SimulatedPoint,
    HttpJsonSource: str | HttpJsonPoint,
    ModbusSource: ModbusPoint,
    ReplaySource: str,
}


class Limits(Table, frozen=True, kw_only=True):
    """°C, or % of humidity. Beyond `low` or `high` a case is critical, beyond `warn_low` or `warn_high` a warning."""

    low: float | None = None
    high: float | None = None
    warn_low: float | None = None
    warn_high: float | None = None


TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Defrost(Table, frozen=True, kw_only=True):
    """How the cabinet defrosts: how often a day where that is known, how long at most, and how long the air may take to come
    back afterwards. `times` (of the site's zone) is for a cabinet whose controller's clock defrosts it and has no contact.
    """

    times: Annotated[tuple[TimeOfDay, ...], Meta(max_length=48)] = ()
    per_day: Annotated[float, Meta(gt=0, le=48)] | None = None
    max_s: Period = 2700.0
    recovery_s: Duration = 3600.0


class Cabinet(Table, frozen=True, kw_only=True):
    """One display cabinet. What is not given here comes from its preset.

    `budget_min` are the minutes above the limit that a rolling day may hold, 0 for any number; `rate_of_rise_k` how far the
    air may rise in 15 minutes. `humidity` limits are % relative. A breach that begins within `reopen_window_s` after
    the last one reopens its case.
    """

    id: Id
    name: str = ""
    preset: str | None = None
    limits: Limits | None = None
    alarm_delay_s: Duration | None = None
    clear_delay_s: Duration | None = None
    hysteresis_k: Annotated[float, Meta(ge=0, le=20)] = 0.5
    reopen_window_s: Duration = 1800.0
    budget_min: Annotated[float, Meta(ge=0, le=1440)] | None = None
    rate_of_rise_k: Annotated[float, Meta(gt=0, le=100)] | None = None
    trend: bool = True
    humidity: Limits | None = None
    door_open_s: Duration | None = None
    defrost: Defrost = Defrost()


class Calibration(Table, frozen=True, kw_only=True):
    """When a probe was compared with a reference (ice point), by whom, and when it is to be again."""

    on: date
    by: Annotated[str, Meta(min_length=1, max_length=100)]
    due: date | None = None


class Sensor(Table, frozen=True, kw_only=True):
    """One point of a source, standing in one cabinet. `offset` is added to what the source gives; `calibration` says where it
    comes from.

    `point` is typed by its source's driver (POINT_TYPES).
    """

    id: Id
    cabinet: Id
    source: Id
    point: str | dict[str, Any]
    quantity: Quantity = Quantity.TEMPERATURE
    offset: Annotated[float, Meta(ge=-20, le=20)] = 0.0  # of a probe that is off by more nothing can be believed
    calibration: Calibration | None = None


class Retry(Table, frozen=True, kw_only=True):
    """When a failed delivery is tried again, when it is given up, and how much is kept. `log` is relative to the data
    directory.
    """

    log: Annotated[str, Meta(min_length=1)] = "retries.jsonl"
    first_delay_s: Delay = 10.0
    max_delay_s: Delay = 900.0
    max_attempts: Annotated[int, Meta(ge=1)] = 500
    max_age_h: Annotated[float, Meta(gt=0, le=87_600)] = 72.0
    max_items: Annotated[int, Meta(ge=1)] = 10_000
    max_dead_letters: Annotated[int, Meta(ge=0)] = 5_000
    dead_letter_days: Annotated[float, Meta(gt=0, le=36_500)] = 90.0
    max_mib: Annotated[float, Meta(gt=0, le=1_000_000)] = 64.0


class Endpoint(Table, frozen=True, kw_only=True):
    """A receiver of webhooks. `events` are patterns such as `case.*`.

    `secret` (or `secret_file`) signs; `secret_previous` signs beside it while headquarters changes over. Header
    values are secrets too: an Authorization header often is one. `rate_per_min` is the most attempts in any minute.
    With `fallback_for` it gets only critical events, those that the endpoints of these ids have not taken in time.
    `ca_file` replaces the system's authorities; `client_cert` and `client_key` are this box's own certificate.
    """

    id: Id
    url: Annotated[str, Meta(pattern=r"^https?://[^/\s]+")]
    kind: Literal["standard"] = "standard"
    secret: Secret | None = None
    secret_file: str | None = None
    secret_previous: Secret | None = None
    secret_previous_file: str | None = None
    events: Annotated[tuple[EventPattern, ...], Meta(min_length=1)] = ("*",)
    timeout_s: Annotated[float, Meta(gt=0, le=30)] | None = None
    headers: dict[str, Secret] = {}
    rate_per_min: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    fallback_for: tuple[Id, ...] = ()
    ca_file: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    proxy: Secret | None = None


class Webhooks(Table, frozen=True, kw_only=True):
    """`timeout_s` is the total deadline of one attempt, `concurrency` what is in flight to one endpoint at once.

    A critical event that is undelivered after `escalate_after_min` (0: never) is shown, runs `escalate_command`, and goes to
    the fallback endpoints.
    """

    timeout_s: Annotated[float, Meta(gt=0, le=30)] = 10.0
    concurrency: Annotated[int, Meta(ge=1, le=64)] = 8
    escalate_after_min: Annotated[float, Meta(ge=0, le=1440)] = 5.0
    escalate_command: tuple[str, ...] = ()
    retry: Retry = Retry()
    endpoints: tuple[Endpoint, ...] = ()


class ManageApi(Table, frozen=True, kw_only=True):
    """`listen = "host:port"` opens the manage API on TCP beside the socket; tokens and PINs stand hashed in
    `tokens_file`.

    With `tls_cert` and `tls_key` (PEM; both or neither) TCP is under TLS; they are read at the start only. `hosts` are the
    names by which callers know this box, besides its addresses, its own name and that in `listen`: a request for any other
    is refused, as a web page may have sent it.
    """

    listen: Annotated[str, Meta(pattern=r"^.+:\d+$")] | None = None
    hosts: tuple[str, ...] = ()
    tls_cert: Annotated[str, Meta(min_length=1)] | None = None
    tls_key: Annotated[str, Meta(min_length=1)] | None = None
    tokens_file: Annotated[str, Meta(min_length=1)] = "tokens.toml"


class Access(Table, frozen=True, kw_only=True):
    """Who may use the socket besides the core's user and root: `group` operates, `kiosk_users` read,
    and operate for five minutes after an operator's PIN.
    """

    group: str = ""
    kiosk_users: tuple[str | int, ...] = ()


class History(Table, frozen=True, kw_only=True):
    """How long the minutes of every sensor are kept."""

    minute_days: Annotated[float, Meta(gt=0, le=36_500)] = 400.0


class Settings(Table, frozen=True, kw_only=True):
    """The whole file."""

    device: Device
    monitor: Monitor = Monitor()
    sources: Annotated[tuple[AnySource, ...], Meta(min_length=1)]
    cabinets: Annotated[tuple[Cabinet, ...], Meta(min_length=1)]
    sensors: Annotated[tuple[Sensor, ...], Meta(min_length=1)]
    webhooks: Webhooks = Webhooks()
    manage_api: ManageApi = ManageApi()
    access: Access = Access()
    history: History = History()


class LoadedSettings(Struct, frozen=True, kw_only=True):
    """Settings together with the file they came from, its paths made whole, and what a person should know."""

    settings: Settings
    path: Path
    tokens_file: Path
    data_dir: Path | None = None
    hints: tuple[str, ...] = ()
