"""TOML file <-> Settings: strict reading with file, line and key in every error; saving that keeps the comments.

Owns where the file is looked for. What a key means is said in settings.py, how it is checked in config_read.py, what
the manage API shows and changes of it in config_edit.py.
"""

import os
from pathlib import Path
from typing import Final

from core.config_edit import redacted, save
from core.config_read import load, parse
from core.errors import ConfigError

__all__ = ["find", "load", "parse", "redacted", "save"]

_NAME: Final = "cold-display-guard/config.toml"


def find(given: Path | None) -> Path:
    """The configuration file to use: the given one, else $CDG_CONFIG, else the user's, else the machine's.

    A file that somebody named is used even where it is missing, so that a slip can't start a box with another's file.
    Raises ConfigError when there is none.
    """
    if given is not None:
        return given
    if named := os.environ.get("CDG_CONFIG"):
        return Path(named)
    user = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    for place in (user / _NAME, Path("/etc") / _NAME):
        if _is_file(place):
            return place
    raise ConfigError(
        "no configuration found: give --config FILE or set CDG_CONFIG; config/example.toml explains every key, "
        "`cdg --demo` needs none"
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:
        return False
