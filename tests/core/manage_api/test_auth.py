"""Who gets in: tokens and their file, uids and groups."""

import grp
import os
import pwd
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.errors import ConfigError
from core.manage_api.auth import Authenticator, add_token, list_tokens, revoke_token
from core.manage_api.peers import Peer
from core.manage_api.problems import RequestError
from core.manage_api.table import Actor, Scope
from core.settings import Access
from tests.fakes import FakeClock

GROUP = grp.getgrgid(os.getgid()).gr_name
NOBODY = pwd.getpwnam("nobody")


def an_authenticator(path: Path, access: Access | None = None) -> Authenticator:
    return Authenticator(access or Access(), path, own_uid=990)


def refused(authenticator: Authenticator, peer: Peer | None, authorization: str | None = None) -> int:
    with pytest.raises(RequestError) as caught:
        authenticator.authenticate(peer, authorization)
    return caught.value.status


def a_peer(uid: int, gid: int = 5000, groups: frozenset[int] | None = frozenset()) -> Peer:
    return Peer(uid=uid, gid=gid, groups=groups)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.toml"


@pytest.mark.parametrize("scope", [Scope.READ, Scope.OPERATE, Scope.ADMIN])
def test_a_token_logs_in_with_its_scope(path: Path, scope: Scope) -> None:
    token = add_token(path, "hq", scope, SystemClock())
    actor = an_authenticator(path).authenticate(None, f"Bearer {token}")
    assert actor == Actor(name="token:hq", scope=scope)


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic {token}", "{token}"])
def test_anything_else_is_401(path: Path, authorization: str | None) -> None:
    token = add_token(path, "hq", Scope.ADMIN, SystemClock())
    text = None if authorization is None else authorization.format(token=token)
    assert refused(an_authenticator(path), None, text) == 401


def test_the_hash_in_the_file_is_no_token(path: Path) -> None:
    add_token(path, "hq", Scope.ADMIN, SystemClock())
    stored = path.read_text().split('hash = "')[1].split('"')[0]
    assert refused(an_authenticator(path), None, f"Bearer {stored}") == 401


def test_wrong_tokens_never_lock_out_the_good_one(path: Path) -> None:
    token = add_token(path, "hq", Scope.READ, SystemClock())
    authenticator = an_authenticator(path)
    assert {refused(authenticator, None, f"Bearer {number}") for number in range(1000)} == {401}
    assert authenticator.authenticate(None, f"Bearer {token}").name == "token:hq"


def test_adding_and_revoking_work_without_a_restart(path: Path) -> None:
    authenticator = an_authenticator(path)
    assert refused(authenticator, None, "Bearer x") == 401
    token, other = (add_token(path, name, Scope.READ, SystemClock()) for name in ("hq", "other"))
    assert authenticator.authenticate(None, f"Bearer {token}").name == "token:hq"
    revoke_token(path, "hq")
    assert refused(authenticator, None, f"Bearer {token}") == 401
    assert authenticator.authenticate(None, f"bearer {other}").name == "token:other"


@pytest.mark.parametrize(
    "content",
    [
        b"[tokens",
        b"\xff",
        b"tokens = 5",
        b'[tokens.x]\nscope = "root"\nhash = "' + b"0" * 64 + b'"\ncreated = 2026-01-01T00:00:00Z',
    ],
)
def test_with_a_broken_file_nobody_gets_in_and_the_problem_is_told(path: Path, content: bytes) -> None:
    """Repairing it lets the tokens in again."""
    token = add_token(path, "hq", Scope.ADMIN, SystemClock())
    good, authenticator = path.read_bytes(), an_authenticator(path)
    path.write_bytes(content)
    assert refused(authenticator, None, f"Bearer {token}") == 401
    assert authenticator.problem == f"{path}: is not a valid tokens file"
    path.write_bytes(good)
    assert authenticator.problem is None
    assert authenticator.authenticate(None, f"Bearer {token}").name == "token:hq"


def test_an_unreadable_file_is_told(path: Path) -> None:
    path.mkdir()
    authenticator = an_authenticator(path)
    assert refused(authenticator, None, "Bearer x") == 401
    assert authenticator.problem == f"{path}: is not a file"


def test_no_file_yet_is_no_problem(path: Path) -> None:
    assert an_authenticator(path).problem is None


@pytest.mark.parametrize("uid", [0, 990])
def test_root_and_the_cores_own_user_are_admins(path: Path, uid: int) -> None:
    actor = an_authenticator(path).authenticate(a_peer(uid), None)
    assert actor == Actor(name=f"uid:{uid}", scope=Scope.ADMIN)


@pytest.mark.parametrize(
    "peer", [a_peer(1000, gid=os.getgid()), a_peer(1000, groups=frozenset({os.getgid()}))], ids=["primary", "further"]
)
def test_members_of_the_group_operate(path: Path, peer: Peer) -> None:
    actor = an_authenticator(path, Access(group=GROUP)).authenticate(peer, None)
    assert actor == Actor(name="uid:1000", scope=Scope.OPERATE)


def test_where_the_kernel_tells_no_groups_the_group_database_does(path: Path) -> None:
    access = Access(group=grp.getgrgid(NOBODY.pw_gid).gr_name)
    peer = a_peer(NOBODY.pw_uid, gid=NOBODY.pw_gid, groups=None)
    assert an_authenticator(path, access).authenticate(peer, None).scope is Scope.OPERATE
    assert refused(an_authenticator(path, access), a_peer(4_000_000_000, groups=None)) == 403


@pytest.mark.parametrize("user", ["nobody", NOBODY.pw_uid])
def test_kiosk_users_read(path: Path, user: str | int) -> None:
    access = Access(kiosk_users=(user, "no such user"))
    actor = an_authenticator(path, access).authenticate(a_peer(NOBODY.pw_uid), None)
    assert actor.scope is Scope.READ


@pytest.mark.parametrize("access", [Access(), Access(group=GROUP), Access(group="no such group")])
def test_anybody_else_on_the_socket_is_403(path: Path, access: Access) -> None:
    assert refused(an_authenticator(path, access), a_peer(1000)) == 403


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
    revoke_token(path, "hq")
    assert "# who has which" in path.read_text()
    assert [(one.name, one.scope) for one in list_tokens(path)] == [("other.site", Scope.OPERATE)]


def test_the_list_tells_when_and_what_but_no_hash(path: Path) -> None:
    add_token(path, "hq", Scope.READ, FakeClock(datetime(2026, 11, 23, 8, 0, 1, 5, tzinfo=UTC)))
    (one,) = list_tokens(path)
    assert one.created == datetime(2026, 11, 23, 8, 0, 1, tzinfo=UTC)
    assert set(one.__struct_fields__) == {"name", "scope", "created"}


def test_the_first_token_makes_the_directory(tmp_path: Path) -> None:
    path = tmp_path / "data" / "tokens.toml"
    assert list_tokens(path) == ()
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
        revoke_token(path, "hq")


def test_a_broken_file_is_never_overwritten(path: Path) -> None:
    path.write_text("[tokens")
    with pytest.raises(ConfigError, match="is not a valid tokens file"):
        add_token(path, "hq", Scope.READ, SystemClock())
    assert path.read_text() == "[tokens"
