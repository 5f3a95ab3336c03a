"""The core's own log: one harmless line a record, to standard error or to a file that never outgrows the disk."""

import logging
import os
import sys
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

_FILE_BYTES: Final = 1_000_000
_OLDER_FILES: Final = 3
_MODE: Final = 0o600


def start_logging(path: Path | None) -> None:
    """Log to `path`, made when the first line is written; None is standard error."""
    handler = logging.StreamHandler(sys.stderr) if path is None else _LogFile(path)
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it prints whole URLs, tokens included


def harmless(text: str) -> str:
    """What a name or a receiver puts into a line can neither start a line of its own nor command a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class _OneLine(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        return harmless(super().formatMessage(record))


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
