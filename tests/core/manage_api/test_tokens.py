"""The tokens file: what stands there, who may read it, and that a comment of a person outlives every command."""

import os
import pwd
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.errors import ConfigError
from core.manage_api.access_file import read_entries
from core.manage_api.table import Scope
from core.manage_api.tokens import add_token, list_tokens, revoke_token
from tests.fakes import FakeClock

NOBODY = pwd.getpwnam("nobody")
NOW = FakeClock().now()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.toml"


def test_the_token_itself_is_not_in_its_file_which_is_private(path: Path) -> None:
    token = add_token(path, "hq", Scope.READ, SystemClock())
    assert len(token) >= 43
    assert token not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["tokens.toml"]


def test_a_rewritten_file_is_private_however_it_was_before(path: Path) -> None:
    path.write_text("")
    path.chmod(0o666)
    add_token(path, "hq", Scope.READ, SystemClock())
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_root_leaves_the_file_to_its_owner(path: Path) -> None:
    """`sudo cdg-core token add` must not take the file from a core that runs as another user."""
    add_token(path, "hq", Scope.READ, SystemClock())
    os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    add_token(path, "other", Scope.READ, SystemClock())
    assert path.stat().st_uid == NOBODY.pw_uid


def test_comments_and_other_entries_stay(path: Path) -> None:
    add_token(path, "hq", Scope.READ, SystemClock())
    path.write_text("# who has which\n" + path.read_text() + "# the end\n")
    add_token(path, "other.site", Scope.OPERATE, SystemClock())
    revoke_token(path, "hq", SystemClock())
    assert "# who has which" in path.read_text()
    assert [(one.name, one.scope, one.state) for one in list_tokens(path, NOW)] == [
        ("hq", Scope.READ, "revoked"),
        ("other.site", Scope.OPERATE, "active"),
    ]


def test_the_list_tells_when_and_what_but_no_hash(path: Path) -> None:
    add_token(path, "hq", Scope.READ, FakeClock(datetime(2026, 11, 23, 8, 0, 1, 5, tzinfo=UTC)))
    (one,) = list_tokens(path, NOW)
    assert one.created == datetime(2026, 11, 23, 8, 0, 1, tzinfo=UTC)
    assert set(one.__struct_fields__) == {"name", "scope", "created", "expires", "state"}


def test_the_first_token_makes_the_directory(tmp_path: Path) -> None:
    path = tmp_path / "data" / "tokens.toml"
    assert list_tokens(path, NOW) == ()
    add_token(path, "hq", Scope.READ, SystemClock())
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_name_is_not_given_twice(path: Path) -> None:
    add_token(path, "hq", Scope.READ, SystemClock())
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="there is a token named hq already"):
        add_token(path, "hq", Scope.READ, SystemClock())
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["", "-x", "a b", "a\nb", "店", "x" * 65, "a]"])
def test_a_bad_name_is_refused(path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="a token's name is"):
        add_token(path, name, Scope.READ, SystemClock())
    assert not path.exists()


def test_an_unknown_name_is_not_revoked(path: Path) -> None:
    with pytest.raises(ConfigError, match="no token of this name"):
        revoke_token(path, "hq", SystemClock())


def test_a_broken_file_is_never_overwritten(path: Path) -> None:
    path.write_text("[tokens")
    with pytest.raises(ConfigError, match="is not a valid tokens file"):
        add_token(path, "hq", Scope.READ, SystemClock())
    assert path.read_text() == "[tokens"


def test_who_made_and_who_revoked_a_token_stays_in_the_file(path: Path) -> None:
    add_token(path, "hq", Scope.READ, FakeClock(), days=30, by="uid:1000")
    clock = FakeClock()
    clock.advance(60)
    revoke_token(path, "hq", clock, by="uid:1001")
    entry = read_entries(path).tokens["hq"]
    assert (entry.created, entry.created_by) == (NOW, "uid:1000")
    assert entry.expires == NOW + timedelta(days=30)
    assert (entry.revoked, entry.revoked_by) == (NOW + timedelta(seconds=60), "uid:1001")


def test_a_revoked_token_is_not_revoked_again(path: Path) -> None:
    """Else the file would tell of a later hand than the one that ended it."""
    add_token(path, "hq", Scope.READ, FakeClock())
    revoke_token(path, "hq", FakeClock(), by="uid:0")
    with pytest.raises(ConfigError, match="is revoked already"):
        revoke_token(path, "hq", FakeClock(), by="uid:1")
    assert read_entries(path).tokens["hq"].revoked_by == "uid:0"


def test_the_name_of_a_revoked_token_is_not_given_anew(path: Path) -> None:
    """So that whoever holds the old one goes on to be told what became of it."""
    add_token(path, "hq", Scope.ADMIN, FakeClock())
    revoke_token(path, "hq", FakeClock())
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="or was: take another name"):
        add_token(path, "hq", Scope.READ, FakeClock())
    assert path.read_bytes() == before


def test_the_list_tells_what_has_expired(path: Path) -> None:
    clock = FakeClock()
    add_token(path, "hq", Scope.READ, clock, days=1)
    states = []
    for seconds in (0, 86_399, 1):
        clock.advance(seconds)
        states.append(list_tokens(path, clock.now())[0].state)
    assert states == ["active", "active", "expired"]


def test_no_days_are_counted_by_a_clock_that_was_never_set(path: Path) -> None:
    clock = FakeClock(datetime(1970, 1, 1, 0, 5, tzinfo=UTC))
    with pytest.raises(ConfigError, match="believes it is 1970"):
        add_token(path, "hq", Scope.READ, clock, days=365)
    add_token(path, "hq", Scope.READ, clock)
    assert [one.state for one in list_tokens(path, NOW)] == ["active"]


def test_a_file_of_before_there_was_an_end_is_still_good(path: Path) -> None:
    """And a time without a zone, of which nobody knows when it is, is refused."""
    old = f'[tokens.hq]\nscope = "read"\nhash = "{"0" * 64}"\ncreated = 2026-01-01T00:00:00Z\n'
    path.write_text(old)
    assert [(one.name, one.expires, one.state) for one in list_tokens(path, NOW)] == [("hq", None, "active")]
    path.write_text(old + "expires = 2027-01-01T00:00:00\n")
    with pytest.raises(ConfigError, match="is not a valid tokens file"):
        list_tokens(path, NOW)


@pytest.mark.parametrize(
    "content",
    [
        'tokens = {hq = {scope = "read", hash = "HASH", created = 2026-01-01T00:00:00Z}}',
        'tokens.hq.scope = "read"\ntokens.hq.hash = "HASH"\ntokens.hq.created = 2026-01-01T00:00:00Z',
    ],
)
def test_a_file_that_takes_no_further_table_stays_as_it_is(path: Path, content: str) -> None:
    """By hand it may be written in other forms of TOML, and is good all the same."""
    path.write_text(content.replace("HASH", "0" * 64))
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="can't be changed as it is written"):
        add_token(path, "other", Scope.READ, FakeClock())
    assert path.read_bytes() == before
    assert list(read_entries(path).tokens) == ["hq"]
