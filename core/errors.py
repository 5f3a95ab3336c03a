"""Every error the core raises on purpose, split by who must act. No behaviour, no I/O.

CoreError
 ├─ ConfigError            the installer: the configuration file or the command line is wrong
 ├─ DirectoryHeldError     the installer: another core owns this data directory
 ├─ JournalError           support: a journal can't be used as it stands
 ├─ SensorError            the technician: a source could not be read
 └─ RefusalError           the caller: well-formed input that the present state refuses (404, 409)
     └─ RequestError       the caller: a request that HTTP or the schema refuses (manage_api/problems.py)
"""

from pathlib import Path
from typing import Final

from core.wire import FieldError

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2
EXIT_HELD: Final = 75


class CoreError(Exception):
    """Base of the tree; `exit_code` is what `cdg-core` ends with when it reaches the top."""

    exit_code: int = EXIT_FAILURE


class ConfigError(CoreError):
    """A mistake in a file or on the command line. The message names file, line and key, and never a secret; `at` are the
    steps to that key.
    """

    exit_code = EXIT_USAGE

    def __init__(
        self,
        problem: str,
        *,
        path: Path | None = None,
        line: int | None = None,
        key: str | None = None,
        at: tuple[str | int, ...] = (),
    ):
        place = ":".join(str(part) for part in (path, line) if part is not None)
        super().__init__(": ".join(part for part in (place, key, problem) if part))
        self.path, self.line, self.key, self.at, self.problem = path, line, key, at, problem


class DirectoryHeldError(CoreError):
    """Another core holds the lock of this data directory."""

    exit_code = EXIT_HELD

    def __init__(self, directory: Path, pid: int | None):
        super().__init__(f"{directory} is held by another core (pid {pid if pid is not None else 'unknown'})")
        self.pid = pid


class JournalError(CoreError):
    """A journal that must not be opened or rewritten by this version; nothing was changed."""


class SensorError(CoreError):
    """A whole source could not be read; `code` becomes the fault of each of its sensors."""

    def __init__(self, code: str, detail: str = ""):
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code, self.detail = code, detail


class RefusalError(CoreError):
    """Well-formed input that the present state refuses. `status` is the HTTP answer, `code` a stable word; `drain_id` names
    the running drain where that is the reason; `errors` point at what is wrong.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        drain_id: str | None = None,
    ):
        super().__init__(detail)
        self.status, self.code, self.detail, self.errors, self.drain_id = status, code, detail, errors, drain_id
