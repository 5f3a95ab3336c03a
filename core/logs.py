"""The core's own log: one harmless line a record, to standard error or to a file that never outgrows the disk."""

import atexit
import logging
import os
import secrets
import select
import sys
from collections import deque
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from queue import Full, Queue
from types import TracebackType
from typing import Final, NamedTuple, TextIO

_FILE_BYTES: Final = 1_000_000
_OLDER_FILES: Final = 3
_MODE: Final = 0o600
_WAITING_LINES: Final = 100_000
_STANDARD_ERROR: Final = 2
_LAST_WORDS_S: Final = 2.0
_PIPE_PATIENCE_S: Final = 0.2
_KEPT: Final = 1000
_LONGEST_TEXT: Final = 2000


def start_logging(path: Path | None) -> None:
    """Log to `path`, made when the first line is written; None is standard error. A thread of its own writes: neither a disk
    that hangs nor a terminal that stands still may hold up who has something to say.
    """
    _hold_standard_descriptors()
    handler = _StandardError() if path is None else _LogFile(path)
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    lines: Queue[logging.LogRecord | None] = Queue(_WAITING_LINES)
    writer = _Writer(lines, handler)
    writer.start()
    atexit.register(writer.finish)
    sys.excepthook = writer.crashed
    logging.basicConfig(level=logging.INFO, handlers=[_HandOver(lines), TAIL])
    logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it prints whole URLs, tokens included


def _hold_standard_descriptors() -> None:
    """Where the starter closed one, what is opened next would get its number, and then be taken for standard error."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    os.close(fd)


def harmless(text: str) -> str:
    """What a name or a receiver puts into a line can neither start a line of its own nor command a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class _HandOver(QueueHandler):
    """To the thread that writes; what it can't take while its disk hangs is lost."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        record.msg, record.args = record.getMessage(), None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        with suppress(Full):
            self.queue.put_nowait(record)


class _Writer(QueueListener):
    def __init__(self, lines: "Queue[logging.LogRecord | None]", handler: logging.Handler):
        super().__init__(lines, handler)
        self._lines = lines

    def finish(self) -> None:
        """Write what waits, as far as it can be written; again does nothing."""
        thread, self._thread = self._thread, None
        if thread is not None:
            with suppress(Full):
                self._lines.put(None, timeout=_LAST_WORDS_S)
                thread.join(_LAST_WORDS_S)

    def crashed(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """The last lines before the crash stand before it, and the log has taken over standard error by then."""
        self.finish()
        sys.__excepthook__(kind, error, trace)


class _OneLine(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        return harmless(super().formatMessage(record))


class Line(NamedTuple):
    """One record of this run: its number, when (seconds since 1970), how grave, whose, and what it says."""

    n: int
    at_s: float
    level: int
    logger: str
    text: str


class Tail(logging.Handler):
    """The newest records, in memory, whatever becomes of the log itself. `run` tells the numbers of one run from another's.

    For eyes that may see less than the log's: of an exception only its type, for its text and traceback may hold anything.
    """

    def __init__(self) -> None:
        super().__init__()
        self.run, self.last = secrets.token_hex(4), 0
        self._lines = deque[Line](maxlen=_KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        text = harmless(record.getMessage())
        if len(text) > _LONGEST_TEXT:
            text = text[: _LONGEST_TEXT - 1] + "…"
        if record.exc_info and (kind := record.exc_info[0]) is not None:
            text += f" ({kind.__name__})"
        self.last += 1
        self._lines.append(Line(self.last, record.created, record.levelno, harmless(record.name), text))

    def lines(self) -> list[Line]:
        """Oldest first. Any thread."""
        self.acquire()
        try:
            return list(self._lines)
        finally:
            self.release()


TAIL: Final = Tail()  # one for the process, as its log is


class _StandardError(logging.StreamHandler[TextIO]):
    def __init__(self) -> None:
        super().__init__(sys.stderr if sys.stderr is not None else open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115

    def emit(self, record: logging.LogRecord) -> None:
        """A pipe that is full loses the line: whoever ends would wait for it for ever."""
        if select.select([], [self.stream], [], _PIPE_PATIENCE_S)[1]:
            super().emit(record)


class _LogFile(RotatingFileHandler):
    """Takes standard error along, so that what the interpreter itself says of a crash is kept too."""

    def __init__(self, path: Path):
        super().__init__(path, maxBytes=_FILE_BYTES, backupCount=_OLDER_FILES, encoding="utf-8", delay=True)

    def doRollover(self) -> None:
        """Where the files can't be turned over, what was logged so far goes: the disk matters more."""
        try:
            super().doRollover()
        except OSError:
            os.truncate(self.baseFilename, 0)
            self.stream = self._open()

    def _open(self) -> TextIOWrapper:
        how = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe nobody reads can't hold us
        try:
            descriptor = os.open(self.baseFilename, how, _MODE)
        except OSError:  # a log that can't be written is no reason not to guard
            descriptor = os.dup(sys.stderr.fileno()) if sys.stderr is not None else os.open(os.devnull, os.O_WRONLY)
            self.maxBytes = 0  # nothing that could be turned over
        else:
            os.dup2(descriptor, 2)
        return open(descriptor, "a", encoding="utf-8", errors="backslashreplace")  # noqa: PTH123 - it is a descriptor
