"""Who gets in: tokens and their file, uids and groups."""

import asyncio
import errno
import grp
import os
import pwd
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest

from core.clock import SystemClock
from core.manage_api.auth import Authenticator
from core.manage_api.peers import Peer
from core.manage_api.problems import RequestError
from core.manage_api.table import Actor, Scope
from core.manage_api.tokens import add_token, revoke_token
from core.settings import Access
from tests.fakes import FakeClock

GROUP = grp.getgrgid(os.getgid()).gr_name
NOBODY = pwd.getpwnam("nobody")


def an_authenticator(path: Path, access: Access | None = None) -> Authenticator:
    return Authenticator(access or Access(), path, FakeClock(), own_uid=990)


def refused(authenticator: Authenticator, peer: Peer | None, authorization: str | None = None) -> int:
    return refusal(authenticator, peer, authorization)[0]


def refusal(authenticator: Authenticator, peer: Peer | None, authorization: str | None = None) -> tuple[int, str]:
    with pytest.raises(RequestError) as caught:
        authenticator.authenticate(peer, authorization)
    return caught.value.status, caught.value.code


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


@pytest.mark.anyio
async def test_revoking_works_with_the_next_look_and_a_token_just_made_at_once(path: Path) -> None:
    authenticator = an_authenticator(path)
    token, other = (add_token(path, name, Scope.READ, SystemClock()) for name in ("hq", "other"))
    assert (await authenticator.login(None, f"Bearer {token}")).name == "token:hq"
    revoke_token(path, "hq", SystemClock())
    await authenticator.file.look()
    assert refused(authenticator, None, f"Bearer {token}") == 401
    assert authenticator.authenticate(None, f"bearer {other}").name == "token:other"


@pytest.mark.anyio
async def test_whoever_guesses_has_the_file_read_once_a_second(path: Path) -> None:
    """And whoever has a good token, or none, doesn't at all."""
    clock = FakeClock()
    good = add_token(path, "hq", Scope.READ, clock)
    authenticator = Authenticator(Access(), path, clock)
    read = []
    for name, authorization in enumerate((f"Bearer {good}", None, "Bearer guess", "Bearer guess")):
        add_token(path, f"new{name}", Scope.READ, clock)
        with suppress(RequestError):
            await authenticator.login(None, authorization)
        read.append(len(authenticator.file.entries().tokens))
    clock.advance(1)
    with pytest.raises(RequestError):
        await authenticator.login(None, "Bearer guess")
    assert [*read, len(authenticator.file.entries().tokens)] == [1, 1, 4, 4, 5]


@pytest.mark.anyio
async def test_a_disk_that_hangs_keeps_nobody_waiting(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was last read it goes on to hold; and whoever guesses doesn't wait for the disk, either."""
    token = add_token(path, "hq", Scope.READ, FakeClock())
    authenticator, over, freed = an_authenticator(path), threading.Event(), list[bool]()

    def hang(*_: object, **__: object) -> NoReturn:
        freed.append(over.wait(3))
        raise OSError(errno.EIO, "gone")

    monkeypatch.setattr(Path, "stat", hang)
    look = asyncio.ensure_future(authenticator.file.look())
    try:
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
            assert (await authenticator.login(None, f"Bearer {token}")).name == "token:hq"
            assert authenticator.problem is None
            with pytest.raises(RequestError):
                await authenticator.login(None, "Bearer guess")
    finally:
        over.set()
    await look
    assert all(freed)
    assert refused(authenticator, None, f"Bearer {token}") == 401


@pytest.mark.parametrize(
    "content",
    [
        b"[tokens",
        b"\xff",
        b"tokens = 5",
        b'[tokens.x]\nscope = "root"\nhash = "' + b"0" * 64 + b'"\ncreated = 2026-01-01T00:00:00Z',
    ],
)
@pytest.mark.anyio
async def test_with_a_broken_file_nobody_gets_in_and_the_problem_is_told(path: Path, content: bytes) -> None:
    """Repairing it lets the tokens in again."""
    token = add_token(path, "hq", Scope.ADMIN, SystemClock())
    good, authenticator = path.read_bytes(), an_authenticator(path)
    path.write_bytes(content)
    await authenticator.file.look()
    assert refused(authenticator, None, f"Bearer {token}") == 401
    assert authenticator.problem == f"{path}: is not a valid tokens file"
    path.write_bytes(good)
    await authenticator.file.look()
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


def test_a_revoked_token_is_told_so_to_whoever_holds_it(path: Path) -> None:
    token = add_token(path, "hq", Scope.READ, FakeClock())
    revoke_token(path, "hq", FakeClock())
    assert refusal(an_authenticator(path), None, f"Bearer {token}") == (401, "token_revoked")
    assert refusal(an_authenticator(path), None, "Bearer hq") == (401, "unauthorized")


def test_a_token_ends_with_its_days(path: Path) -> None:
    clock = FakeClock()
    token = add_token(path, "hq", Scope.READ, clock, days=1)
    authenticator = Authenticator(Access(), path, clock)
    clock.advance(86_399)
    assert authenticator.authenticate(None, f"Bearer {token}").name == "token:hq"
    clock.advance(1)
    assert refusal(authenticator, None, f"Bearer {token}") == (401, "token_expired")


def test_a_clock_of_1970_brings_no_expired_token_back(path: Path, tmp_path: Path) -> None:
    """After a power cut the newest file tells that it was later already; a disciplined clock is believed again."""
    clock = FakeClock()
    short, long = (add_token(path, f"d{days}", Scope.READ, clock, days=days) for days in (1, 30))
    journal = tmp_path / "cases.jsonl"
    journal.touch()
    for file in (path, journal):
        os.utime(file, (0, 0))
    two_days_on = clock.now().timestamp() + 2 * 86_400
    os.utime(journal, (two_days_on, two_days_on))
    rebooted = FakeClock(datetime(1970, 1, 1, tzinfo=UTC))
    rebooted.in_sync = False
    authenticator = Authenticator(Access(), path, rebooted, written=tmp_path.iterdir())
    assert refusal(authenticator, None, f"Bearer {short}") == (401, "token_expired")
    assert authenticator.authenticate(None, f"Bearer {long}").name == "token:d30"


def test_a_clock_that_falls_back_while_the_core_runs_brings_no_token_back(path: Path) -> None:
    clock = FakeClock()
    token = add_token(path, "hq", Scope.READ, clock, days=1)
    os.utime(path, (0, 0))
    authenticator = Authenticator(Access(), path, clock)
    clock.advance(86_400)
    assert refusal(authenticator, None, f"Bearer {token}") == (401, "token_expired")
    clock.wall, clock.in_sync = datetime(1970, 1, 1, tzinfo=UTC), False
    assert refusal(authenticator, None, f"Bearer {token}") == (401, "token_expired")


def test_a_time_of_the_future_ends_with_a_clock_that_is_set(path: Path, tmp_path: Path) -> None:
    """A file that was written while the clock was wrong locks nobody out for ever."""
    clock = FakeClock()
    token = add_token(path, "hq", Scope.READ, clock, days=30)
    os.utime(path, (4e9, 4e9))
    authenticator = Authenticator(Access(), path, clock)
    clock.in_sync = False
    assert refusal(authenticator, None, f"Bearer {token}") == (401, "token_expired")
    clock.in_sync = True
    assert authenticator.authenticate(None, f"Bearer {token}").name == "token:hq"
    clock.in_sync = False
    assert authenticator.authenticate(None, f"Bearer {token}").name == "token:hq"


@pytest.mark.anyio
async def test_a_token_that_ends_soon_is_told_until_it_is_revoked(path: Path) -> None:
    clock = FakeClock()
    for name, ends in (("hq", 15), ("bi", None), ("old", 15)):
        add_token(path, name, Scope.READ, clock, days=ends)
    revoke_token(path, "old", clock)
    authenticator = Authenticator(Access(), path, clock)
    told: list[str | None] = []
    soon = "make new ones, or revoke them: hq (2026-12-08)"
    for days in (0.99, 0.01, 20):
        clock.advance(days * 86_400)
        told.append(authenticator.expiring)
    assert told == [None, soon, soon]
    revoke_token(path, "hq", clock)
    await authenticator.file.look()
    assert authenticator.expiring is None
