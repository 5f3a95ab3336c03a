"""The tokens file as it is read: what can't be used, what is kept of each reading, and two that change it at once."""

import os
import threading
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.manage_api.access_file import NOBODY, AccessFile, add_entry, read_entries, rewriting
from core.manage_api.table import Scope
from core.manage_api.tokens import add_token, revoke_token
from tests.fakes import FakeClock

HQ = f'[tokens.hq]\nscope = "read"\nhash = "{"0" * 64}"\ncreated = 2026-01-01T00:00:00Z\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.toml"


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        b"tokens = 5",
        HQ.replace("0" * 64, "0" * 63).encode(),
        HQ.replace("read", "root").encode(),
        b"a = " + b"[" * 100_000,
    ],
    ids=["no text", "no table", "a short hash", "an unknown scope", "too deep"],
)
def test_a_file_that_cannot_be_used_is_told(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is not a valid tokens file"):
        read_entries(path)


def test_no_file_is_nobody_and_a_pipe_is_never_opened(path: Path) -> None:
    assert read_entries(path) == NOBODY
    os.mkfifo(path)
    with pytest.raises(ConfigError, match="is not a file"):
        read_entries(path)


def test_a_file_of_gigabytes_is_never_read(path: Path) -> None:
    path.touch()
    os.truncate(path, 1024**4)
    with pytest.raises(ConfigError, match="is larger than 1 MiB"):
        read_entries(path)


@pytest.mark.anyio
async def test_each_reading_is_kept_once_until_it_is_taken_out(path: Path) -> None:
    """A broken file is none, and a file that says the same as before is no other."""
    file, clock = AccessFile(path), FakeClock()
    add_token(path, "hq", Scope.READ, clock)
    await file.look()
    good = path.read_text()
    for content in ("[tokens", good, good + "# the same\n"):
        path.write_text(content)
        await file.look()
    revoke_token(path, "hq", clock)
    await file.look()
    kept = [[(name, one.revoked is None) for name, one in entries.tokens.items()] for entries in file.readings]
    assert kept == [[], [("hq", True)], [("hq", False)]]


def test_two_that_change_it_at_once_wait_for_each_other(path: Path) -> None:
    def add() -> None:
        add_token(path, "second", Scope.READ, FakeClock())

    second = threading.Thread(target=add)
    with rewriting(path) as (_, document):
        second.start()
        second.join(0.1)
        assert second.is_alive()
        add_entry(document, "tokens", "first", {"scope": "read", "hash": "0" * 64, "created": FakeClock().now()})
    second.join(10)
    assert list(read_entries(path).tokens) == ["first", "second"]
