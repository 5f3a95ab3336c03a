"""The manage API's answers about what happens while one looks: the stream's own words, and the core's log; conventions as in
wire.py. Values only.
"""

from typing import Literal

from core.wire import Answer, Moment


class StreamHello(Answer, frozen=True, kw_only=True):
    """The stream begins: what is read from the lists now, and then every event, is the whole truth. A line comes at least
    every `heartbeat_s`; where none does, the connection is dead.
    """

    version: str
    heartbeat_s: float


class StreamReset(Answer, frozen=True, kw_only=True):
    """Events are missing: read the lists again, and go on from here.

    `reason`: unknown_id (of another run of the core, or of none), fallen_behind (the caller read too slowly, or was away for
    too long), too_many_changes (more deliveries ended at once than are kept in sight).
    """

    reason: Literal["unknown_id", "fallen_behind", "too_many_changes"]


LogLevel = Literal["info", "warning", "error", "critical"]


class LogItem(Answer, frozen=True, kw_only=True):
    """One record; `n` rises by one from record to record of a run. A `text` that was too long is cut at its … Of an exception
    it names the type; what else there is to it stands only in the log itself.
    """

    n: int
    at: Moment
    level: LogLevel
    logger: str
    text: str


class Log(Answer, frozen=True, kw_only=True):
    """Oldest first. `run` is another one after each start of the core, where the numbers begin again; those below `first` are
    no longer kept, `last` is the newest, whatever its level.
    """

    items: tuple[LogItem, ...]
    run: str
    first: int
    last: int
