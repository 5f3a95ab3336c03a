"""Who calls and what they may do: the uid on the Unix socket, a bearer token on TCP. In doubt nobody gets in.

Reads the tokens file, never writes it (tokens.py does), and counts no failures: a good token is never locked out.
"""

import grp
import hashlib
import hmac
import os
import pwd
from pathlib import Path

from core.errors import ConfigError
from core.manage_api.peers import Peer
from core.manage_api.problems import RequestError
from core.manage_api.table import Actor, Scope
from core.manage_api.tokens import TokenEntry, add_token, list_tokens, read_tokens, revoke_token
from core.settings import Access

__all__ = ["Authenticator", "Scope", "add_token", "list_tokens", "revoke_token"]

_Stamp = tuple[int, int, int, int]


class Authenticator:
    """`own_uid` is the core's; names of groups and users are looked up once, here."""

    def __init__(self, access: Access, tokens_file: Path, *, own_uid: int | None = None):
        self._admins = frozenset({0, os.geteuid() if own_uid is None else own_uid})
        self._group = _gid_of(access.group)
        self._kiosks = frozenset(uid for user in access.kiosk_users if (uid := _uid_of(user)) is not None)
        self._tokens = _TokensFile(tokens_file)

    @property
    def problem(self) -> str | None:
        """Why nobody can log in by token, or None."""
        self._tokens.refresh()
        return self._tokens.problem

    def authenticate(self, peer: Peer | None, authorization: str | None) -> Actor:
        """Raises RequestError: 401 without a good token on TCP, 403 for a stranger on the socket."""
        if peer is None:
            return self._by_token(authorization or "")
        if (scope := self._scope_of(peer)) is None:
            raise RequestError(403, "insufficient_scope", f"User {peer.uid} has no access to this core.")
        return Actor(name=f"uid:{peer.uid}", scope=scope)

    def _scope_of(self, peer: Peer) -> Scope | None:
        if peer.uid in self._admins:
            return Scope.ADMIN
        # Before the group: a kiosk's user must be in it to reach the socket at all, and still may only read.
        if peer.uid in self._kiosks:
            return Scope.READ
        return Scope.OPERATE if self._group is not None and self._group in _groups_of(peer) else None

    def _by_token(self, authorization: str) -> Actor:
        scheme, _, token = authorization.partition(" ")
        found = self._tokens.find(token.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            detail = "This needs a valid bearer token."
            raise RequestError(401, "unauthorized", detail, headers={"www-authenticate": "Bearer"})
        name, entry = found
        return Actor(name=f"token:{name}", scope=entry.permission())


class _TokensFile:
    """The file as last read; read again once it differs, so that adding and revoking work on a running core."""

    def __init__(self, path: Path):
        self.problem: str | None = None
        self._path = path
        self._entries: dict[str, TokenEntry] = {}
        self._stamp: _Stamp | None = None

    def find(self, token: str) -> tuple[str, TokenEntry] | None:
        """Compares with every entry, so that the time taken tells nothing."""
        self.refresh()
        given = hashlib.sha256(token.encode()).hexdigest()
        found = [item for item in self._entries.items() if hmac.compare_digest(item[1].hash, given)]
        return found[0] if found else None

    def refresh(self) -> None:
        stamp = _stamp_of(self._path)
        if stamp is not None and stamp == self._stamp:
            return
        try:
            self._entries, self.problem = read_tokens(self._path), None
        except ConfigError as error:
            self._entries, self.problem = {}, str(error)
        self._stamp = stamp


def _stamp_of(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


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
