"""The file of one user's settings: read strictly, written whole or not at all, with everything else in it left as it stands."""

import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from cdg_tui.actions import ACTIONS, Action
from cdg_tui.keymap import effective
from cdg_tui.settings import Complaint, Settings, Wrong, checked
from cdg_tui.text import NOTHING, safe

HEAD: Final = (
    "# Settings of the console for this user; F2 in the console changes them. Keys stand in [keys], see the manual.\n"
)

_LARGEST: Final = 64 * 1024  # bytes; the first frame waits until all of it is understood


@dataclass(frozen=True, kw_only=True)
class Read:
    """What counts, and what was wrong with the rest."""

    settings: Settings = field(default_factory=Settings)
    actions: tuple[Action, ...] = ACTIONS
    complaints: tuple[Complaint, ...] = ()


class SettingsFile:
    """`path` is None for a user without a home: then settings count for one run."""

    def __init__(self, path: Path | None):
        self.path = path

    @property
    def name(self) -> str:
        """Short, for a line with little room."""
        return "console.toml" if self.path is None else self.path.name

    @property
    def shown(self) -> str:
        """Where it is."""
        return safe(str(self.path)) if self.path is not None else NOTHING

    def read(self) -> Read:
        """As it stands; a file that is not there says nothing. Never raises: a console opens whatever it finds."""
        try:
            text = self._text()
            document = tomllib.loads(text)
        except (OSError, UnicodeDecodeError, RecursionError):
            return Read(complaints=(Complaint(wrong=Wrong.UNREADABLE),))
        except ValueError as error:
            found = re.search(r"line (\d+)", str(error))  # "at end of document" names none
            line = int(found[1]) if found else text.rstrip().count("\n") + 1
            return Read(complaints=(Complaint(wrong=Wrong.NOT_TOML, line=line),))
        settings, of_values = checked(document)
        actions, of_keys = effective(ACTIONS, settings.keys)
        complaints = tuple(replace(one, line=_line(text, one.key)) for one in (*of_values, *of_keys))
        return Read(settings=settings, actions=actions, complaints=complaints)

    def write(self, values: Mapping[str, Any]) -> bool:
        """Put these in. False where the file can't be written, or can't be read and so not be kept as it is."""
        if self.path is None:
            return False
        try:
            text = _with(self._text(), values)
            target = self.path.resolve()  # a link to it stays one
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(target, text)
        except (OSError, ValueError):
            return False
        return True

    def _text(self) -> str:
        if self.path is None:
            return ""
        try:
            if self.path.exists() and not self.path.is_file():  # a pipe would never end
                raise OSError("is no file")
            with self.path.open("rb") as file:
                data = file.read(_LARGEST + 1)
            if len(data) > _LARGEST:
                raise OSError("is no file of settings")
            return data.decode("utf-8")  # its line ends stay as they are
        except (FileNotFoundError, NotADirectoryError):
            return ""


def _with(text: str, values: Mapping[str, Any]) -> str:
    import tomlkit  # only where something is written
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        new = {name: value for name, value in values.items() if name not in document}
        for name in values.keys() - new.keys():
            document[name] = values[name]
        # Before everything else: after a table they would be its own, and between would come away from what explains it.
        head = HEAD if not text else ""
        return head + tomlkit.dumps(new) + tomlkit.dumps(document)
    except TOMLKitError as error:
        raise ValueError(str(error)) from error


def _replace(target: Path, text: str) -> None:
    """A power cut leaves the old one or the new one."""
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _line(text: str, key: str) -> int | None:
    """Where a key of the file stands, by its looks; None where it is written in another way."""
    table, _, name = key.rpartition(".")
    at = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if header := re.match(r"\s*\[\s*([\w-]+)\s*]", line):
            at = header[1]
            if at == key:
                return number
        elif at == table and re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", line):
            return number
    return None
