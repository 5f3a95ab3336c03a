"""A record from a data directory, piece by piece, in one view of the history whatever a running core adds meanwhile. Blocks."""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from core import __version__
from core.monitoring import minutes
from core.monitoring.cases import Case
from core.monitoring.labels import ms
from core.record import as_csv, as_json, as_pdf, local_time
from core.record.facts import Facts, Made
from core.record.gathering import Asked, Source, facts, source
from core.record.past_cases import past_cases

Format = Literal["csv", "json", "pdf"]
PIECE_BYTES: Final = 64 * 1024


def record(
    history: Path,
    asked: Asked,
    kind: Format,
    now: datetime,
    *,
    clock_synchronised: bool | None,
    present: Iterable[Case] | None = None,
    cabinets: Collection[str] = (),
    font: Path | None = None,
) -> Generator[bytes, None, None]:
    """The file as pieces of some size; `present` and `cabinets` as of a running core, `font` is for a PDF.

    Raises, before the first piece, RefusalError 404 `cabinet_not_found`, 409 `pdf_unavailable`; JournalError; at any time
    sqlite3.Error and OSError.
    """
    write = _writer(kind, font)
    with minutes.reading(history) as db:
        db.execute("BEGIN")
        found = source(db, asked, cabinets)
        past = past_cases(history.parent, asked.since_ms, asked.until_ms, frozenset(asked.cabinets), present)
        made = Made(at=local_time.utc(ms(now)), version=__version__, clock_synchronised=clock_synchronised)
        yield from _of_some_size(write(found, facts(found, past, now), made))


def _writer(kind: Format, font: Path | None) -> Callable[[Source, Facts, Made], Iterator[bytes]]:
    match kind:
        case "csv":
            return as_csv.pieces
        case "json":
            return as_json.pieces
        case "pdf":
            return as_pdf.Pages(font).pieces


def _of_some_size(pieces: Iterator[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) >= PIECE_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)
