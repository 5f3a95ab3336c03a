"""Who calls and what they may do: the uid on the Unix socket, there an operator's PIN too, a bearer token on TCP. In doubt
nobody gets in.

Reads the tokens file, never writes it (tokens.py and operators.py do), and never while a request waits, but for a token that
it doesn't know. Wrong tokens aren't counted: a good one is never locked out by somebody else's.
"""

import grp
import hmac
import os
import pwd
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from core.clock import Clock
from core.manage_api.access_file import AccessFile, TokenEntry, on_record
from core.manage_api.expiry import Today
from core.manage_api.peers import Peer
from core.manage_api.problems import RequestError, unauthorized
from core.manage_api.table import Actor, Scope
from core.manage_api.tokens import expiring, hash_of, state_of
from core.manage_api.unlocking import Unlocks
from core.settings import Access

Notice = Callable[[str, Mapping[str, Any]], Awaitable[None]]

_LOOK_S: Final = 1.0
_UNKNOWN_S: Final = 0.1  # a token that was just made works at once


class Authenticator:
    """`own_uid` is the core's; names of groups and users are looked up once, here. `written` are files that tell how late
    it was at least when they were last changed.
    """

    def __init__(
        self,
        access: Access,
        tokens_file: Path,
        clock: Clock,
        *,
        own_uid: int | None = None,
        written: Iterable[Path] = (),
    ):
        self._admins = frozenset({0, os.geteuid() if own_uid is None else own_uid})
        self._group = _gid_of(access.group)
        self._kiosks = frozenset(uid for user in access.kiosk_users if (uid := _uid_of(user)) is not None)
        self._clock = clock
        self._today = Today(clock, (tokens_file, *written))
        self.file = AccessFile(tokens_file)
        self._looks_again_s = clock.steady()
        self.unlocks = Unlocks(self.file.entries, clock)

    @property
    def problem(self) -> str | None:
        """Why nobody can log in by token or PIN, or None."""
        return self.file.problem

    @property
    def expiring(self) -> str | None:
        """Which tokens are about to end, or None: a headquarters that is cut off should not be the first to notice."""
        return expiring(self.file.entries().tokens, self._today.now())

    async def run(self, notice: Notice) -> None:
        """Tell what the file says at first, and whatever else it says later. A broken one says nothing."""
        while True:
            await self.file.look()
            while self.file.readings:
                entries = self.file.readings.popleft()
                await notice("tokens", on_record(entries.tokens))
                await notice("operators", on_record(entries.operators))
            await self._clock.sleep(_LOOK_S)

    async def login(self, peer: Peer | None, authorization: str | None) -> Actor:
        """As `authenticate`, behind a look at the file for a token that isn't known: it may be just made. Of whoever guesses
        only ten times a second, and nobody waits for a look that somebody else waits for.
        """
        try:
            return self.authenticate(peer, authorization)
        except RequestError as refusal:
            now_s = self._clock.steady()
            unknown = peer is None and _bearer(authorization) and refusal.code == "unauthorized"
            if not unknown or now_s < self._looks_again_s or self.file.looking:
                raise
        self._looks_again_s = now_s + _UNKNOWN_S
        await self.file.look()
        return self.authenticate(peer, authorization)

    def authenticate(self, peer: Peer | None, authorization: str | None) -> Actor:
        """Raises RequestError: 401 without a good token on TCP, or for an unlock of the socket that is over; 403 for a
        stranger on the socket.
        """
        if peer is None:
            return self._by_token(_bearer(authorization))
        if (scope := self._scope_of(peer)) is None:
            raise RequestError(403, "insufficient_scope", f"User {peer.uid} has no access to this core.")
        user = f"uid:{peer.uid}"
        if authorization is None:
            return Actor(name=user, scope=scope)
        return self._by_unlock(user, _bearer(authorization))

    def _scope_of(self, peer: Peer) -> Scope | None:
        if peer.uid in self._admins:
            return Scope.ADMIN
        # Before the group: a kiosk's user must be in it to reach the socket at all, and still may only read.
        if peer.uid in self._kiosks:
            return Scope.READ
        return Scope.OPERATE if self._group is not None and self._group in _groups_of(peer) else None

    def _by_unlock(self, user: str, token: str) -> Actor:
        unlock = self.unlocks.find(user, token)
        if unlock is None:
            raise unauthorized("operator_locked", "This needs an operator's PIN again.")
        return Actor(name=f"operator:{unlock.operator}", scope=unlock.entry.permission(), via=user)

    def _by_token(self, token: str) -> Actor:
        found = self._find(token)
        if found is None:
            raise unauthorized("unauthorized", "This needs a valid bearer token.")
        name, entry = found
        # Only whoever holds it is told what became of a token.
        match state_of(entry, self._today.now()):
            case "revoked":
                raise unauthorized("token_revoked", "This token was revoked.")
            case "expired":
                raise unauthorized("token_expired", "This token has expired.")
        return Actor(name=f"token:{name}", scope=entry.permission())

    def _find(self, token: str) -> tuple[str, TokenEntry] | None:
        """Compares with every entry, so that the time taken tells nothing."""
        given = hash_of(token)
        tokens = self.file.entries().tokens
        found = [item for item in tokens.items() if hmac.compare_digest(item[1].hash, given)]
        return found[0] if found else None


def _bearer(authorization: str | None) -> str:
    """The token; empty, which none ever is, where it is something else."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _gid_of(group: str) -> int | None:
    try:
        return grp.getgrnam(group).gr_gid if group else None
    except KeyError:
        return None


def _uid_of(user: str | int) -> int | None:
    if isinstance(user, int):
        return user
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None


def _groups_of(peer: Peer) -> frozenset[int]:
    if peer.groups is not None:
        return peer.groups | {peer.gid}
    try:
        return frozenset(os.getgrouplist(pwd.getpwuid(peer.uid).pw_name, peer.gid))
    except KeyError:
        return frozenset({peer.gid})
