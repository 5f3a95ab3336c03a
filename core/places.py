"""Where the configuration file and the data directory are looked for: one answer for both programs."""

import os
from pathlib import Path
from typing import Final

from core.errors import ConfigError

SOCKET: Final = "manage.sock"  # both in the data directory
CORE_LOG: Final = "core.log"

_NAME: Final = "cold-display-guard"


def find_config(given: Path | None) -> Path:
    """The configuration file to use: the given one, else $CDG_CONFIG, else the user's, else the machine's.

    A file that somebody named is used even where it is missing, so that a slip can't start a box with another's file.
    Raises ConfigError when there is none.
    """
    if given is not None:
        return given
    if named := os.environ.get("CDG_CONFIG"):
        return Path(named)
    for place in (_of_user("XDG_CONFIG_HOME", "~/.config"), Path("/etc")):
        if place is not None and _is_file(path := place / _NAME / "config.toml"):
            return path
    raise ConfigError(
        "no configuration found: give --config FILE or set CDG_CONFIG; config/example.toml explains every key, "
        "`cdg --demo` needs none"
    )


def default_data_dir() -> Path:
    """The user's state directory, where neither the command line nor the file names one.

    Raises ConfigError for a user without a home.
    """
    state = _of_user("XDG_STATE_HOME", "~/.local/state")
    if state is None:
        raise ConfigError("this user has no home directory: give --data-dir DIR")
    return state / _NAME


def user_settings() -> Path | None:
    """The file of the user's own settings of the console; None for a user without a home."""
    place = _of_user("XDG_CONFIG_HOME", "~/.config")
    return None if place is None else place / _NAME / "console.toml"


def _of_user(variable: str, otherwise: str) -> Path | None:
    try:
        return Path(os.environ.get(variable) or otherwise).expanduser()
    except RuntimeError:  # pathlib's word for a home that is nowhere
        return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:
        return False
