"""Checks the hash that an exported record bears. Reads a line at a time."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from core.errors import ConfigError
from core.record.cells import BOM

_OF_CSV: Final = re.compile(rb"sha256,([0-9a-f]{64})\r\n")
_OF_JSON: Final = re.compile(rb',"sha256":"([0-9a-f]{64})"\}\n')
_LONGEST_LINE: Final = 1024 * 1024


def check(path: Path) -> str | None:
    """The hash of a record whose data is what it was when it was exported; None where it is not, or where its end is missing.

    Raises ConfigError for what is no record, OSError where it can't be read.
    """
    with path.open("rb") as file:
        first = file.readline(_LONGEST_LINE)
        if first.startswith(BOM.encode()):
            return _sealed(file, _OF_CSV, first)
        if first.startswith(b'{"made":'):
            return _sealed(file, _OF_JSON, b"")
    raise ConfigError(
        "is no record as CSV or JSON; a PDF names the hash of the JSON record of the same facts", path=path
    )


def _sealed(file: BinaryIO, seal: re.Pattern[bytes], before: bytes) -> str | None:
    digest = hashlib.sha256(before)
    last = b""
    for line in _pieces(file):
        digest.update(last)
        last = line
    found = seal.fullmatch(last)
    said = found[1].decode() if found else None
    return said if said == digest.hexdigest() else None


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.readline(_LONGEST_LINE), b"")
