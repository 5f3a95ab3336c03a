"""The cases of a data directory whose life touches a time: those in `cases.jsonl` and those in the archives of their years.

Reads only, also beside a running core, and one line of an archive at a time. Damage is counted, never raised.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from core.journal import files
from core.journal.append import OF_A_TIME
from core.journal.lines import decode_line, document_of
from core.journal.recovery import look
from core.journal.scan import lines_of
from core.monitoring.cases import Case
from core.monitoring.labels import ms

_CASES = "cases.jsonl"


@dataclass(kw_only=True)
class PastCases:
    """As they opened. `damaged` counts the lines that could not be read."""

    cases: list[Case] = field(default_factory=list)
    damaged: int = 0


def past_cases(
    directory: Path,
    since_ms: int,
    until_ms: int,
    cabinets: frozenset[str],
    present: Iterable[Case] | None = None,
) -> PastCases:
    """Those of `cabinets`, or of all. `present` are the ones a running core knows, which are newer than its journal; without
    them the journal is read. Raises JournalError for a file of a newer version or one that can't be read.
    """
    found = PastCases()
    kept: dict[str, Case] = {}
    for case in _journalled(directory / _CASES, found) if present is None else present:
        kept[case.case_id] = case
    for path in sorted(directory.glob("archive/cases-*.jsonl")):
        if OF_A_TIME.search(path.name):  # read after those that are present: one may move there meanwhile
            kept.update((case.case_id, case) for case in _archived(path, found) if _touches(case, since_ms, until_ms))
    wanted = [case for case in kept.values() if _touches(case, since_ms, until_ms)]
    found.cases = sorted(
        (case for case in wanted if not cabinets or case.cabinet in cabinets),
        key=lambda case: (case.opened_at, case.number, case.case_id),
    )
    return found


def _touches(case: Case, since_ms: int, until_ms: int) -> bool:
    return ms(case.started_at) < until_ms and (case.closed_at is None or ms(case.closed_at) >= since_ms)


def _journalled(path: Path, found: PastCases) -> Iterator[Case]:
    """What the file lacks may stand in the generation before."""
    newest: dict[str, bytes] = {}
    for place in (files.previous_of(path), path):
        scan = look(place).scan
        if scan is None:
            continue
        if scan.complete:
            newest.clear()
        newest.update((item_id, line) for item_id, (_, line) in scan.live.items())
        found.damaged += scan.damaged if place == path else 0
    for item_id, line in newest.items():
        if ":" not in item_id:  # timers, cabinets and news have a prefix
            yield from _decoded(document_of(line), found)


def _archived(path: Path, found: PastCases) -> Iterator[Case]:
    with path.open("rb") as file:
        for raw in lines_of(file):
            line = decode_line(raw)
            if line is None:
                found.damaged += 1
            elif line.k == "put":
                yield from _decoded(bytes(line.d), found)


def _decoded(document: bytes, found: PastCases) -> Iterator[Case]:
    try:
        yield msgspec.json.decode(document, type=Case)
    except (ValueError, RecursionError):
        found.damaged += 1
