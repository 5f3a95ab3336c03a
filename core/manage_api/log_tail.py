"""GET /api/manage/log: the newest records of the core's own log, as far as they are in memory."""

import logging
from datetime import UTC, datetime
from typing import Annotated, Final

from msgspec import Meta, Struct

from core.logs import Line, Tail
from core.manage_api.table import Call, Route, Scope
from core.wire_stream import Log, LogItem, LogLevel

# From the gravest down; what is below counts as information.
_LEVELS: Final[tuple[tuple[int, LogLevel], ...]] = (
    (logging.CRITICAL, "critical"),
    (logging.ERROR, "error"),
    (logging.WARNING, "warning"),
)


class LogQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`level` is the least that is shown. Without `after` the newest come, with it the oldest that came after that number."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 200
    level: LogLevel = "info"
    after: Annotated[int, Meta(ge=0, le=2**53)] | None = None


def log_routes(tail: Tail) -> tuple[Route, ...]:
    async def log(call: Call) -> Struct:
        query = call.query
        assert isinstance(query, LogQuery)
        lines = tail.lines()
        least = logging.getLevelNamesMapping()[query.level.upper()]
        found = [one for one in lines if one.level >= least and (query.after is None or one.n > query.after)]
        page = found[-query.limit :] if query.after is None else found[: query.limit]
        return Log(
            items=tuple(_item(one) for one in page),
            run=tail.run,
            first=lines[0].n if lines else 1,
            last=lines[-1].n if lines else 0,
        )

    return (
        Route(
            method="GET",
            path="/api/manage/log",
            scope=Scope.READ,
            handler=log,
            summary="The newest records of the core's own log, oldest first",
            answer=Log,
            query=LogQuery,
        ),
    )


def _item(line: Line) -> LogItem:
    level: LogLevel = next((name for least, name in _LEVELS if line.level >= least), "info")
    return LogItem(n=line.n, at=datetime.fromtimestamp(line.at_s, UTC), level=level, logger=line.logger, text=line.text)
