"""What there is to say about one cabinet: how it stands, what it is judged by, its sensors, its cases. Pure."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from cdg_tui.course import CONTACTS, Stretch, contacts_of, whole_steps
from cdg_tui.screens.page import Detail, View
from cdg_tui.text import NOTHING, local_time, number
from core import wire

ORDER: Final = wire.STATES[::-1]
UNKNOWN: Final = "stale"
MOST_CASES: Final = 3  # of one cabinet
_SEVERITIES = ("critical", "warning", "info")
_CONDITIONS = ("active", "unknown", "cleared")
A_DAY: Final = timedelta(days=1)


def rank(state: str) -> int:
    """From worst to harmless; a state of a later version comes first."""
    return ORDER.index(state) if state in ORDER else 0


def shown_sensor(cabinet: wire.CabinetItem) -> wire.ReadingItem | None:
    """The sensor that stands for the cabinet: the worst of its thermometers, else of what it has."""
    warm = [sensor for sensor in cabinet.sensors if sensor.quantity == "temperature"]
    return min(warm or cabinet.sensors, key=lambda sensor: rank(sensor.state), default=None)


def waiting_sensor(view: View, cabinet: wire.CabinetItem) -> wire.ReadingItem | None:
    """Of those that are beyond a limit without a case yet, the one that has been so longest; none while nobody answers."""
    waiting = [sensor for sensor in cabinet.sensors if sensor.beyond_s is not None and sensor.state == "pending"]
    return max(waiting, key=lambda sensor: sensor.beyond_s or 0.0, default=None) if view.live else None


def counting(view: View, sensor: wire.ReadingItem, cabinet: wire.CabinetItem) -> str:
    """How much of the alarm delay is over; a timer that is held goes on beyond it."""
    minutes = int((sensor.beyond_s or 0.0) // 60)
    return view.words("detail.counting", n=minutes, of=round(cabinet.alarm_delay_s / 60))


def heard(view: View, sensor: wire.ReadingItem | None) -> str:
    """How long ago."""
    if sensor is None or sensor.age_s is None:
        return NOTHING
    return view.words.lasting(sensor.age_s + view.lag_s)


def until(view: View, seconds: float | None) -> str:
    """When a time that has so much left now is over, to the minute; with the date where that is another day."""
    try:
        text = view.clock(None if seconds is None else view.now + timedelta(seconds=seconds))
    except (OverflowError, ValueError):
        return NOTHING
    return text.rpartition(":")[0] if text.count(":") == 2 else text


def lasting_until(view: View, seconds: float) -> str:
    """Until when, and how long that is from now; not this while nobody answers."""
    at = until(view, seconds - view.lag_s)
    if not view.live:
        return view.words("detail.until_then", at=at)
    return view.words("detail.until", at=at, left=view.left(seconds))


def handled(view: View, case: wire.CaseItem) -> str:
    """What people have done about it, and who; while it is shelved, until when."""
    if case.shelved_s is not None:
        return view.words("detail.shelved", at=until(view, case.shelved_s - view.lag_s))
    name = (case.actor or "").partition(" (")[0]  # the login behind it stands in the details
    return f"{view.words.of('handling', case.handling)} {name}".rstrip()


def cabinet_detail(view: View, cabinet: wire.CabinetItem) -> Detail:
    """The most urgent first: below a list there is room for a few lines only."""
    return [
        *_service(view, cabinet),
        *_cases(view, cabinet),
        _limits(view, cabinet),
        *((sensor.sensor, _sensor(view, sensor, cabinet)) for sensor in cabinet.sensors),
        *_budget(view, cabinet),
        *_basis(view, cabinet),
        *(_calibration(view, sensor) for sensor in cabinet.sensors if sensor.offset or sensor.calibrated_on),
    ]


def cabinet_stretch(view: View, cabinet: wire.CabinetItem) -> Stretch | None:
    """The last day of its air."""
    sensor = shown_sensor(cabinet)
    if sensor is None or sensor.quantity in CONTACTS:
        return None
    steps = whole_steps(view.now - A_DAY, view.now, view.columns)
    others = [one.sensor for one in cabinet.sensors if one is not sensor and one.quantity not in CONTACTS]
    return Stretch(
        sensor=sensor.sensor, contacts=contacts_of(cabinet), steps=steps, statistics=True, others=tuple(others)
    )


def _service(view: View, cabinet: wire.CabinetItem) -> Iterator[tuple[str, str]]:
    words = view.words
    said = "  ".join(part for part in (cabinet.service_by, cabinet.service_reason) if part)
    if cabinet.out_since is not None:
        times = words("detail.out", since=view.clock(cabinet.out_since), due=view.clock(cabinet.due_back))
        yield words("column.out"), f"{times}  {said}".rstrip()
    if cabinet.maintenance_s is not None:
        times = lasting_until(view, cabinet.maintenance_s)
        yield words("column.maintenance"), f"{times}  {said}".rstrip()


def _limits(view: View, cabinet: wire.CabinetItem) -> tuple[str, str]:
    words = view.words
    text = words(
        "detail.terms",
        low=number(cabinet.low),
        high=number(cabinet.high),
        warn_low=number(cabinet.warn_low),
        warn_high=number(cabinet.warn_high),
        delay=words.lasting(cabinet.alarm_delay_s),
    )
    preset = words("detail.preset", preset=cabinet.preset) if cabinet.preset else ""
    return words("column.limits"), f"{text}{preset}"


def _budget(view: View, cabinet: wire.CabinetItem) -> Iterator[tuple[str, str]]:
    if cabinet.budget_s:
        used = NOTHING if cabinet.budget_used_s is None or not view.live else int(cabinet.budget_used_s // 60)
        yield view.words("column.budget"), view.words("detail.budget", used=used, of=round(cabinet.budget_s / 60))


def _basis(view: View, cabinet: wire.CabinetItem) -> Iterator[tuple[str, str]]:
    """Where the preset's limits come from, and what they are worth for a probe in the air."""
    words = view.words
    if cabinet.preset_basis:
        text = words("detail.basis", basis=cabinet.preset_basis, edition=cabinet.preset_edition or NOTHING)
        yield words("column.basis"), text.replace("°", "")
    if cabinet.preset_medium:
        yield words("column.medium"), words.of("medium", cabinet.preset_medium)


def _calibration(view: View, sensor: wire.ReadingItem) -> tuple[str, str]:
    words = view.words
    said = [sensor.sensor]
    if sensor.offset:
        raw = number(sensor.raw if view.live else None)
        said.append(words("detail.offset", raw=raw, offset=f"{sensor.offset:+g}"))
    parts = [" ".join(said)]
    if sensor.calibrated_on is not None:
        parts.append(f"{sensor.calibrated_on} {sensor.calibrated_by or NOTHING}")
    if sensor.calibration_due is not None:
        today = local_time(view.now, view.zone)
        overdue = today is not None and sensor.calibration_due < today.date()
        key = "detail.overdue" if overdue else "detail.calibration_due"
        parts.append(words(key, due=sensor.calibration_due))
    return words("column.calibration"), "  ".join(parts)


def _cases(view: View, cabinet: wire.CabinetItem) -> Iterator[tuple[str, str]]:
    """The worst of them, so that the rest is still in sight, and how many more there are."""
    cases = sorted((case for case in view.store.cases if case.cabinet == cabinet.id), key=urgency)
    shown = cases if len(cases) <= MOST_CASES else cases[: MOST_CASES - 1]
    yield from (_case(view, case) for case in shown)
    if more := len(cases) - len(shown):
        yield view.words("column.cases"), view.words("detail.more_cases", n=more)


def urgency(case: wire.CaseItem) -> tuple[bool, int, int, float]:
    """What goes on before what is over, then the worst, then the newest."""
    severity = _SEVERITIES.index(case.severity) if case.severity in _SEVERITIES else 0
    condition = _CONDITIONS.index(case.condition) if case.condition in _CONDITIONS else 0
    return case.condition == "cleared", severity, condition, -case.opened_at.timestamp()


def _case(view: View, case: wire.CaseItem) -> tuple[str, str]:
    """The alarm and, beside it, whether headquarters has been told."""
    words = view.words
    what = "  ".join(
        (
            words.of("kind", case.kind),
            words.of("condition", case.condition),
            handled(view, case),
            view.clock(case.opened_at),
            f"{words('column.news')} {view.news_of(case)}",
        )
    )
    return view.mark(case.severity, "severity"), what


def _sensor(view: View, sensor: wire.ReadingItem, cabinet: wire.CabinetItem) -> str:
    words = view.words
    parts = [f"{words.of('quantity', sensor.quantity)} {_reading(view, sensor)}"]
    if sensor.beyond_s is not None and view.live:
        hold = f" {words.of('hold', sensor.hold)}" if sensor.hold else ""
        parts.append(f"{counting(view, sensor, cabinet)}{hold}")
    return "  ".join([*parts, words("detail.heard", age=heard(view, sensor))])


def _reading(view: View, sensor: wire.ReadingItem) -> str:
    """Its value, or why there is none and what it was last."""
    if sensor.value is not None and view.live:
        return _valued(view, sensor, sensor.value)
    last = NOTHING if sensor.last_value is None else _valued(view, sensor, sensor.last_value)
    at = view.clock(sensor.last_value_at)
    return view.words("detail.last_value", reason=_reason(view, sensor), value=last, at=at)


def _reason(view: View, sensor: wire.ReadingItem) -> str:
    words = view.words
    if not view.live or sensor.stale or sensor.quality == "good":
        return words.of("state", UNKNOWN)
    parts = [words.of("state", sensor.quality)]
    if sensor.fault:
        parts.append(words.of("fault", sensor.fault))
    return " ".join(parts)


def _valued(view: View, sensor: wire.ReadingItem, value: float) -> str:
    if sensor.quantity in CONTACTS:
        return view.words.of("contact", f"{sensor.quantity}_{'on' if value else 'off'}")
    return f"{number(value)}{sensor.unit}".replace("°", "")
