"""How a core stands, in a few lines for whoever has no screen, and as one document for programs. Pure.

What counts as well is decided here, once, for both.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any, Final

import msgspec

from cdg_tui.course import CONTACTS
from cdg_tui.i18n import Words
from cdg_tui.store import SLOW_S, LinkState
from cdg_tui.text import NOTHING, clock, fit, local_time, named, number, span, zone
from core import wire
from core.wire_endpoints import EndpointItem

WIDTH: Final = 80
MOST_CABINETS: Final = 12
MOST_CASES: Final = 5
MOST_ENDPOINTS: Final = 8
MOST_PROBLEMS: Final = 12
NEEDS_NOBODY: Final = frozenset({"ok", "pending", "out_of_service"})  # of a cabinet's states; the others need a person
_LABEL: Final = 9


class Health(StrEnum):
    """The verdict. `unknown` is of a core that could not be asked."""

    OK = "ok"
    ATTENTION = "attention"
    UNKNOWN = "unknown"


EXIT_CODES: Final = {Health.OK: 0, Health.ATTENTION: 1, Health.UNKNOWN: 2}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the core answered, within `took_s` to the first question; `endpoints` None where it would not name them."""

    took_s: float
    status: wire.Status
    cabinets: tuple[wire.CabinetItem, ...]
    cases: tuple[wire.CaseItem, ...]
    endpoints: tuple[EndpointItem, ...] | None


def reasons(told: Told) -> tuple[str, ...]:
    """Stable codes of all that needs a person, the worst first: `critical`, `warning`, `cabinet_<state>`, `not_durable`,
    `degraded`, `dead_letters`, then the core's own problems.
    """
    status = told.status
    counts = {
        "critical": status.cases.critical,
        "warning": status.cases.warning,
        **{f"cabinet_{cabinet.state}": 1 for cabinet in _troubled(told.cabinets) if cabinet.state not in NEEDS_NOBODY},
        "not_durable": status.durability.state != wire.Durability.DURABLE,
        "degraded": status.durability.degraded,
        "dead_letters": status.webhooks.dead_letter,
        **{problem.code: 1 for problem in status.problems},
    }
    return tuple(code for code, count in counts.items() if count)


def health(told: Told) -> Health:
    """Whether anything needs a person."""
    return Health.ATTENTION if reasons(told) else Health.OK


def document(told: Told) -> dict[str, Any]:
    """Everything, named as in the manage API; plain values."""
    return {
        "health": health(told),
        "reasons": reasons(told),
        "cause": None,
        "detail": None,
        "status": msgspec.to_builtins(told.status),
        "cabinets": msgspec.to_builtins(told.cabinets),
        "cases": msgspec.to_builtins(told.cases),
        "endpoints": msgspec.to_builtins(told.endpoints),
    }


def unknown_document(cause: str, detail: str) -> dict[str, Any]:
    """The same members, where nobody could be asked: `cause` is a stable code, `detail` what it means in words."""
    nothing = dict.fromkeys(("status", "cabinets", "cases", "endpoints"))
    return {"health": Health.UNKNOWN, "reasons": (cause,), "cause": cause, "detail": detail, **nothing}


def lines(told: Told, words: Words) -> list[str]:
    """The text, the verdict first; each fits into 80 columns."""
    page = _Page(told, words)
    return [fit(line, WIDTH).rstrip() for line in page.lines()]


class _Page:
    """One answer and the language and time zone in which it is said."""

    def __init__(self, told: Told, words: Words):
        self._told, self._words = told, words
        self._zone: tzinfo = zone(told.status.device.timezone)

    def lines(self) -> Iterator[str]:
        yield from self._head()
        yield self._labelled("status.alarm", self._alarms())
        yield from self._some("status.alarm", MOST_CASES, [self._case(case) for case in _newest(self._told.cases)])
        cabinets = [self._cabinet(cabinet) for cabinet in _troubled(self._told.cabinets)]
        yield from self._some("status.cabinet", MOST_CABINETS, cabinets)
        yield self._labelled("status.queue", self._queue())
        yield from self._some("status.endpoint", MOST_ENDPOINTS, self._endpoints())
        yield from self._some(
            "status.problem", MOST_PROBLEMS, [self._problem(one) for one in self._told.status.problems]
        )

    def _head(self) -> Iterator[str]:
        words, status = self._words, self._told.status
        verdict = words("status.ok" if health(self._told) is Health.OK else "status.attention")
        simulated = words("word.simulated") if status.simulated else ""
        yield _joined(verdict, simulated, self._now(), named(status.device.site, status.device.site_name))
        link = LinkState.SLOW if self._told.took_s > SLOW_S else LinkState.LIVE
        disk = words.of("durability", status.durability.state)
        network = words.of("network", status.network)
        yield _joined(
            words("status.link", link=words(f"link.{link}"), network=network, disk=disk),
            words("word.degraded") if status.durability.degraded else "",
            words("status.core", version=status.version, up=words.lasting(status.uptime_s)),
        )

    def _alarms(self) -> str:
        counts = self._told.status.cases
        return self._words("status.alarms", critical=counts.critical, warning=counts.warning, open=counts.open)

    def _queue(self) -> str:
        return self._words.queue(self._told.status.webhooks)

    def _some(self, label: str, most: int, found: list[str]) -> Iterator[str]:
        """The first few, and how many there are beyond them."""
        yield from (self._labelled(label, text) for text in found[:most])
        if len(found) > most:
            yield self._labelled(label, self._words("status.more", n=len(found) - most))

    def _labelled(self, label: str, text: str) -> str:
        return f"{fit(self._words(label), _LABEL)}{text}"

    def _case(self, case: wire.CaseItem) -> str:
        words = self._words
        handling = words("column.shelved") if case.shelved_s is not None else words.of("handling", case.handling)
        return " ".join(
            (
                fit(words.of("severity", case.severity), 8),
                fit(named(case.cabinet, case.cabinet_name), 18),
                fit(words.of("kind", case.kind), 12),
                fit(words.of("condition", case.condition), 8),
                fit(handling, 8),
                self._clock(case.opened_at),
            )
        )

    def _cabinet(self, cabinet: wire.CabinetItem) -> str:
        sensor = min(cabinet.sensors, key=_urgency, default=None)
        since = self._since(cabinet, sensor)
        return " ".join(
            (
                fit(self._words.of("state", cabinet.state), 8),
                fit(named(cabinet.id, cabinet.name), 18),
                fit(NOTHING if sensor is None else self._value(sensor), 7, right=True),
                fit(self._terms(cabinet, sensor), 15),
                "" if since is None else self._words("status.since", at=self._clock(since)),
            )
        )

    def _value(self, sensor: wire.ReadingItem) -> str:
        if sensor.value is None or sensor.quantity not in CONTACTS:
            return number(sensor.value) + (sensor.unit.replace("°", "") if sensor.value is not None else "")
        return self._words.of("contact", f"{sensor.quantity}_{'on' if sensor.value else 'off'}")

    def _terms(self, cabinet: wire.CabinetItem, sensor: wire.ReadingItem | None) -> str:
        """The limits; of what can't be read, why."""
        if sensor is not None and sensor.value is None and sensor.fault:
            return self._words.of("fault", sensor.fault)
        return span(cabinet.low, cabinet.high)

    def _since(self, cabinet: wire.CabinetItem, sensor: wire.ReadingItem | None) -> datetime | None:
        """Of what goes on since when; the last good value, where there is none any more."""
        if cabinet.state == "out_of_service":
            return cabinet.out_since
        mine = [case for case in self._told.cases if case.cabinet == cabinet.id and case.condition != "cleared"]
        if mine:
            return min(case.started_at or case.opened_at for case in mine)
        if sensor is None:
            return None
        return sensor.last_value_at if sensor.value is None else _before(self._told.status.now, sensor.beyond_s)

    def _endpoints(self) -> list[str]:
        if self._told.endpoints is None:
            return [self._words("status.untold")]
        return [
            self._endpoint(one) for one in self._told.endpoints if one.state != "active" or one.hold or one.failures
        ]

    def _endpoint(self, endpoint: EndpointItem) -> str:
        words, last = self._words, endpoint.last_error_class
        return _joined(
            f"{fit(words.of('endpoint', endpoint.state), 9)}{fit(endpoint.id, 18)}",
            f"{words('word.pending')}{endpoint.pending}",
            words("box.failures", n=endpoint.failures) if endpoint.failures else "",
            words.of("error", last) if last is not None and endpoint.failures else "",
        )

    def _problem(self, problem: wire.Problem) -> str:
        """In words; the core's own sentence where a later version has a problem that has none here."""
        word = self._words.of("problem", problem.code)
        return f"{self._clock(problem.since)} {f'{word} {problem.text}' if word == problem.code else word}"

    def _clock(self, moment: datetime) -> str:
        return clock(moment, self._zone, self._told.status.now)

    def _now(self) -> str:
        """With its date: who reads it may do so much later."""
        local = local_time(self._told.status.now, self._zone)
        return NOTHING if local is None else f"{local:%Y-%m-%d %H:%M:%S}"


def _joined(*parts: str) -> str:
    return "  ".join(part for part in parts if part)


def _rank(state: str) -> int:
    """From worst to harmless; a state of a later version comes first."""
    return -wire.STATES.index(state) if state in wire.STATES else -len(wire.STATES)


def _urgency(sensor: wire.ReadingItem) -> tuple[int, bool]:
    """Of equally bad ones a thermometer stands for the cabinet."""
    return _rank(sensor.state), sensor.quantity != "temperature"


def _troubled(cabinets: tuple[wire.CabinetItem, ...]) -> list[wire.CabinetItem]:
    return sorted((one for one in cabinets if one.state != "ok"), key=lambda one: _rank(one.state))


def _newest(cases: tuple[wire.CaseItem, ...]) -> list[wire.CaseItem]:
    return sorted(cases, key=lambda case: case.opened_at, reverse=True)


def _before(now: datetime, seconds: float | None) -> datetime | None:
    try:
        return None if seconds is None else now - timedelta(seconds=seconds)
    except OverflowError:
        return None
