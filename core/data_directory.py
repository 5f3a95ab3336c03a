"""The data directory: made, told from somebody else's, and kept to those who may look into it."""

import grp
import logging
import os
from pathlib import Path
from typing import Final

from core.errors import ConfigError
from core.journal import SICK_DISK
from core.places import CORE_LOG

# One of these stands in every data directory, also where much of it was lost.
OURS: Final = frozenset({"lock", "cases.jsonl", "cases.jsonl.prev", "retries.jsonl", "quarantine", CORE_LOG})

log = logging.getLogger(__name__)


def prepare(directory: Path, group: str) -> None:
    """Create the data directory, or mend its mode: 0750 for the configured group, else 0700. Raises ConfigError."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = {path.name for path in directory.iterdir()} - {"lost+found"}  # a disk of its own has one
        if names and not names & OURS:
            raise ConfigError("is not empty and no data directory of a guard; give it one of its own", path=directory)
        if group and directory.stat().st_gid != (gid := grp.getgrnam(group).gr_gid):
            os.chown(directory, -1, gid)
        if directory.stat().st_mode & 0o7777 != (mode := 0o750 if group else 0o700):
            directory.chmod(mode)
    except KeyError as error:
        raise ConfigError(f"there is no group {group!r}", key="access.group") from error
    except OSError as error:
        if error.errno in SICK_DISK and directory.is_dir():
            log.warning("the mode of %s can't be mended (%s)", directory, error.strerror)
            return
        raise ConfigError(f"the data directory can't be used ({error.strerror})", path=directory) from error
