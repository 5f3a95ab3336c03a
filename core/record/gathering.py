"""Puts the facts of a record together from the history and the cases. Changes nothing; memory grows with days, not minutes."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from core.errors import RefusalError
from core.monitoring.cases import Case, Step
from core.monitoring.in_force import SensorTerms
from core.monitoring.labels import MINUTE_MS, bounds, ms
from core.monitoring.minutes import SCALE, sensors
from core.monitoring.readings import UNITS
from core.record import local_time, minutes
from core.record.facts import Amounts, CaseFacts, DayAmounts, Facts, Missing, Period, SensorFacts, StepFacts
from core.record.minutes import Day, Piece, Span
from core.record.past_cases import PastCases
from core.record.tally import Gap, Tally
from core.samples import Quantity

FRESH_MS: Final = 3 * MINUTE_MS  # what is younger may not be on disk yet, and is no gap
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Asked(Struct, frozen=True, kw_only=True):
    """Of which cabinets, all where none is named, and from when to before when."""

    cabinets: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def since_ms(self) -> int:
        return bounds(self.since, self.until)[0]

    @property
    def until_ms(self) -> int:
        return bounds(self.since, self.until)[1]


class Place(Struct, frozen=True, kw_only=True):
    """One sensor in one cabinet, None where nobody knows which, and what was recorded of it there."""

    cabinet: str | None
    sensor: str
    spans: tuple[Span, ...]
    latest: SensorTerms | None


class Source(Struct, frozen=True, kw_only=True):
    """An open history, with what has to be known to read it."""

    db: sqlite3.Connection
    asked: Asked
    zone: tzinfo
    timezone: str
    device: tuple[str, str, str, str] | None
    terms: Mapping[int, tuple[str, SensorTerms]]
    places: tuple[Place, ...]

    def held(self, span: Span) -> SensorTerms | None:
        return None if span.terms is None else self.terms[span.terms][1]

    def pieces(self, place: Place) -> Iterator[Piece]:
        for span in place.spans:
            since_ms = max(span.at_ms, self.asked.since_ms)
            until_ms = min(span.last_at_ms + 1, self.asked.until_ms)
            for first, last, offset in local_time.stretches(self.zone, since_ms, until_ms):
                yield Piece(span, first, last, offset)


def source(db: sqlite3.Connection, asked: Asked, cabinets: Collection[str] = ()) -> Source:
    """`cabinets` are known although nothing may have been recorded of them. Raises RefusalError 404 `cabinet_not_found`."""
    terms, newest = minutes.terms(db), minutes.newest(db)
    known = {held.cabinet for _, held in terms.values()} | set(cabinets)
    if not known.issuperset(asked.cabinets):
        raise RefusalError(404, "cabinet_not_found", "nothing was recorded of such a cabinet")
    held = {sensor: terms[number][1] for sensor, number in newest.items()}
    held = dict(terms.values()) | held
    device = minutes.device(db)
    timezone = device[3] if device else "UTC"
    places = [
        place
        for sensor in sorted({*sensors(db), *held})
        for place in _places(db, sensor, asked, terms, held.get(sensor))
        if not asked.cabinets or place.cabinet in asked.cabinets
    ]
    return Source(
        db=db,
        asked=asked,
        zone=ZoneInfo(timezone),
        timezone=timezone,
        device=device,
        terms=terms,
        places=tuple(sorted(places, key=lambda place: (place.cabinet or "", place.sensor))),
    )


def _places(
    db: sqlite3.Connection,
    sensor: str,
    asked: Asked,
    terms: Mapping[int, tuple[str, SensorTerms]],
    latest: SensorTerms | None,
) -> Iterator[Place]:
    """What an earlier version recorded stands where the sensor stood last."""
    home = None if latest is None else latest.cabinet
    found: dict[str | None, list[Span]] = {home: []}
    for span in minutes.spans(db, sensor, asked.since_ms, asked.until_ms):
        cabinet = home if span.terms is None else terms[span.terms][1].cabinet
        found.setdefault(cabinet, []).append(span)
    for cabinet, there in found.items():
        held = [terms[span.terms][1] for span in there if span.terms is not None]
        yield Place(cabinet=cabinet, sensor=sensor, spans=tuple(there), latest=held[-1] if held else latest)


def facts(found: Source, past: PastCases, now: datetime) -> Facts:
    device, asked = found.device, found.asked
    sensors = tuple(_sensor(found, place, ms(now)) for place in found.places)
    cases = tuple(_case(found.zone, one) for one in past.cases)
    return Facts(
        device=device[0] if device else None,
        site=device[1] if device else None,
        site_name=device[2] if device else None,
        timezone=found.timezone,
        since=None if asked.since is None else local_time.utc(asked.since_ms),
        until=None if asked.until is None else local_time.utc(asked.until_ms),
        cabinets=asked.cabinets or None,
        simulated=any(one.simulated for one in cases) or any(p.simulated for one in sensors for p in one.periods),
        sensors=sensors,
        cases=cases,
        damaged_case_lines=past.damaged,
    )


def _sensor(found: Source, place: Place, now_ms: int) -> SensorFacts:
    start_ms = found.asked.since_ms if found.asked.since is not None else None
    if start_ms is None:
        start_ms = place.spans[0].at_ms if place.spans else now_ms
    tally, days = Tally(start_ms), []
    for piece in found.pieces(place):
        held = found.held(piece.span)
        for day in minutes.days(found.db, piece, held):
            days.append((day, minutes.is_judged(held)))
            for run in minutes.runs(found.db, piece, day, held):
                tally.add(run)
    tally.end(min(found.asked.until_ms, now_ms - FRESH_MS))
    latest = place.latest
    return SensorFacts(
        cabinet=place.cabinet,
        cabinet_name=latest.cabinet_name if latest else None,
        sensor=place.sensor,
        quantity=latest.quantity if latest else None,
        unit=UNITS[Quantity(latest.quantity)] if latest else None,
        periods=tuple(_periods(found, place)),
        statistics=_amounts(days, tally),
        gaps=tuple(_gap(found.zone, gap) for gap in tally.gaps),
        days=tuple(_days(days)),
    )


def _periods(found: Source, place: Place) -> Iterator[Period]:
    """Spans that follow on each other under the same terms are one."""
    for _, together in groupby(place.spans, key=lambda span: span.terms):
        first, *more = together
        since_ms = max(first.at_ms, found.asked.since_ms)
        until_ms = min([first, *more][-1].last_at_ms + MINUTE_MS, found.asked.until_ms)
        yield _period(found.zone, since_ms, until_ms, found.held(first))


def _period(zone: tzinfo, since_ms: int, until_ms: int, held: SensorTerms | None) -> Period:
    names = set(Period.__struct_fields__) & set(SensorTerms.__struct_fields__)
    return Period(
        since=local_time.utc(since_ms),
        until=local_time.utc(until_ms),
        since_local=local_time.local(zone, since_ms),
        until_local=local_time.local(zone, until_ms),
        known=held is not None,
        **({} if held is None else {name: getattr(held, name) for name in names}),
    )


def _gap(zone: tzinfo, gap: Gap) -> Missing:
    return Missing(
        since=local_time.utc(gap.since_ms),
        until=local_time.utc(gap.until_ms),
        since_local=local_time.local(zone, gap.since_ms),
        until_local=local_time.local(zone, gap.until_ms),
        minutes=gap.minutes,
    )


def _amounts(days: list[tuple[Day, bool]], tally: Tally) -> Amounts:
    known = sum(day.known for day, _ in days)
    judged = sum(day.known for day, is_judged in days if is_judged)
    inside = sum(day.inside for day, _ in days)
    return Amounts(
        known_min=known,
        gap_min=tally.gap_min,
        gaps=tally.gap_count,
        judged_min=judged,
        in_limit_min=inside,
        in_limit_pct=round(100 * inside / judged, 3) if judged else None,
        min=min(day.low for day, _ in days) / SCALE if known else None,
        mean=_mean(sum(day.sum for day, _ in days), known) if known else None,
        max=max(day.high for day, _ in days) / SCALE if known else None,
        excursions=tally.excursions,
        longest_excursion_min=tally.longest,
    )


def _days(days: list[tuple[Day, bool]]) -> Iterator[DayAmounts]:
    """Each once, by the calendar, also where a clock that jumped came to it twice."""
    by_day: dict[int, list[tuple[Day, bool]]] = {}
    for one in days:
        by_day.setdefault(one[0].day, []).append(one)
    for day, parts in sorted(by_day.items()):
        known = sum(part.known for part, _ in parts)
        yield DayAmounts(
            day=f"{_EPOCH + timedelta(days=day):%Y-%m-%d}",
            known_min=known,
            judged_min=sum(part.known for part, is_judged in parts if is_judged),
            in_limit_min=sum(part.inside for part, _ in parts),
            min=min(part.low for part, _ in parts) / SCALE,
            mean=_mean(sum(part.sum for part, _ in parts), known),
            max=max(part.high for part, _ in parts) / SCALE,
        )


def _mean(hundredths: int, known: int) -> float:
    return round(hundredths / known / SCALE, 3)


def _case(zone: tzinfo, case: Case) -> CaseFacts:
    def at(moment: datetime | None) -> str | None:
        return None if moment is None else local_time.utc(ms(moment))

    def local(moment: datetime | None) -> str | None:
        return None if moment is None else local_time.local(zone, ms(moment))

    return CaseFacts(
        case_id=case.case_id,
        cabinet=case.cabinet,
        cabinet_name=case.cabinet_name,
        sensor=case.sensor,
        kind=case.kind,
        severity=case.severity,
        condition=case.condition,
        handling=case.handling,
        started_at=local_time.utc(ms(case.started_at)),
        opened_at=local_time.utc(ms(case.opened_at)),
        cleared_at=at(case.cleared_at),
        closed_at=at(case.closed_at),
        started_local=local_time.local(zone, ms(case.started_at)),
        opened_local=local_time.local(zone, ms(case.opened_at)),
        cleared_local=local(case.cleared_at),
        closed_local=local(case.closed_at),
        limit=case.limit,
        peak=case.peak,
        unit=case.unit,
        duration_min=round(case.duration_s / 60, 1),
        action=case.action,
        disposition=case.disposition,
        note=case.note,
        signed_by=case.signed_by or (case.actor if case.closed else None),  # an earlier version kept only who closed it
        closed_because=case.closed_because,
        reopened=case.reopened,
        escalations=case.escalations,
        simulated=case.simulated,
        steps=tuple(_step(zone, step) for step in case.steps),
    )


def _step(zone: tzinfo, step: Step) -> StepFacts:
    return StepFacts(
        at=local_time.utc(ms(step.at)),
        at_local=local_time.local(zone, ms(step.at)),
        actor=step.actor,
        what=step.what,
        action=step.action,
        disposition=step.disposition,
        note=step.note,
        reason=step.reason,
    )
