"""What the tests of the record arrange: a data directory with two cabinets, changed limits, gaps and cases."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from core.journal import Archive
from core.monitoring import cases, handling
from core.monitoring.cases import Case
from core.monitoring.in_force import SensorTerms
from core.monitoring.minute_file import NAME
from core.record import making
from core.record.gathering import Asked
from tests.core.monitoring.factories import AIR, START, a_book, a_case
from tests.core.monitoring.histories import a_history, record, some_terms
from tests.fakes import FakeClock

SOON = START + timedelta(minutes=63)  # minute 60 is the last that must be on disk by then
OTHER = some_terms(cabinet="04", cabinet_name="=雪糕柜", high=-15.0, low=None, offset=-0.4, calibrated_by="李工")


def a_life(
    directory: Path,
    values: list[float | None],
    *,
    at_min: int = 0,
    terms: SensorTerms | None = None,
    sensor: str = AIR,
    **how: Any,
) -> None:
    """One run of a core: these minutes from `at_min` on, under these terms."""
    history = a_history(directory, FakeClock(), terms={sensor: terms or some_terms()}, **how)
    record(history, values, at=START + timedelta(minutes=at_min), sensor=sensor)
    history._end_all(fresh=True)
    history._commit_and_close()


def made(
    directory: Path, kind: making.Format = "json", *, now: datetime = SOON, cabinets: tuple[str, ...] = (), **asked: Any
) -> bytes:
    wanted = Asked(cabinets=cabinets, **asked)
    return b"".join(making.record(directory / NAME, wanted, kind, now, clock_synchronised=True))


def facts(directory: Path, **asked: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(made(directory, "json", **asked))["record"]
    return found


def sensor(directory: Path, **asked: Any) -> dict[str, Any]:
    (found,) = facts(directory, **asked)["sensors"]
    assert isinstance(found, dict)
    return found


def minutes(directory: Path, **asked: Any) -> list[dict[str, Any]]:
    return [minute for one in facts(directory, **asked)["minutes"] for minute in one["minutes"]]


def a_handled_case(case_id: str = "case_1", *, opened_at: datetime = START) -> Case:
    """Li moved the goods, then it cleared, and the machine closed it."""
    opened = cases.opened(a_case(case_id=case_id, opened_at=opened_at))
    done = handling.record(
        opened, actor="李 (uid:0)", action="=cmd", disposition="已移到别的柜", note="冰", at=opened_at
    )
    return cases.cleared(done, opened_at + timedelta(minutes=5))


def keep(directory: Path, *kept: Case) -> None:
    with a_book(directory, FakeClock()) as book:
        for case in kept:
            book.put(case)


def archive(directory: Path, case: Case) -> None:
    assert case.closed_at is not None
    document = msgspec.json.encode(case)
    assert Archive(directory, FakeClock()).append(f"cases-{case.closed_at.year}.jsonl", case.case_id, document)
